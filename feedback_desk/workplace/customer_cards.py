"""What is shown of a customer: always masked (V4), and of their matters only what this person may see (V3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, IntegerField, Max, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from feedback_desk.people.models import User
from feedback_desk.records.secrets import mask_name
from feedback_desk.workplace import waiting
from feedback_desk.workplace.words import changed
from tickets import services as tickets
from tickets.models import ContactPoint, Customer, CustomerCorrection, Level, Ticket

MOST = 8
CORRECTIONS = 20
NAMES = frozenset({"name", "contact_name"})


@dataclass(frozen=True)
class Card:
    """A customer in one glance."""

    number: str
    name: str
    level: str
    level_key: str
    phone: str
    email: str
    address: str
    contact_name: str
    area: str
    owner: str
    open: int
    last_at: datetime | None
    outstanding: int


def card(customer: Customer, user: User) -> Card:
    return _cards(Customer.objects.filter(pk=customer.pk), user)[0]


def found(words: str, user: User) -> list[Card]:
    """By number, name, pinyin, whole phone or its last four digits; at most eight, those with open matters first."""
    matching = Customer.objects.visible_to(user).filter(pk__in=Customer.objects.found_by(words).values("pk"))
    return _cards(matching, user)


def twins(customer: Customer, points: list[ContactPoint], user: User) -> Any:
    """Other files with the same phone or e-mail. Somebody to whom a file is closed (V3) opens a second one without knowing: colleagues see it here."""
    same = [point.whole for point in points if point.kind != ContactPoint.Kind.ADDRESS]
    return Customer.objects.visible_to(user).filter(pk__in=ContactPoint.objects.filter(whole__in=same).values("customer")).exclude(pk=customer.pk)


def _cards(customers: Any, user: User) -> list[Card]:
    """Two queries for any number of customers."""
    shown = waiting.seen_by(user).filter(customer=OuterRef("pk")).order_by()
    counted = shown.values("customer")
    rows = list(
        customers.annotate(
            open_count=_number(counted.annotate(n=Count("pk", filter=Q(item__open=True)))),
            set_aside=_number(counted.annotate(n=Count("pk", filter=Q(form__state="outstanding")))),
            last_at=Subquery(counted.annotate(n=Max("received_at")).values("n")),
        )
        .select_related("owner")
        .prefetch_related("contact_points")
        .order_by("-open_count", "-last_at", "pk")[:MOST]
    )
    return [_card(c) for c in rows]


def _number(rows: Any) -> Coalesce:
    return Coalesce(Subquery(rows.values("n"), output_field=IntegerField()), 0)


def _card(customer: Any) -> Card:
    points = {p.kind: p.masked for p in sorted(customer.contact_points.all(), key=lambda p: p.primary)}
    kinds = ContactPoint.Kind
    return Card(
        customer.number,
        customer.masked_name,
        "" if customer.level == Level.ORDINARY else customer.get_level_display(),
        customer.level,
        points.get(kinds.PHONE, ""),
        points.get(kinds.EMAIL, ""),
        points.get(kinds.ADDRESS, ""),
        customer.contact_name,
        customer.area,
        str(customer.owner) if customer.owner else "",
        customer.open_count,
        customer.last_at,
        customer.set_aside,
    )


@dataclass(frozen=True)
class Corrected:
    """One line under a customer's file."""

    at: datetime
    who: str
    said: str
    why: str


def corrections(customer: Customer, *, whole: bool = False) -> list[Corrected]:
    """What was corrected on the file, newest first; names masked (V4) but where the file itself is being corrected. One query."""
    return [_corrected(row, whole) for row in customer.corrections.select_related("by", "words")[:CORRECTIONS]]


def _corrected(row: CustomerCorrection, whole: bool) -> Corrected:
    changes, why = row.told()
    pairs = {field: pair if whole or field not in NAMES else [mask_name(name) for name in pair] for field, pair in changes.items() if pair is not None}
    replaced = [_("%(what)s replaced") % {"what": ContactPoint.Kind(field).label} for field, pair in changes.items() if pair is None]
    return Corrected(row.at, str(row.by), _("; ").join(filter(None, [changed(pairs, Customer), *replaced])), why)


@dataclass(frozen=True)
class Likeness:
    """A ticket that may be the same (I7), and why it is shown."""

    ticket: Ticket
    same_customer: bool
    because: tuple[str, ...]


def duplicates(user: User, customer: Customer | None, *, order_number: str, product: str, batch: str, words: str) -> list[Likeness]:
    """I7, of what this person may see."""
    likely = tickets.duplicates_of(customer_id=customer.pk if customer else None, order_number=order_number, product=product, batch=batch, words=words)
    if not likely:
        return []
    seen = set(waiting.seen_by(user).filter(pk__in=[t.pk for t in likely]).values_list("pk", flat=True))
    return [_likeness(t, customer, order_number, batch) for t in likely if t.pk in seen]


def _likeness(ticket: Ticket, customer: Customer | None, order_number: str, batch: str) -> Likeness:
    same = customer is not None and ticket.customer_id == customer.pk
    signs = [
        (_("same customer"), same),
        (_("another customer"), not same),
        (_("same order"), bool(order_number) and ticket.order_number == order_number),
        (_("same batch"), bool(batch) and ticket.batch == batch),
    ]
    return Likeness(ticket, same, tuple(words for words, true in signs if true))
