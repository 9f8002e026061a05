"""What the page "Try a rule" asks: a rule, perhaps with other amounts, a start, and what happens to it. Sent by GET, so that the address can be passed on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from feedback_desk import clock
from feedback_desk.deadlines import facts, wording
from feedback_desk.deadlines.forms import read_limit
from feedback_desk.deadlines.models import Calendar, Clock, Ladder, Rule
from feedback_desk.deadlines.trying import Event
from feedback_desk.people.models import Department

MOST_EVENTS = 12
BLANKS = 2
YEARS = range(2000, 2100)
AS_IT_IS = gettext_lazy("As the rule says")
KINDS = [
    ("pause", gettext_lazy("Paused")), ("resume", gettext_lazy("Runs on")), ("extend", gettext_lazy("Extended to")),
    ("change", gettext_lazy("A fact that rules ask for changes")), ("end", pgettext_lazy("what was asked for", "Done")), ("reopen", gettext_lazy("Reopened")),
]  # fmt: skip


class LocalTime(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class RuleChoice(forms.ModelChoiceField):  # type: ignore[type-arg]  # cannot be subscripted at run time
    """Every version of every rule; the one that holds now first."""

    def label_from_instance(self, rule: Any) -> str:
        limit = wording.allowance({"clock": rule.clock, "amount": rule.amount, "at": rule.at_time.isoformat() if rule.at_time else None})
        when = Truncator(wording.listed([name for fact, values in rule.when.items() for name in self._named(fact, values)])).chars(40)
        told = {"code": rule.code, "name": rule.spoken, "limit": limit, "version": rule.version, "when": when}
        named = (_("%(code)s %(name)s, version %(version)s: %(limit)s; %(when)s") if when else _("%(code)s %(name)s, version %(version)s: %(limit)s")) % told
        if rule.active and rule.valid_from > clock.now():
            return _("%(rule)s, not valid yet") % {"rule": named}
        replaced = not rule.active or (rule.valid_until is not None and rule.valid_until <= clock.now())
        return _("%(rule)s, no longer valid") % {"rule": named} if replaced else named


    def _named(self, fact: str, values: Any) -> list[str]:
        """The values as people call them; each fact is asked for its names once."""
        if not hasattr(self, "names"):
            self.names: dict[str, dict[str, str]] = {}
        if fact not in self.names:
            known = facts.by_key(fact)
            self.names[fact] = {value: str(name).strip() for value, name in known.choices()} if known else {}
        return [self.names[fact].get(str(value), str(value)) for value in values]


class ChangedRule(forms.Form):
    """Another limit, clock, ladder or calendar than the rule's own; empty: as it is."""

    limit = forms.CharField(
        label=gettext_lazy("Limit"), max_length=20, required=False, help_text=gettext_lazy("30 min, 24 h, 5 days; empty: as the rule says.")
    )  # fmt: skip
    clock = forms.ChoiceField(label=gettext_lazy("Clock"), required=False, choices=[("", AS_IT_IS), *Clock.choices])
    at_time = forms.TimeField(label=gettext_lazy("At"), required=False, widget=forms.TimeInput(attrs={"type": "time"}))
    ladder = forms.ModelChoiceField(label=gettext_lazy("Ladder"), required=False, queryset=Ladder.objects.order_by("name"), empty_label=AS_IT_IS)
    calendar = forms.ModelChoiceField(label=gettext_lazy("Calendar"), required=False, queryset=Calendar.objects.order_by("name"), empty_label=AS_IT_IS)

    def changed(self, rule: Rule) -> Rule:
        """The rule with what was written here instead; unsaved."""
        given = self.cleaned_data
        other = Rule(**{field.attname: getattr(rule, field.attname) for field in Rule._meta.concrete_fields})
        other.ladder = given.get("ladder") or rule.ladder
        other.clock, other.at_time = given.get("clock") or rule.clock, given.get("at_time") or rule.at_time
        other.calendar = given.get("calendar") or rule.calendar
        if other.clock == Clock.PROMISED:
            other.amount = 0
        elif given.get("limit"):
            other.amount = read_limit(other.clock, given["limit"])
        elif other.clock != rule.clock:
            raise ValidationError({"limit": _("Another clock needs its limit: 30 min, 24 h, 5 days.")})
        return other


class TryForm(ChangedRule):
    rule = RuleChoice(label=gettext_lazy("Rule"), queryset=Rule.objects.select_related("ladder", "calendar").order_by("code", "-active", "-version", "pk"))
    start = forms.DateTimeField(label=gettext_lazy("Begins"), widget=LocalTime)
    department = forms.ModelChoiceField(
        label=gettext_lazy("Department"), required=False, queryset=Department.objects.order_by("name"), empty_label=gettext_lazy("Any"),
        help_text=gettext_lazy("Matters where a department has a calendar of its own."),
    )  # fmt: skip
    promised = forms.DateTimeField(
        label=gettext_lazy("Date promised"), required=False, widget=LocalTime, help_text=gettext_lazy("Only for what is promised to a customer."),
    )  # fmt: skip
    field_order = ("rule", "start", "promised", "limit", "clock", "at_time", "ladder", "calendar", "department")

    def clean_promised(self) -> datetime | None:
        promised = self.cleaned_data["promised"]
        return _in_reach(promised) if promised else None

    def clean_start(self) -> datetime:
        return _in_reach(self.cleaned_data["start"])

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("rule"):
            try:
                given["tried"] = self.changed(given["rule"])
            except ValidationError as error:
                self.add_error(None if hasattr(error, "error_dict") else "limit", error)
            else:
                self._must_have_a_limit(given["tried"])
        return given

    def _must_have_a_limit(self, rule: Rule) -> None:
        """A promise has the date that was promised; every other clock has its own."""
        start, promised = self.cleaned_data.get("start"), self.cleaned_data.get("promised")
        if rule.clock != Clock.PROMISED:
            self.cleaned_data["promised"] = None
        elif not promised and "promised" not in self.errors:
            self.add_error("promised", _("Say what date is promised."))
        elif promised and start and promised <= start:
            self.add_error("promised", _("The date promised must lie after the beginning."))


def choices_of_facts() -> list[Any]:
    """Everything that rules are chosen by, under its name; the department of a limit is asked above."""
    found = [(fact.label, [(f"{fact.key}:{value}", name) for value, name in fact.choices()]) for fact in facts.known() if fact.key != "department"]
    return [("", "—"), *found]


class EventForm(forms.Form):
    """A line of what happens. An empty line is none."""

    kind = forms.ChoiceField(label=gettext_lazy("What happens"), required=False, choices=[("", "—"), *KINDS])
    at = forms.DateTimeField(label=gettext_lazy("When"), required=False, widget=LocalTime)
    until = forms.DateTimeField(label=gettext_lazy("Extended to"), required=False, widget=LocalTime)
    now = forms.ChoiceField(label=gettext_lazy("Now it is"), required=False, choices=choices_of_facts)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        kind = given.get("kind")
        if kind and not given.get("at") and "at" not in self.errors:
            self.add_error("at", _("Say when it happens."))
        if not kind and given.get("at"):
            self.add_error("kind", _("Say what happens then."))
        if kind == "extend" and not given.get("until") and "until" not in self.errors:
            self.add_error("until", _("Say until when it is extended."))
        if kind == "change" and not given.get("now") and "now" not in self.errors:
            self.add_error("now", _("Choose the new value."))
        for name in ("at", "until"):
            if given.get(name):
                self._reach(name, given[name])
        return given

    def _reach(self, name: str, at: datetime) -> None:
        try:
            _in_reach(at)
        except ValidationError as error:
            self.add_error(name, error)

    def event(self) -> Event | None:
        given = self.cleaned_data
        if not given.get("kind"):
            return None
        key, _colon, value = given["now"].partition(":") if given["kind"] == "change" else ("", "", "")
        fact = facts.by_key(key)
        return Event(given["kind"], given["at"], given.get("until"), key, tuple(fact.holds(value)) if fact else ())


def _in_reach(at: datetime) -> datetime:
    if at.year not in YEARS:
        raise ValidationError(_("Choose a time between 2000 and 2099."))
    return at


class Asked:
    """The whole question: the rule's form and one for each event, two empty ones behind them."""

    def __init__(self, query: Mapping[str, Any]) -> None:
        asked = "rule" in query
        self.form = TryForm(query if asked else None)
        last = max([n for n in range(MOST_EVENTS) if query.get(f"e{n}-kind") or query.get(f"e{n}-at")], default=-1)
        self.events = [EventForm(query if n <= last else None, prefix=f"e{n}") for n in range(min(last + 1 + BLANKS, MOST_EVENTS))]
        self.asked = asked

    def is_valid(self) -> bool:
        bound = [form for form in self.events if form.is_bound]
        good = [form.is_valid() for form in (self.form, *bound)]
        return all(good) and self._in_order(bound)

    def _in_order(self, bound: list[EventForm]) -> bool:
        """Nothing happens to a limit before it begins."""
        for form in bound:
            event = form.event()
            if event and event.at < self.form.cleaned_data["start"]:
                form.add_error("at", _("This lies before the limit begins."))
        return not any(form.errors for form in bound)

    def happening(self) -> list[Event]:
        return [event for form in self.events if form.is_bound and (event := form.event())]

    def never_opens(self) -> None:
        self.form.add_error("calendar", _("This calendar is never open, so the limit would never come."))
