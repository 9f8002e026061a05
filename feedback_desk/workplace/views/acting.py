"""One door for every act beside the moves of a complaint form: GET asks, POST does it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from complaints.acts import ACTS, Act
from complaints.models import ComplaintForm
from feedback_desk.people.access import Changed, NotNow
from feedback_desk.workplace import doors, finding
from feedback_desk.workplace.finding import me
from feedback_desk.workplace.panels import ACT_DOORS
from feedback_desk.workplace.panels.parts import act_url
from feedback_desk.workplace.views.moving import came_from, went_through


@login_required
@require_http_methods(["GET", "POST"])
def form_act(request: HttpRequest, number: str, act: str) -> HttpResponse:
    if act not in ACT_DOORS:
        raise Http404
    subject, door = finding.form(me(request), number), ACT_DOORS[act]
    back = came_from(request) or reverse("workplace:form", args=[number]) + "?tab=handling"
    if request.method == "GET":
        return _dialog(request, subject, ACTS[act], door.form(initial=request.GET.dict(), subject=subject, user=me(request)), back, 200)
    form, status = door.form(request.POST, request.FILES, subject=subject, user=me(request)), 422
    try:
        if form.is_valid():
            door.service(form_id=subject.pk, by=me(request), **form.facts())
            messages.success(request, _("Done: %(move)s.") % {"move": ACTS[act].label})
            return went_through(request, back)
    except ValidationError as error:
        doors.put_on(form, error)
    except NotNow as late:
        status = 409
        for sentence in late.missing or [late.because]:
            form.add_error(None, sentence)
        if isinstance(late, Changed):
            form.look_again()
    return _dialog(request, subject, ACTS[act], form, back, status)


def _dialog(request: HttpRequest, subject: ComplaintForm, act: Act, form: Any, back: str, status: int) -> HttpResponse:
    template = "workplace/_move_dialog.html" if getattr(request, "htmx", False) else "workplace/move.html"
    told = {
        "title": act.label, "submit_label": act.label, "grave": False, "form": form, "lead": form.lead, "action": act_url(subject, act.name), "back_url": back,
        "about": subject.item, "draft_place": f"act:{subject.pk}:{act.name}" if len(form.fields) else "",
    }  # fmt: skip
    return render(request, template, told, status=status)
