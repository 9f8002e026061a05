"""R3: rewards and penalties of a month as one JSON-able dict: what the general manager ruled in it (C5), and what was reversed in it, whenever ruled.

Deductions and commendations only (C7). Names are kept as they were, kinds and departments as keys with both names, amounts as text. A reversal in the
month of its ruling shows as both, a line and a correction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from complaints import texts
from complaints.lifecycle import DispositionState
from complaints.models import Disposition, DispositionKind
from complaints.models.measures import WITH_AMOUNT
from reports.periods import Period

Figures = dict[str, Any]
RULED = (DispositionState.RULED, DispositionState.EXECUTED, DispositionState.REVERSED)


def compute(period: Period, at: datetime) -> Figures:
    zone = timezone.get_default_timezone()
    start, end = period.bounds(zone)
    ruled = measures().filter(state__in=RULED, ruled_at__gte=start, ruled_at__lt=end).order_by("ruled_at", "pk")
    reversed_ = measures().filter(state=DispositionState.REVERSED, reversed_at__gte=start, reversed_at__lt=end).order_by("reversed_at", "pk")
    return {
        "kind": str(period.kind), "start": period.start.isoformat(), "end": period.end.isoformat(),
        "zone": str(zone), "as_of": at.isoformat(), "whole": at >= end,
        "lines": [_line(measure, measure.ruled_at) for measure in ruled],
        "corrections": [_line(measure, measure.reversed_at, ruled=measure.ruled_at) for measure in reversed_],
    }  # fmt: skip


def measures() -> QuerySet[Disposition]:
    """What R3 is about, however old."""
    return Disposition.objects.filter(kind__in=WITH_AMOUNT).select_related("user", "department", "form__ticket__item")


def _line(measure: Disposition, at: datetime | None, ruled: datetime | None = None) -> Figures:
    line = {
        "measure": measure.pk, "number": measure.form.ticket.item.number, "person": measure.user_id, "name": str(measure.user or ""),
        "department": measure.department_id, "department_name": measure.department.name, "department_name_en": measure.department.name_en,
        "kind": str(measure.kind), "amount": texts.terms(measure)["amount"], "clause": measure.clause, "at": at.isoformat() if at else "",
    }  # fmt: skip
    return line if ruled is None else {**line, "ruled_at": ruled.isoformat()}


@dataclass(frozen=True)
class Sum:
    """One person's month, or a department's where nobody is named: percent of the performance pay, yuan off, yuan on. Corrections are taken out."""

    name: str
    department: tuple[str, str]
    share: Decimal = Decimal(0)
    amount: Decimal = Decimal(0)
    commended: Decimal = Decimal(0)
    commendations: int = 0


def sums(figures: Figures) -> list[Sum]:
    """By person, in the order in which they first appear."""
    found: dict[tuple[int | None, int], Sum] = {}
    for sign, lines in ((1, figures["lines"]), (-1, figures["corrections"])):
        for line in lines:
            key = (line["person"], 0 if line["person"] else line["department"])
            sofar = found.get(key) or Sum(line["name"], (line["department_name"], line["department_name_en"]))
            found[key] = _with(sofar, line, sign)
    return list(found.values())


def _with(sofar: Sum, line: Figures, sign: int) -> Sum:
    value = sign * Decimal(line["amount"] or 0)
    if line["kind"] == DispositionKind.DEDUCT_SHARE:
        return replace(sofar, share=sofar.share + value)
    if line["kind"] == DispositionKind.DEDUCT_AMOUNT:
        return replace(sofar, amount=sofar.amount + value)
    return replace(sofar, commended=sofar.commended + value, commendations=sofar.commendations + sign)


def differences(then: Figures, now: Figures) -> list[tuple[Figures | None, Figures | None]]:
    """R12: lines that came, went or read otherwise since it was issued: (then, now). A name that changed is no difference."""
    old, new = _keyed(then), _keyed(now)
    pairs = [(old.get(key), new.get(key)) for key in dict.fromkeys([*old, *new])]
    return [(a, b) for a, b in pairs if _said(a) != _said(b)]


def _keyed(figures: Figures) -> dict[tuple[str, int], Figures]:
    return {(part, line["measure"]): line for part in ("lines", "corrections") for line in figures[part]}


def _said(line: Figures | None) -> Any:
    return line and [line[name] for name in ("person", "department", "kind", "amount", "clause", "at")]
