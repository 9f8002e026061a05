"""The vocabulary of the complaint tables."""

from __future__ import annotations

from typing import Self

from django.db.models import Exists, OuterRef

from feedback_desk.people.models import Concern, User
from feedback_desk.records.living import LivingQuerySet


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
