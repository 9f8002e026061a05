"""The arithmetic of limits: pure, on aware datetimes, computed in UTC; the local zone is asked only for the calendar (decision 7).

Clocks (section 8 of the process book): *calendar* runs day and night; *business* runs while the desk is open; *working_day* counts days of the
calendar and ends at 24:00 local of the nth working day after the local start date; *same_day* ends at 24:00 local; *next_day* on the next calendar
day; *fixed_date* and *weekday* on a day of the month or week after the one that contains the start; *promised* is the time that was promised.
Every clock can say how much of it lies between two instants (`between`) and where one gets by going forward or back in it (`ahead`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

DAY = 86400
Spans = tuple[tuple[int, int], ...]
"""Opening hours of one day as seconds from its local midnight; 24:00 is 86400, and a night that begins on this day ends beyond it."""
SEARCHED_DAYS = 3 * 366
"""A calendar that is closed for so long has no opening hours."""


class NeverOpen(ValueError):
    """The calendar has no opening hours or working days, so the limit would never come."""


@dataclass(frozen=True)
class SpecialDay:
    """A day that is not as its weekday says."""

    working: bool
    spans: Spans


@dataclass(frozen=True, eq=False)
class Hours:
    """A desk's calendar: its zone, opening hours by ISO weekday (1 = Monday), and the days that differ."""

    zone: ZoneInfo
    weekdays: Mapping[int, Spans]
    special: Mapping[date, SpecialDay] = field(default_factory=dict)
    pk: int = 0
    """The calendar row it was read from."""
    announced: frozenset[int] | None = None
    """Years whose public holidays are entered; None: this calendar follows no public holidays."""

    def spans_of(self, day: date) -> Spans:
        other = self.special.get(day)
        return other.spans if other else self.weekdays.get(day.isoweekday(), ())

    @cached_property
    def has_nights(self) -> bool:
        days = [*self.weekdays.values(), *(other.spans for other in self.special.values())]
        return any(spans[-1][1] > DAY for spans in days if spans)

    def open_spans(self, day: date) -> Spans:
        """Those of the day, without what the night that began the day before covers already."""
        spans = self.spans_of(day)
        before = self.spans_of(day - timedelta(days=1)) if self.has_nights else ()
        taken = before[-1][1] - DAY if before else 0
        return tuple((max(begin, taken), end) for begin, end in spans if end > taken) if taken > 0 else spans

    def unannounced(self, start: datetime, due: datetime) -> list[int]:
        """The years between the two whose public holidays nobody has announced: reckoned by the ordinary week."""
        if self.announced is None:
            return []
        first, last = self.day_of(start).year, self.day_of(due - timedelta(microseconds=1)).year
        return [year for year in range(first, last + 1) if year not in self.announced]

    def is_working(self, day: date) -> bool:
        other = self.special.get(day)
        return other.working if other else bool(self.weekdays.get(day.isoweekday()))

    def day_of(self, instant: datetime) -> date:
        return instant.astimezone(self.zone).date()

    def instant(self, day: date, second: int = 0) -> datetime:
        """The UTC instant at which the local clock first shows a second of a day, or a later one where the clocks going forward skip it; 86400 is midnight."""
        if second >= DAY:
            day, second = day + timedelta(days=1), second - DAY
        local = datetime.combine(day, time(second // 3600, second // 60 % 60, second % 60), self.zone)
        before, after = local.utcoffset(), local.replace(fold=1).utcoffset()
        return local.astimezone(UTC) if before == after or _exists(local) else _end_of_gap(local)

    def midnight_after(self, day: date) -> datetime:
        return self.instant(day, DAY)

    def working_day(self, day: date, count: int) -> date:
        """The `count`th working day after `day`, before it when negative."""
        step = timedelta(days=1 if count > 0 else -1)
        left, idle = abs(count), 0
        while left:
            day += step
            working = self.is_working(day)
            left, idle = left - working, 0 if working else idle + 1
            if idle > SEARCHED_DAYS:
                raise NeverOpen("The calendar has no working days.")
        return day


def _exists(local: datetime) -> bool:
    return local.astimezone(UTC).astimezone(local.tzinfo).replace(tzinfo=None) == local.replace(tzinfo=None)


def _end_of_gap(local: datetime) -> datetime:
    """The instant at which the clocks went forward over a local time that does not exist; to the second."""
    skipped = local.replace(tzinfo=None)
    early, late = local.replace(fold=1).astimezone(UTC), local.astimezone(UTC)
    while late - early > timedelta(seconds=1):
        middle = early + timedelta(seconds=(late - early) // timedelta(seconds=2))
        shown = middle.astimezone(local.tzinfo).replace(tzinfo=None)
        early, late = (early, middle) if shown >= skipped else (middle, late)
    return late


@dataclass(frozen=True)
class Allowance:
    """How long something may take: `amount` is seconds (calendar, business), days (working_day, next_day), or the day of the month or week."""

    clock: str
    amount: int = 0
    at: time | None = None
    least: int = 0
    """Seconds, day and night, that it takes in any case."""


def parse_spans(pairs: object) -> Spans:
    """[["09:00", "12:00"], ["22:00", "06:00"]] as seconds, in order; one that ends before it begins is the night that begins on this day.

    Raises ValueError with what is wrong.
    """
    if not isinstance(pairs, list | tuple):
        raise ValueError(f"{pairs!r} is not a list of spans.")
    spans = sorted(_span(_second(begin), _second(end)) for begin, end in pairs)
    for (begin, end), following in zip(spans, [*spans[1:], None], strict=True):
        if end <= begin or (following and following[0] < end):
            raise ValueError(f"{pairs!r}: every span must end after it begins and before the next one.")
    return tuple(spans)


def _span(begin: int, end: int) -> tuple[int, int]:
    return begin, end + DAY if end < begin < DAY else end


def _second(text: str) -> int:
    parts = [int(part) for part in text.split(":")]
    second = sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))
    if len(parts) not in (2, 3) or not 0 <= second <= DAY:
        raise ValueError(f"{text!r} is not a time of day between 00:00 and 24:00.")
    return second


def due(start: datetime, allowance: Allowance, hours: Hours) -> datetime:
    """The instant at which `allowance`, begun at `start`, is used up (UTC)."""
    start = start.astimezone(UTC)
    return max(_due(start, allowance, hours), start + timedelta(seconds=allowance.least))


def _due(start: datetime, allowance: Allowance, hours: Hours) -> datetime:
    day = hours.day_of(start)
    match allowance.clock:
        case "calendar" | "business":
            return ahead(start, allowance.amount, allowance.clock, hours)
        case "working_day":
            return hours.midnight_after(hours.working_day(day, allowance.amount))
        case "same_day":
            return _at(day, allowance.at, hours)
        case "next_day":
            return _at(day + timedelta(days=allowance.amount or 1), allowance.at, hours)
        case "fixed_date":
            return _at(_in_next_month(_period_day(start, hours), allowance.amount), allowance.at, hours)
        case "weekday":
            return _at(_in_next_week(_period_day(start, hours), allowance.amount), allowance.at, hours)
    raise ValueError(f"A limit on the clock {allowance.clock!r} needs its date.")


def _at(day: date, at: time | None, hours: Hours) -> datetime:
    return hours.instant(day, DAY if at is None else at.hour * 3600 + at.minute * 60 + at.second)


def _period_day(start: datetime, hours: Hours) -> date:
    """The day whose month or week the limit follows: midnight still belongs to the period that it ends."""
    return hours.day_of(start - timedelta(microseconds=1))


def _in_next_month(day: date, of_month: int) -> date:
    first = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(of_month, last.day))


def _in_next_week(day: date, weekday: int) -> date:
    return day - timedelta(days=day.isoweekday()) + timedelta(days=7 + weekday)


def between(start: datetime, end: datetime, clock: str, hours: Hours) -> float:
    """Seconds of the clock from `start` to `end`, negative when `end` comes first. Whole working days count as days of 24 hours."""
    if end < start:
        return -between(end, start, clock, hours)
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if not by_windows(clock):
        return (end - start).total_seconds()
    total, day = timedelta(), hours.day_of(start) - _night(clock, hours)
    while hours.instant(day) < end:
        for begin, close in _windows(day, clock, hours):
            total += max(timedelta(), min(close, end) - max(begin, start))
        day += timedelta(days=1)
    return total.total_seconds()


def ahead(start: datetime, seconds: float, clock: str, hours: Hours) -> datetime:
    """Where one is `seconds` of the clock after `start`; before it when negative: the earliest instant with so many in between, closing time rather than
    the next opening. Raises NeverOpen when the clock never runs.
    """
    start = start.astimezone(UTC)
    if not by_windows(clock) or not seconds:
        return start + timedelta(seconds=seconds)
    left = timedelta(seconds=abs(seconds))
    for begin, close in _forward(start, clock, hours) if seconds > 0 else _backward(start, clock, hours):
        if seconds > 0 and left <= close - begin:
            return begin + left
        if seconds < 0 and left < close - begin:
            return close - left
        left -= close - begin
    raise NeverOpen("The calendar has no opening hours.")


def by_windows(clock: str) -> bool:
    """The calendar decides when it runs."""
    return clock in ("business", "working_day")


def _windows(day: date, clock: str, hours: Hours) -> list[tuple[datetime, datetime]]:
    """The stretches in which the clock runs that begin on a local day."""
    if clock == "working_day":
        return [(hours.instant(day), hours.midnight_after(day))] if hours.is_working(day) else []
    return [(hours.instant(day, begin), hours.instant(day, end)) for begin, end in hours.open_spans(day)]


def _night(clock: str, hours: Hours) -> timedelta:
    """How far back a stretch may have begun that still runs."""
    return timedelta(days=1 if clock == "business" and hours.has_nights else 0)


def _forward(start: datetime, clock: str, hours: Hours) -> Iterator[tuple[datetime, datetime]]:
    day, idle = hours.day_of(start) - _night(clock, hours), 0
    while idle <= SEARCHED_DAYS:
        idle += 1
        for begin, close in _windows(day, clock, hours):
            if close > start:
                idle = 0
                yield max(begin, start), close
        day += timedelta(days=1)


def _backward(start: datetime, clock: str, hours: Hours) -> Iterator[tuple[datetime, datetime]]:
    day, idle = hours.day_of(start), 0
    while idle <= SEARCHED_DAYS:
        idle += 1
        for begin, close in reversed(_windows(day, clock, hours)):
            if begin < start:
                idle = 0
                yield begin, min(close, start)
        day -= timedelta(days=1)


Stops = Sequence[tuple[datetime, datetime | None]]
"""From when until when a limit stood still; None: until it ended."""


def stood_since(ended_at: datetime, stops: Stops) -> datetime | None:
    """Since when a limit stood still that ended so, which is what it is judged by (E3); None when it ran."""
    return max((begin for begin, end in stops if end in (None, ended_at)), default=None)


def ran(start: datetime, ended_at: datetime, stops: Stops) -> float:
    """Seconds, day and night, from `start` to its end without those in which it stood still (E3)."""
    still = (min(end or ended_at, ended_at) - max(begin, start) for begin, end in stops)
    return (ended_at - start - sum((max(stretch, timedelta()) for stretch in still), timedelta())).total_seconds()


def left(at: datetime, due_at: datetime, clock: str, hours: Hours) -> int:
    """What is left of a limit at `at`, in its clock; negative when it has passed.

    Working days are left whole, as people say it ("two working days left"): those after the local date of `at`, 86400 seconds each.
    """
    if at > due_at:
        return round(min(-1.0, between(at, due_at, clock, hours)))
    if clock != "working_day":
        return round(between(at, due_at, clock, hours))
    day, last, days = hours.day_of(at), hours.day_of(due_at - timedelta(microseconds=1)), 0
    while day < last:
        day += timedelta(days=1)
        days += hours.is_working(day)
    return days * DAY


def resumed(at: datetime, left_seconds: int, clock: str, hours: Hours) -> datetime:
    """When what was left is used up after going on at `at` (E3); a limit on working days still ends at 24:00.

    One that stopped on its last day has the working day on which it goes on, or the next one.
    """
    if clock == "working_day":
        day, days = hours.day_of(at), left_seconds // DAY
        return hours.midnight_after(hours.working_day(day, days) if days else hours.working_day(day - timedelta(days=1), 1))
    return ahead(at, left_seconds, clock, hours)


def later(due_at: datetime, amount: int, clock: str, hours: Hours) -> datetime:
    """When a limit ends that has `amount` more than one that ends at `due_at`: seconds of the clock, or working days, whose limits end at 24:00."""
    return working_days_after(due_at, amount, hours) if clock == "working_day" else ahead(due_at, amount, clock, hours)


def at_percent(due_at: datetime, total: float, percent: int, clock: str, hours: Hours) -> datetime:
    """The instant at which `percent` of the allowance (`total` seconds of the clock) is used up; beyond 100 it lies after the limit.

    Measured from the limit, so that pauses and extensions before it need no second account. A day fixed by date (`fixed_date`, `weekday`)
    is warned of on the last working day before it, at opening time.
    """
    if percent < 100 and warned_by_calendar(clock):
        return working_morning_before(due_at, hours)
    return ahead(due_at, total * (percent - 100) / 100, clock, hours)


def warned_by_calendar(clock: str) -> bool:
    """Warned of on a working day, though the limit itself asks for none."""
    return clock in ("fixed_date", "weekday")


def working_morning_before(due_at: datetime, hours: Hours) -> datetime:
    day = hours.working_day(hours.day_of(due_at - timedelta(microseconds=1)), -1)
    spans = hours.spans_of(day)
    return hours.instant(day, spans[0][0] if spans else 0)


def working_days_after(due_at: datetime, days: int, hours: Hours) -> datetime:
    """24:00 of the nth working day after the day on which the limit ended (E1)."""
    return hours.midnight_after(hours.working_day(hours.day_of(due_at - timedelta(microseconds=1)), days))


def same_time_after(at: datetime, days: int, hours: Hours) -> datetime:
    """The same time of day, `days` working days later; midnight belongs to the day that it ends."""
    day, local = hours.day_of(at - timedelta(microseconds=1)), at.astimezone(hours.zone)
    second = local.hour * 3600 + local.minute * 60 + local.second if local.date() == day else DAY
    return hours.instant(hours.working_day(day, days), second)
