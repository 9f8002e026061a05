"""What a person is to a ticket (one object); lists use TicketQuerySet.visible_to. Nowhere else."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from feedback_desk import clock
from feedback_desk.people import access, standing
from feedback_desk.people.access import NotYou
from feedback_desk.people.actors import Actor, Bystander
from feedback_desk.people.models import Role, User
from feedback_desk.records.models import Entry, Item, Kind
from feedback_desk.records.moves import GIVEN_TO, Move
from tickets.guards import asked_for

if TYPE_CHECKING:
    from tickets.models import Customer, Ticket

REGISTERS = frozenset({Role.AGENT, Role.SECOND_LINE, Role.SUPERVISOR, Role.CS_MANAGER, Role.OFFICE, Role.RETURN_VISIT, Role.BUSINESS, Role.DEPARTMENT_HEAD})
REVEALS = frozenset({Role.AGENT, Role.SECOND_LINE, Role.SUPERVISOR, Role.CS_MANAGER, Role.RETURN_VISIT, Role.BUSINESS})
"""V4: roles whose work needs a customer's phone, e-mail and address."""
TAKES = frozenset({Role.AGENT, Role.SECOND_LINE, Role.SUPERVISOR})


def capacities(ticket: Ticket, actor: Actor) -> frozenset[str]:
    """Names used in `who` of the moves. Empty for a concerned person (V3)."""
    if isinstance(actor, Bystander):
        return frozenset({actor.value})
    at = clock.now()
    if access.concerned(actor, ticket.item):
        return frozenset()
    roles = standing.roles_held(actor, ticket.item, at)
    found: set[str] = {role for role in (Role.SUPERVISOR, Role.CS_MANAGER) if role in roles}
    if found and all(asked.asked_by_id != actor.pk for asked in asked_for(ticket)):
        found.add("extender")
    if ticket.assignee_id == actor.pk:
        found |= {"assignee", "handler"}
    elif ticket.assignee_id and (acting := standing.stand_in(ticket.assignee, ticket.item, at)) and acting.pk == actor.pk:
        found |= {"assignee", "handler"}
    if ticket.item.department_id and standing.heads(actor, {ticket.item.department_id}, ticket.item, at):
        found.add("head")
    if ticket.assignee_id is None and actor.on_duty and TAKES & roles.keys():
        found.add("taker")
    if Role.SUPERVISOR in roles or ("handler" in found and not ticket.is_complaint):
        found.add("invalidator")
    return frozenset(str(f) for f in found)


HOLDER_CHANGES = ("assign", "take", "decline", "hand_up", "reassign", "second_line", "taken_away")
"""Lines of history that say in `assignee` who has the ticket from then on."""


def handed_on(ticket: Ticket, user: User, who: frozenset[str]) -> Entry | None:
    """The last line with which the ticket went from this person, or whom they stand in for, to somebody else; for a taker: out of the queue."""
    of_holder = bool(who & {"assignee", "handler"}) or ("invalidator" in who and not ticket.is_complaint)
    of_taker = "taker" in who and user.on_duty and user.has_role(*TAKES)
    if not of_holder and not of_taker:
        return None
    acts_for = cache(lambda holder_id: _acts_for(user, holder_id, ticket))
    before, found = None, None
    for line in Entry.objects.filter(item=ticket.item, verb__in=HOLDER_CHANGES).select_related("by").order_by("at", "pk"):
        after = line.by_id if line.verb == "take" else line.data.get(GIVEN_TO)
        had_it = of_holder and acts_for(before) if before else of_taker and line.at > ticket.registered_at
        found = line if had_it and after != before else found
        before = after
    return found


def _acts_for(user: User, holder_id: int, ticket: Ticket) -> bool:
    if holder_id == user.pk:
        return True
    acting = standing.stand_in(User.objects.get(pk=holder_id), ticket.item, clock.now())
    return acting is not None and acting.pk == user.pk


def in_place_of(ticket: Ticket, user: User, declared: Move) -> User | None:
    """V2: whose part the user takes."""
    if ticket.assignee_id == user.pk or declared.who & user.roles or "taker" in declared.who:
        return None
    head = ticket.item.department.head if ticket.item.department else None
    primaries = [ticket.assignee] if {"assignee", "handler"} & declared.who else []
    return standing.replaced(user, [*primaries, *([head] if "head" in declared.who else [])], set(declared.who), ticket.item, clock.now())


def may(user: User, verb: str, item: Item) -> bool:
    """The rule that people.access asks for tickets: "see", "edit", "contact", "finish_step", "register", "reveal". V3 was asked already."""
    from tickets.models import Ticket

    if verb == "reveal":
        return bool(user.roles & REVEALS) and may(user, "see", item)
    visible = Ticket.objects.visible_to(user).filter(item__root_id=item.root_id or item.pk).exists()
    if verb in ("edit", "contact", "finish_step"):
        return visible and may_write(user)
    return visible


def may_write(user: User) -> bool:
    """Who sees a ticket and works on it: everybody but those who only look after the desk or its figures."""
    return bool(user.roles - {Role.ADMINISTRATOR, Role.ANALYST})


def may_register(user: User) -> bool:
    return user.has_role(*REGISTERS)


def may_see_contact_data(user: User) -> bool:
    return user.has_role(*REVEALS)


def matter_that_closes(user: User, customer: Customer) -> Item | None:
    """V3: a matter of this customer that the user is named in; it closes the customer's file to them."""
    return Item.objects.filter(ticket__customer=customer, concerns__user=user).order_by("-pk").first()


def refuse_if_closed(user: User, customer: Customer, verb: str) -> None:
    """NotYou, recorded with the matter that closes the file (V3)."""
    if matter := matter_that_closes(user, customer):
        raise NotYou(_("You are named in a matter of this customer."), user=user, item=matter, verb=verb)


def install() -> None:
    access.register(Kind.TICKET, may)
