"""What was promised elsewhere and kept: one statement over imported history (D26)."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.db.models import Count, F, Q, QuerySet

from tickets.imports.records import OPEN
from tickets.models import Ticket


class Kept(NamedTuple):
    """The two shares: `closed_on_time` of `closed_with_promise`, and the stricter one of `with_open_overdue`."""

    closed_on_time: int
    closed_with_promise: int
    with_open_overdue: int


def kept_promises(as_of: datetime, tickets: QuerySet[Ticket] | None = None) -> Kept:
    """Closed in time, closed with a promise, and the latter with the open ones that are past their promise as of `as_of` (those count as late)."""
    rows = Ticket.objects.filter(historic=True) if tickets is None else tickets
    closed, promised = Q(completed_at__isnull=False), Q(promised_due_at__isnull=False)
    counts = rows.filter(promised).aggregate(
        on_time=Count("pk", filter=closed & Q(completed_at__lte=F("promised_due_at"))),
        closed=Count("pk", filter=closed),
        overdue=Count("pk", filter=Q(completed_at__isnull=True, state__in=OPEN, promised_due_at__lt=as_of)),
    )
    return Kept(counts["on_time"], counts["closed"], counts["closed"] + counts["overdue"])
