"""The vocabulary of the ticket tables. A page has one method that loads all it reads, in as many queries at 1 row as at 50."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

from feedback_desk import clock
from feedback_desk.people.models import Absence, Concern, Role, User
from feedback_desk.records.living import LivingQuerySet
from feedback_desk.records.secrets import fingerprint, last_four, normal

if TYPE_CHECKING:
    from tickets.models import Customer  # noqa: F401 - named in the base class's brackets

SEES_ALL = frozenset({
    Role.AGENT, Role.SECOND_LINE, Role.SUPERVISOR, Role.CS_MANAGER, Role.OFFICE, Role.GENERAL_MANAGER, Role.RETURN_VISIT, Role.INSPECTOR, Role.ANALYST,
})  # fmt: skip
"""Roles that work on every matter (V1). Others see what their department or they themselves hold."""


class CustomerQuerySet(models.QuerySet["Customer"]):
    def found_by(self, text: str) -> Self:
        """By customer number, name, pinyin, whole phone or e-mail, or a phone's last four digits (V4: nothing else is searchable)."""
        text = text.strip()
        if not text:
            return self.none()
        by_name = Q(name__icontains=text) | Q(number__iexact=text) | Q(contact_name__icontains=text) | Q(pinyin__contains=text.lower().replace(" ", ""))
        digits = normal("phone", text)
        if len(digits) == 4 and digits == text:
            by_name |= Q(contact_points__last4=last_four("phone", digits))
        elif len(digits) >= 7:
            by_name |= Q(contact_points__whole=fingerprint("phone", text))
        if "@" in text:
            by_name |= Q(contact_points__whole=fingerprint("email", text))
        return self.filter(by_name).distinct()

    def untouched_by(self, user: User) -> Self:
        """V3: without customers of any matter, live or past, that this person is named in."""
        return self.exclude(pk__in=self.closed_to(user).values("pk"))

    def closed_to(self, user: User) -> models.QuerySet[Customer]:
        """V3: those customers: their files do not exist for this person, administrators included."""
        return self.model.objects.filter(tickets__item__concerns__user=user).order_by()

    def visible_to(self, user: User) -> Self:
        """Customer files: everybody who registers or works on every matter sees them all, others those of the tickets they see (V1); V3 before that."""
        from tickets.models import Ticket
        from tickets.permissions import REGISTERS

        seen = self.untouched_by(user)
        if user.is_active and user.roles & (SEES_ALL | REGISTERS):
            return seen
        return seen.filter(Exists(Ticket.objects.visible_to(user).filter(customer=OuterRef("pk"))))


class TicketQuerySet(LivingQuerySet):
    def visible_to(self, user: User) -> Self:
        """Every ticket this person may see; nothing they are named in (V3)."""
        seen = self.exclude(Exists(Concern.objects.filter(item_id=OuterRef("item__root_id"), user=user)))
        if not user.is_active:
            return self.none()
        if user.roles & SEES_ALL:
            return seen
        away = Absence.objects.covering(clock.now()).order_by().filter(user=OuterRef("assignee"))
        mine = Q(assignee=user) | Q(item__holder=user) | Q(registered_by=user) | Q(Exists(away), assignee__backup=user)
        departments = {m.department_id for m in user.memberships.all() if m.department_id} | ({user.department_id} if user.department_id else set())
        if departments and user.roles - {Role.ADMINISTRATOR}:
            mine |= Q(item__department_id__in=departments) | Q(item__parts__department_id__in=departments)
        return seen.filter(mine).distinct()

    def unfinished(self) -> Self:
        return self.filter(item__open=True)

    def for_list(self) -> Self:
        """All that templates/workplace/_row.html reads, next limit first."""
        return self.select_related("item", "item__holder", "customer", "category", "assignee", "form").prefetch_related("customer__contact_points")

    def to_take(self) -> Self:
        return self.filter(state="pending", assignee=None)


def pinyin_of(name: str) -> str:
    """Full pinyin and initials of a name, joined by a bar: "chenyuyao|cyy"."""
    from pypinyin import lazy_pinyin

    syllables: list[str] = lazy_pinyin(name)
    return f"{''.join(syllables)}|{''.join(s[:1] for s in syllables)}".lower()[:200]
