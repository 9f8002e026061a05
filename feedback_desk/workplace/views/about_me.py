"""C7: the person concerned sees their own measures once submitted and may answer until the ruling; nothing else of the matter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from complaints import services
from complaints.forms.way import AnswerForm
from complaints.models import Disposition
from feedback_desk.people.access import NotNow
from feedback_desk.people.models import User
from feedback_desk.workplace.finding import me
from feedback_desk.workplace.words import terms_of

OPEN_TO_ANSWER = frozenset({"proposed", "agreed", "objected", "negotiated"})


@dataclass(frozen=True)
class OwnMeasure:
    """All that the person is shown: the form's number and the measure itself."""

    pk: int
    number: str
    terms: str
    clause: str
    reason: str
    state: str
    state_label: str
    answer: str
    answered_at: datetime | None
    may_answer: bool


def own(user: User) -> list[OwnMeasure]:
    return [_shown(measure) for measure in Disposition.objects.about(user).select_related("form__item").order_by("-pk")]


def _shown(measure: Disposition) -> OwnMeasure:
    return OwnMeasure(
        pk=measure.pk, number=measure.form.item.number, terms=terms_of(measure.kind, measure.amount), clause=measure.clause, reason=measure.reason,
        state=measure.state, state_label=measure.get_state_display(), answer=measure.answer, answered_at=measure.answered_at,
        may_answer=measure.state in OPEN_TO_ANSWER and measure.form.ruled_at is None,
    )  # fmt: skip


def _sent_back(user: User, pk: int) -> OwnMeasure | None:
    """Theirs, but a draft again: its number, nothing of its text."""
    draft = Disposition.objects.filter(pk=pk, user=user).select_related("form__item").first()
    return draft and replace(_shown(draft), terms="", clause="", reason="")


@login_required
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    return render(request, "workplace/about_me.html", {"measures": own(me(request))})


@login_required
@require_http_methods(["GET", "POST"])
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Anybody else's measure is not there. One sent back while they wrote says so, and keeps their words."""
    measure = next((m for m in own(me(request)) if m.pk == pk), None) or (_sent_back(me(request), pk) if request.method == "POST" else None)
    if measure is None:
        raise Http404
    form, status = AnswerForm(request.POST or None, initial={"words": measure.answer}), 200
    if request.method == "POST":
        status = 422
        try:
            if form.is_valid():
                services.answer(disposition_id=pk, by=me(request), words=form.cleaned_data["words"])
                messages.success(request, _("Your answer is kept with the measure; those who decide see it."))
                return HttpResponseRedirect(reverse("workplace:about_me"))
        except NotNow as late:
            form.add_error(None, late.because)
            status = 409
    return render(request, "workplace/answer.html", {"measure": measure, "form": form}, status=status)
