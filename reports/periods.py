"""Weeks and months in the desk's zone, and which summaries are owed (R1, R2, R3). Pure: no rows, no clock.

What is owed follows from "is there a summary for this period", never from "did the timer fire" (a desk that was down catches up).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum


class Kind(StrEnum):
    """The values of reports.models.Summary.Kind."""

    WEEKLY = "weekly"
    MONTHLY = "monthly"
    REWARDS = "rewards"
    """Of a month as well (R3)."""


OPENS_AT = time(8)
"""From when on the day a summary is issued: nobody wants its notice at midnight."""
ISSUED_AFTER = {Kind.WEEKLY: timedelta(days=1), Kind.MONTHLY: timedelta(days=1), Kind.REWARDS: timedelta(days=3)}
"""Days from the end of the period to the day of issue: Tuesday after the week that ended on Sunday (R1), the 2nd (R2), the 4th (R3)."""


@dataclass(frozen=True, order=True)
class Period:
    """`end` is the first day after the period."""

    start: date
    end: date
    kind: Kind

    def bounds(self, zone: tzinfo) -> tuple[datetime, datetime]:
        """From the local midnight that begins it to the one that ends it; a month with a change of clocks is an hour longer or shorter."""
        return datetime.combine(self.start, time.min, zone), datetime.combine(self.end, time.min, zone)

    def issue_at(self, zone: tzinfo) -> datetime:
        return datetime.combine(self.end + ISSUED_AFTER[self.kind], OPENS_AT, zone)

    def over(self, at: datetime, zone: tzinfo) -> bool:
        return at >= self.bounds(zone)[1]

    @property
    def before(self) -> Period:
        return containing(self.kind, self.start - timedelta(days=1))

    @property
    def after(self) -> Period:
        return containing(self.kind, self.end)

    @property
    def last_day(self) -> date:
        return self.end - timedelta(days=1)

    @property
    def days(self) -> list[date]:
        return [self.start + timedelta(days=n) for n in range((self.end - self.start).days)]


def containing(kind: str, day: date) -> Period:
    """The week or month that `day` lies in."""
    if kind == Kind.WEEKLY:
        monday = day - timedelta(days=day.weekday())
        return Period(monday, monday + timedelta(days=7), Kind.WEEKLY)
    first = day.replace(day=1)
    return Period(first, (first + timedelta(days=31)).replace(day=1), Kind(kind))


def starting(kind: str, start: date) -> Period:
    """The period that begins on `start`; ValueError when none does."""
    period = containing(Kind(kind), start)
    if period.start != start:
        raise ValueError(f"No {kind} period begins on {start}.")
    return period


def running(kind: str, at: datetime, zone: tzinfo) -> Period:
    return containing(kind, at.astimezone(zone).date())


def last_week(at: datetime, zone: tzinfo) -> Period:
    return running(Kind.WEEKLY, at, zone).before


def last_month(at: datetime, zone: tzinfo) -> Period:
    return running(Kind.MONTHLY, at, zone).before


def periods_over(kind: str, since: datetime, at: datetime, zone: tzinfo) -> list[Period]:
    """Periods of a kind that have ended by `at`, oldest first, from the one `since` lies in."""
    over, period = [], running(kind, since, zone)
    while period.over(at, zone):
        over.append(period)
        period = period.after
    return over


def periods_owed(kind: str, since: datetime, at: datetime, zone: tzinfo, issued: Collection[date] = ()) -> list[Period]:
    """Periods of a kind due to be issued by `at` and not among `issued` (their first days), oldest first, from the one `since` lies in."""
    return [period for period in periods_over(kind, since, at, zone) if period.issue_at(zone) <= at and period.start not in issued]
