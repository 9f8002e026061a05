"""The complaint form: the ticket's page with the determination in front, its editing, and the sheet as it is printed."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_POST, require_safe

from complaints import services, texts
from complaints.forms.way import CaseSummaryForm
from complaints.models import ComplaintForm
from feedback_desk.people.access import Changed, NotNow
from feedback_desk.workplace import finding, pdf
from feedback_desk.workplace.determination import Sheet
from feedback_desk.workplace.finding import me
from feedback_desk.workplace.matter import Matter
from feedback_desk.workplace.paper import sheet
from feedback_desk.workplace.views.ticket import inside, page
from tickets.models import Ticket
from tickets.move_forms import carry


@login_required
@require_safe
def show(request: HttpRequest, number: str) -> HttpResponse:
    return _page(request, finding.form(me(request), number), tab=request.GET.get("tab", "determination"))


def _matter(request: HttpRequest, form: ComplaintForm) -> Matter:
    own = Ticket.objects.visible_to(me(request)).filter(pk=form.ticket_id).exists()
    return Matter(form.ticket, me(request), form, base=reverse("workplace:form", args=[form.item.number]), through_form=not own)


def _page(request: HttpRequest, form: ComplaintForm, *, tab: str = "determination", status: int = 200, **sent: Any) -> HttpResponse:
    matter = _matter(request, form)
    return page(request, matter, tab=tab, status=status, **inside(matter, tab, **sent))


@login_required
@require_POST
def determine(request: HttpRequest, number: str) -> HttpResponse:
    """Save the draft. Rows come back as typed with a sentence each; a text that changed meanwhile is not overwritten."""
    form = finding.form(me(request), number)
    sheet, status = Sheet(form, me(request), request.POST), 422
    if sheet.is_valid():
        try:
            services.determine(form_id=form.pk, by=me(request), **sheet.facts())
        except ValidationError as error:
            sheet.findings.add_error(None, error.messages)
        except NotNow as late:
            sheet.findings.add_error(None, late.because)
            status = 409
        else:
            messages.success(request, _("The determination is saved as a draft."))
            return HttpResponseRedirect(reverse("workplace:form", args=[form.item.number]) + "?tab=determination")
    return _page(request, finding.form(me(request), number), sheet=sheet, status=status)


@login_required
@require_POST
def case_summary(request: HttpRequest, number: str) -> HttpResponse:
    """C20: cause, course, was the solution right. A colleague's is not overwritten unread."""
    form, summary = finding.form(me(request), number), CaseSummaryForm(request.POST)
    if not summary.is_valid():
        return _page(request, form, summary=summary, status=422)
    try:
        services.write_case_summary(form_id=form.pk, by=me(request), **summary.cleaned_data)
    except NotNow as late:
        summary.add_error(None, late.because)
        if isinstance(late, Changed):
            carry(summary, seen=texts.summary_now(form))
        return _page(request, form, summary=summary, changes=getattr(late, "changes", ()), status=409)
    messages.success(request, _("The case summary is written."))
    return HttpResponseRedirect(reverse("workplace:form", args=[form.item.number]) + "?tab=determination")


@login_required
@require_safe
def paper(request: HttpRequest, number: str) -> HttpResponse:
    """客户信息反馈处理单 as a sheet of paper; `?round=1` is an earlier round (C15)."""
    form = finding.form(me(request), number)
    matter, round = _matter(request, form), _round(request, form)
    rounds = range(1, form.round + 1) if form.round > 1 else ()
    return render(request, "workplace/paper.html", {"matter": matter, "form": form, "sheet": sheet(matter, round), "round": round, "rounds": rounds})


def _round(request: HttpRequest, form: ComplaintForm) -> int:
    asked = request.GET.get("round", str(form.round))
    if not asked.isdecimal() or not 1 <= int(asked) <= form.round:
        raise Http404
    return int(asked)


@login_required
@require_safe
def paper_pdf(request: HttpRequest, number: str, language: str) -> HttpResponse:
    """The same as a file, in the language that was chosen."""
    if language not in dict(settings.LANGUAGES):
        raise Http404
    form = finding.form(me(request), number)
    with override(language):
        content = pdf.render(sheet(_matter(request, form), _round(request, form)))
    return HttpResponse(content, content_type="application/pdf", headers={"Content-Disposition": f'inline; filename="{form.item.number}.pdf"'})
