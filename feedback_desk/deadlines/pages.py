"""What the pages about changes of limits show, ready for the template."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from feedback_desk import clock
from feedback_desk.deadlines import changing, saying, wording
from feedback_desk.deadlines.models import Calendar, Change, Deadline, Rule
from feedback_desk.deadlines.services import LIVE
from feedback_desk.deadlines.versions import chain
from feedback_desk.people.models import Department
from feedback_desk.people.office import configures, desk_link, untouched_by
from feedback_desk.records.models import Item

State = Change.State


@dataclass
class Running:
    """Beside a rule or calendar: what runs under older versions, or on it; the versions; the changes so far."""

    count: int
    may_preview: bool
    field: str
    pk: int
    versions: list[Rule]
    changes: list[Change]
    off: bool = False
    """The rule is switched off: what runs under its earlier versions runs on until somebody orders otherwise."""
    holds: bool = True
    """The version of the moment, the only one that can be ordered for what runs."""

    @classmethod
    def of_rule(cls, rule: Rule, user: Any) -> Running:
        holds = rule.holds_at(clock.now())
        others = changing.runs_under_others(rule).count() if holds else 0
        changes = list(Change.objects.filter(rule__code=rule.code)[:5])
        return cls(others, holds and configures(user), "rule", rule.pk, chain(rule), changes, off=not rule.active, holds=holds)

    @classmethod
    def of_calendar(cls, calendar: Calendar, user: Any) -> Running:
        count = Deadline.objects.filter(allowance__calendar=calendar.pk, state__in=LIVE, allowance__clock__in=("business", "working_day")).count()
        return cls(count, configures(user), "calendar", calendar.pk, [], list(Change.objects.filter(calendar=calendar)[:5]))


@dataclass(frozen=True)
class Group:
    """By rule and department."""

    rule: str
    department: str
    counts: dict[str, int]


@dataclass(frozen=True)
class Shown:
    """One of the sample."""

    item: str
    title: str
    rule: str
    was: str
    due: str
    late: bool
    void: bool


@dataclass
class ChangePage:
    change: Change
    user: Any
    at: datetime

    @property
    def working(self) -> bool:
        return self.change.state in changing.WORK

    @property
    def waits_long(self) -> bool:
        return self.working and self.at - self.change.beat_at > changing.SILENT_AFTER

    @property
    def off(self) -> bool:
        """The rule is switched off."""
        return self.change.rule is not None and not self.change.rule.active

    @property
    def label(self) -> str:
        return _("Counting what would change") if self.change.state == State.COUNTING else _("Changing limits that run")

    @property
    def shown(self) -> dict[str, Any]:
        """The preview until it is ordered, then what was done."""
        found: dict[str, Any] = self.change.outcome if self.change.ordered_at else self.change.found
        return found

    @property
    def counts(self) -> list[tuple[str, int]]:
        names = {
            "changed": _("change"), "earlier": _("end earlier"), "later": _("end later"), "late": _("become late at once"), "saved": _("are late no more"),
            "void": _("become void"), "paused": _("stand still now"), "kept": _("stay as they are"),
        }  # fmt: skip
        counted = self.shown.get("counts", {})
        return [(name, counted.get(key, 0)) for key, name in names.items() if counted.get(key) or key in ("changed", "late")]

    @property
    def late(self) -> int:
        return int(self.change.found.get("counts", {}).get("late", 0))

    @property
    def changes(self) -> int:
        return int(self.change.found.get("counts", {}).get("changed", 0))

    @cached_property
    def groups(self) -> list[Group]:
        kept = {tuple(map(int, key.split(":"))): counts for key, counts in self.shown.get("groups", {}).items()}
        rules = Rule.objects.in_bulk([rule for rule, _department in kept])
        departments = Department.objects.in_bulk([department for _rule, department in kept])
        rows = [Group(_named(rules.get(rule)), str(departments.get(place) or "–"), counts) for (rule, place), counts in kept.items()]
        return sorted(rows, key=lambda row: -row.counts.get("changed", 0))

    @cached_property
    def sample(self) -> list[Shown]:
        """Without matters that the reader is named in (V3)."""
        kept = self.shown.get("sample", [])
        items = {item.pk: item for item in untouched_by(Item.objects.filter(pk__in=[line["item"] for line in kept]), self.user, "root")}
        rules = Rule.objects.in_bulk({line["rule"] for line in kept})
        rows = sorted((line for line in kept if line["item"] in items), key=lambda line: (not line["late"], line["due"]))
        return [self._line(line, items[line["item"]], rules.get(line["rule"])) for line in rows]

    def _line(self, line: dict[str, Any], item: Item, rule: Rule | None) -> Shown:
        was, due = parse_datetime(line["was"]), parse_datetime(line["due"])
        assert was is not None
        assert due is not None
        spoken = {"was": wording.moment(was, self.at, ends=True), "due": wording.moment(due, self.at, ends=True)}
        return Shown(desk_link(item), item.title, rule.spoken if rule else "", late=line["late"], void=line.get("void", False), **spoken)


def _named(rule: Rule | None) -> str:
    if rule is None:
        return "–"
    name = _("%(code)s %(name)s, version %(version)s") % {"code": rule.code, "name": rule.spoken, "version": rule.version}
    return f"{name} · {saying.conditions(rule)}" if rule.when else name
