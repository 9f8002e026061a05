"""What the guards of the ticket's moves read: deadlines missed without a reason, what is still owed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from feedback_desk import clock
from feedback_desk.deadlines import extensions
from feedback_desk.deadlines.models import Deadline, DeadlineState, Extension
from feedback_desk.people.one_look import remembered

if TYPE_CHECKING:
    from feedback_desk.people.models import User
    from tickets.models import Ticket

OWED = ("D22", "D38")
"""Limits that run in any state and hold a completed ticket open: second follow-up, promises."""
ACTIONS = ("D41", "D42")


def unexplained_late(ticket: Ticket) -> str:
    """T9: names of the ticket's own limits that passed without a recorded reason; empty when none."""
    late = remembered(("late", ticket.item_id), lambda: _late(ticket))
    return "、".join(d.rule.spoken for d in late)


def _late(ticket: Ticket) -> list[Deadline]:
    return list(
        Deadline.objects.filter(item_id=ticket.item_id, code__in=("D08", "D26"), state=DeadlineState.RUNNING, due_at__lt=clock.now(), why="").select_related(
            "rule"
        )
    )


def missed_by(user: User, rows: Iterable[Deadline], at: datetime) -> list[Deadline]:
    """T9: of a matter's limits those that are the user's, were missed and have no reason yet, running or ended; dates of actions are the actions' own."""
    mine = [row for row in rows if row.owner_id == user.pk and not row.why and row.code not in ACTIONS]
    return [row for row in mine if row.late or (row.live and not extensions.in_time(row, at))]


def still_owed(ticket: Ticket) -> str:
    rows = Deadline.objects.filter(item_id=ticket.item_id, code__in=OWED, state__in=(DeadlineState.RUNNING, DeadlineState.PAUSED)).select_related("rule")
    live = remembered(("owed", ticket.item_id), lambda: list(rows))
    return "、".join(d.rule.spoken for d in live)


def extendable(ticket: Ticket) -> list[Deadline]:
    """T9: limits of the matter for which more time may be asked for now."""
    at = clock.now()
    rows = remembered(("extendable", ticket.item_id), lambda: list(extensions.extendable(ticket.item)))
    return [row for row in rows if extensions.may_ask(row, at)]


def asked_for(ticket: Ticket) -> list[Extension]:
    """T9: requests for more time in this matter that wait for their answer."""
    return remembered(("asked", ticket.item_id), lambda: list(extensions.asked(ticket.item)))
