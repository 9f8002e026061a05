"""Return visits with their scores, and the supervisor's second follow-up after a bad one (section 6, F3-F5)."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from complaints.models import ComplaintForm
from feedback_desk.records.append_only import AppendOnly
from tickets.models import Contact, Ticket

SCORE = [MinValueValidator(1), MaxValueValidator(5)]


class Visit(AppendOnly, models.Model):
    """One visit attempt; its words stand in the contact record (F1), its scores here (F3). Scores are null when nobody was reached."""

    class Mood(models.TextChoices):
        SATISFIED = "satisfied", _("Satisfied")
        NEUTRAL = "neutral", _("Neutral")
        DISSATISFIED = "dissatisfied", _("Dissatisfied")

    ticket = models.ForeignKey(Ticket, verbose_name=_("ticket"), on_delete=models.PROTECT, related_name="visits")
    form = models.ForeignKey(ComplaintForm, verbose_name=_("complaint form"), null=True, on_delete=models.PROTECT, related_name="visits")
    contact = models.OneToOneField(Contact, on_delete=models.PROTECT, related_name="visit")
    round = models.PositiveSmallIntegerField(_("round"))
    at = models.DateTimeField(_("when"), db_index=True)
    by = models.ForeignKey("people.User", verbose_name=_("by"), on_delete=models.PROTECT, related_name="visits")
    reached = models.BooleanField(_("reached"))
    mood = models.CharField(_("mood"), max_length=12, choices=Mood, blank=True)
    accepted = models.BooleanField(_("accepted"), null=True)
    speed = models.PositiveSmallIntegerField(_("speed"), null=True, blank=True, validators=SCORE)
    solution = models.PositiveSmallIntegerField(_("solution"), null=True, blank=True, validators=SCORE)
    attitude = models.PositiveSmallIntegerField(_("attitude"), null=True, blank=True, validators=SCORE)
    comment = models.TextField(_("overall comment"), blank=True)
    suggestions = models.TextField(_("suggestions"), blank=True)

    class Meta:
        verbose_name = _("return visit")
        verbose_name_plural = _("return visits")
        ordering = ("-at",)

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {timezone.localtime(self.at):%Y-%m-%d %H:%M}"

    @property
    def lowest(self) -> int | None:
        return min((s for s in (self.speed, self.solution, self.attitude) if s is not None), default=None)


class SecondFollowUp(AppendOnly, models.Model):
    """F4: a supervisor called after a score of 3 or less, found out why and recorded it; settles D22."""

    visit = models.OneToOneField(Visit, on_delete=models.PROTECT, related_name="second")
    at = models.DateTimeField(_("when"))
    by = models.ForeignKey("people.User", verbose_name=_("by"), on_delete=models.PROTECT, related_name="+")
    why = models.TextField(_("why the score was low"))
    agreed = models.TextField(_("what was agreed"), blank=True)

    class Meta:
        verbose_name = _("second follow-up")
        verbose_name_plural = _("second follow-ups")

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {timezone.localtime(self.at):%Y-%m-%d %H:%M}"
