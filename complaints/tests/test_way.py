"""The whole way of a grade I complaint, service by service, with the pair of states checked after each."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from complaints import pairs
from complaints import services as forms
from complaints.models import ComplaintForm, Disposition
from feedback_desk import clock
from feedback_desk.deadlines.models import Deadline
from followups import services as visits
from tests.ways import comes_next, first_hours, not_reached, summed_up
from tickets import services as tickets
from tickets.models import Category, Ticket

pytestmark = pytest.mark.django_db


def complaint(cast: SimpleNamespace, customer: Any, **more: Any) -> Ticket:
    values = {
        "by": cast.agent, "customer_id": customer.pk, "summary": "洗衣机到货外壳破损", "type": "complaint",
        "category_id": Category.objects.get(slug="transport-damage").pk,
        "channel": "phone", "received_at": clock.now(), "what_happened": "开箱后外壳凹陷约 12 厘米。", "assignee_id": cast.agent.pk,
    }  # fmt: skip
    return tickets.register(**(values | more))


def check_pair(form: ComplaintForm) -> None:
    form, ticket = ComplaintForm.objects.get(pk=form.pk), Ticket.objects.get(pk=form.ticket_id)
    assert pairs.fits(form.state, ticket.state), (form.state, ticket.state)


def determination(cast: SimpleNamespace, kind: str = "warning", amount: Any = None) -> dict[str, Any]:
    return {
        "findings": "卸货时侧放。", "why_not_spoken": "",
        "responsibilities": [{"user_id": cast.person_concerned.pk, "department_id": cast.delivery.pk, "share": 100, "because": "侧放大件"}],
        "measures": [{"user_id": cast.person_concerned.pk, "department_id": cast.delivery.pk, "kind": kind, "amount": amount,
                      "clause": "《配送作业规范》4.2", "reason": "大件不得侧放"}],
    }  # fmt: skip


def test_the_whole_way_of_a_major_complaint(cast, customer, freeze):
    freeze("2026-03-02 09:00")
    ticket = complaint(cast, customer)
    form = ticket.form
    forms.grade(form_id=form.pk, by=cast.agent, grade="I", quality_class=None, reason="媒体已来电")
    said: dict[str, Any] = {"way": "call_out", "said": "说明正在核实,给出两个方案。", "customer_says": "同意换新", "purpose": "solution"}
    tickets.record_contact(ticket_id=ticket.pk, by=cast.agent, **said, **comes_next())
    first_hours(form.pk, cast)
    forms.begin_determination(form_id=form.pk, by=cast.manager)
    freeze("2026-03-02 11:00")
    forms.determine(form_id=form.pk, by=cast.manager, **determination(cast))
    forms.submit(form_id=form.pk, by=cast.manager)
    check_pair(form)
    measure = Disposition.objects.get(form=form)
    forms.answer(disposition_id=measure.pk, by=cast.person_concerned, words="当时车厢已满。")
    freeze("2026-03-02 14:00")
    forms.agree(disposition_id=measure.pk, by=cast.department_head, seen_version=Disposition.objects.get(pk=measure.pk).version)
    check_pair(form)
    form = ComplaintForm.objects.get(pk=form.pk)
    assert form.state == "awaiting_ruling"
    forms.rule(form_id=form.pk, by=cast.general_manager, seen_version=form.version)
    forms.carry_out(disposition_id=measure.pk, by=cast.department_head, talk_on=clock.now().date(), talk_words="已谈话,本人认可。")
    forms.hand_over(form_id=form.pk, by=cast.department_head)
    check_pair(form)
    tickets.offer_result(ticket_id=ticket.pk, by=cast.agent, result="换新机,今天送到。", agreement="陈女士,电话,今天 10:05")
    assert Deadline.objects.filter(item=form.item, code="D19", state="running").exists()
    forms.inspect(form_id=form.pk, by=cast.inspector, timely=True, severity="fitting")
    summed_up(form.pk, cast)
    check_pair(form)
    freeze("2026-03-03 10:00")
    visits.record_visit(
        ticket_id=ticket.pk,
        by=cast.visitor,
        reached=True,
        said="回访新机使用情况",
        mood="satisfied",
        accepted=True,
        speed=5,
        solution=4,
        attitude=3,
        comment="挺好",
    )
    form, ticket = ComplaintForm.objects.get(pk=form.pk), Ticket.objects.get(pk=ticket.pk)
    assert (form.state, ticket.state, ticket.outcome) == ("closed", "closed", "confirmed")
    live = set(Deadline.objects.filter(root=ticket.item, state__in=["running", "paused"]).values_list("code", flat=True))
    assert live == {"D22"}
    assert not Deadline.objects.filter(root=ticket.item, late=True).exists()


def test_C8_a_request_to_set_aside_falls_when_the_form_goes_on(cast, customer, freeze):
    freeze("2026-03-02 09:00")
    form = complaint(cast, customer).form
    forms.grade(form_id=form.pk, by=cast.agent, grade="II")
    first_hours(form.pk, cast)
    not_reached(form, cast)
    forms.begin_determination(form_id=form.pk, by=cast.manager)
    forms.ask_parking(form_id=form.pk, by=cast.manager, parking_reason="parts", contact="客服林", reason="等配件")
    forms.determine(form_id=form.pk, by=cast.manager, **(determination(cast) | {"why_not_spoken": "客户要求书面答复"}))
    forms.submit(form_id=form.pk, by=cast.manager)
    form = ComplaintForm.objects.get(pk=form.pk)
    assert form.parking_asked_at is None
    assert Deadline.objects.get(item=form.item, code="D40").state == "void"


def test_C10_a_request_for_abnormal_closing_falls_when_the_form_goes_back(cast, customer, freeze):
    freeze("2026-03-02 09:00")
    ticket = complaint(cast, customer)
    form = ticket.form
    forms.grade(form_id=form.pk, by=cast.supervisor, grade="III", reason="客户未追究")
    forms.handle_on_the_spot(form_id=form.pk, by=cast.agent, how="致歉并补发")
    forms.ask_abnormal(form_id=form.pk, by=cast.agent, ground="conflict", words="合同第 3 条")
    forms.inspect(form_id=form.pk, by=cast.inspector, timely=True, severity="fitting", faults="记录过于简单", passed=False)
    assert ComplaintForm.objects.get(pk=form.pk).abnormal_asked_at is None
    assert Deadline.objects.get(item=form.item, code="D21").state == "void"


def test_a_complaint_withdrawn_while_only_the_visit_was_left_is_ended_by_a_supervisor(cast, customer, freeze):
    freeze("2026-03-02 09:00")
    ticket = complaint(cast, customer)
    form = ticket.form
    forms.grade(form_id=form.pk, by=cast.supervisor, grade="III", visit_marked=True, reason="客户未追究")
    forms.handle_on_the_spot(form_id=form.pk, by=cast.agent, how="致歉并补发")
    tickets.offer_result(ticket_id=ticket.pk, by=cast.agent, result="补发", agreement="电话同意")
    forms.inspect(form_id=form.pk, by=cast.inspector, timely=True, severity="fitting")
    tickets.withdraw(ticket_id=ticket.pk, by=cast.agent, reason="客户来电撤诉")
    forms.close_withdrawn(form_id=form.pk, by=cast.supervisor, reason="客户撤诉")
    check_pair(form)
    assert ComplaintForm.objects.get(pk=form.pk).state == "closed"
