"""The first hours of a complaint (C1, C2, C16, C18, G2, G5, G7) and the limits that they end: D09 to D12, D23, D34."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from complaints import first_rows
from complaints import services as forms
from complaints.models import AnalysisRule
from feedback_desk.notices.models import Notice
from feedback_desk.people.access import NotNow, NotYou
from feedback_desk.people.services import name_concerned
from feedback_desk.records.models import Entry
from tests.ways import first_hours
from tickets import services as tickets
from tickets.models import Category

TEXT: dict[str, Any] = {"department_ids": [], "reply": "主管书面答复", "measures": "先行换新"}


def check(way, by=None, **more):
    return forms.check_facts(
        form_id=way.form_id, by=by or way.cast.agent, **{"colleague_id": way.cast.head_backup.pk, "found": "侧放属实", "on_site": True, **more}
    )


def plan(way):
    return forms.write_first_plan(form_id=way.form_id, by=way.cast.agent, text="换新或延保")


def decide(way, by, **more):
    return forms.decide_handling(form_id=way.form_id, by=by, **{"lead_id": way.cast.agent.pk, **TEXT, **more})


def ended(way, code):
    limit = way.limit(code)
    return limit.state, limit.late


def test_C1_the_facts_are_checked_within_an_hour(way, freeze):
    one = way().register()
    assert {"D11", "D12", "D34"} <= one.live()
    freeze("2026-03-02 09:59")
    check(one)
    assert ended(one, "D11") == ("settled", False)


def test_C1_checked_too_late_is_late(way, freeze):
    one = way().register()
    freeze("2026-03-02 10:01")
    check(one)
    assert ended(one, "D11") == ("settled", True)


def test_C1_the_business_colleague_of_the_department_may_say_it_too_and_owns_the_limit(cast, way):
    cast.person_concerned.department = cast.service
    cast.person_concerned.save(update_fields=["department"])
    one = way().register()
    assert one.limit("D11").owner == cast.person_concerned
    check(one, by=cast.person_concerned)
    assert ended(one, "D11")[0] == "settled"


def test_C1_conversation_and_plan_both_end_D12_with_the_later_of_them(way, freeze):
    one = way().register()
    freeze("2026-03-02 09:30")
    plan(one)
    assert "D12" in one.live()
    freeze("2026-03-02 10:30")
    one.spoken()
    assert (one.limit("D12").ended_at, one.limit("D12").late) == (freeze("2026-03-02 10:30"), False)


def test_C1_a_call_that_reached_nobody_does_not_end_D12(cast, way):
    one = way().register()
    plan(one)
    tickets.record_contact(
        ticket_id=one.ticket_id, by=cast.agent, way="call_out", said="无人接听", reached=False, next_step="再拨", next_at=one.limit("D12").due_at
    )
    assert "D12" in one.live()


def test_V3_facts_are_not_checked_with_whom_the_complaint_is_about(cast, way):
    one = way().register()
    name_concerned(one.form.item.root, cast.person_concerned, because="named", by=cast.agent, at=one.form.opened_at)
    with pytest.raises(ValidationError) as wrong:
        check(one, colleague_id=cast.person_concerned.pk)
    assert set(wrong.value.message_dict) == {"colleague"}


@pytest.mark.parametrize("left_out", ["facts", "plan", "decision"])
def test_C2_determination_begins_when_all_of_it_is_there(cast, way, left_out):
    one = way().graded().spoken()
    if left_out != "facts":
        check(one)
    if left_out != "plan":
        plan(one)
    if left_out != "decision":
        row = decide(one, cast.supervisor)
        forms.sign_decision(form_id=one.form_id, by=cast.manager, seen=row.pk)
    with pytest.raises(NotNow) as missing:
        forms.begin_determination(form_id=one.form_id, by=cast.manager)
    assert len(missing.value.missing) == 1


def test_C2_a_minor_one_needs_no_decision_and_the_short_way_none_of_it(cast, way):
    one = way("III").graded().spoken()
    check(one)
    plan(one)
    forms.begin_determination(form_id=one.form_id, by=cast.manager)
    short = way("III").graded()
    forms.handle_on_the_spot(form_id=short.form_id, by=cast.agent, how="当场换货，客户满意。")
    assert not {"D11", "D12", "D34"} & short.live()


# ---- G2 ----


@pytest.mark.parametrize(("grade", "code", "first", "second"), [("I", "D09", "supervisor", "manager"), ("II", "D10", "supervisor", "manager")])
def test_G2_both_sign_within_the_time_of_the_grade(cast, way, freeze, grade, code, first, second):
    """Of grade II the second is the head of the business line: here the customer-service manager heads the department that has it."""
    one = way(grade).graded()
    freeze("2026-03-02 09:10")
    row = decide(one, getattr(cast, first))
    assert code in one.live()
    freeze("2026-03-02 09:15")
    forms.sign_decision(form_id=one.form_id, by=getattr(cast, second), seen=row.pk)
    assert ended(one, code) == ("settled", False)
    assert list(row.signatures.values_list("by__username", flat=True)) == [first, second]


def test_G2_nobody_signs_for_two_sides(cast, way):
    one = way("I").graded()
    row = decide(one, cast.supervisor)
    with pytest.raises(NotYou):
        forms.sign_decision(form_id=one.form_id, by=cast.supervisor, seen=row.pk)


def test_G2_a_changed_text_drops_the_signatures(cast, way):
    one = way("I").graded()
    row = decide(one, cast.supervisor)
    decide(one, cast.agent, measures="改为上门检修")
    with pytest.raises(NotNow, match="客服林"):
        forms.sign_decision(form_id=one.form_id, by=cast.manager, seen=row.pk)
    assert "D09" in one.live()


def test_G2_another_grade_asks_for_another_decision(cast, way):
    one = way("II").graded().spoken().prepared()
    assert not {"D09", "D10"} & one.live()
    forms.change_grade(form_id=one.form_id, by=cast.agent, grade="I", reason="媒体已报道")
    assert "D09" in one.live()
    with pytest.raises(NotNow, match="处理决定|decision"):
        forms.begin_determination(form_id=one.form_id, by=cast.manager)
    forms.change_grade(form_id=one.form_id, by=cast.supervisor, grade="II", reason="误报")
    assert not {"D09", "D10"} & one.live()
    assert one.limit("D09").state == "void"


def test_G2_of_a_minor_complaint_any_agent_decides_at_once(cast, way):
    one = way("III").graded()
    row = decide(one, cast.agent)
    assert row.signatures.get().side == "handler"
    assert not {"D09", "D10"} & one.live()


def test_G2_who_has_to_sign_is_told(cast, way):
    one = way("I").graded()
    decide(one, cast.supervisor)
    assert Notice.objects.filter(receiver=cast.manager, template="approval_wanted", item=one.form.item, channel="page").count() == 1


def test_V3_a_lead_is_never_somebody_named_in_the_matter(cast, way):
    one = way("I").graded()
    name_concerned(one.form.item.root, cast.colleague, because="named", by=cast.agent, at=one.form.opened_at)
    with pytest.raises(ValidationError):
        decide(one, cast.supervisor, lead_id=cast.colleague.pk)


# ---- G5, G7, C16 ----


@pytest.fixture
def quality(way):
    """A complaint about product quality, graded with its class."""

    def make(grade="II", quality_class=3, **more):
        one = way(grade)
        one.register(category_id=Category.objects.get(slug="product-fault").pk, **more)
        forms.grade(form_id=one.form_id, by=one.cast.supervisor, grade=grade, quality_class=quality_class, reason="按等级定级")
        return one

    return make


def test_G5_the_quality_department_gives_the_cause_within_a_working_day(cast, quality, freeze):
    one = quality()
    assert one.limit("D23").owner == cast.outsider
    freeze("2026-03-03 18:00")
    forms.write_cause(form_id=one.form_id, by=cast.outsider, cause="密封圈批次不良", evidence="现场照片 3 张")
    assert ended(one, "D23") == ("settled", False)


def test_G5_class_1_tells_the_departments_and_the_general_manager_at_once(cast, quality):
    one = quality(quality_class=1)
    told = set(Notice.objects.filter(item=one.form.item, template="generic", data__urgent=True).values_list("receiver__username", flat=True))
    assert {"gm", "producthead", "manager"} <= told


@pytest.mark.parametrize(("level", "told"), [("ordinary", False), ("vip", True), ("strategic", True)])
def test_G5_so_does_a_key_customer(cast, quality, customer, level, told):
    customer.level = level
    customer.save(update_fields=["level"])
    one = quality(quality_class=4)
    assert Notice.objects.filter(item=one.form.item, receiver=cast.general_manager, data__urgent=True).exists() is told


def test_G5_another_class_starts_its_day_anew(cast, quality):
    one = quality()
    forms.change_quality_class(form_id=one.form_id, by=cast.outsider, quality_class=1, reason="检出异物")
    assert [d.state for d in one.form.item.deadlines.filter(code="D23").order_by("pk")] == ["void", "running"]
    assert Notice.objects.filter(item=one.form.item, receiver=cast.general_manager, data__urgent=True).exists()


def test_G5_no_class_no_written_cause_and_the_quality_department_sees_nothing(cast, way, quality):
    assert "D23" not in way().graded().live()
    assert not way().graded().form.capacities(cast.outsider)
    assert "quality" in quality().form.capacities(cast.outsider)


def test_G7_the_table_names_who_analyses_and_product_quality_goes_to_the_quality_department(cast, way, quality):
    assert way().graded().form.analysis_department is None
    AnalysisRule.objects.create(category=Category.objects.get(slug="transport-damage"), department=cast.delivery)
    one = way().graded()
    assert one.form.analysis_department == cast.delivery
    assert Notice.objects.filter(receiver=cast.department_head, item=one.form.item, template="generic", channel="page").exists()
    assert quality().form.analysis_department == cast.product


def test_G7_a_new_desk_has_the_table_to_be_given_its_departments(cast, way, client):
    """Departments are the company's own; until they are entered somebody chooses, but of product quality."""
    rows = {rule.category.slug: rule.department for rule in AnalysisRule.objects.select_related("category")}
    assert rows.keys() >= {"product-quality", "logistics", "after-sales"}
    assert set(rows.values()) == {None}
    client.force_login(cast.administrator)
    page = client.get(reverse("admin:complaints_analysisrule_changelist"), headers={"accept-language": "zh-hans"}).content.decode()
    assert "品管部门" in page
    assert "手工选择" in page
    AnalysisRule.objects.all().delete()
    AnalysisRule.objects.create(category=Category.objects.get(slug="logistics"))
    first_rows.load()
    assert AnalysisRule.objects.count() == 1, "what an administrator took away stays away"


def test_G7_transport_is_analysed_by_two_departments_together(cast, way):
    AnalysisRule.objects.filter(category__slug="logistics").update(department=cast.delivery, beside=cast.product)
    one = way().graded()
    assert (one.form.analysis_department, one.form.analysis_beside) == (cast.delivery, cast.product), "the first leads"
    for head in (cast.department_head, cast.product_head):
        assert "analysing_head" in one.form.capacities(head)
        assert Notice.objects.filter(receiver=head, item=one.form.item, template="generic", channel="page").exists()
    assert Entry.objects.get(item=one.form.item, verb="name_analysing").data["department"] == "配送部、品管部"
    forms.name_analysing(form_id=one.form_id, by=cast.agent, department_id=cast.product.pk, reason="包装问题")
    assert (one.form.analysis_department, one.form.analysis_beside) == (cast.product, None), "by hand it is the one that was named"
    assert "analysing_head" not in one.form.capacities(cast.department_head)


def test_G7_changed_by_hand_with_a_reason(cast, way):
    one = way().graded()
    with pytest.raises(ValidationError):
        forms.name_analysing(form_id=one.form_id, by=cast.agent, department_id=cast.delivery.pk, reason=" ")
    forms.name_analysing(form_id=one.form_id, by=cast.agent, department_id=cast.delivery.pk, reason="运输环节")
    assert one.form.analysis_department == cast.delivery


def test_G7_of_a_serious_one_the_cause_is_approved_by_somebody_else(cast, quality):
    one = quality()
    row = forms.write_cause(form_id=one.form_id, by=cast.product_head, cause="密封圈批次不良")
    with pytest.raises(NotYou):
        forms.approve_cause(form_id=one.form_id, by=cast.product_head, seen=row.pk)
    forms.approve_cause(form_id=one.form_id, by=cast.manager, seen=row.pk)
    with pytest.raises(NotNow):
        forms.approve_cause(form_id=one.form_id, by=cast.manager, seen=row.pk)
    minor = quality(grade="III")
    row = forms.write_cause(form_id=minor.form_id, by=cast.outsider, cause="外观")
    with pytest.raises(NotNow):
        forms.approve_cause(form_id=minor.form_id, by=cast.manager, seen=row.pk)


def test_C16_a_first_analysis_within_48_hours_of_receipt(cast, way, freeze):
    one = way().register(received_at=freeze("2026-03-02 08:00"))
    freeze("2026-03-04 07:59")
    forms.write_first_analysis(form_id=one.form_id, by=cast.agent, what="外壳凹陷", cause="侧放", solution="换新")
    assert ended(one, "D34") == ("settled", False)


# ---- C18 ----


def test_C18_suspected_now_reported_later_and_never_half(cast, way, freeze):
    one = way().register()
    freeze("2026-03-02 12:00")
    forms.report_to_police(form_id=one.form_id, by=cast.agent, suspicion="快件内手机被调换")
    with pytest.raises(ValidationError) as half:
        forms.report_to_police(form_id=one.form_id, by=cast.agent, suspicion="快件内手机被调换", station="洪山派出所")
    assert set(half.value.message_dict) == {"number", "reported_at"}
    whole = {"station": "洪山派出所", "number": "A2026-118", "reported_at": freeze("2026-03-02 13:00")}
    forms.report_to_police(form_id=one.form_id, by=cast.agent, suspicion="快件内手机被调换", **whole)
    assert one.form.policereport_rows.count() == 2
    with pytest.raises(ValidationError):
        forms.report_to_police(form_id=one.form_id, by=cast.agent, suspicion="x", **whole | {"reported_at": freeze("2026-03-02 14:00").replace(year=2027)})


def test_invalid_and_restored_asks_again_only_for_what_was_not_done(cast, way):
    one = way().register()
    check(one)
    tickets.invalidate(ticket_id=one.ticket_id, by=cast.supervisor, reason="误拨", explanation="已说明")
    assert not {"D11", "D12", "D34"} & one.live()
    tickets.restore(ticket_id=one.ticket_id, by=cast.supervisor, reason="客户再次来电")
    assert {"D12", "D34"} <= one.live()
    assert "D11" not in one.live()


def test_every_act_of_the_first_hours_is_a_line_of_history(cast, way):
    one = way("I").graded().spoken()
    first_hours(one.form_id, cast)
    verbs = set(Entry.objects.filter(item=one.form.item).values_list("verb", flat=True))
    assert {"check_facts", "write_first_plan", "decide_handling", "sign_decision"} <= verbs
