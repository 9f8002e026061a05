"""The outbox: what the desk has to tell whom, written with the change that causes it, delivered by a task (decisions 3, 11)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Channel(models.TextChoices):
    PAGE = "page", _("In the page")
    EMAIL = "email", _("E-mail")


class NoticeState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    SENDING = "sending", _("Being sent")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Failed")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class Template(models.TextChoices):
    """The texts in templates/notices."""

    ASSIGNED = "assigned", _("Work assigned")
    HANDED_UP = "handed_up", _("Handed up")
    DEADLINE_STEP = "deadline_step", _("A limit draws near or has passed")
    APPROVAL_WANTED = "approval_wanted", _("Approval wanted")
    RULED = "ruled", _("Ruling of the general manager")
    TOLD_CONCERNED = "told_concerned", _("To a person concerned")
    RECEIPT = "receipt", _("Receipt to the customer")
    REPLY = "reply", _("Reply to the customer")
    SUMMARY_ISSUED = "summary_issued", _("Summary issued")
    GENERIC = "generic", _("Message of the desk")
    ADMINISTRATOR_NOTE = "administrator_note", _("Note to administrators")
    ACT_FAILED = "act_failed", _("A step could not be carried out")
    LIMIT_SET_ASIDE = "limit_set_aside", _("A limit was set aside")
    MACHINERY_TROUBLE = "machinery_trouble", _("Trouble with the machinery")
    MACHINERY_WELL = "machinery_well", _("The machinery works again")


class Notice(models.Model):
    """One message to one receiver on one channel. `key` makes it happen once: f"{cause}:{receiver}:{channel}".

    `receiver` is a colleague; for a customer it is null and `contact_point` holds the id of the address to decrypt when sending.
    `cause` groups the notices of one step ("step:<pk>") so that they can be withdrawn together.
    """

    key = models.CharField(_("key"), max_length=120, unique=True)
    cause = models.CharField(max_length=60, db_index=True)
    item = models.ForeignKey("records.Item", verbose_name=_("item"), null=True, on_delete=models.PROTECT, related_name="notices")
    receiver = models.ForeignKey("people.User", verbose_name=_("receiver"), null=True, on_delete=models.PROTECT, related_name="notices")
    contact_point = models.BigIntegerField(null=True)
    channel = models.CharField(_("channel"), max_length=10, choices=Channel)
    template = models.CharField(_("kind of notice"), max_length=40, choices=Template)
    data = models.JSONField(default=dict)
    state = models.CharField(_("state"), max_length=10, choices=NoticeState, default=NoticeState.WAITING)
    created_at = models.DateTimeField(_("written"))
    send_after = models.DateTimeField(_("not before"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(_("sent"), null=True)
    read_at = models.DateTimeField(_("read"), null=True)
    last_error = models.CharField(_("last error"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ("-created_at",)
        indexes = [
            models.Index(fields=["send_after"], condition=Q(state__in=["waiting", "sending"]), name="notice_to_send"),  # notices.deliver
            models.Index(fields=["receiver", "created_at"], condition=Q(channel="page", read_at__isnull=True), name="notice_unread"),  # the bell
        ]

    def __str__(self) -> str:
        return f"{self.get_template_display()} · {self.get_channel_display()}"


class Whom(models.TextChoices):
    EVERYBODY = "everybody", _("Colleagues and customers")
    COLLEAGUES = "colleagues", _("Colleagues")
    CUSTOMERS = "customers", _("Customers")


ALL_DAYS = [1, 2, 3, 4, 5, 6, 7]


def all_days() -> list[int]:
    return list(ALL_DAYS)


class QuietHours(models.Model):
    """E1: nothing leaves on this channel between the two local times of these days (1 = Monday); it waits for their end. The page is never quiet."""

    channel = models.CharField(_("channel"), max_length=10, choices=[c for c in Channel.choices if c[0] != Channel.PAGE])
    whom = models.CharField(_("for whom"), max_length=12, choices=Whom, default=Whom.EVERYBODY)
    from_time = models.TimeField(_("from"))
    until_time = models.TimeField(_("until"), help_text=_("Earlier than “from”: on the next day. The same: the whole day."))
    weekdays = models.JSONField(_("on the days"), default=all_days)
    zone = models.CharField(_("time zone"), max_length=40, default="Asia/Shanghai")
    urgent_passes = models.BooleanField(_("urgent notices go out at once"), default=True)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("quiet hours")
        verbose_name_plural = _("quiet hours")
        ordering = ("channel", "from_time", "pk")

    def __str__(self) -> str:
        return f"{self.get_channel_display()} {self.from_time:%H:%M}-{self.until_time:%H:%M}"


class ServiceState(models.Model):
    """A sign of life: who last ran, when (database time), and anything worth showing. Read by /healthz and the back office."""

    name = models.CharField(max_length=120, primary_key=True)
    at = models.DateTimeField()
    data = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("sign of life")
        verbose_name_plural = _("signs of life")

    def __str__(self) -> str:
        return self.name
