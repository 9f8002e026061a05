"""Remedies for the customer (G4, C19), how much a role may give, and what is usually offered per category."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField

from complaints.lifecycle import RemedyMoves, RemedyState
from complaints.models.form import ComplaintForm, Grade
from feedback_desk.people.actors import Actor
from feedback_desk.people.models import Role, User
from feedback_desk.records.living import Living, LivingQuerySet
from feedback_desk.records.models import Entry, Item
from feedback_desk.records.moves import Move
from tickets.models import Way


class RemedyKind(models.TextChoices):
    REPLACEMENT = "replacement", _("Replacement")
    REPAIR = "repair", _("Repair")
    REFUND = "refund", _("Refund")
    PRICE_REDUCTION = "price_reduction", _("Price reduction")
    CASH = "cash", _("Cash")
    VOUCHER = "voucher", _("Voucher")
    GIFT = "gift", _("Gift")
    APOLOGY = "apology", _("Apology")
    FREE_CHECK = "free_check", _("Free check")


IN_MONEY = frozenset(RemedyKind) - {RemedyKind.REPAIR, RemedyKind.APOLOGY, RemedyKind.FREE_CHECK}
"""These have a value, which counts against the limit; of the others it may be left out."""
WORDS_AT_MOST = 5000
SHORT_ENOUGH = [MaxLengthValidator(WORDS_AT_MOST)]


class RemedyLimit(models.Model):
    """G4: the most one of a role may give on a form of a grade, all in all. No row: nothing."""

    role = models.CharField(_("role"), max_length=20, choices=Role)
    grade = models.CharField(_("grade"), max_length=3, choices=Grade)
    amount = models.DecimalField(_("at most, in yuan"), max_digits=10, decimal_places=2, null=True, blank=True, help_text=_("Empty: without limit."))

    class Meta:
        verbose_name = _("limit of remedies")
        verbose_name_plural = _("limits of remedies")
        ordering = ("grade", "role")
        constraints = [
            models.UniqueConstraint("role", "grade", name="one_remedy_limit", violation_error_message=_("This role has a limit for this grade already.")),
            models.CheckConstraint(condition=Q(amount=None) | Q(amount__gte=0), name="remedy_limit_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()}, {self.get_grade_display()}: {'∞' if self.amount is None else self.amount}"


class DefaultRemedy(models.Model):
    """G4: what is usually offered for complaints of a category and those below it; shown first."""

    category = models.ForeignKey("tickets.Category", verbose_name=_("category"), on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(_("kind"), max_length=15, choices=RemedyKind)
    order = models.PositiveSmallIntegerField(_("order"), default=10)

    class Meta:
        verbose_name = _("usual remedy")
        verbose_name_plural = _("usual remedies")
        ordering = ("category__order", "category__name", "order", "pk")
        constraints = [models.UniqueConstraint("category", "kind", name="one_default_remedy", violation_error_message=_("This stands there already."))]

    def __str__(self) -> str:
        return f"{self.category.spoken}: {self.get_kind_display()}"


class Remedy(RemedyMoves, Living):
    """G4: one thing offered to the customer. Those of one `option` are a solution together; solutions are alternatives, of which the customer chooses one."""

    part_of_item = "remedy"

    state = FSMField(_("state"), max_length=20, choices=RemedyState.choices, default=RemedyState.DRAFT, protected=True)
    state_since = models.DateTimeField(_("in this state since"))
    version = models.PositiveIntegerField(default=1)
    form = models.ForeignKey(ComplaintForm, verbose_name=_("complaint form"), on_delete=models.PROTECT, related_name="remedies")
    round = models.PositiveSmallIntegerField(_("round"))
    option = models.PositiveSmallIntegerField(_("solution"), help_text=_("1, 2, …: alternatives of the form, never used twice."))
    kind = models.CharField(_("kind"), max_length=15, choices=RemedyKind)
    value = models.DecimalField(_("value in yuan"), max_digits=10, decimal_places=2, null=True, blank=True)
    words = models.TextField(_("what exactly"), validators=SHORT_ENOUGH)
    goodwill = models.BooleanField(_("goodwill"), default=False, help_text=_("Nobody was at fault (C19)."))
    proposed_by = models.ForeignKey("people.User", verbose_name=_("proposed by"), on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(_("proposed"))
    comes_to = models.DecimalField(
        _("all in all"), max_digits=12, decimal_places=2, default=Decimal(0), help_text="What the form comes to with it; kept true while it waits for approval."
    )
    approved_by = models.ForeignKey("people.User", verbose_name=_("approved by"), null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField(_("approved"), null=True, blank=True)
    chosen_who = models.CharField(_("who chose"), max_length=120, blank=True)
    chosen_way = models.CharField(_("how"), max_length=10, choices=Way, blank=True)
    chosen_words = models.TextField(_("the customer's words"), validators=SHORT_ENOUGH, blank=True)
    chosen_at = models.DateTimeField(_("chosen"), null=True, blank=True)
    fulfilled_at = models.DateTimeField(_("fulfilled"), null=True, blank=True)
    fulfilled_words = models.TextField(_("how it was fulfilled"), validators=SHORT_ENOUGH, blank=True)
    ended_words = models.TextField(_("why not"), validators=SHORT_ENOUGH, blank=True)

    objects = LivingQuerySet.as_manager()

    class Meta:
        verbose_name = _("remedy")
        verbose_name_plural = _("remedies")
        ordering = ("form", "option", "pk")
        constraints = [models.CheckConstraint(condition=Q(value=None) | Q(value__gt=0), name="remedy_value_positive")]
        indexes = [
            models.Index(fields=["state", "form"], name="remedy_awaiting"),  # approvals, the ticket's result
            models.Index(fields=["chosen_at"], name="remedy_chosen"),  # similar complaints
        ]

    def __str__(self) -> str:
        return f"{self.form.item.number} {self.option}: {self.terms}"

    @property
    def item(self) -> Item:
        return self.form.item

    @property
    def terms(self) -> str:
        return terms_of(self.kind, self.value)

    def capacities(self, actor: Actor) -> frozenset[str]:
        from complaints.permissions import capacities_on_remedy

        return capacities_on_remedy(self, actor)

    def in_place_of(self, user: User, declared: Move) -> User | None:
        from complaints.permissions import in_place_on_remedy

        return in_place_on_remedy(self, user, declared)

    def handed_on(self, user: User, who: frozenset[str]) -> Entry | None:
        return self.form.handed_on(user, who | {"handler"} if who & {"giver", "asker"} else who)

    def other_eyes(self, kind: str, user: Any) -> bool:
        return False


def terms_of(kind: str, value: Any) -> str:
    """In a few words: "Voucher, 50 yuan"."""
    label = str(RemedyKind(kind).label) if kind in RemedyKind.values else kind
    return label if value in (None, "") else gettext("%(kind)s, %(value)s yuan") % {"kind": label, "value": yuan(value)}


def yuan(amount: Any) -> str:
    """Without zeros that say nothing: 50, 12.5."""
    return f"{Decimal(str(amount)).normalize():f}"
