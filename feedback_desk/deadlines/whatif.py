"""What if: a past period replayed against other rules, another calendar, other absences (E4, E1). The replay is pure; nothing is written.

Each limit that began in the period is lived through again under the changed rule: from the same start, with the same pauses and extensions, ended when it
ended. One whose date does not follow from its own rule (set by hand, promised, worked out under a calendar changed since) is taken as it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from feedback_desk.deadlines import ladder, life
from feedback_desk.deadlines.calendars import hours_of
from feedback_desk.deadlines.clocks import Hours
from feedback_desk.deadlines.ladder import Rung
from feedback_desk.deadlines.models import WAITS, Clock, Deadline, DeadlineState, Extension, ExtensionState, Pause, Rule
from feedback_desk.people.models import Absence
from feedback_desk.people.receivers import Ask, Staff

TICK = timedelta(microseconds=1)
SLICE = 3000
"""Limits replayed at a time: about a second, so that a page shows how far it is."""
Stretch = tuple[datetime, datetime | None]
Grant = tuple[datetime, datetime]
Identity = tuple[str, str]


@dataclass(frozen=True)
class Case:
    """A limit as it was. `department_id`: its own, else its matter's."""

    pk: int
    code: str
    when: Identity
    start_at: datetime
    due_at: datetime
    ended_at: datetime | None
    late: bool
    kept: Mapping[str, Any]
    rule_amount: int
    stops: tuple[Stretch, ...] = ()
    granted: tuple[Grant, ...] = ()
    """Extensions: when, until when."""
    owner_id: int | None = None
    department_id: int | None = None
    root_id: int = 0


@dataclass(frozen=True)
class Change:
    """What is asked: other rules by what they apply to, another calendar for all that ask one, people who had been away, and when it is judged."""

    at: datetime
    rules: Mapping[Identity, Rule] = field(default_factory=dict)
    calendar_id: int | None = None
    absent: frozenset[int] = frozenset()
    presence: bool = False
    """Also who would have been told."""
    snapshots: dict[tuple[Identity, int], dict[str, Any]] = field(default_factory=dict, compare=False)
    """What limits would remember of the changed rules, worked out once."""

    def concerns(self, case: Case) -> bool:
        return case.kept["clock"] != Clock.PROMISED and (case.when in self.rules or (self.calendar_id is not None and asks_calendar(case.kept["clock"])))


@dataclass(frozen=True)
class Outcome:
    """`taken`: the steps of the ladder with their times. `as_it_was`: asked for, but the date does not follow from its rule."""

    due_at: datetime
    late: bool
    taken: tuple[tuple[datetime, Rung], ...] = ()
    ladder: tuple[Rung, ...] = ()
    as_it_was: bool = False


def asks_calendar(clock: str) -> bool:
    return clock not in (Clock.CALENDAR, Clock.PROMISED)


def identity(code: str, when: Mapping[str, Any]) -> Identity:
    """All versions of a rule have the same."""
    return code, json.dumps(when, sort_keys=True)


def replay(case: Case, change: Change, calendars: Mapping[int | None, Hours]) -> tuple[Outcome, Outcome]:
    """How it was, and how it would have been. Raises NeverOpen when the changed clock never runs."""
    before, follows = _as_it_was(case, change, calendars[case.kept["calendar"]])
    if not change.concerns(case):
        return before, before
    if not follows:
        return before, replace(before, as_it_was=True)
    kept, hours = changed(case, change, calendars)
    would = _relived(case, _without_steps(kept, change), hours, change.at)
    return before, Outcome(would.due_at, would.late, tuple(would.taken), tuple(would.ladder))


def _as_it_was(case: Case, change: Change, hours: Hours) -> tuple[Outcome, bool]:
    """Its own life once more, and whether that leads to the date it had; not gone into where nobody asks."""
    was = Outcome(case.due_at, case.late)
    if not (change.presence or change.concerns(case)):
        return was, False
    promised = case.kept["clock"] == Clock.PROMISED
    kept = _without_steps(case.kept, change)
    lived = _relived(case, kept, hours, change.at, case.due_at if promised else None)
    follows = lived.due_at == case.due_at
    if not follows:
        lived = _relived(replace(case, stops=(), granted=()), kept, hours, change.at, case.due_at)
    return replace(was, taken=tuple(lived.taken), ladder=tuple(lived.ladder)), follows


def _without_steps(kept: Mapping[str, Any], change: Change) -> Mapping[str, Any]:
    """The ladder is gone up only where somebody asks who was told: it takes most of the time."""
    return kept if change.presence else {**kept, "steps": []}


def changed(case: Case, change: Change, calendars: Mapping[int | None, Hours]) -> tuple[dict[str, Any], Hours]:
    """What the limit would have remembered of its rule, and the hours it would have run on."""
    rule = change.rules.get(case.when)
    calendar_id = change.calendar_id or (rule.calendar_id if rule and rule.calendar_id else case.kept["calendar"])
    hours = calendars[calendar_id]
    if rule is None:
        return {**case.kept, "calendar": hours.pk}, hours
    key = (case.when, hours.pk)
    if key not in change.snapshots:
        change.snapshots[key] = ladder.snapshot(rule, hours, 0)
    kept = change.snapshots[key]
    lengthened = case.kept["amount"] > case.rule_amount  # C3: to a length of its own
    return {**kept, "amount": ladder.longer_amount(case.kept, rule)} if lengthened else kept, hours


@dataclass
class _Life:
    due_at: datetime
    late: bool
    taken: list[tuple[datetime, Rung]]
    ladder: list[Rung]


def _relived(case: Case, kept: Mapping[str, Any], hours: Hours, at: datetime, due_at: datetime | None = None) -> _Life:
    """Begun, stopped and run on as it was, extended as it was granted, ended when it ended; else as it stands at `at`. `due_at`: a date set by hand."""
    row, taken, until = life.begun(case.start_at, kept, hours, due_at), list[tuple[datetime, Rung]](), case.ended_at or at
    for when, happen in sorted(_events(case, hours), key=lambda event: event[0]):
        taken += _take(row, min(when, until), hours)
        happen(row)
    taken += _take(row, until, hours)
    late = case.code not in WAITS and min(until, row.paused_at or until) > row.due_at
    return _Life(row.due_at, late, taken, ladder.rungs(row))


def _events(case: Case, hours: Hours) -> Iterator[life.Happening]:
    """Pauses and extensions, each with its time. Nothing goes on after its end."""
    for stop, go_on in case.stops:
        yield from life.stopped(stop, go_on if go_on and (case.ended_at is None or go_on < case.ended_at) else None, hours)
    for at, until in case.granted:
        yield life.granted(at, until, hours)


def _take(row: Deadline, before: datetime, hours: Hours) -> list[tuple[datetime, Rung]]:
    if row.state != DeadlineState.RUNNING:
        return []
    due, remaining = ladder.due_rungs(row, before - TICK, hours)
    ladder.step_on(row, remaining, hours)
    return [(when, rung) for rung, when in due]


# --- Who would have been told ---


@dataclass
class Presence:
    """Who was there: recorded absences, with today's roles and departments, and people assumed away all the time."""

    staff: Staff
    away: Sequence[tuple[int, datetime, datetime]]
    assumed: frozenset[int] = frozenset()
    _seen: dict[frozenset[int], Staff] = field(default_factory=dict)

    def at(self, when: datetime) -> Staff:
        absent = self.assumed | {user for user, begin, end in self.away if begin <= when < end}
        if absent not in self._seen:
            self._seen[absent] = replace(self.staff, absent=set(absent))
        return self._seen[absent]

    def told(self, case: Case, outcome: Outcome) -> Iterator[tuple[tuple[int, ...], bool]]:
        """Of each step the people told and whether nobody was left for it."""
        for when, rung in outcome.taken:
            above = [other.receiver for other in outcome.ladder if other.order > rung.order]
            answer = self.at(when).answer(Ask((rung.receiver, *dict.fromkeys(above)), case.owner_id, case.department_id, case.root_id))
            yield answer.user_ids, answer.nobody_left


# --- Adding up ---


@dataclass
class Tally:
    """Sums that can be carried from one slice to the next as JSON. Each row is [limits, late then, late now]; people and nobody [then, now]."""

    rules: dict[str, list[int]] = field(default_factory=dict)
    departments: dict[str, list[int]] = field(default_factory=dict)
    people: dict[str, list[int]] = field(default_factory=dict)
    nobody: list[int] = field(default_factory=lambda: [0, 0])
    as_it_was: int = 0
    moved: int = 0
    """Limits that would have been due at another time."""
    done: int = 0
    after: int = 0
    """The key of the last limit counted."""

    def add(self, case: Case, before: Outcome, then: Outcome) -> None:
        for rows, key in ((self.rules, case.code), (self.departments, str(case.department_id or ""))):
            row = rows.setdefault(key, [0, 0, 0])
            row[0], row[1], row[2] = row[0] + 1, row[1] + before.late, row[2] + then.late
        self.as_it_was, self.moved = self.as_it_was + then.as_it_was, self.moved + (before.due_at != then.due_at)
        self.done, self.after = self.done + 1, case.pk

    def tell(self, side: int, told: Iterable[tuple[tuple[int, ...], bool]]) -> None:
        for people, nobody in told:
            self.nobody[side] += nobody
            for user_id in people:
                self.people.setdefault(str(user_id), [0, 0])[side] += 1

    @property
    def total(self) -> list[int]:
        return [sum(row[n] for row in self.rules.values()) for n in range(3)]


def add_up(cases: Iterable[Case], change: Change, calendars: Mapping[int | None, Hours], tally: Tally, there: tuple[Presence, Presence] | None = None) -> Tally:
    """`there`: who was there, and who would have been. Raises NeverOpen."""
    for case in cases:
        before, then = replay(case, change, calendars)
        tally.add(case, before, then)
        if there:
            tally.tell(0, there[0].told(case, before))
            tally.tell(1, there[1].told(case, then))
    return tally


# --- Reading ---


def limits_of(begin: datetime, end: datetime) -> Any:
    """Limits that began in the period; void ones promised nothing in the end."""
    return Deadline.objects.filter(start_at__gte=begin, start_at__lt=end).exclude(state=DeadlineState.VOID)


FIELDS = (
    "pk", "code", "rule_id", "start_at", "due_at", "ended_at", "late", "paused_at", "allowance", "owner_id", "department_id",
    "root__department_id", "root_id",
)  # fmt: skip


def cases(begin: datetime, end: datetime, at: datetime, after: int = 0, size: int = SLICE) -> list[Case]:
    """Up to `size` limits after a key, in four statements."""
    rows = list(limits_of(begin, end).filter(pk__gt=after).order_by("pk").values_list(*FIELDS)[:size])
    rules = {pk: (identity(code, when), amount) for pk, code, when, amount in Rule.objects.values_list("pk", "code", "when", "amount")}
    keys = [row[0] for row in rows]
    stops = _by_limit(Pause.objects, keys, "from_at", "until_at")
    granted = _by_limit(Extension.objects.filter(state=ExtensionState.GRANTED), keys, "decided_at", "until")
    return [_case(row, rules, stops, granted, at) for row in rows]


def _by_limit(found: Any, keys: Sequence[int], at: str, until: str) -> dict[int, list[Any]]:
    """Pairs of instants by limit, in their order; asked for by the range of the keys: a list of thousands is too long for a statement."""
    pairs: dict[int, list[Any]] = {}
    if keys:
        rows = found.filter(deadline_id__gte=keys[0], deadline_id__lte=keys[-1]).order_by(at, "pk")
        for pk, *pair in rows.values_list("deadline_id", at, until):
            pairs.setdefault(pk, []).append(tuple(pair))
    return pairs


def _case(
    row: tuple[Any, ...], rules: Mapping[int, tuple[Identity, int]], stops: Mapping[int, Sequence[Stretch]], granted: Mapping[int, Sequence[Grant]],
    at: datetime,
) -> Case:  # fmt: skip
    pk, code, rule_id, start_at, due_at, ended_at, late, paused_at, kept, owner_id, department_id, root_department_id, root_id = row
    when, amount = rules[rule_id]
    was_late = code not in WAITS and (bool(late) if ended_at else (paused_at or at) > due_at)
    return Case(
        pk, code, when, start_at, due_at, ended_at, was_late, kept, amount, tuple(stops.get(pk, ())), tuple(granted.get(pk, ())), owner_id,
        department_id or root_department_id, root_id,
    )  # fmt: skip


def calendars_for(found: Sequence[Case], change: Change) -> dict[int | None, Hours]:
    wanted = {case.kept["calendar"] for case in found} | {rule.calendar_id for rule in change.rules.values()} | {change.calendar_id}
    return hours_of(wanted)


def who_was_there(change: Change, begin: datetime, found: Sequence[Case]) -> tuple[Presence, Presence] | None:
    if not change.presence:
        return None
    staff = Staff.at(change.at, {case.root_id for case in found})
    away = list(Absence.objects.filter(ends_at__gt=begin, starts_at__lt=change.at).values_list("user_id", "starts_at", "ends_at"))
    return Presence(staff, away), Presence(staff, away, change.absent)


def slice_of(change: Change) -> int:
    """Going up each ladder and asking who is there takes three times as long."""
    return max(SLICE // 3, 1) if change.presence else SLICE


def next_slice(begin: datetime, end: datetime, change: Change, tally: Tally, size: int = SLICE) -> bool:
    """Count the next limits into `tally`; False when none is left. Raises NeverOpen."""
    found = cases(begin, end, change.at, tally.after, size)
    add_up(found, change, calendars_for(found, change), tally, who_was_there(change, begin, found))
    return len(found) == size
