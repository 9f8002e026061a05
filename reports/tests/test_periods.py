"""R1, R2: which periods there are and which are owed, as tables in the desk's own time."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from reports import periods

SHANGHAI, BERLIN, SAO_PAULO = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/Sao_Paulo")


@pytest.mark.parametrize(("kind", "day", "start", "end", "why"), [
    ("weekly", "2026-03-02", "2026-03-02", "2026-03-09", "a Monday begins its week"),
    ("weekly", "2026-03-08", "2026-03-02", "2026-03-09", "a Sunday ends it"),
    ("weekly", "2026-01-01", "2025-12-29", "2026-01-05", "the week over New Year is one week"),
    ("weekly", "2020-12-31", "2020-12-28", "2021-01-04", "in a year of 53 weeks too"),
    ("monthly", "2025-12-31", "2025-12-01", "2026-01-01", "December ends with the year"),
    ("monthly", "2028-02-29", "2028-02-01", "2028-03-01", "a leap year's February"),
])  # fmt: skip
def test_the_period_a_day_lies_in(kind: str, day: str, start: str, end: str, why: str) -> None:
    found = periods.containing(kind, date.fromisoformat(day))
    assert (found.start.isoformat(), found.end.isoformat()) == (start, end), why


@pytest.mark.parametrize(("kind", "start"), [("weekly", "2026-03-03"), ("monthly", "2026-03-02"), ("yearly", "2026-01-01")])
def test_no_period_begins_there(kind: str, start: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        periods.starting(kind, date.fromisoformat(start))


def test_before_and_after_across_the_year() -> None:
    december = periods.containing("monthly", date(2025, 12, 5))
    assert (december.after.start, december.after.before) == (date(2026, 1, 1), december)
    assert len(december.days) == 31


@pytest.mark.parametrize(("at", "week", "month", "why"), [
    ("2026-03-10 09:00", "2026-03-02", "2026-02-01", "on a Tuesday: the week before"),
    ("2026-03-08 23:59", "2026-02-23", "2026-02-01", "the running week is not the last one"),
    ("2026-01-01 00:00", "2025-12-22", "2025-12-01", "New Year's first instant"),
])  # fmt: skip
def test_last_week_and_last_month(at: str, week: str, month: str, why: str) -> None:
    instant = datetime.fromisoformat(at).replace(tzinfo=SHANGHAI)
    assert periods.last_week(instant, SHANGHAI).start.isoformat() == week, why
    assert periods.last_month(instant, SHANGHAI).start.isoformat() == month, why


@pytest.mark.parametrize(("kind", "since", "at", "issued", "owed", "why"), [
    ("weekly", "2026-03-04 10:00", "2026-03-10 07:59", [], [], "Tuesday, before the desk opens"),
    ("weekly", "2026-03-04 10:00", "2026-03-10 08:00", [], ["2026-03-02"], "R1: Tuesday"),
    ("weekly", "2026-03-04 10:00", "2026-03-10 08:00", ["2026-03-02"], [], "issued already"),
    ("weekly", "2026-03-04 10:00", "2026-03-27 12:00", ["2026-03-02"], ["2026-03-09", "2026-03-16"], "two missed while the desk was down"),
    ("weekly", "2026-03-04 10:00", "2026-03-27 12:00", ["2026-03-09"], ["2026-03-02", "2026-03-16"], "a gap is filled, oldest first"),
    ("weekly", "2025-12-30 10:00", "2026-01-06 08:00", [], ["2025-12-29"], "over the year's end"),
    ("monthly", "2026-01-31 23:00", "2026-02-02 08:00", [], ["2026-01-01"], "R2: the 2nd, for a month of one hour"),
    ("monthly", "2026-01-31 23:00", "2026-02-01 23:59", [], [], "not on the 1st"),
    ("monthly", "2025-11-15 10:00", "2026-02-10 08:00", [], ["2025-11-01", "2025-12-01", "2026-01-01"], "three months"),
])  # fmt: skip
def test_periods_owed(kind: str, since: str, at: str, issued: list[str], owed: list[str], why: str) -> None:
    def instant(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)

    found = periods.periods_owed(kind, instant(since), instant(at), SHANGHAI, {date.fromisoformat(d) for d in issued})
    assert [p.start.isoformat() for p in found] == owed, why


@pytest.mark.parametrize(("zone", "kind", "day", "hours", "why"), [
    (SHANGHAI, "monthly", "2026-03-01", 744, "no change of clocks"),
    (BERLIN, "monthly", "2026-03-01", 743, "clocks go forward on the 29th"),
    (BERLIN, "monthly", "2026-10-01", 745, "and back on 25 October"),
    (BERLIN, "weekly", "2026-03-23", 167, "the Sunday of that week is short"),
    (SAO_PAULO, "weekly", "2018-10-29", 167, "midnight of Sunday 4 November 2018 did not exist"),
])  # fmt: skip
def test_bounds_are_local_midnights(zone: ZoneInfo, kind: str, day: str, hours: int, why: str) -> None:
    start, end = periods.containing(kind, date.fromisoformat(day)).bounds(zone)
    assert (end.timestamp() - start.timestamp()) / 3600 == hours, why


def test_periods_touch_without_gap_or_overlap() -> None:
    period = periods.containing("weekly", date(2026, 3, 23))
    for _ in range(60):
        assert period.bounds(BERLIN)[1] == period.after.bounds(BERLIN)[0]
        period = period.after
