"""What the guards of the form's moves read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from django.utils import timezone
from django.utils.translation import gettext as _

from complaints.lifecycle import DispositionState, RemedyState
from feedback_desk import clock
from feedback_desk.deadlines import extensions
from feedback_desk.deadlines.models import Deadline
from feedback_desk.people.one_look import remembered
from feedback_desk.records.models import Entry
from tickets.models import Channel, Contact

if TYPE_CHECKING:
    from complaints.models import ComplaintForm, CorrectiveAction, Disposition, FinalReply, HandlingDecision, Inspection, Remedy
    from feedback_desk.deadlines.models import Extension
    from feedback_desk.people.models import User


class Asked(NamedTuple):
    """What the form's grade asks for."""

    short_way: bool = False
    visit: bool = True
    written_reply: bool = True


def grade_rule(form: ComplaintForm) -> Asked:
    from complaints.models import GradeRule

    def look() -> Asked:
        rule = GradeRule.objects.filter(grade=form.grade).first()
        return Asked(rule.short_way, rule.visit, rule.written_reply) if rule else Asked()

    return remembered(("grade rule", form.grade), look)


def short_way(form: ComplaintForm) -> str | None:
    return None if grade_rule(form).short_way else _("Complaints of this grade go the whole way.")


def visit_due(form: ComplaintForm) -> bool:
    if form.ticket.outcome == "withdrawn":
        return False
    return form.visit_marked or grade_rule(form).visit


def shares(form: ComplaintForm) -> int:
    return sum(share for _department, share in named(form))


def named(form: ComplaintForm) -> list[tuple[int, int]]:
    """(department, share) of everybody found responsible in this round."""
    return remembered(("named", form.pk), lambda: list(form.responsibilities.filter(round=form.round).values_list("department_id", "share")))


def measures(form: ComplaintForm, *states: str) -> list[Disposition]:
    """This round's measures in these states."""
    rows = remembered(("measures", form.pk), lambda: list(form.dispositions.filter(round=form.round).select_related("user", "department")))
    return [m for m in rows if m.state in states]


def dispositions(form: ComplaintForm) -> str | None:
    drafts = measures(form, DispositionState.DRAFT)
    if not drafts:
        return _("Draw up at least one measure.")
    return _("Every measure needs the policy clause it rests on.") if any(not m.clause for m in drafts) else None


def spoken_with_customer(form: ComplaintForm) -> bool:
    spoken = Contact.objects.filter(item_id=form.ticket.item_id, reached=True).exclude(way="other")
    return remembered(("spoken", form.ticket.item_id), spoken.exists)


def failed_attempts(form: ComplaintForm) -> int:
    """C3: attempts on record, all failed, since the hours of the determination (D14) began; 0 once the customer was reached. What was only written to
    them reached nobody.

    One that was sent back, resumed, or taken up again has its own hours, and asks for attempts of its own. The visit that ended the round before is of
    the very moment in which they begin, and belongs to that round.
    """
    hours = Deadline.objects.filter(item_id=form.item_id, code="D14").order_by("-pk").values_list("start_at", flat=True)
    contacts = Contact.objects.filter(item_id=form.ticket.item_id, **{"at__gte" if form.round == 1 else "at__gt": hours.first() or form.opened_at})
    spoken = contacts.filter(reached=True).exclude(way="other").exclude(purpose="question")
    return 0 if spoken.exists() else contacts.filter(reached=False).count()


def waiting_for_review(form: ComplaintForm) -> str | None:
    open_ = measures(form, DispositionState.PROPOSED, DispositionState.OBJECTED)
    return _("Not agreed yet: %(who)s.") % {"who": _(", ").join(str(d.target) for d in open_)} if open_ else None


def not_carried_out(form: ComplaintForm) -> str:
    left = measures(form, DispositionState.RULED)
    return _(", ").join(str(d.target) for d in left)


def signatures_missing(disposition: Disposition) -> str | None:
    sides = set(disposition.signatures.filter(version=disposition.version).values_list("side", flat=True))
    return None if {"cs_manager", "department"} <= sides else _("The other side has not signed this text yet.")


def last_inspection(form: ComplaintForm) -> Inspection | None:
    """C9: of this round."""
    return remembered(("inspection", form.pk), form.inspections.filter(round=form.round).last)


def faults_to_answer(form: ComplaintForm) -> Inspection | None:
    """C9: the check that sent the form back, while the department finds out who is responsible for the faults."""
    last = last_inspection(form) if form.state == "executing" else None
    return last if last is not None and not last.passed else None


def is_checked(form: ComplaintForm) -> bool:
    last = last_inspection(form)
    return last is not None and last.passed and (form.handed_over_at is None or last.at >= form.handed_over_at)


def reached_on_visit(form: ComplaintForm) -> bool:
    visits = Contact.objects.filter(item_id=form.ticket.item_id, purpose="visit", reached=True, at__gte=form.state_since)
    return remembered(("reached on visit", form.pk), visits.exists)


VISITS_IN_VAIN, MONTH = 3, timedelta(days=31)
"""C10: so many failed visits in a row, each on its own day, within a month."""


def failed_visit_days(form: ComplaintForm, at: datetime) -> int:
    """C10: on how many days the visits of this round, since the last that reached the customer, failed within the month before `at`."""
    since = max(at - MONTH, form.handed_over_at or at) if form.round > 1 else at - MONTH
    visits = Contact.objects.filter(item_id=form.ticket.item_id, purpose="visit", at__gte=since).order_by("-at")
    days = set()
    for reached, happened in visits.values_list("reached", "at")[:30]:
        if reached:
            break
        days.add(timezone.localtime(happened).date())
    return len(days)


# ---- the first hours (C1, G2, G5) ----


def facts_checked(form: ComplaintForm) -> bool:
    return remembered(("facts checked", form.pk), form.factscheck_rows.exists)


def plan_talked_through(form: ComplaintForm) -> datetime | None:
    """C1: since when there are both, a conversation with the customer and a first plan; None while one is missing."""
    plan = first_plan(form)
    spoken = Contact.objects.filter(item_id=form.ticket.item_id, reached=True).exclude(way="other").exclude(purpose="question")
    talk = remembered(("first talk", form.pk), spoken.order_by("at").values_list("at", flat=True).first) if plan else None
    return max(plan, talk) if plan and talk else None


def first_plan(form: ComplaintForm) -> datetime | None:
    return remembered(("first plan", form.pk), form.firstplan_rows.values_list("at", flat=True).first)


def decision_of(form: ComplaintForm) -> HandlingDecision | None:
    """The last handling decision for the grade that the form has."""
    rows = form.handlingdecision_rows.filter(grade=form.grade).select_related("lead", "by").prefetch_related("signatures__by", "departments")
    return remembered(("decision", form.pk, form.grade), rows.last)


def sides_signed(form: ComplaintForm) -> set[str] | None:
    """Under that decision; None without one."""

    def look() -> set[str] | None:
        rows = form.handlingdecision_rows.filter(grade=form.grade).order_by("at", "pk").values_list("pk", "signatures__side")
        last = [(pk, side) for pk, side in rows]
        return {side for pk, side in last if pk == last[-1][0] and side} if last else None

    return remembered(("sides signed", form.pk, form.grade), look)


def decision_missing(form: ComplaintForm) -> str | None:
    """G2: whose signature under the handling decision is still missing; nobody's for grade III."""
    from complaints.models import DecisionSide, Grade
    from complaints.models.early import SIDES

    if form.grade not in (Grade.MAJOR, Grade.SERIOUS):
        return None
    signed = sides_signed(form)
    if signed is None:
        return _("The handling decision is missing.")
    left = set(SIDES[form.grade]) - signed
    names = _(", ").join(str(DecisionSide(side).label) for side in SIDES[form.grade] if side in left)
    return _("The handling decision is not signed yet: %(who)s.") % {"who": names} if left else None


def decision_to_sign(form: ComplaintForm) -> str | None:
    if decision_of(form) is None:
        return _("There is no handling decision yet: write it first.")
    return None if decision_missing(form) else _("The handling decision is signed.")


def decision_signed(form: ComplaintForm) -> tuple[User | None, datetime] | None:
    """Who gave the last signature under the handling decision, and when, once it has all of them."""
    decision = decision_of(form)
    if decision is None or decision_missing(form):
        return None
    last = max(decision.signatures.all(), key=lambda signature: signature.at)
    return last.by, last.at


def cause_was_approved(form: ComplaintForm) -> tuple[User | None, datetime] | None:
    last = form.writtencause_rows.select_related("approval__by").last()
    return (last.approval.by, last.approval.at) if last is not None and hasattr(last, "approval") else None


def points_were_answered(form: ComplaintForm) -> tuple[User | None, datetime] | None:
    last = form.points.exclude(answered_at=None).select_related("answered_by").order_by("-answered_at").first()
    return (last.answered_by, last.answered_at) if last is not None and last.answered_at else None


def reply_was_sent(form: ComplaintForm) -> tuple[User | None, datetime] | None:
    reply = reply_of(form)
    return (reply.sending.by, reply.sending.at) if reply is not None and hasattr(reply, "sending") and reply_sent(form) else None


def instruction_was_asked(form: ComplaintForm) -> tuple[User | None, datetime] | None:
    return (form.instruction_asked_by, form.instruction_asked_at) if form.instruction_asked_at else None


def is_serious(form: ComplaintForm) -> bool:
    return form.grade in ("I", "II")


def analysing(form: ComplaintForm) -> set[int]:
    """G7: ids of the departments that analyse it, one or two."""
    return {pk for pk in (form.analysis_department_id, form.analysis_beside_id) if pk is not None}


def class_missing(form: ComplaintForm) -> str | None:
    """G5: graded as something else, then corrected to product quality; nothing starts before somebody says which class."""
    missing = form.grade and form.quality_class is None and form.ticket.category.quality
    return _("A product-quality complaint needs its class.") if missing else None


def about_quality(form: ComplaintForm) -> str | None:
    return None if form.quality_class is not None or class_missing(form) else _("This complaint is not about product quality.")


def cause_to_approve(form: ComplaintForm) -> str | None:
    if not is_serious(form):
        return _("Of a minor complaint the cause needs no approval.")
    last = form.writtencause_rows.select_related("approval").last()
    if last is None:
        return _("There is no cause in writing yet.")
    return _("The cause is approved.") if hasattr(last, "approval") else None


# ---- answers (C12, C13, C17, G3, T14) ----


def a_colleague_may_reply(form: ComplaintForm) -> str | None:
    """G3, by the grade's row: answered by the handler, by word of mouth too."""
    if not form.grade:
        return _("Decide the grade first.")
    return _("Complaints of this grade are answered in writing, by a supervisor.") if grade_rule(form).written_reply else None


def open_points(form: ComplaintForm) -> list[str]:
    return remembered(("open points", form.pk), lambda: list(form.points.filter(answer="").values_list("text", flat=True)))


def points_open(form: ComplaintForm) -> str | None:
    return None if open_points(form) else _("Every point has its answer.")


def every_point_answered(form: ComplaintForm) -> str | None:
    left = open_points(form)
    return _("These points of the customer have no answer yet: %(points)s.") % {"points": _("; ").join(text[:40] for text in left)} if left else None


def meeting_was_held(form: ComplaintForm) -> str | None:
    """T14: several departments, or marked complex: one solution agreed on inside before anything of substance leaves."""
    owed = remembered(("meeting owed", form.pk), lambda: _meeting_owed(form))
    return _("Several departments, or complex: agree on one solution in an internal meeting first.") if owed else None


def _meeting_owed(form: ComplaintForm) -> bool:
    decision = decision_of(form) if form.grade else None
    several = decision is not None and len(decision.departments.all()) > 1
    return (form.ticket.complex or several) and not form.meeting_rows.exists()


def several_points_open(form: ComplaintForm) -> str | None:
    """C17: a single point is answered by the result itself."""
    several = remembered(("several points", form.pk), lambda: len(open_points(form)) > 1)
    return every_point_answered(form) if several else None


def reply_of(form: ComplaintForm) -> FinalReply | None:
    """The final reply of this round, as it was drawn up last."""
    rows = form.finalreply_rows.filter(round=form.round).select_related("by", "sending__by")
    return remembered(("reply", form.pk), rows.last)


def reply_to_send(form: ComplaintForm) -> str | None:
    reply = reply_of(form)
    if reply is None:
        return _("Draw up the final reply first.")
    if not hasattr(reply, "sending"):
        return None
    return _("The final reply was sent.") if reply_sent(form) else _("Draw up the final reply first.")


def cause_approved(form: ComplaintForm) -> str | None:
    """G7: of a serious complaint about product quality the customer hears of the cause when somebody else has approved it."""
    if not is_serious(form) or form.quality_class is None:
        return None
    last = form.writtencause_rows.select_related("approval").last()
    if last is None:
        return _("There is no cause in writing yet.")
    return None if hasattr(last, "approval") else _("The cause is not approved yet: the reply goes out only then.")


def letter_is_current(form: ComplaintForm) -> str | None:
    """C13, C17: it says what was found and answers each point as they stand now."""
    reply = reply_of(form)
    if reply is None:
        return None
    found = Entry.objects.filter(item_id=form.item_id, verb="determine", at__gt=reply.at).exists()
    stale = found or form.points.filter(answered_at__gt=reply.at).exists()
    return _("A point was answered or the determination written since this letter was drawn up: draw it up anew.") if stale else None


NEW_ROUND = ("reopen", "reopen_abnormal", "not_accepted", "unsolved")
"""Lines of the form's history with which a round begins."""
NOT_CONTENT = ("not_solved", *NEW_ROUND)
"""Lines of history of ticket and form after which the customer is owed a newer letter."""


def reply_sent(form: ComplaintForm) -> bool:
    """The final reply left, and since then nobody said that the matter is not solved."""

    def look() -> bool:
        lines = Entry.objects.filter(item_id__in=(form.item_id, form.ticket.item_id), verb__in=("send_reply", *NOT_CONTENT))
        last: str | None = lines.order_by("-pk").values_list("verb", flat=True).first()
        return last == "send_reply"

    found: bool = remembered(("reply sent", form.pk), look)
    return found


def letter_due(form: ComplaintForm) -> bool:
    """The grade asks for a final reply in writing, or an association passed the complaint on and is answered too (C13)."""
    return form.ticket.channel == Channel.ASSOCIATION or grade_rule(form).written_reply


def reply_owed(form: ComplaintForm) -> str | None:
    """C17: before it closes the final reply was sent, where one is due; who withdrew is owed none."""
    if form.ticket.outcome == "withdrawn" or not letter_due(form):
        return None
    return None if reply_sent(form) else _("The final reply has not been sent yet.")


# ---- grade I (C8, C20) ----


def is_major_complaint(form: ComplaintForm) -> str | None:
    return None if form.grade == "I" else _("This is for grade I.")


def instruction_not_asked(form: ComplaintForm) -> str | None:
    return _("This was asked already; the general manager has to answer.") if form.instruction_asked_at else None


def report_owed(form: ComplaintForm) -> str | None:
    """C20: once, before grade I closes; who withdrew leaves nothing to report."""
    if form.grade != "I" or form.ticket.outcome == "withdrawn" or remembered(("reported", form.pk), form.managementreport_rows.exists):
        return None
    return _("Grade I: management gets a report with proposals before it closes.")


# ---- remedies (G4) ----


def remedies(form: ComplaintForm) -> list[Remedy]:
    """All of the form, in the order of the solutions."""
    return remembered(("remedies", form.pk), lambda: list(form.remedies.order_by("option", "pk")))


def remedy_waits(form: ComplaintForm) -> bool:
    """For approval: until then the customer hears of no result."""
    return remembered(("remedy waits", form.pk), form.remedies.filter(state=RemedyState.AWAITING_APPROVAL).exists)


def grade_is_decided(form: ComplaintForm) -> str | None:
    return None if form.grade else _("Decide on the grade first: how much one may give depends on it.")


# ---- actions (C14) ----


def extendable_of(action: CorrectiveAction) -> Deadline | None:
    """T9, E3: the action's limit for which more time may be asked for now."""
    at = clock.now()
    return next((row for row in extensions.extendable(action.item) if extensions.may_ask(row, at)), None)


def time_asked_for(action: CorrectiveAction) -> Extension | None:
    return remembered(("asked", action.item_id), lambda: extensions.asked(action.item).first())
