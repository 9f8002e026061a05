"""G1, I7: the rules that propose a grade, what was proposed for a form, and batches of complaints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from complaints.models.form import ComplaintForm, Grade, QualityClass
from feedback_desk.records.append_only import AppendOnly
from tickets.models import Category, Channel, Level, Urgency


class Field(models.TextChoices):
    """What a criterion looks at."""

    CATEGORY = "category", _("Category")
    CHANNEL = "channel", _("Channel")
    URGENCY = "urgency", _("Urgency")
    LEVEL = "level", _("Customer level")
    QUALITY = "quality", _("Product quality")
    QUALITY_CLASS = "quality_class", _("Quality class")
    WORDS = "words", _("Words in the text")
    REPEAT = "repeat", _("Repeat of the same customer")
    BATCH = "batch", _("Batch")
    UNSOLVED = "unsolved", _("Hours without a result")
    EARLIER = "earlier", _("Earlier case")


class Comparison(models.TextChoices):
    IS = "is", _("is")
    ONE_OF = "one_of", _("is one of")
    CONTAINS = "contains", _("contains any of")
    AT_LEAST = "at_least", _("at least")
    WITHIN = "within", _("within (days)")


CHOSEN = (Comparison.IS, Comparison.ONE_OF)
FITTING: dict[str, tuple[Comparison, ...]] = {
    Field.CATEGORY: CHOSEN, Field.CHANNEL: CHOSEN, Field.URGENCY: CHOSEN, Field.LEVEL: CHOSEN, Field.QUALITY: (Comparison.IS,),
    Field.QUALITY_CLASS: CHOSEN, Field.WORDS: (Comparison.CONTAINS,), Field.REPEAT: (Comparison.WITHIN,), Field.BATCH: (Comparison.AT_LEAST,),
    Field.UNSOLVED: (Comparison.AT_LEAST,), Field.EARLIER: (Comparison.IS,),
}  # fmt: skip
"""How each field can be compared."""
CHOICES: dict[str, dict[str, Any]] = {
    Field.CHANNEL: dict(Channel.choices), Field.URGENCY: dict(Urgency.choices), Field.LEVEL: dict(Level.choices),
    Field.QUALITY: {"yes": _("Yes"), "no": _("No")}, Field.QUALITY_CLASS: {str(code): label for code, label in QualityClass.choices},
    Field.EARLIER: {"open": _("open"), "closed": _("Closed")},
}  # fmt: skip
"""Values and their names."""
MOST_DAYS, MOST_HOURS, MOST_CUSTOMERS = 366, 24 * 366, 1000
BATCH_VALUE = re.compile(r"(\d{1,4})/(\d{1,3})")


class GradingRule(models.Model):
    """G1: when all its criteria hold, the desk proposes this grade; the highest of all rules wins. Without criteria: where no other rule applies."""

    name = models.CharField(_("name"), max_length=60, unique=True)
    name_en = models.CharField(_("English name"), max_length=80, blank=True)
    grade = models.CharField(_("grade it proposes"), max_length=3, choices=Grade)
    active = models.BooleanField(_("active"), default=True)
    order = models.PositiveSmallIntegerField(_("order"), default=100)

    class Meta:
        verbose_name = _("rule of grading")
        verbose_name_plural = _("rules of grading")
        ordering = ("grade", "order", "pk")

    def __str__(self) -> str:
        return f"{self.grade} · {self.spoken}"

    @property
    def spoken(self) -> str:
        return self.name_en if self.name_en and (get_language() or "").startswith("en") else self.name


class GradingCriterion(models.Model):
    """One condition of a rule. Values of a list are separated by comma, semicolon, 、 or a new line."""

    rule = models.ForeignKey(GradingRule, verbose_name=_("rule"), on_delete=models.CASCADE, related_name="criteria")
    field = models.CharField(_("what"), max_length=16, choices=Field)
    comparison = models.CharField(_("how"), max_length=10, choices=Comparison)
    value = models.CharField(
        _("value"), max_length=600, help_text=_("Codes or words, several separated by commas; days, hours; for a batch customers/days, like 3/7.")
    )

    class Meta:
        verbose_name = _("criterion")
        verbose_name_plural = _("criteria")
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.get_field_display()} {self.get_comparison_display()} {self.value}"

    @property
    def values(self) -> list[str]:
        return [part for part in (piece.strip() for piece in re.split(r"[,，、;；\n]", self.value)) if part]

    def told(self, categories: Mapping[str, str]) -> str:
        """In words; `categories`: names by code."""
        names = categories if self.field == Field.CATEGORY else CHOICES.get(self.field, {})
        return f"{self.get_field_display()} {self.get_comparison_display()} {', '.join(str(names.get(value, value)) for value in self.values)}"

    def clean(self) -> None:
        """Says of a value what it has to be, and of a comparison which ones fit."""
        fitting = FITTING.get(self.field)
        if fitting is None:
            return
        if self.comparison not in fitting:
            names = " / ".join(str(c.label) for c in fitting)
            raise ValidationError({"comparison": _("“%(field)s” is compared by: %(names)s.") % {"field": self.get_field_display(), "names": names}})
        if wrong := self._wrong():
            raise ValidationError({"value": wrong})

    def _wrong(self) -> Any:
        if not self.values:
            return _("Give a value.")
        if self.comparison == Comparison.IS and len(self.values) > 1:
            return _("One value only; several go with “is one of”.")
        if self.field == Field.CATEGORY:
            missing = set(self.values) - set(Category.objects.filter(slug__in=self.values).values_list("slug", flat=True))
            return _("No category has the code: %(codes)s.") % {"codes": "、".join(sorted(missing))} if missing else ""
        if self.field in CHOICES:
            unknown = [value for value in self.values if value not in CHOICES[self.field]]
            said = _("Unknown: %(unknown)s. Possible are: %(possible)s.")
            return said % {"unknown": "、".join(unknown), "possible": ", ".join(CHOICES[self.field])} if unknown else ""
        return self._wrong_number()

    def _wrong_number(self) -> Any:
        value = self.value.strip()
        if self.field == Field.BATCH:
            found = BATCH_VALUE.fullmatch(value)
            fine = found and 2 <= int(found[1]) <= MOST_CUSTOMERS and 1 <= int(found[2]) <= MOST_DAYS
            return "" if fine else _("Write customers/days, like 3/7 for three customers within seven days: at least two, within a year.")
        if self.field == Field.REPEAT:
            return "" if _whole(value, MOST_DAYS) else _("Write a whole number of days, from 1 to %(most)s.") % {"most": MOST_DAYS}
        if self.field == Field.UNSOLVED:
            return "" if _whole(value, MOST_HOURS) else _("Write a whole number of hours, from 1 to %(most)s.") % {"most": MOST_HOURS}
        return ""


def _whole(text: str, most: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= most


class ProposalCause(models.TextChoices):
    REGISTERED = "registered", _("Registered")
    CORRECTED = "corrected", _("Corrected")
    THIRD_DAY = "third_day", _("Unsolved three days")
    BATCH = "batch", _("Batch")
    DECIDED = "decided", _("When it was decided")


class GradeProposal(AppendOnly, models.Model):
    """G1: what the desk proposed for a form, when, and why. A person decides."""

    form = models.ForeignKey(ComplaintForm, on_delete=models.PROTECT, related_name="proposals")
    at = models.DateTimeField(_("when"))
    grade = models.CharField(_("grade"), max_length=3, choices=Grade)
    why = models.JSONField(help_text="Rules that matched, highest first: grade, name and sentences, each in every language of the desk.")
    cause = models.CharField(_("because"), max_length=12, choices=ProposalCause)

    class Meta:
        verbose_name = _("proposed grade")
        verbose_name_plural = _("proposed grades")
        ordering = ("at", "pk")
        indexes = [models.Index(fields=["form", "-at"], name="proposal_of_form")]  # grading.standing, panel

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """Name of the rule and its sentence, of those that lead to this grade, in the reader's language."""
        return [(spoken(row["name"]), spoken(row["because"])) for row in self.why if row["grade"] == self.grade]


def spoken(said: dict[str, str]) -> str:
    """A sentence kept in each language, in the present one."""
    return said.get(get_language() or "") or next(iter(said.values()), "")


class Batch(models.Model):
    """I7: several customers about the same product or lot, in the same category, within days: linked, never merged."""

    product = models.CharField(_("product"), max_length=80, blank=True)
    model = models.CharField(_("model"), max_length=60, blank=True)
    lot = models.CharField(_("batch"), max_length=40, blank=True)
    category = models.ForeignKey(Category, verbose_name=_("category"), on_delete=models.PROTECT, related_name="+")
    first_at = models.DateTimeField(_("first received"))
    last_at = models.DateTimeField(_("last received"))
    spread_at = models.DateTimeField(null=True, help_text="When its members were last linked and their grades proposed; null while that is to be done.")

    class Meta:
        verbose_name = _("batch of complaints")
        verbose_name_plural = _("batches of complaints")
        ordering = ("-last_at",)
        indexes = [
            models.Index(fields=["category", "product", "model", "last_at"], name="batch_alike"),  # services.grading: the batch that goes on
            models.Index(fields=["last_at"], condition=models.Q(spread_at=None), name="batch_to_spread"),  # complaints.spread_batches
        ]

    def __str__(self) -> str:
        return " ".join(filter(None, [self.product, self.model, self.lot, self.category.spoken]))
