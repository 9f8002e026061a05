"""What every room hangs things on: items, numbers, the append-only history, attachments."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from feedback_desk.records import naming
from feedback_desk.records.append_only import AppendOnly


class Kind(models.TextChoices):
    TICKET = "ticket", _("Ticket")
    FORM = "form", _("Complaint form")
    VISIT = "visit", _("Return visit")
    PERIOD = "period", _("Summary period")
    ACTION = "action", _("Corrective or preventive action")


class Item(models.Model):
    """One row per ticket, form, visit, period or action (decision 5): number, holder, next limit, title.

    `root` is the ticket's item for everything that belongs to a ticket, the item itself otherwise (never null after `records.items.open`).
    `next_*` mirror the item's earliest running deadline and are written by deadlines.services only.
    """

    number = models.CharField(_("number"), max_length=24, unique=True)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    root = models.ForeignKey("self", verbose_name=_("matter"), null=True, on_delete=models.CASCADE, related_name="parts")
    department = models.ForeignKey("people.Department", verbose_name=_("department"), null=True, blank=True, on_delete=models.PROTECT, related_name="items")
    holder = models.ForeignKey("people.User", verbose_name=_("holder"), null=True, blank=True, on_delete=models.PROTECT, related_name="held_items")
    open = models.BooleanField(_("open"), default=True)
    title = models.CharField(_("in one line"), max_length=200)
    next_limit_at = models.DateTimeField(_("next limit"), null=True, blank=True)
    next_limit_code = models.CharField(_("next limit is"), max_length=8, blank=True)
    next_warn_at = models.DateTimeField(_("warned from"), null=True, blank=True)
    next_paused = models.BooleanField(_("paused"), default=False)
    changed_at = models.DateTimeField(_("changed"), db_index=True)

    class Meta:
        verbose_name = _("item")
        verbose_name_plural = _("items")
        indexes = [
            models.Index(fields=["holder", "next_limit_at"], condition=Q(open=True), name="item_my_work"),  # workplace: my work
            models.Index(fields=["kind", "next_limit_at"], condition=Q(open=True), name="item_queue"),  # workplace: queue
            models.Index(fields=["department", "next_limit_at"], condition=Q(open=True), name="item_department"),
        ]

    def __str__(self) -> str:
        return self.number


class NumberCounter(models.Model):
    """The last running number of a prefix on a local day (I3)."""

    prefix = models.CharField(max_length=8)
    day = models.DateField()
    last = models.PositiveIntegerField()

    class Meta:
        verbose_name = _("counter of numbers")
        verbose_name_plural = _("counters of numbers")
        constraints = [models.UniqueConstraint("prefix", "day", name="one_counter")]


class ActedAs(models.TextChoices):
    PERSON = "person", _("Person")
    SYSTEM = "system", _("The desk")
    CUSTOMER = "customer", _("Customer")


class Entry(AppendOnly, models.Model):
    """One line of an item's history (V5). Written by records.history.record only; never edited, never removed.

    Personal words stand in `Words`; `words_digest` (SHA-256, hex) still proves them once they are erased.
    """

    item = models.ForeignKey(Item, verbose_name=_("item"), on_delete=models.PROTECT, related_name="entries")
    root = models.ForeignKey(Item, verbose_name=_("matter"), on_delete=models.PROTECT, related_name="story")
    at = models.DateTimeField(_("when"))
    by = models.ForeignKey("people.User", verbose_name=_("who"), null=True, on_delete=models.PROTECT, related_name="+")
    actor = models.CharField(_("acted as"), max_length=10, choices=ActedAs, default=ActedAs.PERSON)
    in_place_of = models.ForeignKey("people.User", verbose_name=_("in place of"), null=True, on_delete=models.PROTECT, related_name="+")
    """V2: acted as this person's backup."""
    verb = models.CharField(_("what"), max_length=40)
    source = models.CharField(_("state before"), max_length=20, blank=True)
    target = models.CharField(_("state after"), max_length=20, blank=True)
    data = models.JSONField(default=dict)
    words_digest = models.CharField(_("digest of the words"), max_length=64, blank=True)

    class Meta:
        verbose_name = _("history entry")
        verbose_name_plural = _("history")
        ordering = ("at", "pk")
        indexes = [models.Index(fields=["root", "at"], name="entry_story"), models.Index(fields=["item", "verb"], name="entry_verb")]

    def __str__(self) -> str:
        return f"{self.item.number} {naming.happened(self.item.kind, self.verb, self.data)}"


class Words(models.Model):
    """The words that go with a history entry; emptied when a person's data is erased, and only then changed."""

    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="words", primary_key=True)
    text = models.TextField()

    class Meta:
        verbose_name = _("words")
        verbose_name_plural = _("words")


def upload_path(attachment: Attachment, filename: str) -> str:
    return f"{attachment.uploaded_at:%Y/%m/%d}/{uuid.uuid4().hex}"


class Attachment(models.Model):
    """A checked file on an item; served as a download only, under its own name, never from a static address."""

    item = models.ForeignKey(Item, verbose_name=_("item"), on_delete=models.PROTECT, related_name="attachments")
    token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    file = models.FileField(_("file"), upload_to=upload_path)
    name = models.CharField(_("name"), max_length=200)
    content_type = models.CharField(_("type"), max_length=100)
    size = models.PositiveBigIntegerField(_("size in bytes"))
    sha256 = models.CharField(_("SHA-256 digest"), max_length=64)
    uploaded_at = models.DateTimeField(_("uploaded"))
    uploaded_by = models.ForeignKey("people.User", verbose_name=_("uploaded by"), null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        ordering = ("uploaded_at", "pk")

    def __str__(self) -> str:
        return self.name

    @property
    def is_picture(self) -> bool:
        return self.content_type.startswith("image/")


class Reading(AppendOnly, models.Model):
    """V4: somebody saw or exported unmasked contact data: who, when, whose, why."""

    at = models.DateTimeField(_("when"), db_index=True)
    by = models.ForeignKey("people.User", verbose_name=_("who"), on_delete=models.PROTECT, related_name="+")
    subject = models.CharField(_("whose"), max_length=60, help_text=_("The customer's number."))
    what = models.CharField(_("what"), max_length=40)
    why = models.CharField(_("why"), max_length=200)
    item = models.ForeignKey(Item, verbose_name=_("item"), null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("reading of personal data")
        verbose_name_plural = _("readings of personal data")
        ordering = ("-at",)

    def __str__(self) -> str:
        return f"{self.by} {self.subject}"


def as_data(value: Any) -> Any:
    """History data is JSON: dates as ISO text, people by id."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value


def relations(model: type[models.Model]) -> set[str]:
    """Fields that point at other rows: for each `clean_fields` asks the database whether the row is there, which a service that holds it knows."""
    return {field.name for field in model._meta.concrete_fields if field.is_relation}
