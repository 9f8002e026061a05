"""Rules, ladders, calendars: edited here with history. Running deadlines: to look at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from feedback_desk import clock
from feedback_desk.deadlines import facts, saying, versions, wording, years
from feedback_desk.deadlines.forms import BY_TIME, CalendarForm, RungForm, SpecialDayForm, written_limit, written_step
from feedback_desk.deadlines.models import Calendar, CalendarDay, Change, Clock, Deadline, DepartmentCalendar, Ladder, LadderStep, Rule
from feedback_desk.deadlines.pages import Running
from feedback_desk.deadlines.rule_forms import OWNERS, form_for_rules, notes
from feedback_desk.people.access import NotNow
from feedback_desk.people.office import Configured, OfficeAdmin, OnTheDesk, Table


class StandingFilter(admin.SimpleListFilter):
    """Versions that hold or are to come, or those that were replaced."""

    title = gettext_lazy("versions")
    parameter_name = "versions"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("old", _("replaced")), ("all", _("all"))]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        return [{**first, "display": _("in force")}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = {"old": {"valid_until__lte": clock.now()}, "all": {}}.get(self.value() or "")
        return queryset.exclude(valid_until__lte=clock.now()) if wanted is None else queryset.filter(**wanted)


@admin.register(Rule)
class RuleAdmin(Configured):
    """E5: saving a change makes a new version that holds from its moment on; deadlines that run keep theirs. Nothing is edited or deleted."""

    change_form_template = "admin/deadlines/rule_form.html"
    list_display = ("code", "spoken_name", "conditions", "limit_in_words", "clock", "owner_said", "ladder", "version", "standing")
    list_filter = (StandingFilter, "active", "clock", "ladder")
    list_select_related = ("ladder",)
    search_fields = ("code", "name", "name_en", "owner")
    ordering = ("code", "-valid_from", "-pk")
    LOOKED_AT = ("code", "name", "name_en", "conditions", "limit_in_words", "longer_in_words", "clock", "calendar", "owner_said", "ladder", "urgent",
                 "may_pause", "may_extend", "active", "version", "valid_from", "valid_until")  # fmt: skip

    def get_form(self, request: HttpRequest, obj: Rule | None = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **{**kwargs, **({"form": form_for_rules()} if self._may_edit(request, obj) else {})})

    def _may_edit(self, request: HttpRequest, obj: Rule | None) -> bool:
        return self.has_add_permission(request) if obj is None else self.has_change_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Rule | None = None) -> bool:
        """A version that was replaced stays as it was."""
        return super().has_change_permission(request) and (obj is None or obj.valid_until is None)

    def get_readonly_fields(self, request: HttpRequest, obj: Rule | None = None) -> Any:
        if not self._may_edit(request, obj):
            return self.LOOKED_AT
        return () if obj is None else ("code", "version", "valid_from")

    def get_fieldsets(self, request: HttpRequest, obj: Rule | None = None) -> Any:
        if not self._may_edit(request, obj):
            return ((None, {"fields": self.LOOKED_AT}),)
        versions_shown = ("begins",) if obj is None else ("version", "valid_from", "begins")
        return (
            (None, {"fields": ("code", "name", "name_en", "active")}),
            (_("Applies when"), {
                "fields": tuple(batched([f"when_{fact.key}" for fact in facts.known()], 4)),
                "description": _("Nothing ticked: any. Of several rules the one with the most conditions applies; a category goes before the one above it."),
            }),
            (_("Limit"), {"fields": ("clock", "limit", "longer_limit", "at_time", "calendar", "may_pause", "may_extend")}),
            (_("Who is told"), {"fields": ("owner", "ladder", "urgent")}),
            (_("Version"), {"fields": versions_shown}),
        )  # fmt: skip

    @admin.display(description=gettext_lazy("name"), ordering="name")
    def spoken_name(self, rule: Rule) -> str:
        return rule.spoken

    @admin.display(description=gettext_lazy("applies when"))
    def conditions(self, rule: Rule) -> str:
        return saying.conditions(rule) if rule.when else "–"

    @admin.display(description=gettext_lazy("limit"), ordering="amount")
    def limit_in_words(self, rule: Rule) -> str:
        return written_limit(rule.clock, rule.amount) if rule.clock in (*BY_TIME, Clock.WORKING_DAY) else saying.allowance(rule)

    @admin.display(description=gettext_lazy("if the customer is not reached"))
    def longer_in_words(self, rule: Rule) -> str:
        return written_limit(rule.clock, rule.longer) if rule.longer else "–"

    @admin.display(description=gettext_lazy("answers for it"), ordering="owner")
    def owner_said(self, rule: Rule) -> str:
        return str(dict(OWNERS).get(rule.owner, rule.owner))

    @admin.display(description=gettext_lazy("stands"))
    def standing(self, rule: Rule) -> str:
        at = clock.now()
        if not rule.active:
            return _("switched off")
        if rule.valid_from > at:
            return _("from %(at)s") % {"at": wording.moment(rule.valid_from, at)}
        if rule.valid_until is None:
            return _("in force")
        words = _("in force until %(at)s") if rule.valid_until > at else _("replaced %(at)s")
        return words % {"at": wording.moment(rule.valid_until, at)}

    def save_model(self, request: HttpRequest, obj: Rule, form: Any, change: bool) -> None:
        at, begins = clock.now(), form.cleaned_data.get("begins")
        if not change:
            obj.valid_from = begins or at
            obj.save(force_insert=True)
        elif begins or versions.differs(obj):
            versions.replace(obj, at=at, valid_from=begins)
            saved = _("Saved as version %(version)s. Limits that run already keep the version they started with.")
            self.message_user(request, saved % {"version": obj.version})
        for note in notes(obj, at):
            self.message_user(request, note, messages.WARNING)

    def changeform_view(self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None) -> Any:
        """With what the rule says, its versions, and what runs under older ones."""
        rule = self.get_object(request, object_id) if object_id else None
        about = {"says_url": reverse("admin:deadlines_rule_says", args=[object_id or 0]), **({"running": Running.of_rule(rule, request.user)} if rule else {})}
        try:
            return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **about})
        except NotNow as error:
            self.message_user(request, error.because, messages.ERROR)
            return redirect(request.path)

    def response_change(self, request: HttpRequest, obj: Rule) -> HttpResponse:
        """To the version that was saved: what runs can be previewed there."""
        return redirect("admin:deadlines_rule_change", obj.pk)

    def get_urls(self) -> Any:
        says = path("<int:pk>/says/", self.admin_site.admin_view(require_POST(self.says)), name="deadlines_rule_says")
        return [says, *super().get_urls()]

    def says(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What the rule being written says; asked while the form is filled in."""
        rule = Rule.objects.filter(pk=pk).first()
        if not self._may_edit(request, rule):
            return HttpResponse(status=403)
        form = self.get_form(request, rule, change=rule is not None)(request.POST, instance=rule)
        valid = form.is_valid()
        said = saying.says(form.instance, self.owner_said(form.instance)) if valid else []
        return render(request, "deadlines/_says.html", {"said": said, "form": form, "notes": notes(form.instance, clock.now()) if valid else []})


def batched(names: list[str], size: int) -> list[tuple[str, ...]]:
    """Fields side by side, so many in a row."""
    return [tuple(names[start : start + size]) for start in range(0, len(names), size)]


class RungTable(Table):
    model = LadderStep
    form = RungForm


@admin.register(Ladder)
class LadderAdmin(Configured):
    """E1. Deadlines remember the steps they started with; a change holds for those that start afterwards."""

    list_display = ("name", "steps_in_words")
    search_fields = ("name",)
    inlines = (RungTable,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Ladder]:
        return super().get_queryset(request).prefetch_related("steps", "rule_set")

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if change and any(formset.has_changed() for formset in formsets):
            told = _(
                "Limits that run keep the steps they began with. A new version of a rule (give it the time from which it is valid), ordered for what runs, "
                "takes the changed steps to them."
            )
            self.message_user(request, told, messages.WARNING)

    @admin.display(description=gettext_lazy("steps"))
    def steps_in_words(self, ladder: Ladder) -> str:
        used = {rule.clock for rule in ladder.rule_set.all()}
        clock = "" if not used else used.pop() if len(used) == 1 else "several"
        return " → ".join(f"{written_step(s, clock)} {s.get_receiver_display()}" for s in ladder.steps.all())


class SpecialDayTable(Table):
    """From this year on; earlier years stand on their own pages."""

    model = CalendarDay
    form = SpecialDayForm
    ordering = ("day",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(day__year__gte=clock.now().year)


@admin.register(Calendar)
class CalendarAdmin(Configured):
    form = CalendarForm
    change_form_template = "admin/deadlines/calendar_form.html"
    list_display = ("name", "zone", "is_default", "follows", "on_it", "year_page")
    inlines = (SpecialDayTable,)
    READ = ("name", "zone", "is_default", "country", "subdivision", "hours")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Calendar]:
        return super().get_queryset(request).prefetch_related("departments__department")

    def get_fieldsets(self, request: HttpRequest, obj: Calendar | None = None) -> Any:
        if not self.has_change_permission(request, obj):
            return ((None, {"fields": self.READ}),)
        return (
            (None, {"fields": ("name", "zone", "is_default", "departments")}),
            (_("Opening hours"), {
                "fields": tuple(f"day{n}" for n in range(1, 8)),
                "description": _("E.g. 09:00-12:00, 13:30-18:00; to midnight 24:00; a night 22:00-06:00 is that of the day on which it begins; empty: closed."),
            }),
            (_("Public holidays"), {"fields": ("country", "subdivision")}),
        )  # fmt: skip

    @admin.display(description=gettext_lazy("public holidays of"))
    def follows(self, calendar: Calendar) -> str:
        return " ".join(filter(None, (calendar.country, calendar.subdivision))) or "–"

    @admin.display(description=gettext_lazy("departments"))
    def on_it(self, calendar: Calendar) -> str:
        return wording.listed([str(row.department) for row in calendar.departments.all()]) or "–"

    @admin.display(description=gettext_lazy("year"))
    def year_page(self, calendar: Calendar) -> str:
        year = clock.now().year
        missing = _("%(year)s not announced") % {"year": year + 1} if years.waits(calendar, year + 1) else str(year)
        return format_html('<a href="{}">{}</a>', reverse("limits:year", args=[calendar.pk, year]), missing)

    @transaction.atomic
    def save_model(self, request: HttpRequest, obj: Calendar, form: Any, change: bool) -> None:
        """What runs keeps the calendar it began with (decision 38)."""
        if obj.is_default and Calendar.objects.filter(is_default=True).exclude(pk=obj.pk).update(is_default=False):
            told = _("%(calendar)s is the desk's own calendar from now on. Limits that run keep the one they began with.")
            self.message_user(request, told % {"calendar": obj}, messages.WARNING)
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if "departments" in form.cleaned_data:
            _put_on(form.instance, form.cleaned_data["departments"])

    def changeform_view(self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None) -> Any:
        """With its years and what runs on it."""
        calendar = self.get_object(request, object_id) if object_id else None
        about = {"running": Running.of_calendar(calendar, request.user), "years": years.lines(calendar, clock.now().year)} if calendar else {}
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **about})


@transaction.atomic
def _put_on(calendar: Calendar, departments: Any) -> None:
    calendar.departments.exclude(department__in=departments).delete()
    for department in departments:
        DepartmentCalendar.objects.update_or_create(department=department, defaults={"calendar": calendar})


@admin.register(Change)
class ChangeAdmin(OfficeAdmin):
    """E5: who ordered what for limits that ran, when, and how many it touched."""

    list_display = ("page", "state", "asked_by", "asked_at", "ordered_by", "ordered_at", "finished_at", "changed")
    list_display_links = None
    list_filter = ("state",)
    list_select_related = ("rule", "calendar", "asked_by", "ordered_by")
    fields = ("page", "state", "asked_by", "asked_at", "ordered_by", "ordered_at", "finished_at", "total", "done", "changed")
    readonly_fields = ("page", "changed")

    @admin.display(description=gettext_lazy("rule or calendar"))
    def page(self, change: Change) -> str:
        return format_html('<a href="{}">{}</a>', reverse("limits:change", args=[change.pk]), change.subject)

    @admin.display(description=gettext_lazy("limits changed"))
    def changed(self, change: Change) -> int:
        return int(change.outcome.get("counts", {}).get("changed", 0))


@admin.register(Deadline)
class DeadlineAdmin(OnTheDesk, OfficeAdmin):
    matter = "root"
    list_display = ("due_at", "state", "code", "rule_name", "at_the_desk", "owner", "department", "start_at", "ended_at", "late", "next_step_at")
    list_filter = ("state", "late", "code", "department", "due_at")
    list_select_related = ("item", "rule", "owner", "department")
    search_fields = ("item__number", "owner__name")
    fields = (
        "at_the_desk", "code", "rule_name", "version", "part", "round", "owner", "role", "department", "state", "start_at", "due_at", "warn_at",
        "paused_at", "earlier_to", "extended_to", "ended_at", "ended_by", "late", "why", "next_step", "next_step_at", "broken_at", "broken_why",
    )  # fmt: skip
    readonly_fields = ("at_the_desk", "rule_name", "version", "role")

    @admin.display(description=gettext_lazy("role responsible"))
    def role(self, deadline: Deadline) -> str:
        return str(dict(OWNERS).get(deadline.owner_role, deadline.owner_role))

    @admin.display(description=gettext_lazy("limit"))
    def rule_name(self, deadline: Deadline) -> str:
        return deadline.rule.spoken

    @admin.display(description=gettext_lazy("version of the rule"))
    def version(self, deadline: Deadline) -> int:
        return deadline.rule.version
