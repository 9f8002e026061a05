"""Corrective and preventive actions (C14): the list, and the page of one; both open to who works on actions, whatever they see of the complaint."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count, F, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from complaints.models import ComplaintForm, CorrectiveAction
from feedback_desk import clock
from feedback_desk.deadlines.chips import Chip, chip_of_item
from feedback_desk.deadlines.models import Deadline, Rule
from feedback_desk.people import access
from feedback_desk.people.models import User
from feedback_desk.people.one_look import one_look
from feedback_desk.workplace import doors, finding, story
from feedback_desk.workplace.finding import me
from feedback_desk.workplace.matter import limit_line
from feedback_desk.workplace.views.lists import Tab

PAGE = 50
CODES = ("D41", "D42")


@dataclass(frozen=True)
class Row:
    action: CorrectiveAction
    chip: Chip | None


@login_required
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The nearest date first; four tabs in one count. As many queries at one row as at fifty."""
    user, at = me(request), clock.now()
    chosen = request.GET.get("of", "mine")
    chosen = chosen if chosen in ("mine", "running", "late", "all") else "mine"
    seen = CorrectiveAction.objects.visible_to(user)
    found = {"mine": seen.of(user), "running": seen.running(), "late": seen.late(at), "all": seen}[chosen]
    ordered = found.select_related("item", "owner", "department", "form__item").order_by(F("item__next_limit_at").asc(nulls_last=True), "-drafted_at", "-pk")
    page, names = Paginator(ordered, PAGE).get_page(request.GET.get("page")), _names(at)
    rows = [Row(action, chip_of_item(action.item, at, names) if action.item.open else None) for action in page]
    return render(request, "workplace/actions.html", {"tabs": _tabs(seen, user, at, chosen), "page": page, "rows": rows, "chosen": chosen})


def _tabs(seen: Any, user: User, at: datetime, chosen: str) -> list[Tab]:
    mine, late = Q(item__open=True) & (Q(owner=user) | Q(item__holder=user)), Q(item__open=True, item__next_limit_at__lt=at)
    numbers = seen.order_by().aggregate(
        mine=Count("pk", filter=mine), running=Count("pk", filter=Q(state__in=("in_progress", "carried_out"))), late=Count("pk", filter=late), all=Count("pk")
    )
    labels = {"mine": _("Mine"), "running": _("Running"), "late": _("Late"), "all": _("All")}
    here = reverse("workplace:actions")
    return [Tab(f"actions-{key}", label, f"{here}?of={key}", key == chosen, numbers[key]) for key, label in labels.items()]


def _names(at: datetime) -> dict[str, str]:
    return {rule.code: rule.spoken for rule in Rule.objects.valid(at).filter(code__in=CODES)}


@login_required
@require_safe
def show(request: HttpRequest, number: str) -> HttpResponse:
    """Its text, its limits, its history, and the moves open to the reader."""
    user, at = me(request), clock.now()
    action = finding.action(user, number)
    limits = list(Deadline.objects.filter(item=action.item).select_related("rule").prefetch_related("pauses").order_by("due_at", "pk"))
    with one_look():
        moves = doors.one_primary(doors.buttons(action, user))
        sees_form = access.may(user, "see", action.form.item)
    told = {
        "action": action, "moves": [b for b in moves if b.name not in ASIDE], "others": [b for b in moves if b.name in ASIDE],
        "limits": [limit_line(row, at) for row in limits if row.live], "lines": story.of_item(action.item, limits), "sees_form": sees_form,
        "recurrences": action.recurrences.filter(form__in=ComplaintForm.objects.visible_to(user)).select_related("form__item", "by"),
        "chip": chip_of_item(action.item, at, {row.code: row.rule.spoken for row in limits}) if action.item.open else None,
    }  # fmt: skip
    return render(request, "workplace/action.html", told)


ASIDE = frozenset({"ask_extension", "cancel", "revise", "recur"})
"""They stand at the end of the line."""
