"""Rewards and penalties as their page and their workbook show them (R3). No queries here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints.models import DispositionKind
from feedback_desk.workplace.words import number_of, terms_of
from reports import rewards
from reports.labels import in_language
from reports.pages import Cell, Table
from reports.rewards import Figures, Sum

DEFINITIONS: list[tuple[Any, Any]] = [
    (gettext_lazy("Ruled in this month"), gettext_lazy(
        "Deductions and commendations in the month of the general manager's ruling, whenever the complaint came in."
    )),
    (gettext_lazy("Correction"), gettext_lazy(
        "A measure that was reversed after its complaint was reopened: a line of its own in the month of the reversal; the month of the ruling stays as issued."
    )),
    (gettext_lazy("By person"), gettext_lazy(
        "What was ruled less what was corrected; percent are of the month's performance pay. Where nobody is named: the department."
    )),
]  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One measure; `url` leads to its ticket where the reader may see it."""

    day: str
    who: str
    department: str
    terms: str
    clause: str
    number: str
    url: str
    ruled: str


@dataclass(frozen=True)
class Person:
    who: str
    department: str
    share: str
    amount: str
    commended: str


def lines(rows: list[Figures], visible: Collection[str]) -> list[Line]:
    return [
        Line(
            day=_day(row["at"]), who=row["name"] or _department(row), department=_department(row), terms=terms_of(row["kind"], row["amount"]),
            clause=row["clause"], number=row["number"], ruled=_day(row.get("ruled_at", "")),
            url=reverse("workplace:ticket", args=[row["number"]]) if row["number"] in visible else "",
        )
        for row in rows
    ]  # fmt: skip


def people(figures: Figures) -> list[Person]:
    return [_person(row) for row in rewards.sums(figures)]


def _person(row: Sum) -> Person:
    department = in_language(*row.department)
    times = row.commendations if row.commendations != 1 or not row.commended else 0
    commended = [f"¥{number_of(row.commended)}" if row.commended else "", f"× {times}" if times else ""]
    return Person(
        row.name or department, department, f"{number_of(row.share)} %" if row.share else "–", f"¥{number_of(row.amount)}" if row.amount else "–",
        " ".join(filter(None, commended)) or "–",
    )  # fmt: skip


def tables(figures: Figures) -> list[Table]:
    """For Excel: by person, the measures, the corrections; amounts as numbers."""
    return [
        Table(
            _("By person"),
            [_("Person or department"), _("Department"), _("Deduction in percent"), _("Deduction, yuan"), _("Commendations, yuan"), _("Commendations")],
            [_sum_cells(row) for row in rewards.sums(figures)],
        ),
        _measures(_("Ruled in this month"), figures["lines"]),
        _measures(_("Corrections: reversed in this month"), figures["corrections"]),
    ]  # fmt: skip


def _sum_cells(row: Sum) -> list[Cell]:
    department = in_language(*row.department)
    return [_text(row.name or department), _text(department), _number(row.share), _number(row.amount), _number(row.commended), _number(row.commendations)]


def _measures(title: str, rows: list[Figures]) -> Table:
    heads = [_("Person or department"), _("Department"), _("Day"), _("Measure"), _("Percent"), _("Yuan"), _("Policy clause"), _("Ticket")]
    return Table(title, heads, [_cells(row) for row in rows])


def _cells(row: Figures) -> list[Cell]:
    value = _number(row["amount"]) if row["amount"] else _text("")
    share = row["kind"] == DispositionKind.DEDUCT_SHARE
    return [
        _text(row["name"] or _department(row)), _text(_department(row)), _text(_day(row["at"])), _text(str(DispositionKind(row["kind"]).label)),
        value if share else _text(""), _text("") if share else value, _text(row["clause"]), _text(row["number"]),
    ]  # fmt: skip


def changes(differences: list[tuple[Figures | None, Figures | None]]) -> Table:
    """R12: measure, as issued, today."""
    rows = [[_text(_named(then or now or {})), _text(_said(then)), _text(_said(now))] for then, now in differences]
    return Table(_("What differs today"), [_("Measure"), _("As issued"), _("Today")], rows)


def _named(row: Figures) -> str:
    return f"{row['name'] or _department(row)} · {row['number']}"


def _said(row: Figures | None) -> str:
    return " · ".join([_day(row["at"]), terms_of(row["kind"], row["amount"]), row["clause"]]) if row else "–"


def _department(row: Figures) -> str:
    return in_language(row["department_name"], row["department_name_en"])


def _day(at: str) -> str:
    return date_format(timezone.localtime(datetime.fromisoformat(at)), "DATE_FORMAT") if at else ""


def _text(text: str) -> Cell:
    return Cell(text, numeric=False)


def _number(value: Decimal | int | str) -> Cell:
    return Cell(number_of(value), value=float(value))
