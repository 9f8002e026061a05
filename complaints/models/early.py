"""The first hours of a complaint (C1, C16, C18, G2, G5, G7): each record is written once; a later one stands beside it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from complaints.models.form import ComplaintForm, Grade
from feedback_desk.records.append_only import AppendOnly


class OnForm(AppendOnly, models.Model):
    """Said of a form, in one of its rounds, by somebody."""

    form = models.ForeignKey(ComplaintForm, on_delete=models.PROTECT, related_name="%(class)s_rows")
    round = models.PositiveSmallIntegerField(_("round"))
    by = models.ForeignKey("people.User", verbose_name=_("by"), on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(_("when"))

    class Meta:
        abstract = True
        ordering = ("at", "pk")


class FactsCheck(OnForm):
    """C1: the facts, checked with the business colleague responsible, who also says whether an inspection on site is needed."""

    colleague = models.ForeignKey("people.User", verbose_name=_("checked with"), on_delete=models.PROTECT, related_name="+")
    found = models.TextField(_("what was found"))
    on_site = models.BooleanField(_("inspection on site needed"))

    class Meta(OnForm.Meta):
        verbose_name = _("check of the facts")
        verbose_name_plural = _("checks of the facts")


class FirstPlan(OnForm):
    """C1: the first plan; with a conversation with the customer it settles D12."""

    text = models.TextField(_("first plan"))

    class Meta(OnForm.Meta):
        verbose_name = _("first plan")
        verbose_name_plural = _("first plans")


class HandlingDecision(OnForm):
    """G2: lead, departments, who replies and how, immediate measures. A changed text is a new row, under which nobody has signed yet."""

    grade = models.CharField(_("grade"), max_length=3, choices=Grade, help_text="It counts while the form has this grade.")
    lead = models.ForeignKey("people.User", verbose_name=_("lead"), on_delete=models.PROTECT, related_name="+")
    departments = models.ManyToManyField("people.Department", verbose_name=_("departments"), blank=True, related_name="+")
    reply = models.CharField(_("who replies and how"), max_length=300)
    measures = models.TextField(_("immediate measures"))

    class Meta(OnForm.Meta):
        verbose_name = _("handling decision")
        verbose_name_plural = _("handling decisions")

    @property
    def terms(self) -> list[tuple[str, str]]:
        """All that is signed, each with its name."""
        departments = gettext(", ").join(str(department) for department in self.departments.all())
        return [
            (gettext("Lead"), str(self.lead)), (gettext("Departments"), departments or "–"), (gettext("Who replies, and how"), self.reply),
            (gettext("Immediate measures"), self.measures),
        ]  # fmt: skip


class DecisionSide(models.TextChoices):
    """Who signs it."""

    CS_MANAGER = "cs_manager", _("Customer-service manager")
    SUPERVISOR = "supervisor", _("Customer-service supervisor")
    LINE_HEAD = "line_head", _("Head of the business line")
    HANDLER = "handler", _("Agent")


SIDES: dict[str, tuple[str, ...]] = {
    Grade.MAJOR: (DecisionSide.CS_MANAGER, DecisionSide.SUPERVISOR), Grade.SERIOUS: (DecisionSide.SUPERVISOR, DecisionSide.LINE_HEAD),
    Grade.MINOR: (DecisionSide.HANDLER,),
}  # fmt: skip
"""G2: whose signatures a decision needs, by grade."""


class DecisionSignature(AppendOnly, models.Model):
    """G2: one of the signatures under a handling decision; nobody signs for two sides."""

    decision = models.ForeignKey(HandlingDecision, on_delete=models.PROTECT, related_name="signatures")
    side = models.CharField(max_length=12, choices=DecisionSide)
    by = models.ForeignKey("people.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("signature of a handling decision")
        verbose_name_plural = _("signatures of handling decisions")
        ordering = ("at", "pk")
        constraints = [
            models.UniqueConstraint("decision", "side", name="one_decision_signature_a_side"),
            models.UniqueConstraint("decision", "by", name="one_decision_signature_each"),
        ]


class FirstAnalysis(OnForm):
    """C16: within 48 hours of receipt; it may go to the customer."""

    what = models.TextField(_("what it is about"))
    cause = models.TextField(_("likely cause"))
    solution = models.TextField(_("proposed solution"))
    may_be_told = models.BooleanField(_("may go to the customer"), default=False)

    class Meta(OnForm.Meta):
        verbose_name = _("first analysis")


class WrittenCause(OnForm):
    """G5: the cause in writing, from the quality department or whoever analyses (G7)."""

    cause = models.TextField(_("cause"))
    evidence = models.CharField(_("samples, photos taken on site"), max_length=300, blank=True)

    class Meta(OnForm.Meta):
        verbose_name = _("written cause")
        verbose_name_plural = _("written causes")


class CauseApproval(AppendOnly, models.Model):
    """G7: for serious complaints the cause is approved before it is sent to the customer; never by who wrote it."""

    cause = models.OneToOneField(WrittenCause, on_delete=models.PROTECT, related_name="approval")
    by = models.ForeignKey("people.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("approval of a cause")
        verbose_name_plural = _("approvals of causes")


NOT_REPORTED = Q(station="", number="", reported_at=None)
REPORTED = ~Q(station="") & ~Q(number="") & Q(reported_at__isnull=False)


class PoliceReport(OnForm):
    """C18: an unlawful act is suspected; the report to the police once it was made."""

    suspicion = models.TextField(_("what is suspected"))
    station = models.CharField(_("police station"), max_length=120, blank=True)
    number = models.CharField(_("number of the report"), max_length=60, blank=True)
    reported_at = models.DateTimeField(_("reported"), null=True, blank=True)

    class Meta(OnForm.Meta):
        verbose_name = _("suspected unlawful act")
        verbose_name_plural = _("suspected unlawful acts")
        constraints = [models.CheckConstraint(condition=NOT_REPORTED | REPORTED, name="reported_as_a_whole")]


class AnalysisRule(models.Model):
    """G7: which department analyses complaints of a category and those below it, and which other with it. Without a department: by hand."""

    category = models.OneToOneField("tickets.Category", verbose_name=_("category"), on_delete=models.CASCADE, related_name="+")
    department = models.ForeignKey(
        "people.Department", verbose_name=_("department"), null=True, blank=True, on_delete=models.CASCADE, related_name="+",
        help_text=_("Empty: chosen by hand; of product quality, the quality department."),
    )  # fmt: skip
    beside = models.ForeignKey(
        "people.Department", verbose_name=_("together with"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text=_("A second department that analyses it; the one above leads."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("who analyses")
        verbose_name_plural = _("who analyses what")
        ordering = ("category__order", "category__name")

    def __str__(self) -> str:
        return f"{self.category.spoken} → {self.department or '–'}"
