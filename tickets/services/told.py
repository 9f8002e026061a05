"""What a message or a talk settles of the ticket's limits where it is on record elsewhere than as a contact: a letter, a progress note, a remedy
offered or chosen (T1, T11, T16)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from feedback_desk.deadlines import services as deadlines
from feedback_desk.deadlines.models import Deadline
from feedback_desk.people.models import User
from tickets import promises
from tickets.models import Ticket
from tickets.services.common import RESPONSE

PAYMENT = "g"
"""Begins the `part` of a promise that comes with a remedy: the money keeps it, no letter does."""


def told(ticket: Ticket, *, by: User, at: datetime, solution: bool = False, until: datetime | None = None) -> None:
    """A person wrote to or spoke with the customer: D02 and D03-05 are met, and D08 by a `solution` offered or a date told (`until`).

    The caller holds the ticket's lock; the promise that goes with `until` is the caller's to begin.
    """
    deadlines.settle(ticket.item, "D02", *RESPONSE, *(("D08",) if solution or until else ()), at=at, by=by)
    ticket.touched_at, ticket.first_response_at = ticket.touched_at or at, ticket.first_response_at or at
    ticket.save(update_fields=["touched_at", "first_response_at"])


def keep_promises(ticket: Ticket, *, by: User, at: datetime) -> None:
    """T16: what was sent keeps what was promised for that day or earlier, in time or late. A later promise runs on, and so does a payment."""
    deadlines.settle(ticket.item, "D38", at=at, by=by, only=_promises(ticket, due_at__lte=promises.end_of_day(at)))


def renew_promises(ticket: Ticket, *, by: User, at: datetime) -> None:
    """T16: a new date was told, so what was promised before ends, in time or late; a payment is owed all the same."""
    deadlines.settle(ticket.item, "D38", at=at, by=by, begun=True, only=_promises(ticket))


def _promises(ticket: Ticket, **which: Any) -> list[int]:
    rows = Deadline.objects.filter(item=ticket.item, code="D38", state__in=deadlines.LIVE, **which).exclude(part__startswith=PAYMENT)
    return list(rows.values_list("pk", flat=True))


def keep_payment(ticket: Ticket, *, remedy_id: int, by: User, at: datetime) -> None:
    """T16: what was promised with a remedy is kept by the remedy itself, as of when it was fulfilled."""
    deadlines.settle(ticket.item, "D38", part=f"{PAYMENT}{remedy_id}", at=at, by=by)
