"""Review, negotiation, ruling, carrying out (C4, C5, C6, V8)."""

from __future__ import annotations

from datetime import date

import pytest
from django.core.exceptions import ValidationError
from django.utils.translation import override

from complaints import services as forms
from complaints.models import Signature
from feedback_desk import clock
from feedback_desk.notices import wording
from feedback_desk.notices.models import Notice
from feedback_desk.people.access import NotNow, NotYou
from feedback_desk.people.models import Absence
from feedback_desk.records.models import Entry

pytestmark = pytest.mark.django_db


def revise(way, by, kind="talk", **more):
    words = {"seen_version": way.measure.version, "kind": kind, "amount": None, "clause": "《配送作业规范》4.2", "reason": "改为谈话"} | more
    return forms.revise(disposition_id=way.measure.pk, by=by, **words)


def sign(way, by, version=None):
    return forms.sign(disposition_id=way.measure.pk, by=by, seen_version=version or way.measure.version)


# ---- C4 ----


def test_C4_agreed_goes_to_the_ruling_with_the_last_department(way):
    way = way()
    way.in_review(way.one(), way.one(department=way.cast.product))
    forms.agree(disposition_id=way.measures[0].pk, by=way.cast.department_head)
    assert (way.form.state, way.live("D15", "D16")) == ("in_review", {"D15"})
    forms.agree(disposition_id=way.measures[1].pk, by=way.cast.product_head)
    assert (way.form.state, way.live("D15", "D16")) == ("awaiting_ruling", {"D16"})


def test_C4_each_head_reviews_only_what_concerns_the_department(way):
    way = way()
    way.in_review(way.one(), way.one(department=way.cast.product))
    for measure, stranger in ((way.measures[0], way.cast.product_head), (way.measures[1], way.cast.department_head), (way.measures[0], way.cast.office)):
        with pytest.raises(NotYou):
            forms.agree(disposition_id=measure.pk, by=stranger)


def test_C4_one_objection_negotiates_after_all_have_answered_and_the_others_stay_agreed(way, freeze):
    way = way()
    way.in_review(way.one(), way.one(department=way.cast.product))
    with pytest.raises(ValidationError):
        forms.object(disposition_id=way.measures[0].pk, by=way.cast.department_head, reason="")
    forms.object(disposition_id=way.measures[0].pk, by=way.cast.department_head, reason="车厢已满")
    assert way.form.state == "in_review"
    forms.agree(disposition_id=way.measures[1].pk, by=way.cast.product_head)
    assert way.form.state == "negotiating"
    assert [m.state for m in way.measures] == ["objected", "agreed"]
    assert way.live("D15") == {"D15"}, "the four hours cover the negotiation"


def test_C4_both_sign_the_same_version(way):
    way = way().negotiating()
    revise(way, way.cast.manager)
    sign(way, way.cast.manager)
    assert way.form.state == "negotiating"
    sign(way, way.cast.department_head)
    assert way.measure.state == "negotiated"
    assert (way.form.state, way.live("D15", "D16")) == ("awaiting_ruling", {"D16"})
    assert Signature.objects.values_list("version", flat=True).distinct().count() == 1


def test_C4_a_signature_under_an_old_version_falls(way):
    way = way().negotiating()
    old = way.measure.version
    sign(way, way.cast.manager)
    revise(way, way.cast.department_head)
    sign(way, way.cast.department_head)
    assert (way.measure.state, way.form.state) == ("objected", "negotiating")
    with pytest.raises(NotNow):
        sign(way, way.cast.manager, version=old)
    sign(way, way.cast.manager)
    assert way.measure.state == "negotiated"


def test_C4_nobody_signs_for_both_sides(way, local):
    """The manager is also the backup of the head and stands in for them: still one signature."""
    way = way().negotiating()
    way.cast.department_head.backup = way.cast.manager
    way.cast.department_head.save(update_fields=["backup"])
    Absence.objects.create(user=way.cast.department_head, starts_at=local("2026-03-01 00:00"), ends_at=local("2026-04-01 00:00"))
    try:
        sign(way, way.cast.manager)
    except NotYou:
        return
    with pytest.raises((NotNow, NotYou)):
        sign(way, way.cast.manager)
    assert Signature.objects.count() == 1
    assert way.form.state == "negotiating"


def test_C4_V8_the_manager_who_proposed_does_not_review_for_the_own_department(way):
    """A measure for customer service itself: its head proposed, so the head's stand-in reviews and signs for the department."""
    way = way().determining()
    way.determine([way.one(user=way.cast.colleague, department=way.cast.service)])
    forms.submit(form_id=way.form_id, by=way.cast.manager)
    with pytest.raises(NotYou):
        forms.agree(disposition_id=way.measure.pk, by=way.cast.manager)
    forms.object(disposition_id=way.measure.pk, by=way.cast.supervisor, reason="排班不当")
    sign(way, way.cast.manager)
    with pytest.raises((NotNow, NotYou)):
        sign(way, way.cast.manager)
    sign(way, way.cast.supervisor)
    assert {(s.side, s.user.username) for s in Signature.objects.all()} == {("cs_manager", "manager"), ("department", "supervisor")}
    assert way.form.state == "awaiting_ruling"


def test_C4_without_agreement_the_office_reports_both_opinions(way):
    way = way().negotiating()
    for stranger in (way.cast.manager, way.cast.department_head):
        with pytest.raises(NotYou):
            forms.report_split(form_id=way.form_id, by=stranger, reason="双方不一致")
    with pytest.raises(ValidationError):
        forms.report_split(form_id=way.form_id, by=way.cast.office, reason="")
    forms.report_split(form_id=way.form_id, by=way.cast.office, reason="客服坚持警告,配送部主张谈话")
    assert (way.form.state, way.measure.state, way.live("D15", "D16")) == ("awaiting_ruling", "objected", {"D16"})
    forms.rule(form_id=way.form_id, by=way.cast.general_manager)
    assert way.measure.state == "ruled"


def test_C4_review_asks_for_the_version_that_was_seen(way):
    way = way().in_review()
    with pytest.raises(NotNow):
        forms.agree(disposition_id=way.measure.pk, by=way.cast.department_head, seen_version=way.measure.version - 1)
    assert way.measure.state == "proposed"


def wanted_of(person):
    return Notice.objects.filter(receiver=person, template="approval_wanted", channel="page").count()


def test_C4_whose_signature_is_missing_is_told_on_opening_on_a_new_text_and_on_the_first_signature(way):
    one = way().in_review()
    head, manager, office = one.cast.department_head, one.cast.manager, one.cast.office
    before = {person: wanted_of(person) for person in (head, manager, office)}

    def fresh():
        found = {person for person in before if wanted_of(person) > before[person]}
        before.update({person: wanted_of(person) for person in before})
        return found

    forms.object(disposition_id=one.measure.pk, by=head, reason="当时车厢已满,应由调度负责。")
    assert fresh() == {head, manager, office}
    revise(one, manager)
    assert fresh() == {head}
    revise(one, head, "training")
    assert fresh() == {manager}
    sign(one, head)
    assert fresh() == {manager}
    sign(one, manager)
    assert fresh() == {office}, "both have signed: the ruling is next"


# ---- C5 ----


def test_C5_confirm(way):
    way = way().awaiting_ruling()
    forms.rule(form_id=way.form_id, by=way.cast.general_manager, words="同意")
    assert (way.form.state, way.form.ruling, way.measure.state) == ("executing", "confirm", "ruled")
    assert way.live("D16", "D17") == {"D17"}


def test_C5_change_within_the_cap(way):
    way = way().awaiting_ruling()
    change = {"kind": "deduct_amount", "amount": 900, "clause": "《考核办法》3.1", "reason": "屡次"}
    with pytest.raises(ValidationError):
        forms.rule(form_id=way.form_id, by=way.cast.general_manager, changes={way.measure.pk: change})
    assert (way.form.state, way.measure.state, way.measure.kind) == ("awaiting_ruling", "agreed", "warning")
    forms.rule(form_id=way.form_id, by=way.cast.general_manager, changes={way.measure.pk: change | {"amount": 200}})
    assert (way.form.ruling, way.measure.kind, way.measure.amount) == ("change", "deduct_amount", 200)
    assert Entry.objects.get(verb="rule", data__measure=way.measure.pk).data["before"]["kind"] == "warning"


def test_C5_strike_out_needs_a_reason_and_leaves_nothing_to_carry_out(way):
    way = way().awaiting_ruling()
    with pytest.raises(ValidationError):
        forms.rule(form_id=way.form_id, by=way.cast.general_manager, struck={way.measure.pk: ""})
    forms.rule(form_id=way.form_id, by=way.cast.general_manager, struck={way.measure.pk: "证据不足"})
    assert (way.form.ruling, way.measure.state, way.form.state) == ("change", "withdrawn", "executing")
    assert way.live("D17", "D18") == {"D18"}
    forms.hand_over(form_id=way.form_id, by=way.cast.department_head)
    assert way.form.state == "awaiting_check"


def test_C5_send_back_makes_drafts_and_a_new_D14(way, freeze, local):
    way = way().awaiting_ruling()
    freeze("2026-03-03 14:00")
    with pytest.raises(ValidationError):
        forms.send_back(form_id=way.form_id, by=way.cast.general_manager, reason="")
    forms.send_back(form_id=way.form_id, by=way.cast.general_manager, reason="责任人不明")
    assert (way.form.state, way.measure.state, way.form.round) == ("determining", "draft", 1)
    assert (way.limit("D16").state, way.limit("D14").due_at) == ("settled", local("2026-03-04 14:00"))


def test_C5_the_ruling_is_about_the_version_that_was_seen(way):
    way = way().awaiting_ruling()
    seen = way.form.version
    forms.answer(disposition_id=way.measure.pk, by=way.cast.person_concerned, words="当时车厢已满。")
    with pytest.raises(NotNow) as caught:
        forms.rule(form_id=way.form_id, by=way.cast.general_manager, seen_version=seen)
    assert caught.value.moved_by == "配送员罗"
    forms.rule(form_id=way.form_id, by=way.cast.general_manager, seen_version=way.form.version)


def test_C5_ruled_once(way):
    way = way().executing()
    with pytest.raises(NotNow) as caught:
        forms.rule(form_id=way.form_id, by=way.cast.general_manager)
    assert caught.value.moved_by == "总经理郑"


def told_of_ruling(entry_verb):
    entry = Entry.objects.filter(verb=entry_verb).exclude(data__has_key="measure").latest("pk")
    return {str(notice.receiver) for notice in Notice.objects.filter(cause=f"entry:{entry.pk}", template="ruled", channel="page")}


def test_C5_every_ruling_goes_to_the_manager_and_the_departments(way):
    by = way().cast.general_manager
    both = {"客服经理程", "配送部邓", "品管部蒋"}
    one = way()
    one.awaiting_ruling(one.one(), one.one(department=one.cast.product))
    forms.rule(form_id=one.form_id, by=by, struck={one.measures[1].pk: "证据不足"})
    assert told_of_ruling("rule") == both, "a department whose measures were struck out is told, too"
    two = way()
    two.awaiting_ruling(two.one(), two.one(department=two.cast.product))
    forms.rule(form_id=two.form_id, by=by, struck=dict.fromkeys([m.pk for m in two.measures], "证据不足"))
    assert told_of_ruling("rule") == both
    three = way()
    three.awaiting_ruling(three.one(), three.one(department=three.cast.product))
    forms.send_back(form_id=three.form_id, by=by, reason="责任人不明")
    assert told_of_ruling("send_back") == both
    four = way("I").determining()
    forms.no_fault(form_id=four.form_id, by=four.cast.manager, reason="客户误操作")
    forms.confirm_no_fault(form_id=four.form_id, by=by)
    assert told_of_ruling("confirm_no_fault") == {"客服经理程", str(four.form.item.department.head)}


def test_C5_a_ruling_is_told_in_the_language_of_whoever_reads_it(way):
    one = way().awaiting_ruling()
    with override("en"):
        forms.send_back(form_id=one.form_id, by=one.cast.general_manager, reason="责任人不明")
    notice = Notice.objects.filter(template="ruled", receiver=one.cast.manager).latest("pk")
    assert "退回" in wording.subject(notice, "zh-hans")
    assert "sent back" in wording.subject(notice, "en")
    assert "sent back" not in wording.text(notice, "zh-hans")
    assert all("责任人不明" in wording.text(notice, language) for language in ("zh-hans", "en"))


# ---- C6 ----


def test_C6_each_department_has_its_own_hours_to_carry_out(way, freeze):
    one = way()
    one.executing(one.one(), one.one(department=one.cast.product), one.one("talk", department=one.cast.product, user=one.cast.outsider))
    limits = {row.part: row for row in one.form.item.deadlines.filter(code="D17")}
    delivery, product = (f"d{department.pk}" for department in (one.cast.delivery, one.cast.product))
    assert {part: row.owner for part, row in limits.items()} == {delivery: one.cast.department_head, product: one.cast.product_head}

    def carried_out(measure, by):
        forms.carry_out(disposition_id=measure.pk, by=by, talk_on=clock.now().date(), talk_words="已谈话,本人认可。")
        return set(one.form.item.deadlines.filter(code="D17", state="running").values_list("part", flat=True))

    assert carried_out(one.measures[0], one.cast.department_head) == {product}
    assert carried_out(one.measures[1], one.cast.product_head) == {product}, "one more of this department"
    assert one.live("D18") == set()
    assert carried_out(one.measures[2], one.cast.product_head) == set()
    assert one.limit("D18").owner == one.cast.product_head


def test_C6_carried_out_with_the_talk_on_record(way, freeze):
    way = way()
    way.executing(way.one(), way.one(department=way.cast.product))
    with pytest.raises(ValidationError):
        forms.carry_out(disposition_id=way.measures[0].pk, by=way.cast.department_head, talk_on=clock.now().date(), talk_words="")
    with pytest.raises(ValidationError):
        forms.carry_out(disposition_id=way.measures[0].pk, by=way.cast.department_head, talk_on=date(2026, 3, 3), talk_words="明天谈")
    forms.carry_out(disposition_id=way.measures[0].pk, by=way.cast.department_head, talk_on=clock.now().date(), talk_words="已谈话")
    assert way.live("D17", "D18") == {"D17"}
    with pytest.raises(NotNow, match="品管部"):
        forms.hand_over(form_id=way.form_id, by=way.cast.department_head)
    forms.carry_out(disposition_id=way.measures[1].pk, by=way.cast.product_head, talk_on=clock.now().date(), talk_words="已谈话")
    assert way.live("D17", "D18") == {"D18"}
    freeze("2026-03-03 00:30")
    forms.hand_over(form_id=way.form_id, by=way.cast.department_head)
    assert (way.limit("D17").late, way.limit("D18").late) == (False, True)


def test_C6_the_hand_over_never_waits_for_the_customer(way):
    way = way().awaiting_check()
    assert way.states == ("awaiting_check", "processing")
    assert way.live("D19", "D20") == set(), "closure is not asked before the ticket has its result"
    way.result()
    assert way.live("D19", "D20") == {"D19"}


# ---- V8 ----


def test_V8_who_proposed_reviewed_or_ruled_does_nothing_of_the_rest(way):
    """One person with all four roles takes exactly one part on a form."""
    from feedback_desk.people.models import Department, Membership, Role

    way = way()
    one = way.cast.manager
    Membership.objects.bulk_create(Membership(user=one, role=role) for role in (Role.GENERAL_MANAGER, Role.INSPECTOR))
    Department.objects.filter(pk=way.cast.delivery.pk).update(head=one)
    one = type(one).objects.get(pk=one.pk)
    way.in_review()
    with pytest.raises(NotYou):
        forms.agree(disposition_id=way.measure.pk, by=one)
    forms.agree(disposition_id=way.measure.pk, by=way.cast.supervisor)  # the head's backup: the head proposed
    with pytest.raises(NotYou):
        forms.rule(form_id=way.form_id, by=one)
    forms.rule(form_id=way.form_id, by=way.cast.general_manager)
    forms.carry_out(disposition_id=way.measure.pk, by=one, talk_on=clock.now().date(), talk_words="已谈话")
    forms.hand_over(form_id=way.form_id, by=one)
    with pytest.raises(NotYou):
        forms.inspect(form_id=way.form_id, by=one, timely=True, severity="fitting")
    with pytest.raises(NotYou):
        forms.inspect(form_id=way.form_id, by=one, timely=True, severity="fitting", passed=False, faults="无谈话记录")
    forms.inspect(form_id=way.form_id, by=way.cast.inspector, timely=True, severity="fitting")


def test_V8_who_reviewed_does_not_rule(way, local):
    """Head and backup away: the general manager reviews as their superior, and may then not rule."""
    way = way()
    for person in (way.cast.department_head, way.cast.head_backup):
        Absence.objects.create(user=person, starts_at=local("2026-03-01 00:00"), ends_at=local("2026-04-01 00:00"))
    way.in_review()
    forms.agree(disposition_id=way.measure.pk, by=way.cast.general_manager)
    with pytest.raises(NotYou):
        forms.rule(form_id=way.form_id, by=way.cast.general_manager)
    forms.rule(form_id=way.form_id, by=way.cast.deputy)
    assert way.form.state == "executing"


def test_V8_who_signed_for_the_department_does_not_rule_on_that_text(way, local):
    """The head objected and went on leave, with the backup: the general manager signs in their place, and may then not rule."""
    one = way().negotiating()
    for person in (one.cast.department_head, one.cast.head_backup):
        Absence.objects.create(user=person, starts_at=local("2026-03-01 00:00"), ends_at=local("2026-04-01 00:00"))
    sign(one, one.cast.manager)
    sign(one, one.cast.general_manager)
    assert one.form.state == "awaiting_ruling"
    with pytest.raises(NotYou):
        forms.rule(form_id=one.form_id, by=one.cast.general_manager)
    forms.rule(form_id=one.form_id, by=one.cast.deputy)
