"""History, attachments, readings of personal data: to look at, never to change (V4, V5)."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from feedback_desk.people.office import KEEPS_WATCH, FoundByName, OfficeAdmin, OnTheDesk, desk_link
from feedback_desk.records import naming
from feedback_desk.records.models import Attachment, Entry, Reading
from feedback_desk.records.spoken import in_brackets


@admin.register(Entry)
class EntryAdmin(OnTheDesk, FoundByName, OfficeAdmin):
    """Who did what when. The words and values stand at the desk, for those who may see the matter."""

    matter = "root"
    list_display = ("at", "at_the_desk", "who", "happened", "before", "after")
    ordering = ("-at", "-pk")
    list_filter = ("at", "actor")
    list_select_related = ("item", "by", "in_place_of")
    search_fields = ("item__number", "by__name")
    fields = ("at", "at_the_desk", "who", "happened", "before", "after", "words_digest")
    readonly_fields = ("at_the_desk", "who", "happened", "before", "after")

    @admin.display(description=_("who"), ordering="by__name")
    def who(self, entry: Entry) -> str:
        name = str(entry.by) if entry.by else entry.get_actor_display()
        return in_brackets(name, str(entry.in_place_of or ""))

    @admin.display(description=_("what"), ordering="verb")
    def happened(self, entry: Entry) -> str:
        return naming.happened(entry.item.kind, entry.verb, entry.data)

    @admin.display(description=_("state before"), ordering="source")
    def before(self, entry: Entry) -> str:
        return naming.state(entry.item.kind, entry.source, entry.data)

    @admin.display(description=_("state after"), ordering="target")
    def after(self, entry: Entry) -> str:
        return naming.state(entry.item.kind, entry.target, entry.data)


@admin.register(Attachment)
class AttachmentAdmin(OnTheDesk, OfficeAdmin):
    matter = "item__root"
    list_display = ("uploaded_at", "at_the_desk", "name", "content_type", "size", "uploaded_by")
    list_filter = ("content_type", "uploaded_at")
    list_select_related = ("item", "uploaded_by")
    search_fields = ("item__number", "name")
    fields = ("uploaded_at", "at_the_desk", "name", "content_type", "size", "sha256", "uploaded_by")
    readonly_fields = ("at_the_desk",)


@admin.register(Reading)
class ReadingAdmin(OfficeAdmin):
    """V4: who saw or exported unmasked contact data, whose, why."""

    readers = KEEPS_WATCH
    matter = "item__root"
    list_display = ("at", "by", "subject", "what", "why", "number")
    list_filter = ("at", "by", "what")
    list_select_related = ("by", "item")
    search_fields = ("subject", "by__name", "item__number")
    fields = ("at", "by", "subject", "what", "why", "number")
    readonly_fields = ("number",)

    @admin.display(description=_("item"))
    def number(self, reading: Reading) -> str:
        return desk_link(reading.item)
