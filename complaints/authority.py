"""How far somebody may go with remedies (G4): what a form comes to, and the most that each role may give at its grade."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal

from complaints import guards
from complaints.lifecycle import RemedyState
from complaints.lifecycle.remedy import AGREED
from complaints.models import ComplaintForm, DefaultRemedy, Remedy, RemedyKind, RemedyLimit
from feedback_desk.people.models import Role
from feedback_desk.people.one_look import remembered
from tickets.models import Category

UNLIMITED = Decimal("Infinity")
NOTHING = Decimal(0)
APPROVERS = frozenset({Role.SUPERVISOR, Role.CS_MANAGER, Role.OFFICE, Role.GENERAL_MANAGER})
"""Whose limits count for approving; those of others only for what they offer themselves."""
PUT_FORWARD = (RemedyState.AWAITING_APPROVAL, RemedyState.OFFERED)


def comes_to(rows: Iterable[Remedy], draft: Remedy | None = None) -> Decimal:
    """What was agreed, and the dearest of the solutions still open: slices count together, alternatives do not. A draft counts only for itself."""
    agreed, open_ = NOTHING, dict[int, Decimal]()
    for row in rows:
        if row.state in AGREED:
            agreed += row.value or NOTHING
        elif row.state in PUT_FORWARD or (draft is not None and row.pk == draft.pk):
            open_[row.option] = open_.get(row.option, NOTHING) + (row.value or NOTHING)
    return agreed + max(open_.values(), default=NOTHING)


def total(form: ComplaintForm, draft: Remedy | None = None) -> Decimal:
    return comes_to(guards.remedies(form), draft)


def limits(grade: str) -> dict[str, Decimal]:
    """Role → the most it may give."""
    rows = remembered("remedy limits", lambda: list(RemedyLimit.objects.values_list("role", "grade", "amount")))
    return {role: UNLIMITED if amount is None else amount for role, of, amount in rows if of == grade}


def limit_of(grade: str, roles: Collection[str]) -> Decimal:
    """The highest of these roles."""
    return max((amount for role, amount in limits(grade).items() if role in roles), default=NOTHING)


def roles_that_cover(grade: str, amount: Decimal) -> list[str]:
    """Who could approve it, the lowest limit first, then in the order of rank."""
    from feedback_desk.people.models import RANK

    found = [(limit, RANK[role], role) for role, limit in limits(grade).items() if role in APPROVERS and limit >= amount]
    return [role for _limit, _rank, role in sorted(found)]


def usual(category: Category) -> list[str]:
    """The kinds usually offered: those of the category, else of the nearest above it that has any."""
    rows = list(DefaultRemedy.objects.filter(category__slug__in=category.slugs).order_by("order", "pk").values_list("category__slug", "kind"))
    nearest = next((slug for slug in category.slugs if any(of == slug for of, _kind in rows)), "")
    return [kind for of, kind in rows if of == nearest and kind in RemedyKind.values]
