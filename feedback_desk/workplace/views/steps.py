"""Ticking off a next step (F1): what came of it, in a dialog inside the page or on a page of its own."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from feedback_desk.people.access import NotNow
from feedback_desk.records.spoken import words
from feedback_desk.workplace import finding
from feedback_desk.workplace.doors import put_on
from feedback_desk.workplace.finding import me
from feedback_desk.workplace.views.moving import came_from, went_through
from tickets import services
from tickets.models import NextStep
from tickets.record_forms import FinishStepForm


@login_required
@require_http_methods(["GET", "POST"])
def finish(request: HttpRequest, pk: int) -> HttpResponse:
    step = finding.step(me(request), pk)
    back = came_from(request) or reverse("workplace:ticket", args=[step.item.number])
    form, status = FinishStepForm(request.POST or None), 200
    if request.method == "POST":
        status = 422
        try:
            if form.is_valid() and _finish(request, step, form):
                return went_through(request, back)
        except NotNow as late:
            form.add_error(None, late.because)
            status = 409
    template = "workplace/_move_dialog.html" if getattr(request, "htmx", False) else "workplace/move.html"
    told = {
        "title": _("Next step done"),
        "submit_label": _("Done"),
        "form": form,
        "lead": words(step.contact.next_step),
        "action": reverse("workplace:finish_step", args=[step.pk]),
        "back_url": back,
        "about": step.item,
        "draft_place": f"step:{step.pk}",
    }
    return render(request, template, told, status=status)


def _finish(request: HttpRequest, step: NextStep, form: FinishStepForm) -> bool:
    try:
        services.finish_step(step_id=step.pk, by=me(request), outcome=form.cleaned_data["outcome"])
    except ValidationError as error:
        put_on(form, error)
        return False
    messages.success(request, _("Ticked off: %(step)s") % {"step": words(step.contact.next_step)})
    return True
