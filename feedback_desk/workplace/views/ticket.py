"""The ticket's page: its story, the moves open to me, the composer, the cards at its side."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from feedback_desk.people.access import NotNow
from feedback_desk.workplace import determination, finding, panels
from feedback_desk.workplace.composer import Composer, prepare
from feedback_desk.workplace.doors import put_on
from feedback_desk.workplace.finding import me
from feedback_desk.workplace.matter import Matter
from feedback_desk.workplace.views.moving import went_through
from tickets import services
from tickets.models import Ticket
from tickets.record_forms import ContactForm, CorrectForm, FilesForm, NoteForm, RecordForm, ReplyForm


@login_required
@require_safe
def show(request: HttpRequest, number: str) -> HttpResponse:
    matter, tab = of_ticket(request, number), request.GET.get("tab", "story")
    return page(request, matter, tab=tab, **inside(matter, tab))


def inside(matter: Matter, tab: str, **sent: Any) -> dict[str, Any]:
    """What the two tabs of a complaint's form read; `sent`: forms of it that came back with errors."""
    if tab == "determination":
        return determination.told(matter, **sent)
    return {"panels": panels.of(matter)} if tab == "handling" and matter.form is not None else {}


def of_ticket(request: HttpRequest, number: str) -> Matter:
    ticket = finding.ticket(me(request), number)
    return Matter(ticket, me(request), getattr(ticket, "form", None), base=reverse("workplace:ticket", args=[ticket.item.number]))


def page(request: HttpRequest, matter: Matter, *, tab: str, bound: RecordForm | None = None, status: int = 200, **more: Any) -> HttpResponse:
    """The page with one of its tabs; `bound`: a composer's form that came back with errors."""
    told = {"matter": matter, "tab": tab, "number": matter.ticket.item.number, "composer": Composer(matter, bound) if matter.may_write else None, **more}
    return render(request, "workplace/ticket.html", told, status=status)


@login_required
@require_safe
def story(request: HttpRequest, number: str) -> HttpResponse:
    """What changed on the page: head, story and limits; asked when the poll says that the item changed."""
    return render(request, "workplace/_live.html", {"matter": of_ticket(request, number), "tab": request.GET.get("tab", "story"), "number": number})


def _write(request: HttpRequest, number: str, form_class: type[RecordForm], save: Any, done: str, key: str) -> HttpResponse:
    """Write a row and its files in one transaction; what was typed comes back with the sentence that says what is wrong."""
    matter = of_ticket(request, number)
    form = form_class(request.POST, request.FILES)
    if isinstance(form, ContactForm):
        prepare(form, matter)
    if form.is_valid():
        try:
            with transaction.atomic():
                save(matter.ticket, form)
                for upload in form.cleaned_data["files"]:
                    services.attach(item_id=matter.ticket.item_id, by=matter.user, upload=upload)
        except ValidationError as error:
            put_on(form, error)
        else:
            Composer.sent(matter, key)
            messages.success(request, done)
            return HttpResponseRedirect(f"{matter.base}#newest")
    return page(request, of_ticket(request, number), tab="story", bound=form, status=422)


@login_required
@require_POST
def contact(request: HttpRequest, number: str) -> HttpResponse:
    """F1: a contact; a formal reply is one with that purpose."""
    reply = request.POST.get("as") == "reply"

    def save(ticket: Ticket, form: RecordForm) -> None:
        services.record_contact(ticket_id=ticket.pk, by=me(request), **form.facts())

    return _write(request, number, ReplyForm if reply else ContactForm, save, _("The record is saved."), "reply" if reply else "contact")


@login_required
@require_POST
def note(request: HttpRequest, number: str) -> HttpResponse:
    def save(ticket: Ticket, form: RecordForm) -> None:
        services.record_note(ticket_id=ticket.pk, by=me(request), text=form.cleaned_data["text"])

    return _write(request, number, NoteForm, save, _("The note is saved; the customer does not see it."), "note")


@login_required
@require_POST
def attach(request: HttpRequest, number: str) -> HttpResponse:
    matter, form = of_ticket(request, number), FilesForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            with transaction.atomic():
                for upload in form.cleaned_data["files"]:
                    services.attach(item_id=matter.ticket.item_id, by=matter.user, upload=upload)
        except ValidationError as error:
            put_on(form, error)
        else:
            messages.success(request, _("The files are here."))
            return HttpResponseRedirect(f"{matter.base}?tab=files")
    return page(request, of_ticket(request, number), tab="files", files_form=form, status=422)


@login_required
@require_http_methods(["GET", "POST"])
def correct(request: HttpRequest, number: str) -> HttpResponse:
    """Correct what was typed wrongly; nothing is overwritten when a colleague changed the ticket meanwhile."""
    matter = of_ticket(request, number)
    form, status = CorrectForm(request.POST or None, ticket=matter.ticket), 200
    if request.method == "POST":
        status = 422
        try:
            if form.is_valid() and _correct(request, matter.ticket, form):
                return went_through(request, matter.base)
        except NotNow as late:
            form.add_error(None, late.because)
            status = 409
    template = "workplace/_correct_dialog.html" if getattr(request, "htmx", False) else "workplace/correct.html"
    told = {
        "form": form,
        "title": _("Correct"),
        "about": number,
        "submit_label": _("Correct"),
        "wide": True,
        "back_url": matter.base,
        "action": reverse("workplace:correct", args=[number]),
        "fields_class": "fields",
    }
    return render(request, template, told, status=status)


def _correct(request: HttpRequest, ticket: Ticket, form: CorrectForm) -> bool:
    if not form.changes():
        form.add_error(None, _("Nothing differs from what stands there."))
        return False
    try:
        services.correct(
            ticket_id=ticket.pk, by=me(request), changes=form.changes(), reason=form.cleaned_data["reason"], seen_version=form.cleaned_data["seen_version"]
        )
    except ValidationError as error:
        put_on(form, error)
        return False
    messages.success(request, _("Corrected; what stood there before is kept in the story."))
    return True
