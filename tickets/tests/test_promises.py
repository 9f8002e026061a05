"""A date told to a customer is a limit of whoever told it, wherever it is told; told anew, the old one ends (T16, D38)."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from feedback_desk.deadlines.models import Deadline
from tests.ways import comes_next
from tickets import services

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(way):
    one = way()
    return services.register(**one.said(type="problem"))


def promises(ticket):
    return list(Deadline.objects.filter(item=ticket.item, code="D38").order_by("pk"))


def contact(ticket, cast, **more):
    words = {"way": "call_out", "said": "说明处理进度", "customer_says": "知道了", **comes_next()}
    return services.record_contact(**{"ticket_id": ticket.pk, "by": cast.agent, **words, **more})


def ask(ticket, cast, local, **more):
    return services.ask_customer(ticket_id=ticket.pk, by=cast.agent, question="请发外箱照片", until=local("2026-03-04 12:00"), **more)


def offer(ticket, cast, **more):
    return services.offer_result(ticket_id=ticket.pk, by=cast.agent, result="退款，三天内到账", agreement="电话中同意", **more)


def told(ticket, cast, local, where, when):
    at = {"promised_at": local(when)}
    if where == "ask":
        ask(ticket, cast, local, **at)
    elif where == "result":
        offer(ticket, cast, **at)
    else:
        contact(ticket, cast, purpose=where, **at)


@pytest.mark.parametrize("where", ["follow_up", "told_when", "progress", "solution", "formal_reply", "ask", "result"])
def test_T16_a_promise_can_be_made_wherever_a_date_is_told(ticket, cast, local, where):
    told(ticket, cast, local, where, "2026-03-04 10:00")
    (row,) = promises(ticket)
    assert (row.state, row.due_at, row.owner) == ("running", local("2026-03-04 10:00"), cast.agent)


@pytest.mark.parametrize("where", ["follow_up", "progress", "ask", "result"])
@pytest.mark.parametrize(("at", "late"), [("2026-03-03 09:59", False), ("2026-03-03 10:01", True)])
def test_T16_renewed_with_the_customer_the_old_one_ends_in_time_or_late(ticket, cast, local, freeze, where, at, late):
    told(ticket, cast, local, "told_when", "2026-03-03 10:00")
    freeze(at)
    told(ticket, cast, local, where, "2026-03-06 10:00")
    old, new = promises(ticket)
    assert (old.state, old.late) == ("settled", late)
    assert (new.state, new.due_at) == ("running", local("2026-03-06 10:00"))


@pytest.mark.parametrize("where", ["follow_up", "ask", "result"])
def test_T16_a_promise_lies_in_the_future(ticket, cast, local, where):
    with pytest.raises(ValidationError) as error:
        told(ticket, cast, local, where, "2026-03-02 08:00")
    assert "promised_at" in error.value.message_dict


def test_T16_a_question_without_a_date_renews_nothing(ticket, cast, local):
    told(ticket, cast, local, "told_when", "2026-03-03 10:00")
    ask(ticket, cast, local)
    assert [row.state for row in promises(ticket)] == ["running"]


def test_T16_not_reached_keeps_no_promise(ticket, cast, local, freeze):
    told(ticket, cast, local, "told_when", "2026-03-03 10:00")
    freeze("2026-03-03 09:00")
    contact(ticket, cast, reached=False, customer_says="", said="无人接听，稍后再打")
    assert [row.state for row in promises(ticket)] == ["running"]


def test_T16_a_visits_next_attempt_is_one(way, cast, local):
    one = way().visiting()
    one.visit_in_vain(local("2026-03-04 10:00"))
    row = Deadline.objects.get(code="D38", part="visit")
    assert (row.state, row.due_at, row.owner) == ("running", local("2026-03-04 10:00"), cast.visitor)
