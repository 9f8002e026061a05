"""Outstanding matters and what stands at the end (C8, C20)."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from complaints.models.early import OnForm


class Instruction(OnForm):
    """C8: grade I that cannot be determined is not set aside: the general manager writes how it goes on."""

    lead = models.ForeignKey("people.User", verbose_name=_("lead"), on_delete=models.PROTECT, related_name="+")
    what = models.TextField(_("how it goes on"))
    until = models.DateTimeField(_("by when"))

    class Meta(OnForm.Meta):
        verbose_name = _("instruction of the general manager")
        verbose_name_plural = _("instructions of the general manager")


class Reminder(OnForm):
    """C8, D28: the customer of an outstanding matter was reminded, and what has changed."""

    month = models.DateField(_("month"), null=True, blank=True, help_text="First day of the month whose end began the limit; none when told beside it.")
    customer_says = models.TextField(_("what the customer says"))
    changed = models.TextField(_("what has changed"))

    class Meta(OnForm.Meta):
        verbose_name = _("reminder of the customer")
        verbose_name_plural = _("reminders of customers")


class ManagementReport(OnForm):
    """C20: of a grade I complaint management gets a report with proposals before it closes."""

    report = models.TextField(_("report"))
    proposals = models.TextField(_("proposals"))

    class Meta(OnForm.Meta):
        verbose_name = _("report to management")
        verbose_name_plural = _("reports to management")
