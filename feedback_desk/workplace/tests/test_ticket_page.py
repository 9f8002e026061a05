"""The ticket's page: who sees it, how many queries, what the story says."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from complaints import services as forms
from complaints.models import ReplyTemplate
from complaints.models.form import AbnormalGround
from feedback_desk import clock
from feedback_desk.deadlines import services as deadlines
from feedback_desk.deadlines.models import Deadline
from feedback_desk.deadlines.sweep import until_done
from feedback_desk.records.models import Entry, Reading
from feedback_desk.records.moves import changed_meanwhile
from feedback_desk.workplace.counts import of_nav
from feedback_desk.workplace.models import Draft
from feedback_desk.workplace.tests import way
from followups.models import Visit
from tests.ways import comes_next, replied
from tickets import services as tickets
from tickets.models import Category, Contact, Ticket
from tickets.tasks import apply_steps

pytestmark = pytest.mark.django_db
NEXT = {"next_step": "送货前再致电确认", "next_at": "2026-03-03T10:00"}


@pytest.fixture
def ticket(cast, customer, freeze):
    freeze("2026-03-02 09:00")
    return way.complaint(cast, customer)


def page_of(ticket):
    return reverse("workplace:ticket", args=[ticket.item.number])


@pytest.mark.parametrize("station", way.STATIONS)
def test_the_page_shows_every_station_of_the_way(cast, ticket, client, station):
    form = way.walk(cast, ticket, station)
    for person in (cast.agent, cast.supervisor, cast.manager, cast.general_manager, cast.office, cast.inspector, cast.visitor):
        client.force_login(person)
        assert client.get(page_of(ticket), {"tab": "determination"}).status_code == 200
        assert client.get(reverse("workplace:form", args=[form.item.number])).status_code == 200
    for tab in ("story", "files", "related"):
        assert client.get(page_of(ticket), {"tab": tab}).status_code == 200
    assert client.get(reverse("workplace:paper", args=[form.item.number])).status_code == 200
    assert client.get(reverse("workplace:story", args=[ticket.item.number])).status_code == 200


@pytest.mark.parametrize(("station", "contacts"), [*((station, 3) for station in way.STATIONS), ("drafted", 1), ("drafted", 50)])
def test_the_page_takes_at_most_twenty_queries_at_every_station(cast, ticket, client, station, contacts):
    """Whoever reads it: also the one whose turn it is, whose moves ask their guards."""
    way.walk(cast, ticket, station)
    for n in range(contacts - 1 if station != "closed" else 0):
        said: dict[str, Any] = {"way": "call_out", "said": f"第 {n} 次跟进，说明进度", "customer_says": "知道了，等送货"}
        tickets.record_contact(ticket_id=ticket.pk, by=cast.agent, **said, **comes_next())
    assert Deadline.objects.filter(root=ticket.item).count() >= 5
    for person in (cast.manager, cast.agent, cast.supervisor, cast.general_manager, cast.office, cast.inspector, cast.visitor):
        client.force_login(person)
        with CaptureQueriesContext(connection) as seen:
            assert client.get(page_of(ticket)).status_code == 200
        assert len(seen.captured_queries) <= 20, f"{person}: " + "\n".join(q["sql"][:200] for q in seen.captured_queries)


def test_F1_a_contact_is_recorded_from_the_composer_and_its_draft_is_gone(cast, ticket, client):
    client.force_login(cast.agent)
    place = f"ticket:{ticket.pk}:contact"
    Draft.objects.create(user=cast.agent, place=place, data={"said": ["半句"]}, saved_at=clock.now())
    url = reverse("workplace:contact", args=[ticket.item.number])
    typed = {"way": "call_out", "reached": "yes", "purpose": "follow_up", "said": "已与仓库确认现货", "customer_says": "", **NEXT}
    refused = client.post(url, typed)
    assert refused.status_code == 422
    assert "已与仓库确认现货" in refused.content.decode()
    assert Draft.objects.filter(place=place).exists()
    assert client.post(url, typed | {"customer_says": "同意下午送"}).status_code == 302
    assert not Draft.objects.filter(place=place).exists()
    assert "同意下午送" in client.get(page_of(ticket)).content.decode()


def test_a_formal_reply_and_a_note_are_kept_apart(cast, ticket, client):
    client.force_login(cast.agent)
    reply = {"as": "reply", "way": "email", "reached": "yes", "said": "查明为卸货侧放，已安排换新。", "customer_says": "收到，认可", **NEXT}
    assert client.post(reverse("workplace:contact", args=[ticket.item.number]), reply).status_code == 302
    assert client.post(reverse("workplace:note", args=[ticket.item.number]), {"text": "仓库有货"}).status_code == 302
    assert Contact.objects.get(item=ticket.item).purpose == "formal_reply"
    page = client.get(page_of(ticket)).content.decode()
    assert "bubble-internal" in page


def test_C3_the_determination_is_saved_row_by_row_without_javascript(cast, ticket, client):
    form = way.walk(cast, ticket, "determining")
    client.force_login(cast.manager)
    who = {"who-0-user": cast.person_concerned.pk, "who-0-department": "", "who-0-share": "80", "who-0-because": "侧放"}
    what = {"what-0-user": cast.person_concerned.pk, "what-0-department": "", "what-0-kind": "warning", "what-0-clause": "4.2", "what-0-reason": "不得侧放"}
    counts = {f"{p}-{n}_FORMS": v for p in ("who", "what") for n, v in (("TOTAL", 2), ("INITIAL", 0))}
    empty = {"who-1-share": "", "who-1-because": "", "what-1-kind": "", "what-1-clause": "", "what-1-reason": ""}
    url = reverse("workplace:determine", args=[form.item.number])
    typed = {**counts, **who, **what, **empty, "findings": "卸货侧放", "seen_version": form.version}
    assert client.post(url, typed | {"who-0-share": "120"}).status_code == 422
    assert client.post(url, typed | {"seen_version": form.version - 1}).status_code == 409
    assert client.post(url, typed).status_code == 302
    saved = way.fresh(ticket)
    assert [(r.user, r.share) for r in saved.responsibilities.all()] == [(cast.person_concerned, 80)]
    assert [m.kind for m in saved.dispositions.all()] == ["warning"]
    page = client.get(reverse("workplace:form", args=[form.item.number])).content.decode()
    assert "80" in page


def test_C3_rows_that_were_not_touched_stay_when_the_draft_is_saved_again(cast, ticket, client):
    form = way.walk(cast, ticket, "determining")
    client.force_login(cast.manager)
    who = {"who-0-user": cast.person_concerned.pk, "who-0-department": cast.person_concerned.department_id, "who-0-share": "80", "who-0-because": "侧放"}
    what = {"what-0-user": cast.person_concerned.pk, "what-0-department": cast.person_concerned.department_id, "what-0-kind": "warning"}
    what |= {"what-0-clause": "4.2", "what-0-reason": "不得侧放"}
    url, typed = reverse("workplace:determine", args=[form.item.number]), {**who, **what}
    others = (1, {"findings": "卸货侧放，已看监控"}, 1), (1, {"who-0-because": "卸货侧放"}, 1), (1, {"what-0-DELETE": "on"}, 0)
    for initial, changes, left in ((0, {}, 1), *others):
        typed |= {f"{p}-{n}_FORMS": v for p in ("who", "what") for n, v in (("TOTAL", initial + 2), ("INITIAL", initial))}
        typed |= {"findings": "卸货侧放", **changes, "seen_version": way.fresh(ticket).version}
        assert client.post(url, typed).status_code == 302
        saved = way.fresh(ticket)
        assert [(r.user, r.share) for r in saved.responsibilities.all()] == [(cast.person_concerned, 80)]
        assert saved.dispositions.count() == left
    assert saved.responsibilities.get().because == "卸货侧放"


def test_C8_a_matter_set_aside_is_marked_wherever_the_customer_or_the_thing_appears(cast, ticket, customer, client):
    form = way.walk(cast, ticket, "determining")
    Ticket.objects.filter(pk=ticket.pk).update(serial="LH-1")
    forms.ask_parking(form_id=form.pk, by=cast.manager, parking_reason="parts", contact="客服林", reason="等配件")
    forms.park(form_id=form.pk, by=cast.general_manager)
    other = tickets.create_customer(by=cast.agent, name="何青", phone="13700010002")
    again, same_thing, neither = way.complaint(cast, customer), way.complaint(cast, other, serial="LH-1"), way.complaint(cast, other, serial="")
    client.force_login(cast.agent)
    marked = [t for t in (ticket, again, same_thing, neither) if "另有未了事宜" in client.get(page_of(t)).content.decode()]
    assert marked == [again, same_thing]


def test_F3_a_visit_is_recorded_with_its_scores_and_closes_the_form(cast, ticket, client):
    form = way.walk(cast, ticket, "visiting")
    replied(form.pk, cast)
    client.force_login(cast.visitor)
    assert ticket.item.title in client.get(reverse("workplace:visits")).content.decode()
    url = reverse("workplace:record_visit", args=[form.item.number])
    typed = {"reached": "yes", "said": "新机正常", "mood": "satisfied", "speed": "5", "solution": "3", "attitude": "5", "accepted": "yes", "comment": "挺快"}
    assert client.post(url, typed | {"speed": ""}).status_code == 422
    assert client.post(url, typed).status_code in (409, 422)  # no case summary yet (C20)
    assert client.post(url, typed | {"case_summary": "侧放所致；换新得当。"}).status_code == 302
    assert way.fresh(ticket).state == "closed"
    client.force_login(cast.supervisor)
    visit = Visit.objects.get(ticket=ticket)
    told = {"why": "等了两天", "agreed": "下次先电话", "no_step": "on"}
    assert client.post(reverse("workplace:second_follow_up", args=[visit.pk]), told).status_code == 422
    assert client.post(reverse("workplace:second_follow_up", args=[visit.pk]), told | {"no_step_why": "客户已谅解，事情已了结"}).status_code == 302


def test_T16_the_composer_asks_which_promises_are_over_and_ends_those_that_were_ticked(cast, ticket, client, local):
    said = {"ticket_id": ticket.pk, "by": cast.agent, "way": "call_out", "said": "说明退款进度", "customer_says": "好的，等到账"}
    tickets.record_contact(**said, next_step="财务付款", promised_at=local("2026-03-20 12:00"))
    tickets.record_contact(**said, next_step="告知送货时间", promised_at=local("2026-03-03 00:00"))
    refund, call = Deadline.objects.filter(code="D38").order_by("pk")
    client.force_login(cast.agent)
    page = client.get(page_of(ticket)).content.decode()
    panel = page[page.index('id="panel-contact"') :]
    assert "财务付款：最迟3月20日 12:00" in panel
    ticks = [tick for tick in re.findall(r"<input[^>]*>", panel[: panel.index("</form>")]) if 'name="kept"' in tick]
    assert [(f'value="{call.pk}"' in tick, "checked" in tick) for tick in ticks] == [(True, True), (False, False)], "due by the end of today, and not"
    typed = {"way": "call_in", "reached": "yes", "said": "补充收货地址", "customer_says": "门牌写错了", "no_step": "on", "no_step_why": "地址已改，等付款"}
    assert client.post(reverse("workplace:contact", args=[ticket.item.number]), typed | {"kept": [call.pk, 987654]}).status_code == 302
    assert [state for state, _due in promised(ticket)] == ["running", "settled"]
    assert client.post(reverse("workplace:contact", args=[ticket.item.number]), typed | {"kept": [call.pk]}).status_code == 302, "it is over already"
    tickets.record_contact(**said, kept=[refund.pk], no_step_why="款项已到账，客户已确认")
    assert 'name="kept"' not in client.get(page_of(ticket)).content.decode()


def test_C10_who_waits_for_the_result_stands_apart_from_who_is_to_be_visited(cast, ticket, client):
    form = way.walk(cast, ticket, "visiting")
    client.force_login(cast.visitor)

    def lists():
        shown = client.get("/desk/visits/").context
        return [row.form.pk for row in shown["due"]], [row.form.pk for row in shown["waiting"]], of_nav(shown["user"])["visits"]

    assert lists() == ([form.pk], [], 1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tickets_ticket SET state = 'processing' WHERE id = %s", [ticket.pk])
    assert lists() == ([], [form.pk], 0)


def test_C20_the_visitor_reads_before_the_call_what_closing_lacks(cast, ticket, client):
    form = way.walk(cast, ticket, "visiting", grade="I")
    client.force_login(cast.visitor)
    lacks = client.get(reverse("workplace:record_visit", args=[form.item.number])).context["lacks"]
    assert [sentence for sentence in lacks if "管理层" in sentence]
    forms.report_to_management(form_id=form.pk, by=cast.manager, report="起因与经过", proposals="增加全检")
    assert client.get(reverse("workplace:record_visit", args=[form.item.number])).context["lacks"] == lacks[:-1]


def promised(ticket):
    return list(Deadline.objects.filter(root=ticket.item, code="D38").order_by("pk").values_list("state", "due_at"))


def test_T16_pages_of_letter_visit_and_second_call_take_the_date_that_was_told(cast, ticket, client, local):
    form = way.walk(cast, ticket, "visiting")
    said = {"found": "侧放", "done": "换机", "prevented": "加贴标识", "apology": "深表歉意"}
    draft = forms.draft_reply(form_id=form.pk, by=cast.supervisor, template_id=ReplyTemplate.objects.filter(language="zh-hans").earliest("order").pk, **said)
    client.force_login(cast.supervisor)
    act, when = reverse("workplace:form_act", args=[form.item.number, "send_reply"]), {"promised_at": "2026-03-05T10:00"}
    assert 'name="promised_at"' in client.get(act).content.decode()
    assert client.post(act, {"seen": draft.pk, "way": "letter", **when}).status_code == 302
    client.force_login(cast.visitor)
    url = reverse("workplace:record_visit", args=[form.item.number])
    assert 'name="promised_at"' in client.get(url).content.decode()
    scores = {"mood": "satisfied", "speed": "5", "solution": "3", "attitude": "5"}
    typed = {"reached": "yes", "said": "新机正常", "accepted": "yes", "case_summary": "侧放所致；换新得当。", **scores}
    older = Deadline.objects.get(root=ticket.item, code="D38")
    assert client.post(url, typed | when | {"promised_at": "2026-03-06T10:00", "kept": older.pk}).status_code == 302
    client.force_login(cast.supervisor)
    again, newer = reverse("workplace:second_follow_up", args=[Visit.objects.get().pk]), Deadline.objects.filter(code="D38").latest("pk")
    assert "回访时告知：最迟3月6日 10:00" in client.get(again).content.decode()
    called = {"why": "等了两天", "agreed": "下次先电话", "next_step": "送配件", "promised_at": "2026-03-07T10:00", "kept": newer.pk}
    assert client.post(again, called).status_code == 302
    assert promised(ticket) == [("settled", local("2026-03-05 10:00")), ("settled", local("2026-03-06 10:00")), ("running", local("2026-03-07 10:00"))]


def test_V4_contact_data_is_masked_and_shown_only_for_a_reason_that_is_recorded(cast, ticket, client):
    client.force_login(cast.agent)
    page = client.get(page_of(ticket)).content.decode()
    assert "13812342071" not in page
    assert "138****2071" in page
    point = ticket.customer.contact_points.get(kind="phone")
    shown = client.post(reverse("workplace:reveal", args=[point.pk]), {"why": "回电", "item": ticket.item.number}, headers={"HX-Request": "true"})
    assert "13812342071" in shown.content.decode()
    assert Reading.objects.get(by=cast.agent).item == ticket.item
    client.force_login(cast.inspector)
    assert 'hx-post="' + reverse("workplace:reveal", args=[point.pk]) not in client.get(page_of(ticket)).content.decode()


PASSED, NEAR = "时限已过，已上报", "时限将至"


@pytest.fixture
def story(cast, client):
    def read(ticket):
        client.force_login(cast.supervisor)
        return client.get(page_of(ticket)).content.decode().split('id="story"')[1].split("</ol>")[0]

    return read


def test_C1_what_the_form_lacks_leads_to_where_it_is_written_and_the_result_is_not_offered_before_it(cast, ticket, client):
    way.walk(cast, ticket, "graded")
    client.force_login(cast.agent)
    matter = client.get(page_of(ticket)).context["matter"]
    begin, result = (next(b for b in matter.buttons if b.name == name) for name in ("begin_determination", "offer_result"))
    assert begin.missing
    assert begin.missing_url.endswith("?tab=handling")
    assert (begin.primary, result.primary) == (True, False)
    assert "核实情况" in client.get(begin.missing_url).content.decode()


def test_V5_a_limit_that_passed_stands_in_the_story_with_whom_it_told_and_a_reminder_does_not(ticket, story, freeze):
    until_done(freeze("2026-03-20 09:00"))
    passed = Entry.objects.filter(root=ticket.item, verb="limit_passed").exclude(data__told=[])
    assert 0 < passed.count() == story(ticket).count(PASSED)
    assert "已告知：" in story(ticket)
    assert NEAR not in story(ticket)


def test_V5_a_limit_met_in_time_and_recorded_late_shows_no_escalation(ticket, story, freeze):
    deadline = Deadline.objects.get(root=ticket.item, code="D08")
    until_done(freeze(deadline.due_at))
    shown = story(ticket).count(PASSED)
    deadlines.settle(ticket.item, "D08", at=deadline.due_at - timedelta(minutes=1))
    assert story(ticket).count(PASSED) == shown - 1


def test_V5_what_a_step_does_is_said_once(cast, customer, story, freeze):
    freeze("2026-03-02 09:00")
    ticket = way.complaint(cast, customer, by=cast.supervisor, assignee_id=cast.colleague.pk)
    until_done(freeze("2026-03-02 11:00"))
    assert Entry.objects.filter(verb="limit_passed", data__act="hand_up").exclude(data__told=[]).exists()
    shown = story(ticket).count(PASSED)
    apply_steps()
    assert story(ticket).count(PASSED) == shown - 1


def test_whoever_changed_something_meanwhile_is_a_person_and_not_the_sweep(cast, ticket, freeze):
    until_done(freeze("2026-03-20 09:00"))
    late = changed_meanwhile(ticket)
    assert late.moved_by == cast.agent.name
    assert "客服林 3月2日 09:00已接手" in late.because


def test_G5_a_missing_quality_class_is_said_and_can_be_given(cast, ticket, client):
    way.walk(cast, ticket, "graded")
    client.force_login(cast.supervisor)
    said = "产品质量投诉须选择质量类别"
    assert said not in client.get(page_of(ticket), {"tab": "handling"}).content.decode()
    category = Category.objects.get(slug="product-fault")
    tickets.correct(ticket_id=ticket.pk, by=cast.agent, changes={"category": category}, reason="分类选错")
    page = client.get(page_of(ticket), {"tab": "handling"}).content.decode()
    assert said in page
    assert "change_quality_class" in page


def test_T12_result_and_agreement_are_asked_for_in_one_go(cast, ticket, client):
    client.force_login(cast.agent)
    answer = client.post(reverse("workplace:ticket_move", args=[ticket.item.number, "offer_result"]), {"result": "", "agreement": ""})
    assert answer.status_code == 422
    assert answer.context["form"].errors.keys() >= {"result", "agreement"}


def test_the_card_of_limits_counts_what_is_late_and_still_runs(cast, ticket, client, freeze):
    client.force_login(cast.agent)
    assert "已超时" not in client.get(page_of(ticket)).content.decode()
    freeze("2026-03-05 10:00")
    late = Deadline.objects.filter(root=ticket.item, state="running", due_at__lt=clock.now()).count()
    assert f"（已超时 {late}）" in client.get(page_of(ticket)).content.decode()


def test_F1_what_the_customer_was_asked_stands_once_in_the_story(cast, ticket, client, story):
    tickets.ask_customer(ticket_id=ticket.pk, by=cast.agent, question="机身铭牌上的型号是什么？", until=clock.now() + timedelta(days=1))
    assert story(ticket).count("机身铭牌上的型号是什么？") == 1


def test_T6_whoever_took_it_is_named_once(cast, customer, client, freeze):
    freeze("2026-03-02 09:00")
    ticket = way.complaint(cast, customer, by=cast.supervisor, assignee_id=None)
    tickets.take(ticket_id=ticket.pk, by=cast.agent)
    client.force_login(cast.agent)
    assert f"{cast.agent.name} · {cast.agent.name}" not in client.get(page_of(ticket)).content.decode()


def test_T9_the_follow_up_record_asks_why_only_for_what_the_reader_missed(cast, ticket, client, freeze):
    client.force_login(cast.agent)
    assert 'name="late_reason"' not in client.get(page_of(ticket)).content.decode()
    freeze("2026-03-05 10:00")
    page = client.get(page_of(ticket)).content.decode()
    assert 'name="late_reason"' in page
    assert "提出方案" in page[page.index('name="late_reason"') :][:600]
    typed = {"way": "call_out", "reached": "yes", "said": "说明已换机", "customer_says": "知道了", "next_step": "送货", "next_at": "2026-03-06T10:00"}
    client.post(reverse("workplace:contact", args=[ticket.item.number]), typed | {"late_reason": "等厂家配件"})
    assert Deadline.objects.get(root=ticket.item, code="D08").why == "等厂家配件"
    client.force_login(cast.colleague)
    assert 'name="late_reason"' not in client.get(page_of(ticket)).content.decode()


def test_C10_closed_abnormally_the_page_says_so_and_no_longer_that_it_is_asked_for(cast, ticket, client):
    form = way.walk(cast, ticket, "visiting")
    forms.ask_abnormal(form_id=form.pk, by=cast.agent, ground="conflict", words="保修条款第 8 条：外观损伤不在保修范围")
    client.force_login(cast.manager)
    asked, closed = (f"<b>{words}</b> {AbnormalGround.CONFLICT.label} · 保修条款第 8 条" for words in ("申请：非正常关闭", "非正常关闭"))
    assert asked in client.get(page_of(ticket)).content.decode()
    forms.rule_abnormal(form_id=form.pk, by=cast.manager, reason="条款属实，已书面告知")
    page = client.get(page_of(ticket)).content.decode()
    assert asked not in page
    assert closed in page
    forms.reopen(form_id=form.pk, by=cast.supervisor, reason="客户提供新照片")
    page = client.get(page_of(ticket)).content.decode()
    assert asked not in page
    assert closed not in page
