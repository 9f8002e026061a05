"""A rule as an administrator writes it: limit in words, conditions picked, and every reason for which it could never apply in a sentence (E5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback_desk import ahead, clock
from feedback_desk.deadlines import clocks, facts, ladder, saying, versions, wording
from feedback_desk.deadlines.calendars import hours_of
from feedback_desk.deadlines.clocks import NeverOpen
from feedback_desk.deadlines.extensions import NEVER
from feedback_desk.deadlines.forms import NO_LIMIT, read_limit, written_limit
from feedback_desk.deadlines.models import Clock, Rule
from feedback_desk.people.models import Role

OWNERS: list[tuple[str, Any]] = [
    ("assignee", gettext_lazy("Assignee")), ("receiver", gettext_lazy("Whoever received it")), ("lead", gettext_lazy("Assignee, for the lead")),
    ("replier", gettext_lazy("Whoever replies formally")), ("promiser", gettext_lazy("Whoever promised it")),
    ("action_owner", gettext_lazy("Owner of the action")),
    ("order_clerk", gettext_lazy("Order clerk")), *((value, label) for value, label in Role.choices if value not in (Role.ADMINISTRATOR, Role.ANALYST)),
]  # fmt: skip
TEXTS = ("name", "name_en")
LENGTHENED = ("D14",)
"""C3: limits that become longer when the customer could not be reached."""
PAUSED = ("D26",)
"""E3: limits that somebody ever stops."""
RUNS = (Clock.CALENDAR, Clock.BUSINESS, Clock.WORKING_DAY)


class Picks(forms.CheckboxSelectMultiple):
    """Many values in a box that scrolls."""

    def __init__(self) -> None:
        super().__init__(attrs={"class": "picks"})


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """One field per fact stands beside these, when_urgency, when_category …: see `form_for_rules`."""

    limit = forms.CharField(
        label=gettext_lazy("Limit"), max_length=20, required=False, help_text=gettext_lazy("30 min, 24 h, 5 days; a fixed date: 4; a weekday: Tuesday."),
    )  # fmt: skip
    longer_limit = forms.CharField(
        label=gettext_lazy("If the customer is not reached"), max_length=20, required=False,
        help_text=gettext_lazy("Only D14 (C3): two attempts failed before the limit, so it becomes this. Empty: it stays as it is."),
    )  # fmt: skip
    owner = forms.ChoiceField(label=gettext_lazy("Answers for it"), choices=OWNERS, help_text=gettext_lazy("Warned first."))
    begins = forms.DateTimeField(
        label=gettext_lazy("This version valid from"), required=False, validators=[ahead.within_reach],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=gettext_lazy("Empty: from now on. Until then the present version holds."),
    )  # fmt: skip

    class Meta:
        model = Rule
        fields = ("code", *TEXTS, "clock", "at_time", "calendar", "ladder", "urgent", "may_pause", "may_extend", "active", "owner")
        widgets = {"at_time": forms.TimeInput(attrs={"type": "time"}, format="%H:%M")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for fact in facts.known():
            self._pick(fact)
        if self.instance.pk and "limit" in self.fields:
            self.fields["limit"].initial = written_limit(self.instance.clock, self.instance.amount)
        if self.instance.longer and "longer_limit" in self.fields:
            self.fields["longer_limit"].initial = written_limit(self.instance.clock, self.instance.longer)
        if "calendar" in self.fields:
            self.fields["calendar"].empty_label = _("The department's own, else the desk's")  # type: ignore[attr-defined]

    def _pick(self, fact: facts.Fact) -> None:
        """Its values; one that the rule names and that is gone can be seen and taken out, not kept."""
        name, held = f"when_{fact.key}", [str(value) for value in self.instance.when.get(fact.key, [])]
        if name not in self.fields:
            return
        choices = fact.choices()
        gone = [(value, _("%(value)s (not there any more)") % {"value": value}) for value in held if value not in {str(key) for key, _name in choices}]
        field = self.fields[name]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices, field.initial = [*choices, *gone], held

    def clean_code(self) -> str:
        code = str(self.cleaned_data["code"]).strip().upper()
        if code not in wording.BEGINS and not Rule.objects.filter(code=code).exists():
            raise ValidationError(_("Nothing ever starts a limit %(code)s, so this rule would never apply.") % {"code": code})
        return code

    def clean_begins(self) -> datetime | None:
        begins: datetime | None = self.cleaned_data["begins"]
        if begins is not None and begins < clock.now():
            raise ValidationError(_("A version cannot begin in the past: limits that ran then would have another history."))
        return begins

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        when = {key: values for key, values in self.instance.when.items() if f"when_{key}" not in self.fields}  # Of rooms that are not there yet.
        when |= {fact.key: list(given[f"when_{fact.key}"]) for fact in facts.known() if given.get(f"when_{fact.key}")}
        self._known_values(when)
        if given.get("clock"):
            self._limit(given)
            self._longer(given)
        self._stops_and_puts_off(given)
        for name, value in (("when", when), ("owner", given.get("owner", ""))):
            setattr(self.instance, name, value)
        if not self.errors:
            self._may_apply(given)
        return given

    def _known_values(self, when: dict[str, list[str]]) -> None:
        for fact in facts.known():
            values = {str(value) for value, _name in fact.choices()}
            if gone := [value for value in when.get(fact.key, []) if value not in values]:
                self.add_error(f"when_{fact.key}", _("%(value)s is not there any more, so this would never apply. Take it out.") % {"value": ", ".join(gone)})

    def _limit(self, given: dict[str, Any]) -> None:
        try:
            self.instance.amount = 0 if given["clock"] in NO_LIMIT and not given.get("limit") else read_limit(given["clock"], given.get("limit") or "0")
        except ValidationError as error:
            self.add_error("limit", error)

    def _longer(self, given: dict[str, Any]) -> None:
        """C3: longer than the limit, on a clock that runs, and only where somebody ever asks for it."""
        said = (given.get("longer_limit") or "").strip()
        self.instance.longer = None
        if not said:
            return
        try:
            longer = read_limit(given["clock"], said)
        except ValidationError as error:
            self.add_error("longer_limit", error)
            return
        if (given.get("code") or self.instance.code) not in LENGTHENED or given["clock"] not in RUNS:
            self.add_error("longer_limit", _("Only D14 becomes longer, on calendar time, business hours or working days. Leave this empty."))
        elif longer <= self.instance.amount:
            self.add_error("longer_limit", _("This must be longer than the limit itself."))
        else:
            self.instance.longer = longer

    def _stops_and_puts_off(self, given: dict[str, Any]) -> None:
        """E3: what a rule allows must be something that can happen to its limits."""
        code = given.get("code") or self.instance.code
        if given.get("may_pause") and code not in PAUSED:
            self.add_error("may_pause", _("Only D26 stands still while the customer is waited for. Leave this empty."))
        if given.get("may_extend") and code in NEVER:
            self.add_error("may_extend", _("D14 to D18 are never extended. Leave this empty."))

    def _may_apply(self, given: dict[str, Any]) -> None:
        rule: Rule = self.instance
        for name in {"clock", "at_time", "calendar", "ladder", "code", "active"} & given.keys():
            setattr(rule, name, given[name])
        try:
            self._try(rule)
        except NeverOpen:
            self.add_error("calendar", _("This calendar is never open, so the limit would never come."))
        except OverflowError:
            self.add_error("limit", _("This limit ends beyond every calendar."))
        if rule.active and (twin := versions.twin(rule, clock.now())):
            told = {"rule": twin.spoken, "version": twin.version}
            self.add_error(None, _("Another rule has exactly these conditions: %(rule)s, version %(version)s. Change that one.") % told)

    def _try(self, rule: Rule) -> None:
        if rule.clock != Clock.PROMISED:
            clocks.due(clock.now(), ladder.allowance_of(rule), hours_of([rule.calendar_id])[rule.calendar_id])


def form_for_rules() -> type[RuleForm]:
    """RuleForm with a field for each fact that the rooms have registered."""
    picks = {f"when_{fact.key}": forms.MultipleChoiceField(label=fact.label, required=False, widget=Picks()) for fact in facts.known()}
    return type("RuleFormWithConditions", (RuleForm,), picks)


def notes(rule: Rule, at: datetime) -> list[str]:
    """What an administrator should know of a rule that was saved: overlaps, a version that waits."""
    named = [f"{other.spoken} ({saying.conditions(other)})" for other in versions.rivals(rule, at)]
    if not named:
        return []
    words = _("Equally specific and perhaps fitting the same item: %(rules)s. Where both fit, the newer version applies; name one condition more to decide.")
    return [words % {"rules": wording.listed(named)}]
