"""Unsaved rows from records: the same for the bulk way and the row-by-row way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop

from feedback_desk import clock
from feedback_desk.deadlines.models import Clock, Deadline, DeadlineState, Ladder, Rule
from feedback_desk.people.models import User
from feedback_desk.records.models import Entry, Item, Kind
from tickets.imports.records import OPEN, TEXTS, Record, unnamed
from tickets.models import ContactPoint, Customer, CustomerKind, Ticket
from tickets.querysets import pinyin_of

CODE = "D26"
RULE_NAME = "导入的承诺时间"
RULE_NAME_EN = gettext_noop("As promised before the import")


def instant(text: str | None) -> datetime | None:
    return at(text) if text else None


def at(text: str) -> datetime:
    """An instant that every record has."""
    return datetime.fromisoformat(text).astimezone(UTC)


@transaction.atomic
def imported_rule() -> Rule:
    """The rule that imported limits name: the time promised elsewhere. It is not active, so nothing starts by it (E4, D26)."""
    rule = Rule.objects.filter(code=CODE, name=RULE_NAME, clock=Clock.PROMISED, active=False).order_by("pk").first()
    if rule:
        return rule
    ladder = Ladder.objects.order_by("pk").first() or Ladder.objects.create(name=RULE_NAME)
    return Rule.objects.create(
        code=CODE, name=RULE_NAME, name_en=RULE_NAME_EN, clock=Clock.PROMISED, owner="assignee", ladder=ladder, active=False, valid_from=clock.now()
    )


def customer(record: Record, *, number: str, at: datetime, pk: int | None = None) -> Customer:
    """A customer that a ticket speaks of. Who stands for rows without a customer is nobody, so its name is not masked."""
    name = record["name"][:80]
    kind = CustomerKind.COMPANY if record["external_id"] == unnamed(record["name"]) else CustomerKind.PERSON
    return Customer(kind=kind, pk=pk, number=number, name=name, pinyin=pinyin_of(name), external_id=record["external_id"], created_at=at)


def customer_of_file(record: Record, *, number: str, pk: int | None = None) -> Customer:
    """A row of the customer file."""
    given = record["given"]
    return Customer(pk=pk, number=number, external_id=record["external_id"], pinyin=pinyin_of(given["name"]), created_at=at(record["since"]), **given)


def contact_points(record: Record, customer: Customer, has: Mapping[str, set[str]] | None = None) -> list[ContactPoint]:
    """Points the customer does not have yet; the first of a kind is the first choice."""
    has = has or {}
    fresh = [point for point in record["points"] if point[3] not in has.get(point[0], ())]
    return [
        ContactPoint(customer=customer, kind=kind, sealed=sealed, masked=masked, whole=whole, last4=last4, primary=kind not in has)
        for kind, sealed, masked, whole, last4 in fresh
    ]


def item(record: Record, *, number: str, pk: int | None = None) -> Item:
    """The ticket's item. Its change is dated by the file, so that open pages are not told of ten thousand changes."""
    return Item(
        pk=pk,
        root_id=pk,
        number=number,
        kind=Kind.TICKET,
        title=record["title"],
        open=record["state"] in OPEN,
        department_id=record["department"],
        changed_at=at(record["state_since"]),
    )


def ticket_fields(record: Record) -> dict[str, Any]:
    """Plain columns of the ticket; state, item, customer and category come beside them."""
    received, closed = instant(record["received_at"]), instant(record["closed_at"])
    fields: dict[str, Any] = {key: record[key] for key in (*TEXTS, "type", "channel", "urgency", "what_happened", "outcome", "remark", "external_id")}
    fields |= {
        "state_since": instant(record["state_since"]),
        "received_at": received,
        "received_by_id": record.get("received_by"),
        "registered_at": received,
        "completed_at": closed,
        "closed_at": closed,
        "first_response_at": instant(record["first_response_at"]),
        "promised_due_at": instant(record["due_at"]),
        "historic": True,
    }
    return fields


def ticket(record: Record, *, item: Item, customer_id: int, category_id: int, priority: str, pk: int | None = None) -> Ticket:
    return Ticket.as_it_was(
        state=record["state"], pk=pk, item=item, customer_id=customer_id, category_id=category_id, priority=priority, **ticket_fields(record)
    )


def entry(item: Item, *, verb: str, by: User | None, at: datetime, data: dict[str, Any], source: str = "", target: str = "", pk: int | None = None) -> Entry:
    return Entry(pk=pk, item=item, root=item, at=at, by=by, verb=verb, source=source, target=target, data=data)


def deadline(record: Record, *, item: Item, rule: Rule, pk: int | None = None) -> Deadline | None:
    """What was promised and kept or not: D26, ended when the ticket was. Open tickets get none, so that imported history starts no ladder."""
    due, closed, received = instant(record["due_at"]), instant(record["closed_at"]), at(record["received_at"])
    if due is None or closed is None:
        return None
    return Deadline(
        pk=pk,
        item=item,
        root=item,
        rule=rule,
        code=CODE,
        owner_role=rule.owner,
        state=DeadlineState.SETTLED,
        start_at=received,
        due_at=due,
        warn_at=due,
        ended_at=closed,
        late=closed > due,
        department_id=record["department"],
        allowance={"clock": Clock.PROMISED.value, "imported": True},
    )
