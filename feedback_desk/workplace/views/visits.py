"""Return visits by phone and second follow-ups after a low score."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from complaints import services as complaints
from complaints import texts
from complaints.models import ComplaintForm
from feedback_desk import clock
from feedback_desk.people import standing
from feedback_desk.people.access import Changed, NotNow
from feedback_desk.workplace import finding, visiting, waiting
from feedback_desk.workplace.doors import put_on
from feedback_desk.workplace.finding import me
from followups import services
from followups.forms import SecondFollowUpForm, VisitForm
from followups.models import Visit
from tickets import promises
from tickets.models import Ticket
from tickets.move_forms import carry
from tickets.permissions import matter_that_closes

gate = require_http_methods(["GET", "POST"])


@login_required
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    user, at = me(request), clock.now()
    visits = visiting.to_visit(user, at)
    calls = visiting.to_call(user, at)
    marked = waiting.marked(user, [row.form.ticket_id for row in visits] + [call.visit.ticket_id for call in calls])
    lists = {"due": [v for v in visits if not v.waits], "waiting": [v for v in visits if v.waits], "calls": calls}
    return render(
        request,
        "workplace/visits.html",
        {**lists, "marked": marked, "may_visit": visiting.may_visit(user, at), "may_call": visiting.may_follow_up(user, at)},
    )


@login_required
@gate
def record(request: HttpRequest, number: str) -> HttpResponse:
    """F3: one attempt with what was said and the scores; what was typed stays when a colleague was faster."""
    found = visiting.visit_form_of(me(request), number)
    if found is None:
        raise finding.unseen(me(request), number)
    form, status, changes = VisitForm(request.POST or None, initial={"case_summary": found.case_summary, "seen": texts.summary_now(found)}), 200, ()
    form.offer_promises(promises.told_of(found.ticket.item, clock.now()))
    if request.method == "POST":
        status = 422
        try:
            if form.is_valid() and _record(request, found, form):
                return HttpResponseRedirect(reverse("workplace:visits"))
        except NotNow as late:
            form.add_error(None, late.because)
            status, changes = 409, getattr(late, "changes", ())
            if isinstance(late, Changed):
                carry(form, seen=texts.summary_now(found))
    told = {
        "visit": found,
        "marked": waiting.marked(me(request), [found.ticket_id]),
        "form": form,
        "changes": changes,
        "script": visiting.SCRIPT,
        "lacks": visiting.missing_to_close(found),
        "attempts": found.visits.filter(reached=False).count(),
        "points": found.ticket.customer.contact_points.all(),
        "may_reveal": matter_that_closes(me(request), found.ticket.customer) is None,
    }
    return render(request, "workplace/visit.html", told, status=status)


def _record(request: HttpRequest, found: ComplaintForm, form: VisitForm) -> bool:
    """C20: an accepted visit closes the form, which needs its case summary; both in one transaction."""
    summary = form.cleaned_data["case_summary"]
    try:
        with transaction.atomic():
            if summary and summary != found.case_summary:
                complaints.write_case_summary(form_id=found.pk, by=me(request), text=summary, seen=form.cleaned_data["seen"])
            services.record_visit(ticket_id=found.ticket_id, by=me(request), **form.facts())
    except ValidationError as error:
        put_on(form, error)
        return False
    messages.success(request, _("The visit is recorded."))
    return True


@login_required
@gate
def second(request: HttpRequest, pk: int) -> HttpResponse:
    """F4: why the score was low, and what was agreed."""
    user = me(request)
    visit = (
        Visit.objects.filter(pk=pk, ticket__in=Ticket.objects.visible_to(user).values("pk"))
        .select_related("ticket__item", "ticket__customer", "contact", "by")
        .first()
    )
    if visit is None:
        raise Http404
    form, status = SecondFollowUpForm(request.POST or None), 200
    form.offer(standing.colleagues(user))
    form.offer_promises(promises.told_of(visit.ticket.item, clock.now()))
    if request.method == "POST":
        status = 422
        try:
            if form.is_valid() and _second(request, visit, form):
                return HttpResponseRedirect(reverse("workplace:visits"))
        except NotNow as late:
            form.add_error(None, late.because)
            status = 409
    return render(request, "workplace/second.html", {"visit": visit, "form": form}, status=status)


def _second(request: HttpRequest, visit: Visit, form: SecondFollowUpForm) -> bool:
    try:
        services.second_follow_up(visit_id=visit.pk, by=me(request), **form.facts())
    except ValidationError as error:
        put_on(form, error)
        return False
    messages.success(request, _("The second follow-up is recorded."))
    return True
