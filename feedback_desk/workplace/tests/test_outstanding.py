"""The ledgers of matters set aside (C8): two notes on one row, and two people who write at once."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from complaints import services as forms
from complaints.models import ComplaintForm
from feedback_desk import clock
from feedback_desk.people.access import Changed
from feedback_desk.people.models import Absence, User
from feedback_desk.people.services import name_concerned
from feedback_desk.records.models import Item
from tests.ways import Way
from tests.ways import way as new_way
from tickets import services as tickets
from tickets.models import Ticket

way = new_way
LEDGER = "/desk/outstanding/"


@pytest.fixture
def parked(way, cast):
    one = way().determining()
    forms.ask_parking(form_id=one.form_id, by=cast.manager, parking_reason="parts", contact="客服林", reason="等配件")
    forms.park(form_id=one.form_id, by=cast.general_manager)
    return one


def opened(client, user, one):
    """The page as this person has it open: what its form would send."""
    client.force_login(user)
    page = client.get(LEDGER).content.decode()
    return {"form": one.form_id, **dict(re.findall(r'name="(seen_\w+_note)" value="(\w+)"', page))}


def test_C8_the_second_of_two_is_told_who_wrote_and_keeps_what_was_typed(cast, parked, client):
    first, second = (opened(client, user, parked) for user in (cast.agent, cast.supervisor))
    client.force_login(cast.agent)
    assert client.post(LEDGER, first | {"service_note": "已电话提醒客户。"}).status_code == 302
    client.force_login(cast.supervisor)
    answer = client.post(LEDGER, second | {"service_note": "配件下周到。"})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "客服林" in page
    assert "已电话提醒客户。" in page, "what stands there now"
    assert re.search(r"<textarea[^>]*name=\"service_note\"[^>]*>配件下周到。</textarea>", page), "what was typed"
    assert ComplaintForm.objects.get(pk=parked.form_id).service_note == "已电话提醒客户。"
    again = {"form": parked.form_id, **dict(re.findall(r'name="(seen_service_note)" value="(\w+)"', page))}
    assert client.post(LEDGER, again | {"service_note": "已提醒；配件下周到。"}).status_code == 302
    assert ComplaintForm.objects.get(pk=parked.form_id).service_note == "已提醒；配件下周到。"


def test_C8_notes_in_the_two_ledgers_do_not_stand_in_each_others_way(cast, parked, client):
    agent, manager = (opened(client, user, parked) for user in (cast.agent, cast.manager))
    client.force_login(cast.agent)
    assert client.post(LEDGER, agent | {"service_note": "已提醒客户"}).status_code == 302
    client.force_login(cast.manager)
    assert client.post(LEDGER, manager | {"manager_note": "等厂家报告"}).status_code == 302
    form = ComplaintForm.objects.get(pk=parked.form_id)
    assert (form.manager_note, form.service_note) == ("等厂家报告", "已提醒客户")


def test_C8_a_note_that_is_too_long_comes_back_as_it_was_typed(cast, parked, client):
    answer = client.post(LEDGER, opened(client, cast.agent, parked) | {"service_note": "长" * 2001})
    assert answer.status_code == 422
    assert "长" * 2001 in answer.content.decode()


def test_C8_a_note_is_kept_only_over_the_text_that_was_seen(cast, parked):
    forms.keep_note(form_id=parked.form_id, by=cast.agent, service_note="一", seen={"service_note": forms.note_seen("")})
    with pytest.raises(Changed, match="客服林"):
        forms.keep_note(form_id=parked.form_id, by=cast.supervisor, service_note="二", seen={"service_note": forms.note_seen("")})


def test_C8_the_managers_ledger_and_customer_services_are_two_views_of_the_same_rows(cast, parked, client):
    """Each shows and takes its own note; which one is open stands in the address."""
    forms.keep_note(form_id=parked.form_id, by=cast.agent, service_note="已电话提醒")
    forms.keep_note(form_id=parked.form_id, by=cast.manager, manager_note="等厂家报告")
    client.force_login(cast.manager)
    manager, service = (client.get(f"{LEDGER}?view={view}").content.decode() for view in ("manager", "service"))
    assert ("等厂家报告" in manager, "已电话提醒" in manager, 'name="service_note"' in manager) == (True, False, False)
    assert ("等厂家报告" in service, "已电话提醒" in service, 'name="manager_note"' in service) == (False, True, False)
    assert client.get(LEDGER).content.decode().count('name="manager_note"') == 1, "the manager's own first"
    seen = dict(re.findall(r'name="(seen_\w+_note)" value="(\w+)"', service))
    answer = client.post(f"{LEDGER}?view=service", {"form": parked.form_id, "service_note": "配件到了", **seen})
    assert answer.url == f"{LEDGER}?view=service"
    client.force_login(cast.agent)
    page = client.get(f"{LEDGER}?view=manager").content.decode()
    assert ("配件到了" in page, "等厂家报告" in page, "哪一本台账" in page) == (True, False, False), "nobody but the manager keeps theirs"


def test_C8_the_managers_ledger_is_of_those_under_them_and_customer_services_of_all(cast, parked, client):
    elsewhere = User.objects.create(username="else", name="别处", department=cast.delivery)
    Ticket.objects.filter(pk=parked.ticket_id).update(assignee=elsewhere)
    Item.objects.filter(pk=parked.ticket.item_id).update(department=cast.delivery)
    client.force_login(cast.manager)
    assert [len(client.get(f"{LEDGER}?view={view}").context["matters"]) for view in ("manager", "service")] == [0, 1]
    Ticket.objects.filter(pk=parked.ticket_id).update(assignee=cast.agent)
    assert len(client.get(f"{LEDGER}?view=manager").context["matters"]) == 1


def test_V2_who_stands_in_for_the_manager_keeps_the_managers_ledger(cast, parked, client):
    client.force_login(cast.supervisor)
    assert 'name="manager_note"' not in client.get(f"{LEDGER}?view=manager").content.decode()
    now = clock.now()
    Absence.objects.create(user=cast.manager, starts_at=now - timedelta(hours=1), ends_at=now + timedelta(days=1), reason="出差")
    assert 'name="manager_note"' in client.get(f"{LEDGER}?view=manager").content.decode()


def test_C8_when_the_customer_was_last_reminded_and_what_changed_stands_in_the_row(cast, parked, client, freeze):
    client.force_login(cast.agent)
    assert "尚未提醒" in client.get(LEDGER).content.decode()
    for day, changed in (("2026-03-31 10:00", "配件仍缺"), ("2026-04-30 10:00", "配件已发运")):
        freeze(day)
        forms.remind_customer(form_id=parked.form_id, by=cast.agent, customer_says="可以等", changed=changed)
    page = client.get(LEDGER).content.decode()
    assert ("配件已发运" in page, "配件仍缺" in page, "2026-04-30" in page) == (True, False, True)


def test_C8_the_next_limit_of_a_matter_is_named_in_words(cast, parked, client):
    code = parked.form.item.next_limit_code
    client.force_login(cast.manager)
    page = client.get(LEDGER).content.decode()
    assert str(parked.limit(code).rule.spoken) in page
    assert not re.search(rf"\b{code}\b", page)


def test_C8_the_ledger_takes_as_many_queries_at_five_matters_as_at_one(cast, client, customer, freeze):
    freeze("2026-03-02 09:00")
    taken = []
    client.force_login(cast.manager)
    for more in (1, 4):
        for _n in range(more):
            one = Way(cast, customer, "II").determining()
            forms.ask_parking(form_id=one.form_id, by=cast.manager, parking_reason="parts", contact="客服林", reason="等配件")
            forms.park(form_id=one.form_id, by=cast.general_manager)
            forms.remind_customer(form_id=one.form_id, by=cast.agent, customer_says="可以等", changed="配件仍缺")
        with CaptureQueriesContext(connection) as seen:
            client.get(LEDGER)
        taken.append(len([q for q in seen.captured_queries if "DISTINCT" not in q["sql"]]))  # the tests' own look at pairs of states
    assert taken[0] == taken[1], "\n".join(q["sql"][:250] for q in seen.captured_queries)


def test_C8_a_matter_set_aside_is_marked_in_lists_search_cards_forms_customers_and_visits(cast, parked, client, customer):
    """Wherever customer or thing appears; also for heads, who see only the form; never for who is named in the matter (V3)."""
    review, visit, ordinary = (Way(cast, customer, "II") for _n in range(3))
    review.in_review()
    visit.visiting()
    ordinary.graded()
    other = tickets.create_customer(by=cast.agent, name="何青", phone="13700010002")
    unmarked = Way(cast, other, "II").in_review()
    cards = [reverse("workplace:review", args=[review.measure.pk]), reverse("workplace:form", args=[review.form.item.number])]
    shown = {
        cast.agent: ["/desk/queue/", "/desk/search/?q=洗衣机", f"/desk/customers/{customer.number}/"], cast.department_head: [*cards, "/desk/approvals/"],
        cast.visitor: ["/desk/visits/", reverse("workplace:record_visit", args=[visit.form.item.number])], cast.general_manager: cards,
    }  # fmt: skip
    for reader, places in shown.items():
        client.force_login(reader)
        assert [url for url in places if "另有未了事宜" not in client.get(url).content.decode()] == []
    client.force_login(cast.department_head)
    assert "另有未了事宜" not in client.get(reverse("workplace:review", args=[unmarked.measure.pk])).content.decode()
    client.force_login(cast.agent)
    book = re.findall(r"<tr>.*?</tr>", client.get("/desk/customers/").content.decode(), re.DOTALL)
    assert ["未了事宜" in row for number in (customer.number, other.number) for row in book if number in row] == [True, False]
    name_concerned(parked.form.item, cast.department_head, because="named", by=cast.agent, at=clock.now())
    client.force_login(cast.department_head)
    assert "另有未了事宜" not in client.get(cards[0]).content.decode()
