"""What the customer is told, and when (C8, C11–C13, C17, C20, C21, G3, T14)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from complaints import guards, wording
from complaints import services as forms
from complaints.forms.answers import FormalReplyForm, ProgressForm, RemindForm
from complaints.forms.way import ParkingForm
from complaints.models import Point, ReplyTemplate
from complaints.tasks import remind_of_month_end
from feedback_desk import clock
from feedback_desk.deadlines import versions
from feedback_desk.deadlines.models import Deadline, Rule
from feedback_desk.notices.models import Notice
from feedback_desk.notices.wording import text as wording_of
from feedback_desk.people.access import NotNow, NotYou
from feedback_desk.people.services import name_concerned
from feedback_desk.records.models import Item
from tests.ways import comes_next, replied, summed_up
from tickets import services as tickets
from tickets.models import Category
from tickets.move_forms import GrantExtensionForm

pytestmark = pytest.mark.django_db
SAID = {"found": "卸货时侧放。", "done": "整机换新。", "prevented": "加贴标识。", "apology": "深表歉意。"}


def letter(language="zh-hans"):
    return ReplyTemplate.objects.filter(language=language).earliest("order").pk


def talk(way, purpose, said="已受理，正在核实。", **more):
    words = {"way": "call_out", "purpose": purpose, "said": said, "customer_says": "好的，等你们回电", **comes_next(), **more}
    tickets.record_contact(ticket_id=way.ticket_id, by=way.cast.agent, **words)


def progress(way, /, **more):
    words = {"situation": "已换机。", "progress": "等待送货。", "customer_says": "可以，尽快。", "way": "call_out", **more}
    return forms.write_progress(form_id=way.form_id, by=way.cast.agent, **words)


# ---- G3, D13 ----


def test_G3_grades_I_and_II_are_answered_in_writing_by_a_supervisor(way):
    way = way("II").graded()
    with pytest.raises(NotYou):
        forms.reply_in_writing(form_id=way.form_id, by=way.cast.agent, text="已受理。", way="letter")
    talk(way, "formal_reply")
    assert way.live("D13") == {"D13"}, "a word on the phone is not the reply in writing"
    forms.reply_in_writing(form_id=way.form_id, by=way.cast.supervisor, text="已受理，正在核实。", way="letter")
    assert (way.limit("D13").state, way.limit("D13").late) == ("settled", False)


def test_G3_only_of_grade_I_the_head_of_the_department_replies_in_place_of_a_supervisor(way):
    for grade in ("II", "I"):
        one = way(grade).graded()
        Item.objects.filter(pk=one.ticket.item_id).update(department=one.cast.delivery)
        said = {"form_id": one.form_id, "by": one.cast.department_head, "text": "已受理。", "way": "letter"}
        with pytest.raises(NotYou):
            forms.reply_in_writing(**said)
        if grade == "II":
            with pytest.raises(NotNow):
                forms.reply_as_head(**said)
            assert one.live("D13") == {"D13"}
        else:
            forms.reply_as_head(**said)
            assert one.limit("D13").state == "settled"


def test_G3_grade_III_is_answered_by_word_of_mouth(way):
    way = way("III").graded()
    talk(way, "formal_reply")
    assert way.limit("D13").state == "settled"


def test_G3_D13_counts_24_hours_from_the_receipt(way, local):
    way = way().register(received_at=local("2026-03-02 08:30"))
    assert way.limit("D13").due_at == local("2026-03-03 08:30")


def test_G3_a_reply_by_email_leaves_from_the_desk(way):
    way = way("II").graded()
    forms.reply_in_writing(form_id=way.form_id, by=way.cast.supervisor, text="已受理，正在核实。", way="email")
    sent = Notice.objects.get(template="reply")
    assert sent.contact_point is not None
    assert sent.data["text"] == "已受理，正在核实。"


def test_G3_without_an_address_nothing_leaves_by_email_and_it_is_said(way):
    way = way("II").graded()
    way.customer.contact_points.filter(kind="email").delete()
    with pytest.raises(ValidationError) as error:
        forms.reply_in_writing(form_id=way.form_id, by=way.cast.supervisor, text="已受理。", way="email")
    assert "way" in error.value.message_dict
    assert way.live("D13") == {"D13"}
    assert not way.form.formalreply_rows.exists()


# ---- C11, D24, D25 ----


def test_C11_a_progress_note_ends_D24_and_the_next_begins(way, freeze, local):
    way = way().graded()
    assert way.limit("D24").due_at == local("2026-03-05 00:00")
    freeze("2026-03-03 10:00")
    progress(way)
    rows = Deadline.objects.filter(code="D24").order_by("pk")
    assert [d.state for d in rows] == ["settled", "running"]
    assert rows[1].due_at == local("2026-03-06 00:00")


def test_C11_a_progress_note_by_e_mail_leaves_for_the_customer(way):
    one = way("II").determining()
    progress(one, way="email")
    (notice,) = Notice.objects.filter(template="reply", cause__startswith="entry:", key__startswith="progress:")
    assert notice.contact_point == one.customer.email_point().pk
    assert "等待送货。" in wording_of(notice)
    assert "可以，尽快。" not in wording_of(notice), "what the customer said is for the desk"
    progress(one)
    assert Notice.objects.filter(key__startswith="progress:").count() == 1, "a call is on record and nothing leaves"


def test_C11_where_wording_was_agreed_that_alone_leaves(way):
    one = way("II")
    one.register(channel="forum")
    forms.grade(form_id=one.form_id, by=one.cast.agent, grade="I")
    progress(one, way="email", wording="我们已关注到您的反馈，正在核实。")
    notice = Notice.objects.get(key__startswith="progress:")
    assert "正在核实" in wording_of(notice)
    assert "等待送货。" not in wording_of(notice)


def test_C11_without_an_address_a_progress_note_by_e_mail_is_refused_at_its_field(way):
    one = way("II").determining()
    one.customer.contact_points.filter(kind="email").delete()
    with pytest.raises(ValidationError) as missing:
        progress(one, way="email")
    assert set(missing.value.message_dict) == {"way"}
    field: Any = ProgressForm(subject=one.form, user=one.cast.agent).fields["way"]
    assert "email" not in dict(field.choices)
    assert field.help_text


def test_C11_a_talk_about_progress_counts_too_and_another_does_not(way):
    way = way().graded()
    talk(way, "follow_up")
    assert Deadline.objects.filter(code="D24").count() == 1
    talk(way, "progress")
    assert Deadline.objects.filter(code="D24").count() == 2


def test_C11_no_progress_is_owed_once_the_result_is_offered_and_again_when_it_was_none(way):
    way = way().awaiting_check().result()
    assert way.live("D24") == set()
    tickets.not_solved(ticket_id=way.ticket_id, by=way.cast.agent, reason="仍有异响")
    assert way.live("D24") == {"D24"}


def test_C11_from_the_group_with_the_agreed_wording_by_15_the_next_day(way, local):
    way = way().register(channel="group")
    assert way.limit("D25").due_at == local("2026-03-03 15:00")
    with pytest.raises(ValidationError) as error:
        progress(way)
    assert {"wording", "to_group"} == set(error.value.message_dict)
    progress(way, wording="我司高度重视，正在换机。", to_group="集团客服部，邮件")
    assert (way.limit("D25").state, way.limit("D25").late) == ("settled", False)


def test_C11_an_ordinary_complaint_owes_the_group_nothing(way):
    assert way().register().live("D25") == set()


def corrected(way, **changes):
    tickets.correct(ticket_id=way.ticket_id, by=way.cast.agent, changes=changes, reason="登记有误")
    return way


def test_C11_a_corrected_channel_begins_the_report_to_the_group_when_progress_began(way, freeze, local):
    way = way().graded()
    freeze("2026-03-02 16:00")
    corrected(way, channel="group")
    assert (way.limit("D25").start_at, way.limit("D25").due_at, way.limit("D25").owner) == (
        local("2026-03-02 09:00"), local("2026-03-03 15:00"), way.cast.agent,
    )  # fmt: skip


def test_C11_a_note_told_on_before_the_channel_was_corrected_moves_no_beginning(way, freeze, local):
    way = way().graded()
    freeze("2026-03-03 10:00")
    progress(way)
    freeze("2026-03-04 10:00")
    corrected(way, channel="forum")
    assert way.limit("D25").due_at == local("2026-03-03 15:00"), "late by its own time"


def test_C11_a_channel_that_was_none_from_above_ends_the_report_and_back_it_begins_again(way, local):
    way = corrected(way().register(channel="group"), channel="phone")
    assert (way.limit("D25").state, way.limit("D25").why) == ("void", "superseded")
    corrected(way, channel="forum")
    assert (way.limit("D25").state, way.limit("D25").due_at) == ("running", local("2026-03-03 15:00"))


def test_C11_a_report_that_was_made_is_not_asked_for_again(way):
    way = way().register(channel="group")
    progress(way, wording="我司高度重视，正在换机。", to_group="集团客服部，邮件")
    corrected(corrected(way, channel="phone"), channel="forum")
    assert way.limit("D25").state == "settled"


def test_C11_a_corrected_channel_begins_nothing_once_the_result_was_offered(way):
    way = corrected(way("III").register().result(), channel="group")
    assert way.live("D25") == set()


def test_C11_for_which_channels_a_report_is_owed_is_the_rule_s_to_say(way):
    Rule.objects.filter(code="D25").update(when={"channel": ["association"]})
    assert way().register(channel="group").live("D25") == set()
    assert way().register(channel="association").live("D25") == {"D25"}


def test_E5_a_rule_that_is_widened_begins_no_report_of_the_past(way, freeze, local):
    way = way().graded()  # by phone
    freeze("2026-03-06 10:00")
    rule = Rule.objects.get(code="D25", valid_until=None)
    rule.when = {"channel": [*rule.when["channel"], "phone"]}
    versions.replace(rule, at=local("2026-03-06 10:00"))
    corrected(way, model="LH-W90")
    forms.change_grade(form_id=way.form_id, by=way.cast.supervisor, grade="I", reason="多次投诉")
    assert way.live("D25") == set()


# ---- C17 ----


def test_C17_what_the_customer_expects_is_the_first_point_and_the_result_answers_it(way):
    way = way().register(expectation="整机换新")
    point = Point.objects.get()
    assert (point.text, point.answer) == ("整机换新", "")
    way.result()
    point.refresh_from_db()
    assert point.answer == "换新机,今天送到。"


def test_C17_several_points_are_answered_one_by_one_before_the_result(way):
    way = way().register(expectation="整机换新")
    forms.add_point(form_id=way.form_id, by=way.cast.agent, text="赔偿误工费")
    with pytest.raises(NotNow, match="赔偿误工费"):
        way.result()
    first, second = way.form.points.all()
    with pytest.raises(ValidationError):
        forms.answer_points(form_id=way.form_id, by=way.cast.agent, answers={first.pk: " "})
    forms.answer_points(form_id=way.form_id, by=way.cast.agent, answers={first.pk: "换新", second.pk: "凭证明补偿一天"})
    way.result()
    assert [p.answer for p in way.form.points.all()] == ["换新", "凭证明补偿一天"]


def test_C17_a_point_added_at_the_end_holds_the_closing(way):
    way = way().visiting()
    forms.add_point(form_id=way.form_id, by=way.cast.agent, text="道歉信")
    with pytest.raises(NotNow, match="道歉信"):
        way.visit()
    forms.answer_points(form_id=way.form_id, by=way.cast.agent, answers={way.form.points.last().pk: "随最终答复寄出"})
    way.visit()
    assert way.form.state == "closed"


def test_C17_what_is_missing_on_the_visit_is_a_point_of_the_next_round(way):
    way = way().visiting()
    way.visit(accepted=False)
    point = way.form.points.last()
    assert (point.round, point.text, point.answer) == (2, "新机仍有异响", "")


# ---- C12, C13 ----


def test_C13_the_letter_holds_found_done_prevented_apology_and_each_point(way):
    way = way().awaiting_check()
    forms.add_point(form_id=way.form_id, by=way.cast.agent, text="整机换新")
    way.result()
    reply = forms.draft_reply(form_id=way.form_id, by=way.cast.agent, template_id=letter(), **SAID)
    for words in (*SAID.values(), "整机换新", "换新机,今天送到。", way.ticket.item.number):
        assert words in reply.text
    assert "陈雨瑶" not in reply.text, "masked on pages (V4)"
    assert "陈雨瑶" in reply.letter(way.customer.name)


def test_C13_our_fault_needs_an_apology_nobody_s_fault_none(way):
    ours = way().awaiting_check()
    with pytest.raises(ValidationError) as error:
        forms.draft_reply(form_id=ours.form_id, by=ours.cast.agent, template_id=letter(), **SAID | {"apology": " "})
    assert set(error.value.message_dict) == {"apology"}
    nobodys = way().determining()
    forms.no_fault(form_id=nobodys.form_id, by=nobodys.cast.manager, reason="签收后跌落")
    reply = forms.draft_reply(form_id=nobodys.form_id, by=nobodys.cast.agent, template_id=letter(), **SAID | {"apology": ""})
    assert "\n\n\n" not in reply.text


def test_C12_the_reply_settles_D27_and_leaves_by_a_supervisor(way, freeze, local):
    way = way().awaiting_check().result()
    assert way.limit("D27").due_at == local("2026-03-10 00:00")
    reply = forms.draft_reply(form_id=way.form_id, by=way.cast.agent, template_id=letter(), **SAID)
    with pytest.raises(NotYou):
        forms.send_reply(form_id=way.form_id, by=way.cast.agent, seen=reply.pk, way="letter")
    with pytest.raises(NotNow):
        forms.send_minor_reply(form_id=way.form_id, by=way.cast.agent, seen=reply.pk, way="letter")
    freeze("2026-03-04 10:00")
    forms.send_reply(form_id=way.form_id, by=way.cast.supervisor, seen=reply.pk, way="email")
    assert (way.limit("D27").state, way.limit("D27").late) == ("settled", False)
    assert way.live("D13", "D24", "D27") == set()
    assert Notice.objects.filter(template="reply", data__text__icontains="陈雨瑶").count() == 1
    with pytest.raises(NotNow):
        forms.send_reply(form_id=way.form_id, by=way.cast.supervisor, seen=reply.pk, way="email")
    assert Notice.objects.filter(template="reply").count() == 1, "nothing leaves twice"


def test_C13_another_letter_drawn_up_meanwhile_has_to_be_read_first(way):
    way = way().awaiting_check().result()
    seen = forms.draft_reply(form_id=way.form_id, by=way.cast.agent, template_id=letter(), **SAID)
    forms.draft_reply(form_id=way.form_id, by=way.cast.supervisor, template_id=letter(), **SAID | {"done": "退款。"})
    with pytest.raises(NotNow, match="主管秦"):
        forms.send_reply(form_id=way.form_id, by=way.cast.manager, seen=seen.pk, way="letter")


def test_C13_an_association_that_passed_it_on_is_answered_too(way):
    way = way().register(channel="association")
    forms.grade(form_id=way.form_id, by=way.cast.agent, grade="I")
    reply = forms.draft_reply(form_id=way.form_id, by=way.cast.agent, template_id=letter(), **SAID)
    with pytest.raises(ValidationError) as error:
        forms.send_reply(form_id=way.form_id, by=way.cast.supervisor, seen=reply.pk, way="letter")
    assert set(error.value.message_dict) == {"to_association"}
    row = forms.send_reply(form_id=way.form_id, by=way.cast.supervisor, seen=reply.pk, way="letter", to_association="市消保委李科，传真")
    assert row.to_association == "市消保委李科，传真"


def test_C12_of_grade_III_the_result_is_the_answer(way):
    way = way("III").graded().result()
    assert way.limit("D27").state == "settled"
    assert way.live("D13", "D24") == set()


@pytest.mark.parametrize("body", ["{customer}，您好 {unknown}", "{customer.name}", "{found!r}", "{", "{0}", "{found:>9}"])
def test_C13_a_letter_with_a_field_that_nobody_fills_is_refused_with_a_sentence(body):
    assert wording.faults(body)
    with pytest.raises(ValidationError):
        ReplyTemplate(name="信", language="zh-hans", body=body).full_clean()
    with pytest.raises(ValueError, match="."):
        wording.fill(body, {})


def test_C13_a_brace_in_what_was_typed_stays_a_brace(way):
    way = way().awaiting_check().result()
    reply = forms.draft_reply(form_id=way.form_id, by=way.cast.agent, template_id=letter(), **SAID | {"found": "型号{LH}，见{0}"})
    assert "型号{LH}，见{0}" in reply.letter("陈雨瑶")


# ---- T14 ----


def test_T14_no_reply_of_substance_before_the_departments_agreed_on_one_solution(way):
    way = way("II").graded()
    tickets.correct(ticket_id=way.ticket_id, by=way.cast.agent, changes={"complex": True}, reason="涉及配送与品管")
    for attempt in (
        lambda: forms.reply_in_writing(form_id=way.form_id, by=way.cast.supervisor, text="已受理。", way="letter"),
        lambda: forms.draft_reply(form_id=way.form_id, by=way.cast.agent, template_id=letter(), **SAID),
        way.result,
    ):
        with pytest.raises(NotNow, match="内部沟通会"):
            attempt()
    progress(way)
    with pytest.raises(ValidationError):
        forms.record_meeting(form_id=way.form_id, by=way.cast.agent, people_ids=[way.cast.agent.pk], solution="换新")
    people = [way.cast.agent.pk, way.cast.product_head.pk]
    forms.record_meeting(form_id=way.form_id, by=way.cast.agent, people_ids=people, solution="换新，配送承担")
    forms.reply_in_writing(form_id=way.form_id, by=way.cast.supervisor, text="已受理。", way="letter")
    way.result()


def test_V3_a_person_named_in_the_matter_is_at_no_meeting(way):
    way = way("II").graded()
    name_concerned(way.ticket.item, way.cast.person_concerned, because="客户点名", by=way.cast.supervisor, at=clock.now())
    people = [way.cast.agent.pk, way.cast.person_concerned.pk]
    with pytest.raises(ValidationError, match="配送员罗"):
        forms.record_meeting(form_id=way.form_id, by=way.cast.agent, people_ids=people, solution="换新")


# ---- C8, C20, C21 ----


def test_C8_grade_I_is_not_set_aside_the_general_manager_writes_how_it_goes_on(way):
    way = way("I").determining()
    with pytest.raises(NotNow):
        forms.ask_parking(form_id=way.form_id, by=way.cast.manager, parking_reason="parts", contact="客服林", reason="等配件")
    forms.ask_instruction(form_id=way.form_id, by=way.cast.manager, words="配件三周后才到，原因无法判断")
    assert Notice.objects.filter(receiver=way.cast.general_manager, channel="page", template="approval_wanted").exists()
    said = {"lead_id": way.cast.product_head.pk, "what": "先换新机，旧机封存检测", "until": clock.now() + timedelta(days=7)}
    with pytest.raises(NotYou):
        forms.write_instruction(form_id=way.form_id, by=way.cast.manager, **said)
    with pytest.raises(ValidationError):
        forms.write_instruction(form_id=way.form_id, by=way.cast.general_manager, **said | {"until": clock.now()})
    forms.write_instruction(form_id=way.form_id, by=way.cast.general_manager, **said)
    assert Notice.objects.filter(receiver=way.cast.product_head, channel="page", template="generic").exists()
    lesser = type(way)(way.cast, way.customer, "II").determining()
    with pytest.raises(NotNow):
        forms.write_instruction(form_id=lesser.form_id, by=way.cast.general_manager, **said)


def outstanding(way):
    way = way("II").determining()
    forms.ask_parking(form_id=way.form_id, by=way.cast.manager, parking_reason="parts", contact="客服林", reason="等配件")
    forms.park(form_id=way.form_id, by=way.cast.general_manager)
    return way


def test_C8_D28_the_customer_is_reminded_by_the_4th_once_a_month(way, freeze, local):
    way = outstanding(way)
    freeze("2026-03-31 23:59")
    assert remind_of_month_end() == 0
    freeze("2026-04-01 00:10")
    assert remind_of_month_end() == 1
    assert remind_of_month_end() == 0, "once a month"
    assert (way.limit("D28").part, way.limit("D28").due_at) == ("2026-03", local("2026-04-05 00:00"))
    freeze("2026-04-03 10:00")
    row = forms.remind_customer(form_id=way.form_id, by=way.cast.agent, customer_says="知道了，等通知", changed="配件已发货")
    assert (str(row.month), way.limit("D28").state, way.limit("D28").late) == ("2026-03-01", "settled", False)
    freeze("2026-05-02 09:00")
    assert remind_of_month_end() == 1, "caught up though the desk was down on the first"
    assert (way.limit("D28").part, way.limit("D28").due_at) == ("2026-04", local("2026-05-05 00:00"))


def test_C8_D28_asks_for_nothing_that_was_set_aside_after_the_month_or_resumed(way, freeze):
    freeze("2026-04-01 09:00")
    way = outstanding(way)
    assert remind_of_month_end() == 0
    freeze("2026-05-01 09:00")
    assert remind_of_month_end() == 1
    forms.resume(form_id=way.form_id, by=way.cast.manager, reason="配件到货")
    assert way.live("D28", "D24") == {"D24"}
    assert remind_of_month_end() == 0


def promising(way, where, when):
    """A date told to the customer on the way."""
    if where == "progress":
        progress(way, promised_at=when)
    elif where == "reply":
        forms.reply_in_writing(form_id=way.form_id, by=way.cast.supervisor, text="已受理。", way="letter", promised_at=when)
    elif where == "reminder":
        forms.remind_customer(form_id=way.form_id, by=way.cast.agent, customer_says="知道了", changed="配件已发货", promised_at=when)
    else:
        said = {"parking_reason": "parts", "contact": "客服林", "reason": "等配件"}
        forms.ask_parking(form_id=way.form_id, by=way.cast.manager, **said, promised_at=when)


PLACES = {"progress": "agent", "reply": "supervisor", "reminder": "agent", "parking": "manager"}


@pytest.mark.parametrize(("where", "who"), PLACES.items())
def test_T16_a_date_told_on_the_way_is_a_promise_of_whoever_told_it(way, where, who):
    way = outstanding(way) if where == "reminder" else way("II").determining()
    with pytest.raises(ValidationError) as error:
        promising(way, where, clock.now())
    assert "promised_at" in error.value.message_dict
    until = clock.now() + timedelta(days=3)
    promising(way, where, until)
    row = Deadline.objects.get(item=way.ticket.item, code="D38")
    assert (row.state, row.due_at, row.owner) == ("running", until, getattr(way.cast, who))


def test_T16_told_anew_in_a_progress_note_the_old_promise_ends(way, freeze):
    way = way("II").determining()
    progress(way, promised_at=clock.now() + timedelta(days=1))
    progress(way, promised_at=clock.now() + timedelta(days=3))
    assert list(Deadline.objects.filter(code="D38").order_by("due_at").values_list("state", "late")) == [("settled", False), ("running", None)]


@pytest.mark.parametrize("dialog", [ProgressForm, FormalReplyForm, RemindForm, ParkingForm])
def test_T16_every_dialog_in_which_a_date_is_told_asks_for_it(way, dialog):
    way = way("II").determining()
    assert "promised_at" in dialog(subject=way.form, user=way.cast.manager).fields


def test_C12_a_final_reply_put_off_to_the_date_told_is_promised_by_whoever_told_it(way):
    way = way("II").determining()
    talk(way, "follow_up")
    d27, until = way.limit("D27"), clock.now() + timedelta(days=20)
    said = {"deadline_id": d27.pk, "until": until, "reason": "检测需要更久，已告知客户"}
    extension = tickets.ask_extension(ticket_id=way.ticket_id, by=way.cast.agent, **said)
    assert "promised_at" in GrantExtensionForm(subject=way.ticket, user=way.cast.supervisor).fields
    tickets.grant_extension(ticket_id=way.ticket_id, by=way.cast.supervisor, extension_id=extension.pk, promised_at=until)
    row = Deadline.objects.get(item=way.ticket.item, code="D38")
    assert (row.due_at, row.owner, way.limit("D27").due_at) == (until, way.cast.agent, until)


def test_C20_grade_I_closes_with_a_report_to_management(way):
    way = way("I").awaiting_check().result()
    forms.inspect(form_id=way.form_id, by=way.cast.inspector, timely=True, severity="fitting")
    replied(way.form_id, way.cast)
    forms.write_case_summary(form_id=way.form_id, by=way.cast.agent, text="原因：侧放。")
    with pytest.raises(NotNow, match="管理层"):
        way.visit()
    with pytest.raises(ValidationError):
        forms.report_to_management(form_id=way.form_id, by=way.cast.supervisor, report="批次破损", proposals="")
    forms.report_to_management(form_id=way.form_id, by=way.cast.supervisor, report="批次破损", proposals="更换包装")
    assert Notice.objects.filter(receiver=way.cast.general_manager, channel="page", data__said__text="更换包装").exists()
    way.visit()
    assert way.form.state == "closed"


def test_C21_the_result_and_what_the_customer_said_go_to_every_department_concerned(way):
    way = way().visiting()
    Notice.objects.all().delete()
    way.visit()
    told = Notice.objects.filter(channel="page", template="generic", data__said__result="换新机,今天送到。")
    assert way.cast.department_head in {n.receiver for n in told}
    assert {n.data["said"]["customer"] for n in told} == {"新机运转正常"}


def test_C21_without_an_overall_comment_the_departments_hear_what_was_said_on_the_visit(way):
    way = way().visiting()
    Notice.objects.all().delete()
    way.visit(said="新机装好了，孩子很高兴", comment="")
    told = Notice.objects.filter(channel="page", template="generic", data__said__result="换新机,今天送到。")
    assert {n.data["said"]["customer"] for n in told} == {"新机装好了，孩子很高兴"}


def test_C15_a_second_round_asks_for_a_reply_of_its_own(way):
    way = way().closed()
    forms.reopen(form_id=way.form_id, by=way.cast.agent, reason="新机仍有异响")
    assert {"D24", "D27"} <= way.live()
    assert way.form.finalreply_rows.filter(round=1, sending__isnull=False).count() == 1


# ---- what a reply waits for, and what counts as one (C11, C13, C17, C20, G3, G7, T14) ----


def drawn_up(way, **more):
    return forms.draft_reply(form_id=way.form_id, by=way.cast.supervisor, template_id=letter(), **SAID | more)


def send(way, reply, **more):
    return forms.send_reply(form_id=way.form_id, by=way.cast.supervisor, seen=reply.pk, way="letter", **more)


def about_quality(way, grade="II"):
    way = way(grade)
    way.register(category_id=Category.objects.get(slug="product-fault").pk)
    forms.grade(form_id=way.form_id, by=way.cast.supervisor, grade=grade, quality_class=3, reason="按等级定级")
    return way


def complex_one(way):
    tickets.correct(ticket_id=way.ticket_id, by=way.cast.agent, changes={"complex": True}, reason="涉及配送与品管")
    return way


def test_G7_the_reply_goes_only_when_the_last_cause_is_approved(way):
    way = about_quality(way)
    reply = drawn_up(way)
    with pytest.raises(NotNow, match="尚无书面原因"):
        send(way, reply)
    cause = forms.write_cause(form_id=way.form_id, by=way.cast.outsider, cause="密封圈批次不良")
    forms.approve_cause(form_id=way.form_id, by=way.cast.manager, seen=cause.pk)
    cause = forms.write_cause(form_id=way.form_id, by=way.cast.outsider, cause="密封圈硬度不足")
    with pytest.raises(NotNow, match="尚未批准"):
        send(way, reply)
    forms.approve_cause(form_id=way.form_id, by=way.cast.manager, seen=cause.pk)
    send(way, reply)


def test_C17_a_letter_older_than_an_answer_does_not_leave(way, freeze):
    way = way("II").graded()
    reply = drawn_up(way)
    freeze("2026-03-02 10:00")
    forms.add_point(form_id=way.form_id, by=way.cast.agent, text="赔偿误工费")
    forms.answer_points(form_id=way.form_id, by=way.cast.agent, answers={way.form.points.get().pk: "凭证明补偿一天"})
    with pytest.raises(NotNow, match="重新起草"):
        send(way, reply)
    send(way, drawn_up(way))


def test_C13_a_letter_older_than_the_determination_does_not_leave(way, freeze):
    way = way("II").determining()
    reply = drawn_up(way)
    freeze("2026-03-02 10:00")
    way.determine([way.one()])
    with pytest.raises(NotNow, match="重新起草"):
        send(way, reply)
    send(way, drawn_up(way))


def test_C20_a_form_that_has_ended_takes_no_other_case_summary(way):
    way = way().closed()
    with pytest.raises(NotNow):
        forms.write_case_summary(form_id=way.form_id, by=way.cast.agent, text="改写总结。")
    assert way.form.case_summary != "改写总结。"


def test_C13_an_association_is_answered_whatever_the_grade(way):
    way = way("III").register(channel="association")
    forms.grade(form_id=way.form_id, by=way.cast.supervisor, grade="III", reason="客户情况特殊")
    forms.handle_on_the_spot(form_id=way.form_id, by=way.cast.agent, how="当场换货，客户满意。")
    way.result()
    assert way.live("D13", "D27") == {"D27"}
    assert guards.reply_owed(way.form)
    reply = forms.draft_reply(form_id=way.form_id, by=way.cast.agent, template_id=letter(), **SAID)
    forms.send_minor_reply(form_id=way.form_id, by=way.cast.agent, seen=reply.pk, way="letter", to_association="市消保委李科，传真")
    assert guards.reply_owed(way.form) is None
    assert way.live("D27") == set()


def test_C11_the_result_ends_the_progress_owed_to_the_group_too(way):
    way = way("III").register(channel="group").result()
    assert way.limit("D25").state == "void"


def test_C11_so_does_handling_on_the_spot(way):
    way = way("III").register(channel="group")
    forms.grade(form_id=way.form_id, by=way.cast.supervisor, grade="III", reason="客户情况特殊")
    forms.handle_on_the_spot(form_id=way.form_id, by=way.cast.agent, how="当场换货，客户满意。")
    assert way.limit("D25").state == "void"


def test_C11_so_does_setting_aside_and_it_begins_again_when_resumed(way):
    way = way("II").register(channel="group")
    forms.grade(form_id=way.form_id, by=way.cast.supervisor, grade="II", reason="客户情况特殊")
    forms.ask_parking(form_id=way.form_id, by=way.cast.manager, parking_reason="parts", contact="客服林", reason="等配件")
    forms.park(form_id=way.form_id, by=way.cast.general_manager)
    assert way.limit("D25").state == "void"
    forms.resume(form_id=way.form_id, by=way.cast.manager, reason="配件到货")
    assert way.live("D24", "D25") == {"D24", "D25"}


def test_T14_a_complex_one_is_not_handled_on_the_spot_nor_answered_by_word_of_mouth_before_the_meeting(way):
    way = complex_one(way("III").graded())
    talk(way, "formal_reply")
    assert way.live("D13") == {"D13"}
    with pytest.raises(NotNow, match="内部沟通会"):
        forms.handle_on_the_spot(form_id=way.form_id, by=way.cast.agent, how="当场换货，客户满意。")
    people = [way.cast.agent.pk, way.cast.product_head.pk]
    forms.record_meeting(form_id=way.form_id, by=way.cast.agent, people_ids=people, solution="换新，配送承担")
    talk(way, "formal_reply")
    assert way.live("D13") == set()
    forms.handle_on_the_spot(form_id=way.form_id, by=way.cast.agent, how="当场换货，客户满意。")


@pytest.mark.parametrize("how", ["graded", "lowered"])
def test_G3_a_result_offered_before_the_grade_let_a_colleague_answer_is_the_answer(way, freeze, how):
    way = way("III").register()
    if how == "lowered":
        forms.grade(form_id=way.form_id, by=way.cast.agent, grade="II")
    freeze("2026-03-02 11:00")
    way.result()
    assert way.live("D13", "D27") == {"D13", "D27"}
    freeze("2026-03-20 09:00")
    if how == "lowered":
        forms.change_grade(form_id=way.form_id, by=way.cast.supervisor, grade="III", reason="客户情况特殊")
    else:
        forms.grade(form_id=way.form_id, by=way.cast.supervisor, grade="III", reason="客户情况特殊")
    assert [(way.limit(code).state, way.limit(code).late) for code in ("D13", "D27")] == [("settled", False)] * 2, "as of the offer"


def test_G3_so_is_a_formal_reply_by_word_of_mouth(way):
    way = way("III").register()
    talk(way, "formal_reply")
    assert way.live("D13") == {"D13"}
    forms.grade(form_id=way.form_id, by=way.cast.supervisor, grade="III", reason="客户情况特殊")
    assert way.live("D13") == set()


def test_C8_C20_C21_long_texts_are_cut_in_notices(way):
    way = way("I").determining()
    long = "很长的话。" * 200
    said = {"lead_id": way.cast.product_head.pk, "what": long, "until": clock.now() + timedelta(days=7)}
    forms.write_instruction(form_id=way.form_id, by=way.cast.general_manager, **said)
    forms.report_to_management(form_id=way.form_id, by=way.cast.supervisor, report=long, proposals=long)
    told = [words for n in Notice.objects.exclude(data__said=None) for words in n.data["said"].values() if isinstance(words, str)]
    assert {len(words) for words in told if words.startswith("很长")} == {300}


def test_C13_C17_a_letter_needs_a_place_for_all_it_owes(way):
    letter = ReplyTemplate(name="一句话", language="zh-hans", body="只有一句话，没有任何字段。")
    with pytest.raises(ValidationError) as refused:
        letter.full_clean()
    assert "{apology}" in str(refused.value)
    for shipped in ReplyTemplate.objects.all():
        shipped.full_clean()


def test_C8_an_instruction_is_owed_by_nobody_once_its_complaint_is_none_any_more(way):
    way = way("I").graded()
    said = {"lead_id": way.cast.product_head.pk, "what": "先换新机", "until": clock.now() + timedelta(days=7)}
    forms.write_instruction(form_id=way.form_id, by=way.cast.general_manager, **said)
    assert way.live("D38") == {"D38"}
    tickets.correct(ticket_id=way.ticket_id, by=way.cast.agent, changes={"type": "problem"}, reason="不是投诉")
    assert (way.form.state, way.live("D38")) == ("invalid", set())


def test_C8_an_instruction_is_owed_by_nobody_once_its_complaint_is_closed(way):
    """By whatever way it closes: withdrawn while responsibility was still open, or on through review, ruling and visit."""
    one = way("I").determining()
    said = {"lead_id": one.cast.product_head.pk, "what": "先换新机", "until": clock.now() + timedelta(days=7)}
    forms.write_instruction(form_id=one.form_id, by=one.cast.general_manager, **said)
    tickets.withdraw(ticket_id=one.ticket_id, by=one.cast.agent, reason="客户撤诉")
    assert one.live("D38") == set()
    forms.write_instruction(form_id=one.form_id, by=one.cast.general_manager, **said)
    assert one.live("D38") == {"D38"}, "once more, until the supervisor closes it"
    forms.close_withdrawn(form_id=one.form_id, by=one.cast.supervisor, reason="客户已撤诉")
    assert (one.form.state, one.live("D38"), one.limit("D38").state) == ("closed", set(), "void")
    other = way("I").determining()
    forms.write_instruction(form_id=other.form_id, by=other.cast.general_manager, **said)
    other.determined()
    forms.submit(form_id=other.form_id, by=other.cast.manager)
    assert (other.limit("D38").state, other.limit("D38").late) == ("settled", False), "it went on, as the general manager asked"
    forms.agree(disposition_id=other.measure.pk, by=other.cast.department_head)
    forms.rule(form_id=other.form_id, by=other.cast.general_manager)
    other.carry_out()
    forms.hand_over(form_id=other.form_id, by=other.cast.department_head)
    other.result()
    forms.inspect(form_id=other.form_id, by=other.cast.inspector, timely=True, severity="fitting")
    summed_up(other.form_id, other.cast)
    other.visit()
    assert (other.form.state, other.live("D38")) == ("closed", set())


def test_C11_a_call_of_before_the_last_note_that_is_entered_later_turns_nothing_back(way, freeze, local):
    way = way().graded()
    freeze("2026-03-04 09:30")
    talk(way, "progress")
    before = Deadline.objects.filter(code="D24").order_by("pk").last()
    assert before is not None
    freeze("2026-03-04 10:00")
    at = local("2026-03-02 14:00")
    talk(way, "progress", at=at)
    after = Deadline.objects.filter(code="D24").order_by("pk").last()
    assert after is not None
    assert (after.pk, after.due_at, after.state) == (before.pk, before.due_at, "running")
