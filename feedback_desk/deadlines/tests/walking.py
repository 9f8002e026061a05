"""A second, slow and plain calculation of limits: the calendar is walked through, five minutes at a time, as somebody with a wall clock would.

It knows nothing of feedback_desk.deadlines.clocks. Instants are whole milliseconds since 1970. A slot of five minutes is open or shut as a whole:
opening hours and changes of clocks lie on multiples of five minutes. In the hour that the clocks show twice a desk goes by the latest time shown so far.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, cached_property
from itertools import groupby
from operator import itemgetter
from zoneinfo import ZoneInfo

SLOT = 5 * 60 * 1000
DAY = 24 * 3600 * 1000
FIRST, LAST = datetime(2025, 10, 1, tzinfo=UTC), datetime(2027, 12, 1, tzinfo=UTC)
ORIGIN = int(FIRST.timestamp()) * 1000


def instant(at: datetime) -> int:
    return round((at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))


def minutes(text: str) -> int:
    """ "08:35", "24:00" as minutes of the day."""
    return int(text[:2]) * 60 + int(text[3:])


@cache
def walked(name: str) -> list[tuple[date, int]]:
    """Slot by slot what the clocks of a zone show: the local day, and the latest minute shown so far on it."""
    zone, seen, at = ZoneInfo(name), [], FIRST
    before, latest = FIRST.date(), 0
    while at < LAST:
        local = at.astimezone(zone)
        day, shown = local.date(), local.hour * 60 + local.minute
        latest = max(latest, shown) if day == before else shown
        before = day
        seen.append((day, latest))
        at += timedelta(milliseconds=SLOT)
    return seen


@dataclass(frozen=True)
class Desk:
    """`open`: by weekday (1 = Monday) spans as hours and minutes; one that ends before it begins goes over midnight. `other`: days that differ."""

    zone: str
    open: dict[int, list[tuple[str, str]]]
    other: dict[date, bool]

    def works(self, day: date) -> bool:
        return self.other.get(day, bool(self.open.get(day.isoweekday())))

    def spans(self, day: date) -> list[tuple[int, int]]:
        """Begin and end in minutes. A make-up day has the first hours that the week has."""
        number = min(self.open) if day in self.other else day.isoweekday()
        return [(minutes(begin), minutes(end)) for begin, end in self.open[number]] if self.works(day) else []

    @property
    def walked(self) -> list[tuple[date, int]]:
        return walked(self.zone)

    @cached_property
    def days(self) -> dict[date, int]:
        """Of each local day its first slot, in order."""
        first: dict[date, int] = {}
        for slot, (day, _shown) in enumerate(self.walked):
            first.setdefault(day, slot)
        return first

    @cached_property
    def business(self) -> bytes:
        return b"".join(self._open_slots(day, shown) for day, shown in self._by_day())

    def _by_day(self) -> list[tuple[date, list[int]]]:
        return [(day, [shown for _day, shown in slots]) for day, slots in groupby(self.walked, key=itemgetter(0))]

    def _open_slots(self, day: date, shown: list[int]) -> bytes:
        """Open within a span of the day; or until the end of one that began the day before and goes over midnight."""
        today, yesterday = self.spans(day), [end for begin, end in self.spans(day - timedelta(days=1)) if end <= begin]
        return bytes(any(begin <= at and (at < end or end <= begin) for begin, end in today) or any(at < end for end in yesterday) for at in shown)

    @cached_property
    def working(self) -> bytes:
        return b"".join(bytes([self.works(day)]) * len(shown) for day, shown in self._by_day())

    def running(self, clock: str) -> bytes | None:
        """Slot by slot whether the clock runs; None: it always does."""
        return {"business": self.business, "working_day": self.working}.get(clock)

    # --- between two instants, and from one on ---

    def used(self, begin: int, end: int, clock: str) -> int:
        """Milliseconds that the clock ran from `begin` to `end`."""
        slots = self.running(clock)
        if slots is None:
            return end - begin
        total, at = 0, begin
        while at < end:
            slot, inside = divmod(at - ORIGIN, SLOT)
            if not inside and end - at >= SLOT:
                whole = (end - at) // SLOT
                total += slots.count(1, slot, slot + whole) * SLOT
                at += whole * SLOT
            else:
                step = min(SLOT - inside, end - at)
                total += step * slots[slot]
                at += step
        return total

    def on(self, begin: int, wanted: int, clock: str) -> int:
        """The first instant at which the clock has run so long since `begin`."""
        slots = self.running(clock)
        if slots is None or not wanted:
            return begin + wanted
        at = begin
        while True:
            slot, inside = divmod(at - ORIGIN, SLOT)
            if not inside and (hours := slots.count(1, slot, slot + 12) * SLOT) < wanted:
                wanted, at = wanted - hours, at + 12 * SLOT
                continue
            if slots[slot]:
                if wanted <= SLOT - inside:
                    return at + wanted
                wanted -= SLOT - inside
            at += SLOT - inside

    def back(self, end: int, wanted: int, clock: str) -> int:
        """The first instant from which on the clock runs no longer than `wanted` until `end`."""
        slots = self.running(clock)
        if slots is None or not wanted:
            return end - wanted
        at = end
        while True:
            slot, inside = divmod(at - ORIGIN, SLOT)
            slot, inside = (slot, inside) if inside else (slot - 1, SLOT)
            if inside == SLOT and (hours := slots.count(1, slot - 11, slot + 1) * SLOT) < wanted:
                wanted, at = wanted - hours, at - 12 * SLOT
                continue
            if slots[slot]:
                if wanted < inside:
                    return at - wanted
                wanted -= inside
            at -= inside
            if not wanted and slots[slot] and slots[slot - 1]:
                return at
            if not wanted:
                return self._shut(at, slots)

    def _shut(self, at: int, slots: bytes) -> int:
        """Back through the slots in which the clock did not run, to where it stopped."""
        while not slots[(at - ORIGIN) // SLOT - 1]:
            at -= SLOT
        return at

    # --- days ---

    def day(self, at: int) -> date:
        return self.walked[(at - ORIGIN) // SLOT][0]

    def shows(self, day: date, at: time | None) -> int:
        """The first instant at which the local clock shows a time of a day or a later one; None: the day's end."""
        wanted = (day, at.hour * 60 + at.minute) if at is not None else (day + timedelta(days=1), 0)
        slot = self.days[day]
        while self.walked[slot] < wanted:
            slot += 1
        return ORIGIN + slot * SLOT

    def nth(self, day: date, count: int) -> date:
        """The nth working day after a day."""
        while count:
            day += timedelta(days=1)
            count -= self.works(day)
        return day

    def due(self, start: int, clock: str, amount: int, at: time | None) -> int:
        """When the limit is over; `amount` in seconds or days, as rules have it."""
        day, period = self.day(start), self.day(start - 1)
        if clock in ("calendar", "business"):
            return self.on(start, amount * 1000, clock)
        if clock == "working_day":
            return self.shows(self.nth(day, amount), None)
        if clock == "same_day":
            return self.shows(day, at)
        if clock == "next_day":
            return self.shows(day + timedelta(days=amount), at)
        if clock == "weekday":
            return self.shows(self._weekday(period, amount), at)
        return self.shows(self._date(period, amount), at)

    def _weekday(self, day: date, number: int) -> date:
        while day.isoweekday() != 7:
            day += timedelta(days=1)
        return day + timedelta(days=number)

    def _date(self, day: date, number: int) -> date:
        month = day.month
        while day.month == month:
            day += timedelta(days=1)
        month = day.month
        while day.day < number and (day + timedelta(days=1)).month == month:
            day += timedelta(days=1)
        return day

    # --- a limit that stops, goes on and is extended ---

    def left(self, at: int, due: int, clock: str) -> int:
        """What is left, in milliseconds; of working days those after today; less than nothing when the limit is over."""
        if at > due:
            return -max(1000, (self.used(due, at, clock) + 500) // 1000 * 1000)
        if clock != "working_day":
            return self.used(at, due, clock)
        day, last, days = self.day(at), self.day(due - 1), 0
        while day < last:
            day += timedelta(days=1)
            days += self.works(day)
        return days * DAY

    def resumed(self, at: int, left: int, clock: str) -> int:
        if clock == "working_day":
            today = self.day(at)
            return self.shows(self.nth(today, left // DAY) if left >= DAY else self.nth(today - timedelta(days=1), 1), None)
        return self.on(at, left, clock)

    def rung(self, limit: int, total: int, percent: int, clock: str) -> int:
        """When a share of the whole is used up, seen from the limit."""
        if percent < 100 and clock in ("fixed_date", "weekday"):
            return self.morning_before(limit)
        part = total * abs(percent - 100)
        assert part % 100 == 0
        return self.back(limit, part // 100, clock) if percent < 100 else self.on(limit, part // 100, clock)

    def morning_before(self, limit: int) -> int:
        day = self.day(limit - 1) - timedelta(days=1)
        while not self.works(day):
            day -= timedelta(days=1)
        first = min(begin for begin, _end in self.spans(day))
        return self.shows(day, time(first // 60, first % 60))

    def days_after(self, limit: int, count: int) -> int:
        return self.shows(self.nth(self.day(limit - 1), count), None)
