"""Outstanding matters beside their moves (C8, D28), how grade I goes on, the report to management (C20), who is told the result (C21)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from complaints import acts, guards
from complaints.guards import is_major_complaint
from complaints.lifecycle import State
from complaints.models import ComplaintForm, Instruction, ManagementReport, Reminder
from complaints.services.common import colleague, head_of, locked, start
from feedback_desk import ahead, clock
from feedback_desk.deadlines import services as deadlines
from feedback_desk.deadlines.models import Deadline, DeadlineState
from feedback_desk.people import receivers
from feedback_desk.people.models import Department, Role, User
from feedback_desk.records import history
from feedback_desk.records.models import Entry
from tickets.models import Outcome
from tickets.services.common import need, tell
from tickets.services.contacts import check_promise, promise
from tickets.services.told import told

OPEN_WAY = (State.GRADED, State.DETERMINING)
ASK_INSTRUCTION = acts.declare(
    "ask_instruction", label=gettext_lazy("Ask how it goes on"), who=("cs_manager",), states=OPEN_WAY,
    guards=(is_major_complaint, guards.instruction_not_asked), done=guards.instruction_was_asked,
)  # fmt: skip
WRITE_INSTRUCTION = acts.declare(
    "write_instruction", label=gettext_lazy("Write how it goes on"), who=("general_manager",), states=OPEN_WAY, guards=(is_major_complaint,), primary=True
)
REMIND_CUSTOMER = acts.declare(
    "remind_customer", label=gettext_lazy("Customer reminded"), who=("handler", "cs_manager"), states=(State.OUTSTANDING,), primary=True
)
REPORT_TO_MANAGEMENT = acts.declare(
    "report_to_management", label=gettext_lazy("Report to management"), who=("handler", "supervisor", "cs_manager"), guards=(is_major_complaint,)
)


@transaction.atomic
def ask_instruction(*, form_id: int, by: User, words: str) -> ComplaintForm:
    """C8: grade I whose responsibility cannot be determined now; the general manager is asked how it goes on. The request stands until they wrote it."""
    at = clock.now()
    need(words=words)
    form = locked(form_id)
    acts.demand(form, ASK_INSTRUCTION, by=by)
    form.instruction_asked_at, form.instruction_asked_by = at, by
    form.save(update_fields=["instruction_asked_at", "instruction_asked_by"])
    entry = history.record(form.item, "ask_instruction", by=by, at=at, reason=words)
    manager = receivers.pick(Role.GENERAL_MANAGER, root=form.item.root, at=at)
    tell(manager, "approval_wanted", entry=entry, item=form.item, what=gettext_noop("Grade I cannot be determined yet: write how it goes on"))
    return form


@transaction.atomic
def write_instruction(*, form_id: int, by: User, lead_id: int, what: str, until: datetime) -> Instruction:
    """C8: lead, what, by when."""
    at = clock.now()
    need(what=what)
    form = locked(form_id)
    acts.demand(form, WRITE_INSTRUCTION, by=by)
    lead = colleague(lead_id, form.item, "lead")
    if until <= at:
        raise ValidationError({"until": _("This has to lie ahead.")})
    ahead.check(until=until)
    row = Instruction.objects.create(form=form, round=form.round, by=by, at=at, lead=lead, what=what.strip(), until=until)
    form.instruction_asked_at = form.instruction_asked_by = None
    form.save(update_fields=["instruction_asked_at", "instruction_asked_by"])
    deadlines.settle(form.item, "D38", part="instruction", at=at, by=by)
    start(form, "D38", at=at, owner=lead, part="instruction", due_at=until)
    entry = history.record(form.item, "write_instruction", by=by, at=at, reason=what, data={"lead": str(lead)})
    for receiver in {lead, form.ticket.assignee, receivers.pick(Role.CS_MANAGER, root=form.item.root, at=at)}:
        tell(receiver, "generic", entry=entry, item=form.item, message=gettext_noop("The general manager wrote how it goes on: %(what)s"), said={"what": what})
    return row


# ---- monthly reminders (D28) ----


def remind_of_month_end(at: datetime) -> int:
    """D28 for every matter that was open at the end of the last month and still is; once each, whenever it runs. Returns how many are new."""
    first = timezone.localtime(at).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    month = f"{first - timedelta(days=1):%Y-%m}"
    begun = _begun(month).values("item_id")
    waiting = ComplaintForm.objects.filter(state=State.OUTSTANDING, parked_at__lt=first).exclude(ticket__outcome=Outcome.WITHDRAWN).exclude(item_id__in=begun)
    return sum(_begin_month(pk, month, first, at) for pk in list(waiting.order_by("pk").values_list("pk", flat=True)))


def _begun(month: str) -> QuerySet[Deadline]:
    """One that ended void, with a withdrawal that did not last, begins again."""
    return Deadline.objects.filter(code="D28", part=month).exclude(state=DeadlineState.VOID)


@transaction.atomic
def _begin_month(form_id: int, month: str, first: datetime, at: datetime) -> bool:
    form = locked(form_id)
    if form.state != State.OUTSTANDING or form.ticket.outcome == Outcome.WITHDRAWN or _begun(month).filter(item=form.item).exists():
        return False
    return start(form, "D28", at=at, role=Role.CS_MANAGER, part=month, start_at=first) is not None


@transaction.atomic
def remind_customer(*, form_id: int, by: User, customer_says: str, changed: str, promised_at: datetime | None = None) -> Reminder:
    """C8: what the customer says, what has changed. Settles D28 of every month that is owed. `promised_at` (T16): a date told with it."""
    at = clock.now()
    check_promise(promised_at, at)
    need(customer_says=customer_says, changed=changed)
    form = locked(form_id)
    acts.demand(form, REMIND_CUSTOMER, by=by)
    owed = deadlines.settle(form.item, "D28", at=at, by=by)
    month = date.fromisoformat(f"{max(d.part for d in owed)}-01") if owed else None
    row = Reminder.objects.create(form=form, round=form.round, by=by, at=at, month=month, customer_says=customer_says.strip(), changed=changed.strip())
    history.record(form.item, "remind_customer", by=by, at=at, reason=changed)
    told(form.ticket, by=by, at=at, until=promised_at)
    promise(form.ticket, by=by, at=at, until=promised_at, part=f"m{row.pk}", renews=True)
    return row


# ---- the end (C20, C21) ----


@transaction.atomic
def report_to_management(*, form_id: int, by: User, report: str, proposals: str) -> ManagementReport:
    """C20: grade I; the general manager is told."""
    at = clock.now()
    need(report=report, proposals=proposals)
    form = locked(form_id)
    acts.demand(form, REPORT_TO_MANAGEMENT, by=by)
    row = ManagementReport.objects.create(form=form, round=form.round, by=by, at=at, report=report.strip(), proposals=proposals.strip())
    entry = history.record(form.item, "report_to_management", by=by, at=at, reason=proposals)
    manager = receivers.pick(Role.GENERAL_MANAGER, root=form.item.root, at=at)
    tell(manager, "generic", entry=entry, item=form.item, message=gettext_noop("Report on a major complaint: %(text)s"), said={"text": row.proposals})
    return row


def tell_departments(form: ComplaintForm, *, entry: Entry, at: datetime) -> None:
    """C21: the result and what the customer said, to the head of every department concerned."""
    concerned_ids: set[int | None] = {form.ticket.item.department_id, *guards.analysing(form)}
    concerned_ids |= set(form.responsibilities.values_list("department_id", flat=True))
    if decision := guards.decision_of(form) if form.grade else None:
        concerned_ids |= {d.pk for d in decision.departments.all()}
    last = form.ticket.item.contacts.filter(reached=True).filter(~Q(customer_says="") | Q(purpose="visit")).last()
    said = {"result": form.ticket.result or "–", "customer": (last.customer_says or last.said) if last else "–"}
    departments = Department.objects.filter(pk__in=[pk for pk in concerned_ids if pk is not None]).select_related("head__backup", "head__superior")
    for head in {head_of(d, form, at) for d in departments}:
        tell(head, "generic", entry=entry, item=form.item, message=gettext_noop("Closed. Result: %(result)s The customer says: %(customer)s"), said=said)
