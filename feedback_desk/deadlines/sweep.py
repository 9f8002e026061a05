"""The sweep: every step of a ladder that is due is taken once, whatever crashes, restarts or runs twice (decision 3, E1, E2).

Read from the top: claim a batch of deadlines whose next step is due, decide who is told, write steps, notices and history, move each deadline
to its next step; one transaction per batch, ten statements whatever its size, values instead of objects (decision 27). It never locks or moves a
ticket or form: what a step *does* the room's own task does later (decision 4).
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import F, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Coalesce

from feedback_desk.deadlines import ladder, sentences
from feedback_desk.deadlines.calendars import hours_of
from feedback_desk.deadlines.clocks import Hours
from feedback_desk.deadlines.ladder import Remembered, Rung
from feedback_desk.deadlines.models import Deadline, DeadlineState, StepTaken
from feedback_desk.notices import outbox
from feedback_desk.notices.outbox import Letter
from feedback_desk.people.receivers import Answer, Ask, Staff, for_steps
from feedback_desk.records import bulk, history

log = logging.getLogger(__name__)
BATCH = 1000
SET_ASIDE = timedelta(minutes=10)
"""A deadline that failed is tried again after this long; the others never wait for it."""


class Row(NamedTuple):
    """What the sweep reads of a deadline, with its item and rule."""

    pk: int
    item_id: int
    root_id: int
    owner_id: int | None
    department_id: int | None
    """The item's where it has none of its own."""
    code: str
    part: str
    round: int
    start_at: datetime
    due_at: datetime
    next_step: int | None
    allowance: str
    number: str
    title: str
    name: str
    name_en: str


READ = {
    "in_department": Coalesce("department_id", "item__department_id"), "kept": Cast("allowance", TextField()),
    "number": F("item__number"), "title": F("item__title"), "name": F("rule__name"), "name_en": F("rule__name_en"),
}  # fmt: skip
COLUMNS = (
    "pk", "item_id", "root_id", "owner_id", "in_department", "code", "part", "round", "start_at", "due_at", "next_step", "kept", "number", "title", "name",
    "name_en",
)  # fmt: skip


@dataclass(slots=True)
class Due:
    """A claimed deadline with the rungs that are due, each with its time, and what comes next."""

    row: Row
    remembered: Remembered
    rungs: list[tuple[Rung, datetime]]
    next_rung: Rung | None
    next_at: datetime | None
    told: dict[int, Answer] = field(default_factory=dict)
    """By order of the rung. Only the highest tells anybody; the rest is on record as skipped."""

    def skips(self, rung: Rung) -> bool:
        return bool(self.told) and rung.order not in self.told and rung.order < max(self.told)


def sweep(at: datetime, limit: int = BATCH) -> int:
    """Take every step that is due at `at`, at most `limit` deadlines; 0 means nothing is left (E2)."""
    if connection.vendor == "sqlite" and not due_at(at).exists():
        return 0  # Asked without a transaction: SQLite has one writer, and mostly there is nothing to do.
    try:
        return _take(at, limit)
    except OperationalError:
        raise
    except Exception:
        log.exception("A batch of deadlines failed; taking them one by one.")
        return _take_apart(at, limit)


def due_at(at: datetime) -> QuerySet[Deadline]:
    """Running deadlines whose next step is due; those set aside wait for their time."""
    return Deadline.objects.filter(Q(broken_at__isnull=True) | Q(broken_at__lte=at - SET_ASIDE), state=DeadlineState.RUNNING, next_step_at__lte=at)


@transaction.atomic
def _take(at: datetime, limit: int, pk: int | None = None) -> int:
    """Claim and work off a batch. On SQLite the transaction is IMMEDIATE and so the only one; a claim is a read in it.

    Ordered as the index is and no further: many limits end at the same midnight, and sorting them all for each batch would cost more than the batch.
    """
    claimed = due_at(at) if pk is None else due_at(at).filter(pk=pk)
    locked = claimed.select_for_update(of=("self",), no_key=True, skip_locked=True).annotate(**READ)
    rows = [Row(*values) for values in locked.order_by("next_step_at").values_list(*COLUMNS)[:limit]]
    if rows:
        _work_off(rows, at)
    return len(rows)


def _take_apart(at: datetime, limit: int) -> int:
    """One by one, so that a bad row harms only itself."""
    taken = 0
    for pk in list(due_at(at).order_by("next_step_at").values_list("pk", flat=True)[:limit]):
        try:
            taken += _take(at, 1, pk)
        except OperationalError:
            raise
        except Exception as error:
            taken += 1
            _set_aside(pk, at, error)
    return taken


def _set_aside(pk: int, at: datetime, error: Exception) -> None:
    log.error("Deadline %s is set aside: %s", pk, error)
    why = f"{type(error).__name__}: {error}"[:300]
    Deadline.objects.filter(pk=pk).update(broken_at=at, broken_why=why, aside_since=Coalesce("aside_since", Value(at)))


def _work_off(rows: Sequence[Row], at: datetime) -> None:
    batch = _read(rows, at)
    staff = _ask_who(batch, at)
    fresh = _write_steps(batch, at)
    _tell(batch, fresh, staff, at)
    _move_on(batch)


def _read(rows: Sequence[Row], at: datetime) -> list[Due]:
    """Rows that cannot be read are set aside, in this transaction."""
    found: list[Due] = []
    calendars = hours_of(_calendar(row) for row in rows)
    for row in rows:
        try:
            found.append(_due(row, at, calendars))
        except DatabaseError:
            raise
        except Exception as error:
            _set_aside(row.pk, at, error)
    return found


def _calendar(row: Row) -> int | None:
    try:
        return ladder.read(row.allowance).calendar
    except Exception:
        return None  # Said when it is read for its rungs.


def _due(row: Row, at: datetime, calendars: dict[int | None, Hours]) -> Due:
    remembered = ladder.read(row.allowance)
    rungs: list[tuple[Rung, datetime]] = []
    for rung, when in remembered.timed(row.next_step, row.due_at, calendars[remembered.calendar]):
        if when > at:
            return Due(row, remembered, rungs, rung, when)
        rungs.append((rung, when))
    return Due(row, remembered, rungs, None, None)


def _ask_who(batch: Sequence[Due], at: datetime) -> Staff:
    """After an outage one notice: the highest rung that is due and has a receiver; rungs of the same moment tell together (E1, E2)."""
    answers, staff = for_steps({(due.row.pk, rung.order): _ask(due, rung) for due in batch for rung, _when in due.rungs}, at)
    for due in batch:
        speaking: datetime | None = None
        for rung, when in reversed(due.rungs):
            answer = answers[due.row.pk, rung.order]
            if speaking in (None, when) and (answer.user_ids or answer.nobody_left):
                due.told[rung.order], speaking = answer, when
    return staff


def _ask(due: Due, rung: Rung) -> Ask:
    """The rung's receiver, then those of the rungs above it should nobody be left (V3)."""
    return Ask(due.remembered.above(rung), due.row.owner_id, due.row.department_id, due.row.root_id)


def _write_steps(batch: Sequence[Due], at: datetime) -> dict[tuple[int, int], int]:
    """Insert the steps, once each by their unique key; the keys of those that are new by (deadline, step)."""
    steps = [(due.row.pk, rung.order, due.row.round, rung.receiver, rung.act, when, due.skips(rung)) for due in batch for rung, when in due.rungs]
    if not steps:
        return {}
    columns = dict(zip(("deadline_id", "step", "round", "receiver", "act", "at", "skipped"), map(list, zip(*steps, strict=True)), strict=True))
    written = bulk.insert(StepTaken, {**columns, "taken_at": at}, returning=("deadline_id", "step", "id"))
    return {(deadline_id, step): pk for deadline_id, step, pk in written}


def _tell(batch: Sequence[Due], fresh: dict[tuple[int, int], int], staff: Staff, at: datetime) -> None:
    """Notices and a line of history for each new step; the lines of those that told nobody are there to be looked up."""
    letters: list[Letter] = []
    lines: list[history.Line] = []
    for due in batch:
        seen: set[int] = set()
        for rung, when in due.rungs:
            step = fresh.get((due.row.pk, rung.order))
            if step is not None:
                written = _letters(due, rung, when, step, staff, seen)
                lines.append(_line(due, rung, when, [str(staff.people[letter.receiver_id]) for letter in written]))
                letters += written
    outbox.tell_each(letters, at=at)
    history.note_limits(lines, at=at)


def _letters(due: Due, rung: Rung, when: datetime, step: int, staff: Staff, seen: set[int]) -> list[Letter]:
    """To each person once for a deadline, `seen` being those told already; with nobody left for a step a note to the administrators as well (V3)."""
    answer = due.told.get(rung.order)
    if answer is None:
        return []
    fresh = [user_id for user_id in answer.user_ids if user_id not in seen]
    seen.update(fresh)
    note = [user_id for user_id in staff.administrators(due.row.root_id) if user_id not in fresh] if answer.nobody_left else []
    cause, data = f"step:{step}", _data(due, rung, when)
    told = [("deadline_step", user_id) for user_id in fresh] + [("administrator_note", user_id) for user_id in note]
    return [Letter(cause, due.row.item_id, user_id, template, data) for template, user_id in told]


def _data(due: Due, rung: Rung, when: datetime) -> str:
    """What the notice says: number and summary, no contact data (V7)."""
    row = due.row
    return bulk.as_json({
        "number": row.number, "title": row.title, "code": row.code, "name": row.name, "name_en": row.name_en,
        "due_at": row.due_at, "step": rung.order, "percent": rung.percent, "step_at": when, "late": when >= row.due_at,
        "start_at": row.start_at, "promised": due.remembered.promised, **({"round": row.round} if row.round > 1 else {}),
        **({"part": row.part} if row.part and (row.code, row.part) in sentences.BY_PART else {}),
        **({"again": rung.nth} if rung.nth else {}), **({"urgent": True} if due.remembered.urgent else {}),
    })  # fmt: skip


def _line(due: Due, rung: Rung, when: datetime, told: list[str]) -> history.Line:
    row = due.row
    data = {
        "code": row.code, "deadline": row.pk, "step": rung.order, "percent": rung.percent,
        "at": when, "act": rung.act, "skipped": due.skips(rung), "told": told,
    }  # fmt: skip
    return history.Line(row.item_id, row.root_id, history.LIMIT_PASSED if when >= row.due_at else history.LIMIT_NEAR, bulk.as_json(data))


def _move_on(batch: Sequence[Due]) -> None:
    """To the next rung, or to the end of the ladder; what was set aside and has succeeded is mended."""
    if batch:
        next_step, next_at = [due.next_rung.order if due.next_rung else None for due in batch], [due.next_at for due in batch]
        columns = {"next_step": next_step, "next_step_at": next_at, "broken_at": None, "broken_why": "", "aside_since": None}
        bulk.update(Deadline, [due.row.pk for due in batch], columns)


def again(ids: Collection[int], *, at: datetime) -> list[int]:
    """Of deadlines set aside: the next sweep takes them, not the one after their delay. Those of another state stay as they are. Returns which."""
    with transaction.atomic():
        aside = Deadline.objects.filter(pk__in=ids, state=DeadlineState.RUNNING, broken_at__gt=at - SET_ASIDE)
        found = list(aside.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
        Deadline.objects.filter(pk__in=found).update(broken_at=at - SET_ASIDE)
    return found


def until_done(at: datetime, batches: int = 20) -> int:
    """Sweep batch after batch; at most `batches`, so that a message ends and the next one goes on."""
    total = 0
    for _batch in range(batches):
        taken = sweep(at)
        total += taken
        if not taken:
            break
    return total
