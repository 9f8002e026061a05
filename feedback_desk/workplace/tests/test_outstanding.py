"""The ledgers of matters set aside (C8): two notes on one row, and two people who write at once."""

from __future__ import annotations

import re

import pytest

from complaints import services as forms
from complaints.models import ComplaintForm
from feedback_desk.people.access import Changed
from tests.ways import way as new_way

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
