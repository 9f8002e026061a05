"""Trying a rule: what would happen to a limit that begins then and goes through this. Pure; nothing is read or written.

The limits tried are rows in memory that go through `life`, as those of the desk go through `services`; their steps are those of `ladder`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from django.utils.translation import gettext_noop

from feedback_desk.deadlines import ladder, life, rederiving, services
from feedback_desk.deadlines.clocks import Hours
from feedback_desk.deadlines.course import course
from feedback_desk.deadlines.explain import Explanation, Moved, Stop
from feedback_desk.deadlines.ladder import Rung
from feedback_desk.deadlines.models import Clock, Deadline, DeadlineState, Rule

TICK = timedelta(microseconds=1)
TRIED = gettext_noop("as tried")
KINDS = ("pause", "resume", "extend", "change", "end", "reopen")


@dataclass(frozen=True)
class Event:
    """Something that happens to the limit at `at`. `until`: of an extension; `fact`: what rules are chosen by is now `held` (facts.Fact.holds)."""

    kind: str
    at: datetime
    until: datetime | None = None
    fact: str = ""
    held: tuple[str, ...] = ()


@dataclass(frozen=True)
class Moment:
    """A line of the timeline. `kind`: start, step, due, an event's kind, or a refusal: see `_refusal`."""

    at: datetime
    kind: str
    rung: Rung | None = None
    until: datetime | None = None
    fact: str = ""
    held: tuple[str, ...] = ()
    late: bool = False


@dataclass
class Run:
    """One limit from its start to its end; a reopened matter begins another round, a changed fact perhaps another limit.

    `facts`: those that the rule asks for, and those that changed since.
    """

    rule: Rule
    deadline: Deadline
    hours: Hours
    facts: Mapping[str, Sequence[str]]
    round: int = 1
    moments: list[Moment] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)
    moved: list[Moved] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return not self.deadline.live

    @property
    def timeline(self) -> list[Moment]:
        """By time; steps after what they follow from."""
        return sorted(self.moments, key=lambda moment: (moment.at, moment.kind == "step"))

    def told(self, names: Mapping[date, str]) -> Explanation:
        """The same explanation as of a limit that runs. `names` of the calendar's special days."""
        row = self.deadline
        stops = [(stop.from_at, stop.until_at or row.due_at) for stop in self.stops]
        return Explanation(
            code=self.rule.code, name=self.rule.spoken, kept=row.allowance, at=row.ended_at or row.start_at, start_at=row.start_at, due_at=row.due_at,
            warn_at=row.warn_at, state="foreseen" if row.state == DeadlineState.RUNNING else row.state, late=bool(row.late), ended_at=row.ended_at,
            why=row.why, left=row.left_seconds, stops=tuple(self.stops), moved=tuple(self.moved), round=self.round, near=False,
            course=course(row.start_at, row.due_at, self.rule.clock, self.hours, names, stops),
        )  # fmt: skip


def attempt(
    rule: Rule, start_at: datetime, events: Sequence[Event], hours_for: Callable[[Rule], Hours], others: Sequence[Rule] = (), promised: datetime | None = None,
) -> list[Run]:  # fmt: skip
    """The limits that would run, one after the other. Raises NeverOpen.

    `others`: active rules, among which a changed fact finds its own. `promised`: the date of a promise (D38).
    """
    others = _with(rule, others)
    runs = [_begin(rule, start_at, hours_for(rule), {fact: tuple(values)[:1] for fact, values in rule.when.items()}, promised=promised)]
    for event in sorted(events, key=lambda event: event.at):
        run = runs[-1]
        _take_steps(run, event.at - TICK)
        following = _happens(run, event, hours_for, others)
        if following:
            runs.append(following)
    for run in runs:
        _foresee(run)
    return runs


def _with(rule: Rule, others: Sequence[Rule]) -> list[Rule]:
    """This rule as it is tried, in the place of its other versions."""
    return [rule, *(other for other in others if (other.code, other.when) != (rule.code, rule.when))]


def relatives(code: str) -> Sequence[str]:
    """Codes of which a changed fact may choose one, its own among them."""
    return next((codes for codes in (*rederiving.FAMILIES, *rederiving.BY_CHANGE) if code in codes), (code,))


def _begin(
    rule: Rule, at: datetime, hours: Hours, facts: Mapping[str, Sequence[str]], round: int = 1, promised: datetime | None = None,
) -> Run:  # fmt: skip
    row = life.begun(at, ladder.snapshot(rule, hours, 0), hours, promised)
    row.rule, row.code, row.round = rule, rule.code, round
    return Run(rule, row, hours, facts, round, [Moment(row.start_at, "start")])


def _take_steps(run: Run, at: datetime) -> None:
    """As the sweep would have by then."""
    if run.deadline.state == DeadlineState.RUNNING:
        due, remaining = ladder.due_rungs(run.deadline, at, run.hours)
        run.moments += [Moment(when, "step", rung, late=when >= run.deadline.due_at) for rung, when in due]
        ladder.step_on(run.deadline, remaining, run.hours)


def _happens(run: Run, event: Event, hours_for: Callable[[Rule], Hours], others: Sequence[Rule]) -> Run | None:
    if event.kind == "reopen" and run.over:
        run.moments.append(Moment(event.at, "reopen"))
        return _begin(run.rule, event.at, run.hours, run.facts, run.round + 1, _promised_again(run, event.at))
    if event.kind == "change" and not run.over:
        return _change(run, event, hours_for, others)
    refusal = _refusal(run, event)
    if not refusal:
        ACTS[event.kind](run, event)
    run.moments.append(Moment(event.at, refusal or event.kind, until=event.until, late=bool(run.deadline.late) and event.kind == "end"))
    return None


def _refusal(run: Run, event: Event) -> str:
    """Why nothing comes of it, as the desk's own services would have it."""
    row, paused = run.deadline, run.deadline.state == DeadlineState.PAUSED
    if event.kind == "reopen":
        return "not_over"
    if run.over:
        return "over"
    if event.kind == "pause":
        return "no_pause" if not run.rule.may_pause else "paused_already" if paused else ""
    if event.kind == "resume":
        return "" if paused else "not_paused"
    if event.kind == "extend" and event.until:
        return "no_extension" if not run.rule.may_extend else "not_later" if event.until <= (row.due_at if paused else max(event.at, row.due_at)) else ""
    return ""


def _pause(run: Run, event: Event) -> None:
    life.stop(run.deadline, event.at, run.hours)
    run.stops.append(Stop(event.at, None, TRIED, run.deadline.left_seconds))


def _resume(run: Run, event: Event) -> None:
    life.run_on(run.deadline, event.at, run.hours)
    run.stops[-1] = Stop(run.stops[-1].from_at, event.at, TRIED, run.stops[-1].left)


def _extend(run: Run, event: Event) -> None:
    assert event.until is not None
    was = run.deadline.due_at
    life.extend(run.deadline, event.until, run.hours, event.at)
    run.moved.append(Moved(event.at, event.until, was))


def _end(run: Run, event: Event) -> None:
    life.end(run.deadline, event.at)


ACTS: dict[str, Callable[[Run, Event], None]] = {"pause": _pause, "resume": _resume, "extend": _extend, "end": _end}


def _change(run: Run, event: Event, hours_for: Callable[[Rule], Hours], others: Sequence[Rule]) -> Run | None:
    """As on the desk (decision 34): another rule fits from the same start; none fits any more, and the limit is void, one of its family follows."""
    before, run.facts = run.facts, {**run.facts, event.fact: event.held}
    rules = _with(run.rule, others)
    rule = rederiving.fitting(run.rule, rules, before, run.facts)
    if rule is run.rule:
        run.moments.append(Moment(event.at, "change_alike", fact=event.fact, held=event.held))
    elif rule is not None:
        _retell(run, event, rule, hours_for(rule))
    else:
        life.void(run.deadline, event.at, rederiving.SUPERSEDED)
        run.moments.append(Moment(event.at, "change_void", fact=event.fact, held=event.held))
        return _succeed(run, event, hours_for, rules)
    return None


def _retell(run: Run, event: Event, rule: Rule, hours: Hours) -> None:
    row, was = run.deadline, run.deadline.due_at
    if run.stops and run.stops[-1].until_at is None and not rule.may_pause:
        run.stops[-1] = replace(run.stops[-1], until_at=event.at)
    lived = [happening for stop in run.stops for happening in life.stopped(stop.from_at, stop.until_at, hours)]
    lived += [life.granted(move.at, move.due_at, hours) for move in run.moved if move.version is None]
    rederiving.retell(row, rule, row.start_at, hours, event.at, lived)
    run.rule, run.hours = rule, hours
    run.moved.append(Moved(event.at, row.due_at, was, version=rule.version))
    run.moments.append(Moment(event.at, "change", until=row.due_at, fact=event.fact, held=event.held))


def _succeed(run: Run, event: Event, hours_for: Callable[[Rule], Hours], rules: Sequence[Rule]) -> Run | None:
    """From the same start; where the change itself is what they begin with, from there."""
    code, row = run.rule.code, run.deadline
    heirs = [rule for heir, rule in services.choose(rules, run.facts).items() if heir in relatives(code) and heir != code]
    start_at = row.start_at if any(code in codes for codes in rederiving.FAMILIES) else event.at
    return _begin(heirs[0], start_at, hours_for(heirs[0]), run.facts, run.round) if heirs else None


def _promised_again(run: Run, at: datetime) -> datetime | None:
    """A promise is as long in the new round as it was."""
    return at + (run.deadline.due_at - run.deadline.start_at) if run.rule.clock == Clock.PROMISED else None


def _foresee(run: Run) -> None:
    """Where the limit lies, and the steps that would follow if nothing more happened."""
    row = run.deadline
    if row.state == DeadlineState.RUNNING:
        ahead = [(rung, ladder.rung_at(row, rung, run.hours)) for rung in _ahead(run)]
        run.moments += [Moment(when, "step", rung, late=when >= row.due_at) for rung, when in ahead]
    if row.state in (DeadlineState.RUNNING, DeadlineState.SETTLED):
        run.moments.append(Moment(row.due_at, "due"))


def _ahead(run: Run) -> list[Rung]:
    return [rung for rung in ladder.rungs(run.deadline) if run.deadline.next_step is not None and rung.order >= run.deadline.next_step]
