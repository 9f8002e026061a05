"""What changed in the configuration, and who changed it. Tables of the libraries stay out of the back office."""

from __future__ import annotations

from typing import Any

from axes import admin as axes_admin  # noqa: F401 - registers its tables, which are taken out again below
from axes import models as axes
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from feedback_desk.people.office import KEEPS_WATCH, OfficeAdmin

for library_table in (axes.AccessAttempt, axes.AccessFailureLog, axes.AccessLog):
    if admin.site.is_registered(library_table):
        admin.site.unregister(library_table)


class ByPage(admin.RelatedFieldListFilter):
    """The kinds of rows that have a page here, by their names; not the tables of the libraries."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        kinds = ContentType.objects.get_for_models(*model_admin.admin_site._registry)
        return sorted(((kind.pk, str(model._meta.verbose_name)) for model, kind in kinds.items()), key=lambda choice: choice[1])


@admin.register(LogEntry)
class LogEntryAdmin(OfficeAdmin):
    readers = KEEPS_WATCH
    list_display = ("action_time", "user", "content_type", "object_repr", "what", "change_words")
    list_filter = ("action_time", "action_flag", ("content_type", ByPage), "user")
    list_select_related = ("user", "content_type")
    search_fields = ("object_repr", "user__name", "user__username")
    fields = ("action_time", "user", "content_type", "object_repr", "what", "change_words")
    readonly_fields = ("what", "change_words")

    @admin.display(description=_("kind of change"), ordering="action_flag")
    def what(self, entry: LogEntry) -> str:
        return entry.get_action_flag_display()

    @admin.display(description=_("changes"))
    def change_words(self, entry: LogEntry) -> str:
        words = entry.get_change_message()
        return gettext(words) if words else ""
