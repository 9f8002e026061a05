"""What the rooms call, inside their own transaction, to start, settle, void, pause and extend limits (section 8, E3–E6).

A room locks its subject first, then calls here; deadlines are locked in order of their keys. Lock an item, if at all, with
`select_for_update(no_key=True)`: the sweep's notices point at items, and a plain lock would make it wait while it holds deadlines.
`at` is when the thing happened. Whether it was late is judged by that, never by when the sweep looked (decision 3).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Greatest
from django.utils.translation import gettext as _

from feedback_desk.deadlines import clocks, ladder, wording
from feedback_desk.deadlines.calendars import hours_of
from feedback_desk.deadlines.clocks import Hours
from feedback_desk.deadlines.models import WAITS, Clock, Deadline, DeadlineState, Extension, ExtensionState, Pause, Rule, StepOutcome, StepTaken
from feedback_desk.notices import outbox
from feedback_desk.people import receivers
from feedback_desk.people.access import NotNow
from feedback_desk.people.actors import SYSTEM, Actor, person
from feedback_desk.people.models import Department, User
from feedback_desk.people.one_look import remembered_setting
from feedback_desk.records import bulk, history
from feedback_desk.records.models import Item

Facts = Mapping[str, Any]
LIVE = (DeadlineState.RUNNING, DeadlineState.PAUSED)
AIMED = ("due_at", "warn_at", "next_step", "next_step_at", "allowance")
ENDED = ("state", "ended_at", "ended_by_id", "late", "why", "paused_at", "left_seconds", "next_step", "next_step_at", "asking_id")


def start(
    item: Item, code: str, *, at: datetime, facts: Facts, owner: User | None = None, department: Department | None = None,
    part: str = "", round: int = 1, due_at: datetime | None = None, start_at: datetime | None = None,
) -> Deadline | None:  # fmt: skip
    """Start one limit; None when no active rule fits. `due_at`: the time promised (D38), or an earlier one set by hand."""
    started = start_all(item, [code], at=at, facts=facts, owner=owner, department=department, part=part, round=round, due_at=due_at, start_at=start_at)
    return started[0] if started else None


@transaction.atomic(savepoint=False)
def start_all(
    item: Item, codes: Iterable[str], *, at: datetime, facts: Facts, owner: User | None = None, owners: Mapping[str, User | None] | None = None,
    department: Department | None = None, part: str = "", round: int = 1, due_at: datetime | None = None, start_at: datetime | None = None,
) -> list[Deadline]:  # fmt: skip
    """Start several limits at once, in as many statements as one. Codes without a fitting rule are left out; one that runs already is returned as it is.

    `owners` names people by capacity ({"assignee": ..., "cs_manager": ...}) and goes before `owner`. `start_at` defaults to `at` (D03 counts from received).
    """
    codes = list(dict.fromkeys(codes))
    department_id = department.pk if department else item.department_id
    known = {**_as_lists(facts), "department": str(department_id or "")}
    rules = fitting_rules(codes, known, at)
    live = _live(item, codes, part)
    standing = {row.code: row for row in live} if live.exists() else {}
    calendars = hours_of((rule.calendar_id for rule in rules.values()), department_id) if rules else {}
    fresh: dict[str, Deadline] = {}
    for code, rule in rules.items():
        if code not in standing:
            named = (owners or {}).get(rule.owner) or owner
            fields = {"owner": named, "department": department, "part": part, "round": round, "facts": known}
            fresh[code] = _begin(item, rule, calendars[rule.calendar_id], start_at or at, due_at, **fields)
    Deadline.objects.bulk_create(fresh.values())
    if fresh:
        mirror(item)
    return [found for code in codes if (found := standing.get(code) or fresh.get(code))]


def pass_pauses(row: Deadline, pauses: Iterable[Pause], hours: Hours) -> None:
    """Stop and go on as the pauses tell, in their order; what was left is kept as it is told (decision 21). An open one leaves the row paused."""
    for stop in pauses:
        _stand_still(row, stop.from_at, hours)
        if stop.until_at is not None:
            _run_on(row, stop.until_at, hours)


def _stand_still(row: Deadline, at: datetime, hours: Hours) -> None:
    row.left_seconds = left_at(row, at, hours)
    row.state, row.paused_at = DeadlineState.PAUSED, at


def left_at(row: Deadline, at: datetime, hours: Hours) -> int:
    """What is left when it stops at `at`. One that stopped too late before counts from where its rungs have moved to, so that no pause counts twice."""
    moved = row.allowance.get("rungs_from")
    return clocks.left(at, datetime.fromisoformat(moved) if moved else row.due_at, ladder.clock_of(row), hours)


def _begin(item: Item, rule: Rule, hours: Hours, start_at: datetime, due_at: datetime | None, **fields: Any) -> Deadline:
    named = due_at is not None
    if due_at is None:
        due_at = clocks.due(start_at, ladder.allowance_of(rule), hours)
    total = clocks.between(start_at, due_at, rule.clock, hours)
    deadline = Deadline(
        item=item, root_id=item.root_id or item.pk, rule=rule, code=rule.code, owner_role=rule.owner,
        start_at=start_at, due_at=due_at.astimezone(UTC), allowance=ladder.snapshot(rule, hours, max(total, 0)), **fields,
    )  # fmt: skip
    deadline.allowance["named"] = named
    ladder.aim(deadline, hours)
    return deadline


def would_be_due(code: str, *, at: datetime, facts: Facts, department: Department | None) -> datetime | None:
    """When a limit of this code would pass if it started at `at` in this department; None when no active rule fits."""
    department_id = department.pk if department else None
    rule = fitting_rules([code], {**facts, "department": str(department_id or "")}, at).get(code)
    return clocks.due(at, ladder.allowance_of(rule), hours_of([rule.calendar_id], department_id)[rule.calendar_id]) if rule else None


def fitting_rules(codes: Collection[str], facts: Facts, at: datetime) -> dict[str, Rule]:
    """By code the rule that applies: the most specific valid one whose `when` fits, of equally specific ones the newest, of equally new ones the shortest."""
    return choose((rule for rule in _rules_of(codes) if rule.valid_at(at)), facts)


def _rules_of(codes: Collection[str]) -> list[Rule]:
    """Every version, with what a limit needs of it."""
    rows = Rule.objects.filter(code__in=codes).select_related("calendar", "ladder").prefetch_related("ladder__steps")
    return remembered_setting(("rules", frozenset(codes)), lambda: list(rows))


def choose(rules: Iterable[Rule], facts: Facts) -> dict[str, Rule]:
    fitting = [rule for rule in rules if fits(rule.when, facts)]
    return {rule.code: rule for rule in sorted(fitting, key=lambda rule: (*_specific(rule.when, facts), rule.valid_from, rule.version, -_about(rule)))}


def _about(rule: Rule) -> int:
    """Roughly how long it leaves, in seconds; an hour of business is a third of a working day."""
    units = {Clock.CALENDAR: 1, Clock.BUSINESS: 3, Clock.PROMISED: 0, Clock.SAME_DAY: 0}
    return rule.amount * units.get(Clock(rule.clock), 86400)


def _specific(when: Mapping[str, Collection[str]], facts: Facts) -> tuple[int, int]:
    """More facts named, then nearer ones: a category goes before the one above it."""
    return len(when), -sum(_distance(values, facts.get(fact)) for fact, values in when.items())


def _distance(values: Collection[str], value: Any) -> int:
    return next((place for place, held in enumerate(value) if held in values), 0) if isinstance(value, list | tuple) else 0


def fits(when: Mapping[str, Collection[str]], facts: Facts) -> bool:
    """Every fact named has one of the values named; a fact may hold several values (a category and those above it)."""
    return all(not set(values).isdisjoint(_values(facts.get(fact))) for fact, values in when.items())


def _as_lists(facts: Facts) -> dict[str, Any]:
    """As they are kept with the deadline."""
    return {fact: sorted(value) if isinstance(value, set | frozenset) else value for fact, value in facts.items()}


def _values(value: Any) -> Collection[Any]:
    return value if isinstance(value, list | tuple | set | frozenset) else (value,)


@transaction.atomic(savepoint=False)
def settle(
    item: Item, *codes: str, at: datetime, by: Actor | None = None, part: str | None = None, why: str = "", begun: bool = False,
    only: Collection[int] | None = None,
) -> list[Deadline]:  # fmt: skip
    """What was asked for happened at `at`: running and paused limits of these codes end, in time or late (E6). Nothing live: nothing happens.

    `begun`: only limits that had begun by then; a call of yesterday, recorded now, keeps no promise of today. `only`: the limits that are meant.
    """
    rows = [row for row in _locked(item, codes, part) if (not begun or row.start_at <= at) and (only is None or row.pk in only)]
    for row in rows:
        row.late = min(at, row.paused_at or at) > row.due_at
        _end(row, DeadlineState.SETTLED, at, by, why)
    return _ended(rows, at, item)


@transaction.atomic(savepoint=False)
def void(item: Item, *codes: str, at: datetime, why: str, part: str | None = None, by: Actor | None = None) -> list[Deadline]:
    """The limit no longer means anything; the reason is kept (E6)."""
    return _void(_locked(item, codes, part), at, why, by, item)


@transaction.atomic(savepoint=False)
def void_all(root: Item, *, at: datetime, why: str, except_codes: Collection[str] = (), by: Actor | None = None) -> list[Deadline]:
    """Void every live limit of a matter: ticket, form and visits."""
    rows = Deadline.objects.filter(root_id=root.root_id or root.pk, state__in=LIVE).exclude(code__in=except_codes)
    return _void(list(rows.order_by("pk").select_for_update(no_key=True)), at, why, by, root)


def _void(rows: list[Deadline], at: datetime, why: str, by: Actor | None, item: Item) -> list[Deadline]:
    if not why:
        raise ValueError("A void deadline needs its reason (E6).")
    for row in rows:
        _end(row, DeadlineState.VOID, at, by, why)
    return _ended(rows, at, item)


def _end(row: Deadline, state: DeadlineState, at: datetime, by: Actor | None, why: str) -> None:
    row.state, row.ended_at, row.ended_by, row.why = state, at, person(by) if by else None, why[:200] or row.why
    row.paused_at = row.left_seconds = row.next_step = row.next_step_at = None


def _ended(rows: list[Deadline], at: datetime, item: Item) -> list[Deadline]:
    if rows:
        write_ended(rows, at)
        mirror(item, *{row.item_id for row in rows})
    return rows


def write_ended(rows: Collection[Deadline], at: datetime) -> None:
    """What ended, with what hangs on it; the caller sees to what the items show."""
    _requests_fall(rows, at)
    bulk.update(Deadline, [row.pk for row in rows], {name: [getattr(row, name) for row in rows] for name in ENDED})
    Pause.objects.filter(deadline__in=rows, until_at__isnull=True).update(until_at=Greatest("from_at", at))
    _overtake(rows, at)


def _requests_fall(rows: Collection[Deadline], at: datetime) -> None:
    """T9: limits ended while more time was asked for; nobody can answer that any more."""
    for row in rows:
        if row.asking_id is not None:
            Extension.objects.filter(pk=row.asking_id, state=ExtensionState.ASKED).update(state=ExtensionState.FALLEN, decided_at=at)
            history.record(row.item, "extension_fell", by=SYSTEM, at=at, data={"code": row.code, "deadline": row.pk})
            row.asking = None


def _overtake(rows: Collection[Deadline], at: datetime) -> None:
    """Steps taken although the deadline had ended or stopped by then: kept, marked, their unsent notices withdrawn (decision 4)."""
    steps = StepTaken.objects.filter(deadline__in=rows, at__gte=at, outcome__isnull=True).values_list("pk", flat=True)
    if overtaken := list(steps):
        StepOutcome.objects.bulk_create([StepOutcome(step_id=pk, outcome="overtaken", at=at) for pk in overtaken], ignore_conflicts=True)
        outbox.withdraw(*[f"step:{pk}" for pk in overtaken])


@transaction.atomic(savepoint=False)
def pause(item: Item, *codes: str, at: datetime, because: str) -> list[Deadline]:
    """E3: stop running limits whose rule allows it; what is left is kept."""
    rows = [row for row in _locked(item, codes) if row.rule.may_pause and row.state == DeadlineState.RUNNING]
    if not rows:
        return []
    calendars = hours_of(row.allowance["calendar"] for row in rows)
    for row in rows:
        _stand_still(row, at, calendars[row.allowance["calendar"]])
    _arm_again(rows, at)
    Deadline.objects.bulk_update(rows, ["state", "paused_at", "left_seconds", "next_step", "allowance"])
    Pause.objects.bulk_create([Pause(deadline=row, from_at=at, because=because[:100]) for row in rows])
    _overtake(rows, at)
    mirror(item)
    return rows


def _arm_again(rows: Collection[Deadline], at: datetime) -> None:
    """Steps taken although the limit had stopped by then come to nothing; they are due anew, under new numbers, when it goes on."""
    overtaken = list(StepTaken.objects.filter(deadline__in=rows, at__gte=at, outcome__isnull=True).values_list("deadline_id", "step"))
    for row in rows:
        ladder.arm_again(row, [step for pk, step in overtaken if pk == row.pk])


@transaction.atomic(savepoint=False)
def resume(item: Item, *codes: str, at: datetime) -> list[Deadline]:
    """E3: run on with what was left. One that was late when it stopped stays late; its ladder goes on where it was."""
    rows = [row for row in _locked(item, codes) if row.state == DeadlineState.PAUSED]
    if not rows:
        return []
    calendars = hours_of(row.allowance["calendar"] for row in rows)
    for row in rows:
        _run_on(row, max(at, row.paused_at or at), calendars[row.allowance["calendar"]])
    Deadline.objects.bulk_update(rows, ["state", "paused_at", "left_seconds", *AIMED])
    Pause.objects.filter(deadline__in=rows, until_at__isnull=True).update(until_at=Greatest("from_at", at))
    mirror(item)
    return rows


def _run_on(row: Deadline, at: datetime, hours: Hours) -> None:
    left, clock = row.left_seconds or 0, ladder.clock_of(row)
    if left < 0:
        row.allowance["rungs_from"] = clocks.ahead(at, left, clock, hours).isoformat()
    else:
        row.due_at = clocks.resumed(at, left, clock, hours)
    row.state, row.paused_at, row.left_seconds = DeadlineState.RUNNING, None, None
    aim_again(row, hours)


def aim_again(row: Deadline, hours: Hours) -> None:
    """After the limit moved. A ladder at its end stays there."""
    if row.next_step is None:
        row.next_step = 1 + max((rung.order for rung in ladder.rungs(row)), default=0)
    ladder.aim(row, hours)


@transaction.atomic
def extend(deadline: Deadline, *, until: datetime, at: datetime, by: Actor, why: str) -> Deadline:
    """T9, C12: more time, granted by `by`. Raises NotNow where the rule allows none, the deadline has ended, or `until` is no later."""
    row = Deadline.objects.select_related("rule", "item").select_for_update(of=("self",), no_key=True).get(pk=deadline.pk)
    if not row.rule.may_extend:
        raise NotNow(_("This limit cannot be extended."))
    if not row.live or until <= row.due_at:
        raise NotNow(_("The new date must be later than the present limit of a running deadline."))
    was = row.due_at
    _lengthen(row, until, hours_of([row.allowance["calendar"]])[row.allowance["calendar"]], at)
    row.extended_to = until
    row.save(update_fields=[*AIMED, "extended_to", "left_seconds"])
    history.record(row.item, "deadline_extended", by=by, at=at, reason=why, data={"code": row.code, "until": until, "was": was, "deadline": row.pk})
    mirror(row.item)
    return row


@transaction.atomic(savepoint=False)
def set_earlier(item: Item, code: str, *, due_at: datetime, at: datetime, by: Actor) -> Deadline | None:
    """T6: the running limit ends sooner, as whoever assigns wants it. None when none runs; ValidationError unless `due_at` is between now and the limit."""
    row = next((found for found in _locked(item, [code]) if found.state == DeadlineState.RUNNING), None)
    if row is None:
        return None
    was = row.due_at
    if not at < due_at < was:
        raise ValidationError({"due_at": _("This must lie between now and the present limit, %(due)s.") % {"due": wording.exact(was)}})
    _lengthen(row, due_at, hours_of([row.allowance["calendar"]])[row.allowance["calendar"]], at)
    row.earlier_to, row.allowance["named"] = due_at, True
    row.save(update_fields=[*AIMED, "earlier_to"])
    history.record(item, "deadline_set_earlier", by=by, at=at, data={"code": code, "until": due_at, "was": was, "deadline": row.pk})
    mirror(item)
    return row


@transaction.atomic(savepoint=False)
def lengthen(item: Item, code: str, *, at: datetime, by: Actor = SYSTEM, why: str = "") -> Deadline | None:
    """C3: the same deadline gets the longer amount of its rule, from the same start (D14: 48 hours).

    None when nothing runs, its rule has no longer amount, it has it already, or it was late at `at`.
    """
    row = next(iter(_locked(item, [code])), None)
    if row is None or at > row.due_at or (row.rule.longer or 0) <= row.allowance["amount"] or row.rule.clock != ladder.clock_of(row):
        return None
    was, hours = row.due_at, hours_of([row.allowance["calendar"]])[row.allowance["calendar"]]
    until = clocks.later(row.due_at, (row.rule.longer or 0) - row.allowance["amount"], ladder.clock_of(row), hours)
    row.allowance["amount"] = row.rule.longer
    _lengthen(row, until, hours, at)
    row.save(update_fields=[*AIMED, "left_seconds"])
    history.record(item, "deadline_lengthened", by=by, at=at, reason=why, data={"code": code, "until": until, "was": was, "deadline": row.pk})
    mirror(item)
    return row


def _lengthen(row: Deadline, until: datetime, hours: Hours, at: datetime) -> None:
    """The limit moves to `until`, as said at `at`; steps that told of the former one and lie ahead again are due anew."""
    more = clocks.between(row.due_at, until, ladder.clock_of(row), hours)
    row.allowance["total"] += more
    row.allowance.pop("rungs_from", None)
    row.due_at = until.astimezone(UTC)
    if row.paused_at is not None:
        row.left_seconds = left_at(row, row.paused_at, hours)
    ladder.arm_ahead(row, ladder.rungs(row), at, hours)
    aim_again(row, hours)


@transaction.atomic(savepoint=False)
def note_reason(deadline: Deadline, *, why: str, by: Actor, at: datetime) -> None:
    """T9: what was missed needs a reason; kept with the deadline and in the history."""
    Deadline.objects.filter(Q(late=True) | Q(state__in=LIVE, due_at__lt=at), pk=deadline.pk).update(why=why[:200])
    history.record(deadline.item, "late_reason", by=by, at=at, reason=why, data={"code": deadline.code, "deadline": deadline.pk})


@transaction.atomic(savepoint=False)
def reown(item: Item, *codes: str, owner: User | None, owner_role: str | None = None, department: Department | None = None) -> int:
    """The live limits of these codes (none named: all), or of a capacity, now belong to `owner`."""
    rows = _live(item, codes)
    if owner_role:
        rows = rows.filter(owner_role=owner_role)
    fields: dict[str, Any] = {"owner": owner, **({"department": department} if department else {})}
    return Deadline.objects.filter(pk__in=_pks_locked(rows)).update(**fields)


@transaction.atomic(savepoint=False)
def owner_gone(user: User, root: Item, *, at: datetime) -> list[Deadline]:
    """V3: a person became concerned in a matter: their limits there go to backup, next superior or the office at once."""
    rows = list(Deadline.objects.filter(root_id=root.root_id or root.pk, owner=user, state__in=LIVE).order_by("pk").select_for_update(no_key=True))
    if rows:
        heir = receivers.heir(user, root=root, at=at)
        for row in rows:
            row.owner = heir
        Deadline.objects.filter(pk__in=[row.pk for row in rows]).update(owner=heir)
    return rows


def mirror(item: Item, *more: int) -> None:
    """Write the nearest live limit that is ours to keep to the item (and `more` item ids of its matter) and, over the whole matter, to the root item.

    The nearest running one; with paused ones only, `next_limit_at` is empty and `next_paused` true. The root is locked before anything is read, so that
    a batch of changed limits (deadlines.changing) and this never write over each other.
    """
    root_id = item.root_id or item.pk
    if (later := _later.get()) is not None:
        later.setdefault(root_id, set()).update((item.pk, *more))
        return
    rows = Item.objects.filter(pk__in={root_id, item.pk, *more}).order_by("pk").select_for_update(no_key=True).values("pk", *SHOWN)
    shown = {row.pop("pk"): row for row in rows}
    live = list(Deadline.objects.filter(root_id=root_id, state__in=LIVE).order_by("due_at", "pk").values_list("item_id", *MIRRORED))
    for item_id, before in shown.items():
        now = mirrored(row[1:] for row in live if item_id in (root_id, row[0]))
        if now != before:
            Item.objects.filter(pk=item_id).update(**now)


@contextmanager
def mirrored_at_the_end() -> Iterator[None]:
    """While one process alone writes and nobody looks: what the items show of their limits is written once, at the end (decision 48)."""
    waiting: dict[int, set[int]] = {}
    token = _later.set(waiting)
    try:
        yield
    finally:
        _later.reset(token)
    for root in Item.objects.filter(pk__in=waiting):
        mirror(root, *waiting[root.pk])


_later: ContextVar[dict[int, set[int]] | None] = ContextVar("mirrored at the end", default=None)

MIRRORED = ("state", "due_at", "warn_at", "code")
SHOWN = ("next_limit_at", "next_warn_at", "next_limit_code", "next_paused")


def mirrored(live: Iterable[tuple[Any, ...]]) -> dict[str, Any]:
    """What an item shows of its live limits, given as MIRRORED in order of their ends; those that wait for somebody outside make nothing late."""
    rows = [row for row in live if row[3] not in WAITS]
    running = next((row for row in rows if row[0] == DeadlineState.RUNNING), None)
    shown = running or (rows[0] if rows else None)
    return {
        "next_limit_at": running[1] if running else None, "next_warn_at": running[2] if running else None,
        "next_limit_code": shown[3] if shown else "", "next_paused": bool(rows) and running is None,
    }  # fmt: skip


def _live(item: Item, codes: Collection[str] = (), part: str | None = None) -> Any:
    rows = Deadline.objects.filter(item=item, state__in=LIVE)
    if codes:
        rows = rows.filter(code__in=codes)
    return rows if part is None else rows.filter(part=part)


def _locked(item: Item, codes: Collection[str], part: str | None = None) -> list[Deadline]:
    """Live deadlines, locked in order of their keys. No codes: none, so that nothing is settled by accident."""
    if not codes:
        return []
    rows = list(_live(item, codes, part).order_by("pk").select_for_update(no_key=True))
    wanted = {row.rule_id for row in rows}
    rules = remembered_setting(("rules by key", frozenset(wanted)), lambda: Rule.objects.in_bulk(wanted))
    for row in rows:
        row.rule = rules[row.rule_id]
    return rows


def _pks_locked(rows: Any) -> list[int]:
    return list(rows.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))
