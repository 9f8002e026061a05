"""Grades, caps, categories of causes: configuration. Forms, measures, inspections, causes, actions: to look at; decisions are taken at the desk."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from complaints import past_grades
from complaints.forms.past_grades import PastForm
from complaints.models import (
    AnalysisRule,
    CauseCategory,
    ComplaintForm,
    CorrectiveAction,
    DefaultRemedy,
    Disposition,
    DispositionPolicy,
    Grade,
    GradeRule,
    GradingCriterion,
    GradingRule,
    Inspection,
    Remedy,
    RemedyLimit,
    ReplyTemplate,
    RootCause,
)
from feedback_desk import clock
from feedback_desk.people.models import Role
from feedback_desk.people.office import Configured, OfficeAdmin, OnTheDesk, Table, configures
from tickets.models import Category

MANAGEMENT = frozenset({Role.CS_MANAGER, Role.GENERAL_MANAGER, Role.OFFICE})
"""What happens to colleagues is theirs to read; supervisors and analysts have no part in it."""


@admin.register(GradeRule)
class GradeRuleAdmin(Configured):
    adds = False
    list_display = ("grade", "short_way", "visit", "written_reply")
    readonly_fields = ("grade",)


class CriterionTable(Table):
    model = GradingCriterion


@admin.register(GradingRule)
class GradingRuleAdmin(Configured):
    """G1: what the desk proposes. Tried on past complaints before it is trusted."""

    list_filter = ("grade", "active")
    fields = ("name", "name_en", "grade", "active", "order")
    inlines = (CriterionTable,)
    change_form_template = "admin/complaints/grading_rule_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("criteria")

    def get_list_display(self, request: HttpRequest) -> Any:
        categories = {category.slug: category.spoken for category in Category.objects.all()}

        @admin.display(description=_("when"))
        def conditions(rule: GradingRule) -> str:
            return str(_("; ")).join(c.told(categories) for c in rule.criteria.all()) or str(_("where no other rule applies"))

        return ("name", "name_en", "grade", conditions, "active", "order")

    def get_urls(self) -> Any:
        return [path("<int:pk>/past/", self.admin_site.admin_view(require_safe(self.past)), name="complaints_gradingrule_past"), *super().get_urls()]

    def past(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Tried on past complaints, for administrators; changes nothing."""
        if not configures(request.user):
            raise PermissionDenied
        rule, at = get_object_or_404(GradingRule, pk=pk), clock.now()
        today = timezone.localdate(at)
        asked = {"since": today - timedelta(days=89), "until": today, **{name: request.GET[name] for name in ("since", "until") if name in request.GET}}
        form = PastForm(asked)
        trial = None
        if form.is_valid():
            since, until = form.period()
            trial = past_grades.tried(rule, since=since, until=until, user=request.user, at=at)
        title = _("Tried on past complaints: %(rule)s") % {"rule": rule.spoken}
        told = {**self.admin_site.each_context(request), "title": title, "form": form, "rule": rule, "trial": trial, "grades": Grade.values}
        return render(request, "complaints/past_grades.html", told, status=200 if trial else 422)


@admin.register(DispositionPolicy)
class DispositionPolicyAdmin(Configured):
    """C7: what the policy allows."""

    adds = False
    list_display = ("kind", "cap")
    readonly_fields = ("kind",)


@admin.register(ReplyTemplate)
class ReplyTemplateAdmin(Configured):
    """C13, K2: letters of the final reply; a field that nobody fills is refused with a sentence."""

    list_display = ("name", "language", "active", "order")
    list_filter = ("language", "active")


@admin.register(AnalysisRule)
class AnalysisRuleAdmin(Configured):
    """G7: who analyses what."""

    list_display = ("category", "leads", "beside")
    list_select_related = ("category", "department", "beside")

    @admin.display(description=_("department"), ordering="department")
    def leads(self, rule: AnalysisRule) -> str:
        """As `analysing.departments_for` takes it."""
        if rule.department is not None:
            return str(rule.department)
        return str(_("the quality department") if rule.category.quality else _("chosen by hand"))


@admin.register(RemedyLimit)
class RemedyLimitAdmin(Configured):
    """G4: who may give how much."""

    deletes = True
    list_display = ("role", "grade", "amount")
    list_filter = ("grade", "role")


@admin.register(DefaultRemedy)
class DefaultRemedyAdmin(Configured):
    """G4: what is usually offered."""

    deletes = True
    list_display = ("category", "kind", "order")
    list_select_related = ("category",)


@admin.register(CauseCategory)
class CauseCategoryAdmin(Configured):
    """C14: where root causes lie."""

    list_display = ("__str__", "slug", "name_en", "active", "order")
    list_filter = ("active", ("parent", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("parent",)
    search_fields = ("name", "name_en", "slug")
    ordering = ("parent__order", "order", "name")
    fields = ("slug", "parent", "name", "name_en", "active", "order")


@admin.register(ComplaintForm)
class ComplaintFormAdmin(OnTheDesk, OfficeAdmin):
    matter = "item__root"
    list_display = ("at_the_desk", "title", "ticket", "grade", "state", "state_since", "round", "quality_class", "opened_at", "next_limit")
    list_display_links = ("title",)
    list_filter = ("state", "grade", "quality_class", "item__department", "opened_at")
    list_select_related = ("item", "ticket__item")
    search_fields = ("item__number", "item__title", "ticket__item__number")
    fields = (
        "at_the_desk", "title", "ticket", "state", "state_since", "round", "grade", "graded_at", "graded_by", "quality_class", "visit_marked", "no_fault",
        "opened_at", "submitted_at", "ruled_at", "ruling", "executed_at", "handed_over_at", "parking_reason", "parked_at", "abnormal_ground", "closed_at",
        "next_limit",
    )  # fmt: skip
    readonly_fields = ("at_the_desk", "title", "next_limit")

    @admin.display(description=_("in one line"), ordering="item__title")
    def title(self, form: ComplaintForm) -> str:
        return form.item.title

    @admin.display(description=_("next limit"), ordering="item__next_limit_at")
    def next_limit(self, form: ComplaintForm) -> object:
        return form.item.next_limit_at


@admin.register(Disposition)
class DispositionAdmin(OnTheDesk, OfficeAdmin):
    readers = MANAGEMENT
    matter = "form__item__root"
    item_path = "form__item"
    list_display = ("at_the_desk", "round", "target", "kind", "amount", "clause", "state", "ruled_at", "executed_at")
    list_display_links = ("target",)
    list_filter = ("state", "kind", "department", "ruled_at")
    list_select_related = ("form__item", "user", "department")
    search_fields = ("form__item__number", "user__name", "clause")
    fields = (
        "at_the_desk", "round", "user", "department", "kind", "amount", "clause", "state", "state_since", "version", "ruled_at", "talk_on", "executed_at",
        "executed_by",
    )  # fmt: skip
    readonly_fields = ("at_the_desk",)

    @admin.display(description=_("person or department"))
    def target(self, disposition: Disposition) -> str:
        return disposition.target


@admin.register(Inspection)
class InspectionAdmin(OnTheDesk, OfficeAdmin):
    """C9."""

    matter = "form__item__root"
    item_path = "form__item"
    list_display = ("at", "at_the_desk", "round", "by", "timely", "severity", "passed")
    list_filter = ("passed", "timely", "severity", "at")
    list_select_related = ("form__item", "by")
    search_fields = ("form__item__number", "by__name")
    fields = ("at", "at_the_desk", "round", "by", "timely", "severity", "passed")
    readonly_fields = ("at_the_desk",)


@admin.register(Remedy)
class RemedyAdmin(OnTheDesk, OfficeAdmin):
    """G4, F8: what customers were given, with value and approval."""

    matter = "form__item__root"
    item_path = "form__item"
    list_display = ("at_the_desk", "option", "kind", "value", "goodwill", "state", "proposed_by", "approved_by", "chosen_at", "fulfilled_at")
    list_display_links = ("kind",)
    list_filter = ("state", "kind", "goodwill", "form__grade", "chosen_at")
    list_select_related = ("form__item", "proposed_by", "approved_by")
    search_fields = ("form__item__number", "proposed_by__name")
    fields = (
        "at_the_desk", "round", "option", "kind", "value", "goodwill", "state", "state_since", "proposed_by", "proposed_at", "approved_by", "approved_at",
        "chosen_way", "chosen_at", "fulfilled_at",
    )  # fmt: skip
    readonly_fields = ("at_the_desk",)


@admin.register(RootCause)
class RootCauseAdmin(OnTheDesk, OfficeAdmin):
    """C14."""

    matter = "form__item__root"
    item_path = "form__item"
    list_display = ("at", "at_the_desk", "round", "category", "by", "conclusion")
    list_filter = ("category", "at")
    list_select_related = ("form__item", "category__parent", "by")
    search_fields = ("form__item__number", "conclusion")
    fields = ("at", "at_the_desk", "round", "category", "whys", "conclusion", "by")
    readonly_fields = ("at_the_desk",)


@admin.register(CorrectiveAction)
class CorrectiveActionAdmin(OnTheDesk, OfficeAdmin):
    """C14."""

    matter = "item__root"
    list_display = ("at_the_desk", "title", "kind", "owner", "department", "state", "due_on", "effect_on", "round")
    list_display_links = ("title",)
    list_filter = ("state", "kind", "department", "due_on")
    list_select_related = ("item", "owner", "department")
    search_fields = ("item__number", "item__title", "form__item__number", "owner__name")
    fields = (
        "at_the_desk", "title", "form", "cause", "kind", "what", "owner", "department", "state", "state_since", "round", "due_on", "effect_on",
        "drafted_by", "drafted_at", "compiled_by", "compiled_at", "approved_by", "approved_at", "done", "done_at", "evidence", "checked_by", "checked_at",
    )  # fmt: skip
    readonly_fields = ("at_the_desk", "title")

    @admin.display(description=_("in one line"), ordering="item__title")
    def title(self, action: CorrectiveAction) -> str:
        return action.item.title
