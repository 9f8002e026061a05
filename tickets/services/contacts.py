"""Contacts with the customer (F1), internal notes, files, revealing contact data (V4)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback_desk import ahead, clock
from feedback_desk.deadlines import services as deadlines
from feedback_desk.deadlines.models import Deadline
from feedback_desk.people.access import NotYou
from feedback_desk.people.models import Role, User
from feedback_desk.records import attachments, history
from feedback_desk.records.models import Attachment, Item, Reading, relations
from tickets import guards, partner, promises
from tickets.models import Contact, ContactPoint, NextStep, Note, Ticket
from tickets.permissions import may_see_contact_data, refuse_if_closed
from tickets.services import steps
from tickets.services.common import RESPONSE, demand, empty, facts, locked, need, reached_again, says_nothing
from tickets.services.told import renew_promises

PURPOSES = ("follow_up", "solution", "told_when", "progress", "formal_reply", "question", "explanation", "visit")
ANSWERS_D08 = ("solution", "told_when")


UNHEARD = gettext_lazy("Nobody was reached, so nobody was told a date; when you try again belongs to the next step.")
"""T16: a promise that nobody heard is none; what was promised before runs on."""


@transaction.atomic
def record_contact(
    *, ticket_id: int, by: User, way: str, said: str, at: datetime | None = None, reached: bool = True, customer_says: str = "",
    next_step: str = "", next_by_id: int | None = None, next_at: datetime | None = None, no_step_why: str = "", promised_at: datetime | None = None,
    purpose: str = "follow_up", finished: Iterable[int] = (), late_reason: str = "", kept: Collection[int] | None = None,
) -> Contact:  # fmt: skip
    """F1. Settles D02, with the customer reached D03-05, the promises `kept` and, of the second line, D35; by purpose D08. `promised_at` (T16), told to
    who was reached, starts a D38; "told by when" asks for it.

    `next_step` with `next_by_id` (else whoever records) and `next_at` (else the promise), or `no_step_why`. `finished`: open steps that are done with it.
    `late_reason` (T9): why limits of the matter were missed that are the recorder's and have no reason yet.
    Raises ValidationError per field: nothing empty, nothing that says nothing, not in the future.
    """
    now = clock.now()
    at = at or now
    ticket = locked(ticket_id)
    demand(by, "contact", ticket.item)
    comes = steps.comes_next(by=by, next_step=next_step, next_by_id=next_by_id, next_at=next_at, no_step_why=no_step_why, promised_at=promised_at)
    _check_contact(
        at=at, now=now, said=said, customer_says=customer_says, reached=reached, promised_at=promised_at, purpose=purpose,
        wrong=steps.wrong_next(item=ticket.item, now=now, **comes),
    )  # fmt: skip
    told: dict[str, Any] = {"way": way, "said": said, "reached": reached, "customer_says": customer_says, "purpose": purpose}
    contact = write_contact(ticket, by=by, at=at, recorded_at=now, kept=kept, **told, **comes)
    for step in NextStep.objects.filter(pk__in=list(finished), item=ticket.item, ended_at=None).select_related("contact", "item", "owner").order_by("pk"):
        steps.finish(step, ticket, by=by, at=now, outcome=contact.customer_says or contact.said)
    promise(ticket, by=by, at=now, until=promised_at, part=f"c{contact.pk}", renews=purpose == "question")
    _explain_late(ticket, by=by, at=now, why=late_reason)
    return contact


def _explain_late(ticket: Ticket, *, by: User, at: datetime, why: str) -> None:
    if not why.strip():
        return
    rows = Deadline.objects.filter(root=ticket.item, owner=by, why="").select_related("item").order_by("pk")
    for row in guards.missed_by(by, rows, at):
        deadlines.note_reason(row, why=why.strip(), by=by, at=at)


def promise(ticket: Ticket, *, by: User, at: datetime, until: datetime | None, part: str, renews: bool = False) -> None:
    """T16: a date told to the customer is a limit of whoever told it. `renews`: told anew, so what was promised before ends, in time or late."""
    if until is None:
        return
    if renews:
        renew_promises(ticket, by=by, at=at)
    deadlines.start(
        ticket.item, "D38", at=at, facts=facts(ticket), owner=by, department=ticket.item.department, part=part, round=ticket.round, due_at=until
    )  # fmt: skip


def check_promise(until: datetime | None, at: datetime, *, reached: bool = True) -> None:
    ahead.check(promised_at=until)
    if until is not None and until <= at:
        raise ValidationError({"promised_at": _("A promise lies in the future.")})
    if until is not None and not reached:
        raise ValidationError({"promised_at": UNHEARD})


def no_date_told(*, purpose: str, reached: bool, promised_at: datetime | None) -> dict[str, str]:
    """D08, T16: told by when, the customer was told a date."""
    missing = purpose == "told_when" and reached and promised_at is None
    return {"promised_at": _("Which date was the customer told?")} if missing else {}


def _check_contact(
    *, at: datetime, now: datetime, said: str, customer_says: str, reached: bool, promised_at: datetime | None, purpose: str, wrong: dict[str, str],
) -> None:  # fmt: skip
    errors = wrong | ahead.too_far(promised_at=promised_at) | no_date_told(purpose=purpose, reached=reached, promised_at=promised_at)
    errors |= empty(said=said, **({"customer_says": customer_says} if reached else {}))
    if said.strip() and says_nothing(said):
        errors["said"] = _("“%(words)s” says nothing: how was it handled, what did the customer say?") % {"words": said.strip()}
    if reached and customer_says.strip() and says_nothing(customer_says):
        errors["customer_says"] = _("“%(words)s” says nothing: what did the customer say?") % {"words": customer_says.strip()}
    if at > now:
        errors["at"] = _("A contact cannot lie in the future.")
    if promised_at is not None and promised_at <= now:
        errors["promised_at"] = _("A promise lies in the future.")
    elif promised_at is not None and not reached:
        errors["promised_at"] = str(UNHEARD)
    if errors:
        raise ValidationError(errors)


def write_contact(
    ticket: Ticket, *, by: User, at: datetime, recorded_at: datetime, way: str, said: str, reached: bool = True, customer_says: str = "", next_step: str = "",
    next_by: User | None = None, next_at: datetime | None = None, no_step_why: str = "", purpose: str = "follow_up", wait: bool = True,
    kept: Collection[int] | None = None,
) -> Contact:  # fmt: skip
    """The row and what it settles, for services that hold the ticket's lock. `wait=False`: the caller opens the next step itself, after its own moves.

    `kept`: the promises that were kept or renewed with it, so that they end (T16, decision 52); None: those due by the end of the day.
    """
    if not no_step_why.strip() and not (next_step.strip() and next_by and next_at):
        raise ValueError("A contact has its next step with person and date, or says why there is none (F1).")
    contact = Contact(
        item=ticket.item, at=at, recorded_at=recorded_at, by=by, way=way, reached=reached, said=said.strip(), customer_says=customer_says.strip(),
        next_step=next_step.strip(), purpose=purpose, no_step_why=no_step_why.strip(),
        next_by=None if no_step_why.strip() else next_by, next_at=None if no_step_why.strip() else next_at,
    )  # fmt: skip
    contact.clean_fields(exclude=relations(Contact))
    contact.save()
    if wait:
        steps.open_step(contact)
    happened = max(at, ticket.registered_at)
    deadlines.settle(ticket.item, "D02", at=happened, by=by)
    if reached and purpose != "question":
        owed = ("D35",) if may_keep_call(ticket, by) else ()
        deadlines.settle(ticket.item, *RESPONSE, *owed, at=happened, by=by, begun=True)
        _keep(ticket, kept, by=by, at=happened, now=recorded_at)
        reached_again(ticket, at=happened)
    if reached and purpose in ANSWERS_D08:
        deadlines.settle(ticket.item, "D08", at=happened, by=by, begun=True)
    saved = _mark(ticket, contact, happened)
    ticket.save(update_fields=saved)
    Item.objects.filter(pk=ticket.item_id).update(changed_at=recorded_at)
    if form := partner.of(ticket):
        form.contacted(ticket, contact, at=recorded_at)
    return contact


def _keep(ticket: Ticket, kept: Collection[int] | None, *, by: User, at: datetime, now: datetime) -> None:
    if kept is None:
        kept = [row.pk for row in promises.owed(ticket.item) if promises.is_due(row, now)]
    if kept:
        deadlines.settle(ticket.item, "D38", at=at, by=by, begun=True, only=kept)


def may_keep_call(ticket: Ticket, by: User) -> bool:
    """T15: the call that is owed after the hand-over is the second line's, or of whoever has the ticket by now; the first line keeps it for nobody."""
    return by.has_role(Role.SECOND_LINE) or "handler" in ticket.capacities(by)


def _mark(ticket: Ticket, contact: Contact, happened: datetime) -> list[str]:
    ticket.touched_at = ticket.touched_at or happened
    if contact.reached and contact.purpose != "question":
        ticket.first_response_at = ticket.first_response_at or happened
    if ticket.last_contact_at is None or contact.at >= ticket.last_contact_at:
        ticket.last_contact_at, ticket.last_contact_how = contact.at, contact.way
    return ["touched_at", "first_response_at", "last_contact_at", "last_contact_how"]


@transaction.atomic
def record_note(*, ticket_id: int, by: User, text: str) -> Note:
    """An internal note; the customer never sees it."""
    at = clock.now()
    ticket = locked(ticket_id)
    demand(by, "contact", ticket.item)
    need(text=text)
    Item.objects.filter(pk=ticket.item_id).update(changed_at=at)
    return Note.objects.create(item=ticket.item, at=at, by=by, text=text.strip())


@transaction.atomic
def attach(*, item_id: int, by: User, upload: UploadedFile[bytes]) -> Attachment:
    """A checked file; raises ValidationError with a sentence for a file that is refused. Whoever decides on the complaint is told of it (decision 46)."""
    at = clock.now()
    item = Item.objects.get(pk=item_id)
    ticket_id = Ticket.objects.filter(item_id=item.root_id or item.pk).values_list("pk", flat=True).first()
    ticket = locked(ticket_id) if ticket_id else None
    demand(by, "contact", item)
    attachment = attachments.store(item=item, upload=upload, by=by, at=at)
    history.record(item, "attach", by=by, at=at, data={"name": attachment.name, "size": attachment.size})
    if ticket is not None and (form := partner.of(ticket)):
        form.attached(ticket, at=at)
    return attachment


@transaction.atomic
def reveal(*, point_id: int, by: User, why: str, item: Item | None = None) -> str:
    """V4: the plain value, once, with who, when and why on record; never to somebody named in a matter of the customer (V3)."""
    point = ContactPoint.objects.select_related("customer").get(pk=point_id)
    refuse_if_closed(by, point.customer, "reveal")
    if not may_see_contact_data(by):
        raise NotYou(_("Your role does not need the customer's contact data."), user=by, item=item, verb="reveal")
    if item is not None:
        demand(by, "reveal", item)
    if not why.strip():
        raise ValidationError({"why": _("Say why you need it; it is recorded.")})
    Reading.objects.create(at=clock.now(), by=by, subject=point.customer.number, what=point.kind, why=why.strip()[:200], item=item)
    return point.reveal()
