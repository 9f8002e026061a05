"""Calendar rows as `Hours`.

`hours_of` reads the rows at each use (two small statements) and rebuilds the `Hours` only when they differ from those last seen in this process:
no cache that another process could leave stale.
"""

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.checks import CheckMessage, Warning, register
from django.db import DatabaseError
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from feedback_desk import clock
from feedback_desk.deadlines.clocks import Hours, Spans, SpecialDay, parse_spans
from feedback_desk.deadlines.models import Calendar, CalendarDay, DepartmentCalendar
from feedback_desk.people.one_look import remembered_setting

_built: dict[int, tuple[object, Hours]] = {}


def hours_of(calendar_ids: Iterable[int | None], department_id: int | None = None) -> dict[int | None, Hours]:
    """The opening hours of some calendars by id. None stands for the department's, where it has one, else for the desk's own, and is always there."""
    wanted = frozenset(pk for pk in calendar_ids if pk)
    return remembered_setting(("hours", wanted, department_id), lambda: _read(wanted, department_id))


def _read(calendar_ids: Collection[int], department_id: int | None) -> dict[int | None, Hours]:
    own = Exists(DepartmentCalendar.objects.filter(calendar=OuterRef("pk"), department=department_id))
    wanted = Q(pk__in=calendar_ids) | Q(is_default=True) | Q(own=True)
    rows = Calendar.objects.annotate(own=own).filter(wanted).values_list("pk", "is_default", "own", "zone", "hours", "country", "announced")
    special = _special_of([row[0] for row in rows])
    found: dict[int | None, Hours] = {}
    for pk, is_default, is_own, zone, weekly, country, announced in rows:
        found[pk] = _hours(pk, zone, weekly, frozenset(int(year) for year in announced) if country else None, special[pk])
        if is_own or (is_default and None not in found):
            found[None] = found[pk]
    return found


def _special_of(calendar_ids: Collection[int]) -> dict[int, list[tuple[date, bool, Any]]]:
    days: dict[int, list[tuple[date, bool, Any]]] = {pk: [] for pk in calendar_ids}
    for calendar_id, day, working, spans in CalendarDay.objects.filter(calendar__in=days).order_by("day").values_list("calendar_id", "day", "working", "hours"):
        days[calendar_id].append((day, working, spans))
    return days


def _hours(pk: int, zone: str, weekly: dict[str, Any], years: frozenset[int] | None, days: list[tuple[date, bool, Any]]) -> Hours:
    seen = (zone, weekly, years, days)
    known = _built.get(pk)
    if known is None or known[0] != seen:
        known = _built[pk] = (seen, build(zone, weekly, days, pk, years))
    return known[1]


def build(
    zone: str, weekly: dict[str, Any], days: Iterable[tuple[date, bool, Any]] = (), pk: int = 0, announced: frozenset[int] | None = None
) -> Hours:  # fmt: skip
    """`Hours` from what the rows hold; raises ValueError on spans that are none, ZoneInfoNotFoundError on an unknown zone."""
    weekdays = {int(day): spans for day, pairs in weekly.items() if (spans := parse_spans(pairs))}
    make_up: Spans = weekdays.get(1) or next(iter(weekdays.values()), ())
    special = {day: SpecialDay(working, parse_spans(pairs) if pairs else (make_up if working else ())) for day, working, pairs in days}
    return Hours(ZoneInfo(zone), weekdays, special, pk, announced)


def unannounced(hours: Hours, start: datetime, due: datetime) -> list[int]:
    """The years between the two whose holidays had not been announced. A running deadline keeps what was so when it was reckoned: allowance["unannounced"]."""
    return hours.unannounced(start, due)


def unannounced_years() -> list[int]:
    """This year and, from December on, the next, in the calendar's zone, when it does not know their holidays: limits there would ignore them."""
    calendar = Calendar.objects.filter(is_default=True).exclude(country="").first()
    if calendar is None:
        return []
    today = clock.now().astimezone(ZoneInfo(calendar.zone)).date()
    return [year for year in sorted({today.year, (today + timedelta(days=31)).year}) if str(year) not in calendar.announced]


@register("deadlines", deploy=True)
def check_years(databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Say so when the coming year's holidays have not been entered (`check --deploy --database default`); never guess them."""
    if not databases:
        return []
    try:
        years = unannounced_years()
    except DatabaseError:
        return []
    return [
        Warning(
            _("No public holidays are entered for %(year)s.") % {"year": year}, hint=_("Enter them in the back office under Calendars."), id="deadlines.W001"
        )
        for year in years
    ]
