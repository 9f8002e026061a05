"""Approvals: two taps on a phone, several of grade III at once, nothing that concerns the reader (V3)."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from complaints import services
from complaints.models import CauseCategory, ComplaintForm, Disposition
from feedback_desk import clock
from feedback_desk.notices.models import Notice
from feedback_desk.people.access import NotNow
from feedback_desk.people.models import Absence, User
from feedback_desk.people.services import name_concerned
from feedback_desk.records import attachments
from feedback_desk.records.tests.samples import WHOLE
from feedback_desk.workplace import waiting
from feedback_desk.workplace.approving import actions_for, waiting_for
from feedback_desk.workplace.determination import came_back
from feedback_desk.workplace.tests import way
from feedback_desk.workplace.words import terms_of
from tests.ways import Way
from tickets import services as tickets
from tickets.models import Ticket

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
INDEX = "/desk/approvals/"


@pytest.fixture
def ticket(cast, customer, freeze):
    freeze("2026-03-02 09:00")
    return way.complaint(cast, customer)


def taps(client, url, data):
    """First tap opens the dialog, the second sends it."""
    assert "<dialog" in client.get(url, headers=HTMX).content.decode()
    return client.post(url, data, headers=HTMX | {"HX-Current-URL": "http://testserver/desk/approvals/measures/1/"})


def test_C4_a_head_agrees_in_two_taps_and_is_back_at_the_list(cast, ticket, client):
    measure = way.measure_of(way.walk(cast, ticket, "in_review"))
    client.force_login(cast.department_head)
    assert reverse("workplace:review", args=[measure.pk]) in client.get(INDEX).content.decode()
    card = client.get(reverse("workplace:review", args=[measure.pk])).content.decode()
    assert "《配送作业规范》第 4.2 条" in card
    assert "thumb-bar" in card
    answer = taps(client, reverse("workplace:disposition_move", args=[measure.pk, "agree"]), {"seen_version": measure.version})
    assert answer["HX-Redirect"] == INDEX
    assert ComplaintForm.objects.get(ticket=ticket).state == "awaiting_ruling"


def test_C4_a_head_opens_the_evidence_on_the_card_and_nobody_else_without_the_matter_does(cast, ticket, client):
    attachments.store(ticket.item, SimpleUploadedFile("外箱.png", WHOLE["photo.png"][0]), by=cast.agent, at=clock.now())
    measure = way.measure_of(way.walk(cast, ticket, "in_review"))
    client.force_login(cast.department_head)
    link, *_rest = re.findall(r"/desk/files/[\w-]+/", client.get(reverse("workplace:review", args=[measure.pk])).content.decode())
    for who, status in ((cast.department_head, 200), (cast.agent, 200), (cast.person_concerned, 404), (cast.outsider, 404)):
        client.force_login(who)
        assert client.get(link).status_code == status, who


def test_C4_an_objection_keeps_its_kind_and_words(cast, ticket, client):
    measure = way.measure_of(way.walk(cast, ticket, "in_review"))
    client.force_login(cast.department_head)
    url = reverse("workplace:disposition_move", args=[measure.pk, "object"])
    assert client.post(url, {"seen_version": measure.version, "about": "share", "reason": ""}, headers=HTMX).status_code == 422
    assert client.post(url, {"seen_version": measure.version, "about": "share", "reason": "仓库也未贴标识"}, headers=HTMX).status_code == 204
    assert "仓库也未贴标识" in Disposition.objects.get(pk=measure.pk).objection


def test_a_text_that_changed_is_not_agreed_to(cast, ticket, client):
    measure = way.measure_of(way.walk(cast, ticket, "in_review"))
    client.force_login(cast.department_head)
    answer = client.post(reverse("workplace:disposition_move", args=[measure.pk, "agree"]), {"seen_version": measure.version - 1}, headers=HTMX)
    assert answer.status_code == 409
    assert Disposition.objects.get(pk=measure.pk).state == "proposed"


def hidden(page, name):
    return re.findall(rf'name="{name}" value="(\d+)"', page)[0]


def test_C4_what_changed_while_the_card_was_read_is_shown_and_decided_on_anew(cast, ticket, client):
    """The card names its text in its buttons: what is opened later is still about what was read."""
    measure = way.measure_of(way.walk(cast, ticket, "in_review"))
    client.force_login(cast.department_head)
    card = client.get(reverse("workplace:review", args=[measure.pk])).content.decode()
    agree = re.findall(r'href="([^"]*moves/agree/[^"]*)"', card)[0].replace("&amp;", "&")
    tickets.correct(ticket_id=ticket.pk, by=cast.agent, changes={"quantity": "3 台"}, reason="数量记错")
    dialog = client.get(agree, headers=HTMX).content.decode()
    sent = {name: hidden(dialog, name) for name in ("seen_version", "seen_text")}
    late = client.post(agree, sent, headers=HTMX)
    assert late.status_code == 409
    page = late.content.decode()
    assert "<ins>3 台</ins>" in page
    assert client.post(agree, {name: hidden(page, name) for name in sent}, headers=HTMX).status_code == 204
    assert ComplaintForm.objects.get(ticket=ticket).state == "awaiting_ruling"


def test_C5_the_general_manager_sees_what_changed_since_the_department_agreed(cast, ticket, client, freeze):
    form = way.walk(cast, ticket, "awaiting_ruling")
    client.force_login(cast.general_manager)
    url = reverse("workplace:ruling", args=[form.item.number])
    assert "<ins>" not in client.get(url).content.decode()
    freeze("2026-03-02 10:00")
    tickets.correct(ticket_id=ticket.pk, by=cast.agent, changes={"product": "波轮洗衣机 10 公斤"}, reason="型号记错")
    card = client.get(url).content.decode()
    assert "<ins>波轮洗衣机 10 公斤</ins>" in card
    assert "首个部门复核后的改动" in card
    assert "您打开后有改动" not in card


def test_C4_what_the_office_reported_of_both_opinions_stands_on_the_card_of_the_ruling(cast, ticket, client):
    form = way.walk(cast, ticket, "in_review")
    services.object(disposition_id=way.measure_of(form).pk, by=cast.department_head, reason="当时车厢已满")
    services.report_split(form_id=form.pk, by=cast.office, reason="客服坚持警告；配送部主张谈话")
    client.force_login(cast.general_manager)
    assert "客服坚持警告；配送部主张谈话" in client.get(reverse("workplace:ruling", args=[form.item.number])).content.decode()


def test_C5_C6_whoever_carries_out_reads_the_words_of_the_ruling_on_the_card(cast, ticket, client):
    form = way.walk(cast, ticket, "awaiting_ruling")
    services.rule(form_id=form.pk, by=cast.general_manager, words="本周补齐绑带")
    client.force_login(cast.department_head)
    assert "本周补齐绑带" in client.get(reverse("workplace:review", args=[way.measure_of(form).pk])).content.decode()


def test_C15_C19_the_card_of_a_later_round_shows_nothing_that_an_earlier_one_found(cast, ticket, client):
    form = way.walk(cast, ticket, "closed", "I")
    services.reopen(form_id=form.pk, by=cast.agent, reason="新机仍有异响")
    services.no_fault(form_id=form.pk, by=cast.manager, reason="地面不平，非我方责任")
    client.force_login(cast.general_manager)
    card = client.get(reverse("workplace:ruling", args=[form.item.number])).content.decode()
    assert "地面不平，非我方责任" in card
    assert "卸货时侧放" not in card


def test_the_link_of_a_notice_opens_the_card_while_it_waits_and_the_matter_afterwards(cast, ticket, client):
    measure = way.measure_of(way.walk(cast, ticket, "in_review"))
    notice = Notice.objects.filter(receiver=cast.department_head, template="approval_wanted", channel="page").latest("pk")
    client.force_login(cast.department_head)
    url = reverse("workplace:notice", args=[notice.pk])
    assert client.get(url).url == reverse("workplace:review", args=[measure.pk])
    services.agree(disposition_id=measure.pk, by=cast.department_head)
    assert client.get(url).url == reverse("workplace:form", args=[measure.form.item.number])


def test_C5_the_general_manager_changes_one_measure_within_the_ruling(cast, ticket, client):
    form = way.walk(cast, ticket, "awaiting_ruling")
    measure = way.measure_of(form)
    client.force_login(cast.general_manager)
    assert client.get(reverse("workplace:ruling", args=[form.item.number])).status_code == 200
    name = f"measure-{measure.pk}"
    terms = {f"{name}-kind": "talk", f"{name}-clause": measure.clause, f"{name}-amount": ""}
    url = reverse("workplace:form_move", args=[form.item.number, "rule"])
    assert client.post(url, {"seen_version": form.version, **terms}, headers=HTMX).status_code == 422  # a change needs its reason
    assert client.post(url, {"seen_version": form.version, **terms, f"{name}-reason": "初次，谈话即可"}, headers=HTMX).status_code == 204
    ruled = Disposition.objects.get(pk=measure.pk)
    assert (ruled.state, ruled.kind) == ("ruled", "talk")
    assert ComplaintForm.objects.get(pk=form.pk).ruling == "change"


def test_several_of_grade_III_are_agreed_to_together_once_each_was_opened(cast, customer, client, freeze):
    freeze("2026-03-02 09:00")
    measures = [way.measure_of(way.walk(cast, way.complaint(cast, customer), "in_review", grade="III")) for _ in range(2)]
    client.force_login(cast.department_head)
    client.get(reverse("workplace:review", args=[measures[0].pk]))
    keys = re.findall(r'name="measure" value="([\d:]+)"', client.get(INDEX).content.decode())
    client.post(INDEX, {"measure": keys})
    assert [Disposition.objects.get(pk=m.pk).state for m in measures] == ["agreed", "proposed"]
    client.get(reverse("workplace:review", args=[measures[1].pk]))
    client.post(INDEX, {"measure": keys})
    assert Disposition.objects.get(pk=measures[1].pk).state == "agreed"


def test_C6_the_head_carries_out_and_hands_over(cast, ticket, client):
    form = way.walk(cast, ticket, "executing")
    measure = way.measure_of(form)
    client.force_login(cast.department_head)
    talk = {"talk_on": "2026-03-02", "talk_words": "已当面谈话，本人认可。"}
    assert client.post(reverse("workplace:disposition_move", args=[measure.pk, "carry_out"]), talk, headers=HTMX).status_code == 204
    assert client.post(reverse("workplace:form_move", args=[form.item.number, "hand_over"]), {}, headers=HTMX).status_code == 204
    assert ComplaintForm.objects.get(pk=form.pk).state == "awaiting_check"


def test_C9_the_card_of_a_returned_form_shows_the_faults_and_asks_who_is_responsible(cast, ticket, client):
    form = way.walk(cast, ticket, "awaiting_check")
    services.inspect(form_id=form.pk, by=cast.inspector, timely=True, severity="mild", faults="谈话记录无日期", passed=False)
    client.force_login(cast.department_head)
    assert "谈话记录无日期" in client.get(reverse("workplace:ruling", args=[form.item.number])).content.decode()
    url = reverse("workplace:form_move", args=[form.item.number, "hand_over"])
    dialog = client.get(url, headers=HTMX).content.decode()
    assert "谈话记录无日期" in dialog
    for who, offered in ((cast.person_concerned, True), (cast.department_head, False), (cast.inspector, False)):
        assert (f'<option value="{who.pk}">{who}</option>' in dialog) is offered, who
    assert client.post(url, {"words": "谈话后未补日期，已补。"}, headers=HTMX).status_code == 422
    said = {"person": cast.person_concerned.pk, "words": "谈话后未补日期，已补。"}
    assert client.post(url, said, headers=HTMX).status_code == 204
    handling = client.get(reverse("workplace:form", args=[form.item.number]) + "?tab=handling").content.decode()
    for words in ("谈话记录无日期", str(cast.person_concerned), "谈话后未补日期，已补。"):
        assert words in handling
    assert "谈话记录无日期" not in client.get(reverse("workplace:ruling", args=[form.item.number])).content.decode(), "the form has gone on"


def addresses(ticket, form, measure):
    number, paper = ticket.item.number, form.item.number
    names = [(name, number) for name in ("ticket", "story", "correct")]
    names += [(name, paper) for name in ("form", "paper", "ruling", "record_visit")] + [("review", measure.pk)]
    moves = [("ticket_move", number, "reassign"), ("form_move", paper, "rule"), ("disposition_move", measure.pk, "agree")]
    return [reverse(f"workplace:{name}", args=args) for name, *args in [*names, *moves]]


@pytest.mark.parametrize("station", ["in_review", "awaiting_ruling", "visiting"])
def test_V3_the_person_concerned_sees_none_of_it_but_their_own_measure(cast, ticket, client, station):
    form = way.walk(cast, ticket, station)
    measure = way.measure_of(form)
    client.force_login(cast.person_concerned)
    assert [client.get(url).status_code for url in addresses(ticket, form, measure)] == [404] * 11
    posts = [reverse("workplace:contact", args=[ticket.item.number]), reverse("workplace:determine", args=[form.item.number])]
    assert [client.post(url, {}).status_code for url in posts] == [404, 404]
    page = client.get(reverse("workplace:about_me")).content.decode()
    assert form.item.number in page
    assert measure.clause in page
    for secret in (ticket.item.number, ticket.item.title, ticket.customer.masked_name, "整机换新"):
        assert secret not in page
    assert form.item.number not in client.get(INDEX).content.decode()


def test_C7_the_answer_is_given_until_the_ruling(cast, ticket, client):
    measure = way.measure_of(way.walk(cast, ticket, "in_review"))
    client.force_login(cast.person_concerned)
    url = reverse("workplace:answer", args=[measure.pk])
    assert client.post(url, {"words": "当时车厢已满。"}).status_code == 302
    assert Disposition.objects.get(pk=measure.pk).answer == "当时车厢已满。"
    for station in ("awaiting_ruling", "executing"):
        way.STEPS[station](cast, ticket, way.fresh(ticket), {"grade": "II"})
    assert client.post(url, {"words": "还有一点"}).status_code == 409
    client.force_login(cast.colleague)
    assert client.get(url).status_code == 404


def test_C7_an_answer_to_a_measure_just_sent_back_is_kept_and_told_why(cast, ticket, client):
    form = way.walk(cast, ticket, "awaiting_ruling")
    measure = way.measure_of(form)
    services.send_back(form_id=form.pk, by=cast.general_manager, reason="证据不足")
    client.force_login(cast.person_concerned)
    url = reverse("workplace:answer", args=[measure.pk])
    late = client.post(url, {"words": "当时车厢已满。"})
    page = late.content.decode()
    assert late.status_code == 409
    assert "退回" in page
    assert "当时车厢已满。" in page
    assert measure.clause not in page, "what is being written anew is not theirs to see yet"
    assert terms_of(measure.kind, measure.amount) not in page
    assert client.get(url).status_code == 404
    client.force_login(cast.colleague)
    assert client.post(url, {"words": "…"}).status_code == 404


def test_C8_what_was_asked_of_the_general_manager_waits_until_it_is_written(cast, freeze, customer, client):
    freeze("2026-03-02 09:00")
    one = Way(cast, customer, "I").determining()
    client.force_login(cast.general_manager)
    assert client.get(reverse("workplace:approvals")).context["total"] == 0
    services.ask_instruction(form_id=one.form_id, by=cast.manager, words="配件三周后才到，原因无法判断")
    with pytest.raises(NotNow):
        services.ask_instruction(form_id=one.form_id, by=cast.manager, words="再问一次")
    answer = client.get(reverse("workplace:approvals"))
    there = reverse("workplace:form", args=[one.form.item.number]) + "?tab=handling#going-on"
    assert (answer.context["total"], there in answer.content.decode(), "配件三周后才到" in answer.content.decode()) == (1, True, True)
    assert 'id="going-on"' in client.get(there).content.decode()
    for where in (waiting.for_me(cast.general_manager, clock.now()), waiting.awaits_approval(cast.general_manager)):
        assert Ticket.objects.filter(where, pk=one.ticket_id).exists()
    notice = Notice.objects.get(receiver=cast.general_manager, template="approval_wanted", channel="page")
    assert client.get(reverse("workplace:notice", args=[notice.pk])).url == there
    client.force_login(cast.office)
    assert client.get(reverse("workplace:approvals")).context["total"] == 0
    until = clock.now() + timedelta(days=7)
    services.write_instruction(form_id=one.form_id, by=cast.general_manager, lead_id=cast.agent.pk, what="先换新机", until=until)
    client.force_login(cast.general_manager)
    assert client.get(reverse("workplace:approvals")).context["total"] == 0


def test_C8_the_request_falls_with_the_grade_and_when_the_form_goes_on(cast, freeze, customer):
    freeze("2026-03-02 09:00")
    first, second = Way(cast, customer, "I").determined(), Way(cast, customer, "I").determining()
    for one in (first, second):
        services.ask_instruction(form_id=one.form_id, by=cast.manager, words="原因无法判断")
    services.submit(form_id=first.form_id, by=cast.manager)
    services.change_grade(form_id=second.form_id, by=cast.supervisor, grade="II", reason="情况较轻")
    assert [one.form.instruction_asked_at for one in (first, second)] == [None, None]


@pytest.mark.parametrize("person", ["general_manager", "office", "manager"])
def test_the_list_takes_as_many_queries_at_five_rulings_as_at_one(cast, freeze, customer, person):
    freeze("2026-03-02 09:00")
    counts = []
    for more in (1, 4):
        for _n in range(more):
            Way(cast, customer, "II").awaiting_ruling()
        reader = User.objects.get(pk=getattr(cast, person).pk)
        with CaptureQueriesContext(connection) as taken:
            found = waiting_for(reader)
        assert person != "general_manager" or len(found) in (1, 5)
        counts.append(len(taken))
    assert counts[0] == counts[1], "\n".join(q["sql"][:250] for q in taken.captured_queries)


def test_C14_nor_do_actions_to_be_approved_take_more_queries(cast, freeze, customer):
    freeze("2026-03-02 09:00")
    counts, day = [], clock.now().date() + timedelta(days=7)
    category = CauseCategory.objects.get(slug="method-missing").pk
    text = {"kind": "corrective", "what": "核对表", "owner_id": cast.head_backup.pk, "department_id": cast.delivery.pk, "due_on": day, "effect_on": day}
    for more in (1, 4):
        for _n in range(more):
            one = Way(cast, customer, "II").executing()
            services.write_root_cause(form_id=one.form_id, by=cast.manager, category_id=category, whys=["车厢已满"], conclusion="无规范")
            action = services.draft_action(form_id=one.form_id, by=cast.supervisor, **text)
            services.submit_action(action_id=action.pk, by=cast.manager)
        reader = User.objects.get(pk=cast.general_manager.pk)
        with CaptureQueriesContext(connection) as taken:
            found = actions_for(reader)
            assert all(one.in_short and not one.wanted for one in found)
        assert len(found) in (1, 5)
        counts.append(len(taken))
    assert counts[0] == counts[1], "\n".join(q["sql"][:250] for q in taken.captured_queries)


def test_C5_whoever_determines_again_reads_above_it_why_it_was_sent_back(cast, ticket, client):
    form = way.walk(cast, ticket, "awaiting_ruling")
    services.send_back(form_id=form.pk, by=cast.general_manager, reason="责任人不明，请核对排班")
    client.force_login(cast.manager)
    page = client.get(reverse("workplace:form", args=[form.item.number])).content.decode()
    assert "<b>总经理退回重认</b>：责任人不明，请核对排班" in page


def test_C2_the_first_determination_has_no_reason_above_it(cast, ticket):
    assert came_back(way.walk(cast, ticket, "determining")) is None


def test_C3_what_is_missing_for_the_submission_is_said_once(cast, ticket, client):
    form = way.walk(cast, ticket, "determining")
    form.responsibilities.all().delete()
    form.dispositions.all().delete()
    client.force_login(cast.manager)
    url = reverse("workplace:form_move", args=[form.item.number, "submit"])
    for headers in (HTMX, {}):
        answer = client.post(url, {"seen_version": form.version}, headers=headers)
        said = re.findall(r"<li>(.+?)</li>", answer.content.decode())
        assert answer.status_code == 409
        assert len(said) == len(set(said)) >= 2
        assert not [(one, other) for one in said for other in said if one != other and one in other], "nor all of them in one line beside it"


def test_C5_a_wrong_amount_in_the_ruling_comes_back_open_with_what_was_typed(cast, ticket, client):
    form = way.walk(cast, ticket, "awaiting_ruling")
    measure = way.measure_of(form)
    client.force_login(cast.general_manager)
    url = reverse("workplace:form_move", args=[form.item.number, "rule"])
    typed = {"kind": "deduct_share", "amount": "95", "clause": measure.clause, "reason": "情节较重"}
    answer = client.post(url, {"seen_version": form.version, **{f"measure-{measure.pk}-{k}": v for k, v in typed.items()}}, headers=HTMX)
    page = answer.content.decode()
    assert answer.status_code == 422
    panel = re.search(r"<details[^>]*open[^>]*>(.*?)</details>", page, re.DOTALL)
    assert panel is not None
    assert "field-error" in panel[1]
    assert 'value="95"' in panel[1]
    assert "情节较重" in panel[1]
    assert ComplaintForm.objects.get(pk=form.pk).state == "awaiting_ruling"
    closed = client.get(url, headers=HTMX).content.decode()
    assert re.search(r"<details class=\"panel\" >", closed), "untouched ones stay closed"


def test_C19_the_forms_page_names_the_text_it_showed(cast, ticket, client):
    """What comes between opening the page and opening the dialog is not taken for seen."""
    form = way.walk(cast, ticket, "determining")
    client.force_login(cast.manager)
    page = client.get(reverse("workplace:form", args=[form.item.number])).content.decode()
    found = re.search(r'hx-get="([^"]*/moves/no_fault_found/[^"]*)"', page)
    assert found is not None
    tickets.attach(item_id=ticket.item_id, by=cast.agent, upload=SimpleUploadedFile("监控.txt", "侧放".encode()))
    dialog = client.get(unescape(found[1]), headers=HTMX).content.decode()
    sent = {name: hidden(dialog, name) for name in ("seen_version", "seen_text")} | {"reason": "客户自行拆装"}
    url = reverse("workplace:form_move", args=[form.item.number, "no_fault_found"])
    late = client.post(url, sent, headers=HTMX)
    assert late.status_code == 409
    assert "监控.txt" in late.content.decode()
    assert "客户自行拆装" in late.content.decode()
    again = {name: hidden(late.content.decode(), name) for name in ("seen_version", "seen_text")} | {"reason": "客户自行拆装"}
    assert client.post(url, again, headers=HTMX).status_code == 204


def test_what_the_desk_itself_wrote_stands_on_the_card_in_the_readers_language(cast, customer, freeze, local, client):
    freeze("2026-03-02 09:00")
    one = Way(cast, customer, "II").visiting()
    one.visit_in_vain(local("2026-03-03 10:00"))
    services.ask_abnormal(form_id=one.form_id, by=cast.agent, ground="conflict", words="合同第 8 条")
    client.force_login(cast.manager)
    page = client.get(reverse("workplace:ruling", args=[one.form.item.number])).content.decode()
    assert "Visit again" not in page
    assert "再次回访" in page


def minor_in_review(cast, customer, client, many):
    """Measures of grade III that the head opened, with the keys that the list would send."""
    measures = [way.measure_of(way.walk(cast, way.complaint(cast, customer), "in_review", grade="III")) for _ in range(many)]
    client.force_login(cast.department_head)
    for measure in measures:
        client.get(reverse("workplace:review", args=[measure.pk]))
    return measures, re.findall(r'name="measure" value="([\d:]+)"', client.get(INDEX).content.decode())


def test_C4_of_several_ticked_each_that_is_no_longer_ready_is_told_with_who_and_when(cast, customer, client, freeze):
    freeze("2026-03-02 09:00")
    (ready, gone, changed), keys = minor_in_review(cast, customer, client, 3)
    Absence.objects.create(user=cast.department_head, starts_at=clock.now() - timedelta(hours=1), ends_at=clock.now() + timedelta(hours=1), reason="会议")
    services.object(disposition_id=gone.pk, by=cast.head_backup, reason="当时车厢已满")
    Absence.objects.all().delete()
    tickets.correct(ticket_id=changed.form.ticket_id, by=cast.agent, changes={"quantity": "3 台"}, reason="数量记错")
    page = client.post(INDEX, {"measure": keys}, follow=True).content.decode()
    assert [Disposition.objects.get(pk=m.pk).state for m in (ready, gone, changed)] == ["agreed", "objected", "proposed"]
    said = {m.pk: next(line for line in re.findall(r"<[^>]*>([^<]*)<", page) if m.form.item.number in line and "：" in line) for m in (ready, gone, changed)}
    assert said[ready.pk].startswith("已同意")
    assert "配送副手唐" in said[gone.pk]
    assert "今天 09:00" in said[gone.pk]
    assert "请重新打开" in said[changed.pk]


def test_V3_nor_is_anything_told_of_a_ticked_one_that_is_not_theirs_any_more(cast, customer, client, freeze):
    freeze("2026-03-02 09:00")
    (measure,), keys = minor_in_review(cast, customer, client, 1)
    name_concerned(measure.form.item, cast.department_head, because="named", by=cast.agent, at=clock.now())
    page = client.post(INDEX, {"measure": [*keys, "²:1:1", "x"]}, follow=True).content.decode()
    assert "已不归您决定" in page
    assert measure.form.item.number not in page
