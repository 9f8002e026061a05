"""Remedies for the customer (G4): what the dialogs ask for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import authority, guards
from complaints.lifecycle.remedy import UNDECIDED
from complaints.models import RemedyKind
from complaints.models.remedies import WORDS_AT_MOST, yuan
from feedback_desk import clock
from feedback_desk.people import standing
from tickets.models import Way
from tickets.move_forms import LocalTime, MoveForm, ReasonForm, promise_field, words_field

TWO = gettext_lazy("Where it can be, offer at least two solutions to choose from: so far there is only this one.")


class ProposeRemedyForm(MoveForm):
    """What is usual for the category comes first; within whose limit it is, is said before."""

    kind = forms.ChoiceField(label=gettext_lazy("Kind"))
    value = forms.DecimalField(label=gettext_lazy("Value in yuan"), required=False, max_digits=10, decimal_places=2, min_value=Decimal("0.01"))
    words = words_field(gettext_lazy("What exactly"), limit=WORDS_AT_MOST)
    option = forms.TypedChoiceField(label=gettext_lazy("Solution"), required=False, coerce=int, empty_value=None)
    draft = forms.BooleanField(label=gettext_lazy("Only note it down, do not put it forward yet"), required=False)

    def prepare(self) -> None:
        rows = guards.remedies(self.subject)
        open_ = {r.option: r.terms for r in rows if r.state in UNDECIDED}
        new = max((r.option for r in rows), default=0) + 1
        fields: dict[str, Any] = self.fields
        fields["kind"].choices = _kinds(authority.usual(self.subject.ticket.category))
        fields["option"].choices = [
            ("", _("Solution %(n)s, a new alternative") % {"n": new}),
            *((n, _("Together with solution %(n)s: %(what)s") % {"n": n, "what": terms}) for n, terms in open_.items()),
        ]
        fields["value"].help_text = self._limit_told()
        self.lead = TWO if not open_ else ""

    def _limit_told(self) -> str:
        form = self.subject
        mine = authority.limit_of(form.grade, standing.roles_held(self.user, form.item, clock.now()))
        if mine == authority.UNLIMITED:
            return _("Empty where it has none.")
        about = {"grade": form.grade, "limit": yuan(mine), "sum": yuan(authority.total(form))}
        return _("For grade %(grade)s you may give %(limit)s yuan in all; above it a colleague approves first. So far it comes to %(sum)s yuan.") % about


def _kinds(usual: list[str]) -> list[Any]:
    first = [(kind, RemedyKind(kind).label) for kind in usual]
    others = [(kind.value, kind.label) for kind in RemedyKind if kind.value not in usual]
    return [(_("Usual for this category"), first), (_("Others"), others)] if first and others else first or others


class RemedyForm(MoveForm):
    """`subject` is the remedy; the lead says which."""

    def prepare(self) -> None:
        self.lead = _(": ").join([self.subject.terms, self.subject.words])


class ApproveRemedyForm(RemedyForm):
    """Carries what the form came to in all when it was read."""

    seen = forms.DecimalField(widget=forms.HiddenInput, required=False)

    def prepare(self) -> None:
        super().prepare()
        total = authority.total(self.subject.form, self.subject)
        self.lead = _("%(what)s. The form comes to %(sum)s yuan in all.") % {"what": self.lead, "sum": yuan(total)}
        self.fields["seen"].initial = total


def _way_field() -> forms.ChoiceField:
    return forms.ChoiceField(label=gettext_lazy("How the customer told us"), choices=Way.choices)


class ChooseRemedyForm(RemedyForm):
    who = forms.CharField(label=gettext_lazy("Who chose"), max_length=120, help_text=gettext_lazy("The customer, or who speaks for them."))
    way = _way_field()
    words = words_field(gettext_lazy("The customer's words"), limit=WORDS_AT_MOST)
    promised_at = promise_field()

    def prepare(self) -> None:
        super().prepare()
        alone = {r.option for r in guards.remedies(self.subject.form) if r.state in UNDECIDED} == {self.subject.option}
        self.lead = f"{self.lead} {TWO}" if alone else self.lead


class DeclineRemedyForm(RemedyForm):
    who = forms.CharField(label=gettext_lazy("Who declined"), max_length=120, help_text=gettext_lazy("The customer, or who speaks for them."))
    way = _way_field()
    reason = words_field(gettext_lazy("The customer's words"), limit=WORDS_AT_MOST)
    promised_at = promise_field()


class FulfilRemedyForm(RemedyForm):
    how = words_field(gettext_lazy("How it was fulfilled"), help_text=gettext_lazy("Number of the parcel, payment, voucher …"), limit=WORDS_AT_MOST)
    fulfilled_at = forms.DateTimeField(label=gettext_lazy("When"), widget=LocalTime, required=False, help_text=gettext_lazy("Empty: now."))
    promised_at = promise_field()


class EndRemedyForm(ReasonForm):
    """Refused by who approves, or withdrawn."""

    def prepare(self) -> None:
        self.lead = _(": ").join([self.subject.terms, self.subject.words])
