"""A deadline knows why (E4): one structured explanation for the page, the notice and whoever asks by program.

`explain` tells what the row itself knows (its rule and pauses are read with it); `explain_fully` reads the rest: what lay between, extensions, who was
told of which step. The sentences stand in `sentences`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

from django.db.models import Q
from django.utils.dateparse import parse_datetime

from feedback_desk.deadlines import clocks, ladder, life, sentences
from feedback_desk.deadlines.calendars import hours_of
from feedback_desk.deadlines.clocks import Hours, NeverOpen
from feedback_desk.deadlines.course import Course, course
from feedback_desk.deadlines.models import RECEIVERS, WAITS, CalendarDay, Deadline, DeadlineState, Extension, Rule, StepTaken
from feedback_desk.notices.models import Notice
from feedback_desk.people.receivers import Ask, for_steps
from feedback_desk.records.models import Entry

LENGTHENED = ("deadline_extended", "deadline_lengthened")
EARLIER = "deadline_set_earlier"
RETOLD = ("deadline_rule_changed", "deadline_calendar_changed")


@dataclass(frozen=True)
class Stop:
    """A pause. `left`: seconds of the deadline's clock that were left when it began; None when nobody knows any more."""

    from_at: datetime
    until_at: datetime | None
    why: str
    left: int | None = None


@dataclass(frozen=True)
class Moved:
    """The limit was moved: extended (C12, T9), set earlier (T6), or worked out anew under another version of its rule or a changed calendar (E5)."""

    at: datetime
    due_at: datetime
    was: datetime | None = None
    by: str = ""
    why: str = ""
    version: int | None = None
    calendar: str = ""


@dataclass(frozen=True)
class Asking:
    """T9: more time that was asked for and is not answered yet."""

    at: datetime
    until: datetime
    by: str
    why: str


@dataclass(frozen=True)
class Step:
    """A rung of the ladder: taken, or to come. `at` is None while the limit stands still. `state`: taken, skipped, overtaken, nothing, coming."""

    order: int
    at: datetime | None
    receiver: str
    state: str
    percent: int | None = None
    working_days: int | None = None
    minutes: int | None = None
    nth: int = 0
    """0 is the step itself, 1 its first repetition."""
    act: str = ""
    told: tuple[str, ...] = ()
    """Names; of a step to come those who would be told now."""
    nobody_left: bool = False
    """V3: to come, and nobody is left for the step itself: who is named stands further up, and the administrators hear of it too."""

    @property
    def warned(self) -> bool:
        """Taken before the limit; not passed over after an outage."""
        return self.state == "taken" and ((self.percent or 100) < 100 or (self.minutes or 0) < 0)


@dataclass(frozen=True)
class Explanation:
    """All that a deadline knows of itself at `at`. `kept` is what it remembers of its rule: clock, amount, at, version."""

    code: str
    name: str
    kept: Mapping[str, Any]
    at: datetime
    start_at: datetime
    due_at: datetime
    warn_at: datetime
    state: str
    late: bool
    warned: bool = False
    """`warn_at` is when it was warned of, not when it will be."""
    ended_at: datetime | None = None
    why: str = ""
    left: int | None = None
    """While paused: seconds of the deadline's clock."""
    stops: tuple[Stop, ...] = ()
    moved: tuple[Moved, ...] = ()
    asking: Asking | None = None
    steps: tuple[Step, ...] = ()
    course: Course | None = None
    """None also where `otherwise` is told: what lies between by the calendar as it is now is not what was counted."""
    otherwise: datetime | None = None
    """E5: the date that the calendar as it is now would give; None when that is the limit's own, or when it does not ask."""
    aside: datetime | None = None
    """Since when a step that is due could not be taken."""
    round: int = 1
    part: str = ""
    near: bool = True
    """Days are said as today and tomorrow; not in what is read later."""

    @property
    def version(self) -> int:
        return int(self.kept["version"])

    @property
    def clock(self) -> str:
        return str(self.kept["clock"])

    @property
    def stood_since(self) -> datetime | None:
        """Of one that ended while it stood still: since when."""
        return clocks.stood_since(self.ended_at, [(stop.from_at, stop.until_at) for stop in self.stops]) if self.ended_at else None

    @property
    def seconds(self) -> float:
        """Until the limit, negative after it; of an ended one at its end, or when it stopped to stand still until then (E3)."""
        return (self.due_at - (self.stood_since or self.ended_at or self.at)).total_seconds()

    @property
    def sentence(self) -> str:
        """In one sentence, in the reader's language."""
        return sentences.short(self)

    @property
    def sentences(self) -> list[str]:
        """The whole of it, sentence by sentence."""
        return sentences.whole(self)

    def as_data(self) -> dict[str, Any]:
        """For programs: instants in ISO 8601, lengths in seconds, the sentences beside them."""
        return {**_plain(asdict(self)), "version": self.version, "sentence": self.sentence, "sentences": self.sentences}


def explain(deadline: Deadline, at: datetime) -> Explanation:
    """Reads `rule` and `pauses`: fetch them with the row. One that remembers nothing that can be read is told by its rule."""
    readable = ladder.readable(deadline.allowance)
    kept = deadline.allowance if readable else _of_rule(deadline.rule)
    return Explanation(
        code=deadline.code, name=deadline.rule.spoken, kept={"version": deadline.rule.version, **kept}, at=at,
        start_at=deadline.start_at, due_at=deadline.due_at, warn_at=deadline.warn_at, state=deadline.state,
        late=_late(deadline, at), warned=readable and ladder.warned(deadline), aside=deadline.aside_since if deadline.state == DeadlineState.RUNNING else None,
        ended_at=deadline.ended_at, why=deadline.why, left=deadline.left_seconds, round=deadline.round, part=deadline.part,
        stops=tuple(Stop(p.from_at, p.until_at, p.because) for p in sorted(deadline.pauses.all(), key=lambda p: p.from_at)),
    )  # fmt: skip


def _of_rule(rule: Rule) -> dict[str, Any]:
    return {"clock": rule.clock, "amount": rule.amount, "at": rule.at_time.isoformat() if rule.at_time else None}


def _late(deadline: Deadline, at: datetime) -> bool:
    if deadline.ended_at:
        return bool(deadline.late)
    return (deadline.paused_at or at) > deadline.due_at and deadline.code not in WAITS


def of_notice(data: Mapping[str, Any], cause: str = "") -> str:
    """For a notice of a step, as it was at the step: everything, sentence by sentence, where `cause` names the step; else what the notice kept."""
    _step, _colon, step = cause.partition("step:")
    row = Deadline.objects.filter(steps=int(step)).select_related("rule", "item").prefetch_related("pauses").first() if step.isdigit() else None
    return "\n".join(_at_step(row, data["step_at"]).sentences) if row else as_kept(data)


def _at_step(row: Deadline, at: datetime) -> Explanation:
    """It does not say that it was warned of: this is the warning."""
    hours = _hours_of(row)
    told = _what_happened(row, at, hours) if hours else explain(row, at)
    just_due = row.state == DeadlineState.RUNNING and at == row.due_at
    return replace(told, near=False, warn_at=told.due_at, state="foreseen" if just_due else told.state)


def as_kept(data: Mapping[str, Any], _cause: str = "") -> str:
    """In one sentence, without what people gave as their reasons, from what the notice kept; nothing for notices from before it did."""
    if not data.get("promised") or not isinstance(data.get("start_at"), datetime):
        return ""
    at, due_at = data["step_at"], data["due_at"]
    told = Explanation(
        code=data["code"], name="", kept={"amount": 0, "version": 1, **data["promised"]}, at=at, start_at=data["start_at"], due_at=due_at, warn_at=due_at,
        state="foreseen" if at == due_at else DeadlineState.RUNNING, late=at > due_at, round=data.get("round", 1), part=data.get("part", ""), near=False,
    )  # fmt: skip
    return told.sentence


def explain_fully(deadline: Deadline, at: datetime) -> Explanation:
    """Ten queries beside the row with its rule and item."""
    hours, taken = _hours_of(deadline), _taken(deadline)
    if hours is None:
        return replace(explain(deadline, at), moved=_moved(deadline), asking=_asking(deadline), steps=tuple(taken))
    told = _what_happened(deadline, at, hours)
    return replace(told, warned=told.warned and any(step.warned for step in taken), steps=(*taken, *_coming(deadline, hours, at)))


def _hours_of(deadline: Deadline) -> Hours | None:
    """None where what it remembers cannot be read, or names a calendar that is not there."""
    calendar = deadline.allowance["calendar"] if ladder.readable(deadline.allowance) else 0
    return hours_of([calendar]).get(calendar)


def _what_happened(deadline: Deadline, at: datetime, hours: Hours) -> Explanation:
    """With its course, pauses and extensions; without its steps."""
    told = explain(deadline, at)
    lived = _lived(deadline, told.stops, hours)
    told = replace(told, stops=lived[1] if lived and lived[0] == deadline.due_at else told.stops, moved=_moved(deadline), asking=_asking(deadline))
    if _follows_its_calendar(deadline) and lived and lived[0] != deadline.due_at:
        return replace(told, otherwise=lived[0])
    return replace(told, course=_course(told, hours, names_of(hours)))


def _follows_its_calendar(deadline: Deadline) -> bool:
    """Its date was counted on the calendar, and named or granted by nobody."""
    return clocks.by_windows(ladder.clock_of(deadline)) and deadline.extended_to is None and not deadline.allowance.get("named")


def names_of(hours: Hours) -> dict[date, str]:
    """The names of a calendar's special days."""
    return dict(CalendarDay.objects.filter(calendar=hours.pk).values_list("day", "name"))


def _course(told: Explanation, hours: Hours, names: Mapping[date, str]) -> Course | None:
    return course(told.start_at, told.due_at, told.clock, hours, names, [(stop.from_at, stop.until_at or told.due_at) for stop in told.stops])


def _moved(deadline: Deadline) -> tuple[Moved, ...]:
    """From the history; a word that names no deadline is of the live one of its code at the time."""
    verbs = (*LENGTHENED, EARLIER, *RETOLD)
    words = Entry.objects.filter(item_id=deadline.item_id, verb__in=verbs, at__gte=deadline.start_at).select_related("by", "words")
    own = [entry for entry in words.order_by("at", "pk") if _is_of(entry, deadline)]
    found: list[Moved] = []
    for entry in own:
        before = parse_datetime(entry.data.get("was") or "") or (found[-1].due_at if found else None)
        found.append(_move(entry, before))
    return tuple(found)


def _is_of(entry: Entry, deadline: Deadline) -> bool:
    named = entry.data.get("deadline")
    return named == deadline.pk if named else entry.data.get("code") == deadline.code and (deadline.ended_at is None or entry.at <= deadline.ended_at)


def _move(entry: Entry, was: datetime | None) -> Moved:
    words, due_at = getattr(entry, "words", None), parse_datetime(entry.data["until"])
    assert due_at is not None
    return Moved(
        entry.at, due_at, was, str(entry.by or ""), words.text if words else "", entry.data.get("version"), entry.data.get("calendar") or ""
    )  # fmt: skip


def _asking(deadline: Deadline) -> Asking | None:
    if deadline.asking_id is None:
        return None
    asked = Extension.objects.select_related("asked_by").get(pk=deadline.asking_id)
    return Asking(asked.asked_at, asked.wanted, str(asked.asked_by or ""), asked.reason)


def _lived(deadline: Deadline, stops: Sequence[Stop], hours: Hours) -> tuple[datetime, tuple[Stop, ...]] | None:
    """E3: its date, and its pauses with what each left, by living through them again on the calendar as it is now."""
    try:
        row = life.begun(deadline.start_at, deadline.allowance, hours)
        lived = tuple(_live_through(row, stop, hours, deadline) for stop in stops)
    except (NeverOpen, ValueError):
        return None
    return row.due_at, lived


def _live_through(row: Deadline, stop: Stop, hours: Hours, deadline: Deadline) -> Stop:
    """A pause in which the limit ended was over with it: it never ran on."""
    life.stop(row, stop.from_at, hours)
    left = row.left_seconds
    if stop.until_at and not (stop.until_at == deadline.ended_at and row.due_at == deadline.due_at):
        life.run_on(row, stop.until_at, hours)
    return replace(stop, left=left)


def _taken(deadline: Deadline) -> list[Step]:
    taken = list(StepTaken.objects.filter(deadline=deadline, round=deadline.round).select_related("outcome").order_by("at", "step"))
    rungs = {rung.order: rung for rung in ladder.rungs(deadline)} if ladder.readable(deadline.allowance) else {}
    people = _people_told(taken)
    return [_step(step, rungs.get(step.step), people.get(f"step:{step.pk}", ())) for step in taken]


def _people_told(taken: Sequence[StepTaken]) -> dict[str, tuple[str, ...]]:
    """Names by the cause of their notices; withdrawn ones are told by the step's outcome."""
    rows = Notice.objects.filter(Q(cause__in=[f"step:{step.pk}" for step in taken]), receiver__isnull=False).order_by("pk")
    found: dict[str, tuple[str, ...]] = {}
    for cause, name, username in rows.values_list("cause", "receiver__name", "receiver__username"):
        found[cause] = tuple(dict.fromkeys((*found.get(cause, ()), name or username)))
    return found


def _step(step: StepTaken, rung: ladder.Rung | None, told: Iterable[str]) -> Step:
    outcome = getattr(step, "outcome", None)
    state = "skipped" if step.skipped else outcome.outcome if outcome and outcome.outcome != "applied" else "taken"
    taken = Step(step.step, step.at, step.receiver, state, act=step.act, told=tuple(told))
    return replace(taken, **_measure(rung)) if rung else taken


def _measure(rung: ladder.Rung) -> dict[str, Any]:
    return {"percent": rung.percent, "working_days": rung.working_days, "minutes": rung.minutes, "nth": rung.nth}


def _coming(deadline: Deadline, hours: Hours, at: datetime) -> list[Step]:
    """Rungs ahead of a live limit, with whom the sweep would tell now; without their times while it stands still."""
    if not deadline.live or deadline.next_step is None:
        return []
    paused, remembered = deadline.state == DeadlineState.PAUSED, ladder.Remembered.of(deadline.allowance)
    ahead, department = remembered.ahead(deadline.next_step), deadline.department_id or deadline.item.department_id
    asks = {rung.order: Ask(remembered.above(rung), deadline.owner_id, department, deadline.root_id) for rung in ahead}
    answers, staff = for_steps(asks, at)
    return [
        Step(
            rung.order, None if paused else ladder.rung_at(deadline, rung, hours), rung.receiver, "coming", act=rung.act,
            told=tuple(str(staff.people[pk]) for pk in answers[rung.order].user_ids), nobody_left=answers[rung.order].nobody_left, **_measure(rung),
        )
        for rung in ahead
    ]  # fmt: skip


def receiver_label(value: str) -> str:
    return str(dict(RECEIVERS).get(value, value))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime | date) else value
