"""What happens at a desk before its processes look at it: told through the services at shifted instants, in a process of its own.

Every story returns numbers and ids for the test that counts afterwards. Times are minutes before now; the processes live on true time.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from conftest import make_person
from feedback_desk import clock
from feedback_desk.deadlines.models import Calendar, CalendarDay
from feedback_desk.people.models import Department, Role, User
from tests.ways import comes_next
from tickets import services as tickets
from tickets.models import Category, Customer, Ticket


def people() -> None:
    """A small house that is open day and night."""
    from complaints import first_rows as complaint_rows
    from feedback_desk.deadlines import first_rows as deadline_rows
    from tickets import first_rows as ticket_rows

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    for rows in (deadline_rows, ticket_rows, complaint_rows):
        rows.load()
    CalendarDay.objects.all().delete()
    Calendar.objects.update(hours={str(day): [["00:00", "24:00"]] for day in range(1, 8)})
    service = Department.objects.create(name="客服中心")
    chief = make_person("gm", "总经理郑", Role.GENERAL_MANAGER)
    manager = make_person("manager", "客服经理程", Role.CS_MANAGER, department=service, superior=chief)
    supervisor = make_person("supervisor", "主管秦", Role.SUPERVISOR, department=service, superior=manager)
    agent = make_person("agent", "客服林", Role.AGENT, department=service, superior=supervisor)
    make_person("colleague", "客服周", Role.AGENT, department=service, superior=supervisor, backup=agent)
    service.head = manager
    service.save(update_fields=["head"])
    tickets.create_customer(by=agent, name="陈雨瑶", phone="13812342071", email="chen@example.com")


def register(at: datetime, **more: Any) -> Ticket:
    agent = User.objects.get(username="agent")
    values: dict[str, Any] = {
        "by": agent, "customer_id": Customer.objects.get().pk, "summary": "洗衣机到货外壳破损", "type": "consultation", "received_at": at,
        "category_id": Category.objects.get(slug="transport-damage").pk, "channel": "phone", "what_happened": "开箱后外壳凹陷约 12 厘米。",
    }  # fmt: skip
    with clock.at(at):
        return tickets.register(**(values | more))


def urgent_ones(count: int, seconds_ahead: float, spread: float) -> list[int]:
    """Urgent and untouched: their 30 minutes are over `seconds_ahead` from now, one after the other over `spread` seconds."""
    end = clock.now() + timedelta(seconds=seconds_ahead)
    return [register(end - timedelta(minutes=30) + timedelta(seconds=spread * n / count), urgency="urgent").item_id for n in range(count)]


def limits(ahead: float, urgent: int) -> dict[str, int]:
    """One of each kind of the limits shown; those that fall due do so `ahead` seconds from now."""
    people()
    due = clock.now() + timedelta(seconds=ahead)
    told = {f"urgent_{n}": item for n, item in enumerate(urgent_ones(urgent, ahead - 60, 70))}
    told["urgent_touched"] = _touched(due)
    told["unconfirmed"] = _assigned(due, confirmed=False)
    told["confirmed"] = _assigned(due, confirmed=True)
    told["determination"] = _complaint(due, hours=24, attempts=())
    told["determination_one_attempt"] = _complaint(due, hours=24, attempts=(3,))
    told["determination_two_attempts"] = _complaint(due, hours=24, attempts=(3, 20))
    told["determination_48"] = _complaint(due, hours=48, attempts=(3, 20))
    told["determination_attempts_too_late"] = _complaint(due, hours=30, attempts=(3, 25))
    return told


def _touched(due: datetime) -> int:
    at = due - timedelta(minutes=30)
    ticket = register(at, urgency="urgent")
    with clock.at(at + timedelta(minutes=10)):
        said: dict[str, Any] = {"way": "call_out", "said": "约定明天上门查看。", "customer_says": "同意明天", **comes_next("上门查看")}
        tickets.record_contact(ticket_id=ticket.pk, by=User.objects.get(username="agent"), **said)
    return ticket.item_id


def _assigned(due: datetime, *, confirmed: bool) -> int:
    at = due - timedelta(hours=2)
    ticket, colleague = register(at - timedelta(minutes=5)), User.objects.get(username="colleague")
    with clock.at(at):
        tickets.assign(ticket_id=ticket.pk, by=User.objects.get(username="supervisor"), assignee_id=colleague.pk)
    if confirmed:
        with clock.at(at + timedelta(hours=1)):
            tickets.confirm(ticket_id=ticket.pk, by=colleague)
    return ticket.item_id


def _complaint(due: datetime, *, hours: int, attempts: tuple[int, ...]) -> int:
    """A complaint whose determination began `hours` before `due`, with failed attempts to reach the customer so many hours after it."""
    at, agent = due - timedelta(hours=hours), User.objects.get(username="agent")
    ticket = register(at, type="complaint", assignee_id=agent.pk)
    for after in attempts:
        with clock.at(at + timedelta(hours=after)):
            tickets.record_contact(ticket_id=ticket.pk, by=agent, way="call_out", said="无人接听,稍后再打。", reached=False, **comes_next("再次致电", 3))
    return int(ticket.form.item_id)


def determine_all() -> dict[int, bool]:
    """The manager ends every determination that is open, on true time; by the form's item: was it late?"""
    from complaints import services as forms
    from complaints.models import ComplaintForm
    from feedback_desk.deadlines.models import Deadline

    agent, manager = User.objects.get(username="agent"), User.objects.get(username="manager")
    for form in ComplaintForm.objects.filter(state="registered"):
        forms.grade(form_id=form.pk, by=User.objects.get(username="supervisor"), grade="III", reason="已电话说明,客户谅解")
        forms.check_facts(form_id=form.pk, by=agent, colleague_id=manager.pk, found="承运商野蛮装卸。", on_site=False)
        forms.write_first_plan(form_id=form.pk, by=agent, text="致歉并换新。")
        said: dict[str, Any] = {"way": "call_out", "said": "说明由承运商负责,先行换新。", "customer_says": "同意换新"}
        tickets.record_contact(ticket_id=form.ticket_id, by=agent, **said, **comes_next())
        forms.begin_determination(form_id=form.pk, by=manager)
        forms.no_fault(form_id=form.pk, by=manager, reason="承运商责任,已另行处理。")
    return {row.item_id: bool(row.late) for row in Deadline.objects.filter(code="D14", state="settled")}


def broker_away() -> dict[str, Any]:
    """What people do while the broker is away: a ticket is registered as ever, and the desk says that the machinery is behind."""
    from time import monotonic

    from feedback_desk.workplace import health

    begun = monotonic()
    items = urgent_ones(3, -60, 0)
    return {"items": items, "seconds": monotonic() - begun, "behind": health.behind(), "state": {sign.name: sign.alive for sign in health.state()}}


def behind() -> bool:
    from feedback_desk.workplace import health

    return health.behind()


def counted() -> dict[str, Any]:
    """What the rows say: steps and outbox rows that stand twice, what is still to do."""
    from django.db.models import Count
    from django.db.models.functions import Now

    from feedback_desk.deadlines.models import Deadline, StepTaken
    from feedback_desk.notices.models import Notice

    steps = StepTaken.objects.values("deadline", "step", "round").annotate(n=Count("pk"))
    told = Notice.objects.values("cause", "receiver", "contact_point", "channel").annotate(n=Count("pk"))
    return {
        "steps": StepTaken.objects.count(), "notices": Notice.objects.count(),
        "steps_twice": list(steps.filter(n__gt=1)), "told_twice": list(told.filter(n__gt=1)),
        "due": Deadline.objects.filter(state="running", next_step_at__lte=Now()).count(), "broken": Deadline.objects.exclude(broken_at=None).count(),
        "unsent": list(Notice.objects.filter(channel="email").exclude(state="sent").values_list("key", "state")),
        "mails": list(Notice.objects.filter(channel="email").values_list("key", flat=True)),
        "acts_open": StepTaken.objects.exclude(act="").filter(outcome__isnull=True).count(),
    }  # fmt: skip


def limits_seen(items: dict[str, int]) -> dict[str, Any]:
    """For each item of `limits`: its own limit's steps (order, receiver, delay in seconds), state; who holds the ticket."""
    from feedback_desk.deadlines.models import Deadline

    codes = {"urgent": "D02", "unconfirmed": "D07", "confirmed": "D07", "determination": "D14"}
    found = {}
    for name, item in items.items():
        deadline = Deadline.objects.get(item_id=item, code=codes[name.partition("_")[0]])
        steps = [[s.step, s.receiver, (s.taken_at - s.at).total_seconds(), s.skipped] for s in deadline.steps.order_by("step")]
        hours = round((deadline.due_at - deadline.start_at).total_seconds() / 3600, 2)
        told = sorted(n.receiver.username for s in deadline.steps.all() for n in notices_of(s.pk))
        holder = deadline.item.holder.username if deadline.item.holder else ""
        outcome = [s.outcome.outcome for s in deadline.steps.exclude(act="") if hasattr(s, "outcome")]
        found[name] = {"steps": steps, "state": deadline.state, "late": deadline.late, "hours": hours, "told": told, "holder": holder, "outcome": outcome}
    return found


def notices_of(step: int) -> Any:
    from feedback_desk.notices.models import Notice

    return Notice.objects.filter(cause=f"step:{step}", channel="email").select_related("receiver")


def administrator() -> None:
    make_person("root", "管理员韩", Role.ADMINISTRATOR)


def machines() -> dict[str, Any]:
    """Who is not well by the rows and by asking, what /healthz says, and what the administrator was told."""
    from django.test import Client

    from feedback_desk.notices.models import Channel, Notice

    body = Client().get("/healthz").json()
    told = Notice.objects.filter(receiver__username="root", channel=Channel.PAGE).order_by("pk")
    mails = Notice.objects.filter(receiver__username="root", channel=Channel.EMAIL, state="sent").count()
    return {"failing": body["failing"], "processes": body.get("processes", {}), "told": [[n.template, n.data["name"]] for n in told], "mails": mails}


def poison(item: int) -> int:
    """A running limit of the item that cannot be read any more; its key."""
    from feedback_desk.deadlines.models import Deadline

    row = Deadline.objects.filter(item=item, state="running").order_by("next_step_at")[0]
    Deadline.objects.filter(pk=row.pk).update(allowance={})
    return row.pk
