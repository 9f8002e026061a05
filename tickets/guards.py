"""What the guards of the ticket's moves read: deadlines missed without a reason, what is still owed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext as _

from feedback_desk import clock
from feedback_desk.deadlines import extensions
from feedback_desk.deadlines.ladder import LEAST
from feedback_desk.deadlines.models import WAITS, Deadline, DeadlineState, Extension
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
    return _(", ").join(d.rule.spoken for d in late)


def _late(ticket: Ticket) -> list[Deadline]:
    return list(
        Deadline.objects.filter(item_id=ticket.item_id, code__in=("D08", "D26"), state=DeadlineState.RUNNING, due_at__lt=clock.now(), why="").select_related(
            "rule"
        )
    )


def missed_by(user: User, rows: Iterable[Deadline], at: datetime) -> list[Deadline]:
    """T9: of a matter's limits those that are the user's, were missed and have no reason yet, running or ended.

    Dates of actions are the actions' own; what waits for the customer is nobody's to explain.
    """
    mine = [row for row in rows if row.owner_id == user.pk and not row.why and row.code not in ACTIONS and row.code not in WAITS]
    return [row for row in mine if row.late or (row.live and not extensions.in_time(row, at))]


SILENT_FOR = timedelta(seconds=LEAST["D43"])
IN_VAIN, WITHIN = 3, timedelta(days=31)
"""The last three attempts failed within a month, each on its own day; as for abnormal closing (C10)."""


def silent_since(ticket: Ticket) -> datetime:
    """When the customer was asked to confirm, or last reached since, whether a limit (D43) runs or not."""
    return next((at for at, _way, reached, purpose in _contacts_since(ticket) if reached and purpose != "question"), ticket.state_since)


def attempts_in_vain(ticket: Ticket, at: datetime) -> bool:
    since = max(at - WITHIN, silent_since(ticket))
    attempts = [(when, reached) for when, way, reached, _purpose in _contacts_since(ticket) if when >= since and way != "other"]
    failed = takewhile(lambda row: not row[1], attempts)
    return len({timezone.localdate(row[0]) for row in failed}) >= IN_VAIN


def _contacts_since(ticket: Ticket) -> list[tuple[datetime, str, bool, str]]:
    """(when, way, reached, purpose) since the ticket is in its state, the last one first."""
    from tickets.models import Contact

    rows = Contact.objects.filter(item_id=ticket.item_id, at__gte=ticket.state_since).order_by("-at", "-pk")
    return remembered(("contacts since", ticket.item_id), lambda: list(rows.values_list("at", "way", "reached", "purpose")))


def still_owed(ticket: Ticket) -> str:
    rows = Deadline.objects.filter(item_id=ticket.item_id, code__in=OWED, state__in=(DeadlineState.RUNNING, DeadlineState.PAUSED)).select_related("rule")
    live = remembered(("owed", ticket.item_id), lambda: list(rows))
    return _(", ").join(d.rule.spoken for d in live)


def extendable(ticket: Ticket) -> list[Deadline]:
    """T9: limits of the matter for which more time may be asked for now."""
    at = clock.now()
    rows = remembered(("extendable", ticket.item_id), lambda: list(extensions.extendable(ticket.item)))
    return [row for row in rows if extensions.may_ask(row, at)]


def asked_for(ticket: Ticket) -> list[Extension]:
    """T9: requests for more time in this matter that wait for their answer."""
    return remembered(("asked", ticket.item_id), lambda: list(extensions.asked(ticket.item).select_related(None)))
