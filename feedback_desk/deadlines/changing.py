"""A changed rule or calendar, for limits that run already (E5): previewed, then applied in the background, each once, on record.

Read from the top: somebody asks for a preview, a worker counts; they order it, a worker applies it in batches. Reckoning a limit again is `retell`.
A batch is one short transaction that waits for nobody while it holds anything: the change's own row, then the items, then the deadlines in order of
their keys, the two last with SKIP LOCKED. What somebody else holds at that moment is taken later. On SQLite, with its one writer, batches leave pauses.
A version that is switched off is such a change too: what runs under the versions before it gets the rule that fits now, or is void (decision 50).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from feedback_desk import clock
from feedback_desk.deadlines import clocks, ladder, services, versions
from feedback_desk.deadlines.calendars import hours_of
from feedback_desk.deadlines.clocks import Hours
from feedback_desk.deadlines.ladder import Rung
from feedback_desk.deadlines.models import WAITS, Calendar, Change, Clock, Deadline, DeadlineState, DepartmentCalendar, Pause, Rule
from feedback_desk.people.access import NotNow
from feedback_desk.people.models import User
from feedback_desk.records import bulk, history
from feedback_desk.records.models import Item

State = Change.State
BATCH = 200
"""Deadlines in one transaction."""
LOOK = 1000
"""Deadlines read at once for a preview."""
SLICE = 20.0
"""Seconds after which a message ends and the next one goes on, so that other work has its turn."""
SILENT_AFTER = timedelta(seconds=30)
"""No sign for so long: no worker has it."""
SAMPLE = 20
SWITCHED_OFF = gettext_noop("rule switched off")
WORK = (State.COUNTING, State.APPLYING)
RETOLD = ("rule_id", "due_at", "warn_at", "next_step", "next_step_at", "left_seconds")
MIRROR = ("next_limit_at", "next_warn_at", "next_limit_code", "next_paused")


# --- Reckoning one limit again ---


@dataclass
class Told:
    """A rule on a calendar as limits remember it: read once, told to many."""

    rule: Rule
    hours: Hours
    kept: Mapping[str, Any]
    rungs: Sequence[Rung]

    @classmethod
    def of(cls, rule: Rule, hours: Hours) -> Told:
        """Reads the ladder's steps."""
        return cls(rule, hours, ladder.snapshot(rule, hours, 0), ladder.rungs_of(rule))


def retell(row: Deadline, told: Told, pauses: Iterable[Pause], at: datetime) -> None:
    """From the same start under this rule and calendar, stopping and going on as it did; steps taken stay taken. Does not save.

    What somebody was granted stays: an extended, lengthened or paused limit never ends earlier than it did; a date that a person named stays that date.
    """
    rule, hours = told.rule, told.hours
    due_at, allowance, longer = row.due_at, row.allowance, lengthened(row)
    rungs = ladder.rungs(row) if rule.pk == row.rule_id else told.rungs
    steps, row.next_step = (allowance["steps"], row.next_step) if rule.pk == row.rule_id else steps_left(row, rungs)
    if rule.clock == Clock.PROMISED or allowance.get("named"):
        measured = {"named": True, "clock": allowance["clock"], "amount": allowance["amount"]}
        row.allowance = {**told.kept, "total": allowance["total"], **measured, "steps": steps}
    else:
        amount = ladder.longer_amount(allowance, rule) if longer else rule.amount
        row.due_at = clocks.due(row.start_at, replace(ladder.allowance_of(rule), amount=amount), hours)
        total = clocks.between(row.start_at, row.due_at, rule.clock, hours)
        row.allowance = {**told.kept, "amount": amount, "total": total, "named": False, "steps": steps}
        _stop_and_go(row, pauses, hours)
        if longer or row.extended_to is not None or row.state == DeadlineState.PAUSED:
            _hold(row, due_at, allowance, hours)
    row.rule = rule
    ladder.arm_ahead(row, rungs, at, hours)
    services.aim_again(row, hours)


def lengthened(row: Deadline) -> bool:
    """C3 gave it another allowance than its rule has."""
    return bool(row.allowance["version"] == row.rule.version and row.allowance["amount"] > row.rule.amount)


def steps_left(row: Deadline, rungs: Sequence[Rung]) -> tuple[list[Any], int | None]:
    """(the steps taken, then those of the rule that are not among them; the number of the first that is left)."""
    taken = [rung for rung in ladder.rungs(row) if row.next_step is None or rung.order < row.next_step]
    done, last = {rung.same for rung in taken}, max((rung.order for rung in taken), default=0)
    left = [rung for rung in rungs if rung.same not in done]
    return [rung.kept for rung in taken] + [[last + n, *rung.kept[1:]] for n, rung in enumerate(left, 1)], last + 1


def _stop_and_go(row: Deadline, pauses: Iterable[Pause], hours: Hours) -> None:
    paused_at, state = row.paused_at, row.state
    services.pass_pauses(row, pauses, hours)
    row.paused_at, row.state = paused_at, state


def _hold(row: Deadline, due_at: datetime, allowance: Mapping[str, Any], hours: Hours) -> None:
    """Of the date it had and the new one the later; a paused one has left what lies before that."""
    if due_at > row.due_at:
        row.allowance["total"] += max(0.0, clocks.between(row.due_at, due_at, row.allowance["clock"], hours))
        row.due_at = due_at
        if "rungs_from" in allowance:
            row.allowance["rungs_from"] = allowance["rungs_from"]
    if row.paused_at is not None:
        row.left_seconds = services.left_at(row, row.paused_at, hours)


# --- What a change is about ---


@dataclass
class Plan:
    """What one worker needs to reckon limits again: rules by their pk, calendars, the departments' own, and who fits what."""

    change: Change
    rules: list[Rule]
    versions: dict[int, Rule]
    hours: dict[int | None, Hours]
    departments: dict[int, int]
    chosen: dict[str, Rule | None] = field(default_factory=dict)
    told: dict[tuple[int, int], Told] = field(default_factory=dict)

    @classmethod
    def of(cls, change: Change, at: datetime) -> Plan:
        every = Rule.objects.select_related("ladder").prefetch_related("ladder__steps").filter(**({"code": change.rule.code} if change.rule else {}))
        valid = set(Rule.objects.valid(at).values_list("pk", flat=True))
        versions = {rule.pk: rule for rule in every}
        calendars = hours_of(Calendar.objects.values_list("pk", flat=True))
        departments = dict(DepartmentCalendar.objects.values_list("department_id", "calendar_id"))
        return cls(change, [rule for pk, rule in versions.items() if pk in valid], versions, calendars, departments)

    def concerned(self) -> QuerySet[Deadline]:
        if self.change.rule:
            return runs_under_others(self.change.rule)
        return Deadline.objects.filter(state__in=services.LIVE, allowance__calendar=self.change.calendar_id)

    def read(self, rows: QuerySet[Deadline], limit: int | None = None) -> Sequence[Deadline]:
        """With `place`, the department whose calendar counts, and their versions, which the plan knows; a version made since is fetched."""
        found = list(rows.annotate(place=Coalesce("department_id", "item__department_id")).order_by("pk")[:limit])
        for row in found:
            if row.rule_id not in self.versions:
                self.versions[row.rule_id] = Rule.objects.select_related("ladder").get(pk=row.rule_id)
            row.rule = self.versions[row.rule_id]
        return found

    def retold(self, row: Any, pauses: Iterable[Pause], at: datetime) -> bool:
        """Reckon it again if the change is about it; False when it stays as it is."""
        before = _standing(row)
        if self.change.rule:
            rule = self._rule_of(row)
            if rule is None and not self.change.rule.active:
                services._end(row, DeadlineState.VOID, at, self.change.ordered_by, SWITCHED_OFF)
                return True
            if rule is not None:
                retell(row, self._told(rule, self.hours[rule.calendar_id or self.departments.get(row.place or 0)]), pauses, at)
            return rule is not None
        retell(row, self._told(row.rule, self.hours[row.allowance["calendar"]]), pauses, at)
        return _standing(row) != before

    def _told(self, rule: Rule, hours: Hours) -> Told:
        key = rule.pk, hours.pk
        if key not in self.told:
            self.told[key] = Told.of(rule, hours)
        return self.told[key]

    def _rule_of(self, row: Deadline) -> Rule | None:
        """The changed rule, if it is what the facts of this limit ask for now; of one switched off, whichever they ask for."""
        key = json.dumps(row.facts or {"rule": row.rule_id}, sort_keys=True, default=str)
        if key not in self.chosen:
            self.chosen[key] = self._choose(row)
        return self.chosen[key]

    def _choose(self, row: Deadline) -> Rule | None:
        if self.change.rule and not self.change.rule.active:
            return services.choose(self.rules, row.facts).get(row.code)
        wanted = next((rule for rule in self.rules if rule.pk == self.change.rule_id), None)
        if wanted is None:
            return None
        if not row.facts:  # Begun before limits kept their facts: the same conditions then mean the same.
            return wanted if row.rule.when == wanted.when else None
        return wanted if services.choose(self.rules, row.facts).get(row.code) == wanted else None


def runs_under_others(rule: Rule) -> QuerySet[Deadline]:
    """What runs of the code under another version or rule; of a rule switched off only what runs under versions of its own."""
    live = Deadline.objects.filter(code=rule.code, state__in=services.LIVE)
    return live.exclude(rule=rule) if rule.active else live.filter(rule__in=versions.chain(rule))


def _standing(row: Deadline) -> tuple[Any, ...]:
    return row.due_at, row.warn_at, row.next_step_at, row.left_seconds, row.allowance.get("unannounced")


def fingerprint(change: Change) -> str:
    """Of the version, with the rules that take over from one switched off, or of the calendar's days as they are now."""
    if change.rule:
        told: Any = [change.rule_id, Rule.objects.filter(replaces=change.rule_id).values_list("pk", flat=True).first()]
        if not change.rule.active:
            told += Rule.objects.valid(clock.now()).filter(code=change.rule.code).order_by("pk").values_list("pk", flat=True)
    else:
        assert change.calendar_id is not None
        calendar = Calendar.objects.get(pk=change.calendar_id)
        days = calendar.days.order_by("day").values_list("day", "working", "hours")
        told = [calendar.zone, calendar.hours, calendar.announced, [[str(day), *rest] for day, *rest in days]]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


# --- Asked for, ordered, stopped: what people do ---


@transaction.atomic
def ask(*, by: User, rule: Rule | None = None, calendar: Calendar | None = None) -> Change:
    """Preview what the changed rule or calendar would do to limits that run. The caller announces it after the commit."""
    at = clock.now()
    if rule is not None and not rule.holds_at(at):
        raise NotNow(_("Only the version that is valid now can be applied to limits that run."))
    about: dict[str, Any] = {"rule": rule, "calendar": calendar}
    if Change.objects.filter(state=State.APPLYING, **about).exists():
        raise NotNow(_("This change is being applied just now."))
    Change.objects.filter(state__in=(State.COUNTING, State.READY), **about).update(state=State.DROPPED, finished_at=at)
    change = Change(asked_by=by, asked_at=at, beat_at=at, **about)
    change.total = Plan.of(change, at).concerned().count()
    change.fingerprint = fingerprint(change)
    change.save(force_insert=True)
    return change


@transaction.atomic
def order(*, change_id: int, by: User) -> Change:
    """E5: the administrator says so. Raises NotNow when rule or calendar are not what was previewed any more."""
    change = _held(change_id)
    if change.state != State.READY:
        raise NotNow(_("This change is not waiting for your word any more."))
    if fingerprint(change) != change.fingerprint:
        raise NotNow(_("The rule or the calendar was changed again after this preview. Preview it once more."))
    at = clock.now()
    change.state, change.ordered_by, change.ordered_at = State.APPLYING, by, at
    change.cursor, change.done, change.later, change.beat_at = 0, 0, [], at
    change.save(update_fields=["state", "ordered_by", "ordered_at", "cursor", "done", "later", "beat_at"])
    return change


@transaction.atomic
def leave(*, change_id: int) -> Change:
    """Not applied; or stopped half-way: what was changed stays changed, the rest keeps what it had."""
    change = _held(change_id)
    ends = {State.COUNTING: State.DROPPED, State.READY: State.DROPPED, State.APPLYING: State.STOPPED}
    if change.state not in ends:
        raise NotNow(_("This change is over already."))
    change.state, change.finished_at = ends[State(change.state)], clock.now()
    change.save(update_fields=["state", "finished_at"])
    return change


def _held(change_id: int) -> Change:
    return Change.objects.select_for_update(of=("self",), no_key=True).select_related("rule", "calendar", "ordered_by").get(pk=change_id)


# --- The worker ---


def work(change_id: int, seconds: float = SLICE) -> bool:
    """Count or apply for so long; True when there is more to do. Any number of workers, killed at any moment: each deadline is changed once."""
    began = time.monotonic()
    change = Change.objects.select_related("rule", "calendar").get(pk=change_id)
    step = {State.COUNTING: _look, State.APPLYING: _apply}.get(State(change.state))
    if step is None:
        return False
    plan = Plan.of(change, clock.now())
    while time.monotonic() - began < seconds:
        if not step(plan):
            return Change.objects.filter(pk=change_id, state__in=WORK).exists()
    return True


def stuck() -> list[int]:
    """Changes that no worker has in hand: to be announced again."""
    return list(Change.objects.filter(state__in=WORK, beat_at__lt=clock.now() - SILENT_AFTER).order_by("pk").values_list("pk", flat=True))


def _look(plan: Plan) -> bool:
    """Preview a stretch, without any lock; False at the end."""
    change, at = plan.change, clock.now()
    rows = plan.read(plan.concerned().filter(pk__gt=change.cursor), LOOK)
    tally = Tally.of(change.found)
    for row, pauses in _with_pauses(rows):
        tally.add(row, pauses, plan, at)
    last = {"state": State.READY} if len(rows) < LOOK else {}
    seen: dict[str, Any] = {"cursor": rows[-1].pk if rows else change.cursor, "done": change.done + len(rows), "found": tally.kept(), "beat_at": clock.now()}
    moved = Change.objects.filter(pk=change.pk, state=State.COUNTING, cursor=change.cursor).update(**seen, **last)
    change.cursor, change.done, change.found = seen["cursor"], seen["done"], seen["found"]
    return bool(moved) and not last


def _with_pauses(rows: Collection[Deadline]) -> Iterable[tuple[Deadline, list[Pause]]]:
    found = groupby(Pause.objects.filter(deadline__in=[row.pk for row in rows]).order_by("deadline_id", "from_at"), lambda stop: stop.deadline_id)
    pauses = {pk: list(stops) for pk, stops in found}
    return [(row, pauses.get(row.pk, [])) for row in rows]


@dataclass
class Tally:
    """What a change does: counts in all, by rule and department, and a sample, those first that become late."""

    counts: dict[str, int]
    groups: dict[str, dict[str, int]]
    sample: list[dict[str, Any]]

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Tally:
        return cls(dict(kept.get("counts", {})), {key: dict(row) for key, row in kept.get("groups", {}).items()}, list(kept.get("sample", [])))

    def kept(self) -> dict[str, Any]:
        return {"counts": self.counts, "groups": self.groups, "sample": self.sample}

    def add(self, row: Any, pauses: Iterable[Pause], plan: Plan, at: datetime) -> bool:
        """Reckon the row again and count; True when it changes."""
        was = {"due": row.due_at, "rule": row.rule_id}
        changes = plan.retold(row, pauses, at)
        self._count(row, was, changes, at)
        return changes

    def _count(self, row: Any, was: Mapping[str, Any], changes: bool, at: datetime) -> None:
        running, void = row.state == DeadlineState.RUNNING, row.state == DeadlineState.VOID
        late = running and row.due_at <= at < was["due"] and row.code not in WAITS
        kinds = {
            "seen": True, "kept": not changes, "changed": changes, "earlier": row.due_at < was["due"], "later": row.due_at > was["due"],
            "late": late, "saved": running and was["due"] <= at < row.due_at, "paused": changes and row.state == DeadlineState.PAUSED, "void": void,
        }  # fmt: skip
        group = self.groups.setdefault(f"{was['rule']}:{row.place or 0}", {})
        for kind in (kind for kind, so in kinds.items() if so):
            self.counts[kind] = self.counts.get(kind, 0) + 1
            group[kind] = group.get(kind, 0) + 1
        if void or row.due_at != was["due"]:
            self._show(row, was["due"], late)

    def _show(self, row: Deadline, due_at: datetime, late: bool) -> None:
        line = {"item": row.item_id, "rule": row.rule_id, "was": due_at.isoformat(), "due": row.due_at.isoformat(), "late": late}
        line |= {"void": True} if row.state == DeadlineState.VOID else {}
        if len(self.sample) < SAMPLE:
            self.sample.append(line)
        elif late and (other := next((n for n, shown in enumerate(self.sample) if not shown["late"]), None)) is not None:
            self.sample[other] = line


def _apply(plan: Plan) -> bool:
    """One batch in one short transaction; False when nothing is left."""
    began = time.monotonic()
    change = plan.change
    picked = _pick(plan)
    if picked:
        _take(plan, picked)
    elif change.later:
        time.sleep(0.2)
        _take(plan, [])
    else:
        return _finish(change)
    time.sleep(min(1.0, (time.monotonic() - began) / 2))  # The desk's turn.
    return change.state == State.APPLYING


def _pick(plan: Plan) -> list[int]:
    return list(plan.concerned().filter(pk__gt=plan.change.cursor).order_by("pk").values_list("pk", flat=True)[:BATCH])


@transaction.atomic
def _take(plan: Plan, picked: list[int]) -> None:
    """Change these deadlines, or with none those that were held by somebody, and move the cursor, in one."""
    held = _held(plan.change.pk)
    if held.state != State.APPLYING or held.cursor != plan.change.cursor or held.later != plan.change.later:
        _follow(plan.change, held)
        return
    at = clock.now()
    wanted = picked or held.later[:BATCH]
    rows = _locked(plan, wanted)
    tally = Tally.of(held.outcome)
    before = {row.pk: row.due_at for row in rows}
    changed = [row for row, pauses in _with_pauses(rows) if tally.add(row, pauses, plan, at)]
    _write([row for row in changed if row.live], before, held, at)
    _write_void([row for row in changed if not row.live], held, at)
    _mirror({pk for row in changed for pk in (row.item_id, row.root_id)}, {row.root_id for row in changed})
    missed = [] if len(rows) == len(wanted) else _still_concerned(plan, wanted, rows)
    held.later = [pk for pk in held.later if pk not in set(wanted)] + missed
    held.cursor, held.done = (picked[-1] if picked else held.cursor), held.done + len(wanted) - len(missed)
    held.outcome, held.beat_at = tally.kept(), at
    held.save(update_fields=["later", "cursor", "done", "outcome", "beat_at"])
    _follow(plan.change, held)


def _follow(change: Change, held: Change) -> None:
    for name in ("state", "cursor", "done", "later", "outcome"):
        setattr(change, name, getattr(held, name))


def _locked(plan: Plan, pks: Collection[int]) -> Sequence[Deadline]:
    """Those that nobody else holds, their items and matters locked before them."""
    places = dict(Deadline.objects.filter(pk__in=pks).values_list("pk", "item_id"))
    roots = dict(Deadline.objects.filter(pk__in=pks).values_list("pk", "root_id"))
    items = Item.objects.filter(pk__in={*places.values(), *roots.values()}).order_by("pk")
    free = set(items.select_for_update(no_key=True, skip_locked=True).values_list("pk", flat=True))
    mine = [pk for pk in pks if places.get(pk) in free and roots.get(pk) in free]
    return plan.read(plan.concerned().filter(pk__in=mine).select_for_update(of=("self",), no_key=True, skip_locked=True))


def _still_concerned(plan: Plan, wanted: Collection[int], rows: Collection[Deadline]) -> list[int]:
    """What ended meanwhile needs nothing any more; the rest is taken later."""
    got = {row.pk for row in rows}
    return list(plan.concerned().filter(pk__in=[pk for pk in wanted if pk not in got]).order_by("pk").values_list("pk", flat=True))


def _write(rows: Collection[Deadline], before: Mapping[int, datetime], change: Change, at: datetime) -> None:
    if not rows:
        return
    for row in rows:
        row.due_at = row.due_at.astimezone(UTC)
    columns = {name: [getattr(row, name) for row in rows] for name in RETOLD}
    bulk.update(Deadline, [row.pk for row in rows], {**columns, "allowance": [bulk.as_json(row.allowance) for row in rows]})
    verb = "deadline_rule_changed" if change.rule_id else "deadline_calendar_changed"
    assert change.ordered_by is not None
    history.record_many([(row.item_id, row.root_id, _told(row, before[row.pk], change)) for row in rows], verb, by=change.ordered_by, at=at)


def _write_void(rows: Collection[Deadline], change: Change, at: datetime) -> None:
    if not rows:
        return
    assert change.ordered_by is not None
    services.write_ended(rows, at)
    lines = [(row.item_id, row.root_id, {"code": row.code, "deadline": row.pk, "change": change.pk}) for row in rows]
    history.record_many(lines, "deadline_rule_off", by=change.ordered_by, at=at)


def _told(row: Deadline, was: datetime, change: Change) -> dict[str, Any]:
    data = {"code": row.code, "until": row.due_at, "was": was, "change": change.pk}
    return {**data, "version": row.rule.version} if change.rule_id else {**data, "calendar": str(change.calendar)}


def _mirror(item_ids: Collection[int], root_ids: Collection[int]) -> None:
    """`services.mirror` for many items, which are locked, in three statements."""
    if not item_ids:
        return
    live: dict[int, list[tuple[Any, ...]]] = {pk: [] for pk in item_ids}
    rows = Deadline.objects.filter(root_id__in=root_ids, state__in=services.LIVE).order_by("due_at", "pk")
    for root_id, item_id, *told in rows.values_list("root_id", "item_id", *services.MIRRORED):
        for place in {root_id, item_id} & live.keys():
            live[place].append(tuple(told))
    items = [item for item in Item.objects.filter(pk__in=live) if _shows_otherwise(item, services.mirrored(live[item.pk]))]
    if items:
        bulk.update(Item, [item.pk for item in items], {name: [getattr(item, name) for item in items] for name in MIRROR})


def _shows_otherwise(item: Item, shown: Mapping[str, Any]) -> bool:
    differs = any(getattr(item, name) != value for name, value in shown.items())
    for name, value in shown.items():
        setattr(item, name, value)
    return differs


@transaction.atomic
def _finish(change: Change) -> bool:
    held = _held(change.pk)
    if held.state == State.APPLYING and held.cursor == change.cursor and not held.later:
        held.state, held.finished_at = State.DONE, clock.now()
        held.save(update_fields=["state", "finished_at"])
    _follow(change, held)
    return change.state == State.APPLYING


