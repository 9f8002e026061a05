"""The life of a corrective or preventive action (C14, machines.md): drafted, approved, carried out, checked for effect. It outlives its complaint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback_desk import clock
from feedback_desk.records.moves import move

if TYPE_CHECKING:
    from complaints.models import CorrectiveAction


class ActionState(models.TextChoices):
    DRAFT = "draft", gettext_lazy("Draft")
    AWAITING_APPROVAL = "awaiting_approval", gettext_lazy("Awaiting approval")
    IN_PROGRESS = "in_progress", gettext_lazy("In progress")
    CARRIED_OUT = "carried_out", gettext_lazy("Carried out, effect to be checked")
    EFFECTIVE = "effective", gettext_lazy("Effective")
    NOT_EFFECTIVE = "not_effective", gettext_lazy("Not effective")
    CANCELLED = "cancelled", gettext_lazy("Called off")


A = ActionState
RUNNING_ACTIONS = (A.IN_PROGRESS, A.CARRIED_OUT)
ENDED_ACTIONS = frozenset({A.EFFECTIVE, A.CANCELLED})
COMPILERS = ("head_concerned", "quality", "cs_manager")
"""C14: drafted by the department, compiled by quality or customer service."""


def has_root_cause(action: CorrectiveAction) -> str | None:
    """C14: what it is to remove comes first."""
    return None if action.cause_id or action.form.rootcause_rows.exists() else _("Write down the root cause first.")


def date_lies_ahead(action: CorrectiveAction) -> str | None:
    """Nobody is held to a date that has passed already."""
    ahead = action.due_on >= timezone.localdate(clock.now())
    return None if ahead else _("The date by which it is to be carried out has passed: name another one in the draft.")


def owner_is_there(action: CorrectiveAction) -> str | None:
    """V3: an owner who was named in the matter meanwhile owns it no more."""
    return None if action.owner_id else _("Nobody carries it out any more: name another owner in the draft.")


def effect_is_due(action: CorrectiveAction) -> str | None:
    """Its effect shows only after a while."""
    day = timezone.localdate(clock.now())
    return None if day >= action.effect_on else _("Its effect is checked on %(day)s, not before.") % {"day": f"{action.effect_on:%Y-%m-%d}"}


def may_be_put_off(action: CorrectiveAction) -> str | None:
    """T9, E3: its date has not passed, and nothing is asked for already."""
    from complaints.guards import extendable_of

    return None if extendable_of(action) else _("No limit here can be put off: its rule allows none, it has passed, or more time is asked for already.")


def more_time_asked(action: CorrectiveAction) -> str | None:
    from complaints.guards import time_asked_for

    return None if time_asked_for(action) else _("Nobody has asked for more time.")


class ActionMoves:
    """Bodies are empty: what a move changes beside the state is the service's (complaints/services/actions.py)."""

    @move(label=gettext_lazy("Change the draft"), who=(*COMPILERS, "drafter"), source=A.DRAFT, target=None)
    def revise(self) -> None:
        """A new text, which somebody else approves (V8)."""

    @move(
        label=gettext_lazy("Submit for approval"), who=COMPILERS, source=A.DRAFT, target=A.AWAITING_APPROVAL,
        guards=(has_root_cause, owner_is_there, date_lies_ahead), primary=True,
    )  # fmt: skip
    def submit(self) -> None:
        """C14: compiled."""

    @move(
        label=gettext_lazy("Approve the action"), who=("approver",), source=A.AWAITING_APPROVAL, target=A.IN_PROGRESS,
        guards=(owner_is_there, date_lies_ahead), primary=True,
    )  # fmt: skip
    def approve(self) -> None:
        """C14, V8: starts D41."""

    @move(label=gettext_lazy("Send back to draft"), who=("approver",), source=A.AWAITING_APPROVAL, target=A.DRAFT, reason=True)
    def send_back(self) -> None:
        """With what is to be changed."""

    @move(label=gettext_lazy("Report it carried out"), who=("owner",), source=A.IN_PROGRESS, target=A.CARRIED_OUT, primary=True)
    def report_done(self) -> None:
        """What was done; settles D41, starts D42."""

    @move(
        label=gettext_lazy("Found effective"), who=("checker",), source=A.CARRIED_OUT, target=A.EFFECTIVE, reason=True, guards=(effect_is_due,), primary=True,
    )  # fmt: skip
    def confirm_effective(self) -> None:
        """With the evidence; settles D42."""

    @move(label=gettext_lazy("Found not effective"), who=("checker",), source=A.CARRIED_OUT, target=A.NOT_EFFECTIVE, reason=True)
    def find_ineffective(self) -> None:
        """With the evidence, as soon as there is any; settles D42, another try is drafted."""

    @move(label=gettext_lazy("Draft another try"), who=(*COMPILERS, "drafter"), source=A.NOT_EFFECTIVE, target=A.DRAFT, primary=True)
    def try_again(self) -> None:
        """A new text and new dates; the earlier try stays in the history."""

    @move(label=gettext_lazy("Ask for more time"), who=("owner", "checker"), source=RUNNING_ACTIONS, target=None, reason=True, guards=(may_be_put_off,))
    def ask_extension(self) -> None:
        """T9, E3: with the new date; the request stands beside the state."""

    @move(label=gettext_lazy("Grant more time"), who=("extender",), source=RUNNING_ACTIONS, target=None, guards=(more_time_asked,))
    def grant_extension(self) -> None:
        """T9, V8: by somebody who did not ask; the date of the check follows if it has to."""

    @move(label=gettext_lazy("Refuse more time"), who=("extender",), source=RUNNING_ACTIONS, target=None, reason=True, guards=(more_time_asked,))
    def refuse_extension(self) -> None:
        """T9: the limit runs on."""

    @move(label=gettext_lazy("Recurred"), who=COMPILERS, source=A.EFFECTIVE, target=A.IN_PROGRESS, reason=True)
    def recur(self) -> None:
        """C14: it came again after "effective", in another complaint; starts D41."""

    @move(
        label=gettext_lazy("Call off"), who=("cs_manager", "general_manager", "representative"), reason=True, grave=True,
        source=(A.DRAFT, A.AWAITING_APPROVAL, A.IN_PROGRESS, A.CARRIED_OUT, A.NOT_EFFECTIVE), target=A.CANCELLED,
    )  # fmt: skip
    def cancel(self) -> None:
        """Voids D41, D42."""
