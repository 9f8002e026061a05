"""A calendar's year as a page: every day with how it counts, and whether the year's public holidays have been announced."""

from __future__ import annotations

import calendar as months
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.utils.dates import MONTHS, WEEKDAYS_ABBR
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from feedback_desk.deadlines import public_holidays, wording
from feedback_desk.deadlines.calendars import hours_of
from feedback_desk.deadlines.clocks import DAY, Hours, Spans
from feedback_desk.deadlines.models import Calendar, CalendarDay


@dataclass(frozen=True)
class Cell:
    """One day: `kind` is open, closed, holiday or makeup; `mark` says it without colour; `title` tells all of it."""

    day: date
    kind: str
    mark: str
    title: str
    today: bool


@dataclass(frozen=True)
class Month:
    number: int
    name: str
    weeks: list[list[Cell | None]]


@dataclass(frozen=True)
class YearLine:
    """`tone`: ok or soon."""

    year: int
    tone: str
    text: str


def waits(calendar: Calendar, year: int) -> bool:
    """Does it follow public holidays that are not announced for that year?"""
    return bool(calendar.country) and str(year) not in calendar.announced


def line(calendar: Calendar, year: int) -> YearLine:
    told = {"year": year}
    if not calendar.country:
        return YearLine(year, "ok", _("%(year)s: this calendar follows no public holidays") % told)
    if waits(calendar, year):
        return YearLine(year, "soon", _("The public holidays of %(year)s are not announced yet; reckoned by the ordinary week") % told)
    by_hand = calendar.announced[str(year)] == public_holidays.BY_HAND
    return YearLine(year, "ok", (_("%(year)s: confirmed by hand") if by_hand else _("%(year)s: announced, days entered")) % told)


def lines(calendar: Calendar, year: int) -> list[YearLine]:
    """Of last year, this and the next."""
    return [line(calendar, other) for other in (year - 1, year, year + 1)]


def months_of(calendar: Calendar, year: int, today: date) -> list[Month]:
    """Twelve months in weeks from Monday to Sunday; days of other months are None. Reads the calendar's rows."""
    hours = hours_of([calendar.pk])[calendar.pk]
    special = {row.day: row for row in calendar.days.filter(day__year=year)}
    return [Month(number, str(MONTHS[number]), list(_weeks(year, number, hours, special, today))) for number in range(1, 13)]


def weekdays() -> list[str]:
    return [str(WEEKDAYS_ABBR[number]).removeprefix("星期") for number in range(7)]


def _weeks(year: int, month: int, hours: Hours, special: dict[date, CalendarDay], today: date) -> Iterator[list[Cell | None]]:
    for week in months.Calendar().monthdatescalendar(year, month):
        yield [_cell(day, hours, special.get(day), today) if day.month == month else None for day in week]


def _cell(day: date, hours: Hours, row: CalendarDay | None, today: date) -> Cell:
    open_ = hours.is_working(day)
    kind = ("makeup" if row.working and day.isoweekday() > 5 else "special" if row.working else "holiday") if row else "open" if open_ else "closed"
    marks = {"makeup": pgettext("calendar", "on duty"), "special": pgettext("calendar", "special"), "holiday": pgettext("calendar", "off")}
    named = wording.holiday([row.name]) if row and not row.working and row.name in wording.HOLIDAYS else (row.name if row else "")
    title = [wording.weekday_of(day), named, spans_said(hours.open_spans(day)) if open_ else _("closed")]
    return Cell(day, kind, marks.get(kind, ""), _(", ").join(filter(None, title)), day == today)


def spans_said(spans: Spans) -> str:
    return " ".join(f"{_clock(begin)}–{_clock(end)}" for begin, end in spans)


def _clock(second: int) -> str:
    if second > DAY:
        return _("%(time)s the next day") % {"time": _clock(second - DAY)}
    return "24:00" if second == DAY else str(timedelta(seconds=second))[:-3].zfill(5)


def figures(months_shown: list[Month]) -> dict[str, Any]:
    """How many days of the year are what."""
    cells = [cell for month in months_shown for week in month.weeks for cell in week if cell]
    counted = {kind: sum(cell.kind == kind for cell in cells) for kind in ("open", "closed", "holiday", "makeup", "special")}
    return {**counted, "working": counted["open"] + counted["makeup"] + counted["special"]}
