"""What the desk knows already of the records of a file: new, changed, unchanged, or worked on here and therefore left alone. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from feedback_desk.records.models import Entry
from tickets.imports.records import Record, identity
from tickets.imports.values import same
from tickets.models import ContactPoint, Customer, Ticket

NEW, CHANGED, UNCHANGED, KEPT = "new", "changed", "unchanged", "kept"
OURS = ("imported", "import_changed")
"""History that an import leaves; any other entry means that colleagues worked on the ticket here."""

FROM_RECORD = {
    "item__title": "title",
    "what_happened": "what_happened",
    "type": "type",
    "category__slug": "category",
    "channel": "channel",
    "urgency": "urgency",
    "state": "state",
    "outcome": "outcome",
    "received_at": "received_at",
    "closed_at": "closed_at",
    "promised_due_at": "due_at",
    "first_response_at": "first_response_at",
    "happened_where": "happened_where",
    "product": "product",
    "model": "model",
    "serial": "serial",
    "batch": "batch",
    "order_number": "order_number",
    "quantity": "quantity",
    "expectation": "expectation",
    "result": "result",
    "remark": "remark",
}
"""Column of the ticket → key of the record."""
FOLLOWS_EMPTY = frozenset({"state", "outcome", "closed_at"})
"""Followed even where the file has nothing any more: a ticket reopened elsewhere has no closing time. Other empty cells change nothing."""


@dataclass
class Match:
    """A record and what it meets here. `changes`: column → (here, in the file)."""

    record: Record
    kind: str = NEW
    pk: int | None = None
    item_id: int | None = None
    version: int = 0
    changes: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    customer_id: int | None = None
    """The customer found for a ticket; None when one must be made."""


def tickets(records: Sequence[Record]) -> list[Match]:
    """Compare a batch of records, in a constant number of queries."""
    found = {row["external_id"]: row for row in _standing(record["external_id"] for record in records)}
    matches = [_ticket_match(record, found.get(record["external_id"])) for record in records]
    fresh = [match for match in matches if match.kind == NEW]
    known = customers_of([match.record["customer"] for match in fresh])
    for match in fresh:
        match.customer_id = known.get(identity(match.record["customer"]))
    return matches


def _standing(external_ids: Iterable[str]) -> Iterable[dict[str, Any]]:
    touched = Entry.objects.filter(item_id=OuterRef("item_id")).exclude(verb__in=OURS)
    rows = Ticket.objects.filter(external_id__in=list(external_ids)).annotate(touched=Exists(touched))
    found: Iterable[dict[str, Any]] = rows.order_by().values("pk", "item_id", "version", "external_id", "historic", "touched", *FROM_RECORD)
    return found


def _ticket_match(record: Record, here: dict[str, Any] | None) -> Match:
    if here is None:
        return Match(record)
    match = Match(record, UNCHANGED, here["pk"], here["item_id"], here["version"])
    for column, key in FROM_RECORD.items():
        there = record[key]
        if here[column] != (datetime.fromisoformat(there) if there and column.endswith("_at") else there) and (there or column in FOLLOWS_EMPTY):
            match.changes[column] = (spoken(here[column]), there)
    if match.changes:
        match.kind = CHANGED if here["historic"] and not here["touched"] else KEPT
    return match


def spoken(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def customers_of(records: Sequence[Record]) -> dict[str, int]:
    """Identity → customer: by number elsewhere, then phone or e-mail, then by a name that nothing else tells apart."""
    numbers = {record["external_id"] for record in records if record["external_id"]}
    prints = {point[3] for record in records for point in record["points"] if point[0] != "address"}
    names = {record["name"] for record in records if not record["external_id"] and not record["points"]}
    by_number = dict(Customer.objects.filter(external_id__in=numbers).order_by().values_list("external_id", "pk")) if numbers else {}
    by_point = dict(ContactPoint.objects.filter(whole__in=prints).order_by("-pk").values_list("whole", "customer_id")) if prints else {}
    by_name = (
        {same(name): pk for name, pk in Customer.objects.filter(name__in=names, external_id="", contact_points=None).order_by("-pk").values_list("name", "pk")}
        if names
        else {}
    )
    found: dict[str, int] = {}
    for record in records:
        pk = by_number.get(record["external_id"]) or next((by_point[point[3]] for point in record["points"] if point[3] in by_point), None)
        if pk is None and not record["external_id"] and not record["points"]:
            pk = by_name.get(same(record["name"]))
        if pk is not None:
            found[identity(record)] = pk
    return found


CUSTOMER_COLUMNS = ("name", "kind", "contact_name", "level", "industry", "area", "remark")


def named(record: Record) -> Record:
    """A record of the customer file in the form in which tickets speak of customers."""
    return {"external_id": record["external_id"], "name": record["given"]["name"], "points": record["points"]}


def customers(records: Sequence[Record]) -> list[Match]:
    """Compare a batch of the customer file. New contact data counts as a change."""
    known = customers_of([named(record) for record in records])
    rows = {row["pk"]: row for row in Customer.objects.filter(pk__in=known.values()).order_by().values("pk", "external_id", *CUSTOMER_COLUMNS)}
    points: dict[int, set[str]] = {}
    for customer_id, whole in ContactPoint.objects.filter(customer_id__in=rows).values_list("customer_id", "whole"):
        points.setdefault(customer_id, set()).add(whole)
    return [_customer_match(record, rows.get(known.get(identity(named(record)), 0)), points) for record in records]


def _customer_match(record: Record, here: dict[str, Any] | None, points: dict[int, set[str]]) -> Match:
    if here is None:
        return Match(record)
    match = Match(record, UNCHANGED, here["pk"])
    match.changes = {column: (here[column], there) for column, there in record["given"].items() if here[column] != there}
    if record["external_id"] and not here["external_id"]:
        match.changes["external_id"] = ("", record["external_id"])
    if any(point[3] not in points.get(here["pk"], ()) for point in record["points"]):
        match.changes["points"] = ("", _(", ").join(point[2] for point in record["points"]))
    match.kind = CHANGED if match.changes else UNCHANGED
    return match
