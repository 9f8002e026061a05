"""/admin/limits/changes/ and /admin/limits/calendars/: previewing and ordering a change of what runs (E5), and a calendar's year."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from feedback_desk import clock
from feedback_desk.deadlines import changing, public_holidays, tasks, years
from feedback_desk.deadlines.models import Calendar, Change, Rule
from feedback_desk.deadlines.pages import ChangePage, Running
from feedback_desk.deadlines.permissions import for_those_who_configure, for_those_who_look
from feedback_desk.deadlines.public_holidays import NotAnnounced
from feedback_desk.people.access import NotNow
from feedback_desk.people.models import User

YEARS = range(2000, 2100)


def _me(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return render(request, f"deadlines/{template}.html", {**admin.site.each_context(request), **context})


def _log(request: HttpRequest, subject: Model, words: str) -> None:
    """Into the changes of the configuration: who, when, what."""
    kind = ContentType.objects.get_for_model(type(subject))
    LogEntry.objects.create(
        user=_me(request), content_type=kind, object_id=str(subject.pk), object_repr=str(subject)[:200], action_flag=CHANGE, change_message=words
    )


@for_those_who_configure
@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """Ask what the rule or calendar named would do to limits that run."""
    about: dict[str, Any] = {}
    if request.POST.get("rule", "").isdecimal():
        about["rule"] = get_object_or_404(Rule, pk=request.POST["rule"])
    elif request.POST.get("calendar", "").isdecimal():
        about["calendar"] = get_object_or_404(Calendar, pk=request.POST["calendar"])
    else:
        raise Http404
    change = changing.ask(by=_me(request), **about)
    return _announced(request, change)


def _announced(request: HttpRequest, change: Change) -> HttpResponse:
    if not tasks.announce(change.pk):
        messages.warning(request, _("The machinery does not answer just now. Nothing is lost; it goes on by itself as soon as it answers."))
    return redirect("limits:change", change.pk)


@for_those_who_configure
@require_safe
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Preview, progress, result: what this change is at. Asked every second while a worker has it."""
    found = get_object_or_404(Change.objects.select_related("rule", "calendar", "asked_by", "ordered_by"), pk=pk)
    context = {"title": _("Change of running limits"), "change": found, "view": ChangePage(found, request.user, clock.now())}
    if getattr(request, "htmx", False):
        return render(request, "deadlines/_change.html", context)
    return _page(request, "change", context)


@for_those_who_configure
@require_POST
def order(request: HttpRequest, pk: int) -> HttpResponse:
    """E5: the administrator says so."""
    try:
        ordered = changing.order(change_id=pk, by=_me(request))
    except NotNow as error:
        messages.error(request, error.because)
        return redirect("limits:change", pk)
    count = int(ordered.found.get("counts", {}).get("changed", 0))
    words = ngettext("Applied to %(n)s limit that runs (as previewed)", "Applied to %(n)s limits that run (as previewed)", count)
    _log(request, ordered.rule or ordered.calendar or ordered, words % {"n": count})
    return _announced(request, ordered)


@for_those_who_configure
@require_POST
def leave(request: HttpRequest, pk: int) -> HttpResponse:
    """Not applied, or stopped half-way."""
    try:
        changing.leave(change_id=pk)
    except NotNow as error:
        messages.error(request, error.because)
    return redirect("limits:change", pk)


@for_those_who_configure
@require_POST
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the message again for what waits."""
    return _announced(request, get_object_or_404(Change, pk=pk))


@for_those_who_look
@require_safe
def year(request: HttpRequest, pk: int, year: int) -> HttpResponse:
    """A calendar's year: working days, holidays, make-up days, and whether it is announced."""
    if year not in YEARS:
        raise Http404
    calendar = get_object_or_404(Calendar, pk=pk)
    months = years.months_of(calendar, year, timezone.localdate(clock.now()))
    knows = bool(calendar.country) and public_holidays.known(calendar.country, year)
    told = {"calendar": calendar, "year": year, "months": months, "weekdays": years.weekdays(), "line": years.line(calendar, year), "knows": knows}
    counts = {"figures": years.figures(months), "waits": years.waits(calendar, year), "running": Running.of_calendar(calendar, request.user)}
    return _page(request, "year", {"title": f"{calendar} {year}", **told, **counts})


@for_those_who_configure
@require_POST
def load_year(request: HttpRequest, pk: int, year: int) -> HttpResponse:
    """Enter what the library knows of the year; days entered by hand stay."""
    calendar = get_object_or_404(Calendar, pk=pk)
    try:
        count = public_holidays.seed_holidays(calendar, [year])
    except NotAnnounced as error:
        messages.error(request, str(error))
    else:
        _log(request, calendar, _("Loaded the public holidays of %(year)s") % {"year": year})
        done = ngettext("%(n)d special day of %(year)s is new.", "%(n)d special days of %(year)s are new.", count)
        messages.success(request, done % {"n": count, "year": year})
    return redirect("limits:year", pk, year)


@for_those_who_configure
@require_POST
def confirm_year(request: HttpRequest, pk: int, year: int) -> HttpResponse:
    """Somebody says that the year's days are entered as they were announced."""
    calendar = get_object_or_404(Calendar, pk=pk)
    public_holidays.confirm_year(calendar, year)
    _log(request, calendar, _("Confirmed the days of %(year)s by hand") % {"year": year})
    messages.success(request, _("%(year)s counts as announced from now on.") % {"year": year})
    return redirect("limits:year", pk, year)
