"""A date that somebody types lies at most ten years ahead: further off it is a sentence at its field, never a failure."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from complaints import services as forms
from feedback_desk import clock
from feedback_desk.ahead import TOO_FAR
from feedback_desk.people.services import record_absence
from feedback_desk.workplace.tests.test_actions import approved, drafted
from tests.ways import comes_next
from tests.ways import way as new_way
from tickets import services as tickets

way = new_way
LAST_DAY = date(9999, 12, 31)
LAST = datetime(9999, 12, 31, 15, 59, tzinfo=UTC)
HTMX = {"HX-Request": "true"}


def said_at(field, act):
    with pytest.raises(ValidationError) as refused:
        act()
    return str(TOO_FAR) in refused.value.message_dict[field]


def test_T16_T9_services_refuse_a_date_more_than_ten_years_ahead_at_its_field(cast, way):
    one = way("II").determining()
    called = {"ticket_id": one.ticket_id, "by": cast.agent, "way": "call_out", "said": "核对了订单与照片", "customer_says": "等换新"}
    parking = {"form_id": one.form_id, "by": cast.manager, "parking_reason": "parts", "contact": "客服林", "reason": "等配件"}
    assert said_at("promised_at", lambda: tickets.record_contact(**called, **comes_next(), promised_at=LAST))
    assert said_at("next_at", lambda: tickets.record_contact(**called, next_step="寄出配件", next_at=LAST))
    assert said_at("until", lambda: tickets.ask_customer(ticket_id=one.ticket_id, by=cast.agent, question="请提供照片", until=LAST))
    assert said_at("promised_at", lambda: forms.ask_parking(**parking, promised_at=LAST))
    assert said_at("ends_at", lambda: record_absence(cast.agent, starts_at=clock.now(), ends_at=LAST, reason="休假", backup=None))
    assert said_at("next_at", lambda: way("II").visiting().visit_in_vain(LAST))


def test_C8_how_it_goes_on_is_due_within_ten_years(cast, way):
    one = way("I").determining()
    forms.ask_instruction(form_id=one.form_id, by=cast.manager, words="原因无法判断")
    write = {"form_id": one.form_id, "by": cast.general_manager, "lead_id": cast.agent.pk, "what": "先换新机"}
    assert said_at("until", lambda: forms.write_instruction(**write, until=LAST))


def test_C14_an_action_is_carried_out_and_checked_within_ten_years(cast, way):
    one = way("II").executing()
    assert said_at("due_on", lambda: drafted(cast, one.ticket, due_on=LAST_DAY, effect_on=LAST_DAY))
    assert said_at("effect_on", lambda: drafted(cast, one.ticket, effect_on=LAST_DAY))
    action = approved(cast, one.ticket)
    assert said_at("until", lambda: forms.ask_action_time(action_id=action.pk, by=cast.head_backup, until=LAST_DAY, reason="厂家排期"))
    again: dict[str, Any] = {"complaint": "FK1", "reason": "又侧放", "due_on": LAST_DAY, "effect_on": LAST_DAY}
    assert said_at("due_on", lambda: forms.recur(action_id=action.pk, by=cast.manager, **again))


@pytest.mark.parametrize("moment", ["9999-12-31T23:59", "2036-03-10T09:00"])
def test_T16_at_the_desk_a_date_out_of_reach_is_a_sentence_at_its_field(cast, way, client, moment):
    """Beside fields that are filled in well, so that nothing else refuses it first."""
    one = way("II").determining()
    client.force_login(cast.agent)
    said = {"way": "call_out", "said": "核对了订单与照片", "customer_says": "等换新", "reached": "yes", "purpose": "follow_up", "next_step": "寄出配件"}
    answer = client.post(reverse("workplace:contact", args=[one.ticket.item.number]), said | {"promised_at": moment})
    assert (answer.status_code, "promised_at" in answer.context["composer"].bound.errors) == (422, True)
    client.force_login(cast.manager)
    parking = {"parking_reason": "parts", "contact": "客服林", "reason": "等配件", "promised_at": moment}
    answer = client.post(reverse("workplace:form_move", args=[one.form.item.number, "ask_parking"]), parking, headers=HTMX)
    assert answer.status_code == 422
    assert "距今超过十年" in answer.content.decode()


def test_V2_a_leave_and_the_days_of_an_export_lie_within_reach(cast, client):
    client.force_login(cast.agent)
    leave = {"starts_at": "2026-03-02T09:00", "ends_at": "9999-12-31T23:59", "backup": cast.colleague.pk}
    assert "距今超过十年" in client.post(reverse("people:absence"), leave).content.decode()
    client.force_login(cast.manager)
    wanted = {"what": "tickets", "form": "csv", "received_to": "9999-12-31"}
    assert "距今超过十年" in client.post(reverse("imports:export"), wanted).content.decode()
