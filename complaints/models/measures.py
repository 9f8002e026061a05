"""Dispositions (C7), on pages "accountability measure", what the policy allows, and the signatures under a negotiated text (C4)."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField

from complaints.lifecycle import DispositionMoves, DispositionState
from complaints.models.form import ComplaintForm, OfSomebody
from complaints.querysets import DispositionQuerySet
from feedback_desk.people.actors import Actor
from feedback_desk.people.models import User
from feedback_desk.records.append_only import AppendOnly
from feedback_desk.records.living import Living
from feedback_desk.records.models import Entry, Item
from feedback_desk.records.moves import Move


class DispositionKind(models.TextChoices):
    TALK = "talk", _("Talk")
    TRAINING = "training", _("Training")
    WARNING = "warning", _("Warning")
    DEDUCT_SHARE = "deduct_share", _("Deduction, share of the month's performance pay")
    DEDUCT_AMOUNT = "deduct_amount", _("Deduction, amount")
    NONE = "none", _("None")
    COMMENDATION = "commendation", _("Commendation")


DEDUCTIONS = (DispositionKind.DEDUCT_SHARE, DispositionKind.DEDUCT_AMOUNT)
WITH_AMOUNT = (*DEDUCTIONS, DispositionKind.COMMENDATION)


class DispositionPolicy(models.Model):
    """C7: what the policy allows per kind, as data; amounts in percent or yuan."""

    kind = models.CharField(_("kind"), max_length=15, choices=DispositionKind, unique=True)
    cap = models.DecimalField(_("at most"), max_digits=10, decimal_places=2, null=True, blank=True)

    class Meta:
        verbose_name = _("cap of a measure")
        verbose_name_plural = _("caps of measures")

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.cap}"


class Disposition(OfSomebody, DispositionMoves, Living):
    """C7: an accountability measure for one person or one department; reviewed apart, ruled together."""

    part_of_item = "measure"

    state = FSMField(_("state"), max_length=12, choices=DispositionState.choices, default=DispositionState.DRAFT, protected=True)
    state_since = models.DateTimeField(_("in this state since"))
    version = models.PositiveIntegerField(_("version"), default=1)
    form = models.ForeignKey(ComplaintForm, verbose_name=_("complaint form"), on_delete=models.PROTECT, related_name="dispositions")
    round = models.PositiveSmallIntegerField(_("round"))
    user = models.ForeignKey("people.User", verbose_name=_("person"), null=True, blank=True, on_delete=models.PROTECT, related_name="dispositions")
    department = models.ForeignKey("people.Department", verbose_name=_("department"), on_delete=models.PROTECT, related_name="dispositions")
    kind = models.CharField(_("kind"), max_length=15, choices=DispositionKind)
    amount = models.DecimalField(_("percent or amount"), max_digits=10, decimal_places=2, null=True, blank=True)
    clause = models.CharField(_("policy clause"), max_length=200)
    reason = models.TextField(_("reason"))
    objection = models.TextField(_("objection"), blank=True)
    answer = models.TextField(_("answer of the person concerned"), blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    ruled_at = models.DateTimeField(_("ruled"), null=True, blank=True)
    talk_on = models.DateField(_("date of the talk"), null=True, blank=True)
    talk_words = models.TextField(_("what was said in the talk"), blank=True)
    executed_at = models.DateTimeField(_("carried out"), null=True, blank=True)
    executed_by = models.ForeignKey("people.User", verbose_name=_("carried out by"), null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reversed_at = models.DateTimeField(null=True, blank=True)

    objects = DispositionQuerySet.as_manager()

    class Meta:
        verbose_name = _("accountability measure")
        verbose_name_plural = _("accountability measures")
        ordering = ("form", "round", "pk")
        indexes = [models.Index(fields=["ruled_at"], name="disposition_ruled"), models.Index(fields=["state", "department"], name="disposition_review")]

    def __str__(self) -> str:
        return f"{self.target}: {self.get_kind_display()}"

    @property
    def item(self) -> Item:
        return self.form.item

    def capacities(self, actor: Actor) -> frozenset[str]:
        from complaints.permissions import capacities_on_disposition

        return capacities_on_disposition(self, actor)

    def in_place_of(self, user: User, declared: Move) -> User | None:
        from complaints.permissions import in_place_of

        return in_place_of(self.form, departments={self.department_id}, user=user, declared=declared)

    def handed_on(self, user: User, who: frozenset[str]) -> Entry | None:
        return self.form.handed_on(user, who)

    def other_eyes(self, kind: str, user: Any) -> bool:
        return self.form.other_eyes(kind, user)


class Signature(AppendOnly, models.Model):
    """C4: one of the two signatures under a negotiated text, for one version of it."""

    disposition = models.ForeignKey(Disposition, on_delete=models.PROTECT, related_name="signatures")
    version = models.PositiveIntegerField()
    side = models.CharField(max_length=12, choices=[("cs_manager", _("Customer-service manager")), ("department", _("Department"))])
    user = models.ForeignKey("people.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("signature")
        verbose_name_plural = _("signatures")
        constraints = [models.UniqueConstraint("disposition", "version", "side", name="one_signature_a_side")]
