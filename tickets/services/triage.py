"""Assignment, confirmation, declining, hand-up (T6, T7, T13, T15), and what happens to open work of somebody who becomes concerned (V3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from feedback_desk import clock
from feedback_desk.deadlines import services as deadlines
from feedback_desk.deadlines.models import StepOutcome, StepTaken
from feedback_desk.people import receivers
from feedback_desk.people.actors import SYSTEM, Actor, person
from feedback_desk.people.models import Role, User
from feedback_desk.records.models import Entry, Item
from feedback_desk.records.moves import make
from tickets import partner
from tickets.models import Ticket
from tickets.services import life, placing, steps
from tickets.services.common import CONFIRMATION, facts, hand_over_limits, hold, locked, need, tell
from tickets.services.giving import check_assignee, give, hand_limits, tell_assignee, to_heir

HANDED_OVER: dict[str, Any] = {
    "expectation": gettext_lazy("Customer's demand"), "cause": gettext_lazy("Cause"), "course": gettext_lazy("What was done so far"),
    "promised": gettext_lazy("Promises made"),
}  # fmt: skip
"""T15: what the second line has to know; the labels of the note's lines."""


@transaction.atomic
def assign(*, ticket_id: int, by: Actor, assignee_id: int, due_at: datetime | None = None, seen_version: int | None = None) -> Ticket:
    """T6: to somebody on duty who has the skill and is not concerned; voids the old D06 and D07 and starts new ones. `due_at`: sooner than D26 asks."""
    at = clock.now()
    ticket = locked(ticket_id)
    tell_assignee(ticket, assign_now(ticket, by=by, at=at, assignee=User.objects.get(pk=assignee_id), due_at=due_at, seen_version=seen_version))
    return ticket


def assign_now(ticket: Ticket, *, by: Actor, at: datetime, assignee: User, due_at: datetime | None = None, seen_version: int | None = None) -> Entry:
    """Whoever calls tells the assignee afterwards, once the ticket has its number."""
    check_assignee(ticket, assignee, at)
    entry = give(ticket, by=by, at=at, assignee=assignee, seen_version=seen_version)
    _due_earlier(ticket, due_at, by=by, at=at)
    return entry


def _due_earlier(ticket: Ticket, due_at: datetime | None, *, by: Actor, at: datetime) -> None:
    """T6: the assigner may set an earlier due time than the category's."""
    if due_at is not None and deadlines.set_earlier(ticket.item, "D26", due_at=due_at, at=at, by=by) is None:
        raise ValidationError({"due_at": _("No due time runs for this ticket that could be set earlier.")})


@transaction.atomic
def take(*, ticket_id: int, by: User) -> Ticket:
    """T6: from the queue, by an eligible agent; settles D02, D06, D07."""
    at = clock.now()
    ticket = locked(ticket_id)
    take_now(ticket, by=by, at=at)
    return ticket


def take_now(ticket: Ticket, *, by: User, at: datetime) -> None:
    make(ticket, "take", by=by, at=at, data={"assignee": by.pk, "name": by.name})
    ticket.assignee, ticket.assigned_by, ticket.assigned_at = by, by, at
    _touched(ticket, by=by, at=at, save=("assignee", "assigned_by", "assigned_at"))


@transaction.atomic
def confirm(*, ticket_id: int, by: User) -> Ticket:
    """T7: the assignee (or, while absent, the backup) has it; settles D02, D06, D07."""
    at = clock.now()
    ticket = locked(ticket_id)
    make(ticket, "confirm", by=by, at=at)
    _touched(ticket, by=by, at=at)
    return ticket


def _touched(ticket: Ticket, *, by: User, at: datetime, save: tuple[str, ...] = ()) -> None:
    ticket.touched_at = ticket.touched_at or at
    ticket.save(update_fields=["touched_at", *save])
    hold(ticket, at)
    deadlines.settle(ticket.item, "D02", *CONFIRMATION, at=at, by=by)
    hand_over_limits(ticket, at)


@transaction.atomic
def decline(*, ticket_id: int, by: User, reason: str) -> Ticket:
    """T13: at once, with a reason; back to whoever assigned it: a person is told and it is in the queue, the desk asks the next one."""
    at = clock.now()
    ticket = locked(ticket_id)
    entry = make(ticket, "decline", by=by, at=at, reason=reason, data={"assignee": None})
    assigner = ticket.assigned_by
    ticket.assignee = ticket.assigned_by = ticket.assigned_at = None
    ticket.save(update_fields=["assignee", "assigned_by", "assigned_at"])
    hold(ticket, at)
    deadlines.settle(ticket.item, *CONFIRMATION, at=at, by=by)
    hand_over_limits(ticket, at)
    if assigner is None and (given := placing.after_refusal(ticket, at=at)):
        tell_assignee(ticket, given)
        return ticket
    for receiver in {assigner} if assigner and assigner != by else set(receivers.holders(Role.SUPERVISOR)):
        said = {"name": str(by), "reason": reason}
        tell(receiver, "generic", entry=entry, item=ticket.item, message=gettext_noop("%(name)s declined it: %(reason)s"), said=said)
    return ticket


@transaction.atomic
def hand_up(*, ticket_id: int, by: Actor, reason: str = "", seen_version: int | None = None) -> Ticket:
    """T7: unconfirmed two hours after assignment, it goes to the supervisor by itself. D07 ends late, D06 starts for the supervisor."""
    at = clock.now()
    ticket = locked(ticket_id)
    _hand_up(ticket, by=by, at=at, reason=reason, seen_version=seen_version)
    return ticket


def _hand_up(ticket: Ticket, *, by: Actor, at: datetime, reason: str = "", seen_version: int | None = None) -> None:
    before = ticket.assignee
    supervisor = person(by) or receivers.pick(Role.SUPERVISOR, department=ticket.item.department, root=ticket.item, at=at)
    ticket.assignee, ticket.assigned_by, ticket.assigned_at = supervisor, None, at
    entry = make(
        ticket, "hand_up", by=by, at=at, reason=reason, seen_version=seen_version, save=("assignee", "assigned_by", "assigned_at"),
        data={"from": before.name if before else "", "name": supervisor.name if supervisor else "", "assignee": supervisor.pk if supervisor else None},
    )  # fmt: skip
    hold(ticket, at)
    deadlines.settle(ticket.item, "D07", at=at)
    deadlines.void(ticket.item, "D06", at=at, why=gettext_noop("handed up"))
    hand_over_limits(ticket, at)
    if supervisor is not None:
        deadlines.start(ticket.item, "D06", at=at, facts=facts(ticket), owner=supervisor, department=ticket.item.department, round=ticket.round)
    tell(supervisor, "handed_up", entry=entry, item=ticket.item)


@transaction.atomic
def reassign(*, ticket_id: int, by: User, assignee_id: int, reason: str, due_at: datetime | None = None, seen_version: int | None = None) -> Ticket:
    """With a hand-over note; resumes D26 if the ticket waited."""
    return _pass_on(ticket_id, "reassign", by=by, assignee_id=assignee_id, reason=reason, due_at=due_at, seen_version=seen_version)


@transaction.atomic
def second_line(
    *, ticket_id: int, by: User, assignee_id: int, expectation: str, cause: str, course: str, promised: str,
    due_at: datetime | None = None, seen_version: int | None = None,
) -> Ticket:  # fmt: skip
    """T15: demand, cause, history and promises go along, each of them said, as one note of labelled lines; starts D35."""
    said = {"expectation": expectation, "cause": cause, "course": course, "promised": promised}
    need(**said)
    note = "\n".join(_("%(name)s: %(text)s") % {"name": HANDED_OVER[part], "text": text.strip()} for part, text in said.items())
    ticket = _pass_on(ticket_id, "second_line", by=by, assignee_id=assignee_id, reason=note, due_at=due_at, seen_version=seen_version)
    deadlines.start(
        ticket.item, "D35", at=ticket.state_since, facts=facts(ticket), owner=ticket.assignee, department=ticket.item.department, round=ticket.round
    )
    return ticket


def _pass_on(ticket_id: int, name: str, *, by: User, assignee_id: int, reason: str, due_at: datetime | None, seen_version: int | None) -> Ticket:
    at = clock.now()
    ticket = locked(ticket_id)
    assignee = User.objects.get(pk=assignee_id)
    check_assignee(ticket, assignee, at)
    if name == "second_line" and not assignee.has_role(Role.SECOND_LINE):
        raise ValidationError({"assignee": _("%(name)s is not on the second line.") % {"name": assignee}})
    entry = make(ticket, name, by=by, at=at, reason=reason, seen_version=seen_version, data={"assignee": assignee.pk, "name": assignee.name})
    ticket.assignee, ticket.assigned_by, ticket.assigned_at = assignee, by, at
    ticket.save(update_fields=["assignee", "assigned_by", "assigned_at"])
    deadlines.resume(ticket.item, "D26", at=at)
    hand_limits(ticket, entry)
    _due_earlier(ticket, due_at, by=by, at=at)
    tell_assignee(ticket, entry)
    return ticket


@transaction.atomic
def apply_step(*, step_id: int) -> str:
    """T7, G1, D43: do once what a step of the ladder asks for; the outcome row makes a second try come to nothing.

    Returns the outcome: "applied", or "nothing" when the ticket has been confirmed, closed or given to somebody else meanwhile.
    """
    at = clock.now()
    step = StepTaken.objects.select_related("deadline__item").get(pk=step_id)
    ticket_row = Ticket.objects.filter(item_id=step.deadline.item_id).values_list("pk", flat=True).first()
    ticket = locked(ticket_row) if ticket_row else None
    outcome, fresh = StepOutcome.objects.get_or_create(step=step, defaults={"outcome": "nothing", "at": at})
    step.deadline.refresh_from_db()
    if not fresh:
        return outcome.outcome
    if step.act == "hand_up" and ticket is not None and ticket.state == "pending" and step.deadline.live:
        _hand_up(ticket, by=SYSTEM, at=at)
        return _applied(outcome)
    if step.act == "no_answer" and ticket is not None and step.deadline.live and life.silent_to_the_end(ticket, at=at):
        return _applied(outcome)
    if step.act == "propose_major" and ticket is not None and step.deadline.live and _propose_major(ticket, at):
        return _applied(outcome)
    return outcome.outcome


def _applied(outcome: StepOutcome) -> str:
    outcome.outcome = "applied"
    outcome.save(update_fields=["outcome"])
    return outcome.outcome


def _propose_major(ticket: Ticket, at: datetime) -> bool:
    form = partner.of(ticket)
    return form is not None and form.propose_major(ticket, at=at)


def lock_matter(root: Item) -> None:
    """Ticket, then form, before history and limits: the order of every service."""
    ticket_id = Ticket.objects.filter(item=root).values_list("pk", flat=True).first()
    if ticket_id is not None:
        locked(ticket_id)


def take_work_away(root: Item, user: User, by: Actor, at: datetime) -> None:
    """V3: somebody became concerned; their ticket goes to the stand-in at once, and so do its limits. Runs in the naming's transaction."""
    deadlines.owner_gone(user, root, at=at)
    steps.take_steps_away(root, user, at)
    held = Ticket.objects.filter(item=root, assignee=user).exclude(state__in=("closed", "invalid", "merged")).first()
    if held is None:
        return
    ticket = locked(held.pk)
    entry = to_heir(ticket, at=at)
    tell(ticket.assignee, "assigned", entry=entry, item=ticket.item, by=_("the desk"))
