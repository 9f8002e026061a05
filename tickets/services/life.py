"""The middle and the end of a ticket's life: waiting, result, confirmation, closing, reopening, invalid, merged (machines.md)."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from feedback_desk import ahead, clock
from feedback_desk.deadlines import services as deadlines
from feedback_desk.deadlines.models import Deadline, DeadlineState
from feedback_desk.people.actors import SYSTEM, Actor, person
from feedback_desk.people.models import User
from feedback_desk.records import history
from feedback_desk.records.models import Entry
from feedback_desk.records.moves import make
from feedback_desk.records.spoken import when
from tickets import partner
from tickets.lifecycle import customer_was_silent
from tickets.models import Outcome, Ticket, Urgency
from tickets.services import steps
from tickets.services.common import (
    FROM_RECEIPT,
    OUTLIVES,
    RESPONSE,
    STAYS_OWED,
    await_confirmation,
    end_item,
    facts,
    follow,
    locked,
    met,
    need,
    refit,
    responsible,
    start_from_receipt,
    tell,
)
from tickets.services.contacts import check_promise, promise, write_contact
from tickets.services.giving import hand_limits, leave_concerned, tell_assignee

ANSWERED = gettext_noop("the customer answered")
"""D43 waits for somebody else: it ends void, neither in time nor late."""


@transaction.atomic
def ask_customer(*, ticket_id: int, by: User, question: str, until: datetime | None = None, promised_at: datetime | None = None) -> Ticket:
    """The question and the date of the answer are on record, and waiting for it is the next step (F1); pauses D26.

    `promised_at` (T16): when we come back to the customer.
    """
    at = clock.now()
    need(question=question)
    check_promise(promised_at, at)
    if until is None:
        raise ValidationError({"until": _("By when is the answer expected?")})
    if until <= at:
        raise ValidationError({"until": _("This must be later than now.")})
    ahead.check(until=until)
    ticket = locked(ticket_id)
    make(ticket, "ask_customer", by=by, at=at, reason=question, data={"until": until})
    contact = write_contact(
        ticket, by=by, at=at, recorded_at=at, way="other", said=question, next_step=gettext_noop("Wait for the customer's answer"), next_by=by, next_at=until,
        purpose="question",
    )  # fmt: skip
    promise(ticket, by=by, at=at, until=promised_at, part=f"c{contact.pk}", renews=True)
    deadlines.pause(ticket.item, "D26", at=at, because=gettext_noop("waiting on the customer"))
    return ticket


@transaction.atomic
def customer_answered(*, ticket_id: int, by: Actor, words: str = "") -> Ticket:
    """Resumes D26; the waiting is over."""
    at = clock.now()
    ticket = locked(ticket_id)
    make(ticket, "customer_answered", by=by, at=at, reason=words)
    steps.done_by_itself(ticket, Q(contact__purpose="question"), by=by, at=at, outcome=words or gettext_noop("The customer answered."))
    deadlines.resume(ticket.item, "D26", at=at)
    return ticket


@transaction.atomic
def offer_result(
    *, ticket_id: int, by: User, result: str, agreement: str = "", late_reason: str = "", promised_at: datetime | None = None,
) -> Ticket:  # fmt: skip
    """Settles D03-05, D08, D36 (for complaints D27), pauses D26. T12: without the customer's agreement there is no result; T9: late needs its reason."""
    at = clock.now()
    need(result=result, agreement=agreement)
    check_promise(promised_at, at)
    ticket = locked(ticket_id)
    _explain_late(ticket, by=by, at=at, why=late_reason)
    ticket.result, ticket.agreement = result.strip(), agreement.strip()[:300]
    make(ticket, "offer_result", by=by, at=at, reason=result, save=("result", "agreement"), data={"agreement": ticket.agreement})
    deadlines.settle(ticket.item, *FROM_RECEIPT, "D36", at=at, by=by)
    promise(ticket, by=by, at=at, until=promised_at, part=f"r{ticket.version}", renews=True)
    deadlines.pause(ticket.item, "D26", at=at, because=gettext_noop("awaiting the customer's confirmation"))
    await_confirmation(ticket, at=at)
    follow(ticket, "offer_result", by=by, at=at)
    return ticket


def _explain_late(ticket: Ticket, *, by: User, at: datetime, why: str) -> None:
    """T9: the reason goes to every limit of the ticket that passed without one."""
    if not why.strip():
        return
    for deadline in Deadline.objects.filter(item=ticket.item, state=DeadlineState.RUNNING, due_at__lt=at, why="").order_by("pk"):
        deadlines.note_reason(deadline, why=why.strip(), by=by, at=at)


@transaction.atomic
def not_solved(*, ticket_id: int, by: Actor, reason: str) -> Ticket:
    """What is missing; resumes D26; a complaint's form that was on its way to closing starts a new round."""
    at = clock.now()
    ticket = locked(ticket_id)
    make(ticket, "not_solved", by=by, at=at, reason=reason)
    deadlines.void(ticket.item, "D43", at=at, why=ANSWERED, by=person(by))
    deadlines.resume(ticket.item, "D26", at=at)
    follow(ticket, "not_solved", by=by, at=at, reason=reason)
    return ticket


@transaction.atomic
def confirm_result(*, ticket_id: int, by: Actor, words: str = "") -> Ticket:
    """On the customer's word; settles D26."""
    at = clock.now()
    if person(by) is not None:
        need(words=words)
    ticket = locked(ticket_id)
    complete(ticket, "confirm_result", by=by, at=at, outcome=Outcome.CONFIRMED, reason=words)
    follow(ticket, "confirm_result", by=by, at=at)
    return ticket


@transaction.atomic
def no_answer(*, ticket_id: int, by: Actor, reason: str) -> Ticket:
    """The customer stayed silent for seven days (未答复结案); off for complaints."""
    at = clock.now()
    ticket = locked(ticket_id)
    _no_answer(ticket, by=by, at=at, reason=reason)
    return ticket


def silent_to_the_end(ticket: Ticket, *, at: datetime) -> bool:
    """The step that completes (D43), where a rule's ladder says so. False where it is no longer so, or not yet: the supervisor decides."""
    if ticket.state != "confirming" or ticket.is_complaint or customer_was_silent(ticket) is not None:
        return False
    _no_answer(ticket, by=SYSTEM, at=at, reason=gettext_noop("The customer did not answer within the time set."))
    return True


def _no_answer(ticket: Ticket, *, by: Actor, at: datetime, reason: str) -> None:
    entry = complete(ticket, "no_answer", by=by, at=at, outcome=Outcome.NO_ANSWER, reason=reason)
    if (who := person(by)) is None:
        tell(ticket.assignee, "generic", entry=entry, item=ticket.item, message=gettext_noop("The desk completed it, as the customer did not answer."))
        return
    message = gettext_noop("%(name)s completed it, as the customer did not answer: %(reason)s")
    tell(ticket.assignee, "generic", entry=entry, item=ticket.item, message=message, said={"name": str(who), "reason": reason})


def complete(ticket: Ticket, name: str, *, by: Actor, at: datetime, outcome: str, reason: str = "", standing: str = "") -> Entry:
    """Any move to completed: outcome and time; settles D26 and what the result would have settled."""
    ticket.outcome, ticket.completed_at = outcome, at
    entry = make(ticket, name, by=by, at=at, reason=reason, standing=standing, save=("outcome", "completed_at"), data={"outcome": outcome})
    deadlines.settle(ticket.item, *FROM_RECEIPT, "D26", "D36", at=at, by=person(by))
    why = gettext_noop("the customer did not answer") if outcome == Outcome.NO_ANSWER else ANSWERED
    deadlines.void(ticket.item, "D43", at=at, why=why, by=person(by))
    return entry


@transaction.atomic
def withdraw(*, ticket_id: int, by: Actor, reason: str) -> Ticket:
    """撤诉: completed with that outcome. All that is open is void; a form that is in review or beyond runs on inside."""
    at = clock.now()
    ticket = locked(ticket_id)
    ticket.outcome, ticket.completed_at = Outcome.WITHDRAWN, at
    make(ticket, "withdraw", by=by, at=at, reason=reason, save=("outcome", "completed_at"), data={"outcome": ticket.outcome})
    live = Deadline.objects.filter(item=ticket.item, state__in=(DeadlineState.RUNNING, DeadlineState.PAUSED))
    deadlines.void(ticket.item, *live.values_list("code", flat=True), at=at, why=gettext_noop("withdrawn by the customer"), by=person(by))
    steps.end_with_ticket(ticket, by=by, at=at, why="withdrawn by the customer")
    follow(ticket, "withdraw", by=by, at=at, reason=reason)
    return ticket


@transaction.atomic
def close(*, ticket_id: int, by: Actor) -> Ticket:
    """T8: nothing is owed any more. A complaint closes with its form."""
    at = clock.now()
    ticket = locked(ticket_id)
    shut(ticket, by=by, at=at)
    return ticket


def shut(ticket: Ticket, *, by: Actor, at: datetime, standing: str = "") -> None:
    ticket.closed_at = at
    make(ticket, "close", by=by, at=at, standing=standing, save=("closed_at",))
    deadlines.void_all(ticket.item, at=at, why=gettext_noop("closed"), except_codes=STAYS_OWED, by=person(by))
    steps.end_with_ticket(ticket, by=by, at=at, why="closed")
    end_item(ticket.item, open_=False)


@transaction.atomic
def reopen(*, ticket_id: int, by: Actor, reason: str) -> Ticket:
    """C15: a new round with its own limits; the first stays as it was. A complaint's form is reopened with it."""
    at = clock.now()
    ticket = locked(ticket_id)
    outcome = ticket.outcome
    resume_work(ticket, "reopen", by=by, at=at, reason=reason)
    follow(ticket, "reopen", by=by, at=at, reason=reason, outcome=outcome)
    return ticket


def resume_work(ticket: Ticket, name: str, *, by: Actor, at: datetime, reason: str, standing: str = "") -> None:
    """A new round: D03-05, D08 and D26 count from now (E6). When the earlier one ended stays in the history, where the summaries read it (R12)."""
    _keep_imported_end(ticket)
    ticket.round += 1
    ticket.outcome, ticket.completed_at, ticket.closed_at, ticket.result, ticket.agreement = "", None, None, "", ""
    make(
        ticket,
        name,
        by=by,
        at=at,
        reason=reason,
        standing=standing,
        save=("round", "outcome", "completed_at", "closed_at", "result", "agreement"),
        data={"round": ticket.round},
    )
    end_item(ticket.item, open_=True)
    given = leave_concerned(ticket, at=at)
    codes = [*RESPONSE, "D08", "D26"]
    deadlines.start_all(ticket.item, codes, at=at, facts=facts(ticket), owner=responsible(ticket, at), department=ticket.item.department, round=ticket.round)
    if given is not None:
        tell_assignee(ticket, given)


def _keep_imported_end(ticket: Ticket) -> None:
    """What came from a file has no move that ended it: the time the file gave goes into the history before the row forgets it."""
    ended = ticket.completed_at or ticket.closed_at
    if ticket.historic and ticket.round == 1 and ended is not None:
        history.record(ticket.item, "ended_elsewhere", by=SYSTEM, at=ended, target=ticket.state)


@transaction.atomic
def invalidate(*, ticket_id: int, by: User, reason: str, explanation: str) -> Ticket:
    """I4: no valid request; what was explained to the customer is on record before the move."""
    at = clock.now()
    need(reason=reason, explanation=explanation)
    ticket = locked(ticket_id)
    ticket.outcome, ticket.closed_at = Outcome.INVALID, at
    make(ticket, "invalidate", by=by, at=at, reason=reason, save=("outcome", "closed_at"), data={"explanation": explanation.strip()})
    ended = gettext_noop("No valid request: the ticket ends with the explanation.")
    write_contact(ticket, by=by, at=at, recorded_at=at, way="other", said=explanation, purpose="explanation", no_step_why=ended, kept=())
    deadlines.void_all(ticket.item, at=at, why=gettext_noop("invalid"), except_codes=OUTLIVES, by=by)
    steps.end_with_ticket(ticket, by=by, at=at, why="invalid")
    end_item(ticket.item, open_=False)
    follow(ticket, "invalidate", by=by, at=at, reason=reason)
    return ticket


@transaction.atomic
def restore(*, ticket_id: int, by: User, reason: str) -> Ticket:
    """As registered: the limits count from the original receipt; what was met, or touched, does not begin again.

    Who has it is asked to confirm anew; who was named in the matter meanwhile has it no longer (V3).
    """
    at = clock.now()
    ticket = locked(ticket_id)
    ticket.outcome, ticket.closed_at = "", None
    entry = make(ticket, "restore", by=by, at=at, reason=reason, save=("outcome", "closed_at"))
    end_item(ticket.item, open_=True)
    entry = leave_concerned(ticket, at=at) or entry
    untouched = ticket.urgency == Urgency.URGENT and ticket.touched_at is None
    start_from_receipt(ticket, at=at, done=met(ticket, *FROM_RECEIPT))
    deadlines.start_all(
        ticket.item, ["D26", *(["D02"] if untouched else [])], at=at, facts=facts(ticket), owner=responsible(ticket, at), department=ticket.item.department,
        round=ticket.round, start_at=ticket.registered_at,
    )  # fmt: skip
    if ticket.assignee is not None:
        hand_limits(ticket, entry)
        tell_assignee(ticket, entry)
    follow(ticket, "restore", by=by, at=at, reason=reason)
    return ticket


@transaction.atomic
def merge(*, ticket_id: int, by: User, into_number: str, reason: str = "") -> Ticket:
    """I7: same customer, same matter, both forms before the review; the survivor keeps the earlier receipt. Rows are locked in the order of their keys."""
    at = clock.now()
    target_id = Ticket.objects.visible_to(by).filter(item__number__iexact=into_number.strip(), item__open=True).values_list("pk", flat=True).first()
    if target_id is None or target_id == ticket_id:
        raise ValidationError({"into_number": _("There is no other open ticket with this number.")})
    first, second = sorted((ticket_id, target_id))
    rows = {first: locked(first), second: locked(second)}
    ticket, target = rows[ticket_id], rows[target_id]
    if ticket.customer_id != target.customer_id:
        raise ValidationError({"into_number": _("Only tickets of the same customer are merged; link the others.")})
    if partner.of(ticket) and not partner.of(target):
        raise ValidationError({"into_number": _("A complaint is merged only into a complaint: its form would end with nobody to go on with it.")})
    if why := partner.objection(target, "merge"):
        raise ValidationError({"into_number": _("%(number)s: %(why)s") % {"number": target.item.number, "why": why}})
    ticket.merged_into, ticket.outcome, ticket.closed_at = target, Outcome.MERGED, at
    make(ticket, "merge", by=by, at=at, reason=reason, save=("merged_into", "outcome", "closed_at"), data={"into": target.item.number})
    deadlines.void_all(ticket.item, at=at, why=gettext_noop("merged"), except_codes=OUTLIVES, by=by)
    steps.end_with_ticket(ticket, by=by, at=at, why="merged")
    end_item(ticket.item, open_=False)
    follow(ticket, "merge", by=by, at=at, reason=reason, target=target)
    data = {"number": ticket.item.number}
    if ticket.received_at < target.received_at:
        data["received_before"] = when(target.received_at)
        target.received_at = ticket.received_at
        target.save(update_fields=["received_at"])
        refit(target, at=at, by=by, received=True)
        follow(target, "correct", by=by, at=at)
    history.record(target.item, "merged_here", by=by, at=at, data=data)
    return ticket
