"""Hand-over, check, visit's verdict, closing, abnormal closing, reopening (C6, C9, C10, C15, C20)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from complaints import guards, texts
from complaints.guards import VISITS_IN_VAIN
from complaints.lifecycle import ENDED
from complaints.models import AbnormalGround, ComplaintForm, Disposition, FaultFinding, Inspection
from complaints.services.answers import answer_again
from complaints.services.common import (
    VISIT_CODES,
    closure_asked,
    drop_drafts,
    end_ticket,
    head_of,
    hold,
    locked,
    locked_disposition,
    move,
    new_round,
    no_more_visits,
    start,
    ticket_back_to_work,
)
from complaints.services.early import start_decision
from complaints.services.outstanding import tell_departments
from feedback_desk import clock
from feedback_desk.deadlines import services as deadlines
from feedback_desk.people.access import Changed, NotYou
from feedback_desk.people.actors import Actor
from feedback_desk.people.models import Department, Role, User
from feedback_desk.people.services import name_concerned
from feedback_desk.records import history
from feedback_desk.records.models import Entry
from feedback_desk.records.moves import changed_meanwhile, make, too_late
from tickets import services as ticket_services
from tickets.models import Outcome
from tickets.services.common import STAYS_OWED, demand, need, tell


@transaction.atomic
def hand_over(*, form_id: int, by: User, user_id: int | None = None, department_id: int | None = None, words: str = "") -> ComplaintForm:
    """C6: the form goes to customer service the same day and never waits for the customer. Settles D18, or D37 after a return.

    C9: after a return `user_id` or, for the department as a whole, `department_id` is who is responsible for the faults, `words` how they came about.
    """
    at = clock.now()
    form = locked(form_id)
    returned = guards.faults_to_answer(form)
    form.handed_over_at = at
    entry = move(form, "hand_over", by=by, at=at, save=("handed_over_at",))
    if returned is not None:
        _find_at_fault(returned, form, by=by, at=at, user_id=user_id, department_id=department_id, words=words)
    deadlines.settle(form.item, "D17", "D18", "D37", at=at, by=by)
    tell(form.item.holder, "approval_wanted", entry=entry, item=form.item, what=gettext_noop("Check of a form handed over"))
    closure_asked(form, at=at)
    return form


def _find_at_fault(
    returned: Inspection, form: ComplaintForm, *, by: User, at: datetime, user_id: int | None, department_id: int | None, words: str,
) -> None:  # fmt: skip
    """C9, V3: a person found responsible is concerned from now on; never whoever decides here, or took one of the four parts (V8)."""
    need(words=words)
    user = User.objects.select_related("department").filter(pk=user_id or 0, is_active=True).first()
    department = Department.objects.filter(pk=department_id or 0, active=True).first() or (user.department if user else None)
    if user is not None and user == by:
        raise ValidationError({"person": _("You cannot determine your own responsibility: your stand-in does.")})
    if user is not None and user.pk in {part[1] for part in form.parts_taken()}:
        raise ValidationError({"person": _("%(who)s took part in deciding on this complaint: name the department.") % {"who": user}})
    if department is None:
        raise ValidationError({"department": _("Say who is responsible: a person, or a department.")})
    finding = FaultFinding.objects.create(inspection=returned, user=user, department=department, words=words.strip(), by=by, at=at)
    history.record(form.item, "find_at_fault", by=by, at=at, reason=words, data={"target": finding.target_kept})
    if user is not None:
        name_concerned(form.item, user, because=_("responsible for faults that the inspector found"), by=by, at=at)
        hold(form, at)


@transaction.atomic
def inspect(*, form_id: int, by: User, timely: bool, severity: str, faults: str = "", passed: bool = True) -> ComplaintForm:
    """C9: marks timeliness and severity; passed forms go to the visit or, with none due, are filed; others go back to the department."""
    at = clock.now()
    form = locked(form_id)
    if not passed:
        need(faults=faults)
    Inspection.objects.create(form=form, round=form.round, timely=timely, severity=severity, faults=faults.strip(), passed=passed, by=by, at=at)
    if not passed:
        _return(form, by=by, at=at, faults=faults)
    elif form.visit_due:
        move(form, "pass_check", by=by, at=at, reason=faults, data={"timely": timely, "severity": severity})
        closure_asked(form, at=at)
    else:
        form.closed_at = at
        entry = move(form, "pass_and_file", by=by, at=at, reason=faults, save=("closed_at",), data={"timely": timely, "severity": severity})
        _end(form, entry, by=by, at=at, outcome=form.ticket.outcome or Outcome.CONFIRMED)
    return form


def _return(form: ComplaintForm, *, by: User, at: datetime, faults: str) -> None:
    entry = move(form, "return_to_department", by=by, at=at, reason=faults)
    deadlines.void(form.item, *VISIT_CODES, at=at, why=gettext_noop("returned by the inspector"), by=by)
    named = form.responsibilities.filter(round=form.round).select_related("department__head__backup", "department__head__superior").order_by("-share").first()
    department = named.department if named else form.item.department
    head = head_of(department, form, at) if department else None
    start(form, "D37", at=at, owner=head, department=department)
    tell(head, "generic", entry=entry, item=form.item, message=gettext_noop("Returned by the inspector: %(faults)s"), said={"faults": faults})


@transaction.atomic
def write_case_summary(*, form_id: int, by: User, text: str, seen: int | None = None) -> ComplaintForm:
    """C20: cause, course, was the solution right. `seen`: the version that was read, its line of history, 0 for none yet; Changed when another was written."""
    at = clock.now()
    need(text=text)
    form = locked(form_id)
    demand(by, "contact", form.item)
    if form.state in ENDED:
        raise too_late(form)
    if text.strip() == form.case_summary or (seen and text.strip() == texts.summary_read(form, seen)):
        return form  # Nothing of their own: what stands there now stays.
    _check_summary(form, seen)
    form.case_summary = text.strip()
    form.save(update_fields=["case_summary"])
    history.record(form.item, "write_case_summary", by=by, at=at, reason=text)
    return form


def _check_summary(form: ComplaintForm, seen: int | None) -> None:
    last = texts.summary_line(form)
    if seen is not None and last is not None and last.pk != seen:
        late = changed_meanwhile(form, last)
        changes = [texts.Change(_("Case summary"), "", form.case_summary)]
        raise Changed(late.because, moved_by=late.moved_by, moved_at=late.moved_at, changes=changes)


@transaction.atomic
def accept(*, form_id: int, by: User) -> ComplaintForm:
    """C10: accepted on the visit; form and ticket close."""
    at = clock.now()
    form = locked(form_id)
    form.closed_at = at
    entry = move(form, "accept", by=by, at=at, save=("closed_at",))
    deadlines.settle(form.item, *VISIT_CODES, at=at, by=by)
    _end(form, entry, by=by, at=at, outcome=Outcome.CONFIRMED)
    return form


def _end(form: ComplaintForm, entry: Entry, *, by: Actor, at: datetime, outcome: str) -> None:
    """The matter is over: the ticket ends with the form, everything still running is void but what is owed in any state; C21."""
    end_ticket(form.ticket, by=by, at=at, outcome=outcome)
    deadlines.void(form.item, "D38", part="instruction", at=at, why=gettext_noop("closed"), by=by)
    deadlines.void_all(form.item, at=at, why=gettext_noop("closed"), except_codes=STAYS_OWED)
    tell_departments(form, entry=entry, at=at)


@transaction.atomic
def not_accepted(*, form_id: int, by: User, reason: str) -> ComplaintForm:
    """C10: a new round from determination; the ticket goes back to work."""
    at = clock.now()
    form = locked(form_id)
    again(form, "not_accepted", by=by, at=at, reason=reason)
    ticket_back_to_work(form.ticket, by=by, at=at, reason=reason)
    return form


def again(form: ComplaintForm, name: str, *, by: Actor, at: datetime, reason: str, standing: str = "") -> None:
    """Any move into a new round: D19/D20 end, D14 starts (E6)."""
    fields = new_round(form)
    move(form, name, by=by, at=at, reason=reason, standing=standing, save=fields, data={"round": form.round})
    deadlines.settle(form.item, *VISIT_CODES, at=at)
    no_more_visits(form, at=at, why=gettext_noop("a new round"))
    start(form, "D14", at=at, role=Role.CS_MANAGER)
    start_decision(form, at=at)
    answer_again(form, missing=reason, by=by, at=at)


# ---- abnormal closing (C10) ----


@transaction.atomic
def ask_abnormal(*, form_id: int, by: User, ground: str, words: str) -> ComplaintForm:
    """On one of two grounds: the clause or final decision quoted, or three failed visits within a month, each on its own day."""
    at = clock.now()
    need(words=words)
    form = locked(form_id)
    if ground not in AbnormalGround.values:
        raise ValidationError({"ground": _("Choose one of the two grounds.")})
    if ground == AbnormalGround.UNREACHABLE and guards.failed_visit_days(form, at) < VISITS_IN_VAIN:
        raise ValidationError({"ground": _("There are not three failed visits in a row within a month, each on its own day.")})
    entry = move(form, "ask_abnormal", by=by, at=at, reason=words, data={"ground": ground})
    form.abnormal_asked_at, form.abnormal_asked_by, form.abnormal_ground, form.abnormal_words = at, by, ground, words.strip()
    form.save(update_fields=["abnormal_asked_at", "abnormal_asked_by", "abnormal_ground", "abnormal_words"])
    deadline = start(form, "D21", at=at, role=Role.CS_MANAGER)
    tell(deadline.owner if deadline else None, "approval_wanted", entry=entry, item=form.item, what=gettext_noop("Abnormal closing?"))
    return form


@transaction.atomic
def rule_abnormal(*, form_id: int, by: User, reason: str, seen_version: int | None = None, seen_text: int | None = None) -> ComplaintForm:
    """By the customer-service manager, never by who asked (V8); the ticket closes with the ground as its outcome."""
    at = clock.now()
    form = locked(form_id)
    texts.check_seen(form, seen_text)
    form.closed_at = at
    entry = move(form, "rule_abnormal", by=by, at=at, reason=reason, seen_version=seen_version, save=("closed_at",), data={"ground": form.abnormal_ground})
    deadlines.settle(form.item, "D21", at=at, by=by)
    no_more_visits(form, at=at, why=gettext_noop("closed abnormally"), by=by)
    _end(form, entry, by=by, at=at, outcome=Outcome.CONFLICT if form.abnormal_ground == AbnormalGround.CONFLICT else Outcome.NO_ANSWER)
    return form


@transaction.atomic
def refuse_abnormal(*, form_id: int, by: User, reason: str, seen_version: int | None = None, seen_text: int | None = None) -> ComplaintForm:
    """The state stays; who asked is told."""
    at = clock.now()
    form = locked(form_id)
    asker = form.abnormal_asked_by
    texts.check_seen(form, seen_text)
    entry = move(form, "refuse_abnormal", by=by, at=at, reason=reason, seen_version=seen_version)
    form.abnormal_asked_at = form.abnormal_asked_by = None
    form.save(update_fields=["abnormal_asked_at", "abnormal_asked_by"])
    deadlines.settle(form.item, "D21", at=at, by=by)
    tell(asker, "generic", entry=entry, item=form.item, message=gettext_noop("Abnormal closing was refused: %(reason)s"), said={"reason": reason})
    return form


# ---- withdrawn, reopened, reversed ----


@transaction.atomic
def close_withdrawn(*, form_id: int, by: User, reason: str) -> ComplaintForm:
    """撤诉结案: the customer withdrew before the review; a supervisor ends the form."""
    at = clock.now()
    form = locked(form_id)
    form.closed_at = at
    entry = move(form, "close_withdrawn", by=by, at=at, reason=reason, save=("closed_at",))
    drop_drafts(form, rounds=range(1, form.round + 1), by=by, at=at, why=gettext_noop("withdrawn by the customer"))
    _end(form, entry, by=by, at=at, outcome=Outcome.WITHDRAWN)
    return form


def reopen(*, form_id: int, by: User, reason: str) -> ComplaintForm:
    """C15: ticket and form together; the ticket leads, the form follows in the same transaction."""
    form = ComplaintForm.objects.get(pk=form_id)
    ticket_services.reopen(ticket_id=form.ticket_id, by=by, reason=reason)
    return ComplaintForm.objects.get(pk=form_id)


@transaction.atomic
def reverse(*, disposition_id: int, by: User, reason: str) -> Disposition:
    """After reopening only; a correction line in the month it happens (R3)."""
    at = clock.now()
    disposition = locked_disposition(disposition_id)
    disposition.reversed_at = at
    make(disposition, "reverse", by=by, at=at, reason=reason, save=("reversed_at",), data={"measure": disposition.pk, "target": disposition.target_kept})
    return disposition


@transaction.atomic
def keep_note(
    *, form_id: int, by: User, manager_note: str | None = None, service_note: str | None = None, seen: Mapping[str, str] | None = None,
) -> ComplaintForm:  # fmt: skip
    """C8: two ledgers on one row, each with its own note.

    `seen`: by name of the note the `note_seen` of the text that the person saw; Changed when another stands there now.
    """
    at = clock.now()
    form = locked(form_id)
    demand(by, "contact", form.item)
    if manager_note is not None and "cs_manager" not in form.capacities(by):
        raise NotYou(_("The manager's ledger is the manager's."), user=by, item=form.item, verb="keep_note")
    given = {name: words.strip() for name, words in (("manager_note", manager_note), ("service_note", service_note)) if words is not None}
    said = {name: words for name, words in given.items() if words != getattr(form, name)}
    for name in said:
        _check_note_seen(form, name, (seen or {}).get(name))
    for name, words in said.items():
        setattr(form, name, words)
        form.save(update_fields=[name])
        history.record(form.item, "keep_note", by=by, at=at, reason=words, data={"ledger": LEDGERS[name]})
    return form


LEDGERS = {"manager_note": "manager", "service_note": "service"}


def note_seen(text: str) -> str:
    """Names a note as it stands."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _check_note_seen(form: ComplaintForm, name: str, seen: str | None) -> None:
    if seen is not None and seen != note_seen(getattr(form, name)):
        lines = Entry.objects.filter(item=form.item, verb="keep_note", data__ledger=LEDGERS[name]).select_related("by")
        raise changed_meanwhile(form, lines.order_by("-at", "-pk").first())
