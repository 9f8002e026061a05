"""Recording a visit with its scores (F3, F5) and the second follow-up after a bad one (F4)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from followups.models import Visit
from tickets.move_forms import LocalTime, promise_field, words_field
from tickets.record_forms import NextStepFields, PromisesFields
from tickets.services.contacts import UNHEARD

SCORES = [(str(n), str(n)) for n in range(5, 0, -1)]


def score_field(label: Any) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(label=label, choices=SCORES, widget=forms.RadioSelect, coerce=int, empty_value=None, required=False)


class VisitForm(PromisesFields):
    """Reached: words, mood, scores, accepted or what is missing. Not reached: when it is tried again (D19, D20, D38)."""

    reached = forms.TypedChoiceField(
        label=gettext_lazy("Reached?"),
        choices=[("yes", gettext_lazy("Reached")), ("no", gettext_lazy("Not reached"))],
        widget=forms.RadioSelect,
        coerce=lambda v: v == "yes",
    )
    said = words_field(gettext_lazy("What was said"), help_text=gettext_lazy("In the customer's words; if nobody answered, what you tried."), rows=4)
    mood = forms.ChoiceField(label=gettext_lazy("How the customer is"), choices=Visit.Mood.choices, widget=forms.RadioSelect, required=False)
    speed = score_field(gettext_lazy("Speed"))
    solution = score_field(gettext_lazy("Solution"))
    attitude = score_field(gettext_lazy("Attitude"))
    accepted = forms.TypedChoiceField(
        label=gettext_lazy("Is the matter accepted?"),
        choices=[("yes", gettext_lazy("Accepted, close it")), ("no", gettext_lazy("Not accepted, a new round"))],
        widget=forms.RadioSelect,
        coerce=lambda v: v == "yes",
        empty_value=None,
        required=False,
    )
    missing = words_field(gettext_lazy("What is missing"), required=False, rows=2)
    comment = words_field(gettext_lazy("Overall comment"), required=False, rows=2)
    suggestions = words_field(gettext_lazy("Suggestions for us"), required=False, rows=2)
    promised_at = promise_field()
    case_summary = words_field(
        gettext_lazy("Case summary"), required=False, rows=3, help_text=gettext_lazy("Cause, course, and whether the solution was right. Needed to close.")
    )
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)
    """Which case summary was read."""
    next_at = forms.DateTimeField(label=gettext_lazy("Next attempt"), widget=LocalTime, required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("reached") is False:
            self._need("next_at", _("Say when it is tried again."))
            if data.get("promised_at"):
                self.add_error("promised_at", UNHEARD)
        elif data.get("reached"):
            for name in ("speed", "solution", "attitude"):
                self._need(name, _("Ask for this score."))
            self._need("mood", _("Say how the customer is."))
            if data.get("accepted") is None:
                self._need("accepted", _("Ask whether the matter is settled."))
            elif not data["accepted"]:
                self._need("missing", _("Say what is missing."))
        return data

    def _need(self, name: str, sentence: str) -> None:
        if self.cleaned_data.get(name) in (None, "") and name not in self.errors:
            self.add_error(name, sentence)

    def facts(self) -> dict[str, Any]:
        """What the service gets: nothing of the answers when nobody was reached, no next attempt when somebody was."""
        data = {k: v for k, v in self.cleaned_data.items() if k not in ("case_summary", "seen")}
        if data["reached"]:
            return {**data, "next_at": None, "kept": self.kept_with_it()}
        return {"reached": False, "said": data["said"], "next_at": data["next_at"]}


class SecondFollowUpForm(PromisesFields, NextStepFields):
    """F4, and what comes next (F1)."""

    field_order = ("why", "agreed", "kept", "promised_at")
    why = words_field(gettext_lazy("Why the score was low"))
    agreed = words_field(gettext_lazy("What was agreed"), required=False)
    promised_at = promise_field()

    def facts(self) -> dict[str, Any]:
        said = {name: self.cleaned_data[name] for name in ("why", "agreed", "promised_at")}
        return {**said, "kept": self.kept_with_it(), **self.comes_next()}
