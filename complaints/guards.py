"""What the guards of the form's moves read."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from complaints.lifecycle import DispositionState
from feedback_desk import clock
from feedback_desk.deadlines import extensions
from feedback_desk.people.one_look import remembered
from tickets.models import Contact

if TYPE_CHECKING:
    from complaints.models import ComplaintForm, CorrectiveAction, Disposition, HandlingDecision
    from feedback_desk.deadlines.models import Deadline, Extension


def grade_rule(form: ComplaintForm) -> tuple[bool, bool]:
    """(short way allowed, visited by default) of the form's grade."""
    from complaints.models import GradeRule

    rule = GradeRule.objects.filter(grade=form.grade).first()
    return (rule.short_way, rule.visit) if rule else (False, True)


def short_way(form: ComplaintForm) -> str | None:
    return None if grade_rule(form)[0] else _("Complaints of this grade go the whole way.")


def visit_due(form: ComplaintForm) -> bool:
    if form.ticket.outcome == "withdrawn":
        return False
    return form.visit_marked or grade_rule(form)[1]


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
    """C3: attempts on record, all failed, since the form was opened; 0 once the customer was reached."""
    contacts = Contact.objects.filter(item_id=form.ticket.item_id, at__gte=form.opened_at)
    return 0 if contacts.filter(reached=True).exists() else contacts.filter(reached=False).count()


def waiting_for_review(form: ComplaintForm) -> str | None:
    open_ = measures(form, DispositionState.PROPOSED, DispositionState.OBJECTED)
    return _("Not agreed yet: %(who)s.") % {"who": "、".join(str(d.target) for d in open_)} if open_ else None


def not_carried_out(form: ComplaintForm) -> str:
    left = measures(form, DispositionState.RULED)
    return "、".join(str(d.target) for d in left)


def signatures_missing(disposition: Disposition) -> str | None:
    sides = set(disposition.signatures.filter(version=disposition.version).values_list("side", flat=True))
    return None if {"cs_manager", "department"} <= sides else _("The other side has not signed this text yet.")


def is_checked(form: ComplaintForm) -> bool:
    last = form.inspections.filter(round=form.round).last()
    return last is not None and last.passed and (form.handed_over_at is None or last.at >= form.handed_over_at)


def reached_on_visit(form: ComplaintForm) -> bool:
    return Contact.objects.filter(item_id=form.ticket.item_id, purpose="visit", reached=True, at__gte=form.state_since).exists()


# ---- the first hours (C1, G2, G5) ----


def facts_checked(form: ComplaintForm) -> bool:
    return remembered(("facts checked", form.pk), form.factscheck_rows.exists)


def plan_talked_through(form: ComplaintForm) -> datetime | None:
    """C1: since when there are both, a conversation with the customer and a first plan; None while one is missing."""
    plan = form.firstplan_rows.values_list("at", flat=True).first()
    spoken = Contact.objects.filter(item_id=form.ticket.item_id, reached=True).exclude(way="other").exclude(purpose="question")
    talk = spoken.order_by("at").values_list("at", flat=True).first() if plan else None
    return max(plan, talk) if plan and talk else None


def decision_of(form: ComplaintForm) -> HandlingDecision | None:
    """The last handling decision for the grade that the form has."""
    rows = form.handlingdecision_rows.filter(grade=form.grade).select_related("lead", "by").prefetch_related("signatures__by", "departments")
    return remembered(("decision", form.pk, form.grade), rows.last)


def decision_missing(form: ComplaintForm) -> str | None:
    """G2: whose signature under the handling decision is still missing; nobody's for grade III."""
    from complaints.models import DecisionSide, Grade
    from complaints.models.early import SIDES

    if form.grade not in (Grade.MAJOR, Grade.SERIOUS):
        return None
    decision = decision_of(form)
    if decision is None:
        return _("The handling decision is missing.")
    left = set(SIDES[form.grade]) - {s.side for s in decision.signatures.all()}
    names = "、".join(str(DecisionSide(side).label) for side in SIDES[form.grade] if side in left)
    return _("The handling decision is not signed yet: %(who)s.") % {"who": names} if left else None


def decision_to_sign(form: ComplaintForm) -> str | None:
    if decision_of(form) is None:
        return _("There is no handling decision yet: write it first.")
    return None if decision_missing(form) else _("The handling decision is signed.")


def is_serious(form: ComplaintForm) -> bool:
    return form.grade in ("I", "II")


def cause_to_approve(form: ComplaintForm) -> str | None:
    if not is_serious(form):
        return _("Of a minor complaint the cause needs no approval.")
    last = form.writtencause_rows.select_related("approval").last()
    if last is None:
        return _("There is no cause in writing yet.")
    return _("The cause is approved.") if hasattr(last, "approval") else None


# ---- actions (C14) ----


def extendable_of(action: CorrectiveAction) -> Deadline | None:
    """T9, E3: the action's limit for which more time may be asked for now."""
    at = clock.now()
    return next((row for row in extensions.extendable(action.item) if extensions.may_ask(row, at)), None)


def time_asked_for(action: CorrectiveAction) -> Extension | None:
    return remembered(("asked", action.item_id), lambda: extensions.asked(action.item).first())
