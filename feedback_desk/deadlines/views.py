"""/admin/limits/try/: what would happen to a limit, as a timeline with its explanation. Reads the configuration, changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from feedback_desk import clock
from feedback_desk.deadlines import facts, trying, wording
from feedback_desk.deadlines.calendars import hours_of
from feedback_desk.deadlines.clocks import NeverOpen
from feedback_desk.deadlines.explain import names_of, receiver_label
from feedback_desk.deadlines.models import Rule
from feedback_desk.deadlines.permissions import for_those_who_try
from feedback_desk.deadlines.sentences import measure
from feedback_desk.deadlines.try_forms import Asked
from feedback_desk.deadlines.trying import Moment, Run, relatives

ICONS = {
    "start": "play-circle", "step": "bell", "due": "flag", "pause": "pause-circle", "resume": "play-circle", "extend": "calendar-plus",
    "change": "bar-chart-steps", "end": "check-circle", "reopen": "arrow-counterclockwise",
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A line of the timeline."""

    at: datetime
    when: str
    text: str
    icon: str
    tone: str


@dataclass(frozen=True)
class RunPart:
    """One limit of the trial as the page shows it."""

    title: str
    sentences: list[str]
    lines: list[Line]
    verdict: str
    tone: str


@for_those_who_try
@require_safe
def try_rule(request: HttpRequest) -> HttpResponse:
    asked = Asked(request.GET)
    runs = _runs(asked) if asked.asked and asked.is_valid() else []
    wrong = asked.asked and not runs
    told = {"title": _("Try a rule"), "asked": asked, "runs": [part(run) for run in runs]}
    return render(request, "deadlines/try.html", {**admin.site.each_context(request), **told}, status=422 if wrong else 200)


def _runs(asked: Asked) -> list[Run]:
    """Empty, with a sentence at the calendar, when the clock never runs."""
    given = asked.form.cleaned_data
    others = list(Rule.objects.valid(clock.now()).filter(code__in=relatives(given["tried"].code)).select_related("ladder", "calendar").order_by("pk"))
    department = given.get("department")
    calendars = hours_of([given["tried"].calendar_id, *(rule.calendar_id for rule in others)], department.pk if department else None)
    try:
        return trying.attempt(given["tried"], given["start"], asked.happening(), lambda rule: calendars[rule.calendar_id], others, given.get("promised"))
    except (NeverOpen, OverflowError):
        asked.never_opens()
        return []


def part(run: Run) -> RunPart:
    told = run.told(names_of(run.hours))
    title = _("%(code)s %(name)s") % {"code": told.code, "name": told.name}
    if run.round > 1:
        title = _("%(limit)s, round %(n)s") % {"limit": title, "n": run.round}
    return RunPart(title, told.sentences, [line(moment, told.clock) for moment in run.timeline], *verdict(run))


def verdict(run: Run) -> tuple[str, str]:
    row = run.deadline
    if row.ended_at is None:
        return (_("stands still"), "") if row.paused_at else (_("not ended yet"), "")
    if row.late is None:
        return _("void"), ""
    return (_("late"), "late") if row.late else (_("in time"), "ok")


def line(moment: Moment, clock: str) -> Line:
    tone = "late" if moment.late or moment.kind == "due" else "ok" if moment.kind == "end" else "soon" if moment.kind == "step" else ""
    when = wording.dated(moment.at, ends=moment.kind in ("due", "step"))
    return Line(moment.at, when, words(moment, clock), ICONS.get(moment.kind, "slash-circle"), tone)


def words(moment: Moment, clock: str) -> str:
    if moment.kind == "step" and moment.rung:
        return _("%(measure)s: %(receiver)s is told") % {"measure": measure(moment.rung, clock), "receiver": receiver_label(moment.rung.receiver)}
    said = {"until": wording.dated(moment.until, ends=True) if moment.until else "", "change": _changed(moment)}
    return _say(moment) % said


def _changed(moment: Moment) -> str:
    fact = facts.by_key(moment.fact)
    return _("%(fact)s is now %(value)s") % {"fact": fact.label, "value": fact.said(moment.held[:1])[0]} if fact else ""


def _say(moment: Moment) -> str:
    sayings: dict[str, Any] = {
        "start": _("The limit begins."), "due": _("The limit."), "pause": _("It is paused."), "resume": _("It runs on with what was left."),
        "extend": _("It is extended to %(until)s."), "change_void": _("%(change)s: this limit is void."),
        "change": _("%(change)s: another rule counts, from the same start; due %(until)s."),
        "end": _("Done, late.") if moment.late else _("Done in time."), "reopen": _("Reopened: a new round begins."),
        "no_pause": _("Paused: nothing happens, this rule allows no pause."), "paused_already": _("Paused: nothing happens, it stood still already."),
        "not_paused": _("Runs on: nothing happens, it was not paused."), "no_extension": _("Extended: refused, this rule allows no extension."),
        "not_later": _("Extended to %(until)s: refused, that is past already or no later than the limit."), "over": _("Nothing happens, the limit had ended."),
        "not_over": _("Reopened: nothing happens, the limit still runs."), "change_alike": _("%(change)s: this limit runs on."),
    }  # fmt: skip
    return str(sayings[moment.kind])
