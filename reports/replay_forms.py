"""What the page "What if" asks: a past period, and what had been otherwise. Sent by GET, so that the address can be passed on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback_desk import clock
from feedback_desk.deadlines import whatif
from feedback_desk.deadlines.models import Calendar, Clock, Rule
from feedback_desk.deadlines.try_forms import ChangedRule, RuleChoice
from feedback_desk.deadlines.whatif import Change
from feedback_desk.people.models import User
from feedback_desk.records.many import ManyRows

MOST_RULES = 6
LONGEST = timedelta(days=3 * 366)
DAYS = 30


class PeriodForm(forms.Form):
    since = forms.DateField(label=gettext_lazy("From"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    until = forms.DateField(
        label=gettext_lazy("Until"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("Limits that began in these days, both included."),
    )  # fmt: skip
    calendar = forms.ModelChoiceField(
        label=gettext_lazy("Calendar"), required=False, queryset=Calendar.objects.order_by("name"), empty_label=gettext_lazy("Each its own"),
        help_text=gettext_lazy("For all limits that ask a calendar. One that no rule uses may be entered under Calendars without effect."),
    )  # fmt: skip
    absent = ManyRows(
        label=gettext_lazy("Had been away"), required=False, queryset=User.objects.filter(is_active=True).order_by("name", "username"),
        help_text=gettext_lazy("Beside those whose leave is on record. Several with Ctrl."), widget=forms.SelectMultiple(attrs={"size": 5}),
    )  # fmt: skip
    presence = forms.BooleanField(label=gettext_lazy("Also who would have been told"), required=False)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        since, until = given.get("since"), given.get("until")
        if since and until and until < since:
            self.add_error("until", _("The period ends before it begins."))
        if since and until and until - since > LONGEST:
            self.add_error("until", _("At most three years at a time."))
        if since and not 2000 <= since.year < 2100:
            self.add_error("since", _("Choose a day between 2000 and 2099."))
        return given


class RuleForm(ChangedRule):
    """One rule that had been otherwise, in all its versions. An empty line is none."""

    rule = RuleChoice(
        label=gettext_lazy("Rule"), required=False, empty_label="—",
        queryset=Rule.objects.exclude(clock=Clock.PROMISED).select_related("ladder", "calendar").prefetch_related("ladder__steps").order_by("code", "pk"),
    )  # fmt: skip
    field_order = ("rule", "limit", "clock", "at_time", "ladder", "calendar")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["limit"].help_text = ""
        self.fields["rule"].queryset = self.fields["rule"].queryset.valid(clock.now())  # type: ignore[attr-defined]  # a field of models

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        rule = given.get("rule")
        if rule is None and any(given.get(name) for name in ("limit", "clock", "at_time", "ladder", "calendar")):
            self.add_error("rule", _("Choose the rule that had been otherwise."))
        if rule is not None and not self.errors:
            self._change(rule)
        return given

    def _change(self, rule: Rule) -> None:
        try:
            self.cleaned_data["tried"] = self.changed(rule)
        except ValidationError as error:
            self.add_error(None if hasattr(error, "error_dict") else "limit", error)


class Question:
    """The whole question: the period's form and one for each rule, an empty one behind them."""

    def __init__(self, query: Mapping[str, Any], today: date) -> None:
        self.asked = "since" in query
        self.form = PeriodForm(query if self.asked else None, initial={"since": today - timedelta(days=DAYS), "until": today})
        last = max([n for n in range(MOST_RULES) if any(query.get(f"r{n}-{name}") for name in RuleForm.base_fields)], default=-1)
        self.rules = [RuleForm(query if n <= last else None, prefix=f"r{n}") for n in range(min(last + 2, MOST_RULES))]

    def is_valid(self) -> bool:
        good = [form.is_valid() for form in (self.form, *self._bound)]
        return all(good) and self._each_once()

    def _each_once(self) -> bool:
        seen: set[int] = set()
        for form in self._bound:
            rule = form.cleaned_data.get("rule")
            if rule and rule.pk in seen:
                form.add_error("rule", _("This rule stands above already."))
            seen |= {rule.pk} if rule else set()
        return not any(form.errors for form in self._bound)

    @property
    def _bound(self) -> list[RuleForm]:
        return [form for form in self.rules if form.is_bound]

    @property
    def period(self) -> tuple[datetime, datetime]:
        """In the desk's zone, from midnight to midnight."""
        return _midnight(self.form.cleaned_data["since"]), _midnight(self.form.cleaned_data["until"] + timedelta(days=1))

    def change(self, at: datetime) -> Change:
        given, tried = self.form.cleaned_data, [form.cleaned_data["tried"] for form in self._bound if form.cleaned_data.get("tried")]
        absent = frozenset(user.pk for user in given["absent"])
        calendar = given["calendar"].pk if given["calendar"] else None
        return Change(at, {whatif.identity(rule.code, rule.when): rule for rule in tried}, calendar, absent, bool(absent) or given["presence"])

    def never_opens(self) -> None:
        self.form.add_error("calendar", _("This calendar is never open, so the limits would never come."))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=timezone.get_default_timezone())
