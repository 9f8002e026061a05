"""A ticket gets its assignee (T6): who may be one, and everything that follows from it: holder, limits, notice."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from feedback_desk.deadlines import services as deadlines
from feedback_desk.deadlines.models import Deadline
from feedback_desk.people import access, receivers, standing
from feedback_desk.people.actors import SYSTEM, Actor, person
from feedback_desk.people.models import User
from feedback_desk.records import history
from feedback_desk.records.models import Entry
from feedback_desk.records.moves import make
from tickets import candidates
from tickets.candidates import ASSIGNEES
from tickets.models import Ticket, Urgency
from tickets.services.common import CONFIRMATION, facts, hand_over_limits, hold, tell


def check_assignee(ticket: Ticket, assignee: User, at: datetime) -> None:
    """The guard of `assign`: handles tickets, on duty, not concerned, has the skill; absent only with a backup. Raises ValidationError."""
    if access.concerned(assignee, ticket.item):
        raise _not_to(_("%(name)s is named in this matter and takes no part in handling it."), assignee)
    if not assignee.has_role(*ASSIGNEES):
        raise _not_to(_("%(name)s does not handle tickets."), assignee)
    if not assignee.on_duty or not assignee.is_active:
        raise _not_to(_("%(name)s is not on duty."), assignee)
    if assignee.pk in standing.out_of_play(None, at) and assignee.backup is None:
        raise _not_to(_("%(name)s is absent and has no backup."), assignee)
    needed = candidates.skills_for(ticket.category)
    if not candidates.has_one_of(assignee, [skill.pk for skill in needed]):
        sentence = _("%(name)s does not have the skill that “%(category)s” needs: %(skills)s.")
        raise _not_to(sentence, assignee, category=ticket.category.spoken, skills=_(" or ").join(skill.spoken for skill in needed))


def _not_to(sentence: str, assignee: User, **more: Any) -> ValidationError:
    return ValidationError({"assignee": sentence % {"name": assignee, **more}})


def give(ticket: Ticket, *, by: Actor, at: datetime, assignee: User, seen_version: int | None = None, **data: Any) -> Entry:
    """Assign, without asking again who may be assigned. Whoever calls tells the assignee, once the ticket has its number."""
    ticket.assignee, ticket.assigned_by, ticket.assigned_at = assignee, person(by), at
    told = {"assignee": assignee.pk, "name": assignee.name, **data}
    entry = make(ticket, "assign", by=by, at=at, seen_version=seen_version, save=("assignee", "assigned_by", "assigned_at"), data=told)
    hand_limits(ticket, entry)
    return entry


def hand_limits(ticket: Ticket, entry: Entry) -> None:
    """The new assignee holds the ticket and its limits, and has an hour to confirm."""
    hold(ticket, entry.at)
    deadlines.void(ticket.item, *CONFIRMATION, at=entry.at, why=gettext_noop("assigned anew"))
    hand_over_limits(ticket, entry.at)
    deadlines.start_all(
        ticket.item, list(CONFIRMATION), at=entry.at, facts=facts(ticket), owner=ticket.assignee, department=ticket.item.department, round=ticket.round
    )


def tell_assignee(ticket: Ticket, entry: Entry) -> None:
    """T6: the assignee, or who stands in, is notified, with the due time."""
    receiver = standing.stand_in(ticket.assignee, ticket.item, entry.at)
    due = Deadline.objects.filter(item=ticket.item, code="D26", state="running").values_list("due_at", flat=True).first()
    urgent = {"urgent": True} if ticket.urgency == Urgency.URGENT else {}
    tell(receiver, "assigned", entry=entry, item=ticket.item, by=str(entry.by or ""), due_at=due, **urgent)


def to_heir(ticket: Ticket, *, at: datetime) -> Entry:
    """V3: the ticket and its limits leave its assignee for the stand-in, or for the queue where nobody is left."""
    user = ticket.assignee
    heir = receivers.heir(user, root=ticket.item, at=at) if user else None
    ticket.assignee, ticket.assigned_by, ticket.assigned_at = heir, None, at
    ticket.save(update_fields=["assignee", "assigned_by", "assigned_at"])
    hold(ticket, at)
    hand_over_limits(ticket, at)
    data = {"from": user.name if user else "", "name": heir.name if heir else "", "assignee": heir.pk if heir else None}
    return history.record(ticket.item, "taken_away", by=SYSTEM, at=at, data=data)


def leave_concerned(ticket: Ticket, *, at: datetime) -> Entry | None:
    """V3: a ticket that goes on again does not go back to whoever was named in the matter while it was over. The caller tells the heir."""
    return to_heir(ticket, at=at) if ticket.assignee and access.concerned(ticket.assignee, ticket.item) else None
