"""What numbers are called, in the reader's language: headings for cards and tables, and for the rows behind a number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import get_language, gettext, gettext_lazy, pgettext
from django.utils.translation import gettext as _

from complaints.models import Grade
from reports import queries
from tickets.models import Category, Type

FIGURES: dict[str, Any] = {
    "received": gettext_lazy("Received"),
    "complaints": gettext_lazy("Of these complaints"),
    "formal_reply": gettext_lazy("Formal reply within 24 hours"),
    "closing": gettext_lazy("Completed on time"),
    "repeats": gettext_lazy("Repeated complaints"),
    "scores": gettext_lazy("Visit score"),
    "completed": gettext_lazy("Completed"),
    "open": gettext_lazy("Open at the end"),
    "late": gettext_lazy("Of these late"),
    "outstanding": gettext_lazy("Outstanding matters"),
    "visits": gettext_lazy("Visits with scores"),
    "low": gettext_lazy("Visits with a score of 3 or less"),
}
DEFINITIONS: list[tuple[Any, Any]] = [
    (gettext_lazy("Received"), gettext_lazy(
        "By the time of receipt on the desk's clock, imported history too. Merged tickets count once, with the one that survives; invalid ones count."
    )),
    (gettext_lazy("Complaints"), gettext_lazy("Received tickets of the type complaint, whatever became of them; by the grade and category they have now.")),
    (gettext_lazy("On time"), gettext_lazy(
        "Limits that were due in the period: met in time, out of all that were met, late, or passed and still unmet. Judged by when it happened. "
        "Void limits and limits still to come are not judged; pauses are taken out."
    )),
    (gettext_lazy("Formal reply within 24 hours"), gettext_lazy("On time for D13, first formal reply to a complaint.")),
    (gettext_lazy("Completed on time"), gettext_lazy("On time for D26, the time to close by category.")),
    (gettext_lazy("Repeated complaints"), gettext_lazy("Complaints marked as a repeat of the same customer about the same thing, out of all complaints.")),
    (gettext_lazy("Visit score"), gettext_lazy("Mean of speed, solution and attitude, 1 to 5, over visits of the period with all three scores.")),
    (gettext_lazy("Completed"), gettext_lazy(
        "Tickets completed in the period, whenever received, and still completed when it ended; one that is reopened later stays counted. "
        "Handling time runs from receipt to completion by the clock; half took less than the median."
    )),
    (gettext_lazy("Open at the end"), gettext_lazy(
        "Received before the end of the period and not closed, invalid or merged by then. Late: with a limit passed and unmet at the end."
    )),
    (gettext_lazy("Outstanding matters"), gettext_lazy("Complaints set aside with the general manager's agreement and not resumed by the end.")),
    (gettext_lazy("Department"), gettext_lazy("The one the ticket is with.")),
    (gettext_lazy("Daily limits"), gettext_lazy(
        "Mean of the days plus and minus 2.66 times the mean difference from one day to the next. A day outside is more than chance."
    )),
    (gettext_lazy("Comparison"), gettext_lazy("With the period before, as it was issued.")),
]  # fmt: skip
"""What each figure means, in one place; shown under every summary and in its workbook. The rows themselves: queries.py."""


def in_language(name: str, name_en: str) -> str:
    return name_en if name_en and (get_language() or "").startswith("en") else name


def name_of(row: dict[str, Any], missing: str = "") -> str:
    """A row of the figures that carries both names."""
    return in_language(row["name"], row["name_en"]) or missing


def type_name(key: str) -> str:
    return str(Type(key).label) if key in Type.values else key


def grade_name(key: str) -> str:
    return str(Grade(key).label) if key in Grade.values else _("Not graded yet")


def weekday_name(iso_weekday: int) -> str:
    return date_format(date(2024, 1, iso_weekday), "D")


def hour_name(hour: int) -> str:
    return _("%(hour)s h") % {"hour": hour}


def day_name(day: str) -> str:
    return short_day(date.fromisoformat(day))


def short_day(day: date) -> str:
    """As short as dates with the year are: "Nov. 16"."""
    return date_format(day, pgettext("day without its year", "N j"))


@dataclass(frozen=True)
class Names:
    """Names of categories, departments and rules by the keys that stand in `what`."""

    categories: dict[str, str]
    departments: dict[str, str]
    rules: dict[str, str]

    @classmethod
    def load(cls) -> Names:
        return cls(
            {str(pk): in_language(*names) for pk, *names in Category.objects.values_list("pk", "name", "name_en")},
            {str(pk): in_language(*names) for pk, names in queries.departments_named().items()} | {"none": gettext("Without a department")},
            {code: in_language(*names) for code, names in queries.rules_named().items()},
        )

    def category(self, key: str) -> str:
        return _("All others") if key.startswith("not-") else self.categories.get(key, key)

    def due(self, code: str, verdict: str = "all", department: str = "") -> str:
        verdicts = {"all": _("limits judged"), "late": _("late"), "kept": _("on time")}
        parts = [f"{code} {self.rules.get(code, '')}", verdicts.get(verdict, "")]
        return " · ".join(filter(None, [*parts, self.departments.get(department, "") if department else ""]))

    def spoken(self, what: str) -> str:
        """A number's name: "Complaints · Transport damage"; for a mean "… · mean"."""
        what, _bar, measure = what.partition("|")
        name, *rest = what.split(":")
        words = self._words(name, rest)
        measures = {"mean": _("mean"), "median": _("median")}
        return f"{words} · {measures[measure]}" if measure else words

    def _words(self, name: str, rest: list[str]) -> str:
        if name == "due":
            return self.due(*rest)
        if name == "department":
            return f"{self.departments.get(rest[0], rest[0])} · {FIGURES[rest[1]]}"
        if name == "slot":
            return f"{FIGURES['received']} · {weekday_name(int(rest[0]))} {hour_name(int(rest[1]))}"
        group: dict[str, tuple[Any, Callable[[str], str]]] = {
            "type": (FIGURES["received"], type_name), "category": (FIGURES["received"], self.category), "cause": (_("Complaints"), self.category),
            "grade": (_("Complaints"), grade_name), "day": (FIGURES["received"], day_name),
        }  # fmt: skip
        if name in group:
            head, words = group[name]
            return f"{head} · {words(rest[0])}"
        return str(FIGURES.get(name, name))
