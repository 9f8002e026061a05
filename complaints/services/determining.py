"""From grading to submission: grade, the short way, setting aside, determination, no fault (G1, G6, C2, C3, C7, C8, C19)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, override

from complaints import texts
from complaints.guards import letter_due
from complaints.lifecycle import State
from complaints.models import (
    DEDUCTIONS,
    WITH_AMOUNT,
    ComplaintForm,
    Disposition,
    DispositionKind,
    DispositionPolicy,
    Grade,
    ParkingReason,
    Responsibility,
)
from complaints.services import answers, early, grading
from complaints.services.common import closure_asked, drop_drafts, head_of, hold, locked, move, refit_matter, start
from feedback_desk import clock
from feedback_desk.deadlines import services as deadlines
from feedback_desk.notices import outbox
from feedback_desk.people import receivers
from feedback_desk.people.models import Concern, Department, Role, User
from feedback_desk.people.services import name_concerned, no_longer_concerned
from feedback_desk.records import history
from feedback_desk.records.models import Entry
from feedback_desk.records.moves import changed_meanwhile, check_part, make, too_late
from tickets.services.common import need, tell
from tickets.services.contacts import check_promise, promise
from tickets.services.told import told

ORDER = {Grade.MINOR: 0, Grade.SERIOUS: 1, Grade.MAJOR: 2}


@transaction.atomic
def grade(*, form_id: int, by: User, grade: str, reason: str = "", quality_class: int | None = None, visit_marked: bool = True) -> ComplaintForm:
    """G1, G6: a person decides on what the rules propose. Product quality needs its class (G5). F2: marked forms are visited within 24 hours."""
    at = clock.now()
    form = locked(form_id)
    _check_grade(form, grade, quality_class)
    proposal = grading.check_decision(form, grade, by=by, at=at, reason=reason, quality_class=quality_class)
    form.grade, form.grade_reason, form.quality_class, form.visit_marked = grade, reason.strip()[:300], quality_class, visit_marked
    form.graded_at, form.graded_by = at, by
    fields = ("grade", "grade_reason", "quality_class", "visit_marked", "graded_at", "graded_by")
    entry = move(form, "grade_it", by=by, at=at, reason=reason, save=fields, data={"grade": grade, "proposed": proposal.grade})
    grading.decided(form, proposal, at=at)
    refit_matter(form, at=at, by=by)
    early.graded(form, at=at, entry=entry)
    return form


def _check_grade(form: ComplaintForm, grade: str, quality_class: int | None) -> None:
    if grade not in Grade.values:
        raise ValidationError({"grade": _("Choose I, II or III.")})
    if form.ticket.category.quality and quality_class is None:
        raise ValidationError({"quality_class": _("A product-quality complaint needs its class.")})


@transaction.atomic
def change_grade(*, form_id: int, by: User, grade: str, reason: str) -> ComplaintForm:
    """G6: anybody who handles it may raise, only a supervisor may lower."""
    at = clock.now()
    form = locked(form_id)
    if grade not in Grade.values or grade == form.grade:
        raise ValidationError({"grade": _("Choose another grade than the present one.")})
    before = form.grade
    up = ORDER[Grade(grade)] > ORDER.get(Grade(before) if before else Grade.MINOR, 0)
    form.grade, form.grade_reason = grade, reason.strip()[:300]
    move(form, "raise_grade" if up else "lower_grade", by=by, at=at, reason=reason, save=("grade", "grade_reason"), data={"from": before, "grade": grade})
    refit_matter(form, at=at, by=by)
    answers.graded(form, at=at)
    if form.state in (State.GRADED, State.DETERMINING):
        early.start_decision(form, at=at)
    return form


@transaction.atomic
def begin_determination(*, form_id: int, by: User) -> ComplaintForm:
    """C2: responsibility can be determined now."""
    at = clock.now()
    form = locked(form_id)
    move(form, "begin_determination", by=by, at=at)
    return form


@transaction.atomic
def handle_on_the_spot(*, form_id: int, by: User, how: str) -> ComplaintForm:
    """The short way: handled, the customer content, nobody to be held responsible. Settles D14."""
    at = clock.now()
    need(how=how)
    form = locked(form_id)
    form.on_the_spot, form.no_fault, form.no_fault_reason, form.handed_over_at = how.strip(), True, how.strip(), at
    move(form, "handle_on_the_spot", by=by, at=at, reason=how, save=("on_the_spot", "no_fault", "no_fault_reason", "handed_over_at"))
    owed = () if letter_due(form) else ("D27",)
    deadlines.settle(form.item, "D11", "D12", "D13", "D14", "D34", *owed, at=at, by=by)
    deadlines.void(form.item, "D24", "D25", at=at, why=gettext_noop("handled on the spot"), by=by)
    closure_asked(form, at=at)
    return form


# ---- setting aside (C8) ----


@transaction.atomic
def ask_parking(*, form_id: int, by: User, parking_reason: str, contact: str, reason: str, promised_at: datetime | None = None) -> ComplaintForm:
    """The request stands beside the state; the general manager answers within D40. Never grade I. `promised_at` (T16): when the customer was told to hear."""
    at = clock.now()
    check_promise(promised_at, at)
    need(contact=contact, reason=reason)
    if parking_reason not in ParkingReason.values:
        raise ValidationError({"parking_reason": _("Choose one of the reasons.")})
    form = locked(form_id)
    entry = move(form, "ask_parking", by=by, at=at, reason=reason, data={"parking_reason": parking_reason, "contact": contact})
    form.parking_asked_at, form.parking_asked_by = at, by
    form.parking_reason, form.parking_contact, form.parking_words = parking_reason, contact.strip()[:120], reason.strip()
    form.save(update_fields=["parking_asked_at", "parking_asked_by", "parking_reason", "parking_contact", "parking_words"])
    if promised_at is not None:
        told(form.ticket, by=by, at=at, until=promised_at)
    promise(form.ticket, by=by, at=at, until=promised_at, part=f"k{entry.pk}", renews=True)
    deadline = start(form, "D40", at=at, role=Role.GENERAL_MANAGER)
    tell(deadline.owner if deadline else None, "approval_wanted", entry=entry, item=form.item, what=gettext_noop("Set aside as an outstanding matter?"))
    return form


@transaction.atomic
def park(*, form_id: int, by: User, seen_version: int | None = None, seen_text: int | None = None) -> ComplaintForm:
    """The general manager agrees: D14 is settled with the *request's* time. An absent customer makes the ticket wait."""
    at = clock.now()
    form = locked(form_id)
    asked_at, asked_by = form.parking_asked_at, form.parking_asked_by
    texts.check_seen(form, seen_text)
    form.parked_at = at
    entry = move(form, "park", by=by, at=at, seen_version=seen_version, save=("parked_at",), data={"parking_reason": form.parking_reason})
    deadlines.settle(form.item, "D14", at=asked_at or at, by=asked_by)
    deadlines.void(form.item, "D09", "D10", "D24", "D25", at=at, why=gettext_noop("set aside as an outstanding matter"), by=by)
    _answer_parking(form, by=by, at=at)
    if form.parking_reason in (ParkingReason.CUSTOMER_ABSENT, ParkingReason.CUSTOMER_BUSY) and form.ticket.state == "processing":
        make(form.ticket, "ask_customer", by=by, at=at, standing="form", reason=form.parking_words)
        deadlines.pause(form.ticket.item, "D26", at=at, because=gettext_noop("set aside as an outstanding matter"))
    tell(asked_by, "generic", entry=entry, item=form.item, message=gettext_noop("The general manager agreed to set it aside."))
    return form


@transaction.atomic
def refuse_parking(*, form_id: int, by: User, reason: str, seen_version: int | None = None, seen_text: int | None = None) -> ComplaintForm:
    """Refused: D14 runs on."""
    at = clock.now()
    form = locked(form_id)
    asked_by = form.parking_asked_by
    texts.check_seen(form, seen_text)
    entry = move(form, "refuse_parking", by=by, at=at, reason=reason, seen_version=seen_version)
    _answer_parking(form, by=by, at=at)
    refused = gettext_noop("The general manager refused to set it aside: %(reason)s")
    tell(asked_by, "generic", entry=entry, item=form.item, message=refused, said={"reason": reason})
    return form


def _answer_parking(form: ComplaintForm, *, by: User, at: datetime) -> None:
    form.parking_asked_at = form.parking_asked_by = None
    form.save(update_fields=["parking_asked_at", "parking_asked_by"])
    deadlines.settle(form.item, "D40", at=at, by=by)


@transaction.atomic
def resume(*, form_id: int, by: User, reason: str) -> ComplaintForm:
    """What changed; D14 starts anew, a waiting ticket goes on."""
    at = clock.now()
    form = locked(form_id)
    form.parked_at = None
    move(form, "resume", by=by, at=at, reason=reason, save=("parked_at",))
    deadlines.void(form.item, "D21", "D28", at=at, why=gettext_noop("resumed"), by=by)
    start(form, "D14", at=at, role=Role.CS_MANAGER)
    answers.start_progress(form, at=at)
    early.start_decision(form, at=at)
    if form.ticket.state == "waiting":
        make(form.ticket, "customer_answered", by=by, at=at, standing="form")
        deadlines.resume(form.ticket.item, "D26", at=at)
    return form


@transaction.atomic
def settle_matter(*, form_id: int, by: User, reason: str) -> ComplaintForm:
    """了结: what settled it; no fault."""
    at = clock.now()
    form = locked(form_id)
    form.no_fault, form.no_fault_reason, form.handed_over_at, form.parked_at = True, reason.strip(), at, None
    move(form, "settle_matter", by=by, at=at, reason=reason, save=("no_fault", "no_fault_reason", "handed_over_at", "parked_at"))
    deadlines.void(form.item, "D09", "D10", "D11", "D12", "D21", "D28", at=at, why=gettext_noop("settled"), by=by)
    closure_asked(form, at=at)
    return form


# ---- determination (C3, C7, C19) ----


@transaction.atomic
def determine(
    *, form_id: int, by: User, findings: str, why_not_spoken: str, responsibilities: list[dict[str, Any]], measures: list[dict[str, Any]],
    seen_version: int | None = None,
) -> ComplaintForm:  # fmt: skip
    """Save the draft of the determination: who is responsible with which share, and the measures. Persons named are concerned at once (V3).

    `responsibilities`: user_id or None, department_id, share, because. `measures`: user_id or None, department_id, kind, amount or None, clause, reason.
    """
    at = clock.now()
    form = locked(form_id)
    check_part(form, "determine", who=frozenset({"cs_manager"}), states=frozenset({State.DETERMINING}), by=by)
    if form.state != State.DETERMINING:
        raise too_late(form)
    if seen_version is not None and seen_version != form.version:
        raise changed_meanwhile(form)
    _check_determination(responsibilities, measures, by)
    named_before = _named(form)
    form.responsibilities.filter(round=form.round).delete()
    Responsibility.objects.bulk_create(Responsibility(form=form, round=form.round, **row) for row in responsibilities)
    drop_drafts(form, rounds=(form.round,), by=by, at=at, why=gettext_noop("not in the new determination"))
    for row in measures:
        Disposition.objects.create(form=form, round=form.round, state_since=at, **row)
    form.findings, form.why_not_spoken = findings.strip(), why_not_spoken.strip()[:300]
    form.version += 1
    form.save(update_fields=["findings", "why_not_spoken", "version"])
    _concern_named(form, named_before, by=by, at=at)
    history.record(form.item, "determine", by=by, at=at, reason=findings, data={"responsible": len(responsibilities), "measures": len(measures)})
    texts.keep(form, at=at)
    hold(form, at)
    return form


def _named(form: ComplaintForm) -> set[int]:
    return set(form.responsibilities.filter(round=form.round, user__isnull=False).values_list("user_id", flat=True))


def _concern_named(form: ComplaintForm, before: set[int], *, by: User, at: datetime) -> None:
    """V3: found responsible is concerned; struck from the draft before anybody else saw it is not, unless named otherwise."""
    root = form.item.root or form.item
    because = _("found responsible")
    for user in User.objects.filter(pk__in=_named(form) - before):
        name_concerned(root, user, because=because, by=by, at=at)
    elsewhere = form.responsibilities.exclude(round=form.round).values("user_id")
    by_us = Concern.objects.filter(item=root, because__in=in_each_language("found responsible")).values("user_id")
    for user in User.objects.filter(pk__in=before - _named(form)).filter(pk__in=by_us).exclude(pk__in=elsewhere):
        if not form.dispositions.filter(user=user).exclude(state="draft").exists():
            no_longer_concerned(root, user, by=by, at=at, because=because)


def in_each_language(message: str) -> set[str]:
    """How a sentence may stand in the rows: whoever wrote it had a language."""
    found = set()
    for language, _name in settings.LANGUAGES:
        with override(language):
            found.add(_(message))
    return found


def _check_determination(responsibilities: list[dict[str, Any]], measures: list[dict[str, Any]], by: User) -> None:
    """C3, C7: shares are percents that do not exceed 100; a measure's target is in the determination; amounts within the policy."""
    total = sum(row["share"] for row in responsibilities)
    if total > 100:
        raise ValidationError(_("The shares of responsibility add up to %(total)s %%; it must be 100 %%.") % {"total": total})
    if any(row["user_id"] == by.pk for row in responsibilities):
        raise ValidationError(_("You cannot determine your own responsibility: your stand-in does."))
    targets = {(row["user_id"], row["department_id"]) for row in responsibilities}
    if len(targets) < len(responsibilities):
        raise ValidationError(_("Somebody stands twice among those responsible: put the shares together."))
    departments = {department for _user, department in targets}
    for row in measures:
        known = (row["user_id"], row["department_id"]) in targets if row["user_id"] else row["department_id"] in departments
        if not known:
            raise ValidationError(_("A measure may only name somebody whom the determination finds responsible."))
        check_amount(row["kind"], row["amount"])


def check_amount(kind: str, amount: Decimal | None) -> None:
    """C7: deductions need an amount, a commendation may have one, nothing else has; within the policy's cap."""
    if kind in DEDUCTIONS and (amount is None or amount <= 0):
        raise ValidationError({"amount": _("A deduction needs its percent or amount.")})
    if amount is not None and kind not in WITH_AMOUNT:
        raise ValidationError({"amount": _("“%(kind)s” goes without an amount.") % {"kind": DispositionKind(kind).label}})
    cap = DispositionPolicy.objects.filter(kind=kind).values_list("cap", flat=True).first()
    if cap is not None and amount is not None and amount > cap:
        raise ValidationError({"amount": _("The policy allows at most %(cap)s here.") % {"cap": f"{cap.normalize():f}"}})


@transaction.atomic
def submit(*, form_id: int, by: User, seen_version: int | None = None, seen_text: int | None = None) -> ComplaintForm:
    """C3: to the office, which puts it to each head concerned: D14 settled, one D15 per department; the person concerned is told (C7)."""
    at = clock.now()
    form = locked(form_id)
    texts.check_seen(form, seen_text)
    form.submitted_at = at
    entry = move(form, "submit", by=by, at=at, seen_version=seen_version, save=("submitted_at",))
    measures = list(form.dispositions.filter(round=form.round, state="draft").select_related("user", "department__head__backup", "department__head__superior"))
    for measure in measures:
        measure.form = form
        make(measure, "propose", by=by, at=at, standing="form", data={"measure": measure.pk, "target": measure.target_kept})
        _tell_person(measure, entry)
    deadlines.settle(form.item, "D14", at=at, by=by)
    deadlines.settle(form.item, "D38", part="instruction", at=at, by=by)
    for department in {m.department_id: m.department for m in measures}.values():
        _put_to(department, form, entry, at)
    return form


def _put_to(department: Department, form: ComplaintForm, entry: Entry, at: datetime) -> None:
    head = head_of(department, form, at)
    start(form, "D15", at=at, owner=head, department=department, part=f"d{department.pk}")
    tell(head, "approval_wanted", entry=entry, item=form.item, what=gettext_noop("Review of accountability measures"))


def _tell_person(measure: Disposition, entry: Entry) -> None:
    """C7: told on submission, and may answer in writing until the ruling. Number only: nothing of the matter."""
    if measure.user is not None:
        outbox.tell(
            key=f"told_concerned:{measure.pk}:{measure.version}", cause=f"entry:{entry.pk}", item=None, receiver=measure.user, template="told_concerned",
            data={"number": measure.form.item.number, "title": ""}, at=entry.at,
        )  # fmt: skip


@transaction.atomic
def no_fault(*, form_id: int, by: User, reason: str, seen_version: int | None = None, seen_text: int | None = None) -> ComplaintForm:
    """C19: nobody at fault, told to the customer with courtesy. Grade I goes to the general manager."""
    at = clock.now()
    form = locked(form_id)
    if form.state == State.DETERMINING:
        texts.check_seen(form, seen_text)
    major = form.grade == Grade.MAJOR
    form.no_fault, form.no_fault_reason = True, reason.strip()
    if not major:
        form.handed_over_at = at
    name, save = "no_fault_major" if major else "no_fault_found", ("no_fault", "no_fault_reason", "handed_over_at")
    entry = move(form, name, by=by, at=at, reason=reason, seen_version=seen_version, save=save)
    deadlines.settle(form.item, "D14", at=at, by=by)
    deadlines.settle(form.item, "D38", part="instruction", at=at, by=by)
    if major:
        start(form, "D16", at=at, role=Role.GENERAL_MANAGER)
        ruler = receivers.pick(Role.GENERAL_MANAGER, root=form.item.root, at=at)
        tell(ruler, "approval_wanted", entry=entry, item=form.item, what=gettext_noop("Nobody at fault?"))
    closure_asked(form, at=at)
    return form
