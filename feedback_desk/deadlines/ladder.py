"""The ladder of one deadline (E1): its rungs as they were when it started, and when each is due. Pure.

A deadline keeps its clock, amount and rungs in `allowance` (E4, E5): changing a rule or a ladder leaves running deadlines alone.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import takewhile
from typing import Any, Self

from feedback_desk.deadlines import clocks
from feedback_desk.deadlines.clocks import Allowance, Hours
from feedback_desk.deadlines.models import Deadline, LadderStep, Rule

PLAIN = 5
"""Fields of a rung that are always kept; the rest only where it has any."""
INSTANT = timedelta(microseconds=1)
"""A limit at midnight belongs to the day, and so to the year, that it ends."""
PROMISED = ("clock", "amount", "at", "version", "unannounced", "least")
LEAST = {"D43": 7 * 86400}
"""Seconds, day and night, that a limit leaves in any case, whatever its rule and calendar say: T8 gives the customer seven days."""


@dataclass(frozen=True)
class Rung:
    order: int
    percent: int | None
    working_days: int | None
    receiver: str
    act: str
    minutes: int | None = None
    every: int = 0
    unit: str = ""
    """h: hours of the limit's clock; d: working days."""
    nth: int = 0
    """0 is the step itself, 1 its first repetition."""

    @property
    def warns(self) -> bool:
        """Before the limit."""
        return (self.percent is not None and self.percent < 100) or (self.minutes is not None and self.minutes < 0)

    @property
    def kept(self) -> list[Any]:
        kept = [getattr(self, name) for name in FIELDS]
        return kept if self.minutes is not None or self.nth else kept[:PLAIN]

    @property
    def same(self) -> tuple[Any, ...]:
        """What makes two rungs the same step, wherever they stand in their ladders."""
        return tuple(getattr(self, name) for name in FIELDS[1:])

    @property
    def silent(self) -> Self:
        """Only tells: acts are done once, however often a limit moves (decision 4)."""
        return replace(self, order=0, act="")


FIELDS = [field.name for field in fields(Rung)]


@dataclass(frozen=True)
class Remembered:
    """What a deadline remembers of its rule, read once for all deadlines that remember the same: clock, allowance in its seconds, rungs in order."""

    clock: str
    total: float
    calendar: int | None
    rungs: tuple[Rung, ...]
    rungs_from: datetime | None
    """After a pause begun too late the rungs move on, the limit that was missed does not."""
    urgent: bool
    promised: Mapping[str, Any]
    """Clock, amount, time of day, version, years not announced, least: what a notice says of the limit (E4)."""

    @classmethod
    def of(cls, allowance: Mapping[str, Any]) -> Self:
        """Raises KeyError, TypeError or ValueError where something is missing or wrong."""
        moved = allowance.get("rungs_from")
        steps = sorted((Rung(*step) for step in allowance["steps"]), key=lambda rung: rung.order)
        return cls(
            clock=allowance["clock"], total=allowance["total"], calendar=allowance["calendar"], rungs=tuple(steps),
            rungs_from=datetime.fromisoformat(moved) if moved else None, urgent=bool(allowance.get("urgent")),
            promised={key: allowance[key] for key in PROMISED if allowance.get(key)},
        )  # fmt: skip

    def rung_at(self, rung: Rung, due_at: datetime, hours: Hours) -> datetime:
        """When a rung is due."""
        first = self._first_at(rung, self.rungs_from or due_at, hours)
        if rung.unit == "d":
            return clocks.same_time_after(first, rung.nth * rung.every, hours)
        return clocks.ahead(first, rung.nth * rung.every * 3600, self.clock, hours) if rung.nth else first

    def asks_calendar(self, rung: Rung) -> bool:
        """Whether working days or opening hours have a say in when a rung is due."""
        by_date = rung.percent is not None and rung.warns and clocks.warned_by_calendar(self.clock)
        return clocks.by_windows(self.clock) or by_date or bool(rung.working_days) or (rung.unit == "d" and rung.nth > 0)

    def _first_at(self, rung: Rung, limit: datetime, hours: Hours) -> datetime:
        """When the step itself is due, its repetitions counted from there."""
        if rung.percent is not None:
            return clocks.at_percent(limit, self.total, rung.percent, self.clock, hours)
        if rung.minutes is not None:
            return clocks.ahead(limit, rung.minutes * 60, self.clock, hours)
        return clocks.working_days_after(limit, rung.working_days or 0, hours)

    def ahead(self, next_step: int | None) -> list[Rung]:
        """The rungs from the next one on."""
        return [rung for rung in self.rungs if next_step is not None and rung.order >= next_step]

    def timed(self, next_step: int | None, due_at: datetime, hours: Hours) -> Iterator[tuple[Rung, datetime]]:
        """The rungs ahead, each with its time, which is reckoned only when it is asked for."""
        return ((rung, self.rung_at(rung, due_at, hours)) for rung in self.ahead(next_step))

    def above(self, rung: Rung) -> tuple[str, ...]:
        """Receivers from this rung upwards, each once after the first: who is told should nobody be left (V3)."""
        return (rung.receiver, *dict.fromkeys(other.receiver for other in self.rungs if other.order > rung.order))


@lru_cache(maxsize=1000)
def read(allowance: str) -> Remembered:
    """From the text in the row. Raises ValueError also where it is no JSON."""
    return Remembered.of(json.loads(allowance))


def snapshot(rule: Rule, hours: Hours, total: float) -> dict[str, Any]:
    """What a deadline remembers of its rule; `total` is the whole allowance in seconds of its clock."""
    return {
        "clock": rule.clock, "amount": rule.amount, "at": rule.at_time.isoformat() if rule.at_time else None, "version": rule.version,
        "calendar": hours.pk, "total": total, "steps": [rung.kept for rung in rungs_of(rule)], **({"urgent": True} if rule.urgent else {}),
        **({"least": LEAST[rule.code]} if rule.code in LEAST else {}),
    }  # fmt: skip


def rungs_of(rule: Rule) -> list[Rung]:
    """The steps of the rule's ladder and their repetitions, numbered from 1; `aim` puts them in the order of their times."""
    spread = [rung for step in rule.ladder.steps.all() for rung in _repeated(step)]
    return [replace(rung, order=number) for number, rung in enumerate(spread, 1)]


def _repeated(step: LadderStep) -> Iterable[Rung]:
    """The step, then what it says again; what it does beside telling it does once."""
    yield Rung(step.order, step.percent, step.working_days, step.receiver, step.act, step.minutes)
    every, unit = (step.every_hours or step.every_days or 0), "h" if step.every_hours else "d"
    for nth in range(1, step.times + 1 if every else 1):
        yield Rung(step.order, step.percent, step.working_days, step.receiver, "", step.minutes, every, unit, nth)


def allowance_of(rule: Rule) -> Allowance:
    return Allowance(rule.clock, rule.amount, rule.at_time, LEAST.get(rule.code, 0))


def longer_amount(allowance: Mapping[str, Any], rule: Rule) -> int:
    """C3: what one that was lengthened has under this rule: its longer amount, and never less than was given in the same clock."""
    amount = rule.longer or rule.amount
    return max(amount, int(allowance["amount"])) if allowance["clock"] == rule.clock else amount


def readable(allowance: Mapping[str, Any]) -> bool:
    """Whether a limit can still be told by what it remembers; else it is set aside when its step is due."""
    try:
        Remembered.of(allowance)
    except (KeyError, TypeError, ValueError):
        return False
    return True


def rungs(deadline: Deadline) -> list[Rung]:
    return list(Remembered.of(deadline.allowance).rungs)


def clock_of(deadline: Deadline) -> str:
    return str(deadline.allowance["clock"])


def rung_at(deadline: Deadline, rung: Rung, hours: Hours) -> datetime:
    return Remembered.of(deadline.allowance).rung_at(rung, deadline.due_at, hours)


def aim(deadline: Deadline, hours: Hours) -> None:
    """Set when the deadline is warned of, or was, and when its next rung is due; rungs already taken stay taken.

    Those that remain are put in the order of their times: the sweep takes them one after the other by their numbers.
    Notes the years that are reckoned without their holidays, as nobody has announced them: those of the limit and of every step.
    """
    remembered = Remembered.of(deadline.allowance)
    taken = [rung for rung in remembered.rungs if deadline.next_step is not None and rung.order < deadline.next_step]
    timed = _in_time([(remembered.rung_at(rung, deadline.due_at, hours), rung) for rung in remembered.rungs[len(taken) :]])
    deadline.allowance["steps"] = [rung.kept for rung in [*taken, *(rung for _at, rung in timed)]]
    every = [*((remembered.rung_at(rung, deadline.due_at, hours), rung) for rung in taken), *timed]
    deadline.allowance["unannounced"] = _unannounced(deadline, remembered, every, hours)
    if not _warned(taken, remembered.rungs[len(taken) :]):
        deadline.warn_at = min((at for at, rung in timed if rung.warns), default=deadline.due_at)
    deadline.next_step, deadline.next_step_at = (timed[0][1].order, timed[0][0]) if timed else (None, None)


def warned(deadline: Deadline) -> bool:
    """Whether it was warned of as it stands: a step before the limit was taken and is not due anew."""
    remembered = Remembered.of(deadline.allowance)
    ahead = remembered.ahead(deadline.next_step)
    return _warned(remembered.rungs[: len(remembered.rungs) - len(ahead)], ahead)


def _warned(taken: Iterable[Rung], ahead: Iterable[Rung]) -> bool:
    again = {rung.silent for rung in ahead}
    return any(rung.warns and rung.silent not in again for rung in taken)


def _unannounced(deadline: Deadline, remembered: Remembered, timed: Iterable[tuple[datetime, Rung]], hours: Hours) -> list[int]:
    """Of the limit where the calendar decides when its clock runs; of each step that the calendar has a say in, from the limit to it."""
    limit = remembered.rungs_from or deadline.due_at
    years = set(hours.unannounced(deadline.start_at, deadline.due_at)) if clocks.by_windows(remembered.clock) else set()
    for at, rung in timed:
        if remembered.asks_calendar(rung):
            years.update(hours.unannounced(min(at, limit - INSTANT), max(at, limit)))
    return sorted(years)


def _in_time(remaining: Sequence[tuple[datetime, Rung]]) -> list[tuple[datetime, Rung]]:
    """The same numbers, given out in the order of the times; steps of one moment keep theirs."""
    ordered = sorted(remaining, key=lambda timed: (timed[0], timed[1].order))
    return [(at, replace(rung, order=place.order)) for (at, rung), (_at, place) in zip(ordered, remaining, strict=True)]


def arm_again(deadline: Deadline, orders: Collection[int]) -> None:
    """The rungs of these numbers stand once more at the end of the ladder; `aim` puts them in the order of their times."""
    _append(deadline, [rung for rung in rungs(deadline) if rung.order in orders])


def arm_ahead(deadline: Deadline, wanted: Iterable[Rung], at: datetime, hours: Hours) -> None:
    """E1: the limit moved, and is warned of anew (decision 49). `aim` has to follow.

    Of the rungs `wanted`, those that were taken for the former limit and lie ahead of `at` on this one stand on the ladder once more; they only tell.
    """
    remembered, now = Remembered.of(deadline.allowance), min(at, deadline.paused_at or at)
    standing = {rung.silent for rung in remembered.ahead(deadline.next_step)}
    again = dict.fromkeys(rung.silent for rung in wanted if rung.silent not in standing)
    _append(deadline, [rung for rung in again if remembered.rung_at(rung, deadline.due_at, hours) > now])


def _append(deadline: Deadline, again: Sequence[Rung]) -> None:
    last = max((rung.order for rung in rungs(deadline)), default=0)
    if again:
        deadline.allowance["steps"] = [*deadline.allowance["steps"], *(replace(rung, order=last + n).kept for n, rung in enumerate(again, 1))]
        deadline.next_step = deadline.next_step or last + 1


def step_on(deadline: Deadline, remaining: Sequence[Rung], hours: Hours) -> None:
    """The first of the remaining rungs is next; with none the ladder is at its end."""
    deadline.next_step = remaining[0].order if remaining else None
    deadline.next_step_at = rung_at(deadline, remaining[0], hours) if remaining else None


def due_rungs(deadline: Deadline, at: datetime, hours: Hours) -> tuple[list[tuple[Rung, datetime]], list[Rung]]:
    """The rungs from the next one on that are due at `at`, each with its time, and those that remain."""
    remembered = Remembered.of(deadline.allowance)
    due = list(takewhile(lambda timed: timed[1] <= at, remembered.timed(deadline.next_step, deadline.due_at, hours)))
    return due, remembered.ahead(deadline.next_step)[len(due) :]
