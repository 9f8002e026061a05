"""How django-import-export's own path saves one row: the plain ORM twin of `writing`, one statement at a time."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from feedback_desk.deadlines.models import Rule
from feedback_desk.people.models import User
from feedback_desk.records import history
from feedback_desk.records.items import PREFIX, next_number, open_item
from feedback_desk.records.models import Kind
from tickets.imports import building, matching
from tickets.imports.plan import Known
from tickets.imports.records import OPEN, Record, identity
from tickets.models import Category, Customer, Ticket
from tickets.querysets import pinyin_of


def _number(at: datetime) -> str:
    return next_number(PREFIX["customer"], timezone.localtime(at).date())


def fill_customer(instance: Customer, record: Record) -> None:
    for column, words in record["given"].items():
        setattr(instance, column, words)
    instance.external_id = record["external_id"]
    instance.pinyin = pinyin_of(instance.name)
    instance._record = record  # type: ignore[attr-defined]


def save_customer(instance: Customer, *, is_create: bool) -> None:
    record: Record = instance._record  # type: ignore[attr-defined]
    if is_create:
        instance.created_at = building.at(record["since"])
        instance.number = _number(instance.created_at)
        instance.save(force_insert=True)
    else:
        instance.save(update_fields=["external_id", "pinyin", *record["given"]])
    has: dict[str, set[str]] = {}
    for point in instance.contact_points.all():
        has.setdefault(point.kind, set()).add(point.whole)
    for point in building.contact_points(record, instance, has):
        point.save()


def fill_ticket(instance: Ticket, record: Record, known: Known, categories: dict[str, Category]) -> None:
    """`categories`: by slug, those met so far."""
    for column, value in building.ticket_fields(record).items():
        setattr(instance, column, value)
    instance.__dict__["state"] = record["state"]
    instance.priority = known.priorities.get((record["urgency"], "ordinary"), "medium")
    instance._record = record  # type: ignore[attr-defined]
    slug = record["category"]
    if slug not in categories:
        longest = Category._meta.get_field("name").max_length or 60
        categories[slug] = Category.objects.get_or_create(slug=slug, defaults={"name": (known.fresh.get(slug) or slug)[:longest]})[0]
    instance.category = categories[slug]


def save_ticket(instance: Ticket, *, is_create: bool, by: User | None, at: datetime, rule: Rule) -> None:
    record: Record = instance._record  # type: ignore[attr-defined]
    if not is_create:
        instance.save(update_fields=["state", "category", *building.ticket_fields(record)])
        return
    instance.customer = _customer(record)
    instance.item = open_item(
        Kind.TICKET, title=record["title"], at=instance.received_at, open=record["state"] in OPEN, department_id=record["department"],
    )  # fmt: skip
    instance.save(force_insert=True)
    assert by is not None
    history.record(instance.item, "imported", by=by, at=at, target=record["state"])
    limit = building.deadline(record, item=instance.item, rule=rule)
    if limit:
        limit.save()


def _customer(record: Record) -> Customer:
    spoken_of = record["customer"]
    pk = matching.customers_of([spoken_of]).get(identity(spoken_of))
    if pk:
        return Customer.objects.get(pk=pk)
    at = building.at(record["received_at"])
    customer = building.customer(spoken_of, number=_number(at), at=at)
    customer.save(force_insert=True)
    for point in building.contact_points(spoken_of, customer):
        point.save()
    return customer
