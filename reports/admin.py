"""Issued summaries in the back office: a list that leads to their pages. Nothing is added, changed or removed here (R12)."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from feedback_desk.people.models import User
from reports.models import Summary
from reports.periods import Kind
from reports.permissions import may_read, may_read_rewards


@admin.register(Summary)
class SummaryAdmin(admin.ModelAdmin[Summary]):
    list_display = ("number", "kind", "start", "issued_at", "version", "page")
    list_display_links = None
    list_filter = ("kind",)
    list_select_related = ("item",)
    date_hierarchy = "start"
    ordering = ("-start", "kind")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Summary]:
        rows = super().get_queryset(request)
        return rows if isinstance(request.user, User) and may_read_rewards(request.user) else rows.exclude(kind=Kind.REWARDS)

    @admin.display(description=_("number"))
    def number(self, summary: Summary) -> str:
        return summary.item.number

    @admin.display(description=_("page"))
    def page(self, summary: Summary) -> SafeString:
        return format_html('<a href="{}">{}</a>', summary.get_absolute_url(), _("Open"))

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return redirect(get_object_or_404(Summary, pk=object_id).get_absolute_url())

    def has_view_permission(self, request: HttpRequest, obj: Summary | None = None) -> bool:
        return isinstance(request.user, User) and may_read(request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Summary | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Summary | None = None) -> bool:
        return False
