"""Root causes, and the corrective and preventive actions that remove them (C14). An action has an item of its own and outlives its complaint."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField

from complaints.lifecycle import ActionMoves, ActionState
from complaints.models.early import OnForm
from complaints.models.form import ComplaintForm
from complaints.querysets import ActionQuerySet
from feedback_desk.people.actors import Actor
from feedback_desk.people.models import User
from feedback_desk.records.append_only import AppendOnly
from feedback_desk.records.living import Living
from feedback_desk.records.models import Entry, Item
from feedback_desk.records.moves import Move

WHYS = 5


class CauseCategory(models.Model):
    """C14: a tree of where root causes lie; the first rows are people, method, material, machine, environment, management."""

    slug = models.SlugField(_("code"), max_length=60, unique=True)
    parent = models.ForeignKey("self", verbose_name=_("part of"), null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    name = models.CharField(_("name"), max_length=60)
    name_en = models.CharField(_("English name"), max_length=60, blank=True)
    active = models.BooleanField(_("active"), default=True)
    order = models.PositiveSmallIntegerField(_("order"), default=100)

    class Meta:
        verbose_name = _("category of root causes")
        verbose_name_plural = _("categories of root causes")
        ordering = ("order", "name")

    def __str__(self) -> str:
        return f"{self.parent.spoken} / {self.spoken}" if self.parent else self.spoken

    @property
    def spoken(self) -> str:
        return self.name_en if self.name_en and (get_language() or "").startswith("en") else self.name


class RootCause(OnForm):
    """C14: why, and why that (5 why), down to what is to be removed. A later one stands beside it."""

    category = models.ForeignKey(CauseCategory, verbose_name=_("category of the cause"), on_delete=models.PROTECT, related_name="causes")
    whys = models.JSONField(_("why"), default=list, help_text=_("One to five texts, each the answer to why the one before it came about."))
    conclusion = models.TextField(_("conclusion"))

    class Meta(OnForm.Meta):
        verbose_name = _("root cause")
        verbose_name_plural = _("root causes")

    def __str__(self) -> str:
        return f"{self.category}: {self.conclusion[:60]}"


class ActionKind(models.TextChoices):
    CORRECTIVE = "corrective", _("Corrective")
    PREVENTIVE = "preventive", _("Preventive")


class CorrectiveAction(ActionMoves, Living):
    """纠正及预防措施: what is done about a root cause, by whom, until when, and when its effect is checked.

    `hands`: who drafted, changed or submitted the text of this try; none of them approves it (V8). What an earlier try said stands in the history.
    """

    state = FSMField(_("state"), max_length=20, choices=ActionState.choices, default=ActionState.DRAFT, protected=True)
    state_since = models.DateTimeField(_("in this state since"))
    version = models.PositiveIntegerField(default=1, help_text="Rises with every move and every change of the text.")
    round = models.PositiveSmallIntegerField(_("try"), default=1)
    item = models.OneToOneField(Item, verbose_name=_("number"), on_delete=models.PROTECT, related_name="action")
    form = models.ForeignKey(ComplaintForm, verbose_name=_("complaint form"), on_delete=models.PROTECT, related_name="actions")
    cause = models.ForeignKey(RootCause, verbose_name=_("root cause"), null=True, blank=True, on_delete=models.PROTECT, related_name="actions")
    kind = models.CharField(_("kind"), max_length=10, choices=ActionKind)
    what = models.TextField(_("what is done"))
    owner = models.ForeignKey("people.User", verbose_name=_("owner"), null=True, blank=True, on_delete=models.PROTECT, related_name="actions")
    department = models.ForeignKey("people.Department", verbose_name=_("department"), on_delete=models.PROTECT, related_name="actions")
    due_on = models.DateField(_("to be carried out by"))
    effect_on = models.DateField(_("effect checked on"))
    hands = models.JSONField(default=list)
    drafted_at = models.DateTimeField(_("drafted"))
    drafted_by = models.ForeignKey("people.User", verbose_name=_("drafted by"), on_delete=models.PROTECT, related_name="+")
    compiled_at = models.DateTimeField(_("submitted"), null=True, blank=True)
    compiled_by = models.ForeignKey("people.User", verbose_name=_("compiled by"), null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField(_("approved"), null=True, blank=True)
    approved_by = models.ForeignKey("people.User", verbose_name=_("approved by"), null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    done_at = models.DateTimeField(_("carried out"), null=True, blank=True)
    done = models.TextField(_("what was done"), blank=True)
    checked_at = models.DateTimeField(_("effect checked"), null=True, blank=True)
    checked_by = models.ForeignKey("people.User", verbose_name=_("checked by"), null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    evidence = models.TextField(_("evidence"), blank=True)

    objects = ActionQuerySet.as_manager()

    class Meta:
        verbose_name = _("corrective or preventive action")
        verbose_name_plural = _("corrective and preventive actions")
        ordering = ("-drafted_at", "-pk")
        constraints = [models.CheckConstraint(condition=Q(effect_on__gte=F("due_on")), name="effect_shows_after_it_was_done")]
        indexes = [
            models.Index(fields=["state", "due_on"], name="action_state"),  # approvals, the list
            models.Index(fields=["owner", "state"], name="action_owner"),  # the list: mine
        ]

    def __str__(self) -> str:
        return self.item.number

    @property
    def number(self) -> str:
        return self.item.number

    def capacities(self, actor: Actor) -> frozenset[str]:
        from complaints.permissions import capacities_on_action

        return capacities_on_action(self, actor)

    def in_place_of(self, user: User, declared: Move) -> User | None:
        from complaints.permissions import in_place_of_action

        return in_place_of_action(self, user=user, declared=declared)

    def handed_on(self, user: User, who: frozenset[str]) -> Entry | None:
        """What others have of it goes with the text, which names its version."""
        return None

    def other_eyes(self, kind: str, user: Any) -> bool:
        return False

    def handled_by(self, user: User) -> bool:
        """V8: had this person a hand in the text of this try?"""
        return user.pk in self.hands


class Recurrence(AppendOnly, models.Model):
    """C14: what an action was found to have removed came again, in another complaint."""

    action = models.ForeignKey(CorrectiveAction, on_delete=models.PROTECT, related_name="recurrences")
    form = models.ForeignKey(ComplaintForm, verbose_name=_("complaint form"), on_delete=models.PROTECT, related_name="recurrences")
    reason = models.TextField(_("reason"))
    by = models.ForeignKey("people.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("recurrence")
        verbose_name_plural = _("recurrences")
        ordering = ("at", "pk")
