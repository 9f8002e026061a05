"""What comes after a contact (F1): a step with person and date, ticked off with what came of it, or the reason why none is left."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from feedback_desk import ahead, clock
from feedback_desk.notices import outbox
from feedback_desk.people import access, receivers, standing
from feedback_desk.people.access import NotNow, NotYou
from feedback_desk.people.actors import Actor, person
from feedback_desk.people.models import User
from feedback_desk.records import history
from feedback_desk.records.models import Item
from feedback_desk.records.spoken import when
from tickets.models import Contact, NextStep, Ticket
from tickets.services.common import demand, locked, need, says_nothing, tell

TICKS = frozenset({"handler", "supervisor"})
"""Who may tick off somebody else's step."""


def comes_next(
    *, by: User, next_step: str = "", next_by_id: int | None = None, next_at: datetime | None = None, no_step_why: str = "",
    promised_at: datetime | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What comes next as it is kept: done by whoever records it where nobody is named, by the date promised where none is said."""
    next_by = User.objects.filter(pk=next_by_id, is_active=True).first() if next_by_id else by
    return {"next_step": next_step, "next_by": next_by, "next_at": next_at or promised_at, "no_step_why": no_step_why}


def wrong_next(*, item: Item, next_step: str, next_by: User | None, next_at: datetime | None, no_step_why: str, now: datetime) -> dict[str, str]:
    """Sentences by field: a step that says something, with somebody who sees the ticket, later than now; or why there is none. Never both, never neither."""
    if no_step_why.strip():
        return _wrong_reason(next_step, no_step_why)
    if not next_step.strip():
        return _nothing_next(next_at)
    errors: dict[str, str] = {}
    if says_nothing(next_step):
        errors["next_step"] = _("“%(words)s” says nothing: what is done next?") % {"words": next_step.strip()}
    if next_at is None:
        errors |= _no_date()
    elif next_at <= now:
        errors["next_at"] = _("This must be later than now.")
    errors |= ahead.too_far(next_at=next_at)
    if next_by is None:
        errors["next_by"] = _("Who does it?")
    elif access.concerned(next_by, item) or not access.may(next_by, "see", item):
        errors["next_by"] = _("%(name)s cannot take this on.") % {"name": next_by}
    return errors


def _nothing_next(next_at: datetime | None) -> dict[str, str]:
    """Sentences by field where no next step is said."""
    asked = {"next_step": _("What comes next? If nothing is left to do, tick “No further step” and say why.")}
    return asked if next_at is not None else asked | _no_date()


def _no_date() -> dict[str, str]:
    return {"next_at": _("By when is the next step done?")}


def _wrong_reason(next_step: str, no_step_why: str) -> dict[str, str]:
    if next_step.strip():
        return {"no_step_why": _("Either a next step or none: not both.")}
    if says_nothing(no_step_why):
        return {"no_step_why": _("“%(words)s” says nothing: why is nothing left to do?") % {"words": no_step_why.strip()}}
    return {}


def open_step(contact: Contact) -> NextStep | None:
    """The step of a contact begins to wait; whoever is to do it, or their stand-in, is told, unless they wrote it down themselves."""
    if contact.next_at is None:
        return None
    step = NextStep.objects.create(contact=contact, item=contact.item, owner=contact.next_by, due_at=contact.next_at)
    receiver = standing.stand_in(contact.next_by, contact.item, contact.recorded_at)
    if receiver is not None and contact.by_id not in (contact.next_by_id, receiver.pk):
        outbox.tell(
            key=f"next_step:{contact.pk}", cause=f"contact:{contact.pk}", item=contact.item, receiver=receiver, template="generic",
            at=contact.recorded_at, data={
                "number": contact.item.number, "title": contact.item.title,
                "message": gettext_noop("%(who)s noted a next step for you."), "said": {"who": str(contact.by)},
            },
        )  # fmt: skip
    return step


@transaction.atomic
def finish_step(*, step_id: int, by: User, outcome: str) -> NextStep:
    """F1: done, with what came of it. By whom it is for, their stand-in, the ticket's handler or a supervisor; NotNow when it has ended already."""
    at = clock.now()
    ticket = locked(NextStep.objects.values_list("item__ticket", flat=True).get(pk=step_id))
    demand(by, "finish_step", ticket.item)
    step = NextStep.objects.select_related("contact", "item", "owner", "ended_by").get(pk=step_id)
    if step.ended_at is not None:
        about = {"who": step.ended_by or _("the desk"), "when": when(step.ended_at)}
        raise NotNow(_("This step has ended already: %(who)s, %(when)s.") % about, moved_by=str(step.ended_by or ""), moved_at=step.ended_at)
    finish(step, ticket, by=by, at=at, outcome=outcome)
    return step


def finish(step: NextStep, ticket: Ticket, *, by: User, at: datetime, outcome: str) -> None:
    """For services that hold the ticket's lock; NotYou for somebody else's step."""
    if not may_finish(step, ticket, by, at):
        raise NotYou(_("This step is for somebody else."), user=by, item=ticket.item, verb="finish_step")
    need(outcome=outcome)
    if says_nothing(outcome):
        raise ValidationError({"outcome": _("“%(words)s” says nothing: what came of it?") % {"words": outcome.strip()}})
    done(step, by=by, at=at, outcome=outcome)


def may_finish(step: NextStep, ticket: Ticket, user: User, at: datetime, capacities: frozenset[str] | None = None) -> bool:
    """`capacities`: the user's on the ticket, if they are known."""
    if step.owner_id == user.pk or TICKS & (ticket.capacities(user) if capacities is None else capacities):
        return True
    acting = standing.stand_in(step.owner, ticket.item, at) if step.owner is not None else None
    return acting is not None and acting.pk == user.pk


def done(step: NextStep, *, by: Actor, at: datetime, outcome: str) -> None:
    """For services that hold the ticket's lock."""
    step.ended_at, step.ended_by, step.done, step.outcome = at, person(by), True, outcome.strip()[:500]
    step.save(update_fields=["ended_at", "ended_by", "done", "outcome"])
    entry = history.record(step.item, "step_done", by=by, at=at, reason=step.outcome, data={"contact": step.contact_id})
    if entry.by is not None:
        tell(step.owner, "generic", entry=entry, item=step.item, message=gettext_noop("%(who)s ticked off your next step."), said={"who": str(entry.by)})


def done_by_itself(ticket: Ticket, which: Q, *, by: Actor, at: datetime, outcome: str) -> None:
    """What these steps were waiting for has happened; `which` is asked of the step."""
    for step in NextStep.objects.filter(which, item=ticket.item, ended_at=None).select_related("contact", "item", "owner").order_by("pk"):
        done(step, by=by, at=at, outcome=outcome)


def end_with_ticket(ticket: Ticket, *, by: Actor, at: datetime, why: str) -> None:
    """The ticket ended: what was still to be done ends with it, and says so."""
    NextStep.objects.filter(item=ticket.item, ended_at=None).update(ended_at=at, ended_by=person(by), done=False, outcome=why[:500])


def take_steps_away(root: Item, user: User, at: datetime) -> None:
    """V3: what somebody who became concerned still had to do goes to their stand-in; nobody left: it waits for the handler."""
    left = NextStep.objects.filter(item=root, owner=user, ended_at=None)
    if left.exists():
        left.update(owner=receivers.heir(user, root=root, at=at))
