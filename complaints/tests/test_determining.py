"""Grading, determination, setting aside, nobody at fault (G6, C3, C7, C8, C19)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from complaints import services as forms
from complaints.models import Disposition
from feedback_desk import clock
from feedback_desk.deadlines.models import Rule
from feedback_desk.notices.models import Notice
from feedback_desk.people.access import NotNow, NotYou
from feedback_desk.people.models import Concern
from feedback_desk.records.models import Entry
from tests.ways import comes_next, not_reached
from tickets import services as tickets
from tickets.models import Category

pytestmark = pytest.mark.django_db


def attempt(way, reached=False):
    said, answer = ("说明正在核实。", "同意等到明天") if reached else ("无人接听,稍后再打。", "")
    tickets.record_contact(ticket_id=way.ticket_id, by=way.cast.agent, way="call_out", reached=reached, said=said, customer_says=answer, **comes_next())


# ---- G6 ----


def test_G6_anybody_who_handles_it_may_raise_a_grade_with_a_reason(way):
    way = way("III").graded()
    with pytest.raises(ValidationError):
        forms.change_grade(form_id=way.form_id, by=way.cast.agent, grade="II", reason=" ")
    forms.change_grade(form_id=way.form_id, by=way.cast.agent, grade="II", reason="客户已书面投诉")
    forms.change_grade(form_id=way.form_id, by=way.cast.office, grade="I", reason="媒体来电")
    assert (way.form.grade, way.form.state) == ("I", "graded")


def test_G6_only_a_supervisor_may_lower(way):
    way = way("II").graded()
    for person in (way.cast.agent, way.cast.manager, way.cast.general_manager):
        with pytest.raises(NotYou):
            forms.change_grade(form_id=way.form_id, by=person, grade="III", reason="误判")
    forms.change_grade(form_id=way.form_id, by=way.cast.supervisor, grade="III", reason="仅口头不满")
    assert way.form.grade == "III"
    assert Entry.objects.get(verb="lower_grade").data == {"from": "II", "grade": "III"}


def test_G5_a_product_quality_complaint_needs_its_class(way):
    way = way().register(category_id=Category.objects.get(slug="product-fault").pk)
    with pytest.raises(ValidationError, match="class|类"):
        forms.grade(form_id=way.form_id, by=way.cast.agent, grade="II")
    forms.grade(form_id=way.form_id, by=way.cast.agent, grade="II", quality_class=3)
    assert way.form.quality_class == 3


# ---- C3 ----


def test_C3_two_failed_attempts_before_24_hours_make_it_48_from_the_same_start(way, freeze, local):
    way = way().register()
    assert way.limit("D14").due_at == local("2026-03-03 09:00")
    freeze("2026-03-02 15:00")
    attempt(way)
    assert way.limit("D14").due_at == local("2026-03-03 09:00")
    freeze("2026-03-03 08:59")
    attempt(way)
    d14 = way.limit("D14")
    assert (d14.start_at, d14.due_at) == (local("2026-03-02 09:00"), local("2026-03-04 09:00"))
    assert Entry.objects.filter(verb="deadline_lengthened").count() == 1
    freeze("2026-03-03 08:59:30")
    attempt(way)
    assert way.limit("D14").due_at == local("2026-03-04 09:00")


def test_C3_attempts_after_24_hours_come_too_late(way, freeze, local):
    way = way().register()
    freeze("2026-03-02 15:00")
    attempt(way)
    freeze("2026-03-03 09:01")
    attempt(way)
    assert way.limit("D14").due_at == local("2026-03-03 09:00")


def test_C3_a_customer_who_was_reached_leaves_it_at_24_hours(way, freeze, local):
    way = way().register()
    for at, reached in (("10:00", False), ("11:00", True), ("12:00", False), ("13:00", False)):
        freeze(f"2026-03-02 {at}")
        attempt(way, reached)
    assert way.limit("D14").due_at == local("2026-03-03 09:00")


def test_C3_a_question_in_writing_reached_nobody_and_is_no_first_response(way, freeze, local):
    way = way().register()
    attempt(way)
    tickets.ask_customer(ticket_id=way.ticket_id, by=way.cast.agent, question="请提供序列号照片", until=local("2026-03-03 12:00"))
    assert way.ticket.first_response_at is None
    freeze("2026-03-02 15:00")
    attempt(way)
    assert way.limit("D14").due_at == local("2026-03-04 09:00")


def test_C3_attempts_of_an_earlier_round_and_its_visit_do_not_count_in_the_next(way, freeze, local):
    way = way().visiting()
    attempt(way)
    freeze("2026-03-05 09:00")
    way.visit(accepted=False)
    freeze("2026-03-05 10:00")
    attempt(way)
    assert way.limit("D14", round=2).due_at == local("2026-03-06 09:00")
    freeze("2026-03-05 11:00")
    attempt(way)
    assert way.limit("D14", round=2).due_at == local("2026-03-07 09:00")


def test_C3_what_was_sent_back_asks_for_attempts_of_its_own(way, freeze, local):
    way = way().awaiting_ruling()
    freeze("2026-03-03 14:00")
    forms.send_back(form_id=way.form_id, by=way.cast.general_manager, reason="责任人不明")
    freeze("2026-03-03 15:00")
    attempt(way)
    assert way.limit("D14").due_at == local("2026-03-04 14:00")
    freeze("2026-03-03 16:00")
    attempt(way)
    assert way.limit("D14").due_at == local("2026-03-05 14:00")


def test_C3_a_matter_that_was_resumed_asks_for_attempts_of_its_own(way, freeze, local):
    way = way().graded()
    attempt(way)
    forms.ask_parking(form_id=way.form_id, by=way.cast.manager, parking_reason="customer_absent", contact="客服林", reason="联系不上")
    forms.park(form_id=way.form_id, by=way.cast.general_manager)
    freeze("2026-03-20 10:00")
    forms.resume(form_id=way.form_id, by=way.cast.manager, reason="客户回来了")
    freeze("2026-03-20 11:00")
    attempt(way)
    assert way.limit("D14").due_at == local("2026-03-21 10:00")
    freeze("2026-03-20 12:00")
    attempt(way)
    assert way.limit("D14").due_at == local("2026-03-22 10:00")


def test_C3_a_talk_of_before_the_parking_forbids_no_48_hours_after_it(way, freeze, local):
    way = way().graded().spoken()
    forms.ask_parking(form_id=way.form_id, by=way.cast.manager, parking_reason="customer_absent", contact="客服林", reason="联系不上")
    forms.park(form_id=way.form_id, by=way.cast.general_manager)
    freeze("2026-03-20 10:00")
    forms.resume(form_id=way.form_id, by=way.cast.manager, reason="客户回来了")
    for at in ("11:00", "12:00"):
        freeze(f"2026-03-20 {at}")
        attempt(way)
    assert way.limit("D14").due_at == local("2026-03-22 10:00")


def test_C3_attempts_of_before_a_withdrawal_that_did_not_last_do_not_count(way, freeze, local):
    way = way().graded()
    attempt(way)
    tickets.withdraw(ticket_id=way.ticket_id, by=way.cast.agent, reason="客户撤诉")
    freeze("2026-03-20 10:00")
    tickets.reopen(ticket_id=way.ticket_id, by=way.cast.agent, reason="客户又要求处理")
    freeze("2026-03-20 11:00")
    attempt(way)
    assert way.limit("D14").due_at == local("2026-03-21 10:00")


def test_C3_how_long_it_becomes_is_a_figure_of_the_rule(way, local):
    Rule.objects.filter(code="D14").update(longer=30 * 3600)
    way = way().register()
    attempt(way)
    attempt(way)
    assert way.limit("D14").due_at == local("2026-03-03 15:00")


def test_C3_shares_add_up_to_100(way):
    way = way().determining()
    with pytest.raises(ValidationError, match="110"):
        way.determine([way.one(), way.one(department=way.cast.product)], shares=[60, 50])
    way.determine([way.one(), way.one(department=way.cast.product)], shares=[60, 30])
    with pytest.raises(NotNow, match="90"):
        forms.submit(form_id=way.form_id, by=way.cast.manager)
    way.determine([way.one(), way.one(department=way.cast.product)], shares=[60, 40])
    forms.submit(form_id=way.form_id, by=way.cast.manager)
    assert way.form.state == "in_review"


def test_C3_spoken_with_the_customer_or_why_not(way):
    way = way().graded().prepared()
    not_reached(way.form, way.cast)
    forms.begin_determination(form_id=way.form_id, by=way.cast.manager)
    way.determine([way.one()])
    with pytest.raises(NotNow):
        forms.submit(form_id=way.form_id, by=way.cast.manager)
    way.spoken()
    forms.submit(form_id=way.form_id, by=way.cast.manager)


def test_C3_submission_settles_D14_and_starts_one_D15_per_department(way, freeze):
    way = way()
    way.determined(way.one(), way.one("training"), way.one(department=way.cast.product))
    freeze("2026-03-03 09:30")
    forms.submit(form_id=way.form_id, by=way.cast.manager)
    assert (way.limit("D14").state, way.limit("D14").late) == ("settled", True)
    reviews = way.form.item.deadlines.filter(code="D15", state="running")
    assert {d.owner for d in reviews} == {way.cast.department_head, way.cast.product_head}
    assert reviews.count() == 2
    assert {m.state for m in way.measures} == {"proposed"}


def test_a_determination_is_written_against_the_version_that_was_seen(way):
    way = way().determining()
    seen = way.form.version
    way.determine([way.one()], seen_version=seen)
    with pytest.raises(NotNow):
        way.determine([way.one("talk")], seen_version=seen)
    assert way.measure.kind == "warning"


# ---- C7 ----


def test_C7_a_measure_names_somebody_found_responsible_with_a_clause(way):
    way = way().determining()
    with pytest.raises(ValidationError):
        forms.determine(
            form_id=way.form_id, by=way.cast.manager, findings="侧放", why_not_spoken="", measures=[way.one()],
            responsibilities=[{"user_id": None, "department_id": way.cast.product.pk, "share": 100, "because": "包装"}],
        )  # fmt: skip
    way.determine([way.one(clause="")])
    with pytest.raises(NotNow, match="clause|条款"):
        forms.submit(form_id=way.form_id, by=way.cast.manager)


@pytest.mark.parametrize(("kind", "over", "within"), [("deduct_share", 31, 30), ("deduct_amount", 501, 500)])
def test_C7_deductions_stay_within_the_policys_cap(way, kind, over, within):
    way = way().determining()
    for amount in (None, 0, over):
        with pytest.raises(ValidationError):
            way.determine([way.one(kind, amount)])
    way.determine([way.one(kind, within)])
    assert way.measure.amount == within


def test_C7_a_commendation_has_its_cap_and_other_measures_no_amount(way):
    way = way().determining()
    for kind, amount in (("commendation", 99999), ("warning", 5), ("talk", 1)):
        with pytest.raises(ValidationError) as refused:
            way.determine([way.one(kind, amount)])
        assert "amount" in refused.value.message_dict
    way.determine([way.one("commendation", 500)])
    assert way.measure.amount == 500


def test_C7_a_cap_is_said_in_plain_figures(way):
    with pytest.raises(ValidationError) as refused:
        way().determining().determine([way().one("deduct_amount", 600)])
    assert "500" in str(refused.value)
    assert "E+" not in str(refused.value)


def test_C3_nobody_stands_twice_among_those_responsible(way):
    way = way().determining()
    row = {"user_id": None, "department_id": way.cast.delivery.pk, "share": 50, "because": "装卸"}
    with pytest.raises(ValidationError, match="重复"):
        forms.determine(form_id=way.form_id, by=way.cast.manager, findings="查明", why_not_spoken="", responsibilities=[row, dict(row)], measures=[])


def test_C7_the_person_is_told_on_submission_and_answers_until_the_ruling(way):
    way = way().determined()
    with pytest.raises(NotNow):
        forms.answer(disposition_id=way.measure.pk, by=way.cast.person_concerned, words="当时车厢已满。")
    assert not Notice.objects.filter(template="told_concerned").exists()
    forms.submit(form_id=way.form_id, by=way.cast.manager)
    assert set(Notice.objects.filter(template="told_concerned").values_list("receiver__username", flat=True)) == {"concerned"}
    with pytest.raises(NotYou):
        forms.answer(disposition_id=way.measure.pk, by=way.cast.agent, words="我替他说。")
    forms.answer(disposition_id=way.measure.pk, by=way.cast.person_concerned, words="当时车厢已满。")
    forms.agree(disposition_id=way.measure.pk, by=way.cast.department_head)
    forms.answer(disposition_id=way.measure.pk, by=way.cast.person_concerned, words="当时车厢已满,有照片。")
    forms.rule(form_id=way.form_id, by=way.cast.general_manager)
    with pytest.raises(NotNow):
        forms.answer(disposition_id=way.measure.pk, by=way.cast.person_concerned, words="再说一次")
    assert way.measure.answer == "当时车厢已满,有照片。"


# ---- C8 ----


def park(way, **more):
    words = {"parking_reason": "parts", "contact": "客服林,到货后联系", "reason": "等待配件鉴定"} | more
    return forms.ask_parking(form_id=way.form_id, by=way.cast.manager, **words)


def test_C8_agreed_D14_is_settled_with_the_requests_time(way, freeze, local):
    way = way().determining()
    freeze("2026-03-03 08:30")
    park(way)
    assert way.limit("D40").state == "running"
    freeze("2026-03-03 11:00")
    forms.park(form_id=way.form_id, by=way.cast.general_manager)
    d14 = way.limit("D14")
    assert (d14.state, d14.ended_at, d14.late) == ("settled", local("2026-03-03 08:30"), False)
    assert (way.limit("D40").state, way.form.state) == ("settled", "outstanding")


def test_C8_refused_D14_runs_on(way, freeze, local):
    way = way().determining()
    park(way)
    with pytest.raises(NotNow):
        park(way)
    forms.refuse_parking(form_id=way.form_id, by=way.cast.general_manager, reason="先按现有材料认定")
    assert (way.limit("D14").state, way.limit("D14").due_at) == ("running", local("2026-03-03 09:00"))
    assert way.form.state == "determining"
    assert way.limit("D40").state == "settled"
    park(way)


def test_C8_never_grade_I(way):
    way = way("I").determining()
    with pytest.raises(NotNow):
        park(way)
    assert not way.form.parking_asked_at


def test_C8_a_grade_raised_to_I_while_the_general_manager_is_asked_is_not_parked(way):
    way = way("II").determining()
    park(way)
    forms.change_grade(form_id=way.form_id, by=way.cast.agent, grade="I", reason="媒体来电")
    assert (way.form.parking_asked_at, way.limit("D40").state) == (None, "void"), "nobody is asked for what can only be refused"
    assert Notice.objects.filter(receiver=way.cast.manager, template="generic", data__message__startswith="The request to set it aside fell").exists()
    with pytest.raises(NotNow):
        forms.park(form_id=way.form_id, by=way.cast.general_manager)
    assert way.form.state == "determining"


def test_C8_only_the_general_manager_agrees(way):
    way = way().determining()
    park(way)
    for person in (way.cast.manager, way.cast.supervisor, way.cast.deputy):
        with pytest.raises(NotYou):
            forms.park(form_id=way.form_id, by=person)


@pytest.mark.parametrize(
    ("reason", "state"), [("customer_absent", "waiting"), ("customer_busy", "waiting"), ("parts", "processing"), ("cause_unknown", "processing")]
)
def test_C8_coupling_a_customer_who_is_away_makes_the_ticket_wait_and_resuming_ends_it(way, reason, state):
    way = way().determining()
    park(way, parking_reason=reason)
    forms.park(form_id=way.form_id, by=way.cast.general_manager)
    assert way.states == ("outstanding", state)
    assert way.limit("D26").state == ("paused" if state == "waiting" else "running")
    forms.resume(form_id=way.form_id, by=way.cast.manager, reason="客户已回国")
    assert way.states == ("determining", "processing")
    assert way.limit("D26").state == "running"


def test_C8_resuming_starts_a_D14_of_24_hours(way, freeze, local):
    way = way().determining()
    park(way)
    forms.park(form_id=way.form_id, by=way.cast.general_manager)
    freeze("2026-03-09 10:00")
    forms.resume(form_id=way.form_id, by=way.cast.manager, reason="配件已到")
    assert way.limit("D14").due_at == local("2026-03-10 10:00")


def test_C8_settled_it_goes_to_the_check_without_fault(way):
    way = way().determining()
    park(way)
    forms.park(form_id=way.form_id, by=way.cast.general_manager)
    forms.settle_matter(form_id=way.form_id, by=way.cast.manager, reason="厂家已换新")
    assert (way.form.state, way.form.no_fault) == ("awaiting_check", True)


def test_C8_two_ledgers_with_a_note_each(way):
    way = way().determining()
    with pytest.raises(NotYou):
        forms.keep_note(form_id=way.form_id, by=way.cast.agent, manager_note="客户出差")
    forms.keep_note(form_id=way.form_id, by=way.cast.agent, service_note="已提醒客户")
    forms.keep_note(form_id=way.form_id, by=way.cast.manager, manager_note="等厂家报告")
    assert (way.form.manager_note, way.form.service_note) == ("等厂家报告", "已提醒客户")


# ---- C19 and the short way ----


def test_C19_nobody_at_fault_goes_to_the_check_with_a_reason(way):
    way = way().determining()
    with pytest.raises(ValidationError):
        forms.no_fault(form_id=way.form_id, by=way.cast.manager, reason="")
    forms.no_fault(form_id=way.form_id, by=way.cast.manager, reason="安装不当,非我方责任,已免费检查")
    assert (way.form.state, way.limit("D14").state) == ("awaiting_check", "settled")
    assert not Disposition.objects.exists()


def test_C19_grade_I_is_agreed_to_by_the_general_manager(way):
    way = way("I").determining()
    forms.no_fault(form_id=way.form_id, by=way.cast.manager, reason="安装不当")
    assert way.form.state == "awaiting_ruling"
    assert "D16" in way.live()
    with pytest.raises(NotNow):
        forms.rule(form_id=way.form_id, by=way.cast.general_manager)
    forms.confirm_no_fault(form_id=way.form_id, by=way.cast.general_manager, words="同意")
    assert (way.form.state, way.limit("D16").state) == ("awaiting_check", "settled")


def test_the_short_way_is_for_grade_III(way):
    second, third = way("II").graded(), way("III").graded(visit_marked=False)
    with pytest.raises(NotNow):
        forms.handle_on_the_spot(form_id=second.form_id, by=second.cast.agent, how="当场换新,客户满意离开。")
    forms.handle_on_the_spot(form_id=third.form_id, by=third.cast.agent, how="当场换新,客户满意离开。")
    assert (third.form.state, third.limit("D14").state) == ("awaiting_check", "settled")
    assert third.live("D19", "D20") == set()


# ---- V3 in determination ----


def test_V3_found_responsible_is_concerned_and_struck_from_the_draft_is_not(way):
    way = way().determined()
    assert set(Concern.objects.values_list("user__username", flat=True)) == {"concerned"}
    way.determine([way.one(department=way.cast.product)])
    assert not Concern.objects.exists()


def test_V3_whom_the_customer_named_stays_concerned_when_struck_from_the_draft(way):
    way = way()
    way.register(about=[way.cast.person_concerned])
    forms.grade(form_id=way.form_id, by=way.cast.agent, grade="II")
    way.spoken().prepared()
    forms.begin_determination(form_id=way.form_id, by=way.cast.manager)
    way.determine([way.one()])
    way.determine([way.one(department=way.cast.product)])
    assert set(Concern.objects.values_list("user__username", flat=True)) == {"concerned"}


def test_V3_nobody_determines_their_own_responsibility(way):
    way = way().determining()
    with pytest.raises(ValidationError):
        way.determine([way.one(user=way.cast.manager, department=way.cast.service)])


def test_a_draft_can_be_written_again_after_it_was_signed_and_sent_back(way):
    way = way().negotiating()
    for person in (way.cast.manager, way.cast.department_head):
        forms.sign(disposition_id=way.measure.pk, by=person, seen_version=way.measure.version)
    forms.send_back(form_id=way.form_id, by=way.cast.general_manager, reason="责任人不明")
    way.determine([way.one("talk")])
    assert [m.kind for m in way.measures if m.state == "draft"] == ["talk"]
    forms.submit(form_id=way.form_id, by=way.cast.manager)
    forms.agree(disposition_id=way.measures[-1].pk, by=way.cast.department_head)
    forms.rule(form_id=way.form_id, by=way.cast.general_manager)
    assert [m.kind for m in way.measures if m.state == "ruled"] == ["talk"]
    assert clock.now() - way.form.state_since < timedelta(minutes=1)
