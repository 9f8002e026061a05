"""The first rows: calendar, ladders and rules from `rules.toml`, the one readable file. Idempotent: what stands is left as it is."""

import json
import tomllib
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

from django.db import transaction

from feedback_desk.deadlines.models import Calendar, Ladder, LadderStep, Rule
from feedback_desk.deadlines.public_holidays import seed_holidays

FILE = Path(__file__).with_name("rules.toml")
UNITS = {"s": 1, "min": 60, "h": 3600, "days": 1}
BY_DAYS = ("working_day", "fixed_date", "weekday")
VALID_FROM = datetime(2024, 1, 1, tzinfo=UTC)
"""First rules hold for everything that is entered later, imports included."""


@transaction.atomic
def load(path: Path = FILE) -> int:
    """Enter what is missing; returns how many rules are new."""
    book = tomllib.loads(path.read_text(encoding="utf-8"))
    for row in book["calendar"]:
        _calendar(row)
    ladders = {name: _ladder(name, steps) for name, steps in book["ladders"].items()}
    standing = {_identity(code, when) for code, when in Rule.objects.values_list("code", "when")}
    fresh = [_rule(row, ladders) for row in book["rule"] if _identity(row["code"], row.get("when", {})) not in standing]
    return len(Rule.objects.bulk_create(fresh))


def _identity(code: str, when: dict[str, Any]) -> tuple[str, str]:
    return code, json.dumps(when, sort_keys=True)


def _calendar(row: dict[str, Any]) -> None:
    if Calendar.objects.filter(name=row["name"]).exists() or (row["default"] and Calendar.objects.filter(is_default=True).exists()):
        return
    hours = {str(day): row["open"] for day in row["weekdays"]}
    calendar = Calendar.objects.create(name=row["name"], zone=row["zone"], is_default=row["default"], hours=hours, country=row.get("holidays", ""))
    seed_holidays(calendar)


def _ladder(name: str, steps: list[list[str]]) -> Ladder:
    ladder, fresh = Ladder.objects.get_or_create(name=name)
    if fresh:
        LadderStep.objects.bulk_create([_step(ladder, order, *step) for order, step in enumerate(steps, 1)])
    return ladder


def _step(ladder: Ladder, order: int, when: str, receiver: str, act: str = "") -> LadderStep:
    percent = int(when[:-1]) if when.endswith("%") else None
    minutes = int(when[:-4]) if when.endswith(" min") else None
    days = int(when) if percent is None and minutes is None else None
    return LadderStep(ladder=ladder, order=order, percent=percent, working_days=days, minutes=minutes, receiver=receiver, act=act)


def _rule(row: dict[str, Any], ladders: dict[str, Ladder]) -> Rule:
    ladder = row.get("ladder") or ("逐级提醒(工作日)" if row["clock"] in BY_DAYS else "逐级提醒")
    return Rule(
        code=row["code"], name=row["name"], name_en=row["name_en"], when=row.get("when", {}), clock=row["clock"],
        amount=row.get("day") or _amount(row.get("limit", "0 s")), longer=_amount(row["longer"]) if "longer" in row else None,
        at_time=time.fromisoformat(row["at"]) if "at" in row else None,
        owner=row["owner"], ladder=ladders[ladder], valid_from=VALID_FROM,
        may_pause=row.get("may_pause", False), may_extend=row.get("may_extend", False),
    )  # fmt: skip


def _amount(limit: str) -> int:
    number, _, unit = limit.partition(" ")
    return int(number) * UNITS[unit]
