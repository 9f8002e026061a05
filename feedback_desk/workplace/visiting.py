"""What is to be visited, and which low scores a supervisor still has to call about (F2-F5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy

from complaints.guards import report_owed
from complaints.lifecycle import State
from complaints.lifecycle.form import points_answered, ticket_has_result
from complaints.models import ComplaintForm
from feedback_desk.deadlines.chips import Chip, chip_of
from feedback_desk.deadlines.models import Deadline, DeadlineState
from feedback_desk.people import standing
from feedback_desk.people.models import Role, User
from followups.models import Visit
from tickets.models import ContactPoint, Ticket

VISIT_CODES = ("D19", "D20", "D38")
SCRIPT = [
    (gettext_lazy("Satisfied"), gettext_lazy("Thank you. What did we do well? May we ask for three scores from 1 to 5: speed, solution, attitude?")),
    (gettext_lazy("Neutral"), gettext_lazy("What would have made it better? Is anything still open on your side? Which plans do you have with us?")),
    (
        gettext_lazy("Dissatisfied"),
        gettext_lazy("I am sorry. What is still missing, and by when would it help you? A supervisor will call you within 24 hours."),
    ),
]
"""F5: branches of the talk; three to five minutes, never in rest hours."""


@dataclass(frozen=True)
class ToVisit:
    form: ComplaintForm
    chip: Chip | None
    which: str
    phone: str
    attempts: int

    @property
    def waits(self) -> bool:
        """C10: the ticket has no result yet, so closure is not asked and nobody is called."""
        return ticket_has_result(self.form) is not None


@dataclass(frozen=True)
class ToCall:
    visit: Visit
    chip: Chip | None


def may_visit(user: User, at: datetime) -> bool:
    return Role.RETURN_VISIT in standing.roles_held(user, None, at)


def may_follow_up(user: User, at: datetime) -> bool:
    return Role.SUPERVISOR in standing.roles_held(user, None, at)


def to_visit(user: User, at: datetime) -> list[ToVisit]:
    """Forms in visiting, the next limit first; four queries."""
    seen = ComplaintForm.objects.visible_to(user).filter(state=State.VISITING)
    forms = list(seen.select_related("item", "ticket__item", "ticket__customer", "ticket__assignee"))
    limits: dict[int, Deadline] = {}
    rows = (
        Deadline.objects.filter(item_id__in=[f.item_id for f in forms], code__in=VISIT_CODES, state=DeadlineState.RUNNING)
        .select_related("rule")
        .order_by("-due_at")
    )
    for row in rows:
        limits[row.item_id] = row
    phones = {
        p.customer_id: p.masked
        for p in ContactPoint.objects.filter(customer__in=[f.ticket.customer_id for f in forms], kind="phone").order_by("primary", "-pk")
    }
    tries: dict[int, int] = {}
    for pk in Visit.objects.filter(form__in=forms, reached=False).values_list("form_id", flat=True):
        tries[pk] = tries.get(pk, 0) + 1
    found = [_to_visit(f, limits.get(f.item_id), phones.get(f.ticket.customer_id, ""), tries.get(f.pk, 0), at) for f in forms]
    return sorted(found, key=lambda v: limits[v.form.item_id].due_at if v.form.item_id in limits else at)


def _to_visit(form: ComplaintForm, limit: Deadline | None, phone: str, attempts: int, at: datetime) -> ToVisit:
    return ToVisit(form, chip_of(limit, at) if limit else None, limit.rule.spoken if limit else "", phone, attempts)


def missing_to_close(form: ComplaintForm) -> list[str]:
    """What would keep an accepted visit from closing the form, said before somebody calls (C10, C17, C20)."""
    found = [ticket_has_result(form) or points_answered(form), report_owed(form)]
    return [sentence for sentence in found if sentence]


def to_call(user: User, at: datetime) -> list[ToCall]:
    """F4: low scores without a second follow-up, the next limit first."""
    seen = Ticket.objects.visible_to(user).values("pk")
    limits = {d.part: d for d in Deadline.objects.filter(code="D22", state=DeadlineState.RUNNING).select_related("rule").order_by("due_at")}
    pks = [int(part[1:]) for part in limits if part.startswith("v")]
    rows = Visit.objects.filter(pk__in=pks, second=None, ticket__in=seen).select_related("ticket__item", "ticket__customer", "by", "contact")
    found = [ToCall(v, chip_of(limits[f"v{v.pk}"], at)) for v in rows]
    return sorted(found, key=lambda c: limits[f"v{c.visit.pk}"].due_at)


def visit_form_of(user: User, number: str) -> Any:
    """The form to be visited, or None: unknown and invisible look the same."""
    return (
        ComplaintForm.objects.visible_to(user)
        .filter(item__number=number.upper())
        .select_related("item", "ticket__item", "ticket__customer", "ticket__category")
        .first()
    )
