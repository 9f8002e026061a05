"""A complaint walked to where a test of the pages wants it, by the services."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

from complaints import services as forms
from complaints.models import ComplaintForm, Disposition
from feedback_desk import clock
from followups import services as visits
from tests.stages import reach
from tests.ways import comes_next, first_hours, summed_up
from tickets import services as tickets
from tickets.models import Category, Ticket

STATIONS = (
    "registered", "graded", "determining", "drafted", "in_review", "awaiting_ruling",
    "executing", "carried_out", "awaiting_check", "visiting", "closed",
)  # fmt: skip


def complaint(cast: SimpleNamespace, customer: Any, **more: Any) -> Ticket:
    values = {
        "by": cast.agent,
        "customer_id": customer.pk,
        "summary": "洗衣机到货外壳破损、脱水异响，要求换新",
        "type": "complaint",
        "category_id": Category.objects.get(slug="transport-damage").pk,
        "channel": "vip_line",
        "received_at": clock.now(),
        "what_happened": "昨晚送到，外箱右下角压扁，开箱后外壳凹陷约 12 厘米；试机脱水时“咔咔”响。要求换新，不接受维修。",
        "assignee_id": cast.agent.pk,
        "order_number": "DD2610290417",
        "product": "滚筒洗衣机",
        "model": "LH-W90",
    }
    words = values | more
    ticket_id = reach(cast, lambda: tickets.register(**words).pk, "complaint", words)
    found: Ticket = Ticket.objects.select_related("item", "assignee", "customer").get(pk=ticket_id)
    return found


def walk(cast: SimpleNamespace, ticket: Ticket, until: str, grade: str = "II", **measure: Any) -> ComplaintForm:
    """Make the moves of STATIONS up to and with `until`."""
    for station in STATIONS[: STATIONS.index(until) + 1]:
        reach(cast, partial(_step, cast, ticket, station, {"grade": grade, **measure}), station, ticket, grade, measure)
    return fresh(ticket)


def _step(cast: SimpleNamespace, ticket: Ticket, station: str, more: dict[str, Any]) -> None:
    STEPS[station](cast, ticket, fresh(ticket), more)


def fresh(ticket: Ticket) -> ComplaintForm:
    form: ComplaintForm = ComplaintForm.objects.select_related("item", "ticket__item").get(ticket_id=ticket.pk)
    return form


def measure_of(form: ComplaintForm) -> Disposition:
    measure: Disposition = Disposition.objects.filter(form=form, round=form.round).latest("pk")
    return measure


def talk(cast: SimpleNamespace, ticket: Ticket) -> None:
    said = "说明正在核实，给出两个方案：整机换新，或更换外壳并赠两年延保。"
    tickets.record_contact(ticket_id=ticket.pk, by=cast.agent, way="call_out", said=said, customer_says="倾向整机换新", purpose="solution", **comes_next())


def _begin(cast: SimpleNamespace, ticket: Ticket, form: ComplaintForm, more: dict[str, Any]) -> None:
    first_hours(form.pk, cast)
    forms.begin_determination(form_id=form.pk, by=cast.manager)


def _determine(cast: SimpleNamespace, ticket: Ticket, form: ComplaintForm, more: dict[str, Any]) -> None:
    terms = {"kind": more.get("kind", "warning"), "amount": more.get("amount"), "clause": "《配送作业规范》第 4.2 条", "reason": "大件不得侧放、倒置"}
    who = {"user_id": cast.person_concerned.pk, "department_id": cast.delivery.pk}
    rows: dict[str, Any] = {"responsibilities": [{**who, "share": 100, "because": "卸货侧放"}], "measures": [{**who, **terms}]}
    forms.determine(form_id=form.pk, by=cast.manager, findings="装车照完好；卸货时侧放。", why_not_spoken="", **rows)


def _check(cast: SimpleNamespace, ticket: Ticket, form: ComplaintForm, more: dict[str, Any]) -> None:
    tickets.offer_result(ticket_id=ticket.pk, by=cast.agent, result="整机换新，今天 16:30 送到，旧机取回。", agreement="陈女士，电话，今天")
    forms.inspect(form_id=form.pk, by=cast.inspector, timely=True, severity="fitting")


def _close(cast: SimpleNamespace, ticket: Ticket, form: ComplaintForm, more: dict[str, Any]) -> None:
    summed_up(form.pk, cast, "卸货侧放所致；换新得当。")
    answers = {"mood": "satisfied", "accepted": True, "speed": 5, "solution": more.get("score", 5), "attitude": 5, "comment": "处理很快"}
    visits.record_visit(ticket_id=ticket.pk, by=cast.visitor, reached=True, said="新机使用正常", **answers)


STEPS: dict[str, Any] = {
    "registered": lambda cast, ticket, form, more: talk(cast, ticket),
    "graded": lambda cast, ticket, form, more: forms.grade(form_id=form.pk, by=cast.supervisor, grade=more["grade"], reason="按经过定级"),
    "determining": _begin,
    "drafted": _determine,
    "in_review": lambda cast, ticket, form, more: forms.submit(form_id=form.pk, by=cast.manager),
    "awaiting_ruling": lambda cast, ticket, form, more: forms.agree(disposition_id=measure_of(form).pk, by=cast.department_head),
    "executing": lambda cast, ticket, form, more: forms.rule(form_id=form.pk, by=cast.general_manager),
    "carried_out": lambda cast, ticket, form, more: forms.carry_out(
        disposition_id=measure_of(form).pk, by=cast.department_head, talk_on=clock.now().date(), talk_words="已当面谈话，本人认可。"
    ),
    "awaiting_check": lambda cast, ticket, form, more: forms.hand_over(form_id=form.pk, by=cast.department_head),
    "visiting": _check,
    "closed": _close,
}
