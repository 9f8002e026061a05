"""More time at the desk: asked for beside the limit, answered in two taps, counted, never by who is concerned (T9, V3, V8)."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from feedback_desk.deadlines.models import Deadline, Extension
from feedback_desk.people.models import Absence
from feedback_desk.people.services import name_concerned
from feedback_desk.workplace.tests import way
from tickets import services as tickets

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
INDEX = "/desk/approvals/"


@pytest.fixture
def ticket(cast, customer, freeze):
    freeze("2026-03-02 09:00")
    return way.complaint(cast, customer)


def limit(ticket):
    return Deadline.objects.get(item=ticket.item, code="D26")


def door(ticket, move):
    return reverse("workplace:ticket_move", args=[ticket.item.number, move])


def page_of(ticket):
    return reverse("workplace:ticket", args=[ticket.item.number])


@pytest.fixture
def asked(cast, ticket, local):
    return tickets.ask_extension(ticket_id=ticket.pk, by=cast.agent, deadline_id=limit(ticket).pk, until=local("2026-03-20 18:00"), reason="等厂家配件")


def card_of(extension):
    return reverse("workplace:extension", args=[extension.pk])


def test_T9_the_handler_asks_beside_the_limit(cast, ticket, client):
    client.force_login(cast.agent)
    url = f"{door(ticket, 'ask_extension')}?deadline={limit(ticket).pk}"
    assert url in client.get(page_of(ticket)).content.decode()
    assert "<dialog" in client.get(url, headers=HTMX).content.decode()
    given = {"deadline": limit(ticket).pk, "until": "2026-03-01T09:00", "reason": "等厂家配件，预计两周"}
    refused = client.post(door(ticket, "ask_extension"), given, headers=HTMX)
    assert refused.status_code == 422
    assert "等厂家配件，预计两周" in refused.content.decode()
    assert client.post(door(ticket, "ask_extension"), {**given, "until": "2026-03-20T18:00"}, headers=HTMX).status_code == 204
    page = client.get(page_of(ticket)).content.decode()
    assert url not in page
    assert "等厂家配件，预计两周" in page


def test_T9_a_supervisor_grants_in_two_taps_and_is_back_at_the_list(cast, ticket, asked, client):
    client.force_login(cast.supervisor)
    assert card_of(asked) in client.get(INDEX).content.decode()
    card = client.get(card_of(asked)).content.decode()
    assert "thumb-bar" in card
    assert "等厂家配件" in card
    url = f"{door(ticket, 'grant_extension')}?extension={asked.pk}"
    assert url in card
    dialog = client.get(url, headers=HTMX).content.decode()
    assert 'value="2026-03-20T18:00"' in dialog
    from_card = HTMX | {"HX-Current-URL": f"http://testserver{card_of(asked)}"}
    sent = client.post(door(ticket, "grant_extension"), {"extension": asked.pk, "until": "", "words": ""}, headers=from_card)
    assert sent["HX-Redirect"] == INDEX
    asked.refresh_from_db()
    assert asked.state == "granted"
    assert card_of(asked) not in client.get(INDEX).content.decode()
    assert client.get(card_of(asked)).status_code == 200


def test_T9_refusing_needs_words(cast, ticket, asked, client):
    client.force_login(cast.supervisor)
    assert client.post(door(ticket, "refuse_extension"), {"extension": asked.pk, "reason": ""}, headers=HTMX).status_code == 422
    assert client.post(door(ticket, "refuse_extension"), {"extension": asked.pk, "reason": "今天就能修"}, headers=HTMX).status_code == 204
    asked.refresh_from_db()
    assert (asked.state, asked.words) == ("refused", "今天就能修")


def test_T9_it_counts_among_my_approvals_and_stands_in_my_work(cast, ticket, asked, client):
    for person, there in ((cast.supervisor, True), (cast.manager, True), (cast.agent, False), (cast.general_manager, False)):
        client.force_login(person)
        assert (card_of(asked) in client.get(INDEX).content.decode()) is there, person
    client.force_login(cast.supervisor)
    assert ticket.item.number in client.get("/desk/").content.decode()


def test_V8_who_asked_does_not_find_it_to_answer(cast, ticket, client, local):
    tickets.reassign(ticket_id=ticket.pk, by=cast.agent, assignee_id=cast.supervisor.pk, reason="客户要求主管处理")
    own = tickets.ask_extension(ticket_id=ticket.pk, by=cast.supervisor, deadline_id=limit(ticket).pk, until=local("2026-03-20 18:00"), reason="等配件")
    client.force_login(cast.supervisor)
    assert card_of(own) not in client.get(INDEX).content.decode()
    assert "thumb-bar" not in client.get(card_of(own)).content.decode()
    assert client.post(door(ticket, "grant_extension"), {"extension": own.pk}, headers=HTMX).status_code == 403


def test_V3_who_is_concerned_finds_nothing_of_it(cast, ticket, asked, client, local):
    name_concerned(ticket.item, cast.supervisor, because="被投诉", by=cast.manager, at=local("2026-03-02 09:30"))
    client.force_login(cast.supervisor)
    assert card_of(asked) not in client.get(INDEX).content.decode()
    assert client.get(card_of(asked)).status_code == 404


def test_V2_who_stands_in_for_an_absent_supervisor_finds_it(cast, ticket, asked, client, local):
    cast.supervisor.backup = cast.second
    cast.supervisor.save(update_fields=["backup"])
    client.force_login(cast.second)
    assert card_of(asked) not in client.get(INDEX).content.decode()
    Absence.objects.create(user=cast.supervisor, starts_at=local("2026-03-01 00:00"), ends_at=local("2026-04-01 00:00"))
    assert card_of(asked) in client.get(INDEX).content.decode()


def test_the_story_says_it_with_the_date_and_the_words(cast, ticket, asked, client):
    tickets.grant_extension(ticket_id=ticket.pk, by=cast.supervisor, extension_id=asked.pk, words="同意，请告知客户")
    client.force_login(cast.manager)
    page = client.get(page_of(ticket)).content.decode()
    for words in ("等厂家配件", "同意，请告知客户"):
        assert words in page
    assert "ask_extension" not in page.replace("moves/ask_extension", "")


def test_an_unknown_request_is_a_404(cast, client):
    client.force_login(cast.supervisor)
    assert client.get("/desk/approvals/extensions/999/").status_code == 404


@pytest.mark.parametrize("count", [1, 30])
def test_the_lists_cost_the_same_at_one_request_and_at_many(cast, customer, client, freeze, local, count):
    freeze("2026-03-02 09:00")
    for _ in range(count):
        made = way.complaint(cast, customer)
        tickets.ask_extension(ticket_id=made.pk, by=cast.agent, deadline_id=limit(made).pk, until=local("2026-03-20 18:00"), reason="等配件")
    client.force_login(cast.supervisor)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(INDEX).status_code == 200
    assert len(seen) <= 13, "\n".join(q["sql"][:200] for q in seen.captured_queries)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(page_of(made)).status_code == 200
    assert len(seen) <= 20, "\n".join(q["sql"][:200] for q in seen.captured_queries)
    assert Extension.objects.count() == count
