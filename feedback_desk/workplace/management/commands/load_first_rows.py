"""The configuration a new desk starts with: rules, calendars, ladders, categories, matrices, grades. Harmless when repeated."""

from typing import Any

from django.core.management.base import BaseCommand

from complaints import first_rows as complaints
from feedback_desk.deadlines import first_rows as deadlines
from tickets import first_rows as tickets


class Command(BaseCommand):
    help = "Enter the first rows of the configuration where none stand yet."

    def handle(self, *args: Any, **options: Any) -> None:
        fresh = sum(room.load() for room in (deadlines, tickets, complaints))
        if options["verbosity"] > 0:
            self.stdout.write(f"{fresh} rows entered.")
