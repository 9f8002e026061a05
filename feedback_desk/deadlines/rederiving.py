"""What chooses a limit's rule has changed: grade, urgency, category, customer level, channel, kind, department, or the receipt (E3, E5; decision 34).

A running limit that another rule fits now is derived from the same start, and is the same row: pauses are lived through again, what was granted
stays granted, steps taken stay taken and are due anew where they lie ahead again (decision 49). What lies in the past by then is late by its own
time, and the sweep catches its steps up (E2). A limit that no rule fits any more is void; one of its family (D03-05) takes its place from the same
start. A new version of the *same* rule changes nothing here: that is the administrator's to say (`changing`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.functions import Greatest
from django.utils.translation import gettext_noop

from feedback_desk.deadlines import changing, ladder, life, services
from feedback_desk.deadlines.calendars import hours_of
from feedback_desk.deadlines.clocks import Hours
from feedback_desk.deadlines.models import Clock, Deadline, DeadlineState, Extension, ExtensionState, Rule
from feedback_desk.people.actors import Actor, person
from feedback_desk.people.models import Department
from feedback_desk.records import history
from feedback_desk.records.models import Item

FAMILIES = (("D03", "D04", "D05"),)
"""Codes of which one runs, whichever fits: the successor begins when its predecessor began."""
BY_CHANGE = (("D09", "D10"),)
"""Codes of which one runs; the change itself is what they begin with (decision 34). Who decides on it starts them."""
SUPERSEDED = gettext_noop("superseded")
FIELDS = ("rule", "owner_role", "start_at", "state", "paused_at", "left_seconds", "extended_to", "earlier_to", *services.AIMED)


@transaction.atomic(savepoint=False)
def rederive(item: Item, *, at: datetime, facts: services.Facts, by: Actor, moved: Mapping[str, datetime] | None = None) -> list[Deadline]:
    """Fit the live limits of `item` to the facts as they are now; returns those that changed, void ones included.

    `moved`: by code another start (the receipt was corrected). The caller holds the matter's lock.
    """
    moved = moved or {}
    rows = list(services._live(item).select_related("rule__ladder", "item").order_by("pk").select_for_update(of=("self",), no_key=True))
    rules = list(Rule.objects.valid(at).filter(code__in={row.code for row in rows}).select_related("ladder").prefetch_related("ladder__steps"))
    gone, changed = [], []
    for row in rows:
        before = row.facts
        rule = _fitting(row, rules, facts)
        if rule is None:
            gone.append(row)
        elif rule != row.rule or moved.get(row.code, row.start_at) != row.start_at or _on_other_hours(row, rule, before):
            _change(row, rule, moved.get(row.code, row.start_at), at=at, by=by)
            changed.append(row)
    Deadline.objects.bulk_update(rows, ["facts"])
    services._void(gone, at, SUPERSEDED, person(by), item)
    _succeed(item, gone, facts, moved, at=at)
    services.mirror(item)
    return [*changed, *gone]


@transaction.atomic(savepoint=False)
def follow_department(item: Item, department: Department, *, except_codes: Collection[str] = ()) -> None:
    """T6: the item belongs to another department, and with it the live limits that were that of the item; `rederive` then asks what becomes of them."""
    own = services._live(item).filter(department=item.department_id).exclude(code__in=except_codes)
    Deadline.objects.filter(pk__in=services._pks_locked(own)).update(department=department)
    item.department = department
    item.save(update_fields=["department"])


@transaction.atomic(savepoint=False)
def judge_anew(item: Item, code: str, *, start_at: datetime, at: datetime, by: Actor) -> Deadline | None:
    """I5: one that was met began at another time than was thought (D01: the receipt was corrected): in time or late by that, and nothing runs again (E6)."""
    rows = Deadline.objects.filter(item=item, code=code, state=DeadlineState.SETTLED).select_related("rule", "item").order_by("-pk")
    row = rows.select_for_update(of=("self",), no_key=True).first()
    if row is None or row.start_at == start_at:
        return None
    was, hours = row.due_at, hours_of([row.allowance["calendar"]])[row.allowance["calendar"]]
    lived = life.begun(start_at, row.allowance, hours)
    for name in ("start_at", "due_at", "warn_at", "allowance"):
        setattr(row, name, getattr(lived, name))
    row.late = row.ended_at is not None and row.ended_at > row.due_at
    row.save(update_fields=["start_at", "due_at", "warn_at", "allowance", "late"])
    data = {"code": code, "deadline": row.pk, "version": row.rule.version, "was": was, "until": row.due_at}
    history.record(item, "deadline_rule_changed", by=by, at=at, data=data)
    return row


def _fitting(row: Deadline, rules: Iterable[Rule], facts: services.Facts) -> Rule | None:
    """Notes the facts on the row."""
    before = row.facts
    row.facts = {**services._as_lists(facts), "department": str(row.department_id or row.item.department_id or "")}
    return fitting(row.rule, list(rules), before, row.facts)


def _on_other_hours(row: Deadline, rule: Rule, before: services.Facts) -> bool:
    """It came to another department, which has a calendar of its own. A department's new calendar is the administrator's to apply (E5)."""
    return row.facts["department"] != before.get("department") and bool(_hours(row, rule).pk != row.allowance["calendar"])


def _hours(row: Deadline, rule: Rule) -> Hours:
    return hours_of([rule.calendar_id], row.department_id or row.item.department_id)[rule.calendar_id]


def fitting(own: Rule, rules: Collection[Rule], before: services.Facts, facts: services.Facts) -> Rule | None:
    """The rule that fits now; a limit's own where the facts that changed choose nothing else (E5)."""
    then, now = services.choose(rules, before).get(own.code) if before else own, services.choose(rules, facts).get(own.code)
    if now is None or then is None:
        return now
    return own if now == then or now.when == own.when else now


def _change(row: Deadline, rule: Rule, start_at: datetime, *, at: datetime, by: Actor) -> None:
    hours, was = _hours(row, rule), row.due_at
    retell(row, rule, start_at, hours, at, list(_events(row, rule, hours, at)))
    row.save(update_fields=FIELDS)
    data = {"code": row.code, "deadline": row.pk, "version": rule.version, "was": was, "until": row.due_at}
    history.record(row.item, "deadline_rule_changed", by=by, at=at, data=data)


def retell(row: Deadline, rule: Rule, start_at: datetime, hours: Hours, at: datetime, events: Iterable[life.Happening]) -> None:
    """The row under `rule` from `start_at`, as if it had lived through `events` under it all along. Does not save."""
    rungs = ladder.rungs(row) if rule == row.rule else ladder.rungs_of(rule)
    steps, next_step = (row.allowance["steps"], row.next_step) if rule == row.rule else changing.steps_left(row, rungs)
    lived = _lived(row, rule, start_at, hours, at, events)
    for name in ("start_at", "due_at", "state", "paused_at", "left_seconds", "extended_to", "earlier_to", "allowance"):
        setattr(row, name, getattr(lived, name))
    row.rule, row.owner_role = rule, rule.owner
    row.allowance["steps"], row.next_step = steps, next_step
    ladder.arm_ahead(row, rungs, at, hours)
    services.aim_again(row, hours)


def _lived(row: Deadline, rule: Rule, start_at: datetime, hours: Hours, at: datetime, events: Iterable[life.Happening]) -> Deadline:
    """Begun under the rule, stopped, run on and extended as the row was. Unsaved. A date that a person named stays that date."""
    kept: dict[str, Any] = {**ladder.snapshot(rule, hours, 0), "named": bool(row.allowance.get("named")) and row.earlier_to is None}
    named = rule.clock == Clock.PROMISED or kept["named"]
    if named:
        kept |= {"clock": row.allowance["clock"], "amount": row.allowance["amount"]}
    elif changing.lengthened(row):
        kept["amount"] = ladder.longer_amount(row.allowance, rule)
    lived = life.begun(start_at, kept, hours, row.due_at if named else None)
    for _when, happen in [] if named else sorted(events, key=lambda event: event[0]):
        happen(lived)
    _set_earlier(lived, row.earlier_to, hours, at)
    return lived


def _set_earlier(lived: Deadline, until: datetime | None, hours: Hours, at: datetime) -> None:
    """T6: what the assigner set stays set, where it still is the earlier one and no more time was granted since."""
    if until is not None and lived.extended_to is None and lived.start_at < until < lived.due_at:
        services._lengthen(lived, until, hours, at)
        lived.earlier_to, lived.allowance["named"] = until, True


def _events(row: Deadline, rule: Rule, hours: Hours, at: datetime) -> Iterator[life.Happening]:
    """Pauses and extensions, each with its time. A pause under way ends where the new rule never stands still."""
    if not rule.may_pause:
        row.pauses.filter(until_at=None).update(until_at=Greatest("from_at", at))
    for pause in row.pauses.all():
        yield from life.stopped(pause.from_at, pause.until_at, hours)
    for given in Extension.objects.filter(deadline=row, state=ExtensionState.GRANTED):
        if given.until is not None and given.decided_at is not None:
            yield life.granted(given.decided_at, given.until, hours)


def _succeed(item: Item, gone: Iterable[Deadline], facts: services.Facts, moved: Mapping[str, datetime], *, at: datetime) -> None:
    for old in gone:
        for family in FAMILIES:
            if old.code in family:
                services.start_all(
                    item, family, at=at, facts=facts, owner=old.owner, department=old.department, part=old.part, round=old.round,
                    start_at=moved.get(old.code, old.start_at),
                )  # fmt: skip
