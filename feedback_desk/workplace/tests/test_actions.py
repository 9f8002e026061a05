"""Corrective and preventive actions at the desk (C14): panel, list, page, approval on a phone; never more of the complaint than one's role sees."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from complaints import services as forms
from complaints.models import CauseCategory, CorrectiveAction
from feedback_desk import clock
from feedback_desk.notices.models import Notice
from feedback_desk.people.models import Refusal
from feedback_desk.people.services import name_concerned
from feedback_desk.workplace.tests import way

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
LIST = "/desk/actions/"
CAUSE = {"why_1": "车厢已满", "conclusion": "无体积核对规范"}


@pytest.fixture
def ticket(cast, customer, freeze):
    freeze("2026-03-02 09:00")
    found = way.complaint(cast, customer)
    way.walk(cast, found, "determining")
    return found


def text(cast, **more):
    said = {"kind": "corrective", "what": "制定装车体积核对表", "owner_id": cast.head_backup.pk, "department_id": cast.delivery.pk}
    return {**said, "due_on": date(2026, 3, 9), "effect_on": date(2026, 4, 8), **more}


def drafted(cast, ticket, **more):
    form = way.fresh(ticket)
    if not form.rootcause_rows.exists():
        category = CauseCategory.objects.get(slug="method-missing").pk
        forms.write_root_cause(form_id=form.pk, by=cast.manager, category_id=category, whys=["车厢已满"], conclusion="无规范")
    return forms.draft_action(form_id=form.pk, by=cast.supervisor, **text(cast, **more))


def submitted(cast, ticket, **more):
    return forms.submit_action(action_id=drafted(cast, ticket, **more).pk, by=cast.manager)


def approved(cast, ticket, **more):
    return forms.approve_action(action_id=submitted(cast, ticket, **more).pk, by=cast.general_manager)


def effective(cast, ticket, freeze):
    action = forms.report_done(action_id=approved(cast, ticket).pk, by=cast.head_backup, done="核对表已启用")
    freeze("2026-04-08 09:00")
    return forms.confirm_effective(action_id=action.pk, by=cast.manager, evidence="抽查 30 车无侧放")


def handling(client, ticket):
    return client.get(reverse("workplace:form", args=[way.fresh(ticket).item.number]) + "?tab=handling").content.decode()


def act(ticket, name):
    return reverse("workplace:form_act", args=[way.fresh(ticket).item.number, name])


def door(action, name):
    return reverse("workplace:action_move", args=[action.item.number, name])


def page(action):
    return reverse("workplace:action", args=[action.item.number])


def test_C14_cause_and_draft_by_dialog(cast, ticket, client):
    client.force_login(cast.supervisor)
    assert act(ticket, "write_root_cause") in handling(client, ticket)
    assert "未按规定作业" in client.get(act(ticket, "write_root_cause"), headers=HTMX).content.decode()
    category = CauseCategory.objects.get(slug="people-rules").pk
    assert client.post(act(ticket, "write_root_cause"), {"category": category, "why_1": "", "conclusion": "x"}, headers=HTMX).status_code == 422
    assert client.post(act(ticket, "write_root_cause"), {"category": category, **CAUSE}, headers=HTMX).status_code == 204
    given = {
        "kind": "preventive", "what": "制定装车体积核对表\n每月抽查", "owner": cast.head_backup.pk, "department": cast.delivery.pk, "due_on": "2026-03-09",
        "effect_on": "2026-03-01",
    }  # fmt: skip
    refused = client.post(act(ticket, "draft_action"), given, headers=HTMX)
    assert refused.status_code == 422
    assert "每月抽查" in refused.content.decode()
    assert client.post(act(ticket, "draft_action"), {**given, "effect_on": "2026-04-08"}, headers=HTMX).status_code == 204
    shown = handling(client, ticket)
    assert "无体积核对规范" in shown
    action = CorrectiveAction.objects.get()
    assert action.item.title == "制定装车体积核对表"
    assert page(action) in shown


def test_C14_every_move_by_its_dialog_until_effective(cast, ticket, client, freeze):
    action = drafted(cast, ticket)
    steps = [
        (cast.manager, "submit", {"seen_version": 1}),
        (cast.general_manager, "approve", {"seen_version": 2}),
        (cast.head_backup, "report_done", {"done": "已启用"}),
        (cast.manager, "confirm_effective", {"evidence": "抽查 30 车"}),
    ]
    for user, name, given in steps:
        if name == "confirm_effective":
            client.force_login(user)
            assert "2026-04-08" in client.get(page(action)).content.decode()
            assert client.post(door(action, name), given, headers=HTMX).status_code == 409, "not before its date"
            freeze("2026-04-08 09:00")
        client.force_login(user)
        assert door(action, name) in client.get(page(action)).content.decode()
        assert "<dialog" in client.get(door(action, name), headers=HTMX).content.decode()
        assert client.post(door(action, name), given, headers=HTMX).status_code == 204, name
    assert CorrectiveAction.objects.get(pk=action.pk).state == "effective"
    shown = client.get(page(action)).content.decode()
    assert "抽查 30 车" in shown
    assert "已启用" in shown


def test_C14_the_buttons_remain_after_the_complaint_was_closed(cast, customer, freeze, client):
    freeze("2026-03-02 09:00")
    ticket = way.complaint(cast, customer)
    way.walk(cast, ticket, "closed")
    action = drafted(cast, ticket)
    client.force_login(cast.manager)
    shown = handling(client, ticket)
    assert door(action, "submit") in shown
    assert act(ticket, "draft_action") in shown


def test_C14_approved_on_a_phone_in_two_taps(cast, ticket, client):
    action = submitted(cast, ticket)
    client.force_login(cast.general_manager)
    card = reverse("workplace:action_approval", args=[action.item.number])
    listed = client.get("/desk/approvals/").content.decode()
    assert card in listed
    shown = client.get(card).content.decode()
    assert "thumb-bar" in shown
    assert shown.index(door(action, "send_back")) < shown.index(door(action, "approve")), "the one that agrees at the right thumb"
    url = f"{door(action, 'approve')}?seen_version={action.version}"
    assert url in shown
    assert "<dialog" in client.get(url, headers=HTMX).content.decode()
    back = {"HX-Current-URL": f"http://testserver{card}"}
    answer = client.post(door(action, "approve"), {"seen_version": action.version}, headers=HTMX | back)
    assert answer["HX-Redirect"] == "/desk/approvals/"
    assert card not in client.get("/desk/approvals/").content.decode()


def test_V8_who_had_a_hand_in_it_finds_no_card(cast, ticket, client):
    cast.manager.memberships.create(role="general_manager")
    action = submitted(cast, ticket)
    client.force_login(cast.manager)
    assert action.item.number not in client.get("/desk/approvals/").content.decode()
    assert client.post(door(action, "approve"), {"seen_version": action.version}, headers=HTMX).status_code == 403
    assert Refusal.objects.filter(user=cast.manager, verb="approve").exists()


def test_C14_the_notice_leads_to_the_action(cast, ticket, client):
    action = approved(cast, ticket)
    notice = Notice.objects.get(item=action.item, receiver=cast.head_backup, channel="page")
    client.force_login(cast.head_backup)
    assert client.get(reverse("workplace:notice", args=[notice.pk]))["Location"] == page(action)


@pytest.mark.parametrize(("of", "expected"), [("mine", {"a"}), ("running", {"a", "b"}), ("late", {"b"}), ("all", {"a", "b", "c"})])
def test_C14_the_list_by_its_tabs(cast, ticket, client, freeze, of, expected):
    approved(cast, ticket, what="a", owner_id=cast.colleague.pk, due_on=date(2026, 3, 20))
    approved(cast, ticket, what="b")
    drafted(cast, ticket, what="c")
    freeze("2026-03-10 09:00")
    client.force_login(cast.colleague)
    answer = client.get(f"{LIST}?of={of}")
    assert {row.action.item.title for row in answer.context["rows"]} == expected
    assert [tab.count for tab in answer.context["tabs"]] == [1, 2, 1, 3]


def test_the_list_costs_the_same_at_one_row_and_at_ten(cast, ticket, client):
    approved(cast, ticket)
    client.force_login(cast.manager)
    counted = []
    for _n in range(2):
        client.get(f"{LIST}?of=all")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(f"{LIST}?of=all")
        counted.append(len(queries))
        for _k in range(9):
            drafted(cast, ticket)
    assert counted[0] == counted[1] <= 14


def test_V1_who_carries_it_out_sees_the_action_and_not_the_complaint(cast, ticket, client):
    cast.head_backup.department = None
    cast.head_backup.save(update_fields=["department"])
    action = approved(cast, ticket)
    client.force_login(cast.head_backup)
    assert client.get(page(action)).status_code == 200
    form = way.fresh(ticket)
    assert reverse("workplace:form", args=[form.item.number]) not in client.get(page(action)).content.decode()
    assert client.get(reverse("workplace:form", args=[form.item.number])).status_code == 404
    shown = client.get(reverse("workplace:limits", args=[action.item.number]))
    assert shown.status_code == 200
    assert len(shown.context["limits"]) == 1, "its own, none of the complaint's"
    assert client.get(reverse("workplace:limit", args=[action.item.deadlines.get().pk])).status_code == 200


def test_V3_a_person_named_in_the_matter_gets_404_everywhere(cast, ticket, client):
    action = approved(cast, ticket, owner_id=cast.colleague.pk)
    name_concerned(ticket.item, cast.colleague, because="named", by=cast.agent, at=clock.now())
    client.force_login(cast.colleague)
    for url in (page(action), door(action, "report_done"), reverse("workplace:action_approval", args=[action.item.number])):
        assert client.get(url).status_code == 404
    assert client.post(door(action, "report_done"), {"done": "x"}).status_code == 404
    assert not client.get(f"{LIST}?of=all").context["rows"]
    assert Refusal.objects.filter(user=cast.colleague, item=action.item, verb="report_done").exists()


def test_C14_a_similar_complaint_asks_whether_it_recurred(cast, customer, ticket, client, freeze):
    action = effective(cast, ticket, freeze)
    freeze("2026-04-15 09:00")
    other = way.complaint(cast, customer)
    client.force_login(cast.manager)
    shown = handling(client, other)
    url = f"{door(action, 'recur')}?complaint={way.fresh(other).item.number}"
    assert action.item.number in shown
    assert url in shown
    assert way.fresh(other).item.number in client.get(url, headers=HTMX).content.decode()
    given = {"complaint": way.fresh(other).item.number, "reason": "又见侧放", "due_on": "2026-04-30", "effect_on": "2026-06-01"}
    assert client.post(url, given, headers=HTMX).status_code == 204
    assert CorrectiveAction.objects.get(pk=action.pk).state == "in_progress"
    again = handling(client, other)
    assert url not in again
    assert page(action) in again
    assert reverse("workplace:form", args=[way.fresh(other).item.number]) in client.get(page(action)).content.decode()


@pytest.mark.parametrize(("more", "asked"), [({"product": "洗碗机"}, False), ({}, True)])
def test_C14_only_of_the_same_category_and_product(cast, customer, ticket, client, freeze, more, asked):
    action = effective(cast, ticket, freeze)
    freeze("2026-04-15 09:00")
    client.force_login(cast.agent)
    other = way.complaint(cast, customer, **more)
    assert (action.item.number in handling(client, other)) is asked


def test_C14_or_with_the_same_category_of_cause(cast, customer, ticket, client, freeze):
    action = effective(cast, ticket, freeze)
    freeze("2026-04-15 09:00")
    other = way.complaint(cast, customer, product="洗碗机")
    category = CauseCategory.objects.get(slug="method-missing").pk
    forms.write_root_cause(form_id=way.fresh(other).pk, by=cast.manager, category_id=category, whys=["x"], conclusion="y")
    client.force_login(cast.agent)
    assert action.item.number in handling(client, other)


def test_C14_cause_and_action_stand_on_the_printed_form(cast, ticket, client):
    action = approved(cast, ticket)
    client.force_login(cast.manager)
    sheet = client.get(reverse("workplace:paper", args=[way.fresh(ticket).item.number])).content.decode()
    assert action.item.number in sheet
    assert "制定装车体积核对表" in sheet
    assert "车厢已满" in sheet


def test_E3_more_time_is_asked_on_the_page_and_granted_on_the_phone(cast, ticket, client):
    action = approved(cast, ticket)
    client.force_login(cast.head_backup)
    assert door(action, "ask_extension") in client.get(page(action)).content.decode()
    assert client.post(door(action, "ask_extension"), {"until": "2026-03-09", "reason": "等供应商"}, headers=HTMX).status_code == 422
    assert client.post(door(action, "ask_extension"), {"until": "2026-03-20", "reason": "等供应商"}, headers=HTMX).status_code == 204
    client.force_login(cast.supervisor)
    assert action.item.number not in client.get("/desk/approvals/").content.decode(), "its dates are not the supervisor's"
    client.force_login(cast.general_manager)
    card = reverse("workplace:action_approval", args=[action.item.number])
    assert card in client.get("/desk/approvals/").content.decode()
    assert "等供应商" in client.get(card).content.decode()
    assert client.post(door(action, "grant_extension"), {"words": ""}, headers=HTMX).status_code == 204
    assert CorrectiveAction.objects.get(pk=action.pk).due_on == date(2026, 3, 20)
    assert card not in client.get("/desk/approvals/").content.decode()


def test_C14_a_search_for_its_number_leads_to_it(cast, ticket, client):
    action = approved(cast, ticket)
    client.force_login(cast.agent)
    assert client.get("/desk/search/", {"q": action.item.number.lower()})["Location"] == page(action)
    name_concerned(ticket.item, cast.colleague, because="named", by=cast.agent, at=clock.now())
    client.force_login(cast.colleague)
    assert client.get("/desk/search/", {"q": action.item.number}).status_code == 200
