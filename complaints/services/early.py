"""The first hours (C1, C16, C18, G2, G5, G7): facts checked, first plan, handling decision, analysis, written cause, police report."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from complaints import acts, analysing, guards
from complaints.lifecycle import BEFORE_REVIEW, State
from complaints.models import (
    CauseApproval,
    ComplaintForm,
    DecisionSide,
    DecisionSignature,
    FactsCheck,
    FirstAnalysis,
    FirstPlan,
    Grade,
    HandlingDecision,
    PoliceReport,
    QualityClass,
    WrittenCause,
)
from complaints.models.early import SIDES
from complaints.services import answers, grading
from complaints.services.common import colleague, head_of, locked, start
from feedback_desk import clock
from feedback_desk.deadlines import services as deadlines
from feedback_desk.people import receivers
from feedback_desk.people.access import NotYou
from feedback_desk.people.actors import SYSTEM, Actor, person
from feedback_desk.people.models import Department, Role, User
from feedback_desk.records import history
from feedback_desk.records.models import Entry
from tickets.models import Level
from tickets.services.common import need, tell
from tickets.services.common import responsible as responsible_for

BUSINESS_LINE = ("handler", "supervisor", "cs_manager", "line_head")
CHECK_FACTS = acts.declare("check_facts", label=gettext_lazy("Facts checked"), who=("handler", "supervisor", "business"), states=BEFORE_REVIEW)
WRITE_FIRST_PLAN = acts.declare("write_first_plan", label=gettext_lazy("First plan"), who=("handler", "supervisor"), states=BEFORE_REVIEW)
DECIDE_HANDLING = acts.declare(
    "decide_handling", label=gettext_lazy("Write the handling decision"), who=BUSINESS_LINE, states=(State.GRADED, State.DETERMINING)
)
SIGN_DECISION = acts.declare(
    "sign_decision", label=gettext_lazy("Sign the decision"), who=("supervisor", "cs_manager", "line_head"), states=(State.GRADED, State.DETERMINING),
    guards=(guards.decision_to_sign,), primary=True, done=guards.decision_signed,
)  # fmt: skip
WRITE_FIRST_ANALYSIS = acts.declare("write_first_analysis", label=gettext_lazy("First analysis"), who=("handler", "quality", "analysing_head"))
WRITE_CAUSE = acts.declare("write_cause", label=gettext_lazy("Cause in writing"), who=("quality", "analysing_head"))
APPROVE_CAUSE = acts.declare(
    "approve_cause", label=gettext_lazy("Approve the cause"), who=("cs_manager", "analysing_head"), guards=(guards.cause_to_approve,),
    done=guards.cause_was_approved,
)  # fmt: skip
NAME_ANALYSING = acts.declare("name_analysing", label=gettext_lazy("Who analyses"), who=("handler", "supervisor", "cs_manager"))
CHANGE_QUALITY_CLASS = acts.declare(
    "change_quality_class", label=gettext_lazy("Change the quality class"), who=("handler", "supervisor", "quality"), guards=(guards.about_quality,)
)
REPORT_TO_POLICE = acts.declare("report_to_police", label=gettext_lazy("Unlawful act, police"), who=("handler", "supervisor", "cs_manager"))

DECISION_LIMITS = {Grade.MAJOR: ("D09", Role.CS_MANAGER), Grade.SERIOUS: ("D10", Role.SUPERVISOR)}


def start_first_hours(form: ComplaintForm, *, at: datetime, since: datetime | None = None) -> None:
    """C1, C16: what was done already is not asked for again. `since`: what counts from the receipt counts from then."""
    owner = responsible_for(form.ticket, at)
    if form.state in BEFORE_REVIEW and not form.factscheck_rows.exists():
        start(form, "D11", at=at, owner=_business(form, at) or owner)
    if form.state in BEFORE_REVIEW and not guards.plan_talked_through(form):
        start(form, "D12", at=at, owner=owner)
    if not form.firstanalysis_rows.exists():
        start(form, "D34", at=at, owner=owner, start_at=since or form.ticket.received_at)


def hand_facts(form: ComplaintForm, *, at: datetime) -> None:
    """D11 is the business colleague's of the department that has the ticket now."""
    deadlines.reown(form.item, "D11", owner=_business(form, at) or responsible_for(form.ticket, at))


def _business(form: ComplaintForm, at: datetime) -> User | None:
    return receivers.pick(Role.BUSINESS, department=form.item.department, root=form.item.root, at=at) if _has_business(form) else None


def _has_business(form: ComplaintForm) -> bool:
    return User.objects.filter(memberships__role=Role.BUSINESS, department=form.item.department_id, is_active=True).exists()


@transaction.atomic
def check_facts(*, form_id: int, by: User, colleague_id: int, found: str, on_site: bool) -> FactsCheck:
    """C1. Settles D11. The colleague it is checked with is not named in the matter (V3)."""
    at = clock.now()
    need(found=found)
    form = locked(form_id)
    acts.demand(form, CHECK_FACTS, by=by)
    checked_with = colleague(colleague_id, form.item, "colleague")
    row = FactsCheck.objects.create(form=form, round=form.round, by=by, at=at, colleague=checked_with, found=found.strip(), on_site=on_site)
    deadlines.settle(form.item, "D11", at=at, by=by)
    history.record(form.item, "check_facts", by=by, at=at, reason=found, data={"with": str(checked_with), "on_site": on_site})
    return row


@transaction.atomic
def write_first_plan(*, form_id: int, by: User, text: str) -> FirstPlan:
    """C1. With the conversation it settles D12."""
    at = clock.now()
    need(text=text)
    form = locked(form_id)
    acts.demand(form, WRITE_FIRST_PLAN, by=by)
    row = FirstPlan.objects.create(form=form, round=form.round, by=by, at=at, text=text.strip())
    history.record(form.item, "write_first_plan", by=by, at=at, reason=text)
    settle_plan(form, by=by)
    return row


def settle_plan(form: ComplaintForm, *, by: User | None = None) -> None:
    """D12 asks for both, and ends when the later of them happened."""
    if happened := guards.plan_talked_through(form):
        deadlines.settle(form.item, "D12", at=happened, by=by)


# ---- handling decision (G2) ----


def start_decision(form: ComplaintForm, *, at: datetime) -> None:
    """The grade was decided or changed: D09 or D10 begins anew; what was decided for another grade counts no more."""
    deadlines.void(form.item, "D09", "D10", at=at, why=gettext_noop("the grade changed"))
    if form.grade in DECISION_LIMITS and guards.decision_missing(form):
        code, role = DECISION_LIMITS[Grade(form.grade)]
        start(form, code, at=at, role=role)


@transaction.atomic
def decide_handling(
    *, form_id: int, by: User, lead_id: int, department_ids: Collection[int], reply: str, measures: str,
) -> HandlingDecision:  # fmt: skip
    """G2: write the text, a new one drops the signatures under the old; whoever may sign has signed with it. Settles D09, D10 with the last signature."""
    at = clock.now()
    need(reply=reply, measures=measures)
    form = locked(form_id)
    acts.demand(form, DECIDE_HANDLING, by=by)
    lead = colleague(lead_id, form.item, "lead")
    decision = HandlingDecision.objects.create(
        form=form, round=form.round, by=by, at=at, grade=form.grade, lead=lead, reply=reply.strip()[:300], measures=measures.strip()
    )
    decision.departments.set(Department.objects.filter(pk__in=department_ids))
    data = {"lead": str(lead), "reply": decision.reply, "departments": len(set(department_ids))}
    entry = history.record(form.item, "decide_handling", by=by, at=at, reason=measures, data=data)
    if side := _free_side(form, decision, by):
        _sign(form, decision, side, by=by, at=at)
    _ask_for_signatures(form, decision, entry, at)
    return decision


@transaction.atomic
def sign_decision(*, form_id: int, by: User, seen: int) -> HandlingDecision:
    """`seen`: the decision that was read; another one that was written meanwhile has to be read first."""
    at = clock.now()
    form = locked(form_id)
    acts.demand(form, SIGN_DECISION, by=by)
    decision = guards.decision_of(form)
    assert decision is not None
    acts.check_read(decision, seen, _("%(who)s wrote another decision %(when)s. Read it and sign again."))
    side = _free_side(form, decision, by)
    if side is None:
        _side_was_faster(form, decision, by)
        raise NotYou(_("Your side has signed already, or you signed for another one: someone else signs here."), user=by, item=form.item, verb="sign_decision")
    _sign(form, decision, side, by=by, at=at)
    history.record(form.item, "sign_decision", by=by, at=at, data={"side": side})
    return decision


def _side_was_faster(form: ComplaintForm, decision: HandlingDecision, by: User) -> None:
    """NotNow for somebody who signed nothing: a colleague did for the same side."""
    signed = {signature.side: signature for signature in decision.signatures.all()}
    held = form.capacities(by) if all(signature.by_id != by.pk for signature in signed.values()) else frozenset[str]()
    if first := next((signed[str(side)] for side in SIDES[decision.grade] if side in held and str(side) in signed), None):
        raise acts.was_done(first.by, first.at)


def _free_side(form: ComplaintForm, decision: HandlingDecision, by: User) -> str | None:
    signed = {s.side: s.by_id for s in decision.signatures.all()}
    held = form.capacities(by)
    return next((str(side) for side in SIDES[decision.grade] if side in held and side not in signed), None) if by.pk not in signed.values() else None


def _sign(form: ComplaintForm, decision: HandlingDecision, side: str, *, by: User, at: datetime) -> None:
    DecisionSignature.objects.create(decision=decision, side=side, by=by, at=at)
    if not guards.decision_missing(form):
        deadlines.settle(form.item, "D09", "D10", at=at, by=by)


def _ask_for_signatures(form: ComplaintForm, decision: HandlingDecision, entry: Entry, at: datetime) -> None:
    signed = set(decision.signatures.values_list("side", flat=True))
    for side in set(SIDES[decision.grade]) - signed:
        line = form.ticket.item.department
        signer = head_of(line, form, at) if side == DecisionSide.LINE_HEAD and line else None
        signer = signer or receivers.pick(side if side in Role.values else Role.SUPERVISOR, root=form.item.root, at=at)
        tell(signer, "approval_wanted", entry=entry, item=form.item, what=gettext_noop("Handling decision to sign"))


# ---- who analyses, quality (G5, G7, C16) ----


def graded(form: ComplaintForm, *, at: datetime, entry: Entry) -> None:
    """G2, G5, G7: what grading sets going."""
    start_decision(form, at=at)
    answers.graded(form, at=at)
    _name_by_table(form, at=at)
    start_cause(form, at=at)
    alarm(form, entry=entry, at=at)


def _name_by_table(form: ComplaintForm, *, at: datetime) -> None:
    if form.analysis_department_id is None and (departments := analysing.departments_for(form)):
        _analysed_by(form, departments, by=SYSTEM, at=at)


def start_cause(form: ComplaintForm, *, at: datetime) -> None:
    """G5: D23 until the cause of this round is there in writing."""
    if form.quality_class is not None and not form.writtencause_rows.filter(round=form.round).exists():
        start(form, "D23", at=at, role=Role.QUALITY, department=form.analysis_department)


def alarm(form: ComplaintForm, *, entry: Entry, at: datetime) -> None:
    """G5: class 1, or a key customer: the departments concerned and the general manager are told at once."""
    key_customer = form.ticket.customer.level != Level.ORDINARY
    if form.quality_class is None or not (form.quality_class == QualityClass.SAFETY or key_customer):
        return
    concerned = Department.objects.filter(Q(pk__in=guards.analysing(form)) | Q(pk=form.ticket.item.department_id or 0))
    heads = {head_of(d, form, at) for d in concerned.select_related("head__backup", "head__superior")}
    why = gettext_noop("Food or product safety (class 1).") if form.quality_class == QualityClass.SAFETY else gettext_noop("Product quality, a key customer.")
    for receiver in heads | {receivers.pick(Role.GENERAL_MANAGER, root=form.item.root, at=at)}:
        tell(receiver, "generic", entry=entry, item=form.item, message=why, urgent=True)


@transaction.atomic
def change_quality_class(*, form_id: int, by: User, quality_class: int, reason: str) -> ComplaintForm:
    """G5: D23 begins anew; or begins, where the complaint turned out to be about product quality after it was graded."""
    at = clock.now()
    need(reason=reason)
    form = locked(form_id)
    acts.demand(form, CHANGE_QUALITY_CLASS, by=by)
    if quality_class not in QualityClass.values or quality_class == form.quality_class:
        raise ValidationError({"quality_class": _("Choose another class than the present one.")})
    form.quality_class = quality_class
    form.save(update_fields=["quality_class"])
    entry = history.record(form.item, "change_quality_class", by=by, at=at, reason=reason, data={"class": str(form.get_quality_class_display())})
    _name_by_table(form, at=at)
    deadlines.void(form.item, "D23", at=at, why=gettext_noop("the quality class changed"), by=by)
    start(form, "D23", at=at, role=Role.QUALITY, department=form.analysis_department)
    alarm(form, entry=entry, at=at)
    grading.corrected(form, at=at)
    return form


def leave_quality(form: ComplaintForm, *, by: Actor, at: datetime) -> None:
    """The category was corrected to one that is not about product quality: no class, no cause owed within a day."""
    if form.quality_class is None or form.ticket.category.quality:
        return
    form.quality_class = None
    form.save(update_fields=["quality_class"])
    history.record(form.item, "leave_quality", by=by, at=at)
    deadlines.void(form.item, "D23", at=at, why=gettext_noop("not about product quality any more"), by=person(by))


@transaction.atomic
def name_analysing(*, form_id: int, by: User, department_id: int, reason: str) -> ComplaintForm:
    """G7, by hand."""
    at = clock.now()
    need(reason=reason)
    form = locked(form_id)
    acts.demand(form, NAME_ANALYSING, by=by)
    department = Department.objects.select_related("head__backup", "head__superior").filter(pk=department_id, active=True).first()
    if department is None or department.pk == form.analysis_department_id:
        raise ValidationError({"department": _("Choose another department than the present one.")})
    _analysed_by(form, [department], by=by, at=at, reason=reason)
    return form


def _analysed_by(form: ComplaintForm, departments: list[Department], *, by: Actor, at: datetime, reason: str = "") -> None:
    """The first of them leads; each head is told."""
    form.analysis_department, form.analysis_beside = departments[0], next(iter(departments[1:]), None)
    form.save(update_fields=["analysis_department", "analysis_beside"])
    entry = history.record(form.item, "name_analysing", by=by, at=at, reason=reason, data={"department": "、".join(d.name for d in departments)})
    for head in {head_of(department, form, at) for department in departments}:
        tell(head, "generic", entry=entry, item=form.item, message=gettext_noop("Your department analyses the cause."))


@transaction.atomic
def write_first_analysis(*, form_id: int, by: User, what: str, cause: str, solution: str, may_be_told: bool = False) -> FirstAnalysis:
    """C16. Settles D34."""
    at = clock.now()
    need(what=what, cause=cause, solution=solution)
    form = locked(form_id)
    acts.demand(form, WRITE_FIRST_ANALYSIS, by=by)
    row = FirstAnalysis.objects.create(
        form=form, round=form.round, by=by, at=at, what=what.strip(), cause=cause.strip(), solution=solution.strip(), may_be_told=may_be_told
    )
    deadlines.settle(form.item, "D34", at=at, by=by)
    history.record(form.item, "write_first_analysis", by=by, at=at, reason=cause)
    return row


@transaction.atomic
def write_cause(*, form_id: int, by: User, cause: str, evidence: str = "") -> WrittenCause:
    """G5, G7. Settles D23; of a serious complaint it is approved by somebody else before the customer gets it."""
    at = clock.now()
    need(cause=cause)
    form = locked(form_id)
    acts.demand(form, WRITE_CAUSE, by=by)
    row = WrittenCause.objects.create(form=form, round=form.round, by=by, at=at, cause=cause.strip(), evidence=evidence.strip()[:300])
    deadlines.settle(form.item, "D23", at=at, by=by)
    entry = history.record(form.item, "write_cause", by=by, at=at, reason=cause)
    if guards.is_serious(form):
        manager = receivers.pick(Role.CS_MANAGER, root=form.item.root, at=at)
        tell(manager, "approval_wanted", entry=entry, item=form.item, what=gettext_noop("Cause to be approved"))
    return row


@transaction.atomic
def approve_cause(*, form_id: int, by: User, seen: int) -> CauseApproval:
    """G7, V8: not by who wrote it."""
    at = clock.now()
    form = locked(form_id)
    acts.demand(form, APPROVE_CAUSE, by=by)
    cause = form.writtencause_rows.latest("pk")
    acts.check_read(cause, seen, _("%(who)s wrote another cause %(when)s. Read it first."))
    if cause.by_id == by.pk:
        raise NotYou(_("Who wrote the cause does not approve it."), user=by, item=form.item, verb="approve_cause")
    row = CauseApproval.objects.create(cause=cause, by=by, at=at)
    history.record(form.item, "approve_cause", by=by, at=at)
    return row


@transaction.atomic
def report_to_police(
    *, form_id: int, by: User, suspicion: str, station: str = "", number: str = "", reported_at: datetime | None = None,
) -> PoliceReport:  # fmt: skip
    """C18: marked with what is suspected; station, number and time come together, now or later."""
    at = clock.now()
    need(suspicion=suspicion)
    given = [bool(station.strip()), bool(number.strip()), reported_at is not None]
    if any(given) and not all(given):
        need(station=station, number=number, reported_at="" if reported_at is None else "given")
    if reported_at is not None and reported_at > at:
        raise ValidationError({"reported_at": _("This cannot lie in the future.")})
    form = locked(form_id)
    acts.demand(form, REPORT_TO_POLICE, by=by)
    where = {"station": station.strip()[:120], "number": number.strip()[:60], "reported_at": reported_at}
    row = PoliceReport.objects.create(form=form, round=form.round, by=by, at=at, suspicion=suspicion.strip(), **where)
    history.record(form.item, "report_to_police", by=by, at=at, reason=suspicion, data={"station": row.station, "report": row.number})
    return row
