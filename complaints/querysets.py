"""The vocabulary of the complaint tables."""

from __future__ import annotations

from typing import Self

from django.db.models import Exists, OuterRef, Q

from feedback_desk import clock
from feedback_desk.people import standing
from feedback_desk.people.models import Absence, Concern, Role, User
from feedback_desk.records.living import LivingQuerySet
from tickets.querysets import SEES_ALL

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
        """C14: those who compile, approve or check actions; the owner, who drafted it, and the department that carries it out. Nothing they are named in (V3)."""
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

    def awaiting_approval(self) -> Self:
        return self.filter(state="awaiting_approval")
