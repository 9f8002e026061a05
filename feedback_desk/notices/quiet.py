"""Quiet hours (E1): per channel, the delivery waits for the end of the night or the weekend; the step of the ladder does not.

Asked when notices are claimed and not when they are written, so that what is tried again or written late keeps them too. What stands in the
page is never delayed; a notice that says it is urgent goes out at once where the row allows it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from feedback_desk.notices.models import Notice, NoticeState, QuietHours, Whom

WEEK = 8
"""Days looked ahead; quiet hours that never end within them are taken to end then."""


def put_off(due: QuerySet[Notice], at: datetime) -> Q:
    """Give waiting notices of channels that are quiet at `at` the end of the quiet as their `send_after`; returns what may not be claimed now."""
    held = Q(pk__in=[])
    for row in quiet_at(QuietHours.objects.filter(active=True), at):
        theirs = held_by(row)
        ours = due.filter(theirs, state=NoticeState.WAITING).select_for_update(skip_locked=True).order_by("pk").values_list("pk", flat=True)
        Notice.objects.filter(pk__in=list(ours)).update(send_after=ends(row, at))
        held |= theirs
    return held


def quiet_at(rows: Iterable[QuietHours], at: datetime) -> list[QuietHours]:
    return [row for row in rows if covers(row, at)]


def held_by(row: QuietHours) -> Q:
    """The notices that a row holds back."""
    held = Q(channel=row.channel)
    if row.whom != Whom.EVERYBODY:
        held &= Q(receiver__isnull=row.whom == Whom.CUSTOMERS)
    return held & ~Q(data__has_key="urgent") if row.urgent_passes else held


def covers(row: QuietHours, at: datetime) -> bool:
    """Is it quiet at `at`? Hours over midnight belong to the day on which they begin; equal hours are the whole day."""
    local = at.astimezone(ZoneInfo(row.zone))
    today, yesterday = local.isoweekday(), (local - timedelta(days=1)).isoweekday()
    now = local.time()
    if row.from_time < row.until_time:
        return today in row.weekdays and row.from_time <= now < row.until_time
    return (today in row.weekdays and now >= row.from_time) or (yesterday in row.weekdays and now < row.until_time)


def ends(row: QuietHours, at: datetime) -> datetime:
    """The first instant after `at` at which this row is not quiet: one of its own ends, or a midnight."""
    zone = ZoneInfo(row.zone)
    day = at.astimezone(zone).date()
    for ahead in range(WEEK + 1):
        instant = datetime.combine(day + timedelta(days=ahead), row.until_time, zone)
        if instant > at and not covers(row, instant):
            return instant
    return datetime.combine(day + timedelta(days=WEEK), row.until_time, zone)
