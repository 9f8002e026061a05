"""Return visits and second follow-ups: to look at. What customers said stands at the desk."""

from __future__ import annotations

from django.contrib import admin

from feedback_desk.people.office import OfficeAdmin, OnTheDesk
from followups.models import SecondFollowUp, Visit


@admin.register(Visit)
class VisitAdmin(OnTheDesk, OfficeAdmin):
    """F3: the scores."""

    matter = "ticket__item__root"
    item_path = "ticket__item"
    list_display = ("at", "at_the_desk", "by", "reached", "mood", "accepted", "speed", "solution", "attitude", "round")
    list_filter = ("reached", "mood", "accepted", "at", "by")
    list_select_related = ("ticket__item", "by")
    search_fields = ("ticket__item__number", "by__name")
    fields = ("at", "at_the_desk", "by", "round", "reached", "mood", "accepted", "speed", "solution", "attitude")
    readonly_fields = ("at_the_desk",)


@admin.register(SecondFollowUp)
class SecondFollowUpAdmin(OnTheDesk, OfficeAdmin):
    """F4."""

    matter = "visit__ticket__item__root"
    item_path = "visit__ticket__item"
    list_display = ("at", "at_the_desk", "by")
    list_filter = ("at", "by")
    list_select_related = ("visit__ticket__item", "by")
    search_fields = ("visit__ticket__item__number", "by__name")
    fields = ("at", "at_the_desk", "by")
    readonly_fields = ("at_the_desk",)
