"""The life of a complaint form (machines.md): one method per move.

Capacities: "handler", "supervisor", "cs_manager", "office", "general_manager", "inspector", "return_visit", "head_concerned" (head of a
department that the determination names; for a disposition, of its target's department), "asker" (who asked), "system",
"ticket" (the ticket moved, in the same transaction), "form" (a disposition moves with its form).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from feedback_desk.records.moves import move

if TYPE_CHECKING:
    from complaints.models import ComplaintForm


class State(models.TextChoices):
    REGISTERED = "registered", gettext_lazy("Registered")
    GRADED = "graded", gettext_lazy("Graded")
    DETERMINING = "determining", gettext_lazy("Determining responsibility")
    IN_REVIEW = "in_review", gettext_lazy("In review")
    NEGOTIATING = "negotiating", gettext_lazy("Negotiating")
    AWAITING_RULING = "awaiting_ruling", gettext_lazy("Awaiting ruling")
    EXECUTING = "executing", gettext_lazy("Carrying out")
    AWAITING_CHECK = "awaiting_check", gettext_lazy("Awaiting check")
    VISITING = "visiting", gettext_lazy("Awaiting visit")
    CLOSED = "closed", gettext_lazy("Closed")
    OUTSTANDING = "outstanding", gettext_lazy("Outstanding matter")
    CLOSED_ABNORMALLY = "closed_abnormally", gettext_lazy("Closed abnormally")
    INVALID = "invalid", gettext_lazy("Invalid")
    MERGED = "merged", gettext_lazy("Merged")


WAY = (
    State.REGISTERED, State.GRADED, State.DETERMINING, State.IN_REVIEW, State.AWAITING_RULING,
    State.EXECUTING, State.AWAITING_CHECK, State.VISITING, State.CLOSED,
)  # fmt: skip
"""The whole way, as the stepper shows it; negotiating is optional between review and ruling."""
ENDED = frozenset({State.CLOSED, State.CLOSED_ABNORMALLY, State.INVALID, State.MERGED})
BEFORE_REVIEW = (State.REGISTERED, State.GRADED, State.DETERMINING, State.OUTSTANDING)
GRADED_AND_OPEN = (
    State.GRADED, State.DETERMINING, State.IN_REVIEW, State.NEGOTIATING, State.AWAITING_RULING,
    State.EXECUTING, State.AWAITING_CHECK, State.VISITING, State.OUTSTANDING,
)  # fmt: skip
MAJOR = "I"


def is_major(form: ComplaintForm) -> str | None:
    return None if form.grade == MAJOR else _("This way is for grade I; use “No fault” for the others.")


def is_not_major(form: ComplaintForm) -> str | None:
    return _("Grade I goes to the general manager.") if form.grade == MAJOR else None


def may_be_parked(form: ComplaintForm) -> str | None:
    """C8: a major complaint that cannot be determined is not parked."""
    return _("A grade I complaint is not set aside: the general manager writes how it goes on.") if form.grade == MAJOR else None


def parking_not_asked(form: ComplaintForm) -> str | None:
    return _("Setting it aside was asked already; the general manager has to answer.") if form.parking_asked_at else None


def parking_asked(form: ComplaintForm) -> str | None:
    return None if form.parking_asked_at else _("Nobody has asked to set this aside.")


def abnormal_not_asked(form: ComplaintForm) -> str | None:
    return _("Abnormal closing was asked already; the customer-service manager has to rule.") if form.abnormal_asked_at else None


def abnormal_asked(form: ComplaintForm) -> str | None:
    return None if form.abnormal_asked_at else _("Nobody has asked for abnormal closing.")


def not_withdrawn(form: ComplaintForm) -> str | None:
    return _("The customer withdrew: this ends as withdrawn, not abnormally.") if form.ticket.outcome == "withdrawn" else None


def short_way_allowed(form: ComplaintForm) -> str | None:
    from complaints.guards import short_way

    return short_way(form)


def shares_add_up(form: ComplaintForm) -> str | None:
    """C3: the shares of all responsible add up to 100 %."""
    from complaints.guards import shares

    total = shares(form)
    return None if total == 100 else _("The shares of responsibility add up to %(total)s %%; it must be 100 %%.") % {"total": total}


def has_dispositions(form: ComplaintForm) -> str | None:
    """C7: at least one accountability measure, each with the clause it rests on."""
    from complaints.guards import dispositions

    return dispositions(form)


def customer_was_spoken_with(form: ComplaintForm) -> str | None:
    """C3: spoken with the customer where necessary, or why not."""
    from complaints.guards import spoken_with_customer

    return None if form.why_not_spoken or spoken_with_customer(form) else _("Nobody has spoken with the customer yet: record the contact, or say why not.")


def came_by_no_fault(form: ComplaintForm) -> str | None:
    return None if form.no_fault else _("Responsibility was determined; rule on the measures.")


def came_with_measures(form: ComplaintForm) -> str | None:
    return _("The finding is that nobody is at fault; agree to it or send it back.") if form.no_fault else None


def all_agreed(form: ComplaintForm) -> str | None:
    from complaints.guards import waiting_for_review

    return waiting_for_review(form)


def all_carried_out(form: ComplaintForm) -> str | None:
    """C6: every measure executed with its talk on record, or struck out."""
    from complaints.guards import not_carried_out

    left = not_carried_out(form)
    return _("Not carried out yet: %(who)s.") % {"who": left} if left else None


def checked(form: ComplaintForm) -> str | None:
    """C9: timeliness and severity are marked before the form goes on."""
    from complaints.guards import is_checked

    return None if is_checked(form) else _("Mark timeliness and severity first.")


def visit_is_due(form: ComplaintForm) -> str | None:
    return None if form.visit_due else _("No visit is due; file it instead.")


def no_visit_is_due(form: ComplaintForm) -> str | None:
    return _("A visit is due first.") if form.visit_due else None


HAS_RESULT = ("confirming", "completed", "closed")
"""States of a ticket whose customer has the result (C10)."""


def ticket_has_result(form: ComplaintForm) -> str | None:
    return None if form.ticket.state in HAS_RESULT else _("The customer has no result yet: offer it on the ticket first.")


def ticket_is_completed(form: ComplaintForm) -> str | None:
    return None if form.ticket.state in ("completed", "closed") else _("The ticket is not completed yet: the customer's confirmation is missing.")


def visit_recorded(form: ComplaintForm) -> str | None:
    from complaints.guards import reached_on_visit

    return None if reached_on_visit(form) else _("Record the visit first.")


def has_case_summary(form: ComplaintForm) -> str | None:
    """C20: cause, course, was the solution right; grade I: the report to management, too."""
    from complaints.guards import report_owed

    return report_owed(form) if form.case_summary else _("Write the case summary: cause, course, and whether the solution was right.")


def points_answered(form: ComplaintForm) -> str | None:
    """C17: each point has an answer, and the final reply was sent where the grade asks for one; who withdrew asks for nothing any more."""
    from complaints.guards import every_point_answered, reply_owed

    if form.ticket.outcome == "withdrawn":
        return None
    if not form.ticket.result:
        return _("The customer's points have no answer yet: write the result on the ticket.")
    return every_point_answered(form) or reply_owed(form)


def ticket_withdrawn(form: ComplaintForm) -> str | None:
    return None if form.ticket.outcome == "withdrawn" else _("The customer has not withdrawn the ticket.")


def facts_were_checked(form: ComplaintForm) -> str | None:
    """C1, late or not."""
    from complaints.guards import facts_checked

    return None if facts_checked(form) else _("Check the facts with the business colleague first.")


def plan_was_talked_through(form: ComplaintForm) -> str | None:
    """C1: spoken with the customer, or why nobody could be; and a first plan."""
    from complaints.guards import failed_attempts, first_plan, plan_talked_through

    if plan_talked_through(form):
        return None
    if not first_plan(form):
        return _("Write down the first plan first.")
    return None if failed_attempts(form) >= 2 else _("Nobody has spoken with the customer yet: record the contact, or two attempts that failed.")


def handling_was_decided(form: ComplaintForm) -> str | None:
    """G2: grades I and II need the decision signed by both."""
    from complaints.guards import decision_missing

    return decision_missing(form)


def solution_was_agreed(form: ComplaintForm) -> str | None:
    """T14: several departments, or complex: an internal meeting first."""
    from complaints.guards import meeting_was_held

    return meeting_was_held(form)


class FormMoves:
    """Bodies are empty: what a move changes beside the state is the service's (complaints/services/)."""

    @move(label=gettext_lazy("Grade"), who=("handler", "supervisor"), source=State.REGISTERED, target=State.GRADED, primary=True)
    def grade_it(self) -> None:
        """G1: the desk may propose, a person decides."""

    @move(
        label=gettext_lazy("Raise the grade"),
        who=("handler", "supervisor", "cs_manager", "office", "inspector", "return_visit"),
        source=GRADED_AND_OPEN,
        target=None,
        reason=True,
    )
    def raise_grade(self) -> None:
        """G6: anybody who handles it."""

    @move(label=gettext_lazy("Lower the grade"), who=("supervisor",), source=GRADED_AND_OPEN, target=None, reason=True)
    def lower_grade(self) -> None:
        """G6: only a supervisor."""

    @move(
        label=gettext_lazy("Begin determination"), who=("cs_manager", "handler"), source=State.GRADED, target=State.DETERMINING, primary=True,
        guards=(facts_were_checked, plan_was_talked_through, handling_was_decided),
    )  # fmt: skip
    def begin_determination(self) -> None:
        """C2: responsibility can be determined now."""

    @move(
        label=gettext_lazy("Handled on the spot"), who=("handler",), source=State.GRADED, target=State.AWAITING_CHECK,
        guards=(short_way_allowed, solution_was_agreed),
    )  # fmt: skip
    def handle_on_the_spot(self) -> None:
        """The short way: handled, customer content or remedy given, nobody to be held responsible; settles D14."""

    @move(
        label=gettext_lazy("Ask to set aside"),
        who=("cs_manager",),
        source=(State.GRADED, State.DETERMINING),
        target=None,
        reason=True,
        guards=(may_be_parked, parking_not_asked),
    )
    def ask_parking(self) -> None:
        """C8: asked; starts D40, the request stands beside the state."""

    @move(
        label=gettext_lazy("Agree to set aside"),
        who=("general_manager",),
        source=(State.GRADED, State.DETERMINING),
        target=State.OUTSTANDING,
        guards=(parking_asked, may_be_parked),
        primary=True,
    )
    def park(self) -> None:
        """C8: D14 is settled with the request's time; D28 each month."""

    @move(
        label=gettext_lazy("Refuse to set aside"),
        who=("general_manager",),
        source=(State.GRADED, State.DETERMINING),
        target=None,
        reason=True,
        guards=(parking_asked,),
    )
    def refuse_parking(self) -> None:
        """D14 runs on."""

    @move(label=gettext_lazy("Resume determination"), who=("cs_manager",), source=State.OUTSTANDING, target=State.DETERMINING, reason=True, primary=True)
    def resume(self) -> None:
        """What changed; D14 starts anew."""

    @move(label=gettext_lazy("Matter settled"), who=("cs_manager",), source=State.OUTSTANDING, target=State.AWAITING_CHECK, reason=True)
    def settle_matter(self) -> None:
        """What settled it; no fault."""

    @move(
        label=gettext_lazy("Submit to the office"), who=("cs_manager",), source=State.DETERMINING, target=State.IN_REVIEW, eyes="propose", primary=True,
        guards=(shares_add_up, has_dispositions, customer_was_spoken_with, handling_was_decided),
    )  # fmt: skip
    def submit(self) -> None:
        """C3: settles D14, starts a D15 per department."""

    @move(
        label=gettext_lazy("No fault"),
        who=("cs_manager",),
        source=State.DETERMINING,
        target=State.AWAITING_CHECK,
        reason=True,
        eyes="propose",
        guards=(is_not_major, handling_was_decided),
    )
    def no_fault_found(self) -> None:
        """C19: nobody is at fault; settles D14."""

    @move(
        label=gettext_lazy("No fault, to the general manager"),
        who=("cs_manager",),
        source=State.DETERMINING,
        target=State.AWAITING_RULING,
        reason=True,
        eyes="propose",
        guards=(is_major, handling_was_decided),
    )
    def no_fault_major(self) -> None:
        """C19 for grade I; settles D14, starts D16."""

    @move(label=gettext_lazy("Open the negotiation"), who=("system",), source=State.IN_REVIEW, target=State.NEGOTIATING, by_hand=False)
    def open_negotiation(self) -> None:
        """C4: all heads have answered and one objects; D15 runs on."""

    @move(label=gettext_lazy("Review passed"), who=("system",), source=State.IN_REVIEW, target=State.AWAITING_RULING, guards=(all_agreed,), by_hand=False)
    def review_passed(self) -> None:
        """C4: on the last head's agreement; settles D15, starts D16."""

    @move(label=gettext_lazy("Negotiated"), who=("system",), source=State.NEGOTIATING, target=State.AWAITING_RULING, guards=(all_agreed,), by_hand=False)
    def negotiated(self) -> None:
        """C4: both signed the same text; settles D15, starts D16."""

    @move(label=gettext_lazy("Report the split"), who=("office",), source=State.NEGOTIATING, target=State.AWAITING_RULING, reason=True, primary=True)
    def report_split(self) -> None:
        """C4: no agreement, both opinions go to the general manager; settles D15, starts D16."""

    @move(
        label=pgettext_lazy("ruling", "Rule"),
        who=("general_manager",),
        source=State.AWAITING_RULING,
        target=State.EXECUTING,
        eyes="rule",
        guards=(came_with_measures,),
        primary=True,
    )
    def rule(self) -> None:
        """C5: confirm or change; settles D16, starts D17."""

    @move(label=gettext_lazy("Send back"), who=("general_manager",), source=State.AWAITING_RULING, target=State.DETERMINING, reason=True, eyes="rule")
    def send_back(self) -> None:
        """C5: signatures fall; settles D16, starts D14 anew."""

    @move(
        label=gettext_lazy("Agree: no fault"),
        who=("general_manager",),
        source=State.AWAITING_RULING,
        target=State.AWAITING_CHECK,
        eyes="rule",
        guards=(came_by_no_fault,),
        primary=True,
    )
    def confirm_no_fault(self) -> None:
        """C19 for grade I; settles D16."""

    @move(
        label=gettext_lazy("Hand over to customer service"),
        who=("head_concerned",),
        source=State.EXECUTING,
        target=State.AWAITING_CHECK,
        guards=(all_carried_out,),
        primary=True,
    )
    def hand_over(self) -> None:
        """C6: the same day (D18); never waits for the customer."""

    @move(
        label=gettext_lazy("Check passed, to the visit"),
        who=("inspector",),
        source=State.AWAITING_CHECK,
        target=State.VISITING,
        eyes="inspect",
        guards=(checked, visit_is_due),
        primary=True,
    )
    def pass_check(self) -> None:
        """C9: timeliness and severity marked."""

    @move(
        label=gettext_lazy("Check passed, file it"), who=("inspector",), source=State.AWAITING_CHECK, target=State.CLOSED, eyes="inspect",
        guards=(checked, no_visit_is_due, ticket_is_completed, points_answered, has_case_summary), primary=True,
    )  # fmt: skip
    def pass_and_file(self) -> None:
        """No visit due: the form closes and the ticket with it."""

    @move(label=gettext_lazy("Return to the department"), who=("inspector",), source=State.AWAITING_CHECK, target=State.EXECUTING, reason=True, eyes="inspect")
    def return_to_department(self) -> None:
        """C9: with the faults found; voids D19/D20, starts D37."""

    @move(
        label=gettext_lazy("Accepted, close"), who=("return_visit",), source=State.VISITING, target=State.CLOSED, primary=True,
        guards=(ticket_has_result, visit_recorded, points_answered, has_case_summary),
    )  # fmt: skip
    def accept(self) -> None:
        """C10: the accepted visit is the customer's word; the ticket closes with it."""

    @move(label=gettext_lazy("Not accepted"), who=("return_visit",), source=State.VISITING, target=State.DETERMINING, reason=True, guards=(visit_recorded,))
    def not_accepted(self) -> None:
        """C10: a new round; starts D14."""

    @move(label=gettext_lazy("Not solved"), who=("ticket",), source=(State.AWAITING_CHECK, State.VISITING), target=State.DETERMINING, by_hand=False)
    def unsolved(self) -> None:
        """The ticket came back unsolved: a new round, as "not accepted"."""

    @move(
        label=gettext_lazy("Ask for abnormal closing"), who=("handler", "head_concerned"), reason=True,
        source=(State.AWAITING_CHECK, State.VISITING, State.OUTSTANDING), target=None, guards=(not_withdrawn, abnormal_not_asked),
    )  # fmt: skip
    def ask_abnormal(self) -> None:
        """C10: on one of two grounds; starts D21."""

    @move(
        label=gettext_lazy("Close abnormally"), who=("cs_manager",), reason=True, grave=True,
        source=(State.AWAITING_CHECK, State.VISITING, State.OUTSTANDING), target=State.CLOSED_ABNORMALLY, guards=(abnormal_asked,),
    )  # fmt: skip
    def rule_abnormal(self) -> None:
        """C10, V8: never by who asked; settles D21."""

    @move(
        label=gettext_lazy("Refuse abnormal closing"),
        who=("cs_manager",),
        reason=True,
        source=(State.AWAITING_CHECK, State.VISITING, State.OUTSTANDING),
        target=None,
        guards=(abnormal_asked,),
    )
    def refuse_abnormal(self) -> None:
        """The state stays; settles D21."""

    @move(label=gettext_lazy("Reopen"), who=("handler", "supervisor", "ticket"), source=State.CLOSED, target=State.DETERMINING, reason=True)
    def reopen(self) -> None:
        """C15: a new round; the first stays as it was."""

    @move(label=gettext_lazy("Reopen"), who=("supervisor",), source=State.CLOSED_ABNORMALLY, target=State.DETERMINING, reason=True)
    def reopen_abnormal(self) -> None:
        """C15 after abnormal closing: a supervisor's."""

    @move(label=gettext_lazy("Invalid"), who=("ticket",), source=(State.REGISTERED, State.GRADED), target=State.INVALID, by_hand=False)
    def invalidate(self) -> None:
        """With the ticket, or when it is no complaint after all."""

    @move(label=gettext_lazy("Restore"), who=("ticket",), source=State.INVALID, target=State.REGISTERED, by_hand=False)
    def restore(self) -> None:
        """With the ticket; deadlines as opened."""

    @move(
        label=gettext_lazy("Close as withdrawn"),
        who=("supervisor",),
        source=(*BEFORE_REVIEW, State.VISITING),
        target=State.CLOSED,
        reason=True,
        guards=(ticket_withdrawn,),
        primary=True,
    )
    def close_withdrawn(self) -> None:
        """The customer withdrew before the review, or when only the visit was left: nothing goes on inside."""

    @move(label=gettext_lazy("Merge"), who=("ticket",), source=BEFORE_REVIEW, target=State.MERGED, by_hand=False)
    def merge(self) -> None:
        """I7: with the ticket."""
