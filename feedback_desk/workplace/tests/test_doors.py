"""Every move made by hand has a door; what went wrong is said with who and when, and what was typed stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from complaints import acts
from feedback_desk import clock
from feedback_desk.people.models import Refusal
from feedback_desk.people.services import name_concerned
from feedback_desk.records.moves import moves_of
from feedback_desk.workplace.doors import DOORS
from feedback_desk.workplace.models import Draft
from feedback_desk.workplace.panels import ACT_DOORS
from feedback_desk.workplace.tests import way
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
