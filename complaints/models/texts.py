"""What stood on a form when somebody decided on it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from complaints.models.form import ComplaintForm
from feedback_desk.records.append_only import AppendOnly


class DecisionText(AppendOnly, models.Model):
    """All that is decided on, as it stood from `at` on: written whenever it changed (`complaints.texts`), so that what changed since can be shown."""

    form = models.ForeignKey(ComplaintForm, on_delete=models.PROTECT, related_name="texts")
    rows = models.JSONField(help_text="By key: plain words, or the terms of a measure or share.")
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("text of a determination")
        verbose_name_plural = _("texts of determinations")
        ordering = ("pk",)
        indexes = [models.Index(fields=["form", "at"], name="text_of_form")]  # approvals: as it stood when a department agreed
