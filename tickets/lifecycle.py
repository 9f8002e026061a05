"""The life of a ticket (machines.md, "Ticket 工单"): one method per move. The picture in docs/ is drawn from here.

Who: "assignee", "handler" (assignee, lead or their backup), "invalidator" (a supervisor; on tickets that are no complaint the
handler too), "supervisor", "head" (of the ticket's department), "taker" (any
eligible agent), "extender" (a supervisor or the customer-service manager who did not ask), "customer", "system", "form" (the complaint's own
services, in the same transaction).
Guards look at what the services put on the ticket before they move it; each answers with the sentence of what is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback_desk import clock
from feedback_desk.records.moves import move
from feedback_desk.records.spoken import when

if TYPE_CHECKING:
    from tickets.models import Ticket


class State(models.TextChoices):
    PENDING = "pending", gettext_lazy("Pending")
    PROCESSING = "processing", gettext_lazy("Processing")
    WAITING = "waiting", gettext_lazy("Waiting on customer")
    CONFIRMING = "confirming", gettext_lazy("Awaiting confirmation")
    COMPLETED = "completed", gettext_lazy("Completed")
    CLOSED = "closed", gettext_lazy("Closed")
    INVALID = "invalid", gettext_lazy("Invalid")
    MERGED = "merged", gettext_lazy("Merged")


HANDS_ON = ("handler", "supervisor")
AT_WORK = (State.PENDING, State.PROCESSING, State.WAITING, State.CONFIRMING, State.COMPLETED)
"""While limits of the matter may run: those of a form outlive its ticket's completion."""


def partner_allows(name: str) -> Any:
    """What the complaint form says to a move of its ticket; nothing for other types."""

    def guard(ticket: Ticket) -> str | None:
        from tickets.partner import objection

        return objection(ticket, name)

    return guard


silence_may_end_it = partner_allows("no_answer")
"""T8: never a complaint."""


def late_has_reason(ticket: Ticket) -> str | None:
    """T9: what was missed needs a reason."""
    from tickets.guards import unexplained_late

    late = unexplained_late(ticket)
    return _("Give the reason why this was late: %(limits)s.") % {"limits": late} if late else None


def customer_was_silent(ticket: Ticket) -> str | None:
    """T8: seven days after the result, or three attempts in vain; for complaints the form says that there is another way."""
    from tickets.guards import SILENT_FOR, attempts_in_vain, silent_since

    at = clock.now()
    may_at = silent_since(ticket) + SILENT_FOR
    if ticket.is_complaint or at >= may_at or attempts_in_vain(ticket, at):
        return None
    sentence = _("The customer has seven days to answer, until %(when)s; before that only after three failed attempts, each on its own day.")
    return sentence % {"when": when(may_at)}


def owes_nothing(ticket: Ticket) -> str | None:
    """T8. A complaint ends with its form, whatever second follow-up or promise still runs: D22 and D38 run in any state."""
    from tickets.guards import still_owed

    if ticket.is_complaint:
        return None
    owed = still_owed(ticket)
    return _("Still open: %(what)s.") % {"what": owed} if owed else None


def may_be_extended(ticket: Ticket) -> str | None:
    """T9, E3: some limit of the matter could be put off."""
    from tickets.guards import extendable

    return None if extendable(ticket) else _("No limit here can be put off: its rule allows none, it has passed, or more time is asked for already.")


def extension_asked(ticket: Ticket) -> str | None:
    from tickets.guards import asked_for

    return None if asked_for(ticket) else _("Nobody has asked for more time.")


class TicketMoves:
    """The moves; `Ticket` inherits them. Bodies are empty: what a move changes beside the state is the service's."""

    @move(label=gettext_lazy("Assign"), who=("supervisor", "head", "system"), source=State.PENDING, target=None)
    def assign(self) -> None:
        """T6: by hand or by the desk, to somebody on duty who is not concerned."""

    @move(label=gettext_lazy("Decline"), who=("assignee",), source=State.PENDING, target=None, reason=True)
    def decline(self) -> None:
        """T13: back to whoever assigned it."""

    @move(label=gettext_lazy("Hand up to the supervisor"), who=("system", "supervisor"), source=State.PENDING, target=None)
    def hand_up(self) -> None:
        """T7: unconfirmed two hours after assignment."""

    @move(label=gettext_lazy("Confirm"), who=("assignee",), source=State.PENDING, target=State.PROCESSING, primary=True)
    def confirm(self) -> None:
        """T7: the assignee has it; settles D02, D06, D07."""

    @move(label=gettext_lazy("Take"), who=("taker",), source=State.PENDING, target=State.PROCESSING, primary=True)
    def take(self) -> None:
        """T6: taken from the queue by an eligible agent."""

    @move(label=gettext_lazy("Reassign"), who=HANDS_ON, source=(State.PROCESSING, State.WAITING), target=State.PENDING, reason=True)
    def reassign(self) -> None:
        """With a hand-over note (T15); starts D06, D07 for the new assignee."""

    @move(label=gettext_lazy("Hand to the second line"), who=HANDS_ON, source=(State.PROCESSING, State.WAITING), target=State.PENDING, reason=True)
    def second_line(self) -> None:
        """T15: demand, cause, history and what was promised go along; starts D35."""

    @move(label=gettext_lazy("Wait for the customer"), who=("handler", "form"), source=State.PROCESSING, target=State.WAITING)
    def ask_customer(self) -> None:
        """Needs the question and the date on record; pauses D26."""

    @move(label=gettext_lazy("Customer answered"), who=("handler", "customer", "form"), source=State.WAITING, target=State.PROCESSING, primary=True)
    def customer_answered(self) -> None:
        """Resumes D26."""

    @move(
        label=gettext_lazy("Offer the result"), who=("handler",), source=State.PROCESSING, target=State.CONFIRMING, primary=True,
        guards=(partner_allows("offer_result"), late_has_reason),
    )  # fmt: skip
    def offer_result(self) -> None:
        """Settles D03-05, D08, D36, for complaints D27; pauses D26. T12: the agreement comes with it."""

    @move(label=gettext_lazy("Not solved"), who=("handler", "customer", "form"), source=State.CONFIRMING, target=State.PROCESSING, reason=True)
    def not_solved(self) -> None:
        """What is missing; resumes D26."""

    @move(label=gettext_lazy("Customer confirmed"), who=("handler", "customer", "form"), source=State.CONFIRMING, target=State.COMPLETED, primary=True)
    def confirm_result(self) -> None:
        """On the customer's word; settles D26."""

    @move(
        label=gettext_lazy("Complete without an answer"),
        who=("supervisor", "system"),
        source=State.CONFIRMING,
        target=State.COMPLETED,
        reason=True,
        guards=(silence_may_end_it, customer_was_silent),
    )
    def no_answer(self) -> None:
        """The customer stayed silent (D43); off for complaints."""

    @move(
        label=gettext_lazy("Withdrawn by the customer"), who=("handler", "customer"),
        source=(State.PENDING, State.PROCESSING, State.WAITING, State.CONFIRMING), target=State.COMPLETED, reason=True,
    )  # fmt: skip
    def withdraw(self) -> None:
        """Voids all that is open."""

    @move(
        label=gettext_lazy("Close"),
        who=("system", "handler", "supervisor", "form"),
        source=State.COMPLETED,
        target=State.CLOSED,
        guards=(partner_allows("close"), owes_nothing),
    )
    def close(self) -> None:
        """Nothing is owed any more (T8); a complaint closes with its form."""

    @move(
        label=gettext_lazy("End with the form"),
        who=("form",),
        source=(State.PENDING, State.PROCESSING, State.WAITING, State.CONFIRMING),
        target=State.COMPLETED,
        by_hand=False,
    )
    def end_with_form(self) -> None:
        """The form closed, or closed abnormally: the ticket ends with it in one go, completed first, then closed."""

    @move(
        label=gettext_lazy("Reopen"),
        who=("handler", "supervisor", "customer", "form"),
        source=(State.COMPLETED, State.CLOSED),
        target=State.PROCESSING,
        reason=True,
    )
    def reopen(self) -> None:
        """C15: the same matter again is a new round."""

    @move(
        label=gettext_lazy("Invalid"), who=("invalidator",), source=(State.PENDING, State.PROCESSING, State.WAITING), target=State.INVALID,
        reason=True, grave=True, guards=(partner_allows("invalidate"),),
    )  # fmt: skip
    def invalidate(self) -> None:
        """I4: explained to the customer first; complaints: by a supervisor."""

    @move(label=gettext_lazy("Restore"), who=("supervisor",), source=State.INVALID, target=State.PENDING, reason=True)
    def restore(self) -> None:
        """As registered, from the original receipt."""

    @move(
        label=gettext_lazy("Merge"), who=("handler", "supervisor"), source=(State.PENDING, State.PROCESSING, State.WAITING, State.CONFIRMING),
        target=State.MERGED, guards=(partner_allows("merge"),),
    )  # fmt: skip
    def merge(self) -> None:
        """I7: same customer, same matter; the survivor keeps the earlier receipt."""

    @move(label=gettext_lazy("Ask for more time"), who=("handler",), source=AT_WORK, target=None, reason=True, guards=(may_be_extended,))
    def ask_extension(self) -> None:
        """T9: for one limit that its rule lets be extended, with the new date; the request stands beside the state."""

    @move(label=gettext_lazy("Grant more time"), who=("extender",), source=AT_WORK, target=None, guards=(extension_asked,))
    def grant_extension(self) -> None:
        """T9, V8: by somebody who did not ask."""

    @move(label=gettext_lazy("Refuse more time"), who=("extender",), source=AT_WORK, target=None, reason=True, guards=(extension_asked,))
    def refuse_extension(self) -> None:
        """T9: the limit runs on."""
