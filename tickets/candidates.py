"""T6: who could take an item: everybody who handles tickets, with presence, load, skill, in one statement whatever their number."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce

from feedback_desk.people.models import Absence, Concern, Membership, Role, User
from feedback_desk.records.models import Item, Kind
from tickets.choosing import Candidate
from tickets.models import Category, Seat, Skill, Ticket

ASSIGNEES = (Role.AGENT, Role.SECOND_LINE, Role.SUPERVISOR, Role.CS_MANAGER, Role.BUSINESS, Role.TECHNICIAN, Role.QUALITY, Role.DEPARTMENT_HEAD)
"""Who may be given tickets."""
GIVEN_BY_ITSELF = (Role.AGENT, Role.SECOND_LINE, Role.BUSINESS, Role.TECHNICIAN, Role.QUALITY)
"""Who gets them from the desk by itself; to those above them work comes by hand or by the ladder."""
IN_HAND = ("pending", "processing")
HELD = Seat.skills.through.objects
LAST_GIVEN = Ticket.objects.filter(assignee=OuterRef("pk")).order_by("-assigned_at").values("assigned_at")[:1]
COVERED = Skill.categories.through.objects


def handlers(at: datetime, roles: Iterable[str] = ASSIGNEES) -> Any:
    """Active people with one of the roles; `load` (open tickets), `in_hand` (pending or processing), `away` (absent now), `most`."""
    open_items = Item.objects.filter(kind=Kind.TICKET, open=True, holder=OuterRef("pk")).order_by().values("holder")
    people: Any = User.objects.filter(Exists(Membership.objects.filter(user=OuterRef("pk"), role__in=roles)), is_active=True)
    return people.annotate(
        load=Coalesce(Subquery(open_items.annotate(n=Count("pk")).values("n")), 0),
        in_hand=Coalesce(Subquery(open_items.filter(ticket__state__in=IN_HAND).annotate(n=Count("pk")).values("n")), 0),
        away=Exists(Absence.objects.covering(at).filter(user=OuterRef("pk"))),
        most=Coalesce(F("seat__most"), Seat.USUAL),
    )


def skills_for(category: Category) -> list[Skill]:
    """One of these is needed: those that cover the category, else those of the category above it; none: anybody may. One statement."""
    near = [category.pk, *([category.parent_id] if category.parent_id else [])]
    rows: list[Any] = list(Skill.objects.filter(active=True, categories__in=near).annotate(of=F("categories")).order_by("name"))
    return [skill for skill in rows if skill.of == category.pk] or rows


def needs() -> dict[int, frozenset[int]]:
    """Category → skills that cover it, for many items at once."""
    found: dict[int, set[int]] = {}
    for category_id, skill_id in COVERED.filter(skill__active=True).values_list("category_id", "skill_id"):
        found.setdefault(category_id, set()).add(skill_id)
    return {category_id: frozenset(skills) for category_id, skills in found.items()}


def with_skill(people: Any, needed: Collection[int]) -> Any:
    """`skill` and `skill_en`: by which of the needed skills they fit; both None without one. Nothing needed: empty."""
    if not needed:
        return people.annotate(skill=Value(""), skill_en=Value(""))
    held = HELD.filter(seat__user=OuterRef("pk"), skill_id__in=needed).order_by("skill__name")
    return people.annotate(skill=Subquery(held.values("skill__name")[:1]), skill_en=Subquery(held.values("skill__name_en")[:1]))


def has_one_of(user: User, needed: Collection[int]) -> bool:
    return not needed or HELD.filter(seat__user=user, skill_id__in=needed).exists()


def free_for(
    at: datetime, *, needed: Collection[int], department_id: int | None, owner_id: int | None = None, owner_belongs: bool = False,
    customer_id: int | None = None,
) -> list[Candidate]:  # fmt: skip
    """Whom the desk may give an item by itself: in its department (none: everywhere), beside them the customer's owner; V3: never who is named in a
    matter of the customer.

    `owner_belongs`: the owner only as one of the department's people.
    """
    roles = Membership.objects.filter(user=OuterRef("pk"))
    by_itself = Exists(roles.filter(role__in=GIVEN_BY_ITSELF))
    there = Q(department_id=department_id) | Exists(roles.filter(department_id=department_id)) if department_id else Q()
    owner = Q(pk=owner_id) & (there if owner_belongs else Q())
    rows = with_skill(handlers(at), needed).filter((there & by_itself) | owner)
    rows = rows.filter(on_duty=True, on_break=False, away=False, in_hand__lt=F("most"), skill__isnull=False)
    if customer_id is not None:
        rows = rows.exclude(Exists(Concern.objects.filter(item__ticket__customer=customer_id, user=OuterRef("pk"))))
    return [candidate(user) for user in rows.annotate(last_given_at=Subquery(LAST_GIVEN)).only("pk", "name", "username", "on_duty", "on_break")]


def candidate(user: Any) -> Candidate:
    """A row of these queries as `choose` wants it."""
    here = user.on_duty and not user.on_break and not user.away
    skill = (user.skill, user.skill_en or user.skill) if user.skill else None
    return Candidate(user.pk, str(user), user.in_hand, user.most, user.last_given_at, here=here, fits=user.skill is not None, skill=skill)


def for_hand(ticket: Ticket, at: datetime, roles: Iterable[str] = ASSIGNEES) -> list[Any]:
    """Whom somebody may choose: on duty, not concerned, absent only with a backup. First who has the skill, is of the department, at the desk, has least."""
    needed = [skill.pk for skill in skills_for(ticket.category)]
    rows = with_skill(handlers(at, roles), needed).filter(on_duty=True).exclude(concerns__item_id=ticket.item.root_id or ticket.item_id)
    people = rows.filter(Q(away=False) | Q(backup__isnull=False)).select_related("backup", "department")
    here = ticket.item.department_id
    return sorted(people, key=lambda p: (p.skill is None, p.department_id != here, p.away, p.on_break, p.in_hand, p.name, p.pk))
