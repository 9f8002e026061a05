"""Where a matter turns: sent back, raised, set aside, withdrawn and taken up again (C3, C8, C10, C15, E6, G2, T14, V5)."""

from __future__ import annotations

import pytest

from complaints import guards
from complaints import services as forms
from complaints.models import CauseCategory, ComplaintForm, Disposition
from complaints.tasks import remind_of_month_end
from feedback_desk import clock
from feedback_desk.deadlines.models import Deadline
from feedback_desk.notices.models import Notice
from feedback_desk.people.access import NotNow
from feedback_desk.records.models import Entry
from tests.ways import first_hours, replied
from tickets import services as tickets
from tickets.models import Category

pytestmark = pytest.mark.django_db


def withdrawn(way):
    tickets.withdraw(ticket_id=way.ticket_id, by=way.cast.agent, reason="客户来电撤诉")
    return way


def taken_up_again(way):
    tickets.reopen(ticket_id=way.ticket_id, by=way.cast.supervisor, reason="客户改变主意，坚持投诉")
    return way


def parked(way):
    forms.ask_parking(form_id=way.form_id, by=way.cast.manager, parking_reason="parts", contact="客服林", reason="等配件")
    forms.park(form_id=way.form_id, by=way.cast.general_manager)
    return way


# ---- V5 ----


def test_V5_a_measure_that_was_answered_and_signed_stays_on_record_when_the_customer_withdraws(way):
    way = way().negotiating()
    measure = way.measure
    forms.sign(disposition_id=measure.pk, by=way.cast.department_head, seen_version=measure.version)
    forms.report_split(form_id=way.form_id, by=way.cast.office, reason="各执一词")
    forms.send_back(form_id=way.form_id, by=way.cast.general_manager, reason="重新认定")
    withdrawn(way)
    forms.close_withdrawn(form_id=way.form_id, by=way.cast.supervisor, reason="客户撤诉")
    kept = Disposition.objects.get(pk=measure.pk)
    assert (kept.state, kept.objection) == ("withdrawn", "当时车厢已满,应由调度负责。")
    assert Entry.objects.filter(verb="strike_out", item=way.form.item).count() == 1


def test_V5_a_draft_that_nobody_saw_goes_with_the_withdrawal(way):
    way = withdrawn(way().determined())
    forms.close_withdrawn(form_id=way.form_id, by=way.cast.supervisor, reason="客户撤诉")
    assert not Disposition.objects.exists()


# ---- C14 ----


def test_C14_a_corrected_summary_renames_the_form_and_no_action(way):
    way = way().executing()
    category = CauseCategory.objects.get(slug="method-missing").pk
    forms.write_root_cause(form_id=way.form_id, by=way.cast.manager, category_id=category, whys=["车厢已满"], conclusion="无规范")
    text = {"kind": "corrective", "what": "制定装车体积核对表", "owner_id": way.cast.head_backup.pk, "department_id": way.cast.delivery.pk}
    days = {"due_on": way.limit("D27").due_at.date(), "effect_on": way.limit("D27").due_at.date()}
    action = forms.draft_action(form_id=way.form_id, by=way.cast.supervisor, **text, **days)
    tickets.correct(ticket_id=way.ticket_id, by=way.cast.agent, changes={"summary": "烘干机到货外壳破损"}, reason="机型写错")
    action.item.refresh_from_db()
    assert (way.form.item.title, action.item.title) == ("烘干机到货外壳破损", "制定装车体积核对表")


# ---- G2 ----


def test_G2_a_grade_raised_while_determining_asks_for_its_decision_before_it_is_submitted(way):
    way = way().determined()
    forms.change_grade(form_id=way.form_id, by=way.cast.agent, grade="I", reason="媒体报道")
    assert "D09" in way.live()
    with pytest.raises(NotNow, match="处理决定"):
        forms.submit(form_id=way.form_id, by=way.cast.manager)
    first_hours(way.form_id, way.cast)
    forms.submit(form_id=way.form_id, by=way.cast.manager)
    assert "D09" not in way.live()


@pytest.mark.parametrize("grade", ["I", "II"])
def test_G2_nor_is_nobody_found_at_fault_before_it(way, grade):
    way = way("III").determining()
    forms.change_grade(form_id=way.form_id, by=way.cast.agent, grade=grade, reason="媒体报道")
    with pytest.raises(NotNow, match="处理决定"):
        forms.no_fault(form_id=way.form_id, by=way.cast.manager, reason="签收后跌落")
    first_hours(way.form_id, way.cast)
    forms.no_fault(form_id=way.form_id, by=way.cast.manager, reason="签收后跌落")


def test_G2_a_grade_raised_later_asks_for_its_decision_when_it_is_determined_again(way):
    way = way().awaiting_ruling()
    forms.change_grade(form_id=way.form_id, by=way.cast.agent, grade="I", reason="媒体报道")
    assert way.live("D09", "D10") == set()
    forms.send_back(form_id=way.form_id, by=way.cast.general_manager, reason="重新认定")
    assert way.live("D09", "D10") == {"D09"}


# ---- C8 ----


def test_C8_a_matter_set_aside_owes_no_decision_and_one_that_was_settled_nothing_of_the_first_hours(way):
    way = parked(way().graded())
    assert way.live("D09", "D10") == set()
    forms.settle_matter(form_id=way.form_id, by=way.cast.manager, reason="客户自行修好")
    assert way.live("D09", "D10", "D11", "D12") == set()
    assert {d.why for d in Deadline.objects.filter(code__in=("D11", "D12"))} == {"settled"}


def test_C8_resumed_the_decision_is_owed_again(way):
    way = parked(way().graded())
    forms.resume(form_id=way.form_id, by=way.cast.manager, reason="配件到货")
    assert way.live("D10") == {"D10"}


# ---- withdrawn, and taken up again (C15, E6) ----


def test_E6_a_withdrawal_that_did_not_last_asks_again_for_all_that_was_not_done(way, freeze, local):
    way = withdrawn(way("I").graded())
    assert way.live() == set()
    freeze("2026-03-09 09:00")
    taken_up_again(way)
    assert {"D09", "D11", "D12", "D13", "D14", "D24", "D27", "D34", "D36"} <= way.live()
    assert way.limit("D13").due_at == local("2026-03-10 09:00"), "from the reopening"
    assert way.limit("D13").owner == way.cast.supervisor


def test_E6_what_was_done_by_then_is_not_asked_for_again(way):
    way = way().graded().spoken().prepared()
    forms.write_first_analysis(form_id=way.form_id, by=way.cast.agent, what="外壳凹陷", cause="侧放", solution="换新")
    forms.reply_in_writing(form_id=way.form_id, by=way.cast.supervisor, text="已受理。", way="letter")
    taken_up_again(withdrawn(way))
    assert {"D14", "D24", "D27"} <= way.live()
    assert way.live("D10", "D11", "D12", "D13", "D34") == set()


def test_G5_the_cause_is_owed_again_too(way):
    way = way()
    way.register(category_id=Category.objects.get(slug="product-fault").pk)
    forms.grade(form_id=way.form_id, by=way.cast.supervisor, grade="II", quality_class=3, reason="按等级定级")
    taken_up_again(withdrawn(way))
    assert "D23" in way.live()


def test_C8_a_request_to_set_aside_falls_with_the_withdrawal(way):
    way = way().graded()
    forms.ask_parking(form_id=way.form_id, by=way.cast.manager, parking_reason="parts", contact="客服林", reason="等配件")
    taken_up_again(withdrawn(way))
    assert way.form.parking_asked_at is None
    forms.ask_parking(form_id=way.form_id, by=way.cast.manager, parking_reason="parts", contact="客服林", reason="等配件")
    assert "D40" in way.live()


def test_C8_D28_begins_again_in_its_month_when_a_withdrawal_did_not_last(way, freeze):
    way = parked(way().determining())
    freeze("2026-04-01 08:00")
    assert remind_of_month_end() == 1
    withdrawn(way)
    assert remind_of_month_end() == 0
    taken_up_again(way)
    assert way.live("D28", "D24") == set()
    assert remind_of_month_end() == 1
    assert remind_of_month_end() == 0
    assert way.live("D28") == {"D28"}


@pytest.mark.parametrize("state", ["in_review", "executing", "awaiting_check"])
def test_C12_who_withdrew_after_the_review_is_owed_no_answer(way, state):
    way = withdrawn(getattr(way(), state)())
    assert way.live("D12", "D13", "D24", "D25", "D27", "D34") == set()
    assert way.live() - {"D15", "D17"} == set()


@pytest.mark.parametrize("state", ["awaiting_check", "visiting"])
def test_C10_asking_for_abnormal_closing_falls_with_the_withdrawal_and_is_not_asked_again(way, state):
    way = getattr(way(), state)()
    forms.ask_abnormal(form_id=way.form_id, by=way.cast.agent, ground="conflict", words="合同第 8 条")
    withdrawn(way)
    assert (way.limit("D21").state, way.limit("D21").why, way.form.abnormal_asked_at) == ("void", "withdrawn by the customer", None)
    with pytest.raises(NotNow):
        forms.ask_abnormal(form_id=way.form_id, by=way.cast.agent, ground="conflict", words="合同第 8 条")
    taken_up_again(way)


def test_C10_a_matter_that_was_withdrawn_ends_as_withdrawn_whatever_was_asked_before(way):
    way = withdrawn(way().visiting())
    ComplaintForm.objects.filter(pk=way.form_id).update(abnormal_asked_at=clock.now(), abnormal_asked_by=way.cast.agent, abnormal_ground="conflict")
    forms.rule_abnormal(form_id=way.form_id, by=way.cast.manager, reason="同意")
    assert (way.states, way.ticket.outcome) == (("closed_abnormally", "closed"), "withdrawn")


def test_E6_taken_up_again_after_the_review_the_answer_is_owed_and_nothing_of_the_first_hours(way):
    way = taken_up_again(withdrawn(way().in_review()))
    assert {"D13", "D15", "D24", "D27", "D34", "D36"} <= way.live()
    assert way.live("D11", "D12", "D14") == set()


# ---- not solved while the form is on its way (C12, C13, C17) ----


@pytest.mark.parametrize("how", ["not solved", "reopened"])
def test_C17_not_solved_on_the_way_is_a_point_and_a_newer_letter_is_owed(way, how):
    way = way().executing().result()
    replied(way.form_id, way.cast)
    assert guards.reply_owed(way.form) is None
    if how == "reopened":
        tickets.confirm_result(ticket_id=way.ticket_id, by=way.cast.agent, words="客户电话确认")
        tickets.reopen(ticket_id=way.ticket_id, by=way.cast.agent, reason="仍有异响")
    else:
        tickets.not_solved(ticket_id=way.ticket_id, by=way.cast.agent, reason="仍有异响")
    assert (way.form.state, way.form.round) == ("executing", 1)
    assert way.live("D24", "D27") == {"D24", "D27"}
    assert [p.text for p in way.form.points.filter(answer="")] == ["仍有异响"]
    assert guards.reply_owed(way.form)
    assert "起草" in (guards.reply_to_send(way.form) or "")
    replied(way.form_id, way.cast)
    assert guards.reply_owed(way.form) is None
    assert way.live("D24", "D27") == set()


def test_C12_restored_after_the_final_reply_nothing_more_is_owed(way):
    way = way().graded()
    replied(way.form_id, way.cast)
    tickets.invalidate(ticket_id=way.ticket_id, by=way.cast.supervisor, reason="误报", explanation="已说明")
    tickets.restore(ticket_id=way.ticket_id, by=way.cast.supervisor, reason="客户再次来电")
    assert way.live("D13", "D24", "D27") == set()


# ---- the category is corrected to product quality, and back (G5) ----


def corrected(way, slug):
    category = Category.objects.get(slug=slug)
    tickets.correct(ticket_id=way.ticket_id, by=way.cast.agent, changes={"category": category}, reason="分类选错")
    return way


def test_G5_corrected_to_product_quality_starts_nothing_before_somebody_names_the_class(way):
    way = corrected(way().graded(), "product-fault")
    assert guards.class_missing(way.form)
    assert way.live("D23") == set()
    forms.change_quality_class(form_id=way.form_id, by=way.cast.agent, quality_class=1, reason="检出异物")
    assert guards.class_missing(way.form) is None
    assert way.limit("D23").owner == way.cast.outsider
    assert way.form.analysis_department == way.cast.product
    assert Notice.objects.filter(item=way.form.item, receiver=way.cast.general_manager, data__urgent=True).exists()


def test_G5_corrected_to_something_else_the_class_goes_and_the_cause_is_not_owed(way):
    way = way()
    way.register(category_id=Category.objects.get(slug="product-fault").pk)
    forms.grade(form_id=way.form_id, by=way.cast.supervisor, grade="II", quality_class=3, reason="按等级定级")
    corrected(way, "transport-damage")
    assert (way.form.quality_class, way.limit("D23").state) == (None, "void")
    assert Entry.objects.filter(item=way.form.item, verb="leave_quality").count() == 1
    with pytest.raises(NotNow, match="不属于产品质量"):
        forms.change_quality_class(form_id=way.form_id, by=way.cast.agent, quality_class=1, reason="检出异物")
