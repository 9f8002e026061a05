"""F1 on the pages: what comes next stands in my work, on the ticket and in its story, and is ticked off in a dialog."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from feedback_desk import clock
from feedback_desk.people.models import Absence, Concern, Refusal
from feedback_desk.workplace.tests import way
from tickets import services as tickets
from tickets.models import Contact, NextStep

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(cast, customer, freeze):
    freeze("2026-03-02 09:00")
    return way.complaint(cast, customer)


@pytest.fixture
def step(cast, ticket):
    def note(text: str = "给客户回电", hours: float = 5, **more: Any) -> NextStep:
        said: dict[str, Any] = {"ticket_id": ticket.pk, "by": cast.agent, "way": "call_out", "said": "说明正在核实", "customer_says": "好,等消息"}
        contact = tickets.record_contact(**said, next_step=text, next_at=clock.now() + timedelta(hours=hours), **more)
        return contact.step

    return note


def mine(client):
    return client.get("/desk/?of=mine").context["steps"]


def test_F1_my_steps_stand_in_my_work_the_nearest_first_and_late_ones_are_said(cast, client, step, freeze):
    step("周五前寄出配件", 90)
    step("给客户回电", 2)
    step("同事去核实", 1, next_by_id=cast.colleague.pk)
    freeze("2026-03-02 12:00")
    client.force_login(cast.agent)
    found = mine(client)
    assert [(row.text, row.chip.kind) for row in found.rows] == [("给客户回电", "late"), ("周五前寄出配件", "ok")]
    assert (found.total, found.late) == (2, 1)
    client.force_login(cast.colleague)
    assert [row.text for row in mine(client).rows] == ["同事去核实"]


def test_F1_done_steps_are_gone_from_my_work_and_struck_through_in_the_story(cast, ticket, client, step):
    one = step()
    client.force_login(cast.agent)
    page = reverse("workplace:ticket", args=[ticket.item.number])
    assert "<s>" not in client.get(page).content.decode()
    url = reverse("workplace:finish_step", args=[one.pk])
    assert "给客户回电" in client.get(url).content.decode()
    assert client.post(url, {"outcome": "已处理"}).status_code == 422
    assert client.post(url, {"outcome": "客户同意周六送货", "back": "/desk/"}).headers["Location"] == "/desk/"
    assert mine(client).rows == []
    shown = client.get(page).content.decode()
    assert "<s>" in shown
    assert "客户同意周六送货" in shown
    assert client.post(url, {"outcome": "又打了一次"}).status_code == 409


def test_F1_somebody_else_s_step_is_shown_without_a_way_to_tick_it(cast, ticket, client, step):
    one, url = step(), reverse("workplace:ticket", args=[ticket.item.number])
    for who, may in ((cast.agent, True), (cast.supervisor, True), (cast.inspector, False), (cast.colleague, False)):
        client.force_login(who)
        assert (reverse("workplace:finish_step", args=[one.pk]) in client.get(url).content.decode()) is may, who
    assert client.post(reverse("workplace:finish_step", args=[one.pk]), {"outcome": "客户接了电话"}).status_code == 403
    assert Refusal.objects.get(user=cast.colleague).verb == "finish_step"


def test_V2_the_backup_sees_the_steps_of_somebody_who_is_away(cast, client, step):
    step()
    client.force_login(cast.colleague)
    assert mine(client).rows == []
    Absence.objects.create(user=cast.agent, starts_at=clock.now() - timedelta(hours=1), ends_at=clock.now() + timedelta(days=1))
    assert [row.in_place_of for row in mine(client).rows] == [cast.agent.name]


def test_V3_a_step_of_a_matter_one_is_named_in_is_not_there(cast, ticket, client, step):
    one = step(next_by_id=cast.colleague.pk)
    Concern.objects.create(item=ticket.item, user=cast.colleague, because="named", since=clock.now())
    client.force_login(cast.colleague)
    assert mine(client).rows == []
    assert client.get(reverse("workplace:finish_step", args=[one.pk])).status_code == 404
    assert client.post(reverse("workplace:finish_step", args=[one.pk]), {"outcome": "客户接了电话"}).status_code == 404
    assert Refusal.objects.get(user=cast.colleague).item == ticket.item


def test_my_work_takes_as_many_queries_with_forty_steps_as_with_one(cast, client, step):
    step()
    client.force_login(cast.agent)
    with CaptureQueriesContext(connection) as one:
        client.get("/desk/?of=mine")
    for n in range(40):
        step(f"第 {n} 步")
    with CaptureQueriesContext(connection) as many:
        found = mine(client)
    assert (len(found.rows), found.more) == (30, 11)
    assert len(many) == len(one) <= 8


def test_F1_the_composer_asks_for_the_next_step_and_keeps_what_was_typed(cast, ticket, client, step):
    first = step()
    client.force_login(cast.agent)
    url = reverse("workplace:contact", args=[ticket.item.number])
    typed = {"way": "call_out", "reached": "yes", "purpose": "follow_up", "said": "告知到货时间", "customer_says": "周六在家"}
    refused = client.post(url, typed | {"no_step": "on"})
    assert refused.status_code == 422
    assert "no_step_why" in refused.context["composer"].bound.errors
    assert set(client.post(url, typed).context["composer"].bound.errors) == {"next_step", "next_at"}
    sent = typed | {"next_step": "通知配送", "next_by": cast.colleague.pk, "next_at": "2026-03-04T10:00", "finished": [first.pk]}
    assert client.post(url, sent).status_code == 302
    first.refresh_from_db()
    assert first.done is True
    assert Contact.objects.latest("pk").next_by == cast.colleague
    assert client.post(url, typed | {"no_step": "on", "no_step_why": "客户只问到货日,没有别的事", "next_step": "没删掉的字"}).status_code == 302
    assert Contact.objects.latest("pk").next_step == ""
