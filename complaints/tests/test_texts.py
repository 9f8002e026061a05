"""The text that decisions rest on: kept when it changes, shown when somebody decides on another one (C4, C5, decision 46)."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import translation

from complaints import services as forms
from complaints import texts
from feedback_desk import clock
from feedback_desk.people.access import Changed, NotNow
from feedback_desk.records.append_only import AppendOnlyError
from feedback_desk.records.models import Attachment
from tickets import services as tickets


def kept(way):
    found = texts.latest(way.form)
    assert found is not None
    return found


def seen(way):
    return kept(way).pk


def test_C4_a_head_who_saw_another_text_is_shown_what_changed_and_decides_again(cast, way):
    one = way().in_review()
    before = seen(one)
    ticket = one.ticket
    tickets.correct(ticket_id=ticket.pk, by=cast.agent, changes={"quantity": "3 台"}, reason="数量记错")
    with pytest.raises(Changed) as late:
        forms.agree(disposition_id=one.measure.pk, by=cast.department_head, seen_text=before)
    assert [(c.before, c.after) for c in late.value.changes] == [("", "3 台")]
    assert one.measure.state == "proposed"
    forms.agree(disposition_id=one.measure.pk, by=cast.department_head, seen_text=seen(one))
    assert one.form.state == "awaiting_ruling"


def test_C7_an_answer_given_meanwhile_is_shown_to_whoever_decides_next(cast, way):
    one = way().awaiting_ruling()
    before = seen(one)
    forms.answer(disposition_id=one.measure.pk, by=cast.person_concerned, words="当时车厢已满，是调度安排的。")
    for decide in (
        lambda: forms.rule(form_id=one.form_id, by=cast.general_manager, seen_text=before),
        lambda: forms.send_back(form_id=one.form_id, by=cast.general_manager, reason="再核实", seen_text=before),
    ):
        with pytest.raises(Changed) as late:
            decide()
        assert late.value.changes[0].after == "当时车厢已满，是调度安排的。"
    forms.rule(form_id=one.form_id, by=cast.general_manager, seen_text=seen(one))


def test_C4_what_is_said_of_another_departments_measure_does_not_hold_up_ones_own(cast, way):
    one = way()
    one.in_review(one.one(), one.one(kind="training", department=cast.product))
    before = seen(one)
    first, second = one.measures
    forms.object(disposition_id=first.pk, by=cast.department_head, reason="应由调度负责")
    forms.agree(disposition_id=second.pk, by=cast.product_head, seen_text=before)
    assert one.measures[1].state == "agreed"


def test_C4_a_signature_stands_under_the_text_that_was_seen(cast, way):
    one = way().negotiating()
    before, version = seen(one), one.measure.version
    forms.revise(disposition_id=one.measure.pk, by=cast.manager, seen_version=version, kind="talk", amount=None, clause="4.2", reason="减轻")
    with pytest.raises(Changed) as late:
        forms.sign(disposition_id=one.measure.pk, by=cast.department_head, seen_version=version, seen_text=before)
    assert any("减轻" in change.after for change in late.value.changes)


def test_C19_nobody_at_fault_is_agreed_to_on_the_text_that_was_seen(cast, way):
    one = way("I").determining()
    forms.no_fault(form_id=one.form_id, by=cast.manager, reason="客户自行拆装")
    before = seen(one)
    tickets.correct(ticket_id=one.ticket_id, by=cast.agent, changes={"what_happened": "送装师傅拆机时损坏。"}, reason="客户补充")
    with pytest.raises(Changed):
        forms.confirm_no_fault(form_id=one.form_id, by=cast.general_manager, seen_text=before)


@pytest.mark.parametrize("grade", ["I", "II"])
def test_C19_nobody_is_found_at_fault_on_the_text_that_was_seen(cast, way, grade):
    one = way(grade).determining()
    before = seen(one)
    tickets.correct(ticket_id=one.ticket_id, by=cast.agent, changes={"what_happened": "送装师傅拆机时损坏。"}, reason="客户补充")
    with pytest.raises(Changed) as late:
        forms.no_fault(form_id=one.form_id, by=cast.manager, reason="客户自行拆装", seen_text=before)
    assert "送装师傅拆机时损坏。" in [change.after for change in late.value.changes]
    assert one.form.state == "determining"
    forms.no_fault(form_id=one.form_id, by=cast.manager, reason="客户自行拆装", seen_text=seen(one))
    assert one.form.state == ("awaiting_ruling" if grade == "I" else "awaiting_check")


def test_C4_evidence_that_was_added_meanwhile_is_named_and_asks_anew(cast, way, freeze):
    one = way().in_review()
    before = seen(one)
    freeze("2026-03-02 15:30")
    tickets.attach(item_id=one.ticket.item_id, by=cast.agent, upload=SimpleUploadedFile("装车监控.txt", "侧放".encode()))
    with pytest.raises(Changed) as late:
        forms.agree(disposition_id=one.measure.pk, by=cast.department_head, seen_text=before)
    (change,) = late.value.changes
    assert (change.label, change.before) in {("文件", ""), ("File", "")}
    assert change.after.startswith("装车监控.txt (SHA-256 ")
    assert (late.value.moved_by, late.value.moved_at) == (str(cast.agent), clock.now())
    forms.agree(disposition_id=one.measure.pk, by=cast.department_head, seen_text=seen(one))


def test_C5_evidence_that_was_taken_away_or_replaced_is_named_too(cast, way):
    one = way()
    one.register(files=[SimpleUploadedFile("照片.txt", b"one")])
    forms.grade(form_id=one.form_id, by=cast.agent, grade="II")
    one.spoken().prepared()
    forms.begin_determination(form_id=one.form_id, by=cast.manager)
    one.awaiting_ruling()
    before = seen(one)
    Attachment.objects.get(name="照片.txt").delete()
    tickets.attach(item_id=one.ticket.item_id, by=cast.agent, upload=SimpleUploadedFile("照片.txt", b"two"))
    with pytest.raises(Changed) as late:
        forms.rule(form_id=one.form_id, by=cast.general_manager, seen_text=before)
    assert sorted((bool(c.before), bool(c.after)) for c in late.value.changes) == [(False, True), (True, False)]


def test_C4_files_are_unchanged_for_a_text_from_before_they_were_kept(way):
    now = texts.current(way().in_review().form)
    old = {**now, "fields": 2}
    assert texts.changes(old, {**now, "file:ab:x.txt": "x.txt"}) == []
    assert [c.after for c in texts.changes(now, {**now, "file:ab:x.txt": "x.txt"})] == ["x.txt"]


def test_C4_a_name_changed_in_the_back_office_asks_once_and_not_for_ever(cast, way, client):
    one = way().in_review()
    category = one.ticket.category
    category.name = "运输破损（含装卸）"
    category.save(update_fields=["name"])
    client.force_login(cast.department_head)
    url = reverse("workplace:disposition_move", args=[one.measure.pk, "agree"])
    late = client.post(url, {"seen_version": one.measure.version, "seen_text": seen(one)})
    assert late.status_code == 409
    assert "打开之后内容有变动" in late.content.decode(), "nobody is named who did not do it"
    sent = dict(re.findall(r'name="(seen_\w+)" value="(\d+)"', late.content.decode()))
    assert client.post(url, sent).status_code == 302
    assert one.measure.state == "agreed"


def test_C5_decided_meanwhile_says_who_and_when_rather_than_what_changed(cast, way):
    one = way().in_review()
    before = seen(one)
    forms.agree(disposition_id=one.measure.pk, by=cast.department_head, seen_text=before)
    with pytest.raises(NotNow, match="配送部邓") as late:
        forms.agree(disposition_id=one.measure.pk, by=cast.department_head, seen_text=before)
    assert not isinstance(late.value, Changed)


def test_a_text_is_kept_once_for_each_change_and_never_edited(cast, way):
    one = way().determined()
    count = one.form.texts.count()
    forms.submit(form_id=one.form_id, by=cast.manager)
    assert one.form.texts.count() == count
    last = kept(one)
    last.rows = {}
    with pytest.raises(AppendOnlyError):
        last.save()


def test_C15_a_new_round_begins_with_a_text_of_its_own_and_the_old_one_stays(cast, way):
    one = way().closed()
    before = kept(one)
    assert any(key.startswith("measure:") for key in before.rows)
    tickets.reopen(ticket_id=one.ticket_id, by=cast.agent, reason="又坏了")
    assert not any(key.startswith(("measure:", "share:")) for key in kept(one).rows)
    before.refresh_from_db()
    assert any(key.startswith("measure:") for key in before.rows)


@pytest.mark.parametrize(("language", "words"), [("zh-hans", "处理意见"), ("en", "Accountability measure")])
def test_changes_are_told_in_the_readers_language(cast, way, language, words):
    from django.utils.translation import override

    one = way().awaiting_ruling()
    with override(language):
        found = texts.changes({}, texts.current(one.form))
    assert any(change.label.startswith(words) for change in found)


def test_C4_who_corrected_the_ticket_is_named_and_not_who_wrote_on_the_form_before(cast, way, freeze):
    one = way().in_review()
    forms.answer(disposition_id=one.measure.pk, by=cast.person_concerned, words="当时车厢已满。")
    before = seen(one)
    freeze("2026-03-02 15:30")
    tickets.correct(ticket_id=one.ticket.pk, by=cast.agent, changes={"quantity": "3 台"}, reason="数量记错")
    with pytest.raises(Changed) as late:
        forms.agree(disposition_id=one.measure.pk, by=cast.department_head, seen_text=before)
    assert late.value.moved_by == str(cast.agent)
    assert late.value.moved_at == clock.now()


@pytest.mark.parametrize("field", ["model", "remark", "serial", "happened_where"])
def test_C4_everything_that_was_typed_of_the_matter_counts(cast, way, field):
    one = way().in_review()
    before = seen(one)
    tickets.correct(ticket_id=one.ticket.pk, by=cast.agent, changes={field: "客户已骨折住院"}, reason="补记")
    with pytest.raises(Changed) as late:
        forms.agree(disposition_id=one.measure.pk, by=cast.department_head, seen_text=before)
    assert [c.after for c in late.value.changes] == ["客户已骨折住院"]


def test_C4_a_text_from_before_more_was_kept_does_not_ask_anew(way):
    one = way().in_review()
    now = texts.current(one.form)
    old = {key: value for key, value in now.items() if key not in ("fields", *texts.MORE_OF_TICKET)}
    assert texts.changes(old, {**now, "model": "XQ-10"}) == []
    assert [c.after for c in texts.changes(now, {**now, "model": "XQ-10"})] == ["XQ-10"]


def test_C2_C10_requests_are_answered_on_the_text_that_was_seen(cast, way):
    """Setting aside and abnormal closing: what was written meanwhile is shown, and asks for a new decision."""
    parking, closing = way("II").determining(), way().visiting()
    forms.ask_parking(form_id=parking.form_id, by=cast.manager, parking_reason="parts", contact="客服林", reason="等配件")
    forms.ask_abnormal(form_id=closing.form_id, by=cast.agent, ground="conflict", words="合同第 8 条：定制品不退")
    for one, decide, by in (
        (parking, forms.park, cast.general_manager), (parking, lambda **more: forms.refuse_parking(reason="再查", **more), cast.general_manager),
        (closing, lambda **more: forms.rule_abnormal(reason="同意", **more), cast.manager),
        (closing, lambda **more: forms.refuse_abnormal(reason="再谈", **more), cast.manager),
    ):  # fmt: skip
        before = seen(one)
        tickets.correct(ticket_id=one.ticket.pk, by=cast.agent, changes={"remark": f"客户受伤 {before}"}, reason="补记")
        with pytest.raises(Changed):
            decide(form_id=one.form_id, by=by, seen_text=before)
    assert (parking.form.state, closing.form.state) == ("determining", "visiting")
    forms.park(form_id=parking.form_id, by=cast.general_manager, seen_text=seen(parking))
    assert parking.form.state == "outstanding"


def test_the_text_is_the_same_whatever_the_language_of_who_reads_or_writes(cast, way):
    one = way()
    one.in_review(one.one(user=None, department=cast.product))
    with translation.override("en"):
        assert one.measure.target == "Quality"
        assert texts.current(one.form) == kept(one).rows
