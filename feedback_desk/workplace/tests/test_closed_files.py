"""V3: whoever is named in a matter of a customer, live or past, does not find that customer's file or contact data anywhere, nor learns that there is one."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.urls import reverse

from feedback_desk import clock
from feedback_desk.people.access import NotYou
from feedback_desk.people.models import Membership, Refusal, Role
from feedback_desk.people.services import name_concerned
from feedback_desk.records.models import Reading
from feedback_desk.workplace.tests import way
from tests.ways import comes_next
from tickets import services
from tickets.imports.exporting import export
from tickets.models import Customer, Ticket

pytestmark = pytest.mark.django_db
PHONE = "13812342071"
NAMED = ["colleague", "supervisor", "manager", "visitor", "person_concerned", "administrator"]


@pytest.fixture
def past(cast, customer, freeze) -> Ticket:
    """A matter that has ended."""
    freeze("2026-03-02 09:00")
    ticket = way.complaint(cast, customer, type="problem")
    services.withdraw(ticket_id=ticket.pk, by=cast.agent, reason="客户来电:家人误会,撤回")
    freeze("2026-03-09 09:00")
    return ticket


@pytest.fixture
def named(cast, past, client):
    """Name somebody in the past matter; answers with a client they are signed in on."""

    def name(who: str) -> Any:
        user = getattr(cast, who)
        by = cast.manager if who == "supervisor" else cast.supervisor
        name_concerned(past.item, user, because="客户点名", by=by, at=clock.now())
        client.force_login(user)
        return client

    return name


@pytest.mark.parametrize("who", NAMED)
def test_V3_lists_file_search_and_typed_addresses_know_no_such_customer(named, customer, who):
    client = named(who)
    assert client.get(f"/desk/customers/{customer.number}/").status_code == 404
    assert client.get(f"/desk/customers/{customer.number}/correct/").status_code == 404
    nobody = client.get("/desk/customers/CS20990101001/")
    there = client.get(f"/desk/customers/{customer.number}/")
    assert there.content.decode().replace(customer.number, "X") == nobody.content.decode().replace("CS20990101001", "X")
    for url in ("/desk/customers/", "/desk/customers/?q=2071", "/desk/customers/?q=陈雨瑶", f"/desk/search/?q={PHONE}", f"/desk/search/?q={customer.number}"):
        shown = client.get(url).content.decode()
        assert customer.masked_name not in shown, url
        assert f"/customers/{customer.number}/" not in shown, url


@pytest.mark.parametrize("who", ["colleague", "supervisor", "manager", "visitor", "person_concerned"])
def test_V3_contact_data_is_not_revealed_and_the_attempt_is_kept(named, cast, past, customer, who):
    client, point = named(who), customer.contact_points.get(kind="phone")
    for sent in ({"why": "回电"}, {"why": "回电", "item": past.item.number}):
        assert client.post(reverse("workplace:reveal", args=[point.pk]), sent).status_code == 404
    refused = Refusal.objects.filter(user=getattr(cast, who), verb="reveal")
    assert [r.item for r in refused] == [past.item] * 2
    with pytest.raises(NotYou):
        services.reveal(point_id=point.pk, by=getattr(cast, who), why="回电")
    assert not Reading.objects.exists()


def test_V3_a_point_that_does_not_exist_is_answered_alike_and_leaves_no_trace(named):
    client = named("colleague")
    assert client.post(reverse("workplace:reveal", args=[987654]), {"why": "回电"}).status_code == 404
    assert not Refusal.objects.exists()


def test_V3_the_file_is_not_corrected_by_somebody_named(named, cast, customer):
    client = named("colleague")
    assert client.post(f"/desk/customers/{customer.number}/correct/", {"name": "王五", "reason": "写错"}).status_code == 404
    with pytest.raises(NotYou):
        services.correct_customer(by=cast.colleague, customer_id=customer.pk, changes={"name": "王五"}, reason="写错")
    customer.refresh_from_db()
    assert customer.name == "陈雨瑶"
    assert Refusal.objects.filter(user=cast.colleague).exists()


def test_V3_who_calls_again_is_registered_in_a_file_of_its_own_and_nothing_is_learnt(named, cast, customer, past):
    client = named("colleague")
    for words in ("2071", PHONE, "陈雨瑶", customer.number, "chenyuyao"):
        assert customer.masked_name not in client.get("/desk/register/customers/", {"who": words}).content.decode()
    for url in (f"/desk/register/?customer={customer.number}", f"/desk/register/customers/?pick={customer.number}"):
        shown = client.get(url).content.decode()
        assert customer.masked_name not in shown
        assert "138****2071" not in shown
    made = client.post("/desk/register/customers/new/", {"new-name": "陈雨瑶", "new-kind": "person", "new-level": "ordinary", "new-phone": PHONE})
    assert made.status_code == 200
    second = Customer.objects.exclude(pk=customer.pk).get()
    ticket = way.complaint(cast, second, by=cast.colleague, type="problem", assignee_id=cast.colleague.pk)
    shown = "".join(client.get(url).content.decode() for url in (reverse("workplace:ticket", args=[ticket.item.number]), f"/desk/customers/{second.number}/"))
    assert customer.number not in shown
    assert past.item.number not in shown
    client.force_login(cast.agent)
    assert customer.number in client.get(f"/desk/customers/{second.number}/").content.decode()


def test_V3_a_typed_customer_number_registers_nothing(named, cast, customer):
    named("colleague")
    with pytest.raises(NotYou):
        way.complaint(cast, customer, by=cast.colleague, type="problem", assignee_id=None)
    assert Ticket.objects.count() == 1


def test_V3_the_customer_s_own_agent_gets_nothing_by_itself_once_named(named, cast, customer):
    customer.owner = cast.colleague
    customer.save(update_fields=["owner"])
    assert way.complaint(cast, customer, type="problem", assignee_id=None).assignee == cast.colleague
    named("colleague")
    assert way.complaint(cast, customer, type="problem", assignee_id=None).assignee is None


def test_V3_another_matter_of_the_customer_is_worked_on_without_file_and_contact_data(named, cast, customer):
    other = way.complaint(cast, customer, type="problem")
    client = named("colleague")
    shown = client.get(reverse("workplace:ticket", args=[other.item.number])).content.decode()
    assert other.item.title in shown
    assert f"/customers/{customer.number}/" not in shown
    assert "/desk/reveal/" not in shown
    services.record_contact(
        ticket_id=other.pk, by=cast.colleague, way="call_in", said="客户来电询问进度,已答复。", customer_says="好,等消息", **comes_next()
    )


@pytest.mark.parametrize("what", ["customers", "tickets"])
def test_V3_exports_leave_the_customer_out(named, cast, customer, what):
    other = way.complaint(cast, customer, type="problem")
    Membership.objects.create(user=cast.manager, role=Role.AGENT)
    named("manager")
    cast.manager = type(cast.manager).objects.get(pk=cast.manager.pk)
    text = export(by=cast.manager, what=what, form="csv", plain=True, why="月度核对").read().decode("utf-8-sig")
    assert PHONE not in text
    assert "陈雨瑶" not in text
    rows = list(csv.reader(io.StringIO(text)))[1:]
    assert [row[0] for row in rows] == ([] if what == "customers" else [other.item.number])
    assert not Reading.objects.exists()


def test_V3_the_back_office_shows_no_such_customer_either(named, customer):
    client = named("administrator")
    shown = client.get(reverse("admin:tickets_customer_changelist"), {"q": "2071"})
    assert shown.status_code == 200
    assert customer.number not in shown.content.decode()
    assert client.get(reverse("admin:tickets_customer_change", args=[customer.pk])).status_code in (302, 404)


def test_V3_everybody_else_sees_the_file_as_before(named, cast, customer):
    client = named("colleague")
    client.force_login(cast.agent)
    assert client.get(f"/desk/customers/{customer.number}/").status_code == 200
