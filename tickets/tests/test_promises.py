"""A date told to a customer is a limit of whoever told it, wherever it is told; told anew, the old one ends (T16, D38)."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from complaints import services as forms
from complaints.models import ReplyTemplate
from feedback_desk import clock
from feedback_desk.deadlines.models import Deadline
from followups import services as visits
from tests.ways import comes_next
from tickets import services
from tickets.promises import told_of

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


def test_T16_a_talk_about_something_else_keeps_no_promise_that_is_due_later(ticket, cast, local, freeze):
    contact(ticket, cast, said="退款 3 月 20 日前到账", promised_at=local("2026-03-20 12:00"), next_step="财务付款", next_at=None)
    freeze("2026-03-03 10:00")
    contact(ticket, cast, way="call_in", said="补充收货地址", customer_says="地址有误")
    assert [row.state for row in promises(ticket)] == ["running"]
    contact(ticket, cast, way="call_in", said="退款已到账", kept=[promises(ticket)[0].pk])
    assert [(row.state, row.late) for row in promises(ticket)] == [("settled", False)]


def test_T16_what_was_not_ticked_runs_on_though_it_is_due_today(ticket, cast, local):
    contact(ticket, cast, promised_at=local("2026-03-02 18:00"))
    contact(ticket, cast, kept=[])
    assert [row.state for row in promises(ticket)] == ["running"]


def test_T16_ticked_on_a_call_that_reached_nobody_it_runs_on(ticket, cast, local):
    contact(ticket, cast, promised_at=local("2026-03-02 18:00"))
    contact(ticket, cast, reached=False, customer_says="", said="无人接听，稍后再打", kept=[promises(ticket)[0].pk])
    assert [row.state for row in promises(ticket)] == ["running"]


def test_T16_what_an_invalid_ticket_promised_was_not_kept(ticket, cast, local):
    contact(ticket, cast, promised_at=local("2026-03-02 18:00"))
    services.invalidate(ticket_id=ticket.pk, by=cast.supervisor, reason="重复登记", explanation="已说明另有一单在办")
    assert [row.state for row in promises(ticket)] == ["void"]


def test_T16_a_promise_of_another_matter_is_none_of_this_one(ticket, way, cast, local):
    other = services.register(**way().said(type="problem"))
    contact(other, cast, promised_at=local("2026-03-02 18:00"))
    contact(ticket, cast, kept=[promises(other)[0].pk])
    assert [row.state for row in promises(other)] == ["running"]


def test_T16_a_refund_that_was_promised_is_owed_beyond_the_accepted_visit(way, cast, local):
    one = way().visiting()
    contact(one.ticket, cast, promised_at=local("2026-03-20 12:00"))
    one.visit(kept=[])
    assert (one.states, one.live("D38")) == (("closed", "closed"), {"D38"})


def test_T16_every_kind_of_promise_has_its_words(ticket, cast, local):
    offer(ticket, cast, promised_at=local("2026-03-03 00:00"))
    contact(ticket, cast, promised_at=local("2026-03-20 12:00"), next_step="财务付款", next_at=None, kept=[])
    told = [(promise.text, promise.today) for promise in told_of(ticket.item, clock.now())]
    assert told == [("提交结果时告知：最迟3月2日 24:00", True), ("财务付款：最迟3月20日 12:00", False)]


def test_T16_a_visits_next_attempt_is_one(way, cast, local):
    one = way().visiting()
    one.visit_in_vain(local("2026-03-04 10:00"))
    row = Deadline.objects.get(code="D38", part="visit")
    assert (row.state, row.due_at, row.owner) == ("running", local("2026-03-04 10:00"), cast.visitor)


def test_T16_nobody_hears_a_date_on_a_call_that_reached_nobody_and_the_old_one_runs_on(ticket, cast, local, freeze):
    told(ticket, cast, local, "told_when", "2026-03-03 10:00")
    freeze("2026-03-03 09:00")
    with pytest.raises(ValidationError) as error:
        contact(ticket, cast, reached=False, customer_says="", said="无人接听，稍后再打", promised_at=local("2026-03-04 10:00"))
    assert set(error.value.message_dict) == {"promised_at"}
    assert [(row.state, row.due_at) for row in promises(ticket)] == [("running", local("2026-03-03 10:00"))]


# ---- on the other doors where a date is told ----


def visited(one, **more):
    one.visiting()
    return lambda: one.visit(accepted=False, **more), one.cast.visitor


def called_again(one, **more):
    visit = one.visiting().visit(scores=(2, 5, 5))
    words: dict[str, Any] = {"why": "等了三天才有人来", "agreed": "重新安装", "no_step_why": "客户已谅解，没有别的要求"}
    return lambda: visits.second_follow_up(visit_id=visit.pk, by=one.cast.supervisor, **words, **more), one.cast.supervisor


def lettered(one, **more):
    one.graded().spoken()
    said = {"found": "卸货时侧放。", "done": "整机换新。", "prevented": "加贴标识。", "apology": "深表歉意。"}
    letter = ReplyTemplate.objects.filter(language="zh-hans").earliest("order")
    reply = forms.draft_reply(form_id=one.form_id, by=one.cast.supervisor, template_id=letter.pk, **said)
    send, by = (forms.send_minor_reply, one.cast.agent) if one.form.grade == "III" else (forms.send_reply, one.cast.supervisor)
    return lambda: send(form_id=one.form_id, by=by, seen=reply.pk, way="letter", **more), by


def remedied(one, act, **more):
    remedy = forms.propose_remedy(form_id=one.graded().spoken().form_id, by=one.cast.agent, kind="repair", words="上门更换门锁")
    words: dict[str, Any] = {"who": "陈女士", "way": "call_out"}
    if act == "choose":
        return lambda: forms.choose_remedy(remedy_id=remedy.pk, by=one.cast.agent, words="就这样办", **words, **more), one.cast.agent
    if act == "decline":
        return lambda: forms.decline_remedy(remedy_id=remedy.pk, by=one.cast.agent, reason="要换新机", **words, **more), one.cast.agent
    forms.choose_remedy(remedy_id=remedy.pk, by=one.cast.agent, words="就这样办", **words)
    return lambda: forms.fulfil_remedy(remedy_id=remedy.pk, by=one.cast.agent, how="门锁已寄出，单号 SF1", **more), one.cast.agent


DOORS = {
    "visit": lambda way, **more: visited(way("II"), **more), "second": lambda way, **more: called_again(way("II"), **more),
    "reply": lambda way, **more: lettered(way("II"), **more), "minor reply": lambda way, **more: lettered(way("III"), **more),
    **{act: (lambda way, act=act, **more: remedied(way("II"), act, **more)) for act in ("choose", "decline", "fulfil")},
}  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
def test_T16_a_date_told_on_a_visit_in_a_letter_or_with_a_remedy_is_one_and_ends_the_older(way, local, freeze, door):
    do, by = DOORS[door](way, promised_at=local("2026-03-05 10:00"))
    item = Deadline.objects.latest("pk").root
    words = {"way": "call_out", "said": "说明处理进度", "customer_says": "知道了", **comes_next()}
    services.record_contact(ticket_id=item.ticket.pk, by=by, promised_at=local("2026-03-02 18:00"), **words)
    freeze("2026-03-02 19:00")
    do()
    old, new = Deadline.objects.filter(item=item, code="D38").order_by("pk")
    assert (old.state, old.late) == ("settled", True)
    assert (new.state, new.due_at, new.owner) == ("running", local("2026-03-05 10:00"), by)


@pytest.mark.parametrize("door", DOORS)
def test_T16_a_promise_lies_in_the_future_there_too(way, local, door):
    do, _by = DOORS[door](way, promised_at=clock.now())
    with pytest.raises(ValidationError) as error:
        do()
    assert "promised_at" in error.value.message_dict


def test_T16_a_visit_that_reached_nobody_promises_nothing(way, cast, local):
    one, next_at = way().visiting(), local("2026-03-04 10:00")
    with pytest.raises(ValidationError) as error:
        visits.record_visit(ticket_id=one.ticket_id, by=cast.visitor, reached=False, said="无人接听，稍后再打。", next_at=next_at, promised_at=next_at)
    assert set(error.value.message_dict) == {"promised_at"}
