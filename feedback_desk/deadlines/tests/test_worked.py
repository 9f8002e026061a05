"""The worked examples of worked.toml: what people work out by hand is what services and sweep do."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import chinese_calendar
import holidays
import pytest
from django.db import transaction

from feedback_desk import clock
from feedback_desk.deadlines import first_rows, rederiving, services, versions
from feedback_desk.deadlines.models import Calendar, Deadline, Ladder, Rule, StepTaken
from feedback_desk.deadlines.public_holidays import seed_holidays
from feedback_desk.deadlines.sweep import sweep
from feedback_desk.deadlines.tests.changes import applied
from feedback_desk.deadlines.tests.test_clocks import allowance
from feedback_desk.people.actors import SYSTEM
from feedback_desk.people.models import User
from feedback_desk.records.items import open_item
from feedback_desk.records.models import Item

BOOK = tomllib.loads(Path(__file__).with_name("worked.toml").read_text(encoding="utf-8"))
ROWS = [
    pytest.param(row, id=f"{table}-{number}-{row['limit']}-{row['start']}") for table, rows in BOOK["examples"].items() for number, row in enumerate(rows, 1)
]
FACTS = {"D25": {"channel": "group"}, "D02": {"urgency": "urgent"}, "D03": {"urgency": "urgent"}, "D04": {"urgency": "normal"}, "D05": {"urgency": "low"}}
FACT_OF = {"D09": "grade", "D10": "grade", "D26": "category", "D29": "order", "D39": "order"}


@pytest.fixture(scope="module")
def desks(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The first rows and the desks of the book, once for all examples: each rolls back to them."""
    with django_db_blocker.unblock(), transaction.atomic():
        first_rows.load()
        for name, words in BOOK["desks"].items():
            make_desk(name, **words)
        yield
        transaction.set_rollback(True)


def make_desk(name: str, *, zone: str, days: str, open: list[list[str]], holidays: bool = False) -> None:
    desk = Calendar.objects.create(name=name, zone=zone, hours=dict.fromkeys(days, open), country="CN" if holidays else "")
    if holidays:
        seed_holidays(desk, [2025, 2026])


class Told:
    """One example as it goes on: the row and what happens to it."""

    def __init__(self, example: dict[str, Any]) -> None:
        self.example, self.zone = example, ZoneInfo(BOOK["desks"][example["desk"]]["zone"] if "desk" in example else "Asia/Shanghai")
        start = self.instant(example["start"])
        self.item: Item = open_item("ticket", title="外壳破损，要求换新", at=start)
        self.start(example["limit"], start, due_at=self.instant(example["promised"]) if "promised" in example else None)

    def instant(self, text: str) -> datetime:
        """In the desk's zone; 24:00 is the next midnight."""
        second, midnight = text.endswith(" (2nd)"), " 24:00" in text
        local = datetime.fromisoformat(text.removesuffix(" (2nd)").replace(" 24:00", " 00:00")) + timedelta(days=midnight)
        return local.replace(tzinfo=self.zone, fold=int(second)).astimezone(UTC)

    def start(self, limit: str, at: datetime, **more: Any) -> None:
        self.at, (code, _, value) = at, limit.partition(" ")
        if not code.startswith("D"):
            code = self.allow(limit).code
        self.facts = {**FACTS.get(code, {}), **({FACT_OF[code]: value} if value and code in FACT_OF else {})}
        started = services.start(self.item, code, at=at, facts=self.facts, **more)
        assert started is not None
        self.row: Deadline = started

    def allow(self, words: str) -> Rule:
        wanted, desk = allowance(words), Calendar.objects.filter(name=self.example.get("desk")).first()
        return Rule.objects.create(
            code="X01", name=words, clock=wanted.clock, amount=wanted.amount, at_time=wanted.at, owner="assignee", may_pause=True, may_extend=True,
            ladder=Ladder.objects.get(name="逐级提醒"), valid_from=first_rows.VALID_FROM, calendar=desk,
        )  # fmt: skip

    def happen(self, words: str) -> None:
        for verb in ("stop", "go on", "extend to", "lengthen", "apply", "category", "instead", "settle", "again"):
            if words.startswith(f"{verb} "):
                self.row.refresh_from_db()
                getattr(self, verb.replace(" ", "_"))(words.removeprefix(f"{verb} "))
                return
        raise ValueError(words)

    def timed(self, words: str) -> str:
        """The words before the instant, which `at` takes."""
        parts = words.split(" ")
        place = next(number for number, part in enumerate(parts) if part[:2] == "20")
        self.at = self.instant(" ".join(parts[place:]))
        return " ".join(parts[:place])

    def stop(self, words: str) -> None:
        self.timed(words)
        assert services.pause(self.item, self.row.code, at=self.at, because="等待客户")

    def go_on(self, words: str) -> None:
        self.timed(words)
        assert services.resume(self.item, self.row.code, at=self.at)

    def extend_to(self, words: str) -> None:
        services.extend(self.row, until=self.instant(words), at=self.at, by=SYSTEM, why="等配件")

    def lengthen(self, words: str) -> None:
        longer = self.timed(words)
        Rule.objects.filter(pk=self.row.rule_id).update(longer=int(longer) * (1 if self.row.rule.clock == "working_day" else 3600))
        services.lengthen(self.item, self.row.code, at=self.at)

    def apply(self, words: str) -> None:
        rule = self.row.rule
        rule.amount = int(self.timed(words))
        by = User.objects.get_or_create(username="root")[0]
        with clock.at(self.at):
            change = applied(versions.replace(rule, at=self.at), by)
        assert change.outcome["counts"]["changed"] == 1

    def category(self, words: str) -> None:
        assert rederiving.rederive(self.item, at=self.at, facts={"category": self.timed(words)}, by=SYSTEM)

    def instead(self, words: str) -> None:
        limit = self.timed(words)
        services.void(self.item, self.row.code, at=self.at, why="调整等级")
        self.start(limit, self.at)

    def settle(self, words: str) -> None:
        self.timed(words)
        services.settle(self.item, self.row.code, at=self.at)

    def again(self, words: str) -> None:
        self.timed(words)
        fresh = services.start(self.item, self.row.code, at=self.at, facts=self.facts, round=2)
        assert fresh is not None
        self.row = fresh


@pytest.mark.parametrize("example", ROWS)
def test_limits_are_as_people_work_them_out(desks: None, db: None, example: dict[str, Any]) -> None:
    told = Told(example)
    for event in example.get("then", []):
        told.happen(event)
    row, why = told.row, example["why"]
    row.refresh_from_db()
    assert row.due_at == told.instant(example["due"]), why
    if "warn" in example:
        assert row.warn_at == told.instant(example["warn"]), why
    if "late" in example:
        assert (row.state, row.late) == ("settled", example["late"]), why
    if "rungs" in example:
        expected = [told.instant(rung) for rung in example["rungs"]]
        sweep(expected[-1])
        assert list(StepTaken.objects.filter(deadline=row).order_by("step").values_list("at", flat=True)) == expected, why


def test_every_rule_of_the_book_and_enough_by_hand() -> None:
    rules = {row["limit"].partition(" ")[0] for rows in BOOK["examples"].values() for row in rows}
    assert {f"D{number:02d}" for number in range(1, 41)} <= rules
    assert len(BOOK["examples"]["by_hand"]) >= 30
    assert len(ROWS) >= 200


@pytest.mark.parametrize("year", [2025, 2026])
def test_the_notice_of_the_state_council_typed_by_hand_is_what_both_packages_say(year: int) -> None:
    notice, china = BOOK["notice"][str(year)], holidays.country_holidays("CN", years=year)
    free = {first + timedelta(days=n) for first, last in notice["free"] for n in range((last - first).days + 1)}
    for number in range(365):
        day = date(year, 1, 1) + timedelta(days=number)
        works = day in notice["works"] or (day.isoweekday() <= 5 and day not in free)
        assert (china.is_working_day(day), chinese_calendar.is_workday(day)) == (works, works), day
