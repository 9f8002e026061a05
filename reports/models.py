"""Summaries as issued: frozen figures, one per kind and period (R1, R2, R3, R12)."""

from __future__ import annotations

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from feedback_desk.records.append_only import AppendOnly
from feedback_desk.records.models import Item


class Summary(AppendOnly, models.Model):
    """R12: a summary once issued does not change. `figures` is what reports.figures (R3: reports.rewards) computed, as JSON; shown again as it was."""

    class Kind(models.TextChoices):
        WEEKLY = "weekly", _("Weekly summary")
        MONTHLY = "monthly", _("Monthly summary")
        REWARDS = "rewards", _("Rewards and penalties")

    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    start = models.DateField(_("from"))
    end = models.DateField(_("until"), help_text=_("The first day after the period."))
    issued_at = models.DateTimeField(_("issued"))
    version = models.PositiveSmallIntegerField(_("version"), default=1)
    item = models.OneToOneField(Item, verbose_name=_("item"), on_delete=models.PROTECT, related_name="summary")
    figures = models.JSONField(_("figures"), default=dict)

    class Meta:
        verbose_name = _("issued summary")
        verbose_name_plural = _("issued summaries")
        ordering = ("-start", "kind")
        constraints = [models.UniqueConstraint("kind", "start", "version", name="one_summary_a_period")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.start:%Y-%m-%d}"

    def get_absolute_url(self) -> str:
        return reverse("reports:summary", args=[self.kind, self.start])
