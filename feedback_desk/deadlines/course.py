"""What lay between the start of a limit and its end: holidays, weekends, make-up working days, breaks and closed hours (E4). Pure.

Only clocks that follow the calendar have a course: on *business* everything but opening hours is left out, on *working_day* every day that is none.
Stretches in which the limit was paused are no part of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from feedback_desk.deadlines import clocks
from feedback_desk.deadlines.clocks import Hours
from feedback_desk.deadlines.models import Clock

DAY = timedelta(days=1)
Stretch = tuple[datetime, datetime]
LONGEST = 400
"""Days that are looked at; a limit that runs longer is told without its course."""


@dataclass(frozen=True)
class Holiday:
    """Free days in one piece, with the names they have: a public holiday with the weekend beside it."""

    names: tuple[str, ...]
    first: date
    last: date


@dataclass(frozen=True)
class Course:
    """`breaks` and `closed` in seconds: pauses in the middle of an open day, and the hours before opening and after closing."""

    holidays: tuple[Holiday, ...] = ()
    weekend_days: int = 0
    made_up: tuple[date, ...] = ()
    breaks: int = 0
    closed: int = 0

    @property
    def open_throughout(self) -> bool:
        return not (self.holidays or self.weekend_days or self.breaks or self.closed)


def course(start: datetime, due: datetime, clock: str, hours: Hours, names: Mapping[date, str], stops: Sequence[Stretch] = ()) -> Course | None:
    """`names` are those of the calendar's special days; None for clocks that do not ask the calendar, and beyond a year."""
    if not clocks.by_windows(clock) or due <= start or (due - start) > LONGEST * DAY:
        return None
    runs = _running(start, due, stops)
    days = sorted({day for run in runs for day in _days(run, hours)})
    free = [day for day in days if not hours.is_working(day)]
    holidays = _holidays(free, hours, names)
    named = {day for holiday in holidays for day in _each(holiday.first, holiday.last)}
    breaks, closed = _gaps(runs, hours) if clock == Clock.BUSINESS else (0, 0)
    return Course(tuple(holidays), sum(day not in named for day in free), tuple(day for day in days if _made_up(day, hours)), breaks, closed)


def _running(start: datetime, due: datetime, stops: Sequence[Stretch]) -> list[Stretch]:
    """The stretches from `start` to `due` in which the limit ran."""
    runs, begin = [], start
    for stop, go_on in sorted(stops):
        if begin < min(stop, due):
            runs.append((begin, min(stop, due)))
        begin = max(begin, go_on)
    return [*runs, (begin, due)] if begin < due else runs


def _days(run: Stretch, hours: Hours) -> Iterator[date]:
    return _each(hours.day_of(run[0]), hours.day_of(run[1] - timedelta(microseconds=1)))


def _each(first: date, last: date) -> Iterator[date]:
    return (first + n * DAY for n in range((last - first).days + 1))


def _made_up(day: date, hours: Hours) -> bool:
    """A working day that its weekday would leave free (调休)."""
    return hours.is_working(day) and not hours.weekdays.get(day.isoweekday())


def _holidays(free: Sequence[date], hours: Hours, names: Mapping[date, str]) -> list[Holiday]:
    """Each run of free days that has a special day in it, whole: also what of it lies before the start or after the end."""
    found: dict[date, Holiday] = {}
    for day in free:
        first, last = _edge(day, -DAY, hours), _edge(day, DAY, hours)
        special = [d for d in _each(first, last) if d in hours.special]
        if special:
            found[first] = Holiday(tuple(dict.fromkeys(filter(None, (names.get(d, "") for d in special)))), first, last)
    return list(found.values())


def _edge(day: date, step: timedelta, hours: Hours) -> date:
    """The last free day in this direction; a calendar that is never open ends the search."""
    for _n in range(LONGEST):
        if hours.is_working(day + step):
            break
        day += step
    return day


def _gaps(runs: Sequence[Stretch], hours: Hours) -> tuple[int, int]:
    """Seconds of breaks (between two spans of one day) and of closed hours (from one day's to the next's, without whole free days)."""
    breaks = closed = 0.0
    for run in runs:
        for gap, within_a_day in _shut(run, hours):
            if within_a_day:
                breaks += _length(gap)
            else:
                free = [day for day in _days(gap, hours) if not hours.is_working(day)]
                closed += _length(gap) - sum(_length(_common(gap, (hours.instant(day), hours.midnight_after(day)))) for day in free)
    return round(breaks), round(closed)


def _shut(run: Stretch, hours: Hours) -> Iterator[tuple[Stretch, bool]]:
    """The stretches of a run in which the desk is shut; true where it opens again on the same day."""
    first, last = hours.day_of(run[0]) - DAY, hours.day_of(run[1]) + DAY
    shut_at, closed_on = hours.instant(first), first - DAY
    for day in _each(first, last + DAY):
        opens = [(hours.instant(day, begin), hours.instant(day, end)) for begin, end in hours.open_spans(day)]
        for begin, end in opens or ([(hours.instant(day), hours.instant(day))] if day > last else []):
            gap = _common(run, (shut_at, begin))
            if _length(gap):
                yield gap, closed_on == day
            shut_at, closed_on = max(shut_at, end), day


def _common(one: Stretch, other: Stretch) -> Stretch:
    begin = max(one[0], other[0])
    return begin, max(begin, min(one[1], other[1]))


def _length(stretch: Stretch) -> float:
    return (stretch[1] - stretch[0]).total_seconds()
