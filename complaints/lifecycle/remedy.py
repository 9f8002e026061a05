"""The life of a remedy (G4, machines.md): several per form, alternatives for the customer to choose from; never mixed with dispositions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback_desk.records.moves import move

if TYPE_CHECKING:
    from complaints.models import Remedy


class RemedyState(models.TextChoices):
    DRAFT = "draft", gettext_lazy("Draft")
    AWAITING_APPROVAL = "awaiting_approval", gettext_lazy("Waits for approval")
    OFFERED = "offered", gettext_lazy("Offered")
    ACCEPTED = "accepted", gettext_lazy("Accepted")
    REFUSED = "refused", gettext_lazy("Declined by the customer")
    FULFILLED = "fulfilled", gettext_lazy("Fulfilled")
    WITHDRAWN = "withdrawn", gettext_lazy("Withdrawn")


R = RemedyState
UNDECIDED = (R.DRAFT, R.AWAITING_APPROVAL, R.OFFERED)
"""The customer may still choose it, or never hears of it."""
UNHEARD = (R.DRAFT, R.AWAITING_APPROVAL)
"""The customer knows nothing of it yet, and is told nothing."""
AGREED = (R.ACCEPTED, R.FULFILLED)
CARES = ("handler", "supervisor", "cs_manager")
"""Who speaks with the customer about it."""


def grade_decided(remedy: Remedy) -> str | None:
    return None if remedy.form.grade else _("Decide on the grade first: how much one may give depends on it.")


def solution_was_agreed(remedy: Remedy) -> str | None:
    """T14: while the internal meeting is owed, nothing of substance leaves."""
    from complaints.guards import meeting_was_held

    return meeting_was_held(remedy.form)


def rest_is_offered(remedy: Remedy) -> str | None:
    """A solution is chosen as a whole."""
    from complaints.guards import remedies

    waits = [r for r in remedies(remedy.form) if r.option == remedy.option and r.state in UNHEARD]
    return _("A part of this solution is not offered yet: %(what)s.") % {"what": "、".join(r.terms for r in waits)} if waits else None


class RemedyMoves:
    @move(label=gettext_lazy("Offer"), who=("giver",), source=R.DRAFT, target=R.OFFERED, guards=(grade_decided, solution_was_agreed), primary=True)
    def offer(self) -> None:
        """G4: what the form comes to is within one's own limit."""

    @move(
        label=gettext_lazy("Ask for approval"), who=("asker",), source=R.DRAFT, target=R.AWAITING_APPROVAL, guards=(grade_decided, solution_was_agreed),
        primary=True,
    )  # fmt: skip
    def ask_approval(self) -> None:
        """G4: above one's limit a colleague with a higher one approves before the customer hears of it."""

    @move(label=gettext_lazy("Approve"), who=("approver",), source=R.AWAITING_APPROVAL, target=R.OFFERED, guards=(solution_was_agreed,), primary=True)
    def approve(self) -> None:
        """V8: never who proposed it; V3: never who is concerned."""

    @move(label=gettext_lazy("Refuse"), who=("approver",), source=R.AWAITING_APPROVAL, target=R.WITHDRAWN, reason=True)
    def refuse_approval(self) -> None:
        """The customer never hears of it; who proposed it is told why."""

    @move(
        label=gettext_lazy("Chosen by the customer"), who=CARES, source=R.OFFERED, target=R.ACCEPTED, guards=(rest_is_offered, solution_was_agreed),
        primary=True,
    )  # fmt: skip
    def accept_offer(self) -> None:
        """With the customer's words and way; the other alternatives end in the same transaction."""

    @move(label=gettext_lazy("Declined by the customer"), who=CARES, source=R.OFFERED, target=R.REFUSED, reason=True)
    def decline_offer(self) -> None:
        """With the customer's words, or because another was chosen."""

    @move(label=gettext_lazy("Fulfilled"), who=CARES, source=R.ACCEPTED, target=R.FULFILLED, primary=True)
    def fulfil(self) -> None:
        """How and when; also after the form is closed: a refund may take its time."""

    @move(label=gettext_lazy("Withdraw"), who=(*CARES, "system"), source=UNDECIDED, target=R.WITHDRAWN, reason=True)
    def withdraw_offer(self) -> None:
        """By the machine when the form ends."""
