"""Twenty thousand generated limits: the arithmetic of the desk and a slow walk through the calendar agree on every instant.

Drawn with a fixed seed: desks in zones with and without changes of clocks, all clocks, starts with seconds in half of them, pauses, extensions, steps
before and after the limit.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

import pytest

from feedback_desk.deadlines import clocks, ladder, services
from feedback_desk.deadlines.calendars import build
from feedback_desk.deadlines.clocks import Allowance, Hours
from feedback_desk.deadlines.models import Deadline, Pause, Rule
from feedback_desk.deadlines.tests.test_clocks import china
from feedback_desk.deadlines.tests.walking import Desk, instant

pytestmark = pytest.mark.skipif(bool(os.environ.get("DATABASE_URL")), reason="the embedded run has it")
CASES, PARTS = 20_000, 8
FIVE, SEVEN = "12345", "1234567"
HOUSES: list[tuple[str, str, list[tuple[str, str]]]] = [
    ("Asia/Shanghai", FIVE, [("09:00", "18:00")]),
    ("Asia/Shanghai", FIVE, [("08:35", "12:00"), ("13:25", "17:30")]),
    ("Asia/Shanghai", SEVEN, [("00:00", "24:00")]),
    ("Europe/Berlin", FIVE, [("09:00", "18:00")]),
    ("Europe/Berlin", SEVEN, [("01:30", "02:30"), ("02:45", "10:00")]),
    ("America/New_York", "123456", [("00:00", "01:30"), ("14:00", "24:00")]),
    ("America/New_York", SEVEN, [("00:00", "24:00")]),
    ("Australia/Lord_Howe", "2345671", [("01:45", "09:15")]),
    ("Africa/Cairo", FIVE, [("00:00", "06:00"), ("22:00", "24:00")]),
    ("America/Santiago", SEVEN, [("00:30", "08:00")]),
    ("America/Havana", "12367", [("00:00", "00:45"), ("08:00", "20:00")]),
    ("Asia/Kathmandu", "123457", [("10:00", "17:00")]),
    ("Asia/Shanghai", FIVE, [("20:00", "02:00")]),
    ("Europe/Berlin", "567", [("22:00", "06:00")]),
    ("America/New_York", SEVEN, [("12:00", "13:00"), ("21:00", "02:30")]),
]
PERCENT = ([75, 100, 150, 200, 300], [50, 75, 100, 125], [100, 200])
SPAN = 335 * 86400
"""Seconds of the year from which starts are drawn, from 1 December 2025."""


@dataclass
class House:
    hours: Hours
    desk: Desk


@pytest.fixture(scope="module")
def houses() -> list[House]:
    return [house(*words) for words in HOUSES]


def house(zone: str, days: str, spans: list[tuple[str, str]]) -> House:
    special = list(china()) if zone == "Asia/Shanghai" and days == FIVE else []
    hours = build(zone, {day: [list(span) for span in spans] for day in days}, special)
    return House(hours, Desk(zone, {int(day): spans for day in sorted(days)}, {day: works for day, works, _spans in special}))


@dataclass
class Case:
    """A limit, and what becomes of it: (moment, "stop" | "go on" | "extend")."""

    start: datetime
    clock: str
    amount: int
    at: time | None
    rungs: list[list[Any]]
    events: list[tuple[str, datetime]]


def drawn(random: Random) -> Case:
    start = datetime(2025, 12, 1, tzinfo=UTC) + timedelta(seconds=random.randrange(SPAN))
    start = start.replace(second=start.second if random.random() < 0.5 else 0)
    if random.random() < 0.15:
        start = near_a_change(random, start)
    clock = random.choice(["calendar", "business", "business", "working_day", "working_day", "same_day", "next_day", "fixed_date", "weekday"])
    amount = {
        "calendar": lambda: random.choice([1, 60, 900, 3600, random.randrange(4 * 86400)]),
        "business": lambda: random.choice([1, 900, 3600, random.randrange(1, 90_000)]),
        "working_day": lambda: random.choice([1, 2, 3, 5, 10, 15]),
        "same_day": lambda: 0,
        "next_day": lambda: random.choice([1, 1, 2]),
        "fixed_date": lambda: random.randrange(1, 32),
        "weekday": lambda: random.randrange(1, 8),
    }[clock]()
    at = time(random.randrange(24), random.choice([0, 15, 30, 45])) if clock in ("next_day", "fixed_date", "weekday") and random.random() < 0.5 else None
    return Case(start, clock, amount, at, rungs(random), list(events(random, start)))


def near_a_change(random: Random, start: datetime) -> datetime:
    """Within two days of clocks that go forward or back."""
    change = random.choice([date(2026, 3, 8), date(2026, 3, 29), date(2026, 4, 5), date(2026, 4, 24), date(2026, 9, 6), date(2026, 10, 4), date(2026, 10, 25)])
    return datetime.combine(change, start.time(), UTC) + timedelta(days=random.randrange(-2, 2))


def rungs(random: Random) -> list[list[Any]]:
    if random.random() < 0.15:
        return [[1, None, None, "owner", "", -random.randrange(1, 200)], [2, 100, None, "superior", ""], [3, None, None, "manager", "", random.randrange(500)]]
    if random.random() < 0.3:
        return [[1, 75, None, "owner", ""], [2, 100, None, "superior", ""], *([n + 2, None, n, "manager", ""] for n in (1, 2, 3))]
    return [[order, percent, None, "owner", ""] for order, percent in enumerate(random.choice(PERCENT), 1)]


def events(random: Random, start: datetime) -> Any:
    at = start
    for _n in range(random.choice([0, 0, 1, 2, 3])):
        if random.random() < 0.15:
            yield "extend", start + timedelta(seconds=random.randrange(30 * 86400))
            continue
        for what in ("stop", "go on"):
            at += timedelta(seconds=random.choice([random.randrange(7200), random.randrange(4 * 86400)]))
            yield what, at


def by_the_desk(case: Case, hours: Hours) -> list[int]:
    """Limit, warning and every step, as services and ladder do it."""
    due = clocks.due(case.start, Allowance(case.clock, case.amount, case.at), hours)
    kept = {"clock": case.clock, "amount": case.amount, "calendar": 0, "steps": case.rungs, "total": max(clocks.between(case.start, due, case.clock, hours), 0)}
    row = Deadline(rule=Rule(clock=case.clock), start_at=case.start, due_at=due, allowance=kept)
    ladder.aim(row, hours)
    for what, at in case.events:
        if what == "extend":
            if at > row.due_at:
                services._lengthen(row, at, hours, at)
        elif what == "stop":
            stopped = at
        else:
            services.pass_pauses(row, [Pause(from_at=stopped, until_at=at)], hours)
    return [instant(at) for at in (row.due_at, row.warn_at, *(ladder.rung_at(row, rung, hours) for rung in ladder.rungs(row)))]


def by_walking(case: Case, desk: Desk) -> list[int]:
    start = instant(case.start)
    due = desk.due(start, case.clock, case.amount, case.at)
    total, limit = max(desk.used(start, due, case.clock), 0), due
    for what, moment in case.events:
        at = instant(moment)
        if what == "extend":
            if at > due:
                total += desk.used(due, at, case.clock)
                limit = due = at
        elif what == "stop":
            left = desk.left(at, limit, case.clock)
        elif left < 0:
            limit = desk.back(at, -left, case.clock)
        else:
            limit = due = desk.resumed(at, left, case.clock)
    steps = [step(desk, limit, total, case.clock, *rung) for rung in case.rungs]
    warns = [at for at, rung in zip(steps, case.rungs, strict=True) if (rung[1] or 100) < 100 or (rung[5:] and rung[5] < 0)]
    return [due, min(warns, default=due), *sorted(steps)]


def step(desk: Desk, limit: int, total: int, clock: str, _n: int, percent: int | None, days: int | None, _who: str, _act: str, minutes: int = 0) -> int:
    if percent is not None:
        return desk.rung(limit, total, percent, clock)
    if days is not None:
        return desk.days_after(limit, days)
    away = abs(minutes) * 60_000
    return desk.back(limit, away, clock) if minutes < 0 else desk.on(limit, away, clock)


def shown(instants: list[int], house: House) -> list[str]:
    return [str(datetime.fromtimestamp(at / 1000, house.hours.zone)) for at in instants]


@pytest.mark.parametrize("part", range(PARTS))
def test_the_desk_and_a_walk_through_the_calendar_agree(houses: list[House], part: int) -> None:
    random, differing, seen = Random(20260302 + part), [], Counter[str]()
    for number in range(CASES // PARTS):
        house, case = houses[number % len(houses)], drawn(random)
        seen[case.clock] += 1
        seen["stopped"] += any(what == "stop" for what, _at in case.events)
        seen["with seconds"] += case.start.second > 0
        ours, theirs = by_the_desk(case, house.hours), by_walking(case, house.desk)
        if ours != theirs:
            differing.append(f"{house.desk.zone} {case}\n  desk {shown(ours, house)}\n  walk {shown(theirs, house)}")
    assert not differing, f"{len(differing)} of {number + 1}:\n" + "\n".join(differing[:5])
    assert min(seen.values()) > 100, seen
    assert seen["with seconds"] * 5 > number * 2
