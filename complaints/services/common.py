"""What the form's services share: locks in one order, who holds the form, what its way asks of deadlines and ticket."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from complaints import texts
from complaints.lifecycle import ENDED, State
from complaints.lifecycle.form import HAS_RESULT
from complaints.lifecycle.remedy import UNDECIDED
from complaints.models import ComplaintForm, Disposition, FormAct, Grade, Remedy
from complaints.permissions import barred_by_eyes
from feedback_desk import clock
from feedback_desk.deadlines import rederiving
from feedback_desk.deadlines import services as deadlines
from feedback_desk.deadlines.models import Deadline
from feedback_desk.people import receivers, standing
from feedback_desk.people.access import concerned
from feedback_desk.people.actors import SYSTEM, Actor
from feedback_desk.people.models import Department, Role, User
from feedback_desk.records.models import Entry, Item
from feedback_desk.records.moves import make
from tickets.models import Ticket
from tickets.services import life
from tickets.services.common import facts as ticket_facts
from tickets.services.common import locked as locked_ticket
from tickets.services.common import refit as refit_ticket
from tickets.services.common import tell

FORM_CODES = (
    "D09", "D10", "D11", "D12", "D13", "D14", "D15", "D16", "D17", "D18", "D19", "D20", "D21", "D23", "D24", "D25", "D27", "D28", "D34", "D37", "D40",
)  # fmt: skip
TO_THE_CUSTOMER = ("D12", "D13", "D24", "D25", "D27", "D34")
"""What nobody who withdrew is owed."""
FROM_RECEIPT = ("D13", "D27", "D34")
OF_THEIR_OWN = ("D15", "D17", "D18", "D37")
"""Limits of the departments that the determination names."""
VISIT_CODES = ("D19", "D20")


def locked(form_id: int) -> ComplaintForm:
    """The form, its ticket's row locked first."""
    ticket_id = ComplaintForm.objects.values_list("ticket_id", flat=True).get(pk=form_id)
    form: ComplaintForm = locked_ticket(ticket_id).form
    return form


@transaction.atomic
def keep_text(form_id: int) -> None:
    """Decision 46: what changed without a service (a name in the back office, a file taken away) is kept, so that one can decide on it."""
    texts.keep(locked(form_id), at=clock.now())


def locked_disposition(disposition_id: int) -> Disposition:
    form = locked(Disposition.objects.values_list("form_id", flat=True).get(pk=disposition_id))
    rows = Disposition.objects.select_for_update(of=("self",), no_key=True).select_related("user", "department__head")
    disposition: Disposition = rows.get(pk=disposition_id)
    disposition.form = form
    return disposition


def facts(form: ComplaintForm) -> dict[str, Any]:
    return ticket_facts(form.ticket, grade=form.grade)


def start(
    form: ComplaintForm,
    code: str,
    *,
    at: datetime,
    role: str = "",
    owner: User | None = None,
    department: Department | None = None,
    part: str = "",
    start_at: datetime | None = None,
    due_at: datetime | None = None,
) -> Deadline | None:
    """Start one of the form's limits in its current round; `role` picks the owner (V2, V3)."""
    department = department or form.item.department
    if owner is None and role:
        owner = receivers.pick(role, department=None, root=form.item.root, at=at)
    return deadlines.start(
        form.item, code, at=at, facts=facts(form), owner=owner, department=department, part=part, round=form.round, start_at=start_at, due_at=due_at
    )  # fmt: skip


def follow_department(form: ComplaintForm) -> None:
    """T6: the ticket went to another department, and the form with it; who reviews, carries out or analyses stays who that was."""
    department = form.ticket.item.department
    if department is not None and form.item.department_id != department.pk:
        analysed = ("D23",) if form.analysis_department_id else ()
        rederiving.follow_department(form.item, department, except_codes=(*OF_THEIR_OWN, *analysed))


def refit(form: ComplaintForm, *, at: datetime, by: Actor, received: bool = False) -> None:
    """E3, E5: what chooses the rules of the form's limits changed (grade, category, level …), or (`received`) when it was received."""
    moved = dict.fromkeys(FROM_RECEIPT, form.ticket.received_at) if received and form.round == 1 else {}
    rederiving.rederive(form.item, at=at, facts=facts(form), by=by, moved=moved)


def refit_matter(form: ComplaintForm, *, at: datetime, by: Actor) -> None:
    """The grade changed: ticket first, then form."""
    refit_ticket(form.ticket, at=at, by=by)
    refit(form, at=at, by=by)


def act(form: ComplaintForm, kind: str, *, by: Actor, at: datetime) -> None:
    """V8: remember who took which of the four parts."""
    if isinstance(by, User):
        FormAct.objects.get_or_create(form=form, kind=kind, user=by, defaults={"at": at})


def move(
    form: ComplaintForm,
    name: str,
    *,
    by: Actor,
    at: datetime,
    reason: str = "",
    seen_version: int | None = None,
    standing: str = "",
    save: tuple[str, ...] = (),
    data: dict[str, Any] | None = None,
) -> Entry:
    """Make the form's move, remember V8's part, and hand the form to whoever has the next act."""
    entry = make(form, name, by=by, at=at, reason=reason, seen_version=seen_version, standing=standing, save=save, data=data)
    if eyes := getattr(type(form), name).move.eyes:
        act(form, eyes, by=by, at=at)
    if name not in ("park", "rule_abnormal"):
        requests_fall(form, at=at, entry=entry)
    if form.state in ENDED:
        _remedies_fall(form, at)
    texts.keep(form, at=at)
    hold(form, at)
    return entry


def requests_fall(form: ComplaintForm, *, at: datetime, all_of_them: bool = False, entry: Entry | None = None) -> None:
    """A request that stands beside a state falls when the form leaves the states it was asked in: nobody can answer it any more.

    C8: so does setting aside once the grade is raised to I; who asked is told.
    """
    if form.parking_asked_at and (all_of_them or form.grade == Grade.MAJOR or form.state not in (State.GRADED, State.DETERMINING)):
        if entry is not None and form.grade == Grade.MAJOR:
            message = gettext_noop("The request to set it aside fell: of grade I the general manager writes how it goes on.")
            tell(form.parking_asked_by, "generic", entry=entry, item=form.item, message=message)
        form.parking_asked_at = form.parking_asked_by = None
        form.save(update_fields=["parking_asked_at", "parking_asked_by"])
        deadlines.void(form.item, "D40", at=at, why=gettext_noop("the form went on"))
    if form.instruction_asked_at and (all_of_them or form.grade != Grade.MAJOR or form.state not in (State.GRADED, State.DETERMINING)):
        form.instruction_asked_at = form.instruction_asked_by = None
        form.save(update_fields=["instruction_asked_at", "instruction_asked_by"])
    if form.abnormal_asked_at and (all_of_them or form.state not in (State.AWAITING_CHECK, State.VISITING, State.OUTSTANDING)):
        form.abnormal_asked_at = form.abnormal_asked_by = None
        form.save(update_fields=["abnormal_asked_at", "abnormal_asked_by"])
        deadlines.void(form.item, "D21", at=at, why=gettext_noop("the form went on"))


def drop_drafts(form: ComplaintForm, *, rounds: Collection[int], by: Actor, at: datetime, why: str) -> None:
    """A draft nobody else saw goes without a trace; one that was proposed and sent back is struck out: answers and signatures stay on record (V5)."""
    drafts = form.dispositions.filter(round__in=rounds, state="draft")
    drafts.filter(version=1).delete()
    for draft in drafts.select_related("user", "department"):
        draft.form = form
        make(draft, "strike_out", by=by, at=at, standing="form", reason=why, data={"measure": draft.pk, "target": draft.target_kept})


def _remedies_fall(form: ComplaintForm, at: datetime) -> None:
    """G4: what the customer has not chosen when the form ends is withdrawn; what was agreed is still to be fulfilled."""
    for remedy in Remedy.objects.select_for_update(of=("self",), no_key=True).filter(form=form, state__in=UNDECIDED):
        remedy.form, remedy.ended_words = form, gettext_noop("The form has ended.")
        make(remedy, "withdraw_offer", by=SYSTEM, at=at, reason=remedy.ended_words, save=("ended_words",), data=about_remedy(remedy))


def about_remedy(remedy: Remedy) -> dict[str, Any]:
    """What its lines of history carry."""
    return {"remedy": remedy.pk, "solution": remedy.option, "kind": remedy.kind, "value": "" if remedy.value is None else str(remedy.value)}


NEXT_ACT: dict[str, str] = {
    State.DETERMINING: Role.CS_MANAGER, State.NEGOTIATING: Role.OFFICE, State.AWAITING_RULING: Role.GENERAL_MANAGER,
    State.AWAITING_CHECK: Role.INSPECTOR, State.VISITING: Role.RETURN_VISIT, State.OUTSTANDING: Role.CS_MANAGER,
}  # fmt: skip
"""Who has the one awaited act per state; in review and carrying out it is the departments' heads."""


def hold(form: ComplaintForm, at: datetime) -> None:
    """The form's item is held by whoever acts next, stand-ins included."""
    state = form.state
    if state in NEXT_ACT:
        holder = _spared(receivers.pick(NEXT_ACT[state], root=form.item.root, at=at), NEXT_ACT[state], form, at)
    elif state in (State.IN_REVIEW, State.EXECUTING):
        first = (
            form.responsibilities.filter(round=form.round).select_related("department__head__backup", "department__head__superior").order_by("-share").first()
        )
        department = first.department if first else form.item.department
        holder = standing.stand_in(department.head, form.item, at) if department and department.head else None
    else:
        holder = form.ticket.assignee if state not in ENDED else None
    form.item.holder, form.item.open = holder, state not in ENDED
    form.item.save(update_fields=["holder", "open"])


def _spared(holder: User | None, role: str, form: ComplaintForm, at: datetime) -> User | None:
    """V8: not to somebody who may not take this part; to their stand-in."""
    barred = barred_by_eyes(form).get(role, set())
    return standing.stand_in(holder, form.item, at, standing.out_of_play(form.item, at) | barred) if holder is not None and holder.pk in barred else holder


def take_form_away(root: Item, user: User, by: Actor, at: datetime) -> None:
    """V3: a form held by somebody who became concerned goes to the stand-in at once."""
    held = ComplaintForm.objects.filter(item__root=root, item__holder=user).values_list("pk", flat=True).first()
    if held is not None:
        hold(locked(held), at)


def colleague(pk: int, item: Item, field: str) -> User:
    """Somebody who is to take a part in the matter; raises ValidationError on `field` for whoever is named in it (V3), or gone."""
    found = User.objects.filter(pk=pk, is_active=True).first()
    if found is None or concerned(found, item):
        raise ValidationError({field: _("Choose a colleague who is not named in this matter.")})
    return found


def head_of(department: Department, form: ComplaintForm, at: datetime) -> User | None:
    """The head who acts on this form now: V2, V3 applied."""
    return standing.stand_in(department.head, form.item, at)


def closure_asked(form: ComplaintForm, *, at: datetime) -> None:
    """C10: the form is with customer service and the ticket has its result: D19 (marked) or D20 (others to be visited) runs, never both."""
    if form.state not in (State.AWAITING_CHECK, State.VISITING) or form.ticket.state not in HAS_RESULT or not form.visit_due:
        return
    this_round = Deadline.objects.filter(item=form.item, code__in=VISIT_CODES, round=form.round).exclude(state="void")
    if not this_round.exists():
        start(form, "D19" if form.visit_marked else "D20", at=at, role=Role.RETURN_VISIT)


def no_more_visits(form: ComplaintForm, *, at: datetime, why: str, by: User | None = None) -> None:
    """The visit that was due, and the next attempt that was dated (D38), mean nothing any more."""
    deadlines.void(form.item, *VISIT_CODES, at=at, why=why, by=by)
    deadlines.void(form.item, "D38", part="visit", at=at, why=why, by=by)


def new_round(form: ComplaintForm) -> tuple[str, ...]:
    """Put the form at the start of its next round; the earlier one stays as it was (C15). Returns the fields to save."""
    form.round += 1
    form.no_fault, form.no_fault_reason, form.findings, form.why_not_spoken, form.case_summary, form.on_the_spot = False, "", "", "", "", ""
    form.submitted_at = form.ruled_at = form.executed_at = form.handed_over_at = form.closed_at = None
    form.ruling = form.ruling_words = ""
    return (
        "round", "no_fault", "no_fault_reason", "findings", "why_not_spoken", "case_summary", "on_the_spot", "submitted_at", "ruled_at",
        "executed_at", "handed_over_at", "closed_at", "ruling", "ruling_words",
    )  # fmt: skip


def ticket_back_to_work(ticket: Ticket, *, by: Actor, at: datetime, reason: str) -> None:
    """Coupling: "not accepted" and "reopen" put the ticket back to processing, from wherever it is."""
    if ticket.state == "confirming":
        make(ticket, "not_solved", by=by, at=at, reason=reason, standing="form")
        deadlines.resume(ticket.item, "D26", at=at)
    elif ticket.state in ("completed", "closed"):
        life.resume_work(ticket, "reopen", by=by, at=at, reason=reason, standing="form")
    elif ticket.state == "waiting":
        make(ticket, "customer_answered", by=by, at=at, standing="form")
        deadlines.resume(ticket.item, "D26", at=at)


def end_ticket(ticket: Ticket, *, by: Actor, at: datetime, outcome: str) -> None:
    """Coupling: the form ended, so the ticket is completed and closed in one go. Withdrawn it stays withdrawn."""
    if ticket.state in ("pending", "processing", "waiting", "confirming"):
        name = "confirm_result" if ticket.state == "confirming" and outcome == "confirmed" else "end_with_form"
        life.complete(ticket, name, by=by, at=at, outcome=outcome, standing="form")
    elif ticket.state == "completed" and outcome != "confirmed" and ticket.outcome != "withdrawn":
        ticket.outcome = outcome
        ticket.save(update_fields=["outcome"])
    if ticket.state == "completed":
        life.shut(ticket, by=by, at=at, standing="form")
