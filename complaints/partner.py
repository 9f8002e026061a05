"""The form's side of the coupling (machines.md, "What one machine's move does to the other"): called by the ticket's services in their transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from complaints import guards, texts
from complaints.guards import failed_attempts, remedy_waits
from complaints.lifecycle import BEFORE_REVIEW, ENDED, State
from complaints.models import ComplaintForm, Grade
from complaints.services import answers, grading
from complaints.services.closing import again
from complaints.services.common import (
    FORM_CODES,
    TO_THE_CUSTOMER,
    closure_asked,
    facts,
    follow_department,
    hold,
    locked,
    move,
    no_more_visits,
    refit,
    requests_fall,
    start,
)
from complaints.services.early import hand_facts, leave_quality, settle_plan, start_cause, start_decision, start_first_hours
from feedback_desk.deadlines import services as deadlines
from feedback_desk.people import receivers
from feedback_desk.people.actors import SYSTEM, Actor, person
from feedback_desk.people.models import Role
from feedback_desk.people.one_look import remembered
from feedback_desk.records import history
from feedback_desk.records.items import give_number, open_item
from feedback_desk.records.models import Kind
from tickets import partner
from tickets.models import Contact, Outcome, Ticket
from tickets.services.common import met, responsible, tell

AGAIN_FROM = (State.AWAITING_CHECK, State.VISITING)


class FormPartner:
    """See tickets.partner.Partner."""

    def lock(self, ticket: Ticket) -> None:
        """The row is `ticket.form` from here on."""
        form = ComplaintForm.objects.select_for_update(of=("self",), no_key=True).select_related("item").filter(ticket=ticket).first()
        if form is not None:
            ticket.form = form
            if form.item.root_id == ticket.item_id:
                form.item.root = ticket.item

    def grade(self, ticket: Ticket) -> str:
        return ComplaintForm.objects.filter(ticket=ticket).values_list("grade", flat=True).first() or ""

    def opened(self, ticket: Ticket, *, by: Actor, at: datetime) -> None:
        """T1: exactly one form, in the same transaction; D14 runs from here."""
        form = ComplaintForm.objects.filter(ticket=ticket).first()
        if form is not None:
            self._restored(locked(form.pk), by=by, at=at)
            return
        item = open_item(Kind.FORM, title=ticket.item.title, at=at, root=ticket.item, department=ticket.item.department, holder=ticket.assignee)
        form = ComplaintForm.objects.create(item=item, ticket=ticket, opened_at=at, state_since=at)
        start(form, "D14", at=at, role=Role.CS_MANAGER)
        _start_three_days(form, ticket, at=at)
        start_first_hours(form, at=at)
        answers.start_answering(form, at=at)
        grading.opened(form, at=at)
        give_number(item, at=at)
        history.record(item, "open_form", by=by, at=at, target=form.state)
        texts.keep(form, at=at)

    def objection(self, ticket: Ticket, move: str) -> str | None:
        form = remembered(("form", ticket.pk), ComplaintForm.objects.filter(ticket=ticket).only("state").first)
        if form is None:
            return None
        if move == "offer_result":
            return _("A remedy still waits for approval: the customer hears of it only then.") if remedy_waits(form) else _not_answerable(ticket)
        if move == "close" and form.state not in ENDED:
            return _("The complaint form is still open; the ticket closes with it.")
        if move == "no_answer":
            return _("A complaint is not completed without an answer: ask for abnormal closing on its form.")
        if move == "invalidate" and form.state not in (State.REGISTERED, State.GRADED):
            return _("The complaint form has gone beyond grading.")
        if move == "merge" and form.state not in BEFORE_REVIEW:
            return _("The complaint form is in review already.")
        return None

    def contacted(self, ticket: Ticket, contact: Contact, *, at: datetime) -> None:
        """C11, G3: progress told, a formal reply by word of mouth.

        C3: two attempts of this round on record, all failed, before the limit: the same D14 gets the longer amount of its rule from the same start.
        """
        form = ComplaintForm.objects.filter(ticket=ticket).select_related("item").first()
        if form is None:
            return
        form.ticket = ticket
        settle_plan(form)
        answers.contacted(form, contact)
        if failed_attempts(form) >= 2:
            deadlines.lengthen(form.item, "D14", at=at, why=gettext_noop("the customer was not reached in two attempts"))

    def held(self, ticket: Ticket, *, at: datetime) -> None:
        form = ComplaintForm.objects.filter(ticket=ticket).select_related("item__root").first()
        if form is None:
            return
        form.ticket = ticket
        for role in ("assignee", "lead"):
            deadlines.reown(form.item, owner=responsible(ticket, at), owner_role=role)
        answers.hand_reply(form, at=at)
        if form.state in (State.REGISTERED, State.GRADED):
            hold(form, at)

    def corrected(self, ticket: Ticket, *, at: datetime) -> None:
        """Whoever has the form open is shown what changed and decides again."""
        form = ComplaintForm.objects.filter(ticket=ticket).select_related("item").first()
        if form is not None:
            form.ticket = ticket
            texts.keep(form, at=at)
            grading.corrected(form, at=at)

    def attached(self, ticket: Ticket, *, at: datetime) -> None:
        """Evidence counts like words (decision 46)."""
        form = ComplaintForm.objects.filter(ticket=ticket).select_related("item").first()
        if form is not None:
            form.ticket = ticket
            texts.keep(form, at=at)

    def propose_major(self, ticket: Ticket, *, at: datetime) -> bool:
        """G1, D36: once; a person decides. The supervisor is told."""
        form = locked(ComplaintForm.objects.values_list("pk", flat=True).get(ticket=ticket))
        if form.state in ENDED or form.grade == Grade.MAJOR or form.major_proposed_at is not None:
            return False
        form.major_proposed_at = at
        form.save(update_fields=["major_proposed_at"])
        grading.third_day(form, at=at)
        entry = history.record(form.item, "propose_major", by=SYSTEM, at=at, data={"code": "D36"})
        supervisor = receivers.pick(Role.SUPERVISOR, department=ticket.item.department, root=ticket.item, at=at)
        tell(supervisor, "approval_wanted", entry=entry, item=form.item, what=gettext_noop("Raise it to grade I? Unsolved three days after receipt"))
        return True

    def moved(self, ticket: Ticket, move: str, *, by: Actor, at: datetime, reason: str, **facts: Any) -> None:
        form_id = ComplaintForm.objects.filter(ticket=ticket).values_list("pk", flat=True).first()
        if form_id is None:
            return
        form = locked(form_id)
        form.ticket = ticket
        follow = getattr(self, f"_on_{move}", None)
        if follow is not None:
            follow(form, by=by, at=at, reason=reason, **facts)

    def _on_offer_result(self, form: ComplaintForm, *, by: Actor, at: datetime, reason: str) -> None:
        answers.result_offered(form, result=form.ticket.result, by=by, at=at)
        closure_asked(form, at=at)

    def _on_confirm_result(self, form: ComplaintForm, *, by: Actor, at: datetime, reason: str) -> None:
        closure_asked(form, at=at)

    def _on_not_solved(self, form: ComplaintForm, *, by: Actor, at: datetime, reason: str) -> None:
        """On its way to closing the form begins a new round; earlier it goes on, and what is missing is to be answered too."""
        if form.state in AGAIN_FROM:
            again(form, "unsolved", by=by, at=at, reason=reason, standing="ticket")
        elif form.state not in ENDED:
            answers.answer_again(form, missing=reason, by=by, at=at)

    def _on_reopen(self, form: ComplaintForm, *, by: Actor, at: datetime, reason: str, outcome: str) -> None:
        """C15. After abnormal closing only a supervisor's move, so it lends no standing there. `outcome`: what the ticket had ended with."""
        if form.state == State.CLOSED:
            again(form, "reopen", by=by, at=at, reason=reason, standing="ticket")
        elif form.state == State.CLOSED_ABNORMALLY:
            again(form, "reopen_abnormal", by=by, at=at, reason=reason)
        elif form.state in AGAIN_FROM:
            again(form, "unsolved", by=by, at=at, reason=reason, standing="ticket")
        elif outcome == Outcome.WITHDRAWN:
            _taken_up_again(form, at=at)
        else:
            answers.answer_again(form, missing=reason, by=by, at=at)

    def _on_invalidate(self, form: ComplaintForm, *, by: Actor, at: datetime, reason: str) -> None:
        move(form, "invalidate", by=by, at=at, reason=reason, standing="ticket")
        grading.look_again(form.batch_id)
        deadlines.void(form.item, *FORM_CODES, at=at, why=gettext_noop("invalid"), by=person(by))
        deadlines.void(form.item, "D38", part="instruction", at=at, why=gettext_noop("invalid"), by=person(by))
        deadlines.void(form.ticket.item, "D36", at=at, why=gettext_noop("invalid"), by=person(by))

    def _on_retype(self, form: ComplaintForm, *, by: Actor, at: datetime, reason: str) -> None:
        self._on_invalidate(form, by=by, at=at, reason=reason)

    def _on_correct(self, form: ComplaintForm, *, by: Actor, at: datetime, reason: str) -> None:
        """What its rules are chosen by was corrected, or when it was received."""
        follow_department(form)
        hand_facts(form, at=at)
        refit(form, at=at, by=by, received=True)
        answers.refitted(form, at=at)
        leave_quality(form, by=by, at=at)

    def _on_restore(self, form: ComplaintForm, *, by: Actor, at: datetime, reason: str) -> None:
        self._restored(form, by=by, at=at)

    def _restored(self, form: ComplaintForm, *, by: Actor, at: datetime) -> None:
        follow_department(form)
        move(form, "restore", by=by, at=at, standing="ticket")
        if not met(form.ticket, "D36"):
            _start_three_days(form, form.ticket, at=at)
        start_first_hours(form, at=at)
        answers.start_answering(form, at=at)
        start(form, "D14", at=at, role=Role.CS_MANAGER, start_at=form.ticket.registered_at)
        grading.corrected(form, at=at)

    def _on_merge(self, form: ComplaintForm, *, by: Actor, at: datetime, reason: str, target: Ticket) -> None:
        move(form, "merge", by=by, at=at, reason=reason, standing="ticket")
        grading.look_again(form.batch_id)
        deadlines.void(form.item, *FORM_CODES, at=at, why=gettext_noop("merged"), by=person(by))

    def _on_withdraw(self, form: ComplaintForm, *, by: Actor, at: datetime, reason: str) -> None:
        """Before the review a supervisor closes the form; later it runs on inside, without a visit."""
        why = gettext_noop("withdrawn by the customer")
        if form.state in BEFORE_REVIEW:
            deadlines.void(form.item, *FORM_CODES, at=at, why=why, by=person(by))
            deadlines.void(form.item, "D38", part="instruction", at=at, why=why, by=person(by))
        else:
            no_more_visits(form, at=at, why=why, by=person(by))
            deadlines.void(form.item, "D21", *TO_THE_CUSTOMER, at=at, why=why, by=person(by))
        requests_fall(form, at=at, all_of_them=True)


def _not_answerable(ticket: Ticket) -> str | None:
    """C17, T14: several points are answered one by one before the result; a single one is answered by it."""
    form = remembered(("answerable", ticket.pk), ComplaintForm.objects.select_related("item", "ticket__item").filter(ticket=ticket).first)
    if form is None:
        return None
    return guards.meeting_was_held(form) or guards.several_points_open(form)


def _taken_up_again(form: ComplaintForm, *, at: datetime) -> None:
    """A withdrawal that did not last left the form open: what was not done by then is asked for anew, from now (E6)."""
    if form.state in (State.REGISTERED, State.GRADED, State.DETERMINING):
        start(form, "D14", at=at, role=Role.CS_MANAGER)
    start_first_hours(form, at=at, since=at)
    answers.start_answering(form, at=at, since=at)
    answers.hand_reply(form, at=at)
    if form.state in (State.GRADED, State.DETERMINING):
        start_decision(form, at=at)
    start_cause(form, at=at)
    if not form.ticket.item.deadlines.filter(code="D36", state="settled").exists():
        _start_three_days(form, form.ticket, at=at, since=at)


def _start_three_days(form: ComplaintForm, ticket: Ticket, *, at: datetime, since: datetime | None = None) -> None:
    """D36: on the ticket's item, as its assignee answers for it and the result settles it."""
    deadlines.start(
        ticket.item, "D36", at=at, facts=facts(form), owner=responsible(ticket, at), department=ticket.item.department,
        round=ticket.round, start_at=since or ticket.received_at,
    )  # fmt: skip


def install() -> None:
    partner.install(FormPartner())
