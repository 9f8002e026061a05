"""Why a limit is as it is (E4): under its line on the ticket's page, and as a page of its own that prints; all limits of a matter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from feedback_desk import clock
from feedback_desk.deadlines import wording
from feedback_desk.deadlines.chips import Chip, chip_of
from feedback_desk.deadlines.explain import Explanation, Step, explain_fully, receiver_label
from feedback_desk.deadlines.models import Deadline
from feedback_desk.deadlines.sentences import measure
from feedback_desk.records.models import Kind
from feedback_desk.workplace import finding
from feedback_desk.workplace.finding import me
from feedback_desk.workplace.matter import Limit, limit_line

PAGES: dict[str, str] = {Kind.FORM: "workplace:form", Kind.ACTION: "workplace:action"}
"""Kinds of items with a page of their own beside their ticket's."""
TONES = {"skipped": "", "coming": "", "taken": "late", "overtaken": "ok", "nothing": ""}
ICONS = {"skipped": "dash", "coming": "clock", "taken": "bell", "overtaken": "check-circle", "nothing": "slash-circle"}


@dataclass(frozen=True)
class StepLine:
    """A rung as the page lists it."""

    at: datetime | None
    when: str
    text: str
    icon: str
    tone: str
    coming: bool


@dataclass(frozen=True)
class LimitPage:
    """What templates/workplace/_limit_told.html shows."""

    deadline: Deadline
    told: Explanation
    chip: Chip | None
    steps: list[StepLine]

    @classmethod
    def of(cls, deadline: Deadline, at: datetime) -> LimitPage:
        told = explain_fully(deadline, at)
        return cls(deadline, told, chip_of(deadline, at), [step_line(step, told) for step in told.steps])


@login_required
@require_safe
def show(request: HttpRequest, pk: int) -> HttpResponse:
    deadline = finding.deadline(me(request), pk)
    page = LimitPage.of(deadline, clock.now())
    template = "workplace/_limit_told.html" if getattr(request, "htmx", False) else "workplace/limit.html"
    return render(request, template, {"page": page, "back": _page_of(deadline)})


@login_required
@require_safe
def of_matter(request: HttpRequest, number: str) -> HttpResponse:
    """Every limit of a matter, those that run first; of an action only its own, as its owner may see nothing else of the matter (C14)."""
    root, at = finding.matter(me(request), number), clock.now()
    of = {"item": root} if root.kind == Kind.ACTION else {"root_id": root.root_id or root.pk}
    rows = Deadline.objects.filter(**of).select_related("rule").prefetch_related("pauses").order_by("due_at", "pk")
    lines: list[Limit] = [limit_line(row, at) for row in sorted(rows, key=lambda row: not row.live)]
    return render(request, "workplace/limits.html", {"limits": lines, "number": number, "title": root.title, "back": _address(root.kind, root.number)})


def _page_of(deadline: Deadline) -> dict[str, str]:
    item = deadline.item if deadline.item.kind in PAGES else deadline.root
    return _address(item.kind, item.number)


def _address(kind: str, number: str) -> dict[str, str]:
    return {"name": PAGES.get(kind, "workplace:ticket"), "number": number}


def step_line(step: Step, told: Explanation) -> StepLine:
    when = wording.moment(step.at, told.at, ends=True) if step.at else _("after the pause")
    return StepLine(step.at, when, step_words(step, told.clock), ICONS.get(step.state, "bell"), TONES.get(step.state, ""), step.state == "coming")


def step_words(step: Step, clock: str) -> str:
    """At what share of the limit who is told, or was."""
    said: dict[str, Any] = {"measure": measure(step, clock), "receiver": receiver_label(step.receiver), "who": wording.listed(step.told)}
    match step.state:
        case "coming":
            return _coming(step) % said
        case "skipped":
            return _("%(measure)s: passed over, a higher step told at the same time") % said
        case "overtaken":
            return _("%(measure)s: taken back, by then the limit had ended or stood still") % said
        case "nothing":
            return _("%(measure)s: came to nothing") % said
    return (_("%(measure)s: %(receiver)s was told (%(who)s)") if step.told else _("%(measure)s: nobody was to be told")) % said


def _coming(step: Step) -> str:
    """Whom the ladder would tell now: not the receiver it names where they stand no higher than the owner (E1), or where nobody is left (V3)."""
    if step.nobody_left:
        return _("%(measure)s: nobody is left as %(receiver)s, %(who)s and the administrator are told") if step.told else _(
            "%(measure)s: nobody is left there, so the administrator is told"
        )
    if not step.told:
        return _("%(measure)s: nobody is told, as %(receiver)s stands no higher than whoever answers for it")
    return _("%(measure)s: %(receiver)s is told (%(who)s)")
