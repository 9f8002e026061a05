"""Worked examples, in the desk's own time, each with its reason."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import chinese_calendar
import holidays
import pytest

from feedback_desk.deadlines import clocks
from feedback_desk.deadlines.calendars import build
from feedback_desk.deadlines.clocks import Allowance, Hours, NeverOpen, parse_spans

FIVE = range(1, 6)
NINE_TO_SIX = {str(day): [["09:00", "18:00"]] for day in FIVE}
LUNCH = {str(day): [["08:30", "12:00"], ["13:30", "17:30"]] for day in FIVE}
ALWAYS = {str(day): [["00:00", "24:00"]] for day in range(1, 8)}
NIGHTS = {str(day): [["00:00", "06:00"], ["22:00", "24:00"]] for day in FIVE}


@lru_cache
def china() -> tuple[tuple[date, bool, None], ...]:
    package = holidays.country_holidays("CN", years=[2024, 2025, 2026])
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(366 + 365 + 365)]
    return tuple((day, package.is_working_day(day), None) for day in days if package.is_working_day(day) != (day.isoweekday() <= 5))


@lru_cache
def calendar(name: str) -> Hours:
    return {
        "desk": lambda: build("Asia/Shanghai", NINE_TO_SIX, china()),
        "lunch": lambda: build("Asia/Shanghai", LUNCH, china()),
        "always": lambda: build("Asia/Shanghai", ALWAYS),
        "nights": lambda: build("Asia/Shanghai", NIGHTS, china()),
        "new york": lambda: build("America/New_York", NINE_TO_SIX),
        "new york always": lambda: build("America/New_York", ALWAYS),
        "half day": lambda: build("Asia/Shanghai", NINE_TO_SIX, [(date(2026, 3, 4), True, [["09:00", "12:00"]])]),
    }[name]()


def allowance(words: str) -> Allowance:
    """ "8 business hours", "2 working days", "30 min", "next day 15:00", "the 4th", "Tuesday"."""
    amount, _, rest = words.partition(" ")
    match rest:
        case "min" | "h" | "s":
            return Allowance("calendar", int(amount) * {"s": 1, "min": 60, "h": 3600}[rest])
        case "business hours" | "business min" | "business s":
            return Allowance("business", int(amount) * {"hours": 3600, "min": 60, "s": 1}[rest.split()[1]])
        case "working days":
            return Allowance("working_day", int(amount))
    if words == "same day":
        return Allowance("same_day")
    if words.startswith("next day"):
        return Allowance("next_day", 1, time.fromisoformat(words.removeprefix("next day ")) if words != "next day" else None)
    if words == "Tuesday":
        return Allowance("weekday", 2)
    return Allowance("fixed_date", int(words.removeprefix("the ").rstrip("stndrh")))


def instant(text: str, hours: Hours) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=hours.zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("name", "start", "words", "due", "why"),
    [
        ("desk", "2026-02-13 17:00", "8 business hours", "2026-02-14 16:00", "open 09:00-18:00; Saturday the 14th is a make-up day before Spring Festival"),
        ("desk", "2026-09-30 17:30", "2 working days", "2026-10-10 00:00", "National Day week does not count; the second working day ends at 24:00"),
        ("desk", "2026-03-02 09:00", "30 min", "2026-03-02 09:30", "calendar time simply runs"),
        ("desk", "2026-03-06 23:50", "30 min", "2026-03-07 00:20", "over midnight, into a Saturday"),
        ("desk", "2026-03-02 09:00:01", "24 h", "2026-03-03 09:00:01", "to the second"),
        ("desk", "2026-12-31 12:00", "72 h", "2027-01-03 12:00", "over the year's end"),
        ("desk", "2026-03-02 09:00", "1 s", "2026-03-02 09:00:01", "one second"),
        ("desk", "2026-03-02 09:00", "1 business hours", "2026-03-02 10:00", "within opening hours"),
        ("desk", "2026-03-02 07:00", "1 business hours", "2026-03-02 10:00", "before opening: from 09:00"),
        ("desk", "2026-03-02 20:00", "1 business hours", "2026-03-03 10:00", "after closing: from the next morning"),
        ("desk", "2026-03-02 17:00", "1 business hours", "2026-03-02 18:00", "ends with closing time, not the next morning"),
        ("desk", "2026-03-02 17:00", "61 business min", "2026-03-03 09:01", "a minute more goes to the next morning"),
        ("desk", "2026-03-02 17:59:59", "2 business s", "2026-03-03 09:00:01", "exact seconds across the night"),
        ("desk", "2026-03-02 18:00", "15 business min", "2026-03-03 09:15", "at closing time the desk is closed"),
        ("desk", "2026-03-06 17:30", "1 business hours", "2026-03-09 09:30", "over the weekend"),
        ("desk", "2026-03-07 12:00", "4 business hours", "2026-03-09 13:00", "on a Saturday: from Monday"),
        ("desk", "2026-02-14 17:00", "2 business hours", "2026-02-24 10:00", "Spring Festival 15-23 February is free"),
        ("desk", "2026-02-28 17:00", "2 business hours", "2026-03-02 10:00", "Saturday the 28th is a make-up day, Sunday is not"),
        ("desk", "2026-01-01 10:00", "1 business hours", "2026-01-04 10:00", "New Year; Sunday 4 January is a make-up day"),
        ("desk", "2026-05-09 09:00", "9 business hours", "2026-05-09 18:00", "make-up Saturday after Labour Day"),
        ("desk", "2026-03-02 09:00", "45 business hours", "2026-03-06 18:00", "a whole week"),
        ("lunch", "2026-03-02 11:30", "1 business hours", "2026-03-02 14:00", "the lunch break does not count"),
        ("lunch", "2026-03-02 12:00", "1 business hours", "2026-03-02 14:30", "begun at noon: from 13:30"),
        ("lunch", "2026-03-02 12:45", "15 business min", "2026-03-02 13:45", "begun in the break"),
        ("lunch", "2026-03-02 11:00", "1 business hours", "2026-03-02 12:00", "ends at the beginning of the break"),
        ("lunch", "2026-03-02 16:30", "8 business hours", "2026-03-03 17:00", "7.5 hours a day"),
        ("lunch", "2026-02-13 16:30", "2 business hours", "2026-02-14 09:30", "a make-up day has Monday's spans"),
        ("always", "2026-03-02 23:59:30", "1 business min", "2026-03-03 00:00:30", "open round the clock: no minute lost at midnight"),
        ("always", "2026-03-07 10:00", "48 business hours", "2026-03-09 10:00", "open day and night is calendar time"),
        ("nights", "2026-03-02 23:00", "2 business hours", "2026-03-03 01:00", "spans meet at 24:00"),
        ("nights", "2026-03-06 23:00", "2 business hours", "2026-03-09 01:00", "Saturday's early hours are closed"),
        ("half day", "2026-03-04 11:00", "2 business hours", "2026-03-05 10:00", "a special day with hours of its own"),
        ("desk", "2026-03-02 23:59:59", "1 working days", "2026-03-04 00:00", "the day counts by the local date: Tuesday, 24:00"),
        ("desk", "2026-03-03 00:00:00", "1 working days", "2026-03-05 00:00", "a second later it is Tuesday: Wednesday, 24:00"),
        ("desk", "2026-03-06 10:00", "1 working days", "2026-03-10 00:00", "Friday: Monday, 24:00"),
        ("desk", "2026-03-07 10:00", "1 working days", "2026-03-10 00:00", "Saturday: Monday too"),
        ("desk", "2026-02-12 10:00", "2 working days", "2026-02-15 00:00", "Friday and the make-up Saturday"),
        ("desk", "2026-02-13 10:00", "2 working days", "2026-02-25 00:00", "make-up Saturday, then the 24th after Spring Festival"),
        ("desk", "2026-02-13 10:00", "5 working days", "2026-02-28 00:00", "14, 24, 25, 26, 27 February"),
        ("desk", "2026-02-13 10:00", "6 working days", "2026-03-01 00:00", "and make-up Saturday the 28th"),
        ("desk", "2025-01-24 10:00", "2 working days", "2025-01-28 00:00", "Sunday 26 January 2025 is a make-up day, Monday the 27th works"),
        ("desk", "2024-09-30 09:00", "3 working days", "2024-10-11 00:00", "8, 9, 10 October 2024"),
        ("desk", "2026-03-02 10:00", "15 working days", "2026-03-24 00:00", "three weeks"),
        ("desk", "2026-03-02 10:00", "same day", "2026-03-03 00:00", "24:00 of the day"),
        ("desk", "2026-03-02 00:00", "same day", "2026-03-03 00:00", "begun at midnight: the day that begins"),
        ("desk", "2026-03-07 23:00", "same day", "2026-03-08 00:00", "a Saturday too"),
        ("desk", "2026-03-02 16:59:59", "next day 15:00", "2026-03-03 15:00", "next day at a time"),
        ("desk", "2026-03-06 10:00", "next day 15:00", "2026-03-07 15:00", "the next calendar day, even a Saturday"),
        ("desk", "2026-02-28 10:00", "next day", "2026-03-02 00:00", "24:00 of the next day"),
        ("desk", "2026-03-31 12:00", "the 4th", "2026-04-05 00:00", "the 4th of the following month, 24:00"),
        ("desk", "2026-04-01 00:00", "the 4th", "2026-04-05 00:00", "midnight still belongs to the month it ends"),
        ("desk", "2026-03-02 10:00", "the 4th", "2026-04-05 00:00", "begun before the 4th: the following month's"),
        ("desk", "2026-12-31 10:00", "the 2nd", "2027-01-03 00:00", "over the year's end; holidays do not move it"),
        ("desk", "2026-01-30 10:00", "the 31st", "2026-03-01 00:00", "February's last day"),
        ("desk", "2026-03-01 23:00", "Tuesday", "2026-03-04 00:00", "the Tuesday after the week that ends on Sunday"),
        ("desk", "2026-03-02 00:00", "Tuesday", "2026-03-04 00:00", "the same at the week's last midnight"),
        ("new york", "2026-03-06 17:00", "2 business hours", "2026-03-09 10:00", "the clocks go forward on Sunday"),
        ("new york always", "2026-03-08 00:00", "24 business hours", "2026-03-09 01:00", "the day has 23 hours"),
        ("new york always", "2026-11-01 00:00", "24 business hours", "2026-11-01 23:00", "the day has 25 hours"),
        ("new york", "2026-03-07 20:00", "24 h", "2026-03-08 21:00", "24 true hours over the change"),
        ("new york", "2026-10-31 20:00", "24 h", "2026-11-01 19:00", "and back in autumn"),
        ("new york", "2026-03-06 12:00", "2 working days", "2026-03-11 00:00", "local midnight after the change is four hours from UTC"),
        ("new york", "2026-03-08 01:30", "1 h", "2026-03-08 03:30", "02:30 does not exist"),
        ("new york", "2026-03-07 12:00", "next day 02:30", "2026-03-08 03:00", "a time that does not exist is the instant after the gap"),
    ],
)
def test_due_is_as_people_work_it_out(name, start, words, due, why):
    hours = calendar(name)
    assert clocks.due(instant(start, hours), allowance(words), hours) == instant(due, hours), why


@pytest.mark.parametrize(
    ("name", "start", "words"),
    [("desk", "2026-02-13 17:00", "8 business hours"), ("lunch", "2026-03-02 12:45", "100 business min"), ("nights", "2026-03-06 23:00", "7 business hours")],
)
def test_between_and_back_are_the_same_way(name, start, words):
    hours, wanted = calendar(name), allowance(words)
    begin = instant(start, hours)
    end = clocks.due(begin, wanted, hours)
    assert clocks.between(begin, end, "business", hours) == wanted.amount
    assert clocks.between(end, begin, "business", hours) == -wanted.amount
    back = clocks.ahead(end, -wanted.amount, "business", hours)
    assert clocks.between(back, begin, "business", hours) == 0


@pytest.mark.parametrize(
    ("start", "words", "percent", "at", "why"),
    [
        ("2026-03-02 09:00", "2 h", 75, "2026-03-02 10:30", "calendar: a straight line"),
        ("2026-03-02 09:00", "2 h", 300, "2026-03-02 15:00", "beyond the limit"),
        ("2026-03-02 16:00", "4 business hours", 75, "2026-03-03 10:00", "three of four hours are used up the next morning"),
        ("2026-03-02 16:00", "4 business hours", 150, "2026-03-03 13:00", "two more hours of business"),
        ("2026-03-02 16:00", "4 business hours", 300, "2026-03-04 10:00", "eight more"),
        ("2026-03-02 16:00", "2 business hours", 100, "2026-03-02 18:00", "the limit itself"),
        ("2026-03-02 12:00", "1 working days", 75, "2026-03-03 15:00", "of 36 hours of working days 27"),
        ("2026-02-13 12:00", "2 working days", 50, "2026-02-14 18:00", "of 60 hours 30; Spring Festival does not count"),
        ("2026-03-31 12:00", "the 4th", 75, "2026-04-03 09:00", "a fixed date warns on the last working day before, in the morning"),
        ("2026-03-01 12:00", "Tuesday", 75, "2026-03-02 09:00", "Monday before Tuesday"),
        ("2026-09-30 12:00", "the 4th", 75, "2026-09-30 09:00", "before National Day week"),
    ],
)
def test_E1_share_of_the_allowance(start, words, percent, at, why):
    hours, wanted = calendar("desk"), allowance(words)
    begin = instant(start, hours)
    due = clocks.due(begin, wanted, hours)
    total = clocks.between(begin, due, wanted.clock, hours)
    assert clocks.at_percent(due, total, percent, wanted.clock, hours) == instant(at, hours), why


@pytest.mark.parametrize(
    ("due", "days", "at", "why"),
    [
        ("2026-03-04 00:00", 1, "2026-03-05 00:00", "limit on Tuesday 24:00, one working day later Wednesday 24:00"),
        ("2026-03-07 00:00", 1, "2026-03-10 00:00", "Friday: Monday"),
        ("2026-02-15 00:00", 3, "2026-02-27 00:00", "the make-up Saturday, then 24, 25, 26 February"),
        ("2026-03-04 12:00", 1, "2026-03-06 00:00", "a limit at noon: the next day, 24:00"),
    ],
)
def test_E1_working_days_after_the_limit(due, days, at, why):
    hours = calendar("desk")
    assert clocks.working_days_after(instant(due, hours), days, hours) == instant(at, hours), why


@pytest.mark.parametrize(
    ("words", "start", "paused", "left", "resumed", "due", "why"),
    [
        ("2 h", "2026-03-02 09:00", "2026-03-02 10:00", 3600, "2026-03-05 08:00", "2026-03-05 09:00", "an hour was left"),
        ("4 business hours", "2026-03-02 16:00", "2026-03-02 20:00", 7200, "2026-03-06 17:00", "2026-03-09 10:00", "two business hours were left"),
        ("2 working days", "2026-03-02 10:00", "2026-03-02 11:00", 2 * 86400, "2026-03-02 15:00", "2026-03-05 00:00", "back on the same day: nothing changes"),
        ("2 working days", "2026-03-02 10:00", "2026-03-03 11:00", 86400, "2026-03-05 09:00", "2026-03-07 00:00", "one more working day after that day"),
        ("2 working days", "2026-03-02 10:00", "2026-03-04 11:00", 0, "2026-03-06 09:00", "2026-03-07 00:00", "stopped on the last day: until that day ends"),
        ("2 working days", "2026-03-02 10:00", "2026-03-03 05:00", 86400, "2026-03-03 06:00", "2026-03-05 00:00", "early morning is the local day, not UTC's"),
        ("5 working days", "2026-02-12 10:00", "2026-02-13 10:00", 4 * 86400, "2026-02-25 10:00", "2026-03-03 00:00", "26, 27, make-up 28 February, 2 March"),
    ],
)
def test_E3_runs_on_with_what_was_left(words, start, paused, left, resumed, due, why):
    hours, wanted = calendar("desk"), allowance(words)
    first_due = clocks.due(instant(start, hours), wanted, hours)
    assert clocks.left(instant(paused, hours), first_due, wanted.clock, hours) == left, why
    assert clocks.resumed(instant(resumed, hours), left, wanted.clock, hours) == instant(due, hours), why


@pytest.mark.parametrize(
    ("stops", "ended", "ran", "since"),
    [
        ([("10:00", "12:00")], "13:00", 2, None),
        ([("10:00", "12:00")], "11:00", 1, None),
        ([("10:00", "11:00"), ("12:00", "14:00")], "14:00", 2, "12:00"),
        ([("10:00", None)], "14:00", 1, "10:00"),
        ([("08:00", "10:00")], "12:00", 2, None),
        ([("13:00", "13:00")], "12:00", 3, None),
    ],
)  # fmt: skip
def test_E3_what_ended_ran_without_its_pauses_and_may_have_stood_still(stops, ended, ran, since):
    def at(time):
        return time and instant(f"2026-03-02 {time}", calendar("desk"))

    stood = [(at(begin), at(end)) for begin, end in stops]
    assert clocks.ran(at("09:00"), at(ended), stood) == ran * 3600
    assert clocks.stood_since(at(ended), stood) == at(since)


@pytest.mark.parametrize(
    ("name", "at", "due", "why"),
    [
        ("new york always", "2026-03-08 15:00", "2026-03-09 15:00", "the day of 23 hours does not move the wall clock"),
        ("new york always", "2026-11-01 15:00", "2026-11-02 15:00", "nor does the day of 25"),
        ("desk", "2026-03-07 00:00", "2026-03-10 00:00", "midnight belongs to Friday"),
    ],
)
def test_E1_the_same_time_on_a_later_working_day(name, at, due, why):
    hours = calendar(name)
    assert clocks.same_time_after(instant(at, hours), 1, hours) == instant(due, hours), why


def test_a_limit_that_passed_stays_passed_when_stopped():
    hours = calendar("desk")
    due = instant("2026-03-04 00:00", hours)
    assert clocks.left(due + timedelta(seconds=1), due, "working_day", hours) < 0
    assert clocks.left(due, due, "working_day", hours) >= 0


def test_a_calendar_that_never_opens_says_so():
    shut = build("Asia/Shanghai", {})
    for wanted in (Allowance("business", 60), Allowance("working_day", 1)):
        with pytest.raises(NeverOpen):
            clocks.due(datetime(2026, 3, 2, tzinfo=UTC), wanted, shut)
    with pytest.raises(NeverOpen):
        clocks.ahead(datetime(2026, 3, 2, tzinfo=UTC), -60, "business", shut)


def test_a_promise_needs_its_date():
    with pytest.raises(ValueError, match="promised"):
        clocks.due(datetime(2026, 3, 2, tzinfo=UTC), Allowance("promised"), calendar("desk"))


@pytest.mark.parametrize("pairs", [[["09:00", "25:00"]], [["10:00", "10:00"]], [["09:00", "12:00"], ["11:00", "13:00"]], [["9", "10:00"]], "09:00-18:00"])
def test_spans_that_are_none_are_refused(pairs):
    with pytest.raises(ValueError, match=".+"):
        parse_spans(pairs)


def test_zone_is_asked_for_the_calendar_only():
    """The same instant, whatever zone it is written in."""
    hours = calendar("desk")
    start = instant("2026-02-13 17:00", hours)
    elsewhere = start.astimezone(ZoneInfo("America/New_York"))
    assert clocks.due(elsewhere, allowance("8 business hours"), hours) == clocks.due(start, allowance("8 business hours"), hours)


@pytest.mark.parametrize("year", [2024, 2025, 2026])
def test_both_packages_agree_on_every_day(year):
    hours = calendar("desk")
    day = date(year, 1, 1)
    while day.year == year:
        assert hours.is_working(day) == chinese_calendar.is_workday(day), day
        day += timedelta(days=1)


OVERNIGHT = {"1": [["22:00", "06:00"]], "2": [["22:00", "06:00"]], "5": [["08:00", "12:00"], ["22:00", "06:00"]], "6": [["05:00", "09:00"]]}


@pytest.mark.parametrize(
    ("start", "words", "due", "why"),
    [
        ("2026-03-02 23:00", "2 business hours", "2026-03-03 01:00", "Monday's night goes on after midnight"),
        ("2026-03-03 01:00", "2 business hours", "2026-03-03 03:00", "begun in the night that began the day before"),
        ("2026-03-03 05:00", "2 business hours", "2026-03-03 23:00", "the rest of Monday's night, then Tuesday's"),
        ("2026-03-04 05:00", "2 business hours", "2026-03-06 09:00", "no night begins on Wednesday or Thursday"),
        ("2026-03-06 11:00", "2 business hours", "2026-03-06 23:00", "day and night on a Friday"),
        ("2026-03-07 04:00", "4 business hours", "2026-03-07 08:00", "Saturday's 05:00 begins inside Friday's night: counted once"),
    ],
)
def test_a_night_is_that_of_the_day_on_which_it_begins(start, words, due, why):
    hours = build("Asia/Shanghai", OVERNIGHT)
    begun = instant(start, hours)
    found = clocks.due(begun, allowance(words), hours)
    assert found == instant(due, hours), why
    seconds = allowance(words).amount
    assert clocks.between(begun, found, "business", hours) == seconds
    assert clocks.between(begun, clocks.ahead(found, -seconds, "business", hours), "business", hours) == 0


def test_to_midnight_is_written_either_way():
    assert parse_spans([["18:00", "24:00"]]) == parse_spans([["18:00", "00:00"]]) == ((64800, 86400),)


def test_a_night_of_a_holiday_does_not_begin_and_the_one_before_ends_in_it():
    hours = build("Asia/Shanghai", OVERNIGHT, [(date(2026, 3, 3), False, None)])
    assert clocks.due(instant("2026-03-02 22:00", hours), allowance("9 business hours"), hours) == instant("2026-03-06 09:00", hours)
