"""What waits for my decision, made for a phone: a list, a card per decision, several of grade III at once."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from complaints import services, texts
from complaints.forms.way import ReviseForm
from complaints.models import ComplaintForm, Disposition
from feedback_desk import clock
from feedback_desk.deadlines.models import Extension
from feedback_desk.people.access import NotNow, NotYou, record_refusal
from feedback_desk.records.moves import too_late
from feedback_desk.workplace import finding
from feedback_desk.workplace.approving import MORE_TIME, ActionWaiting, Card, MoreTime, Waiting, actions_for, decisions, more_time_for, waiting_for
from feedback_desk.workplace.approving_acts import SignatureCard, acts_for
from feedback_desk.workplace.approving_instructions import instructions_for
from feedback_desk.workplace.approving_remedies import RemedyWaiting, remedies_for
from feedback_desk.workplace.doors import put_on
from feedback_desk.workplace.finding import me
from feedback_desk.workplace.waiting import marked
from feedback_desk.workplace.words import terms_of

OPENED = "opened_measures"
MOST = 200
"""Ticked at once."""


@login_required
@require_http_methods(["GET", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    found = waiting_for(me(request), request.session.get(OPENED, []))
    if request.method == "POST":
        return _agree_together(request, found)
    together, times, acts = [w for w in found if w.together], more_time_for(me(request)), acts_for(me(request))
    remedies, actions, instructions = remedies_for(me(request)), actions_for(me(request)), instructions_for(me(request))
    forms: list[ComplaintForm] = [w.form for rows in (found, acts, remedies, instructions) for w in rows]
    told = {
        "signatures": [w for w in acts if w.act == "sign_decision"], "acts": [w for w in acts if w.act != "sign_decision"],
        "cards": [w for w in found if not w.together], "times": times, "remedies": remedies, "actions": actions, "together": together,
        "instructions": instructions, "ready": sum(1 for w in together if w.opened),
        "marked": marked(me(request), [form.ticket_id for form in forms] + [w.ticket.pk for w in times]),
        "total": len(found) + len(acts) + len(times) + len(remedies) + len(actions) + len(instructions),
    }  # fmt: skip
    return render(request, "workplace/approvals.html", told)


def _agree_together(request: HttpRequest, found: list[Waiting]) -> HttpResponse:
    """Each item is a decision of its own: what went through and what did not is said apiece."""
    ready = {w.key: w for w in found if w.together}
    chosen = dict.fromkeys(request.POST.getlist("measure")[:MOST])
    for key in chosen:
        if key not in ready:
            _tell_gone(request, key)
        elif ready[key].opened:
            _agree_one(request, ready[key])
        else:
            _warn(request, ready[key].subject, _("open it once first."))
    if not chosen:
        messages.warning(request, _("Tick what you agree to; each has to be opened once first."))
    return HttpResponseRedirect(reverse("workplace:approvals"))


def _tell_gone(request: HttpRequest, key: str) -> None:
    """What was ticked and is not ready any more: who decided it and when, or that it changed."""
    pk = key.partition(":")[0]
    try:
        measure = finding.disposition(me(request), int(pk) if pk.isascii() and pk.isdigit() and len(pk) < 19 else 0)
    except Http404:
        messages.warning(request, _("One of those ticked is not yours to decide any more."))
        return
    waits = any(button.name == "agree" for button in decisions(measure, me(request)))
    because = _("it changed after you had opened it; open it again.") if waits else too_late(measure).because
    _warn(request, measure, because)


def _warn(request: HttpRequest, measure: Disposition, because: str) -> None:
    about = {"number": measure.form.item.number, "who": measure.target, "terms": terms_of(measure.kind, measure.amount), "because": because}
    messages.warning(request, _("%(number)s, %(who)s, %(terms)s: %(because)s") % about)


def _agree_one(request: HttpRequest, waiting: Waiting) -> None:
    about = {"number": waiting.form.item.number, "what": waiting.in_short}
    try:
        seen = {"seen_version": waiting.subject.version, "seen_text": getattr(waiting.form, "text_id", None)}
        services.agree(disposition_id=waiting.subject.pk, by=me(request), **seen)
    except NotYou as error:
        record_refusal(error)
        messages.error(request, f"{about['number']}: {error.because}")
    except NotNow as error:
        messages.error(request, f"{about['number']}: {error.because}")
    else:
        messages.success(request, _("Agreed: %(number)s, %(what)s.") % about)


@login_required
@require_http_methods(["GET", "POST"])
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """The card of one measure; POST writes a new text in the negotiation (C4)."""
    measure = finding.disposition(me(request), pk)
    form, status = ReviseForm(disposition=measure), 200
    if request.method == "POST":
        form, status = ReviseForm(request.POST, disposition=measure), 422
        try:
            if form.is_valid() and _revise(request, measure, form):
                return HttpResponseRedirect(request.path)
        except NotNow as late:
            form.add_error(None, late.because)
            status = 409
    _remember(request, measure)
    return _card(request, Card(measure, measure.form, me(request)), status, revise=form)


def _revise(request: HttpRequest, measure: Disposition, form: ReviseForm) -> bool:
    try:
        services.revise(disposition_id=measure.pk, by=me(request), **form.cleaned_data)
    except ValidationError as error:
        put_on(form, error)
        return False
    messages.success(request, _("The new text stands; both sides sign it now."))
    return True


def _remember(request: HttpRequest, measure: Disposition) -> None:
    """Opened once, in this version: from now on it may be agreed to together with others of grade III."""
    text = texts.latest(measure.form)
    key, opened = f"{measure.pk}:{measure.version}:{text.pk if text else 0}", request.session.get(OPENED, [])
    if key not in opened:
        request.session[OPENED] = [*opened, key][-200:]


@login_required
@require_safe
def ruling(request: HttpRequest, number: str) -> HttpResponse:
    form: ComplaintForm = finding.form(me(request), number)
    return _card(request, Card(form, form, me(request)), 200)


@login_required
@require_safe
def signature(request: HttpRequest, number: str) -> HttpResponse:
    """G2: the handling decision to be signed; one that is signed can be looked at."""
    form: ComplaintForm = finding.form(me(request), number)
    card = SignatureCard(form, form, me(request))
    if card.decision is None:
        raise Http404
    return _card(request, card, 200)


@login_required
@require_safe
def extension(request: HttpRequest, pk: int) -> HttpResponse:
    """T9: one request for more time, to be granted or refused; answered ones can be looked at."""
    row = Extension.objects.select_related(*MORE_TIME, "deadline__root").filter(pk=pk).first()
    if row is None:
        raise Http404
    ticket = finding.ticket(me(request), row.deadline.root.number)
    return render(request, "workplace/extension.html", {"card": MoreTime(row, ticket, me(request), clock.now()), "marked": marked(me(request), [ticket.pk])})


@login_required
@require_safe
def remedy(request: HttpRequest, pk: int) -> HttpResponse:
    """G4: one remedy above its proposer's limit, to be approved or refused; answered ones can be looked at."""
    row = finding.remedy(me(request), pk)
    told = {"card": RemedyWaiting(row, me(request), clock.now()), "marked": marked(me(request), [row.form.ticket_id])}
    return render(request, "workplace/remedy.html", told)


@login_required
@require_safe
def action(request: HttpRequest, number: str) -> HttpResponse:
    """C14: one corrective or preventive action, to be approved or sent back; others can be looked at."""
    return render(request, "workplace/action_approval.html", {"card": ActionWaiting(finding.action(me(request), number), me(request))})


def _card(request: HttpRequest, card: Card, status: int, **more: Any) -> HttpResponse:
    around = waiting_for(me(request), request.session.get(OPENED, []))
    here = next((n for n, w in enumerate(around) if type(card) is Card and type(w.subject) is type(card.subject) and w.subject.pk == card.subject.pk), None)
    told = {
        "card": card,
        "marked": marked(me(request), [card.form.ticket_id]),
        "place": here + 1 if here is not None else None,
        "total": len(around),
        "next": around[here + 1] if here is not None and here + 1 < len(around) else None,
        "minor": sum(1 for w in around if w.together),
        **more,
    }
    return render(request, "workplace/approval.html", told, status=status)
