"""What the customer is told in writing, and the points it answers (C11–C13, C17, G3, K2, T14)."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from complaints import wording
from complaints.models.early import OnForm
from complaints.models.form import ComplaintForm
from feedback_desk.records.append_only import AppendOnly
from tickets.models import Way


class Point(models.Model):
    """C17 诉求点: one thing the customer asks for; the complaint does not close while one lacks an answer."""

    form = models.ForeignKey(ComplaintForm, on_delete=models.PROTECT, related_name="points")
    round = models.PositiveSmallIntegerField()
    text = models.TextField(_("point"))
    by = models.ForeignKey("people.User", null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    answer = models.TextField(_("answer"), blank=True)
    answered_by = models.ForeignKey("people.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("point of the customer")
        verbose_name_plural = _("points of the customer")
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.text


class ProgressNote(OnForm):
    """C11: situation, progress, what the customer says; to the group too where it handed the complaint down."""

    situation = models.TextField(_("situation"))
    progress = models.TextField(_("progress"))
    customer_says = models.TextField(_("what the customer says"))
    way = models.CharField(_("how"), max_length=10, choices=Way)
    wording = models.TextField(_("agreed wording"), blank=True)
    to_group = models.CharField(_("told to the group"), max_length=200, blank=True)

    class Meta(OnForm.Meta):
        verbose_name = _("progress told")
        verbose_name_plural = _("progress told")


class Meeting(OnForm):
    """T14 内部沟通会: who came, and the one solution they agreed on."""

    people = models.ManyToManyField("people.User", verbose_name=_("who came"), related_name="+")
    solution = models.TextField(_("agreed solution"))

    class Meta(OnForm.Meta):
        verbose_name = _("internal meeting")
        verbose_name_plural = _("internal meetings")


class FormalReply(OnForm):
    """G3: the first formal reply in writing, within 24 hours of receipt."""

    text = models.TextField(_("text"))
    way = models.CharField(_("how"), max_length=10, choices=Way)

    class Meta(OnForm.Meta):
        verbose_name = _("formal reply in writing")
        verbose_name_plural = _("formal replies in writing")


class FinalReply(OnForm):
    """C12, C13: the final reply as it was drawn up; a changed one is a new row. It goes out with a `ReplySending`."""

    found = models.TextField(_("what was found"))
    done = models.TextField(_("what was done"))
    prevented = models.TextField(_("what prevents it from happening again"))
    apology = models.TextField(_("apology"), blank=True)
    text = models.TextField(_("letter"), help_text="{customer} stands for the name: masked on pages, in full when it leaves (V4).")

    class Meta(OnForm.Meta):
        verbose_name = _("final reply")
        verbose_name_plural = _("final replies")

    def letter(self, name: str) -> str:
        return self.text.replace("{customer}", name)


class ReplySending(AppendOnly, models.Model):
    """The final reply left: how, by whom, and how the association was answered that passed the complaint on (C13)."""

    reply = models.OneToOneField(FinalReply, on_delete=models.PROTECT, related_name="sending")
    by = models.ForeignKey("people.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    way = models.CharField(_("how"), max_length=10, choices=Way)
    to_association = models.CharField(_("answer to the association"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("sending of a reply")
        verbose_name_plural = _("sendings of replies")


class ReplyTemplate(models.Model):
    """K2: a letter with fields in braces."""

    name = models.CharField(_("name"), max_length=60, unique=True)
    language = models.CharField(_("language"), max_length=7, choices=[("zh-hans", "中文"), ("en", "English")])
    body = models.TextField(_("letter"))
    active = models.BooleanField(_("in use"), default=True)
    order = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("letter")
        verbose_name_plural = _("letters")
        ordering = ("order", "pk")

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if faults := wording.faults(self.body) or wording.missing(self.body):
            raise ValidationError({"body": faults})

    @classmethod
    def offered(cls) -> models.QuerySet[ReplyTemplate]:
        """Those in the reader's language first."""
        mine = models.Case(models.When(language=get_language() or "zh-hans", then=0), default=1, output_field=models.IntegerField())
        return cls.objects.filter(active=True).order_by(mine, "order", "pk")
