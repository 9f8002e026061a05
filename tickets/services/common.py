"""What the ticket's services share: lock, facts for the rules, telling people."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from feedback_desk.deadlines import rederiving
from feedback_desk.deadlines import services as deadlines
from feedback_desk.deadlines.models import Deadline, DeadlineState
from feedback_desk.notices import outbox
from feedback_desk.people import access, receivers
from feedback_desk.people.access import NotYou
from feedback_desk.people.actors import Actor, person
from feedback_desk.people.models import Role, User
from feedback_desk.people.one_look import remembered_setting
from feedback_desk.records.models import Entry, Item
from tickets import partner
from tickets.guards import silent_since
from tickets.models import EmptyPhrase, NextStep, Priority, PriorityRule, Ticket

RESPONSE = ("D03", "D04", "D05")
FROM_RECEIPT = (*RESPONSE, "D08")
FROM_REGISTRATION = ("D02", "D26")
CONFIRMATION = ("D06", "D07")
UNANSWERED = ("pending", "processing", "waiting")
"""Before a result is offered: what D03-05, D08 and D26 ask for is still to come."""
OUTLIVES = ("D41", "D42")
"""C14: dates of corrective and preventive actions, whatever becomes of their complaint."""
STAYS_OWED = ("D22", "D38", *OUTLIVES)
"""Run in any state (machines.md): second follow-up, promises, actions."""


def locked(ticket_id: int) -> Ticket:
    """The ticket's row, locked until the commit, and its form's after it; rows of others may point at both meanwhile."""
    ticket: Ticket = (
        Ticket.objects.select_for_update(of=("self",), no_key=True)
        .select_related("item__department", "customer", "category", "assignee")
        .get(pk=ticket_id)
    )
    if form := partner.of(ticket):
        form.lock(ticket)
    return ticket


def facts(ticket: Ticket, **more: Any) -> dict[str, Any]:
    """What deadline rules choose by (section 8); the department is that of the limit, added where it starts."""
    form = None if "grade" in more else partner.of(ticket)
    return {
        "kind": ticket.type, "category": ticket.category.slugs, "urgency": ticket.urgency, "level": ticket.customer.level, "channel": ticket.channel,
        "grade": form.grade(ticket) if form else "", **more,
    }  # fmt: skip


def priority_of(urgency: str, level: str) -> str:
    """T4, from the matrix; medium where it has no row."""
    rule = PriorityRule.objects.filter(urgency=urgency, level=level).first()
    return rule.priority if rule else Priority.MEDIUM


def responsible(ticket: Ticket, at: datetime) -> User | None:
    """Who is warned first about the ticket's limits: the assignee, else a supervisor."""
    return ticket.assignee or receivers.pick(Role.SUPERVISOR, department=ticket.item.department, root=ticket.item, at=at)


def met(ticket: Ticket, *codes: str) -> set[str]:
    """Of these limits, those met in this round, in time or late: they do not begin again in it (E6)."""
    rows = Deadline.objects.filter(item=ticket.item, round=ticket.round, code__in=codes, state=DeadlineState.SETTLED)
    return set(rows.values_list("code", flat=True))


def start_from_receipt(ticket: Ticket, *, at: datetime, done: Collection[str] = ()) -> None:
    """`done`: codes that were met already; of the first response one is enough."""
    gone = set(done) | (set(RESPONSE) if set(RESPONSE) & set(done) else set())
    deadlines.start_all(
        ticket.item,
        [code for code in FROM_RECEIPT if code not in gone],
        at=at,
        facts=facts(ticket),
        owner=responsible(ticket, at),
        department=ticket.item.department,
        round=ticket.round,
        start_at=ticket.received_at,
    )


def refit(ticket: Ticket, *, at: datetime, by: Actor, received: bool = False) -> None:
    """E3, E5: what chooses the rules of the ticket's limits changed, or (`received`) when it was received: those that run are derived anew.

    Those that fit only now begin when the others of this round did; nothing begins that has been done already.
    """
    moved = dict.fromkeys((*FROM_RECEIPT, "D36"), ticket.received_at) if received and ticket.round == 1 else {}
    rederiving.rederive(ticket.item, at=at, facts=facts(ticket), by=by, moved=moved)
    rows = Deadline.objects.filter(item=ticket.item, round=ticket.round).exclude(state=DeadlineState.VOID)
    begun = dict(rows.values_list("code", "start_at"))
    missing = [code for code in (*FROM_RECEIPT, "D26") if code not in begun and not (code in RESPONSE and begun.keys() & set(RESPONSE))]
    if missing and begun and ticket.state in UNANSWERED:
        starts = {"D26": ticket.registered_at} if ticket.round == 1 else {}
        known, responsible_now = facts(ticket), responsible(ticket, at)
        for code in missing:
            deadlines.start(
                ticket.item, code, at=at, facts=known, owner=responsible_now, department=ticket.item.department, round=ticket.round,
                start_at=starts.get(code) or (ticket.received_at if ticket.round == 1 else min(begun.values())),
            )  # fmt: skip


def await_confirmation(ticket: Ticket, *, at: datetime, part: str = "") -> None:
    """D43: the customer is to say whether it is solved; the handler is reminded of asking again."""
    if ticket.is_complaint:
        return
    deadlines.start(
        ticket.item, "D43", at=at, facts=facts(ticket), owner=responsible(ticket, at), department=ticket.item.department, part=part, round=ticket.round
    )


def reached_again(ticket: Ticket, *, at: datetime) -> None:
    """Spoken with while the confirmation is out: the silence counts from here."""
    if ticket.state == "confirming" and silent_since(ticket) <= at and deadlines.void(ticket.item, "D43", at=at, why=gettext_noop("the customer was reached")):
        await_confirmation(ticket, at=at, part="reached")


def hold(ticket: Ticket, at: datetime) -> None:
    """The item's holder follows the assignee, and so do the form's limits that are the assignee's; so does what was still to do (F1)."""
    if ticket.item.holder_id != ticket.assignee_id:
        if ticket.assignee_id:
            NextStep.objects.filter(item=ticket.item, owner=ticket.item.holder_id, ended_at=None).update(owner=ticket.assignee)
        ticket.item.holder = ticket.assignee
        ticket.item.save(update_fields=["holder"])
    if form := partner.of(ticket):
        form.held(ticket, at=at)


def hand_over_limits(ticket: Ticket, at: datetime) -> None:
    """E1, T15: those of whoever has the ticket go along, the call that the second line owes among them; while nobody has it they are a supervisor's."""
    owner = responsible(ticket, at)
    for capacity in ("assignee", Role.SECOND_LINE):
        deadlines.reown(ticket.item, owner=owner, owner_role=capacity)


def end_item(item: Item, *, open_: bool) -> None:
    if item.open != open_:
        item.open = open_
        item.save(update_fields=["open"])


def tell(receiver: User | None, template: str, *, entry: Entry, item: Item, **data: Any) -> None:
    """A notice in the page and by e-mail, once per history entry and receiver (V7: number and summary only); never to people named in the matter (V3)."""
    if receiver is None or receiver.pk == entry.by_id or access.concerned(receiver, item):
        return
    if "said" in data:
        data["said"] = {name: in_short(value) for name, value in data["said"].items()}
    outbox.tell(
        key=f"{template}:{entry.pk}", cause=f"entry:{entry.pk}", item=item, receiver=receiver, template=template,
        data={"number": item.number, "title": item.title, **data}, at=entry.at,
    )  # fmt: skip


TOLD_AT_MOST = 300


def in_short(value: Any) -> Any:
    """A notice says what it is about; the whole of a long text stands on the page."""
    return f"{value[: TOLD_AT_MOST - 1]}…" if isinstance(value, str) and len(value) > TOLD_AT_MOST else value


def follow(ticket: Ticket, move: str, *, by: Actor, at: datetime, reason: str = "", **more: Any) -> None:
    """Let the complaint form do what this move of its ticket asks of it."""
    if form := partner.of(ticket):
        form.moved(ticket, move, by=by, at=at, reason=reason, **more)


def demand(actor: Actor, verb: str, item: Item) -> None:
    """NotYou unless the actor may; V3 first."""
    access.refuse_if_concerned(actor, verb, item)
    if not access.may(actor, verb, item):
        raise NotYou(_("This is not yours to do: your role does not include it."), user=person(actor), item=item, verb=verb)


def says_nothing(text: str) -> bool:
    """F1: is the text nothing but phrases of the editable list (已处理, 客户满意 …)?"""
    rest = text.strip().lower()
    phrases = remembered_setting("empty phrases", lambda: list(EmptyPhrase.objects.values_list("text", flat=True)))
    for phrase in sorted(phrases, key=len, reverse=True):
        rest = rest.replace(phrase.lower(), " ")
    return not re.sub(r"[\W_]+", "", rest)


def need(**texts: str) -> None:
    """ValidationError for every field that is empty."""
    if found := empty(**texts):
        raise ValidationError(found)


def empty(**texts: str) -> dict[str, str]:
    return {field: _("This may not be empty.") for field, text in texts.items() if not (text or "").strip()}
