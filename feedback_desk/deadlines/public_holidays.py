"""Public holidays and make-up working days (调休) of a country as rows of a calendar, year by year, as far as they have been announced.

The library invents a calendar without make-up days for a year of China's that the State Council has not announced, and says nothing; elsewhere it marks
days that are estimated. Such a year is never entered by itself: the desk says that it is not announced, until the library knows it or somebody confirms it.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, cast

import holidays
from django.db import transaction
from django.utils.translation import gettext as _
from holidays.registry import COUNTRIES

from feedback_desk import clock
from feedback_desk.deadlines.models import Calendar, CalendarDay

FIRST_YEAR = 2024
"""Earlier than the desk's first rules."""
BY_LIBRARY, BY_HAND = "library", "hand"


class NotAnnounced(ValueError):
    """The library does not know the holidays of that year; enter them by hand and confirm the year."""


def countries() -> dict[str, str]:
    """English name by code of every country that the library knows."""
    return {codes[1]: name.replace("_", " ").title() for name, codes in COUNTRIES.items() if len(codes[1]) == 2}


def subdivisions(country: str) -> list[str]:
    return list(holidays.list_supported_countries().get(country, []))


def known(country: str, year: int) -> bool:
    """Does the library have that year as it was announced? China's are listed there year by year; elsewhere no day may be an estimate."""
    table = _table(country, "", year)
    if country == "CN":
        return year in getattr(table, "special_public_holidays", {})
    estimated = str(getattr(table, "estimated_label", "")).replace("%s", "").strip()
    return table.start_year <= year <= table.end_year and not any(estimated and estimated in name for name in table.values())


def loadable_years(calendar: Calendar) -> list[int]:
    """Years that can be loaded: from the first one to the next year, as far as the library knows them."""
    return [year for year in range(FIRST_YEAR, clock.now().year + 2) if calendar.country and known(calendar.country, year)]


def seed_holidays(calendar: Calendar, years: Iterable[int] | None = None) -> int:
    """Enter announced years, or enter them again: what the library says now takes the place of what it said; days entered by hand stay as they are.

    Returns how many days are new. Raises NotAnnounced, and then enters nothing.
    """
    years = loadable_years(calendar) if years is None else list(years)
    rows = {year: _special_days(calendar, year) for year in years}
    return sum(_enter(calendar, year, days) for year, days in rows.items())


@transaction.atomic
def _enter(calendar: Calendar, year: int, found: list[CalendarDay]) -> int:
    standing = calendar.days.filter(day__year=year)
    standing.filter(by_hand=False).exclude(day__in=[row.day for row in found]).delete()
    days = dict(standing.values_list("day", "by_hand"))
    rows = [row for row in found if not days.get(row.day)]
    CalendarDay.objects.bulk_create(rows, update_conflicts=True, unique_fields=["calendar", "day"], update_fields=["working", "name"])
    _announce(calendar, year, BY_LIBRARY)
    return sum(row.day not in days for row in rows)


@transaction.atomic
def confirm_year(calendar: Calendar, year: int) -> None:
    """Somebody says that the days of this year are entered as they were announced."""
    _announce(calendar, year, BY_HAND)


def _announce(calendar: Calendar, year: int, how: str) -> None:
    row = Calendar.objects.select_for_update(no_key=True).get(pk=calendar.pk)
    row.announced = calendar.announced = {**row.announced, str(year): how}
    row.save(update_fields=["announced"])


def _special_days(calendar: Calendar, year: int) -> list[CalendarDay]:
    """Asks `is_working_day`, which knows weekends and make-up days; a day merely being in the library's table does not say that it is free."""
    if not calendar.country or not known(calendar.country, year):
        raise NotAnnounced(_("The holidays of %(year)s have not been announced; enter its days by hand.") % {"year": year})
    table = _table(calendar.country, calendar.subdivision, year)
    days = [date(year, 1, 1) + timedelta(days=n) for n in range((date(year + 1, 1, 1) - date(year, 1, 1)).days)]
    return [row for day in days if (row := _special_day(calendar, table, day))]


def _special_day(calendar: Calendar, table: Any, day: date) -> CalendarDay | None:
    """A holiday that does not work, or a day of the weekend that does."""
    working = table.is_working_day(day)
    if working and day.weekday() in table.weekend:
        return CalendarDay(calendar=calendar, day=day, working=True, name="调休上班")
    if not working and day in table:
        return CalendarDay(calendar=calendar, day=day, working=False, name=str(table.get(day))[:60])
    return None


def _table(country: str, subdivision: str, year: int) -> Any:
    """In Chinese where the library has it, else in the country's own language, whatever the machine's is."""
    kind = cast(Any, holidays.country_holidays(country))
    language = "zh_CN" if "zh_CN" in kind.supported_languages else kind.default_language
    return holidays.country_holidays(country, subdiv=subdivision or None, years=year, language=language)
