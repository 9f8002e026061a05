"""What waits for a person: what they hold, and the forms whose next act is theirs (section 5). One condition each, so that a page is one query."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, prefetch_related_objects
from django.http import HttpRequest

from complaints import acts
from complaints.authority import APPROVERS
from complaints.lifecycle import RemedyState
from complaints.models import (
    ComplaintForm,
    DecisionSide,
    Disposition,
    FinalReply,
    Grade,
    GradeRule,
    HandlingDecision,
    Remedy,
    RemedyLimit,
    WrittenCause,
)
from complaints.models.early import SIDES
from feedback_desk.deadlines.models import Deadline, DeadlineState, Extension, ExtensionState
from feedback_desk.people import standing
from feedback_desk.people.models import Absence, Role, User
from tickets.models import Ticket
from tickets.services.common import OUTLIVES

LEADS = frozenset({Role.SUPERVISOR, Role.CS_MANAGER})
"""Who assigns, and sees who is at work."""


def person(request: HttpRequest) -> User:
    """The person who is signed in, with their roles read once for everything the page asks."""
    assert isinstance(request.user, User)
    prefetch_related_objects([request.user], "memberships")
    return request.user


def seen_by(user: User) -> Any:
    """Tickets this person may see (V1, V3), as a query that can be ordered and sliced."""
    visible = Ticket.objects.visible_to(user)
    return Ticket.objects.filter(pk__in=visible.values("pk")) if visible.query.distinct else visible


def for_me(user: User, at: datetime) -> Q:
    """Open tickets that I hold, or stand in for (V2), and those whose form or second follow-up waits for me."""
    return Q(item__open=True) & (held_by(user, at) | awaiting(user))


def held_by(user: User, at: datetime) -> Q:
    away = Absence.objects.covering(at).filter(user=OuterRef("assignee"))
    return Q(assignee=user) | Q(form__item__holder=user, form__item__open=True) | Q(Exists(away), assignee__backup=user)


def awaiting(user: User) -> Q:
    """Forms whose next act is this person's by role (C2-C10, F4)."""
    asks: dict[str, Q] = {
        Role.CS_MANAGER: Q(form__state__in=("graded", "determining", "negotiating"))
        | Q(form__abnormal_asked_at__isnull=False, form__closed_at=None)
        | awaits_cause_approval(),
        Role.GENERAL_MANAGER: awaits_ruling(),
        Role.OFFICE: Q(form__state__in=("negotiating", "awaiting_ruling")),
        Role.INSPECTOR: Q(form__state="awaiting_check"),
        Role.RETURN_VISIT: Q(form__state="visiting"),
        Role.SUPERVISOR: awaits_second_follow_up() | awaits_extension(user) | awaits("D09", "D10") | awaits_sending(),
        Role.DEPARTMENT_HEAD: awaits_head(user)
        | Q(awaits("D10"), item__department__head=user)
        | Q(awaits_cause_approval(), Q(form__analysis_department__head=user) | Q(form__analysis_beside__head=user)),
        Role.QUALITY: awaits("D23"),
    }
    found = awaits_remedy(user) if user.roles & APPROVERS else Q(pk__in=[])
    for role, condition in asks.items():
        if role in user.roles:
            found |= condition
    return found


def awaits_ruling() -> Q:
    """C5, C8: a ruling, an answer to setting aside, or how a grade I complaint goes on."""
    asked = Q(form__parking_asked_at__isnull=False) | Q(form__instruction_asked_at__isnull=False)
    return Q(form__state="awaiting_ruling") | Q(asked, form__state__in=("graded", "determining"))


def awaits_head(user: User) -> Q:
    """C4, C6: measures of departments this person heads, to be reviewed, negotiated or carried out; then handed over."""
    measures = Disposition.objects.filter(form=OuterRef("form"), round=OuterRef("form__round"), department__head=user)
    waiting = measures.filter(Q(state__in=("proposed", "objected")) | Q(state__in=("ruled", "executed"), form__state="executing"))
    return Q(Exists(waiting), form__state__in=("in_review", "negotiating", "executing"))


def awaits(*codes: str) -> Q:
    """Something that one of these limits asks for: a signature under the handling decision (D09, D10), a second follow-up (D22), a written cause (D23)."""
    return Q(Exists(Deadline.objects.filter(root=OuterRef("item__root"), code__in=codes, state=DeadlineState.RUNNING)))


def awaits_second_follow_up() -> Q:
    """F4: a low score that no supervisor has called about yet."""
    return awaits("D22")


def awaits_signature(*sides: str) -> Q:
    """G2: the last handling decision for the grade that the form has, where one of these sides (any, if none is named) has not signed yet."""
    later = HandlingDecision.objects.filter(form=OuterRef("form"), grade=OuterRef("grade"), pk__gt=OuterRef("pk"))
    last = HandlingDecision.objects.filter(~Exists(later), form=OuterRef("form"), grade=OuterRef("form__grade"))
    found = Q(pk__in=[])
    for grade in (Grade.MAJOR, Grade.SERIOUS):
        for side in SIDES[grade]:
            if side in (sides or SIDES[grade]):
                found |= Q(Exists(last.exclude(signatures__side=side)), form__grade=grade)
    return found & Q(form__state__in=acts.ACTS["sign_decision"].states)


def awaits_my_signature(user: User) -> Q:
    """As supervisor, as manager, as head of the department that has it."""
    if not user.roles & (LEADS | {Role.DEPARTMENT_HEAD}):
        return Q(pk__in=[])
    found = Q(awaits_signature(DecisionSide.LINE_HEAD), item__department__head=user)
    return found | awaits_signature(*user.roles & LEADS) if user.roles & LEADS else found


def awaits_sending() -> Q:
    """G3: a final reply that was drawn up and is a supervisor's to send."""
    written = Exists(GradeRule.objects.filter(grade=OuterRef("form__grade"), written_reply=True))
    unsent = _last(FinalReply, round=OuterRef("form__round")).filter(sending=None)
    return Q(written, Exists(unsent), form__state__in=acts.OPEN)


def awaits_cause_approval() -> Q:
    """G7: of grades I and II the last written cause, when nobody has approved it."""
    return Q(Exists(_last(WrittenCause).filter(approval=None)), form__grade__in=("I", "II"), form__state__in=acts.OPEN)


def _last(model: Any, **of: Any) -> Any:
    """The last row of a form that stands as it was written."""
    later = model.objects.filter(form=OuterRef("form"), pk__gt=OuterRef("pk"))
    return model.objects.filter(~Exists(later), form=OuterRef("form"), **of)


def awaits_extension(user: User) -> Q:
    """T9, V8: more time that somebody else asked for."""
    asked = (
        Extension.objects.filter(deadline__root=OuterRef("item__root"), state=ExtensionState.ASKED).exclude(asked_by=user).exclude(deadline__code__in=OUTLIVES)
    )
    return Q(Exists(asked))


def awaits_remedy(user: User) -> Q:
    """G4, V8: a remedy that somebody else asked for and whose sum this person's own limit covers."""
    limits = RemedyLimit.objects.filter(role__in=user.roles & APPROVERS, grade=OuterRef("form__grade"))
    covered = limits.filter(Q(amount=None) | Q(amount__gte=OuterRef("comes_to")))
    asked = Remedy.objects.filter(form=OuterRef("form"), state=RemedyState.AWAITING_APPROVAL).exclude(proposed_by=user)
    return Q(Exists(asked.filter(Exists(covered))))


def awaits_approval(user: User) -> Q:
    """What stands under approvals: signatures, reviews, negotiations, rulings, causes, letters, more time, remedies; not what is only to be carried out."""
    found = awaits_my_signature(user) | (awaits_remedy(user) if user.roles & APPROVERS else Q(pk__in=[]))
    if user.roles & LEADS:
        found |= awaits_extension(user)
    if Role.GENERAL_MANAGER in user.roles:
        found |= awaits_ruling()
    if Role.DEPARTMENT_HEAD in user.roles:
        review = Disposition.objects.filter(form=OuterRef("form"), round=OuterRef("form__round"), department__head=user, state__in=("proposed", "objected"))
        found |= Q(Exists(review), form__state__in=("in_review", "negotiating")) | Q(awaits_cause_approval(), form__analysis_department__head=user)
    if Role.SUPERVISOR in user.roles:
        found |= awaits_sending()
    if Role.OFFICE in user.roles:
        found |= Q(form__state="negotiating")
    if Role.CS_MANAGER in user.roles:
        found |= Q(form__state="negotiating") | Q(form__abnormal_asked_at__isnull=False, form__closed_at=None) | awaits_cause_approval()
    return found


def of_team(user: User) -> Q:
    """Open tickets of the person's department, and what its people hold."""
    return Q(item__open=True) & under(user)


def under(user: User) -> Q:
    if user.department_id is None:
        return Q(assignee__superior=user)
    return Q(item__department_id=user.department_id) | Q(assignee__department_id=user.department_id)


def outstanding(user: User) -> Any:
    """C8: matters set aside that this person may see."""
    return ComplaintForm.objects.visible_to(user).outstanding()


def manages(user: User, at: datetime) -> User | None:
    """Whose manager's ledger it is to keep: one's own, or that of an absent manager (V2)."""
    held = standing.roles_held(user, None, at)
    return held[Role.CS_MANAGER] or user if Role.CS_MANAGER in held else None


def outstanding_under(user: User, manager: User) -> Any:
    """C8: of those, what is the manager's department's, or in its people's hands."""
    return outstanding(user).filter(ticket__in=Ticket.objects.filter(under(manager)).values("pk"))


def set_aside_beside(user: User, ticket: str = "") -> Exists:
    """C8: is another matter of the same customer, or about the same thing, outstanding? `ticket`: the way to it ("form__ticket__").

    The mark tells nothing of that matter, so it needs no right to see it (V1); one that the reader is named in does not exist for them (V3).
    """
    serial = OuterRef(f"{ticket}serial")
    same = Q(ticket__customer=OuterRef(f"{ticket}customer")) | (Q(ticket__serial=serial) & ~Q(ticket__serial=""))
    return Exists(_set_aside(user).filter(same).exclude(ticket=OuterRef(f"{ticket}pk")))


def set_aside_of(user: User) -> Exists:
    """C8: is a matter of this customer outstanding?"""
    return Exists(_set_aside(user).filter(ticket__customer=OuterRef("pk")))


def _set_aside(user: User) -> Any:
    return ComplaintForm.objects.untouched_by(user).outstanding().order_by()


def marked(user: User, tickets: Iterable[int]) -> set[int]:
    """C8: of these tickets, those beside which another matter is outstanding; one query for a page of mixed lines."""
    keys = set(tickets)
    return set(Ticket.objects.filter(set_aside_beside(user), pk__in=keys).values_list("pk", flat=True)) if keys else set()
