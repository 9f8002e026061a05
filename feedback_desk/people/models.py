"""Who works here: users, departments, roles, absence and backup, concern (V1-V3)."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import F, Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from feedback_desk.records.append_only import AppendOnly


class Role(models.TextChoices):
    """The roles of section 1 of the process book; rights follow them (V1)."""

    AGENT = "agent", _("Agent, first line")
    SECOND_LINE = "second_line", _("Agent, second line")
    RETURN_VISIT = "return_visit", _("Return-visit specialist")
    INSPECTOR = "inspector", _("Service inspector")
    BUSINESS = "business", _("Business colleague")
    TECHNICIAN = "technician", _("Technician or order clerk")
    QUALITY = "quality", _("Quality department")
    ANALYST = "analyst", _("Analyst")
    SUPERVISOR = "supervisor", _("Customer-service supervisor")
    DEPARTMENT_HEAD = "department_head", _("Department head")
    OFFICE = "office", _("Administration department")
    CS_MANAGER = "cs_manager", _("Customer-service manager")
    REPRESENTATIVE = "representative", _("Management representative")
    GENERAL_MANAGER = "general_manager", _("General manager")
    ADMINISTRATOR = "administrator", _("Administrator")


RANK: dict[str, int] = {
    Role.AGENT: 10, Role.SECOND_LINE: 10, Role.RETURN_VISIT: 10, Role.INSPECTOR: 10, Role.BUSINESS: 10, Role.TECHNICIAN: 10,
    Role.QUALITY: 10, Role.ANALYST: 10, Role.SUPERVISOR: 20, Role.DEPARTMENT_HEAD: 30, Role.OFFICE: 35, Role.CS_MANAGER: 40,
    Role.REPRESENTATIVE: 45, Role.GENERAL_MANAGER: 50, Role.ADMINISTRATOR: 0,
}  # fmt: skip
"""E1: people at or below the owner's rank are skipped on the ladder."""


class Presence(models.TextChoices):
    """T6: what a person says of themselves. On a break one is on duty, but the desk gives one nothing by itself."""

    HERE = "here", _("At the desk")
    BREAK = "break", _("On a break")
    GONE = "gone", _("Off duty")


class Department(models.Model):
    """A department with the person who heads it; the head's backup is on the person (V2)."""

    name = models.CharField(_("name"), max_length=60, unique=True)
    name_en = models.CharField(_("English name"), max_length=60, blank=True)
    head = models.ForeignKey("people.User", verbose_name=_("head"), null=True, blank=True, on_delete=models.SET_NULL, related_name="heads")
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("department")
        verbose_name_plural = _("departments")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.spoken

    @property
    def spoken(self) -> str:
        """In the reader's language. Records keep `name`, so that they say the same whoever writes and reads them."""
        return self.name_en if self.name_en and (get_language() or "").startswith("en") else self.name


class User(AbstractUser):
    """A colleague. Roles come from memberships; backup and superior are people."""

    name = models.CharField(_("full name"), max_length=60)
    department = models.ForeignKey(Department, verbose_name=_("department"), null=True, blank=True, on_delete=models.PROTECT, related_name="staff")
    backup = models.ForeignKey("self", verbose_name=_("backup"), null=True, blank=True, on_delete=models.SET_NULL, related_name="backs_up")
    superior = models.ForeignKey("self", verbose_name=_("superior"), null=True, blank=True, on_delete=models.SET_NULL, related_name="reports_here")
    on_duty = models.BooleanField(_("on duty"), default=True, help_text=_("Only people on duty get work assigned (T6)."))
    on_break = models.BooleanField(_("on a break"), default=False)
    presence_since = models.DateTimeField(_("since"), null=True, blank=True, editable=False)
    language = models.CharField(_("language"), max_length=10, default="zh-hans", choices=[("zh-hans", _("Simplified Chinese")), ("en", _("English"))])

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        ordering = ("username",)

    def __str__(self) -> str:
        return self.name or self.username

    @property
    def roles(self) -> frozenset[str]:
        """The person's roles; one query per request, or none when memberships were prefetched."""
        if not hasattr(self, "_roles"):
            self._roles = frozenset(m.role for m in self.memberships.all())
        return self._roles

    def has_role(self, *roles: str) -> bool:
        return self.is_active and bool(self.roles.intersection(roles))

    @property
    def presence(self) -> Presence:
        if not self.on_duty:
            return Presence.GONE
        return Presence.BREAK if self.on_break else Presence.HERE

    @property
    def rank(self) -> int:
        return max((RANK[r] for r in self.roles), default=0)


class Membership(models.Model):
    """One role of a person, in a department or, with none, everywhere (V1)."""

    user = models.ForeignKey(User, verbose_name=_("person"), on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=20, choices=Role)
    department = models.ForeignKey(Department, verbose_name=_("department"), null=True, blank=True, on_delete=models.CASCADE, related_name="memberships")

    class Meta:
        verbose_name = _("role of a person")
        verbose_name_plural = _("roles of people")
        constraints = [models.UniqueConstraint("user", "role", "department", name="one_membership", nulls_distinct=False)]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()}"


class AbsenceQuerySet(models.QuerySet["Absence"]):
    def covering(self, at: datetime) -> AbsenceQuerySet:
        return self.filter(starts_at__lte=at, ends_at__gt=at)


class Absence(models.Model):
    """Leave with its dates; the backup gets work and notices, deadlines do not move (V2)."""

    user = models.ForeignKey(User, verbose_name=_("person"), on_delete=models.CASCADE, related_name="absences")
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"))
    reason = models.CharField(_("reason"), max_length=100, blank=True)

    objects = AbsenceQuerySet.as_manager()

    class Meta:
        verbose_name = _("absence")
        verbose_name_plural = _("absences")
        ordering = ("-starts_at",)
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="absence_ends_after_start", violation_error_message=_("The absence must end after it starts.")
            )
        ]
        indexes = [models.Index(fields=["ends_at", "starts_at"], name="absence_running")]  # people.receivers

    def __str__(self) -> str:
        return f"{self.user} {self.starts_at:%Y-%m-%d} – {self.ends_at:%Y-%m-%d}"


class PresenceChange(AppendOnly, models.Model):
    """T6: from when on somebody was at the desk, on a break or off duty, and who said so. Written by people.services.set_presence only."""

    user = models.ForeignKey(User, verbose_name=_("person"), on_delete=models.PROTECT, related_name="presence_changes")
    presence = models.CharField(_("presence"), max_length=8, choices=Presence)
    at = models.DateTimeField(_("when"), db_index=True)
    by = models.ForeignKey(User, verbose_name=_("said by"), on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("change of presence")
        verbose_name_plural = _("changes of presence")
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        return f"{self.user} · {self.get_presence_display()}"


class Concern(models.Model):
    """V3: this person is named in this matter and takes no part in handling it. Asked by people.access only."""

    item = models.ForeignKey(
        "records.Item", verbose_name=_("item"), on_delete=models.CASCADE, related_name="concerns", help_text=_("The root item of the matter.")
    )
    user = models.ForeignKey(User, verbose_name=_("person"), on_delete=models.PROTECT, related_name="concerns")
    because = models.CharField(_("because"), max_length=200)
    since = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("person concerned")
        verbose_name_plural = _("people concerned")
        constraints = [models.UniqueConstraint("item", "user", name="one_concern")]

    def __str__(self) -> str:
        return f"{self.user}: {self.item}"


class Refusal(AppendOnly, models.Model):
    """What somebody tried and may not do (V3: refused, recorded). Append-only; written outside the refused transaction."""

    user = models.ForeignKey(User, verbose_name=_("person"), null=True, on_delete=models.PROTECT, related_name="refusals")
    item = models.ForeignKey("records.Item", verbose_name=_("item"), null=True, on_delete=models.PROTECT, related_name="refusals")
    verb = models.CharField(_("tried"), max_length=60)
    because = models.CharField(_("because"), max_length=200)
    at = models.DateTimeField(_("when"), db_index=True)

    class Meta:
        verbose_name = _("refused attempt")
        verbose_name_plural = _("refused attempts")
        ordering = ("-at",)

    def __str__(self) -> str:
        return f"{self.user} {self.verb}"
