"""The desk gives items by itself (T6): on registration, after a refusal, and as soon as somebody is free again."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q

from feedback_desk import clock
from feedback_desk.people.access import NotNow
from feedback_desk.people.actors import SYSTEM
from feedback_desk.people.models import Concern, User
from feedback_desk.records.models import Entry
from tickets import candidates, routes
from tickets.choosing import Candidate, Choice, choose
from tickets.models import Placing, Route, Ticket
from tickets.services.common import locked
from tickets.services.giving import check_assignee, give, tell_assignee

logger = logging.getLogger(__name__)
GIVEN = ("assign", "reassign", "second_line")


def place(ticket: Ticket, route: Route | None, *, at: datetime, barred: Iterable[int] = ()) -> Entry | None:
    """To the customer's owner, else, where the rule says so, to whom `choose` names; None: the ticket stays in the queue.

    The caller holds the ticket, and tells the assignee once it has its number. At most two statements to find somebody.
    """
    owner_id, automatic = ticket.customer.owner_id, route is not None and route.placing == Placing.AUTOMATIC
    if owner_id is None and not automatic:
        return None
    needed = [skill.pk for skill in candidates.skills_for(ticket.category)]
    free = candidates.free_for(
        at, needed=needed, department_id=ticket.item.department_id, owner_id=owner_id, customer_id=ticket.customer_id,
        owner_belongs=route is not None and route.department_id is not None,
    )  # fmt: skip
    choice = choose(free if automatic else [c for c in free if c.user_id == owner_id], owner_id=owner_id, barred=frozenset(barred))
    return _give(ticket, choice, at=at) if choice else None


def _give(ticket: Ticket, choice: Choice, *, at: datetime) -> Entry:
    return give(ticket, by=SYSTEM, at=at, assignee=User.objects.get(pk=choice.user_id), because=choice.because)


def after_refusal(ticket: Ticket, *, at: datetime) -> Entry | None:
    """T13: what the desk gave goes back to the desk, which asks the next one, never twice the same. None: nobody is left, or a person had assigned it."""
    past = _past([ticket.item_id]).get(ticket.item_id, Past())
    return None if past.by_hand else place(ticket, routes.of(ticket.type, ticket.category), at=at, barred=past.had)


@dataclass
class Past:
    """Who had a ticket before, and whether a person ever assigned it; such a one is left to people."""

    had: set[int] = field(default_factory=set)
    by_hand: bool = False


def _past(items: Iterable[int]) -> dict[int, Past]:
    found: dict[int, Past] = {}
    rows = Entry.objects.filter(item_id__in=list(items), verb__in=(*GIVEN, "decline")).values_list("item_id", "verb", "by_id", "data")
    for item_id, verb, by_id, data in rows:
        past = found.setdefault(item_id, Past())
        past.had |= {by_id if verb == "decline" else data.get("assignee")} - {None}
        past.by_hand |= verb in GIVEN and by_id is not None
    return found


Kind = tuple[str, int, int | None, int | None]
"""Type, category, the category above it, department: items of one kind have the same rule and the same candidates."""
KIND = ("type", "category_id", "category__parent_id", "item__department_id")


def place_waiting(*, limit: int = 100) -> int:
    """Give what waits in the queue although the desk gives such items by itself, nearest limit first; returns how many went.

    Somebody came on duty, back from a break or a leave, or has room again. Each ticket in a transaction of its own; six statements and one for
    each group of candidates, whatever the number that waits.
    """
    at, rules = clock.now(), routes.read()
    if not any(rule.placing == Placing.AUTOMATIC for rule in rules):
        return 0
    free = _free(_kinds(rules), at)
    if not free:
        return 0
    nearest = _waiting().filter(_of(free)).order_by(F("item__next_limit_at").asc(nulls_last=True), "pk")
    return _place_all(list(nearest.values_list("pk", "item_id", "customer__owner_id", *KIND)[:limit]), free, at)


def _waiting() -> Any:
    return Ticket.objects.to_take().filter(item__open=True, historic=False)


def _kinds(rules: list[Route]) -> list[Kind]:
    """The kinds of what waits that the desk gives by itself."""
    kinds: list[Kind] = list(_waiting().order_by().values_list(*KIND).distinct())
    return [kind for kind in kinds if (rule := routes.best(rules, type=kind[0], category_id=kind[1], parent_id=kind[2])) and rule.placing == Placing.AUTOMATIC]


def _free(kinds: list[Kind], at: datetime) -> dict[Kind, list[Candidate]]:
    """By kind who is free for it; kinds for which nobody is are left out, so that they hold up nothing."""
    covered = candidates.needs() if kinds else {}
    groups: dict[tuple[frozenset[int], int | None], list[Candidate]] = {}
    found: dict[Kind, list[Candidate]] = {}
    for kind in kinds:
        group = (covered.get(kind[1]) or covered.get(kind[2] or 0) or frozenset(), kind[3])
        if group not in groups:
            groups[group] = candidates.free_for(at, needed=group[0], department_id=group[1])
        if groups[group]:
            found[kind] = groups[group]
    return found


def _of(kinds: Iterable[Kind]) -> Q:
    found = Q(pk__in=[])
    for type, category_id, _parent, department_id in kinds:
        there = Q(item__department_id=department_id) if department_id else Q(item__department__isnull=True)
        found |= there & Q(type=type, category_id=category_id)
    return found


def _place_all(waiting: list[Any], free: Mapping[Kind, list[Candidate]], at: datetime) -> int:
    """Choose with what has been given since the candidates were read, so that one person does not get everything."""
    items = [row[1] for row in waiting]
    past, concerned = _past(items), _concerned(items)
    given: Counter[int] = Counter()
    for pk, item_id, owner_id, *kind in waiting:
        before = past.get(item_id, Past())
        people = [_meanwhile(c, given[c.user_id], at) for c in free[_kind(*kind)]]
        choice = None if before.by_hand else choose(people, owner_id=owner_id, barred=before.had | concerned.get(item_id, set()))
        if choice and _give_waiting(pk, choice):
            given[choice.user_id] += 1
    return given.total()


def _kind(type: str, category_id: int, parent_id: int | None, department_id: int | None) -> Kind:
    return type, category_id, parent_id, department_id


def _meanwhile(candidate: Candidate, given: int, at: datetime) -> Candidate:
    return replace(candidate, in_hand=candidate.in_hand + given, last_given_at=at) if given else candidate


def _concerned(items: list[int]) -> dict[int, set[int]]:
    """V3: by item, who is named in any matter of its customer."""
    found: dict[int, set[int]] = {}
    theirs = "item__ticket__customer__tickets__item_id"
    for item_id, user_id in Concern.objects.filter(**{f"{theirs}__in": items}).values_list(theirs, "user_id"):
        found.setdefault(item_id, set()).add(user_id)
    return found


def _give_waiting(ticket_id: int, choice: Choice) -> bool:
    """Under the lock all is asked again; False when somebody was faster or may not have it any more."""
    try:
        with transaction.atomic():
            at, ticket = clock.now(), locked(ticket_id)
            if ticket.assignee_id is not None:
                return False
            check_assignee(ticket, User.objects.get(pk=choice.user_id), at)
            tell_assignee(ticket, _give(ticket, choice, at=at))
    except (NotNow, ValidationError):
        logger.info("ticket %s moved meanwhile", ticket_id)
        return False
    return True
