"""One door for every move of the machines: GET asks, POST moves. A dialog inside a page, a page of its own without JavaScript."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from complaints.models import ComplaintForm, Disposition, Remedy
from feedback_desk.people.access import Changed, NotNow
from feedback_desk.records.moves import Move
from feedback_desk.workplace import doors, finding
from feedback_desk.workplace.finding import me
from feedback_desk.workplace.words import terms_of

gate = require_http_methods(["GET", "POST"])


@login_required
@gate
def ticket_move(request: HttpRequest, number: str, move: str) -> HttpResponse:
    subject = finding.ticket(me(request), number)
    return _pass(request, subject, move, reverse("workplace:ticket", args=[subject.item.number]))


@login_required
@gate
def form_move(request: HttpRequest, number: str, move: str) -> HttpResponse:
    subject = finding.form(me(request), number)
    return _pass(request, subject, move, _form_page(subject))


@login_required
@gate
def disposition_move(request: HttpRequest, pk: int, move: str) -> HttpResponse:
    subject = finding.disposition(me(request), pk)
    return _pass(request, subject, move, _form_page(subject.form))


@login_required
@gate
def remedy_move(request: HttpRequest, pk: int, move: str) -> HttpResponse:
    subject = finding.remedy(me(request), pk)
    return _pass(request, subject, move, _form_page(subject.form) + "?tab=handling")


@login_required
@gate
def action_move(request: HttpRequest, number: str, move: str) -> HttpResponse:
    subject = finding.action(me(request), number)
    return _pass(request, subject, move, reverse("workplace:action", args=[subject.item.number]))


def _form_page(form: ComplaintForm) -> str:
    return reverse("workplace:form", args=[form.item.number])


def _pass(request: HttpRequest, subject: Any, name: str, back: str) -> HttpResponse:
    move = doors.move_named(subject, name)
    if move is None:
        raise Http404
    door, back = doors.DOORS[type(subject)][name], came_from(request) or back
    if request.method == "GET":
        return _dialog(request, subject, move, door.form(initial=request.GET.dict(), subject=subject, user=me(request)), back, 200)
    form = door.form(request.POST, subject=subject, user=me(request))
    status, changes = 422, ()
    try:
        if form.is_valid() and doors.pass_through(request, subject, move, form):
            return went_through(request, back)
    except NotNow as late:
        status, changes = 409, getattr(late, "changes", ())
        for sentence in late.missing or [late.because]:
            form.add_error(None, sentence)
        if isinstance(late, Changed):
            form.look_again()
    return _dialog(request, subject, move, form, back, status, changes)


def came_from(request: HttpRequest) -> str:
    """The page the dialog was opened on, so that one is back there afterwards; only our own addresses."""
    there = request.POST.get("back") or getattr(getattr(request, "htmx", None), "current_url_abs_path", None) or ""
    if there.startswith(reverse("workplace:approvals")):
        return reverse("workplace:approvals")
    dialog = {"moves", "acts"} & set(there.split("/"))
    ours = there.startswith("/") and url_has_allowed_host_and_scheme(there, allowed_hosts={request.get_host()}) and not dialog
    return there if ours else ""


def went_through(request: HttpRequest, back: str) -> HttpResponse:
    """On to the page: htmx is told by a header, a plain form by a redirect."""
    if getattr(request, "htmx", False):
        response = HttpResponse(status=204)
        response["HX-Redirect"] = back
        return response
    return HttpResponseRedirect(back)


def _dialog(request: HttpRequest, subject: Any, move: Move, form: Any, back: str, status: int, changes: Sequence[object] = ()) -> HttpResponse:
    template = "workplace/_move_dialog.html" if getattr(request, "htmx", False) else "workplace/move.html"
    about = f"{subject.target} · {terms_of(subject.kind, subject.amount)}" if isinstance(subject, Disposition) else subject.item
    if isinstance(subject, Remedy):
        about = f"{subject.item} · {subject.terms}"
    told = {
        "title": move.label,
        "submit_label": move.label,
        "grave": move.grave,
        "form": form,
        "lead": form.lead,
        "action": doors.url_of(subject, move.name),
        "back_url": back,
        "about": about,
        "changes": changes,
        "draft_place": f"move:{type(subject).__name__.lower()}:{subject.pk}:{move.name}" if len(form.fields) else "",
    }
    return render(request, template, told, status=status)
