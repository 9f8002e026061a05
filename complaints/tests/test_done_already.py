"""Acts that are done once: whoever comes second is told who was first and when, as with a move; never as a violation."""

from __future__ import annotations

from typing import Any

import pytest

from complaints import services as forms
from complaints.models import ReplyTemplate
from conftest import make_person
from feedback_desk.people.access import NotNow, NotYou
from feedback_desk.people.models import Role
from tests.ways import first_hours, replied


@pytest.fixture
def shao(cast):
    return make_person("shao", "主管邵", Role.SUPERVISOR, department=cast.service)


def second(act, *words, **told):
    with pytest.raises(NotNow) as late:
        act(**told)
    assert [word for word in words if word not in late.value.because] == [], late.value.because
    assert late.value.moved_by


def decided(one, cast):
    text = {"lead_id": cast.agent.pk, "department_ids": [cast.delivery.pk], "reply": "客服主管书面答复", "measures": "先行致歉，安排换新。"}
    return forms.decide_handling(form_id=one.form_id, by=cast.supervisor, **text)


def test_G2_a_colleague_signed_for_the_same_side(cast, way, freeze, shao):
    one = way().graded()
    decision = decided(one, cast)
    freeze("2026-03-02 09:30")
    second(forms.sign_decision, "主管秦", "09:00", form_id=one.form_id, by=shao, seen=decision.pk)
    with pytest.raises(NotYou):
        forms.sign_decision(form_id=one.form_id, by=cast.supervisor, seen=decision.pk)


def test_G2_the_decision_has_all_its_signatures(cast, way, freeze, shao):
    one = way().graded()
    decision = decided(one, cast)
    freeze("2026-03-02 09:30")
    head = one.form.ticket.item.department.head
    forms.sign_decision(form_id=one.form_id, by=head, seen=decision.pk)
    freeze("2026-03-02 09:40")
    second(forms.sign_decision, str(head), "09:30", form_id=one.form_id, by=shao, seen=decision.pk)


def test_G2_another_decision_was_written_meanwhile(cast, way, freeze, shao):
    one = way().graded()
    read = decided(one, cast)
    freeze("2026-03-02 09:30")
    decided(one, cast)
    head = one.form.ticket.item.department.head
    second(forms.sign_decision, "主管秦", "09:30", form_id=one.form_id, by=head, seen=read.pk)


def test_C13_the_letter_left_already(cast, way, freeze, shao):
    one = way().graded().spoken()
    first_hours(one.form_id, cast)
    replied(one.form_id, cast)
    freeze("2026-03-02 09:30")
    letter = one.form.finalreply_rows.latest("pk")
    second(forms.send_reply, "主管秦", "09:00", form_id=one.form_id, by=shao, seen=letter.pk, way="letter")


def test_C13_another_letter_was_drawn_up_meanwhile(cast, way, freeze, shao):
    one = way().graded().spoken()
    first_hours(one.form_id, cast)
    words: dict[str, Any] = {"template_id": ReplyTemplate.objects.filter(language="zh-hans").earliest("order").pk, "found": "侧放。", "done": "换新。"}
    read = forms.draft_reply(form_id=one.form_id, by=cast.supervisor, **words, prevented="加贴标识。", apology="深表歉意。")
    freeze("2026-03-02 09:30")
    forms.draft_reply(form_id=one.form_id, by=cast.supervisor, **words, prevented="培训装卸。", apology="深表歉意。")
    second(forms.send_reply, "主管秦", "09:30", form_id=one.form_id, by=shao, seen=read.pk, way="letter")


def test_C17_the_points_were_answered(cast, customer, way, freeze):
    one = way()
    one.register(expectation="换新机")
    points = list(one.form.points.values_list("pk", flat=True))
    forms.answer_points(form_id=one.form_id, by=cast.agent, answers=dict.fromkeys(points, "已换新机。"))
    freeze("2026-03-02 09:30")
    second(forms.answer_points, "客服林", "09:00", form_id=one.form_id, by=cast.supervisor, answers=dict.fromkeys(points, "已换。"))


def test_C8_the_general_manager_was_asked_already(cast, way, freeze):
    one = way("I").graded()
    forms.ask_instruction(form_id=one.form_id, by=cast.manager, words="责任一时无法认定")
    freeze("2026-03-02 09:30")
    second(forms.ask_instruction, "客服经理程", "09:00", form_id=one.form_id, by=cast.manager, words="请批示")


def test_C20_a_summary_of_a_form_that_has_ended_says_who_ended_it(cast, way):
    one = way().closed()
    second(forms.write_case_summary, "回访王", "09:00", form_id=one.form_id, by=cast.agent, text="补写")


def test_C3_a_determination_that_is_too_late_says_who_submitted_it(cast, way):
    one = way().in_review()
    second(one.determine, "客服经理程", "09:00", measures=[one.one("talk")])


def test_C20_C8_the_same_words_sent_twice_are_written_once(cast, way):
    """A button that is pressed twice: the second finds its own words and is no conflict."""
    one = way().graded()
    for _press in range(2):
        forms.write_case_summary(form_id=one.form_id, by=cast.supervisor, text="包装不足，换新。", seen=0)
    assert one.form.item.entries.filter(verb="write_case_summary").count() == 1
    seen = {"service_note": forms.note_seen(one.form.service_note)}
    for _press in range(2):
        forms.keep_note(form_id=one.form_id, by=cast.supervisor, service_note="等配件", seen=seen)
    assert one.form.item.entries.filter(verb="keep_note").count() == 1
