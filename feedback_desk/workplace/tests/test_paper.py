"""The complaint form on paper: everything on it, in both languages, as a page and as a PDF whose Chinese letters are inside it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pypdfium2
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.translation import override

from complaints import services as forms
from feedback_desk import clock
from feedback_desk.workplace import paper, pdf
from feedback_desk.workplace.matter import Matter
from tests.ways import summed_up
from tests.ways import way as new_way
from tickets import services as tickets

way = new_way


@pytest.fixture
def closed(way):
    one = way("I")
    one.in_review()
    forms.answer(disposition_id=one.measure.pk, by=one.cast.person_concerned, words="当时车厢已满。")
    forms.agree(disposition_id=one.measure.pk, by=one.cast.department_head)
    forms.rule(form_id=one.form_id, by=one.cast.general_manager, words="同意，举一反三。")
    one.carry_out()
    forms.hand_over(form_id=one.form_id, by=one.cast.department_head)
    one.result()
    forms.inspect(form_id=one.form_id, by=one.cast.inspector, timely=True, severity="fitting")
    summed_up(one.form_id, one.cast, "卸货侧放所致；换新得当。")
    one.visit()
    return one


def matter_of(one, reader):
    form = one.form
    return Matter(form.ticket, reader, form)


def pictures(content):
    with pypdfium2.PdfDocument(content) as document:
        return [page.render(scale=1).to_pil().tobytes() for page in document]


def test_everything_that_was_decided_stands_on_the_sheet(cast, closed):
    said = " ".join(f"{row.text} {row.sign or ''}" for row in paper.sheet(matter_of(closed, cast.manager)).rows)
    decided = ("外壳凹陷", "侧放大件", "《配送作业规范》4.2", "当时车厢已满", "配送部邓", "举一反三", "总经理郑")
    done = ("本人认可", "质检冯", "换新机", "新机运转正常", "换新得当")
    for words in (*decided, *done):
        assert words in said, words


def test_C9_faults_and_who_was_responsible_for_them_stand_on_the_sheet(cast, way):
    one = way().awaiting_check().result()
    forms.inspect(form_id=one.form_id, by=cast.inspector, timely=True, severity="mild", faults="谈话记录无日期", passed=False)
    forms.hand_over(form_id=one.form_id, by=cast.department_head, department_id=cast.delivery.pk, words="谈话后未补日期，已补。")
    forms.inspect(form_id=one.form_id, by=cast.inspector, timely=True, severity="fitting", faults="已补齐")
    said = {row.label: row.text for row in paper.sheet(matter_of(one, cast.manager)).rows}
    assert "谈话记录无日期" in said["质检退回"]
    assert "配送部" in said["差错责任方"]
    assert "谈话后未补日期，已补。" in said["差错责任方"]


def test_the_sheet_takes_as_many_queries_at_one_measure_as_at_four(cast, way):
    one, many = way().in_review(), way()
    many.in_review(*(many.one(kind=kind) for kind in ("talk", "training", "warning")), many.one(kind="training", department=cast.product))
    counts = []
    for each in (one, many):
        found = matter_of(each, cast.manager)
        with CaptureQueriesContext(connection) as taken:
            paper.sheet(found)
        counts.append(len(taken))
    assert counts[0] == counts[1] <= 40


def test_a_draft_nobody_submitted_is_not_printed(cast, way):
    one = way().determined()
    assert all("《配送作业规范》" not in row.text for row in paper.sheet(matter_of(one, cast.manager)).rows)


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_pdf_carries_its_letters_inside(cast, closed, client, language):
    client.force_login(cast.manager)
    answer = client.get(reverse("workplace:paper_pdf", args=[closed.form.item.number, language]))
    assert answer["Content-Type"] == "application/pdf"
    assert re.search(rb"/BaseFont\s*/AAAAA[A-Z]\+NotoSansSC", answer.content)
    assert b"/FontFile2" in answer.content


def test_chinese_letters_are_drawn_as_themselves_and_not_as_boxes(cast, closed):
    """A letter without a glyph is a box whatever it is: two texts that differ in one letter would be the same picture."""
    with override("zh-hans"):
        sheet = paper.sheet(matter_of(closed, cast.manager))
    rows = [replace(sheet.rows[0], text=f"客户{letter}先生") for letter in "陈张龘"]
    drawn = [pictures(pdf.render(replace(sheet, rows=[row, *sheet.rows[1:]])))[0] for row in rows]
    assert len(set(drawn)) == len(rows)


def test_a_text_of_20000_letters_goes_on_over_the_pages(cast, closed):
    sheet = paper.sheet(matter_of(closed, cast.manager))
    pages = pictures(pdf.render(replace(sheet, rows=[*sheet.rows, paper.Row("经过", "客户来电反映外壳凹陷。" * 1900)])))
    assert len(pages) > 8


def test_signs_of_markup_in_a_text_are_letters(cast, closed):
    sheet = paper.sheet(matter_of(closed, cast.manager))
    assert pdf.render(replace(sheet, rows=[paper.Row("备注", "<b>5 < 6 & 7 > 6</b><br")]))


def test_V3_whoever_is_named_in_it_gets_no_paper(cast, closed, client):
    client.force_login(cast.person_concerned)
    for name, more in (("paper", []), ("paper_pdf", ["zh-hans"])):
        assert client.get(reverse(f"workplace:{name}", args=[closed.form.item.number, *more])).status_code == 404
    client.force_login(cast.manager)
    assert client.get(reverse("workplace:paper_pdf", args=[closed.form.item.number, "fr"])).status_code == 404


def said_on(sheet):
    return " ".join(f"{row.text} {row.sign or ''}" for row in sheet.rows)


def test_C15_a_second_round_prints_nothing_of_the_first_and_the_first_can_be_printed_again(cast, closed, client):
    before = said_on(paper.sheet(matter_of(closed, cast.manager)))
    forms.reopen(form_id=closed.form_id, by=cast.agent, reason="新机仍有异响")
    second = said_on(paper.sheet(matter_of(closed, cast.manager)))
    for words in ("侧放大件", "配送部邓", "举一反三", "质检冯", "新机运转正常", "换新得当", "装车单显示侧放"):
        assert words not in second, words
    assert "新机仍有异响" in second
    assert said_on(paper.sheet(matter_of(closed, cast.manager), 1)) == before
    client.force_login(cast.manager)
    url = reverse("workplace:paper", args=[closed.form.item.number])
    assert "?round=1" in client.get(url).content.decode()
    assert "举一反三" in client.get(url, {"round": 1}).content.decode()
    assert client.get(reverse("workplace:paper_pdf", args=[closed.form.item.number, "en"]), {"round": 1}).status_code == 200
    for wrong in ("0", "3", "x"):
        assert client.get(url, {"round": wrong}).status_code == 404


def test_C4_a_negotiated_measure_prints_the_objection_and_the_agreement(cast, way):
    one = way().negotiating()
    for person in (cast.department_head, cast.manager):
        forms.sign(disposition_id=one.measure.pk, by=person, seen_version=one.measure.version)
    said = said_on(paper.sheet(matter_of(one, cast.manager)))
    assert "应由调度负责" in said
    assert "协商" in said


def test_C5_signatures_that_fell_when_it_was_sent_back_are_not_printed(cast, way):
    one = way().awaiting_ruling()
    forms.send_back(form_id=one.form_id, by=cast.general_manager, reason="重新认定")
    one.determine([one.one("talk")])
    forms.submit(form_id=one.form_id, by=cast.manager)
    assert "配送部邓" not in said_on(paper.sheet(matter_of(one, cast.manager)))


def test_C5_what_was_sent_back_in_the_second_round_takes_nothing_from_the_paper_of_the_first(cast, closed):
    before = said_on(paper.sheet(matter_of(closed, cast.manager)))
    forms.reopen(form_id=closed.form_id, by=cast.supervisor, reason="新机仍有异响")
    closed.determine([closed.one("talk")])
    forms.submit(form_id=closed.form_id, by=cast.manager)
    forms.agree(disposition_id=closed.measure.pk, by=cast.department_head)
    forms.send_back(form_id=closed.form_id, by=cast.general_manager, reason="重新认定")
    assert said_on(paper.sheet(matter_of(closed, cast.manager), 1)) == before


def test_C15_an_end_that_was_a_mistake_is_not_printed(cast, way):
    one = way().graded()
    tickets.invalidate(ticket_id=one.ticket_id, by=cast.supervisor, reason="误报", explanation="已说明不属本店商品，建议联系卖家")
    with override("zh-hans"):
        assert "误报" in row_of(paper.sheet(matter_of(one, cast.manager)), "结案方式").text
    tickets.restore(ticket_id=one.ticket_id, by=cast.supervisor, reason="客户补充了订单")
    with override("zh-hans"):
        assert row_of(paper.sheet(matter_of(one, cast.manager)), "结案方式").text == ""
    tickets.withdraw(ticket_id=one.ticket_id, by=cast.agent, reason="客户来电撤诉")
    forms.close_withdrawn(form_id=one.form_id, by=cast.supervisor, reason="客户来电撤诉")
    forms.reopen(form_id=one.form_id, by=cast.supervisor, reason="客户反悔")
    with override("zh-hans"):
        first = paper.sheet(matter_of(one, cast.manager), 1)
    assert row_of(first, "状态").text == "已关闭"
    assert "误报" not in row_of(first, "结案方式").text


def test_the_english_sheet_has_the_punctuation_of_english(cast, closed):
    with override("en"):
        sheet = paper.sheet(matter_of(closed, cast.manager))
    ours = [row for row in sheet.rows if row.label in ("Customer", "Who is responsible", "Accountability measures", "Carried out", "Verification")]
    assert len(ours) == 5
    for row in ours:
        assert not set("（）；：、，") & set(row.text), row.text


@pytest.mark.parametrize("text", ["短句。\n" * 300, "\n" * 200 + "完", "一" * 900 + "\n" + "行\n" * 139, "word " * 3000])
def test_a_text_of_many_lines_goes_on_over_the_pages(cast, closed, text):
    sheet = paper.sheet(matter_of(closed, cast.manager))
    assert pdf.render(replace(sheet, rows=[paper.Row("情况", text)])).startswith(b"%PDF")
    assert "".join(pdf._parts(text)).replace("\n", "") == text.replace("\n", "")


def row_of(sheet, label):
    return next((row for row in sheet.rows if row.label == label), paper.Row(label))


def test_C10_abnormal_closing_is_printed_with_its_ground_who_asked_and_who_ruled(cast, way, client):
    one = way().visiting()
    forms.ask_abnormal(form_id=one.form_id, by=cast.agent, ground="conflict", words="合同第 8 条：退一赔三为限")
    forms.refuse_abnormal(form_id=one.form_id, by=cast.manager, reason="先再联系一次")
    forms.ask_abnormal(form_id=one.form_id, by=cast.agent, ground="conflict", words="合同第 8 条，客户仍要求退一赔十")
    forms.rule_abnormal(form_id=one.form_id, by=cast.manager, reason="同意，已无可协商")
    with override("zh-hans"):
        sheet = paper.sheet(matter_of(one, cast.manager))
    lines = row_of(sheet, "非正常关闭").text.split("\n")
    for line, said in zip(lines, ("退一赔三为限", "先再联系一次", "仍要求退一赔十", "已无可协商"), strict=True):
        assert said in line
    assert "诉求与合同" in lines[0]
    assert ["客服林" in line for line in lines] == [True, False, True, False]
    assert ["客服经理程" in line for line in lines] == [False, True, False, True]
    assert row_of(sheet, "状态").text == "非正常关闭"
    assert row_of(sheet, "状态").beside == ("结案时间", "2026-03-02 09:00:00")
    assert "非正常关闭（客服经理程" in row_of(sheet, "结案方式").text
    with override("en"):
        assert "Asked for abnormal closing" in row_of(paper.sheet(matter_of(one, cast.manager)), "Abnormal closing").text
    forms.reopen(form_id=one.form_id, by=cast.supervisor, reason="客户来电")
    with override("zh-hans"):
        second, first = (paper.sheet(matter_of(one, cast.manager), n) for n in (2, 1))
    assert not row_of(second, "非正常关闭").text
    assert row_of(first, "非正常关闭").text.split("\n") == lines
    assert (row_of(first, "状态").text, row_of(first, "状态").beside) == ("非正常关闭", ("结案时间", "2026-03-02 09:00:00"))
    assert row_of(first, "结案方式") == row_of(sheet, "结案方式")


def test_C8_setting_aside_is_printed_with_its_reason_and_until_when(cast, way, freeze):
    one = way().determining()
    forms.ask_parking(form_id=one.form_id, by=cast.manager, parking_reason="parts", contact="客服林 027-8888", reason="等德国配件")
    forms.park(form_id=one.form_id, by=cast.general_manager)
    with override("zh-hans"):
        sheet = paper.sheet(matter_of(one, cast.manager))
    assert [word in row_of(sheet, "未了事宜").text for word in ("等待配件", "等德国配件", "客服林 027-8888", "客服经理程", "总经理郑")] == [True] * 5
    assert (row_of(sheet, "状态").text, row_of(sheet, "状态").beside, row_of(sheet, "结案方式").text) == ("未了事宜", ("结案时间", "–"), "")
    freeze("2026-03-09 10:00")
    forms.resume(form_id=one.form_id, by=cast.manager, reason="配件已到")
    with override("zh-hans"):
        last = row_of(paper.sheet(matter_of(one, cast.manager)), "未了事宜").text.split("\n")[-1]
    assert "配件已到" in last
    assert "2026-03-09 10:00" in last


def test_C10_how_a_round_ended_is_printed(cast, closed, way):
    with override("zh-hans"):
        sheet = paper.sheet(matter_of(closed, cast.manager))
    assert row_of(sheet, "状态").text == "已关闭"
    assert "客户回访认可" in row_of(sheet, "结案方式").text
    one = way().visiting()
    one.visit(accepted=False)
    with override("zh-hans"):
        first = paper.sheet(matter_of(one, cast.manager), 1)
    assert (row_of(first, "状态").text, row_of(first, "状态").beside) == ("待回访", ("结案时间", "–"))
    assert "新机仍有异响" in row_of(first, "结案方式").text


def test_C1_C18_G2_the_sheet_names_the_departments_the_inspection_on_site_and_when_the_police_was_told(cast, way):
    one = way().graded()
    department, colleague = {"department_ids": [cast.delivery.pk, cast.product.pk]}, cast.outsider.pk
    forms.check_facts(form_id=one.form_id, by=cast.agent, colleague_id=colleague, found="外箱有压痕", on_site=True)
    forms.decide_handling(form_id=one.form_id, by=cast.supervisor, lead_id=cast.agent.pk, reply="主管书面答复", measures="先行封存", **department)
    reported: dict[str, Any] = {"station": "城东派出所", "number": "B-7", "reported_at": clock.now()}
    forms.report_to_police(form_id=one.form_id, by=cast.agent, suspicion="部件失窃", **reported)
    with override("zh-hans"):
        sheet = paper.sheet(matter_of(one, cast.manager))
    assert any(row.text.startswith("外箱有压痕\n需现场查看") for row in sheet.rows if row.label == "核实情况")
    assert all(department.name in row_of(sheet, "处理决定").text for department in (cast.delivery, cast.product))
    assert row_of(sheet, "报案记录").text == "部件失窃 城东派出所 B-7 2026-03-02 09:00:00"


def test_F3_how_the_customer_is_stands_on_the_sheet_in_words(cast, way):
    one = way().visiting()
    one.visit(said="新机装好了", comment="")
    with override("zh-hans"):
        assert row_of(paper.sheet(matter_of(one, cast.manager)), "回访").text == "满意\n新机装好了"


def test_C4_both_opinions_that_the_office_reported_are_printed(cast, way):
    way = way().negotiating()
    forms.report_split(form_id=way.form_id, by=cast.office, reason="客服坚持警告；配送部主张谈话")
    with override("zh-hans"):
        assert "未达成一致，双方意见上报总经理：客服坚持警告；配送部主张谈话" in row_of(paper.sheet(matter_of(way, cast.manager)), "部门意见").text
