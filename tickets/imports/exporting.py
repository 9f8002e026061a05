"""Customers and tickets as a table that is safe to open: cells are never formulas; contact data is masked, or its export recorded (V4)."""

from __future__ import annotations

import csv
import re
import tempfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from itertools import chain
from typing import IO, Any

from django.utils import timezone
from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from feedback_desk import clock
from feedback_desk.people.models import User
from feedback_desk.records.models import Reading
from tickets.imports import permissions
from tickets.imports.columns import CUSTOMERS
from tickets.imports.values import safe_cell
from tickets.models import ContactPoint, Customer, Ticket

BATCH = 500
Line = list[Any]
NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def export(
    *,
    by: User,
    what: str,
    form: str,
    received_from: date | None = None,
    received_to: date | None = None,
    plain: bool = False,
    why: str = "",
) -> IO[bytes]:
    """A temporary file with what this person may see. Readable contact data leaves one Reading per customer. Raises NotYou."""
    permissions.demand(by)
    plain = plain and permissions.may_export_plain(by)
    export_of = Export(by, plain, why)
    lines = export_of.customers(received_from, received_to) if what == CUSTOMERS else export_of.tickets(received_from, received_to)
    heads = customer_heads() if what == CUSTOMERS else ticket_heads()
    return write_xlsx(heads, lines) if form == "xlsx" else write_csv(heads, lines)


def customer_heads() -> list[str]:
    return [
        *(_("Number"), _("Number elsewhere"), _("Name"), _("Person or company"), _("Phone"), _("E-mail"), _("Address"), _("Contact person"), _("Level")),
        *(_("Industry"), _("Area"), _("Customer since"), _("Remark")),
    ]


def ticket_heads() -> list[str]:
    return [
        *(
            _("Number"),
            _("Number elsewhere"),
            _("In one line"),
            _("Type"),
            _("Category"),
            _("Channel"),
            _("Urgency"),
            _("State"),
            _("Customer number"),
            _("Customer"),
        ),
        *(
            _("Phone"),
            _("Time of receipt"),
            _("Time of registration"),
            _("Due as promised"),
            _("Time of completion"),
            _("Time of closing"),
            _("Assignee"),
            _("Department"),
            _("What happened"),
            _("Result"),
        ),
    ]


class Export:
    """Rows in batches, so that a long list needs little memory."""

    def __init__(self, by: User, plain: bool, why: str) -> None:
        self.by, self.plain, self.why, self.at = by, plain, why, clock.now()
        self.read: set[str] = set()
        self.closed = set(Customer.objects.all().closed_to(by).values_list("pk", flat=True)) if plain else set()
        """V3: other matters of customers whose file is closed to whoever exports; masked."""

    def customers(self, first: date | None, last: date | None) -> Iterator[Line]:
        rows = _between(Customer.objects.untouched_by(self.by).prefetch_related("contact_points").order_by("pk"), "created_at", first, last)
        for batch in _batches(rows):
            self._record([row.number for row in batch], _("customer list"))
            for row in batch:
                points = self._points(row.contact_points.all(), self.plain)
                yield [
                    *(row.number, row.external_id, row.name if self.plain else row.masked_name, row.get_kind_display(), *points),
                    *(row.contact_name if self.plain else "", row.get_level_display(), row.industry_named, row.area, _local(row.created_at), row.remark),
                ]

    def tickets(self, first: date | None, last: date | None) -> Iterator[Line]:
        rows = (
            Ticket.objects.visible_to(self.by)
            .select_related("item", "item__department", "customer", "category", "assignee")
            .prefetch_related("customer__contact_points")
        )
        for batch in _batches(_between(rows.order_by("pk"), "received_at", first, last)):
            self._record([row.customer.number for row in batch if row.customer_id not in self.closed], _("ticket list"))
            for row in batch:
                yield self._ticket(row)

    def _ticket(self, row: Ticket) -> Line:
        who, plain = row.customer, self.plain and row.customer_id not in self.closed
        return [
            *(
                row.item.number,
                row.external_id,
                row.item.title,
                row.get_type_display(),
                row.category.spoken,
                row.get_channel_display(),
                row.get_urgency_display(),
            ),
            *(row.get_state_display(), who.number, who.name if plain else who.masked_name, self._points(who.contact_points.all(), plain)[0]),
            *map(_local, (row.received_at, row.registered_at, row.promised_due_at, row.completed_at, row.closed_at)),
            *(str(row.assignee or ""), str(row.item.department or ""), row.what_happened, row.result),
        ]

    @staticmethod
    def _points(points: Iterable[ContactPoint], plain: bool) -> tuple[str, str, str]:
        """Phone, e-mail, address: the first choice of each."""
        found: dict[str, str] = {}
        for point in sorted(points, key=lambda point: not point.primary):
            found.setdefault(point.kind, point.reveal() if plain else point.masked)
        return found.get("phone", ""), found.get("email", ""), found.get("address", "")

    def _record(self, numbers: list[str], what: str) -> None:
        """Before a line with readable data is handed out."""
        if self.plain:
            fresh = [number for number in dict.fromkeys(numbers) if number not in self.read]
            self.read.update(fresh)
            Reading.objects.bulk_create([Reading(at=self.at, by=self.by, subject=number, what=what[:40], why=self.why[:200]) for number in fresh])


def _between(rows: Any, column: str, first: date | None, last: date | None) -> Any:
    """Whole local days."""
    if first:
        rows = rows.filter(**{f"{column}__gte": timezone.make_aware(datetime.combine(first, time(0)))})
    if last:
        rows = rows.filter(**{f"{column}__lt": timezone.make_aware(datetime.combine(last + timedelta(days=1), time(0)))})
    return rows


def _batches(rows: Any) -> Iterator[list[Any]]:
    """By key, so that rows that arrive meanwhile neither shift nor repeat."""
    last = 0
    while batch := list(rows.filter(pk__gt=last)[:BATCH]):
        yield batch
        last = batch[-1].pk


def _local(at: datetime | None) -> str:
    return timezone.localtime(at).strftime("%Y-%m-%d %H:%M:%S") if at else ""


def write_csv(heads: list[str], lines: Iterable[Line]) -> IO[bytes]:
    """UTF-8 with its mark, so that a spreadsheet reads Chinese."""
    out = tempfile.TemporaryFile(mode="w+", encoding="utf-8-sig", newline="")  # noqa: SIM115 - handed out open
    writer = csv.writer(out)
    writer.writerow(heads)
    writer.writerows([safe_cell(cell) for cell in line] for line in lines)
    return _rewound(out)


def _rewound(out: IO[str]) -> IO[bytes]:
    binary: IO[bytes] = out.detach()  # type: ignore[attr-defined]
    binary.seek(0)
    return binary


def write_xlsx(heads: list[str], lines: Iterable[Line]) -> IO[bytes]:
    """Every cell is a string cell, whatever it begins with."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_("Export"))
    for line in chain([heads], lines):
        sheet.append([_string(sheet, cell) for cell in line])
    out = tempfile.TemporaryFile()  # noqa: SIM115 - handed out open
    book.save(out)
    out.seek(0)
    return out


def _string(sheet: Any, value: Any) -> Any:
    cell = WriteOnlyCell(sheet, NOT_IN_XML.sub("", str(value if value is not None else ""))[:32767])
    cell.data_type = "s"
    return cell
