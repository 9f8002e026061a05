"""Registering an item (I1-I5), correcting what was typed wrongly, likely duplicates (I7)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from feedback_desk import clock
from feedback_desk.deadlines import rederiving
from feedback_desk.deadlines import services as deadlines
from feedback_desk.deadlines.models import Deadline
from feedback_desk.notices import outbox
from feedback_desk.people import access, receivers, standing
from feedback_desk.people.access import NotYou
from feedback_desk.people.actors import Actor, person
from feedback_desk.people.models import Role, User
from feedback_desk.people.services import name_concerned
from feedback_desk.records import attachments, history
from feedback_desk.records.items import give_number, open_item
from feedback_desk.records.models import Entry, Kind, relations
from feedback_desk.records.moves import changed_meanwhile
from feedback_desk.records.spoken import when
from tickets import partner, routes
from tickets.models import Category, Customer, Route, Ticket, Type, Urgency
from tickets.permissions import matter_that_closes, may_register, refuse_if_closed
from tickets.services import placing, triage
from tickets.services.common import (
    FROM_REGISTRATION,
    await_confirmation,
    demand,
    facts,
    follow,
    hand_over_limits,
    hold,
    locked,
    priority_of,
    refit,
    responsible,
    start_from_receipt,
    tell,
)
from tickets.services.giving import tell_assignee

DETAILS = frozenset({
    "happened_at", "happened_where", "witnesses", "outcome_so_far", "steps_to_reproduce", "expectation", "order_number", "product", "model",
    "product_grade", "serial", "batch", "quantity", "bought_on", "proof_of_purchase", "remark", "complex",
})  # fmt: skip
CORRECTABLE = DETAILS | {"type", "category", "urgency", "channel", "what_happened", "summary", "received_at", "received_by", "customer"}

CHOOSES = frozenset({"type", "category", "urgency", "channel", "received_at", "customer"})
"""What the rules of limits are chosen by, and where they begin."""


@transaction.atomic
def register(
    *, by: Actor, customer_id: int, summary: str, type: str, category_id: int, channel: str, received_at: datetime, what_happened: str,
    urgency: str = Urgency.NORMAL, received_by_id: int | None = None, assignee_id: int | None = None, about: Collection[User] = (),
    files: Iterable[UploadedFile[bytes]] = (), **details: Any,
) -> Ticket:  # fmt: skip
    """I1-I5: one item, its receipt, its limits; a complaint's form in the same transaction (T1).

    `received_by_id`: the colleague who took it, if not who registers. `about`: colleagues the customer names; they are concerned from the start (V3).
    Raises ValidationError per field, NotYou.
    """
    at = clock.now()
    user = person(by)
    if user is not None and not may_register(user):
        raise NotYou(_("This is not yours to do: your role does not include it."), user=user, verb="register")
    customer = Customer.objects.get(pk=customer_id)
    if user is not None:
        refuse_if_closed(user, customer, "register")
    category = Category.objects.select_related("parent").get(pk=category_id)
    if unknown := set(details) - DETAILS:
        raise TypeError(f"register() does not know {sorted(unknown)}")
    ticket = Ticket(
        customer=customer, type=type, category=category, urgency=urgency, priority=priority_of(urgency, customer.level), channel=channel,
        received_at=received_at, received_by=_receiver(received_by_id, customer, about) or user, registered_at=at, registered_by=user, state_since=at,
        what_happened=what_happened.strip(), **details,
    )  # fmt: skip
    _check(ticket, summary, at)
    route = routes.of(type, category)
    department = (route.department if route else None) or (user.department if user else None)
    ticket.item = open_item(Kind.TICKET, title=summary.strip(), at=at, department=department)
    ticket.save()
    entry = history.record(ticket.item, "register", by=by, at=at, target=ticket.state, data={"channel": channel, "type": type, "received_at": received_at})
    for upload in files:
        attachments.store(item=ticket.item, upload=upload, by=by, at=at)
    for colleague in about:
        name_concerned(ticket.item, colleague, because=gettext_noop("named by the customer"), by=by, at=at)
    _start_limits(ticket, by=by, at=at)
    if form := partner.of(ticket):
        form.opened(ticket, by=by, at=at)
    given = _place(ticket, by=by, at=at, assignee_id=assignee_id, route=route)
    give_number(ticket.item, at=at)
    if given is not None:
        tell_assignee(ticket, given)
    _announce(ticket, entry)
    return ticket


def _receiver(user_id: int | None, customer: Customer, named: Collection[User]) -> User | None:
    """I2: somebody of the house who is not concerned (V3): neither named now nor in another matter of this customer."""
    receiver = User.objects.get(pk=user_id) if user_id else None
    if receiver is not None:
        _check_receiver(receiver, concerned=receiver in named or matter_that_closes(receiver, customer) is not None)
    return receiver


def _check_receiver(receiver: User, *, concerned: bool) -> None:
    if concerned:
        raise ValidationError({"received_by": _("%(name)s is named in this matter and takes no part in handling it.") % {"name": receiver}})
    if not receiver.is_active:
        raise ValidationError({"received_by": _("%(name)s does not work here any more.") % {"name": receiver}})


def _check(ticket: Ticket, summary: str, at: datetime) -> None:
    errors: dict[str, Any] = {}
    if not summary.strip():
        errors["summary"] = _("Say in one line what it is about.")
    elif len(summary.strip()) > 200:
        errors["summary"] = _("At most 200 characters; the rest belongs into “What happened”.")
    if ticket.received_at > at:
        errors["received_at"] = _("It cannot have been received later than now.")
    elif ticket.registered_at and ticket.received_at > ticket.registered_at:
        errors["received_at"] = _("It cannot have been received after it was registered, %(at)s.") % {"at": when(ticket.registered_at)}
    try:
        ticket.clean_fields(exclude={*relations(Ticket), "number", "state"})
    except ValidationError as error:
        errors = {**error.message_dict, **errors}
    if errors:
        raise ValidationError(errors)


def _start_limits(ticket: Ticket, *, by: Actor, at: datetime) -> None:
    known, department = facts(ticket), ticket.item.department
    deadlines.start(ticket.item, "D01", at=at, facts=known, owner=ticket.received_by, department=department, start_at=ticket.received_at)
    deadlines.settle(ticket.item, "D01", at=at, by=person(by))
    deadlines.start_all(ticket.item, list(FROM_REGISTRATION), at=at, facts=known, owner=responsible(ticket, at), department=department)
    start_from_receipt(ticket, at=at)


def _place(ticket: Ticket, *, by: Actor, at: datetime, assignee_id: int | None, route: Route | None) -> Entry | None:
    """T6: who registered may keep it; a supervisor or head may assign it; else the customer's owner, or whom the desk chooses; else the queue."""
    user = person(by)
    if user is not None and assignee_id == user.pk:
        triage.take_now(ticket, by=user, at=at)
        return None
    if assignee_id is not None:
        return triage.assign_now(ticket, by=by, at=at, assignee=User.objects.get(pk=assignee_id))
    return placing.place(ticket, route, at=at)


def _announce(ticket: Ticket, entry: Entry) -> None:
    """I4: the receipt to the customer; T5: urgent items at once to the assignee and the supervisors."""
    point = ticket.customer.email_point()
    if point is not None:
        outbox.tell_customer(
            key=f"receipt:{ticket.pk}", cause=f"entry:{entry.pk}", item=ticket.item, contact_point_id=point.pk, template="receipt",
            data={"number": ticket.item.number, "title": ticket.item.title}, at=entry.at,
        )  # fmt: skip
    if ticket.urgency != Urgency.URGENT:
        return
    told = {ticket.assignee, *receivers.holders(Role.SUPERVISOR)} - {None}
    out = standing.out_of_play(ticket.item, entry.at)
    for receiver in told:
        if receiver is not None and receiver.pk not in out:
            tell(receiver, "generic", entry=entry, item=ticket.item, message=gettext_noop("An urgent item was registered."), urgent=True)


@transaction.atomic
def correct(*, ticket_id: int, by: User, changes: dict[str, Any], reason: str, seen_version: int | None = None) -> Ticket:
    """Correct what was typed wrongly: old and new stand in the history. A changed urgency, type or category re-derives its limits."""
    at = clock.now()
    ticket = locked(ticket_id)
    demand(by, "edit", ticket.item)
    if seen_version is not None and seen_version != ticket.version:
        raise changed_meanwhile(ticket)
    if not reason.strip():
        raise ValidationError({"reason": _("Say why: this step needs a reason.")})
    if unknown := set(changes) - CORRECTABLE:
        raise TypeError(f"correct() does not know {sorted(unknown)}")
    before = {field: _value(ticket, field) for field in changes}
    changed = {field: new for field, new in changes.items() if before[field] != new}
    if not changed:
        return ticket
    for field, new in changed.items():
        if field != "summary":
            setattr(ticket, field, new)
    summary = changed.get("summary", ticket.item.title)
    _check(ticket, summary, at)
    if receiver := changed.get("received_by"):
        _check_receiver(receiver, concerned=access.concerned(receiver, ticket.item) or matter_that_closes(receiver, ticket.customer) is not None)
    ticket.priority = priority_of(ticket.urgency, ticket.customer.level)
    ticket.version += 1
    ticket.save(update_fields=[*(changed.keys() - {"summary"}), "priority", "version"])
    ticket.item.title = summary
    ticket.item.save(update_fields=["title"])
    ticket.item.parts.filter(kind=Kind.FORM).update(title=summary)
    history.record(ticket.item, "correct", by=by, at=at, reason=reason, data={"changes": {f: [_plain(before[f]), _plain(new)] for f, new in changed.items()}})
    _rederive(ticket, changed, before, by=by, at=at, reason=reason)
    if form := partner.of(ticket):
        form.corrected(ticket, at=at)
    return ticket


def _value(ticket: Ticket, field: str) -> Any:
    return ticket.item.title if field == "summary" else getattr(ticket, field)


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else str(value) if value is not None else ""


def _rederive(ticket: Ticket, changed: dict[str, Any], before: dict[str, Any], *, by: User, at: datetime, reason: str) -> None:
    """What the limits make of a correction; nothing for a ticket that ended, but whether it was registered in time (I5)."""
    if "received_by" in changed:
        Deadline.objects.filter(item=ticket.item, code="D01").update(owner=ticket.received_by)
    if "received_at" in changed:
        rederiving.judge_anew(ticket.item, "D01", start_at=ticket.received_at, at=at, by=by)
    if not ticket.item.open:
        if "type" in changed and Type.COMPLAINT in (ticket.type, before["type"]):
            raise ValidationError({"type": _("This ticket has ended: reopen it first, then its form follows the type.")})
        return
    queued = changed.keys() & {"type", "category"} and ticket.state == "pending" and ticket.assignee_id is None
    if queued:
        _route_anew(ticket, at=at)
    if CHOOSES & changed.keys():
        refit(ticket, at=at, by=by, received="received_at" in changed)
    if "urgency" in changed and ticket.urgency != Urgency.URGENT:
        deadlines.void(ticket.item, "D02", at=at, why=gettext_noop("urgency lowered"), by=by)
    elif "urgency" in changed and ticket.touched_at is None:
        deadlines.start(ticket.item, "D02", at=at, facts=facts(ticket), owner=responsible(ticket, at), department=ticket.item.department)
    if "type" in changed:
        _retype(ticket, before["type"], by=by, at=at, reason=reason)
    elif CHOOSES & changed.keys():
        follow(ticket, "correct", by=by, at=at)
    if queued and (given := placing.after_refusal(ticket, at=at)):
        tell_assignee(ticket, given)


def _route_anew(ticket: Ticket, *, at: datetime) -> None:
    """T6: in the queue, it goes where its type and category belong, its limits with it; whoever had it before does not get it back by itself."""
    route = routes.of(ticket.type, ticket.category)
    if route is not None and route.department is not None and route.department_id != ticket.item.department_id:
        rederiving.follow_department(ticket.item, route.department)
        hand_over_limits(ticket, at)
        hold(ticket, at)


def _retype(ticket: Ticket, old: str, *, by: User, at: datetime, reason: str) -> None:
    """T1: a complaint has exactly one form; a ticket that is none any more ends its form as invalid."""
    if ticket.type == Type.COMPLAINT:
        deadlines.void(ticket.item, "D43", at=at, why=gettext_noop("it is a complaint now"), by=by)
    elif old == Type.COMPLAINT and ticket.state == "confirming":
        await_confirmation(ticket, at=at)
    if ticket.type == Type.COMPLAINT and (form := partner.of(ticket)):
        form.opened(ticket, by=by, at=at)
    elif old == Type.COMPLAINT:
        new, ticket.type = ticket.type, old
        follow(ticket, "retype", by=by, at=at, reason=reason)
        ticket.type = new


def duplicates_of(
    *,
    customer_id: int | None,
    order_number: str = "",
    product: str = "",
    batch: str = "",
    words: str = "",
    at: datetime | None = None,
    exclude: int | None = None,
) -> list[Ticket]:
    """I7: the same customer's or the same order's open and recent items, and the same product's or batch's of the last 30 days; at most 6."""
    since = (at or clock.now()) - timedelta(days=30)
    likely = Q()
    if customer_id:
        likely |= Q(customer_id=customer_id)
    if order_number.strip():
        likely |= Q(order_number=order_number.strip())
    if batch.strip():
        likely |= Q(batch=batch.strip()) & (Q(product=product.strip()) if product.strip() else Q())
    if product.strip() and words.strip():
        likely |= Q(product=product.strip(), item__title__icontains=words.strip()[:12])
    if not likely:
        return []
    found = Ticket.objects.filter(likely, registered_at__gte=since).exclude(pk=exclude).exclude(state="merged").exclude(historic=True)
    return list(found.select_related("item", "customer", "assignee").order_by("-registered_at")[:6])
