"""Rows written straight into the tables: the reports count them, whatever way they came."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

from complaints.models import ComplaintForm
from feedback_desk.deadlines.models import Deadline, Rule
from feedback_desk.people.models import Department
from feedback_desk.records.models import Item
from followups.models import Visit
from tickets.models import Category, Contact, Customer, Ticket

_running = itertools.count(1)
LONG_AGO = datetime.fromisoformat("2026-01-01T00:00+00:00")


def item(kind: str = "ticket", root: Item | None = None, department: Department | None = None, **fields: Any) -> Item:
    row = Item(number=f"R{next(_running):08d}", kind=kind, title="一件", department=department, changed_at=LONG_AGO, root=root, **fields)
    row.save()
    if root is None:
        row.root = row
        row.save(update_fields=["root"])
    return row


def customer() -> Customer:
    found, _made = Customer.objects.get_or_create(number="CS1", defaults={"name": "陈雨瑶", "created_at": LONG_AGO})
    return found


def category(slug: str = "logistics-delay") -> Category:
    return Category.objects.get(slug=slug)


def ticket(received_at: datetime, *, department: Department | None = None, state: str = "processing", slug: str = "logistics-delay", **fields: Any) -> Ticket:
    fields = {"type": "consultation", "channel": "phone", "what_happened": "…", "registered_at": received_at} | fields
    open_ = state not in ("closed", "invalid", "merged")
    row = Ticket.as_it_was(
        state=state, state_since=fields.get("closed_at") or received_at, item=item(department=department, open=open_), customer=customer(),
        category=category(slug), received_at=received_at, **fields,
    )  # fmt: skip
    row.save()
    return row


def complaint(received_at: datetime, *, grade: str = "", form_state: str = "registered", form: dict[str, Any] | None = None, **fields: Any) -> Ticket:
    row = ticket(received_at, type="complaint", **fields)
    ComplaintForm.as_it_was(
        state=form_state, state_since=received_at, item=item("form", row.item), ticket=row, opened_at=received_at, grade=grade, **(form or {}),
    ).save()  # fmt: skip
    return row


def limit(subject: Ticket, code: str, due_at: datetime, *, ended_at: datetime | None = None, state: str = "", **fields: Any) -> Deadline:
    late = ended_at > due_at if ended_at and state != "void" else None
    rule = Rule.objects.filter(code=code).order_by("pk")[0]
    return Deadline.objects.create(
        item=subject.item, root=subject.item, rule=rule, code=code, owner_role="assignee", start_at=subject.received_at, due_at=due_at,
        warn_at=due_at, state=state or ("settled" if ended_at else "running"), ended_at=ended_at, late=late, **fields,
    )  # fmt: skip


def visit(subject: Ticket, at: datetime, by: Any, scores: tuple[int, int, int] | None) -> Visit:
    contact = Contact.objects.create(item=subject.item, at=at, recorded_at=at, by=by, way="call_out", reached=scores is not None, said="…", purpose="visit")
    speed, solution, attitude = scores or (None, None, None)
    return Visit.objects.create(
        ticket=subject, form=getattr(subject, "form", None), contact=contact, round=1, at=at, by=by, reached=scores is not None,
        speed=speed, solution=solution, attitude=attitude,
    )  # fmt: skip
