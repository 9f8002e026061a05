"""The vocabulary of the complaint tables."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db.models import Exists, OuterRef, Q

from feedback_desk import clock
from feedback_desk.people import standing
from feedback_desk.people.models import Absence, Concern, Role, User
from feedback_desk.records.living import LivingQuerySet
from tickets.querysets import SEES_ALL

if TYPE_CHECKING:
    from complaints.models import ComplaintForm

SEES_ACTIONS = SEES_ALL | {Role.QUALITY, Role.REPRESENTATIVE}
"""C14: who compiles, approves and checks actions; their complaint they see only as far as their role sees it."""


class FormQuerySet(LivingQuerySet):
    def visible_to(self, user: User) -> Self:
        """Forms of the tickets this person sees (one definition of "accessible"); plus those whose measures concern a department they head."""
        from tickets.models import Ticket

        return self.filter(Exists(Ticket.objects.visible_to(user).filter(pk=OuterRef("ticket_id"))))

    def untouched_by(self, user: User) -> Self:
        """V3: without the matters this person is named in."""
        return self.exclude(Exists(Concern.objects.filter(item_id=OuterRef("item__root_id"), user=user)))

    def outstanding(self) -> Self:
        return self.filter(state="outstanding")


class DispositionQuerySet(LivingQuerySet):
    def of_round(self, form_id: int, round: int) -> Self:
        return self.filter(form_id=form_id, round=round)

    def about(self, user: User) -> Self:
        """C7: what the person concerned sees: their own measures, once submitted."""
        return self.filter(user=user).exclude(state="draft")


class ActionQuerySet(LivingQuerySet):
    def visible_to(self, user: User) -> Self:
        """C14: who compiles, approves or checks them; owner, drafter, the department that carries it out. Nothing they are named in (V3)."""
        seen = self.exclude(Exists(Concern.objects.filter(item_id=OuterRef("item__root_id"), user=user)))
        if not user.is_active:
            return self.none()
        if (user.roles | standing.roles_held(user, None).keys()) & SEES_ACTIONS:
            return seen
        away = Absence.objects.covering(clock.now()).order_by().filter(user=OuterRef("owner"))
        mine = Q(owner=user) | Q(drafted_by=user) | Q(Exists(away), owner__backup=user) | Q(department__head=user) | Q(department__head__backup=user)
        departments = {m.department_id for m in user.memberships.all() if m.department_id} | ({user.department_id} if user.department_id else set())
        return seen.filter(mine | Q(department_id__in=departments) if user.roles - {Role.ADMINISTRATOR} else mine)

    def running(self) -> Self:
        return self.filter(state__in=("in_progress", "carried_out"))

    def of(self, user: User) -> Self:
        """Not ended, and theirs to carry out or to take the next step of."""
        return self.filter(Q(owner=user) | Q(item__holder=user), item__open=True)

    def late(self, at: datetime) -> Self:
        return self.filter(item__open=True, item__next_limit_at__lt=at)

    def effective_before(self, form: ComplaintForm) -> Self:
        """C14: found effective before this complaint came, of the same category and product or with the same category of cause: did it recur?"""
        ticket = form.ticket
        alike = Q(form__ticket__category_id=ticket.category_id, form__ticket__product=ticket.product)
        alike |= Q(cause__category__in=form.rootcause_rows.order_by().values("category_id"))
        return self.filter(alike, state="effective", checked_at__lte=form.opened_at).exclude(form=form)
