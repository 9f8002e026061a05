"""``manage.py load_holidays [--year 2027] [--calendar NAME]``: enter what the library knows by now."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from feedback_desk.deadlines import public_holidays
from feedback_desk.deadlines.models import Calendar


class Command(BaseCommand):
    help = "Load announced public holidays into the calendars; days entered by hand stay as they are."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--year", type=int, help="default: every year that the library knows")
        parser.add_argument("--calendar", metavar="NAME", help="default: every calendar that follows public holidays")

    def handle(self, *args: Any, **options: Any) -> None:
        calendars = Calendar.objects.exclude(country="")
        if options["calendar"] and not (calendars := calendars.filter(name=options["calendar"])):
            raise CommandError(f"There is no calendar {options['calendar']} that follows public holidays. 没有这个日历，或它不计公共节假日。")
        for calendar in calendars:
            try:
                new = public_holidays.seed_holidays(calendar, [options["year"]] if options["year"] else None)
            except public_holidays.NotAnnounced as error:
                raise CommandError(f"{calendar}: {error} The holidays of {options['year']} are not announced yet.") from error
            self.stdout.write(f"{calendar}: {new} new days 新增 {new} 天; announced 已公布: {', '.join(sorted(calendar.announced))}")
