"""The customer file: opened, corrected (I2, I3, V4)."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from feedback_desk import clock
from feedback_desk.people.access import NotYou
from feedback_desk.people.actors import Actor, person
from feedback_desk.people.models import User
from feedback_desk.records import history
from feedback_desk.records.items import PREFIX, next_number
from feedback_desk.records.models import Reading, relations
from feedback_desk.records.secrets import fingerprint
from tickets.models import ContactPoint, Customer, CustomerCorrection
from tickets.permissions import may_register, may_see_contact_data, refuse_if_closed
from tickets.querysets import pinyin_of
from tickets.services.common import follow, locked, priority_of, refit

POINTS = ("phone", "email", "address")


@transaction.atomic
def create_customer(
    *, by: Actor, name: str, kind: str = "person", phone: str = "", email: str = "", address: str = "", contact_name: str = "",
    level: str = "ordinary", industry: str = "", area: str = "", owner: User | None = None, remark: str = "",
) -> Customer:  # fmt: skip
    """I2, I3. Raises ValidationError per field."""
    user = person(by)
    if user is not None and not may_register(user):
        raise NotYou(_("This is not yours to do: your role does not include it."), user=user, verb="create_customer")
    at = clock.now()
    customer = Customer(
        kind=kind, name=name.strip(), pinyin=pinyin_of(name), contact_name=contact_name.strip(), level=level, industry=industry.strip(),
        area=area.strip(), owner=owner, remark=remark.strip(), created_at=at,
    )  # fmt: skip
    customer.clean_fields(exclude={*relations(Customer), "number", "pinyin"})
    _check_points({"phone": phone, "email": email})
    customer.number = next_number(PREFIX["customer"], timezone.localtime(at).date())
    customer.save()
    for point, value in zip(POINTS, (phone, email, address), strict=True):
        _set_point(customer, point, value)
    return customer


@transaction.atomic
def correct_customer(*, by: User, customer_id: int, changes: dict[str, Any], reason: str) -> Customer:
    """Correct what was typed wrongly: old and new are kept (V5). Contact data needs the right to see it; that it was changed is recorded, not the values."""
    customer = Customer.objects.select_for_update().get(pk=customer_id)
    refuse_if_closed(by, customer, "correct_customer")
    if not may_register(by) or (set(changes) & set(POINTS) and not may_see_contact_data(by)):
        raise NotYou(_("This is not yours to do: your role does not include it."), user=by, verb="correct_customer")
    if not reason.strip():
        raise ValidationError({"reason": _("Say why: this step needs a reason.")})
    _check_points(changes)
    before = {field: getattr(customer, field) for field in changes if field not in POINTS}
    for field in before:
        setattr(customer, field, changes[field])
    customer.pinyin = pinyin_of(customer.name)
    customer.clean_fields(exclude={*relations(Customer), "number", "pinyin"})
    customer.save(update_fields=[*before, "pinyin"])
    for point in POINTS:
        if point in changes:
            customer.contact_points.filter(kind=point).delete()
            _set_point(customer, point, changes[point])
    at, changed = clock.now(), {field: [old, new] for field, old in before.items() if (new := getattr(customer, field)) != old}
    if "level" in changed:
        _another_level(customer, before["level"], by=by, reason=reason)
    replaced = {point: None for point in POINTS if point in changes}
    if changed or replaced:
        CustomerCorrection.write(customer, changed | replaced, reason=reason.strip(), by=by, at=at)
    Reading.objects.create(at=at, by=by, subject=customer.number, what=_what_was_corrected(changes), why=reason.strip()[:200])
    return customer


def _another_level(customer: Customer, before: str, *, by: User, reason: str) -> None:
    """T4, E3: priority and limits of the customer's open tickets follow the level, in the order of their keys."""
    at = clock.now()
    for pk in customer.tickets.filter(item__open=True, historic=False).order_by("pk").values_list("pk", flat=True):
        ticket = locked(pk)
        changes = {"level": [before, customer.level]}
        priority = priority_of(ticket.urgency, customer.level)
        if priority != ticket.priority:
            changes["priority"] = [ticket.priority, priority]
            ticket.priority = priority
            ticket.save(update_fields=["priority"])
        history.record(ticket.item, "correct", by=by, at=at, reason=reason, data={"changes": changes})
        refit(ticket, at=at, by=by)
        follow(ticket, "correct", by=by, at=at)


def _what_was_corrected(changes: dict[str, Any]) -> str:
    """As much as the record holds, contact data first."""
    return ("corrected: " + ", ".join(sorted(changes, key=lambda field: (field not in POINTS, field))))[: Reading._meta.get_field("what").max_length]


def _check_points(values: dict[str, Any]) -> None:
    phone, email = str(values.get("phone") or ""), str(values.get("email") or "")
    if phone and not 5 <= sum(ch.isdigit() for ch in phone) <= 20:
        raise ValidationError({"phone": _("This does not look like a phone number.")})
    if email and ("@" not in email.strip("@") or " " in email.strip()):
        raise ValidationError({"email": _("This does not look like an e-mail address.")})


def _set_point(customer: Customer, kind: str, value: str) -> None:
    if value and fingerprint(kind, value):
        ContactPoint.of(customer, kind, value).save()
