"""Return visits by phone (F3, F5) and the supervisor's second follow-up (F4)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from complaints import services as complaints
from complaints.lifecycle import State
from complaints.models import ComplaintForm
from feedback_desk import ahead, clock
from feedback_desk.deadlines import services as deadlines
from feedback_desk.people import access, receivers
from feedback_desk.people.access import NotNow, NotYou
from feedback_desk.people.models import Role, User
from feedback_desk.records import history
from feedback_desk.records.models import Item, relations
from feedback_desk.records.moves import too_late
from feedback_desk.records.spoken import when
from followups.models import SecondFollowUp, Visit
from tickets.models import Ticket
from tickets.services import steps
from tickets.services.common import facts, locked, need, tell
from tickets.services.contacts import check_promise, promise, write_contact

LOW = 3
"""F4: a score of this or less asks for a second follow-up."""
SCORES = ("speed", "solution", "attitude")
AWAITS_A_VISIT = Q(contact__visit__reached=False) | Q(contact__visit__accepted=False)
"""Next steps that end with the next visit: it was tried in vain, or something was missing."""


@transaction.atomic
def record_visit(
    *, ticket_id: int, by: User, reached: bool, said: str, at: datetime | None = None, mood: str = "", accepted: bool | None = None,
    speed: int | None = None, solution: int | None = None, attitude: int | None = None, comment: str = "", suggestions: str = "",
    next_at: datetime | None = None, missing: str = "", promised_at: datetime | None = None, kept: Collection[int] | None = None,
) -> Visit:  # fmt: skip
    """One attempt. Settles D19/D20 and the dated attempt before; not reached: the next is dated (D38); accepted: form and ticket close;
    not accepted: a new round; any score of 3 or less: D22 for a supervisor. `promised_at` (T16): a date that the customer was told on it; `kept`: as of
    any conversation (contacts.write_contact).
    """
    now = clock.now()
    at = at or now
    check_promise(promised_at, now, reached=reached)
    ticket = locked(ticket_id)
    form = ComplaintForm.objects.filter(ticket=ticket).select_related("item").first()
    _check_visitor(ticket, form, by)
    _check_visit(reached=reached, said=said, at=at, now=now, accepted=accepted, scores=(speed, solution, attitude), mood=mood, next_at=next_at, missing=missing)
    scores = [score for score in (speed, solution, attitude) if score is not None]
    comes = _comes_next(ticket, form, by=by, at=at, now=now, next_at=next_at, accepted=accepted, low=min(scores, default=LOW + 1) <= LOW)
    contact = write_contact(
        ticket, by=by, at=at, recorded_at=now, way="call_out", said=said, reached=reached, customer_says=comment, purpose="visit", wait=False,
        kept=kept, **comes,
    )  # fmt: skip
    visit = Visit(
        ticket=ticket, form=form, contact=contact, round=form.round if form else ticket.round, at=at, by=by, reached=reached, mood=mood, accepted=accepted,
        speed=speed, solution=solution, attitude=attitude, comment=comment.strip(), suggestions=suggestions.strip(),
    )  # fmt: skip
    visit.clean_fields(exclude={*relations(Visit), "accepted"})  # null where there is nothing to say
    visit.save()
    history.record(
        ticket.item, "visit", by=by, at=now, reason=comment or said, data={"reached": reached, "scores": [speed, solution, attitude], "accepted": accepted}
    )
    _settle(ticket, form, visit, next_at, now)
    promise(ticket, by=by, at=now, until=promised_at, part=f"v{visit.pk}")
    steps.done_by_itself(ticket, AWAITS_A_VISIT, by=by, at=now, outcome=said)
    if form is not None and accepted is True:
        complaints.accept(form_id=form.pk, by=by)
    elif form is not None and accepted is False:
        complaints.not_accepted(form_id=form.pk, by=by, reason=missing)
    if visit.lowest is not None and visit.lowest <= LOW:
        _ask_for_second(ticket, visit, now)
    steps.open_step(contact)
    return visit


def _comes_next(
    ticket: Ticket, form: ComplaintForm | None, *, by: User, at: datetime, now: datetime, next_at: datetime | None, accepted: bool | None, low: bool,
) -> dict[str, Any]:  # fmt: skip
    """F1: what a visit leads to: the next attempt, a new round, the call after a low score, or nothing more. Its date is the limit's that begins with it."""
    if next_at is not None:
        return {"next_step": gettext_noop("Visit again"), "next_by": by, "next_at": next_at}
    if accepted is False:
        who = receivers.pick(Role.CS_MANAGER, root=ticket.item, at=now) if form else ticket.assignee
        due_at = _by_when("D14", ticket, form.item, now) if form else _by_when("D08", ticket, ticket.item, now)
        return {"next_step": gettext_noop("Put right what is missing"), "next_by": who or by, "next_at": due_at}
    if low:
        who = receivers.pick(Role.SUPERVISOR, root=ticket.item, at=now)
        due_at = _by_when("D22", ticket, ticket.item, at)
        return {"next_step": gettext_noop("Call after the low score and find out why"), "next_by": who or by, "next_at": due_at}
    return {"no_step_why": gettext_noop("The customer accepted the result on the visit.")}


def _by_when(code: str, ticket: Ticket, item: Item, start_at: datetime) -> datetime:
    """When that limit of the item will pass; after a day where its rule is switched off."""
    due_at = deadlines.would_be_due(code, at=start_at, facts=facts(ticket), department=item.department)
    return due_at or start_at + timedelta(days=1)


def _check_visitor(ticket: Ticket, form: ComplaintForm | None, by: User) -> None:
    access.refuse_if_concerned(by, "record_visit", ticket.item)
    held = form.capacities(by) if form else frozenset(by.roles)
    if Role.RETURN_VISIT not in held:
        raise NotYou(_("This step is not yours to take: it is for others."), user=by, item=ticket.item, verb="record_visit")
    if form is not None and form.state != State.VISITING:
        raise too_late(form)
    if form is None and ticket.state not in ("completed", "closed"):
        raise too_late(ticket)


def _check_visit(
    *, reached: bool, said: str, at: datetime, now: datetime, accepted: bool | None, scores: tuple[int | None, ...], mood: str,
    next_at: datetime | None, missing: str,
) -> None:  # fmt: skip
    need(said=said)
    errors = {}
    if at > now:
        errors["at"] = _("A contact cannot lie in the future.")
    if reached and accepted is None:
        errors["accepted"] = _("Did the customer accept the result?")
    if reached:
        errors |= {field: _("Ask for this score, 1 to 5.") for field, score in zip(SCORES, scores, strict=True) if score is None}
        if not mood:
            errors["mood"] = _("How did the customer take it?")
    if not reached and next_at is None:
        errors["next_at"] = _("When will you try again?")
    if next_at is not None and next_at <= now:
        errors["next_at"] = _("This must be later than now.")
    errors |= ahead.too_far(next_at=next_at)
    if reached and accepted is False and not missing.strip():
        errors["missing"] = _("What is missing?")
    if errors:
        raise ValidationError(errors)


def _settle(ticket: Ticket, form: ComplaintForm | None, visit: Visit, next_at: datetime | None, now: datetime) -> None:
    """D19/D20 end with the first attempt in time; not reached, the next attempt is a promise of its own (D38)."""
    if form is not None:
        deadlines.settle(form.item, "D19", "D20", at=max(visit.at, form.state_since), by=visit.by)
    item = form.item if form else ticket.item
    deadlines.settle(item, "D38", at=visit.at, by=visit.by, part="visit")
    if next_at is not None:
        deadlines.start(item, "D38", at=now, facts=facts(ticket), owner=visit.by, department=item.department, part="visit", round=visit.round, due_at=next_at)


def _ask_for_second(ticket: Ticket, visit: Visit, now: datetime) -> None:
    supervisor = receivers.pick(Role.SUPERVISOR, root=ticket.item, at=now)
    deadlines.start(
        ticket.item,
        "D22",
        at=now,
        facts=facts(ticket),
        owner=supervisor,
        department=ticket.item.department,
        part=f"v{visit.pk}",
        round=ticket.round,
        start_at=visit.at,
    )
    entry = history.record(ticket.item, "second_wanted", by=visit.by, at=now, data={"lowest": visit.lowest})
    tell(
        supervisor,
        "generic",
        entry=entry,
        item=ticket.item,
        message=gettext_noop("A score of %(score)s: call the customer within 24 hours and find out why."),
        said={"score": visit.lowest},
    )


@transaction.atomic
def second_follow_up(
    *, visit_id: int, by: User, why: str, agreed: str = "", at: datetime | None = None, next_step: str = "", next_by_id: int | None = None,
    next_at: datetime | None = None, no_step_why: str = "", promised_at: datetime | None = None, kept: Collection[int] | None = None,
) -> SecondFollowUp:  # fmt: skip
    """F4: a supervisor called, found out why, recorded it and what comes next (F1); settles D22 of that visit. `promised_at` (T16): a date told in it."""
    now = clock.now()
    at = at or now
    check_promise(promised_at, now)
    visit = Visit.objects.select_related("ticket").get(pk=visit_id)
    ticket = locked(visit.ticket_id)
    access.refuse_if_concerned(by, "second_follow_up", ticket.item)
    if Role.SUPERVISOR not in ticket.capacities(by):
        raise NotYou(_("This step is not yours to take: it is for others."), user=by, item=ticket.item, verb="second_follow_up")
    if done := SecondFollowUp.objects.filter(visit=visit).select_related("by").first():
        sentence = _("%(who)s recorded the second follow-up %(when)s.") % {"who": done.by, "when": when(done.at)}
        raise NotNow(sentence, moved_by=str(done.by), moved_at=done.at)
    need(why=why)
    comes = steps.comes_next(by=by, next_step=next_step, next_by_id=next_by_id, next_at=next_at, no_step_why=no_step_why, promised_at=promised_at)
    if wrong := steps.wrong_next(item=ticket.item, now=now, **comes):
        raise ValidationError(wrong)
    steps.done_by_itself(ticket, Q(contact__visit=visit, contact__visit__accepted=True), by=by, at=now, outcome=why)
    write_contact(ticket, by=by, at=at, recorded_at=now, way="call_out", said=why, customer_says=agreed or why, purpose="second", kept=kept, **comes)
    second = SecondFollowUp.objects.create(visit=visit, at=at, by=by, why=why.strip(), agreed=agreed.strip())
    history.record(ticket.item, "second_follow_up", by=by, at=now, reason=why)
    deadlines.settle(ticket.item, "D22", at=at, by=by, part=f"v{visit.pk}")
    promise(ticket, by=by, at=now, until=promised_at, part=f"s{visit.pk}")
    return second
