"""Every move made by hand has a door; what went wrong is said with who and when, and what was typed stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from complaints import acts
from complaints import services as forms
from complaints.models import ComplaintForm
from conftest import make_person
from feedback_desk import clock
from feedback_desk.deadlines.models import Deadline
from feedback_desk.people.models import Refusal, Role
from feedback_desk.people.services import name_concerned
from feedback_desk.records.moves import moves_of
from feedback_desk.workplace.doors import DOORS, buttons
from feedback_desk.workplace.models import Draft
from feedback_desk.workplace.panels import ACT_DOORS
from feedback_desk.workplace.tests import way
from tests.ways import summed_up
from tickets import services as tickets
from tickets.models import Ticket

HTMX = {"HX-Request": "true"}


def test_every_move_made_by_hand_has_a_door():
    without = {(model.__name__, name) for model, doors in DOORS.items() for name, move in moves_of(model).items() if move.by_hand and name not in doors}
    assert not without


def test_no_door_leads_to_a_move_that_is_not_made_by_hand():
    wrong = {(model.__name__, name) for model, doors in DOORS.items() for name in doors if name not in moves_of(model) or not moves_of(model)[name].by_hand}
    assert not wrong


def test_every_act_has_a_door_and_every_door_an_act():
    assert set(ACT_DOORS) == set(acts.ACTS)


@pytest.fixture
def ticket(cast, customer, freeze, db):
    freeze("2026-03-02 09:00")
    return way.complaint(cast, customer)


@pytest.mark.parametrize(("grade", "there"), [("I", {"lower_grade"}), ("II", {"raise_grade", "lower_grade"}), ("III", {"raise_grade"})])
def test_G6_the_highest_grade_is_not_raised_nor_the_lowest_lowered(cast, ticket, grade, there):
    form = way.walk(cast, ticket, "graded", grade)
    assert {b.name for b in buttons(form, cast.supervisor)} & {"raise_grade", "lower_grade"} == there


def door(ticket, move):
    return reverse("workplace:ticket_move", args=[ticket.item.number, move])


def test_a_door_asks_on_a_page_of_its_own_and_moves_on_post(cast, ticket, client):
    client.force_login(cast.agent)
    assert "<dialog" in client.get(door(ticket, "ask_customer")).content.decode()
    answer = client.post(door(ticket, "ask_customer"), {"question": "请发外箱照片", "until": "2026-03-03T12:00"})
    assert answer.status_code == 302
    assert Ticket.objects.get(pk=ticket.pk).state == "waiting"


def test_a_dialog_that_moved_sends_the_page_on(cast, ticket, client):
    client.force_login(cast.agent)
    answer = client.post(door(ticket, "ask_customer"), {"question": "请发外箱照片", "until": "2026-03-03T12:00"}, headers=HTMX)
    assert answer.status_code == 204
    assert answer["HX-Redirect"] == reverse("workplace:ticket", args=[ticket.item.number])


def test_what_is_missing_comes_back_with_what_was_typed(cast, ticket, client):
    client.force_login(cast.agent)
    answer = client.post(door(ticket, "ask_customer"), {"question": "请发外箱照片", "until": ""}, headers=HTMX)
    assert answer.status_code == 422
    assert "请发外箱照片" in answer.content.decode()


def test_a_colleague_was_faster_says_who_and_when_and_keeps_the_words(cast, ticket, client):
    tickets.ask_customer(ticket_id=ticket.pk, by=cast.agent, question="请发照片", until=clock.now() + timedelta(days=1))
    client.force_login(cast.agent)
    for headers in ({}, HTMX):
        answer = client.post(door(ticket, "ask_customer"), {"question": "我写了很久的问题", "until": "2026-03-03T12:00"}, headers=headers)
        page = answer.content.decode()
        assert answer.status_code == 409
        assert "客服林" in page
        assert "09:00" in page
        assert "我写了很久的问题" in page


def test_a_move_that_is_not_mine_is_refused_and_recorded(cast, ticket, client):
    client.force_login(cast.colleague)
    assert client.post(door(ticket, "withdraw"), {"reason": "不要了"}).status_code == 403
    assert Refusal.objects.filter(user=cast.colleague, item=ticket.item, verb="withdraw").count() == 1


def test_V3_a_person_named_in_the_matter_gets_404_and_what_they_tried_is_recorded(cast, ticket, client):
    name_concerned(ticket.item, cast.colleague, because="named", by=cast.agent, at=clock.now())
    client.force_login(cast.colleague)
    for headers in ({}, HTMX):
        assert client.post(door(ticket, "withdraw"), {"reason": "不要了"}, headers=headers).status_code == 404
    assert client.post(reverse("workplace:note", args=[ticket.item.number]), {"text": "看看"}).status_code == 404
    assert client.get(door(ticket, "withdraw")).status_code == 404
    assert list(Refusal.objects.filter(user=cast.colleague, item=ticket.item).order_by("pk").values_list("verb", flat=True)) == ["withdraw", "withdraw", "note"]


def test_a_draft_of_a_dialog_comes_back_and_is_gone_when_the_move_went_through(cast, ticket, client):
    client.force_login(cast.agent)
    place = f"move:ticket:{ticket.pk}:withdraw"
    assert f'data-draft="{place}"' in client.get(door(ticket, "withdraw"), headers=HTMX).content.decode()
    client.post(reverse("workplace:drafts"), {"place": place, "data": {"reason": ["不要了，另"]}}, content_type="application/json")
    assert client.get(reverse("workplace:drafts"), {"place": place}).json() == {"reason": ["不要了，另"]}
    assert client.get(reverse("workplace:drafts"), {"place": "elsewhere"}).status_code == 204
    assert client.post(door(ticket, "withdraw"), {"reason": "", "draft": place}, headers=HTMX).status_code == 422
    assert Draft.objects.filter(place=place).exists(), "refused: still a draft"
    assert client.post(door(ticket, "withdraw"), {"reason": "不要了", "draft": place}, headers=HTMX).status_code == 204
    assert not Draft.objects.filter(place=place).exists()


def test_unknown_numbers_unknown_moves_and_moves_without_a_door_look_the_same(cast, ticket, client):
    client.force_login(cast.agent)
    for path in (door(ticket, "nonsense"), door(ticket, "end_with_form"), reverse("workplace:ticket_move", args=["TASK20990101001", "close"])):
        assert client.get(path).status_code == 404


def test_corrections_keep_old_and_new_and_never_overwrite_a_colleague(cast, ticket, client):
    client.force_login(cast.agent)
    url = reverse("workplace:correct", args=[ticket.item.number])
    form = client.get(url).context["form"]
    typed = {name: form[name].value() if form[name].value() is not None else "" for name in form.fields if name != "complex"}
    typed |= {"received_at": "2026-03-02T09:00", "reason": "听错了", "model": "LH-W91"}
    seen = Ticket.objects.get(pk=ticket.pk).version
    tickets.ask_customer(ticket_id=ticket.pk, by=cast.agent, question="请发照片", until=clock.now() + timedelta(days=1))
    late = client.post(url, typed | {"seen_version": seen})
    assert late.status_code == 409
    assert "LH-W91" in late.content.decode()
    assert Ticket.objects.get(pk=ticket.pk).model == "LH-W90"
    assert client.post(url, typed | {"seen_version": seen + 1}).status_code == 302
    assert Ticket.objects.get(pk=ticket.pk).model == "LH-W91"
    assert "LH-W90 → LH-W91" in client.get(reverse("workplace:ticket", args=[ticket.item.number])).content.decode()


# ---- a colleague was faster, and the state is the same ----


@pytest.fixture
def queued(cast, customer, freeze, db):
    freeze("2026-03-02 09:00")
    return way.complaint(cast, customer, by=cast.supervisor, assignee_id=None)


@pytest.fixture
def second_supervisor(cast):
    return make_person("shao", "主管邵", Role.SUPERVISOR, department=cast.service)


def test_T6_two_supervisors_assign_at_once_the_second_is_told_and_may_decide_again(cast, queued, second_supervisor, client, freeze):
    client.force_login(second_supervisor)
    page = client.get(reverse("workplace:ticket", args=[queued.item.number])).content.decode()
    seen = f"{door(queued, 'assign')}?seen_version={queued.version}"
    assert seen in page
    tickets.assign(ticket_id=queued.pk, by=cast.supervisor, assignee_id=cast.agent.pk)
    freeze("2026-03-02 09:30")
    opened = client.get(seen, headers=HTMX).context["form"]
    typed = {"assignee": cast.second.pk, "due_at": "", "seen_version": opened["seen_version"].value()}
    late = client.post(door(queued, "assign"), typed, headers=HTMX)
    words = late.content.decode()
    assert late.status_code == 409
    assert [word for word in ("主管秦", "客服林", "09:00") if word not in words] == []
    again = late.context["form"]
    assert (str(again["assignee"].value()), Ticket.objects.get(pk=queued.pk).assignee) == (str(cast.second.pk), cast.agent)
    assert client.post(door(queued, "assign"), typed | {"seen_version": again["seen_version"].value()}, headers=HTMX).status_code == 204
    assert Ticket.objects.get(pk=queued.pk).assignee == cast.second


def test_T6_ticked_rows_are_assigned_as_they_were_seen(cast, queued, second_supervisor, client):
    client.force_login(second_supervisor)
    ticked = f'value="{queued.item_id}:{queued.version}"'
    url = reverse("workplace:queue")
    assert ticked in client.get(url).content.decode()
    tickets.assign(ticket_id=queued.pk, by=cast.supervisor, assignee_id=cast.agent.pk)
    told = client.post(url, {"item": [f"{queued.item_id}:{queued.version}"], "assignee": cast.second.pk}, follow=True).content.decode()
    assert "主管秦" in told
    assert Ticket.objects.get(pk=queued.pk).assignee == cast.agent


def test_T15_the_second_line_gets_four_things_each_said_and_what_the_desk_knows_stands_there(cast, customer, freeze, client):
    freeze("2026-03-02 09:00")
    ticket = way.complaint(cast, customer, expectation="整机换新")
    promised = clock.now() + timedelta(hours=3)
    talk: dict[str, Any] = {"said": "说明正在核实", "customer_says": "下午都在家，等电话", "no_step_why": "按约定回电"}
    tickets.record_contact(ticket_id=ticket.pk, by=cast.agent, way="call_out", promised_at=promised, **talk)
    client.force_login(cast.agent)
    form = client.get(door(ticket, "second_line"), headers=HTMX).context["form"]
    assert [form[name].label for name in ("expectation", "cause", "course", "promised")] == ["客户诉求", "原因", "经过", "已作承诺"]
    assert form["expectation"].value() == "整机换新"
    assert "12:00" in form["promised"].value()
    typed = {"assignee": cast.second.pk, "seen_version": form["seen_version"].value()}
    typed |= {"expectation": "整机换新", "cause": "", "course": "已核实", "promised": "无"}
    refused = client.post(door(ticket, "second_line"), typed, headers=HTMX)
    assert (refused.status_code, list(refused.context["form"].errors)) == (422, ["cause"])
    assert client.post(door(ticket, "second_line"), typed | {"cause": "卸货侧放"}, headers=HTMX).status_code == 204
    client.force_login(cast.second)
    page = client.get(reverse("workplace:ticket", args=[ticket.item.number])).content.decode()
    assert "客户诉求：整机换新\n原因：卸货侧放\n经过：已核实\n已作承诺：无" in page


def test_T7_whoever_had_it_is_told_and_it_is_no_violation(cast, ticket, client):
    tickets.reassign(ticket_id=ticket.pk, by=cast.supervisor, assignee_id=cast.second.pk, reason="客户要求换人")
    client.force_login(cast.agent)
    late = client.post(door(ticket, "withdraw"), {"reason": "客户来电说不要了"}, headers=HTMX)
    words = late.content.decode()
    assert late.status_code == 409
    assert [word for word in ("主管秦", "二线吴", "09:00", "客户来电说不要了") if word not in words] == []
    assert not Refusal.objects.exists()


def test_T9_a_request_answered_meanwhile_says_by_whom_and_keeps_the_words(cast, ticket, second_supervisor, client):
    limit = Deadline.objects.get(item=ticket.item, code="D26")
    asked = tickets.ask_extension(ticket_id=ticket.pk, by=cast.agent, deadline_id=limit.pk, until=limit.due_at + timedelta(days=2), reason="等工厂回复")
    client.force_login(second_supervisor)
    assert client.get(door(ticket, "refuse_extension"), headers=HTMX).context["form"]["extension"].value() == asked.pk
    tickets.grant_extension(ticket_id=ticket.pk, by=cast.supervisor, extension_id=asked.pk)
    late = client.post(door(ticket, "refuse_extension"), {"extension": asked.pk, "reason": "已经够长了"}, headers=HTMX)
    words = late.content.decode()
    assert late.status_code == 409
    assert [word for word in ("主管秦", "09:00", "已经够长了") if word not in words] == []


def act_door(form, act):
    return reverse("workplace:form_act", args=[form.item.number, act])


def test_an_act_that_is_too_late_says_who_moved_it_and_when(cast, ticket, client, freeze):
    form = way.walk(cast, ticket, "in_review")
    client.force_login(cast.agent)
    freeze("2026-03-02 10:00")
    late = client.post(act_door(form, "write_first_plan"), {"text": "我写了很久的方案"}, headers=HTMX)
    words = late.content.decode()
    assert late.status_code == 409
    assert [word for word in ("客服经理程", "09:00", "我写了很久的方案") if word not in words] == []


def test_C20_a_case_summary_that_a_colleague_wrote_is_not_overwritten_unread(cast, ticket, client, freeze):
    form = way.walk(cast, ticket, "awaiting_check")
    url = reverse("workplace:case_summary", args=[form.item.number])
    client.force_login(cast.agent)
    page = client.get(reverse("workplace:form", args=[form.item.number]), {"tab": "determination"})
    seen = page.context["summary"]["seen"].value()
    forms.write_case_summary(form_id=form.pk, by=cast.supervisor, text="卸货侧放所致。")
    freeze("2026-03-02 10:00")
    late = client.post(url, {"text": "我的小结", "seen": seen})
    words = late.content.decode()
    assert late.status_code == 409
    assert [word for word in ("主管秦", "09:00", "我的小结", "卸货侧放所致。") if word not in words] == []
    assert ComplaintForm.objects.get(pk=form.pk).case_summary == "卸货侧放所致。"
    again = late.context["summary"]["seen"].value()
    assert client.post(url, {"text": "我的小结", "seen": again}).status_code == 302
    assert ComplaintForm.objects.get(pk=form.pk).case_summary == "我的小结"


def test_C20_filing_keeps_a_summary_typed_while_a_colleague_wrote_one(cast, ticket, client):
    form = way.walk(cast, ticket, "awaiting_check", grade="III")
    ComplaintForm.objects.filter(pk=form.pk).update(visit_marked=False, case_summary="")
    client.force_login(cast.inspector)
    url = reverse("workplace:form_move", args=[form.item.number, "pass_and_file"])
    seen = client.get(url, headers=HTMX).context["form"]["seen"].value()
    forms.write_case_summary(form_id=form.pk, by=cast.supervisor, text="卸货侧放所致。")
    typed = {"timely": "yes", "severity": "fitting", "faults": "", "case_summary": "我的小结", "seen": seen}
    late = client.post(url, typed, headers=HTMX)
    words = late.content.decode()
    assert late.status_code == 409
    assert [word for word in ("主管秦", "我的小结", "卸货侧放所致。") if word not in words] == []


def test_C20_a_visit_whose_summary_was_not_touched_leaves_the_colleagues(cast, ticket, client):
    form = way.walk(cast, ticket, "visiting")
    summed_up(form.pk, cast, "卸货侧放所致。")
    client.force_login(cast.visitor)
    url = reverse("workplace:record_visit", args=[form.item.number])
    opened = client.get(url).context["form"]
    forms.write_case_summary(form_id=form.pk, by=cast.supervisor, text="改写后的小结。")
    said = {"reached": "yes", "said": "新机正常", "mood": "satisfied", "speed": 5, "solution": 5, "attitude": 5, "accepted": "yes"}
    carried = {"case_summary": opened["case_summary"].value(), "seen": opened["seen"].value()}
    touched = client.post(url, said | carried | {"case_summary": "另一份小结"})
    assert touched.status_code == 409
    assert "改写后的小结。" in touched.content.decode()
    assert client.post(url, said | carried).status_code == 302
    assert ComplaintForm.objects.get(pk=form.pk).case_summary == "改写后的小结。"


@pytest.mark.parametrize("address", ["/admin/machinery/", "/admin/summaries/weekly/", "/admin/people/department/", "/admin/imports/"])
def test_V1_what_the_back_office_refuses_is_recorded_as_its_answer_says(cast, client, address):
    client.force_login(cast.agent)
    assert client.get(address, follow=True).status_code == 403
    assert Refusal.objects.filter(user=cast.agent).count() == 1
