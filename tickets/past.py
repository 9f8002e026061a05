"""What a ticket was at an earlier instant: its row says only what it is now, the lines of its moves say the rest (V5, C15)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from django.db.models import QuerySet

from feedback_desk.records.models import Entry
from tickets.lifecycle import State
from tickets.models import Ticket

DONE = (State.COMPLETED, State.CLOSED)
BY_IMPORT = ("imported", "import_changed")
"""Dated by the import and not by what they tell of."""


def moves() -> QuerySet[Entry]:
    """Lines that say which state a ticket was in from then on; the caller names the tickets' items."""
    rows: QuerySet[Entry] = Entry.objects.filter(target__in=State.values).exclude(verb__in=BY_IMPORT)
    return rows


def done_at(then: Collection[tuple[int, datetime]]) -> set[tuple[int, datetime]]:
    """Of pairs (ticket, instant) those in which it was completed or closed. Two queries, however many."""
    ids = {pk for pk, _at in then}
    lines: dict[int, list[tuple[datetime, str]]] = defaultdict(list)
    for pk, at, target in moves().filter(item__ticket__in=ids).order_by("at", "pk").values_list("item__ticket", "at", "target"):
        lines[pk].append((at, target))
    ended = dict(Ticket.objects.filter(pk__in=ids - lines.keys(), completed_at__isnull=False).values_list("pk", "completed_at"))
    return {(pk, at) for pk, at in then if _state(lines[pk], at) in DONE or (pk in ended and ended[pk] <= at)}


def _state(lines: list[tuple[datetime, str]], at: datetime) -> str:
    return next((target for moved_at, target in reversed(lines) if moved_at <= at), "")
