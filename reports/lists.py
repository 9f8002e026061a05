"""The rows behind a number, for its page: everything the page reads in as many queries at one row as at fifty."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Exists, OuterRef, QuerySet

from feedback_desk.deadlines.models import Deadline
from feedback_desk.people.models import User
from followups.models import Visit
from reports import queries
from reports.queries import MISSED, Rows, Span
from tickets.models import Ticket

PER_PAGE = 50


@dataclass(frozen=True)
class Line:
    """One counted row: the ticket, and the limit or the visit if one of those was counted."""

    ticket: Ticket
    at: datetime
    limit: Deadline | None = None
    late: bool = False
    visit: Visit | None = None


@dataclass(frozen=True)
class Listed:
    """`counted` rows make up the number; `hidden` of them are not for this person to see."""

    page: Page[Any]
    lines: list[Line]
    counted: int
    hidden: int
    kind: str


def rows_behind(span: Span, what: str, user: User, number: str | int | None) -> Listed:
    """One page of the rows counted, as far as this person may see them (V3). KeyError: there is no such number."""
    rows = queries.counted(span, what)
    seen, kind = _visible(rows, user)
    page = Paginator(seen, PER_PAGE).get_page(number)
    counted = rows.count()
    return Listed(page, [_line(row) for row in page.object_list], counted, counted - page.paginator.count, kind)


def _visible(rows: Rows, user: User) -> tuple[QuerySet[Any], str]:
    visible = Ticket.objects.visible_to(user).order_by()
    found: QuerySet[Any] = rows
    if rows.model is Ticket:
        return found.filter(Exists(visible.filter(pk=OuterRef("pk")))).select_related(*_related("")).order_by("-received_at", "pk"), "ticket"
    if rows.model is Deadline:
        found = found.filter(Exists(visible.filter(item_id=OuterRef("root_id")))).annotate(missed=MISSED)
        return found.select_related("rule", "root__department", *_related("root__ticket__")).order_by("-due_at", "pk"), "limit"
    return found.filter(Exists(visible.filter(pk=OuterRef("ticket_id")))).select_related(*_related("ticket__")).order_by("-at", "pk"), "visit"


def _related(to_ticket: str) -> list[str]:
    return [f"{to_ticket}{name}" for name in ("item__department", "customer", "category", "form")]


def _line(row: Any) -> Line:
    if isinstance(row, Deadline):
        return Line(row.root.ticket, row.due_at, limit=row, late=bool(getattr(row, "missed", False)))
    if isinstance(row, Visit):
        return Line(row.ticket, row.at, visit=row)
    return Line(row, row.received_at)
