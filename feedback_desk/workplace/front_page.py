"""Where an administrator starts the day: the state of the machinery, what failed, and what of the configuration wants looking after."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from feedback_desk import clock
from feedback_desk.deadlines import years
from feedback_desk.deadlines.models import Calendar
from feedback_desk.people.models import Absence, Department, Refusal, User
from feedback_desk.people.office import configures
from feedback_desk.workplace import machinery, measuring
from feedback_desk.workplace.office import Line

AHEAD = timedelta(days=45)
"""So long before the year ends the next one's holidays are asked for; they are announced in November."""


def panel(user: User) -> dict[str, Any]:
    """What admin/_machinery_panel.html shows, refreshed by itself."""
    found = machinery.parts(measuring.everything())
    return {"parts": found, "overall": machinery.overall(found), "at": clock.now(), "configures": configures(user)}


def front(user: User) -> dict[str, Any]:
    """The panel for everybody who enters the back office; the list of things to look after for administrators."""
    return panel(user) | {"to_look_after": list(to_look_after(clock.now())) if configures(user) else None}


def to_look_after(at: datetime) -> Iterator[Line]:
    """Gaps in the configuration that will hurt, and what happened since yesterday; each with the page where it is put right."""
    yield from _people(at)
    yield from _calendars(at)
    refused = Refusal.objects.filter(at__gt=at - timedelta(days=1)).count()
    if refused:
        text = ngettext("%(n)d refused attempt since yesterday", "%(n)d refused attempts since yesterday", refused) % {"n": refused}
        yield Line("ok", text, reverse("admin:people_refusal_changelist"))


def _people(at: datetime) -> Iterator[Line]:
    headless = Department.objects.filter(active=True).filter(Q(head=None) | Q(head__is_active=False)).count()
    if headless:
        text = ngettext("%(n)d department without a head: nobody reviews for it", "%(n)d departments without a head: nobody reviews for them", headless)
        yield Line("soon", text % {"n": headless}, reverse("admin:people_department_changelist"))
    away = Absence.objects.covering(at).filter(Q(user__backup=None) | Q(user__backup__is_active=False), user__is_active=True).values("user").distinct().count()
    if away:
        text = ngettext("%(n)d person is away without a backup", "%(n)d people are away without a backup", away) % {"n": away}
        yield Line("soon", text, reverse("admin:people_absence_changelist"))


def _calendars(at: datetime) -> Iterator[Line]:
    """A year that is not announced is reckoned without public holidays, by calendars that follow any (decision 38)."""
    calendars = list(Calendar.objects.order_by("pk"))
    for year in dict.fromkeys((timezone.localtime(at).year, timezone.localtime(at + AHEAD).year)):
        if names := [calendar.name for calendar in calendars if years.waits(calendar, year)]:
            text = _("The public holidays of %(year)s are not announced in: %(calendars)s") % {"year": year, "calendars": _(", ").join(names)}
            yield Line("soon", text, reverse("admin:deadlines_calendar_changelist"))
