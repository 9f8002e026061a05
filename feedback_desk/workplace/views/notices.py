"""The bell: page notices of mine, unread first, then the latest; following one reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from feedback_desk import clock
from feedback_desk.notices import wording
from feedback_desk.notices.models import Notice
from feedback_desk.people import access
from feedback_desk.people.office import may_enter
from feedback_desk.records.models import Entry, Kind
from feedback_desk.workplace import counts, waiting
from feedback_desk.workplace.approving import more_time_for, waiting_for
from feedback_desk.workplace.approving_acts import ASKED_BY, acts_for
from feedback_desk.workplace.approving_instructions import instructions_for
from feedback_desk.workplace.approving_remedies import remedies_for
from reports.services import kind_and_start

PAGE = 50
TO_THE_MACHINERY = ("machinery_trouble", "machinery_well", "limit_set_aside", "act_failed")


@dataclass
class Line:
    """A notice as the inbox shows it."""

    notice: Notice
    subject: str
    text: str
    number: str


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def inbox(request: HttpRequest) -> HttpResponse:
    """POST: all of them read."""
    user = waiting.person(request)
    mine = counts.notices_of(user)
    if request.method == "POST":
        mine.filter(read_at=None).update(read_at=clock.now())
        messages.success(request, _("All notices are marked as read."))
        return redirect("workplace:notices")
    ordered = mine.select_related("item__root").annotate(was_read=Q(read_at__isnull=False)).order_by("was_read", "-created_at", "-pk")
    page = Paginator(ordered, PAGE).get_page(request.GET.get("page"))
    return render(request, "workplace/notices.html", {"page": page, "lines": [_line(n) for n in page], "unread": counts.unread(user)})


def _line(notice: Notice) -> Line:
    return Line(notice, wording.subject(notice), wording.gist(notice), notice.item.number if notice.item else "")


@login_required
@require_http_methods(["GET", "HEAD"])
def follow(request: HttpRequest, pk: int) -> HttpResponse:
    """Marks it read and leads to where the work is; to the inbox when the matter is not this person's to see any more."""
    user = waiting.person(request)
    notice = get_object_or_404(counts.notices_of(user).select_related("item__root"), pk=pk)
    if notice.read_at is None:
        Notice.objects.filter(pk=pk, read_at=None).update(read_at=clock.now())
    return _lead_to(request, user, notice)


def _card_of(user: Any, notice: Notice) -> str | None:
    """Where the button stands that the notice asks for, while it is still this person's to press."""
    if (remedy := notice.data.get("remedy")) is not None:
        return next((found.url for found in remedies_for(user) if found.remedy.pk == remedy), None)
    entry = _asked_in(notice)
    if entry is not None and entry.verb == "ask_extension":
        return next((found.url for found in more_time_for(user) if found.extension.deadline_id == entry.data.get("deadline")), None)
    if entry is not None and (act := ASKED_BY.get(entry.verb)):
        return next((found.url for found in acts_for(user) if (found.act, found.form.item_id) == (act, notice.item_id)), None)
    asked = (found for look in (waiting_for, instructions_for) for found in look(user))
    return next((found.url for found in asked if found.form.item_id == notice.item_id), None)


def _asked_in(notice: Notice) -> Entry | None:
    """The line of history that the notice came with."""
    kind, _colon, pk = notice.cause.partition(":")
    return Entry.objects.filter(pk=pk).first() if kind == "entry" and pk.isdigit() else None


def _lead_to(request: HttpRequest, user: Any, notice: Notice) -> HttpResponse:
    if notice.template in counts.TOLD_CONCERNED:
        return redirect("workplace:about_me")
    if notice.template in TO_THE_MACHINERY and may_enter(user):
        return redirect("office:machinery")
    root = notice.item.root or notice.item if notice.item else None
    if root is not None and root.kind == Kind.PERIOD and (period := kind_and_start(root)):
        return redirect("reports:summary", *period)
    if notice.item is not None and notice.item.kind == Kind.ACTION and access.may(user, "see", notice.item):
        return redirect("workplace:action", number=notice.item.number)
    if notice.template == "approval_wanted" and (card := _card_of(user, notice)):
        return redirect(card)
    if root is not None and waiting.seen_by(user).filter(item=root).exists():
        return redirect("workplace:ticket", number=root.number)
    if notice.item is not None and notice.item.kind == Kind.FORM and access.may(user, "see", notice.item):
        return redirect("workplace:form", number=notice.item.number)
    if root is not None:
        messages.warning(request, _("This matter is not yours to see any more."))
    return redirect("workplace:notices")
