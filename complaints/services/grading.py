"""What the rules propose is kept beside the form, the marks repeat and batch with it (G1, G6, I7). The rules: `complaints.grading`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from complaints.grading import NOT_COUNTED, RANK, Because, Match, Proposal, Run, propose, propose_many
from complaints.lifecycle import ENDED
from complaints.models import Batch, ComplaintForm, Grade, GradeProposal, GradingRule, ProposalCause
from complaints.services.common import locked
from feedback_desk import clock
from feedback_desk.people import receivers
from feedback_desk.people.actors import SYSTEM
from feedback_desk.people.models import Role, User
from feedback_desk.records import history
from tickets.models import Category, Ticket, Type
from tickets.services.common import tell

RAISE = gettext_noop("Raise the grade? The complaint is part of a batch")
THIRD_DAY = ("三日未解决", "Unsolved three days after receipt")


def last_proposal(form: ComplaintForm) -> GradeProposal | None:
    return form.proposals.order_by("-at", "-pk").first()


def current(form: ComplaintForm, *, at: datetime, quality_class: int | None = None) -> Proposal:
    """What the rules say now; grade I at the least where the third day passed (D36), whatever became of its rule."""
    found = propose(form, at=at, quality_class=quality_class)
    if form.major_proposed_at is None or found.grade == Grade.MAJOR:
        return found
    rule = GradingRule(name=THIRD_DAY[0], name_en=THIRD_DAY[1], grade=Grade.MAJOR)
    third = Match(Grade.MAJOR, rule, (Because(gettext_noop("No result %(hours)s hours after the receipt"), {"hours": 72}),))
    return Proposal(Grade.MAJOR, (third, *found.matches), found.earlier, found.run)


def keep(form: ComplaintForm, proposal: Proposal, cause: str, *, at: datetime) -> GradeProposal | None:
    """A row of its own each time the rules say something else."""
    why, last = proposal.why(), last_proposal(form)
    if not proposal.grade or (last is not None and (last.grade, last.why) == (proposal.grade, why)):
        return None
    return _keep(form, proposal.grade, why, cause, at)


def _keep(form: ComplaintForm, grade: str, why: list[dict[str, Any]], cause: str, at: datetime) -> GradeProposal:
    form.proposed_grade, form.proposed_at = grade, at
    form.save(update_fields=["proposed_grade", "proposed_at"])
    kept: GradeProposal = GradeProposal.objects.create(form=form, at=at, grade=grade, why=why, cause=cause)
    return kept


def opened(form: ComplaintForm, *, at: datetime) -> None:
    """G1, I7: at registration. The others of a batch follow within the minute (the task)."""
    _one_at_a_time(form)
    proposal = propose(form, at=at)
    keep(form, proposal, ProposalCause.REGISTERED, at=at)
    mark(form, proposal)


def corrected(form: ComplaintForm, *, at: datetime) -> None:
    """The facts changed: proposed anew, marked anew."""
    if form.state in ENDED:
        return
    _one_at_a_time(form)
    before, proposal = last_proposal(form), current(form, at=at)
    kept = keep(form, proposal, ProposalCause.CORRECTED, at=at)
    mark(form, proposal)
    if kept is not None and (before is None or before.grade != kept.grade):
        history.record(form.item, "propose_grade", by=SYSTEM, at=at, data={"grade": kept.grade, "cause": kept.cause})


def third_day(form: ComplaintForm, *, at: datetime) -> None:
    """D36 has passed: kept even where the rules said grade I before."""
    _keep(form, Grade.MAJOR, current(form, at=at).why(), ProposalCause.THIRD_DAY, at)


def check_decision(form: ComplaintForm, grade: str, *, by: User, at: datetime, reason: str, quality_class: int | None) -> Proposal:
    """G6: as proposed, or higher with a reason; lower only by a supervisor, with a reason. Returns what was proposed."""
    proposal = current(form, at=at, quality_class=quality_class)
    if not proposal.grade or grade == proposal.grade:
        return proposal
    if RANK[grade] < RANK[proposal.grade] and "supervisor" not in form.capacities(by):
        said = _("Proposed: %(grade)s. Only a supervisor may choose a lower grade, with a reason.")
        raise ValidationError({"grade": said % {"grade": proposal.label}})
    if not reason.strip():
        raise ValidationError({"reason": _("Proposed: %(grade)s. Say why you choose another.") % {"grade": proposal.label}})
    return proposal


def decided(form: ComplaintForm, proposal: Proposal, *, at: datetime) -> None:
    """The decision stands beside what was proposed then, the quality class chosen with it included."""
    last = last_proposal(form)
    if last is None or last.grade != proposal.grade:
        keep(form, proposal, ProposalCause.DECIDED, at=at)


# ---- repeat and batch (I7) ----


def _one_at_a_time(form: ComplaintForm) -> None:
    """In each category: two that complete a batch at one instant see each other, and make one batch of it."""
    Category.objects.select_for_update(no_key=True).values_list("pk").get(pk=form.ticket.category_id)


def mark(form: ComplaintForm, proposal: Proposal) -> None:
    """Linked, never merged. The caller holds ticket and form, and the category (`_one_at_a_time`)."""
    earlier, ticket, before = proposal.earlier, form.ticket, form.batch_id
    form.repeat_of = ComplaintForm.objects.filter(ticket_id=earlier.ticket_id).first() if earlier else None
    form.batch = _batch_of(proposal.run) if proposal.run else None
    form.save(update_fields=["repeat_of", "batch"])
    if before is not None and before != form.batch_id:
        look_again(before)
    marks = (earlier is not None, proposal.run is not None)
    if marks != (ticket.repeat, ticket.batch_linked):
        ticket.repeat, ticket.batch_linked = marks
        ticket.save(update_fields=["repeat", "batch_linked"])


def look_again(batch_id: int | None) -> None:
    """A member left it: the task sees whether the others are still enough."""
    if batch_id is not None:
        Batch.objects.filter(pk=batch_id).update(spread_at=None)


def _batch_of(run: Run) -> Batch:
    """The batch that this stretch goes on with, or a new one; its other members are still to be linked."""
    key = run.key
    alike = Batch.objects.select_for_update(no_key=True).filter(category_id=key.category_id, product=key.product, model=key.model, lot=key.lot)
    batch = alike.filter(first_at__lte=run.last_at, last_at__gte=run.first_at).order_by("first_at").first()
    if batch is None:
        return Batch.objects.create(category_id=key.category_id, product=key.product, model=key.model, lot=key.lot, first_at=run.first_at, last_at=run.last_at)
    batch.first_at, batch.last_at, batch.spread_at = min(batch.first_at, run.first_at), max(batch.last_at, run.last_at), None
    batch.save(update_fields=["first_at", "last_at", "spread_at"])
    return batch


def members(batch: Batch) -> list[int]:
    """Ids of the forms that belong to it, linked or not."""
    what = {"batch": batch.lot} if batch.lot else {"model": batch.model}
    alike = Ticket.objects.filter(category=batch.category_id, product=batch.product, **what, type=Type.COMPLAINT)
    alike = alike.filter(received_at__gte=batch.first_at, received_at__lte=batch.last_at)
    return list(ComplaintForm.objects.filter(ticket__in=alike.exclude(state__in=NOT_COUNTED)).order_by("pk").values_list("pk", flat=True))


def spread(batch: Batch) -> int:
    """I7: link all members of a batch that is new or changed, propose anew for those still open; returns how many forms were proposed for.

    Who belongs to none any more, as too few are left or they count no longer, is unmarked.

    Each form in a transaction of its own: a service that holds another member waits for nobody.
    """
    at, ids = clock.now(), members(batch)
    stays = {pk for pk, one in propose_many(ids, at=at).items() if one.run is not None}
    for pk in set(batch.forms.values_list("pk", flat=True)) - stays:
        _left(pk, batch, at)
    raised = sum(_joined(pk, batch, at) for pk in ids if pk in stays)
    Batch.objects.filter(pk=batch.pk, last_at=batch.last_at).update(spread_at=at)
    return raised


@transaction.atomic
def _left(form_id: int, batch: Batch, at: datetime) -> None:
    form = locked(form_id)
    if form.batch_id != batch.pk:
        return
    form.batch, form.ticket.batch_linked = None, False
    form.save(update_fields=["batch"])
    form.ticket.save(update_fields=["batch_linked"])
    corrected(form, at=at)


@transaction.atomic
def _joined(form_id: int, batch: Batch, at: datetime) -> bool:
    """Linked; where that makes the proposal higher than the last one and than what was decided, it is kept and the supervisor told, once."""
    form = locked(form_id)
    if form.batch_id != batch.pk or not form.ticket.batch_linked:
        form.batch = batch
        form.save(update_fields=["batch"])
        form.ticket.batch_linked = True
        form.ticket.save(update_fields=["batch_linked"])
    if form.state in ENDED:
        return False
    proposal, last = current(form, at=at), last_proposal(form)
    if RANK[proposal.grade] <= max(RANK[form.grade], RANK[last.grade if last else ""]):
        return False
    keep(form, proposal, ProposalCause.BATCH, at=at)
    entry = history.record(form.item, "propose_grade", by=SYSTEM, at=at, data={"grade": proposal.grade, "cause": ProposalCause.BATCH})
    supervisor = receivers.pick(Role.SUPERVISOR, department=form.ticket.item.department, root=form.item.root, at=at)
    tell(supervisor, "approval_wanted", entry=entry, item=form.item, what=RAISE)
    return True
