"""What waits for a person beside the moves: signatures, causes, letters (G2, G3, G5, G7)."""

from __future__ import annotations

import pytest

from complaints import services as forms
from complaints.models import ReplyTemplate
from feedback_desk import clock
from feedback_desk.workplace import waiting
from tests.ways import Way, replied
from tests.ways import way as new_way
from tickets import services as tickets
from tickets.models import Category, Ticket

pytestmark = pytest.mark.django_db
way = new_way


def waits_for(person, one: Way) -> bool:
    return Ticket.objects.filter(waiting.for_me(person, clock.now()), pk=one.ticket_id).exists()


def test_G2_a_handling_decision_waits_for_those_who_sign_it_until_both_have(way):
    one = way("I").graded()
    assert waits_for(one.cast.supervisor, one)
    text = {"lead_id": one.cast.agent.pk, "department_ids": [], "reply": "客服主管书面答复", "measures": "先行致歉。"}
    decision = forms.decide_handling(form_id=one.form_id, by=one.cast.supervisor, **text)
    forms.sign_decision(form_id=one.form_id, by=one.cast.manager, seen=decision.pk)
    assert not waits_for(one.cast.supervisor, one)


def test_G5_G7_a_cause_waits_for_quality_and_then_for_its_approval(way):
    one = way("I").register(category_id=Category.objects.filter(quality=True).latest("pk").pk)
    forms.grade(form_id=one.form_id, by=one.cast.supervisor, grade="I", reason="批量", quality_class=2)
    assert waits_for(one.cast.outsider, one)
    forms.write_cause(form_id=one.form_id, by=one.cast.outsider, cause="密封圈批次不良。")
    assert not waits_for(one.cast.outsider, one)
    assert Ticket.objects.filter(waiting.awaits_cause_approval(), pk=one.ticket_id).exists()
    forms.approve_cause(form_id=one.form_id, by=one.cast.manager, seen=one.form.writtencause_rows.get().pk)
    assert not Ticket.objects.filter(waiting.awaits_cause_approval(), pk=one.ticket_id).exists()


def test_G3_a_letter_drawn_up_waits_for_the_supervisor_until_one_was_sent(way):
    one = way("II").awaiting_check().result()
    assert not waits_for(one.cast.supervisor, one)
    said = {"found": "侧放。", "done": "换新。", "prevented": "加贴标识。", "apology": "抱歉。"}
    letter = ReplyTemplate.objects.earliest("order").pk
    forms.draft_reply(form_id=one.form_id, by=one.cast.agent, template_id=letter, **said)
    reply = forms.draft_reply(form_id=one.form_id, by=one.cast.agent, template_id=letter, **said)
    assert waits_for(one.cast.supervisor, one)
    forms.send_reply(form_id=one.form_id, by=one.cast.supervisor, seen=reply.pk, way="letter")
    assert not waits_for(one.cast.supervisor, one)


def test_G3_a_newer_letter_waits_for_the_supervisor_too(way):
    one = way("II").executing().result()
    replied(one.form_id, one.cast)
    tickets.not_solved(ticket_id=one.ticket_id, by=one.cast.agent, reason="仍有异响")
    assert not Ticket.objects.filter(waiting.awaits_sending(), pk=one.ticket_id).exists()
    forms.answer_points(form_id=one.form_id, by=one.cast.agent, answers={one.form.points.last().pk: "更换轴承"})
    said = {"found": "侧放。", "done": "换新。", "prevented": "加贴标识。", "apology": "抱歉。"}
    forms.draft_reply(form_id=one.form_id, by=one.cast.agent, template_id=ReplyTemplate.objects.earliest("order").pk, **said)
    assert Ticket.objects.filter(waiting.awaits_sending(), pk=one.ticket_id).exists()


def test_G7_the_last_cause_waits_for_approval_even_after_an_earlier_one_was_approved(way):
    one = way("I").register(category_id=Category.objects.filter(quality=True).latest("pk").pk)
    forms.grade(form_id=one.form_id, by=one.cast.supervisor, grade="I", reason="批量", quality_class=2)
    first = forms.write_cause(form_id=one.form_id, by=one.cast.outsider, cause="密封圈批次不良。")
    forms.approve_cause(form_id=one.form_id, by=one.cast.manager, seen=first.pk)
    assert not waits_for(one.cast.product_head, one)
    forms.write_cause(form_id=one.form_id, by=one.cast.outsider, cause="密封圈硬度不足。")
    assert Ticket.objects.filter(waiting.awaits_cause_approval(), pk=one.ticket_id).exists()
    assert waits_for(one.cast.product_head, one), "the head of the analysing department may approve it"
