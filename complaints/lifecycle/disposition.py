"""The life of a disposition, on pages "accountability measure" (machines.md): several per form, reviewed apart, ruled together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from complaints.lifecycle.form import State
from feedback_desk.records.moves import move

if TYPE_CHECKING:
    from complaints.models import Disposition


class DispositionState(models.TextChoices):
    DRAFT = "draft", gettext_lazy("Draft")
    PROPOSED = "proposed", gettext_lazy("Proposed")
    AGREED = "agreed", gettext_lazy("Agreed by the department")
    OBJECTED = "objected", gettext_lazy("Objected to")
    NEGOTIATED = "negotiated", gettext_lazy("Agreed in negotiation")
    RULED = "ruled", gettext_lazy("Ruled")
    EXECUTED = "executed", gettext_lazy("Carried out")
    WITHDRAWN = "withdrawn", gettext_lazy("Struck out")
    REVERSED = "reversed", gettext_lazy("Reversed")


D = DispositionState


def form_in_review(disposition: Disposition) -> str | None:
    return None if disposition.form.state == State.IN_REVIEW else _("The form is not in review.")


def form_negotiating(disposition: Disposition) -> str | None:
    return None if disposition.form.state == State.NEGOTIATING else _("The form is not in negotiation.")


def form_executing(disposition: Disposition) -> str | None:
    return None if disposition.form.state == State.EXECUTING else _("The general manager has not ruled yet, or the form has gone on.")


def both_signed(disposition: Disposition) -> str | None:
    from complaints.guards import signatures_missing

    return signatures_missing(disposition)


def form_was_reopened(disposition: Disposition) -> str | None:
    """C15: only a new round can show that an earlier measure was wrong."""
    return None if disposition.form.round > disposition.round else _("A measure is reversed only after the complaint was reopened.")


class DispositionMoves:
    @move(label=gettext_lazy("Propose"), who=("form",), source=D.DRAFT, target=D.PROPOSED, by_hand=False)
    def propose(self) -> None:
        """With the form's submit; the person concerned is told (C7)."""

    @move(label=gettext_lazy("Agree"), who=("head_concerned",), source=D.PROPOSED, target=D.AGREED, eyes="review", guards=(form_in_review,), primary=True)
    def agree(self) -> None:
        """C4: the disposition is issued (出具)."""

    @move(label=gettext_lazy("Object"), who=("head_concerned",), source=D.PROPOSED, target=D.OBJECTED, reason=True, eyes="review", guards=(form_in_review,))
    def object(self) -> None:
        """C4: with reasons; the form negotiates once all have answered."""

    @move(
        label=gettext_lazy("Sign the negotiated text"),
        who=("cs_manager", "head_concerned"),
        source=D.OBJECTED,
        target=None,
        guards=(form_negotiating,),
        primary=True,
    )
    def sign(self) -> None:
        """C4: one of the two signatures, on the version seen."""

    @move(label=gettext_lazy("Negotiated"), who=("system",), source=D.OBJECTED, target=D.NEGOTIATED, guards=(form_negotiating, both_signed), by_hand=False)
    def negotiate(self) -> None:
        """Both signatures stand on one version."""

    @move(label=pgettext_lazy("ruling", "Rule"), who=("form",), source=(D.AGREED, D.NEGOTIATED, D.OBJECTED), target=D.RULED, by_hand=False)
    def rule(self) -> None:
        """C5: with the form's ruling, confirmed or changed; counts for R3 by this date."""

    @move(label=gettext_lazy("Strike out"), who=("form",), source=(D.AGREED, D.NEGOTIATED, D.OBJECTED, D.DRAFT), target=D.WITHDRAWN, by_hand=False)
    def strike_out(self) -> None:
        """C5: the general manager strikes this measure out within the ruling, or, sent back, a new determination drops it; final."""

    @move(label=gettext_lazy("Send back"), who=("form",), source=(D.AGREED, D.NEGOTIATED, D.OBJECTED), target=D.DRAFT, by_hand=False)
    def send_back(self) -> None:
        """With the form; signatures fall."""

    @move(label=gettext_lazy("Carry out"), who=("head_concerned",), source=D.RULED, target=D.EXECUTED, guards=(form_executing,), primary=True)
    def carry_out(self) -> None:
        """C6: with the talk on record, date and words; a department's last one settles its D17."""

    @move(
        label=gettext_lazy("Reverse"),
        who=("general_manager",),
        source=(D.RULED, D.EXECUTED),
        target=D.REVERSED,
        reason=True,
        guards=(form_was_reopened,),
        grave=True,
    )
    def reverse(self) -> None:
        """After reopening only; a correction line in R3."""
