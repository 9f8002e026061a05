"""Return visits and the second follow-up (F3, F4)."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from feedback_desk import clock
from feedback_desk.deadlines.models import Calendar, DepartmentCalendar, Rule
from feedback_desk.people.access import NotNow, NotYou
from feedback_desk.people.services import name_concerned
from feedback_desk.records.models import Item
from followups import services as visits
from followups.forms import VisitForm
from followups.models import SecondFollowUp, Visit
from tickets import services as tickets

pytestmark = pytest.mark.django_db
NOTHING_LEFT: dict[str, Any] = {"no_step_why": "问题已解决,客户没有别的要求"}


@pytest.mark.parametrize(("field", "value"), [("speed", None), ("solution", None), ("attitude", None), ("mood", ""), ("said", ""), ("accepted", None)])
def test_F3_a_visit_asks_for_everything(way, field, value):
    way = way().visiting()
    with pytest.raises(ValidationError) as caught:
        way.visit(**{field: value})
    assert field in caught.value.message_dict
    assert not Visit.objects.exists()
    assert way.form.state == "visiting"


@pytest.mark.parametrize("score", [0, 6])
def test_F3_scores_are_one_to_five(way, score):
    way = way().visiting()
    with pytest.raises(ValidationError):
        way.visit(scores=(score, 5, 5))
    assert not Visit.objects.exists()


def test_F3_only_the_return_visit_desk_and_only_when_a_visit_waits(way):
    early, due = way().in_review(), way().visiting()
    with pytest.raises(NotNow):
        early.visit()
    for person in (due.cast.agent, due.cast.manager, due.cast.inspector):
        with pytest.raises(NotYou):
            due.visit(by=person)


def test_F3_the_record_of_a_visit_cannot_be_changed(way):
    visit = way().visiting().visit()
    visit.speed = 1
    with pytest.raises(ValidationError):
        visit.save()


@pytest.mark.parametrize(("scores", "wanted"), [((4, 4, 4), False), ((3, 5, 5), True), ((5, 3, 5), True), ((5, 5, 1), True)])
def test_F4_any_score_of_three_or_less_asks_for_a_supervisors_call_within_24_hours(way, freeze, local, scores, wanted):
    way = way().visiting()
    freeze("2026-03-02 15:00")
    way.visit(scores=scores)
    assert way.live("D22") == ({"D22"} if wanted else set())
    if wanted:
        assert (way.limit("D22").due_at, way.limit("D22").owner) == (local("2026-03-03 15:00"), way.cast.supervisor)


def test_F4_the_supervisor_finds_out_why_and_records_it_once(way, freeze):
    way = way().visiting()
    visit = way.visit(scores=(5, 2, 5))
    with pytest.raises(NotYou):
        visits.second_follow_up(visit_id=visit.pk, by=way.cast.agent, why="嫌换新太慢", **NOTHING_LEFT)
    with pytest.raises(ValidationError):
        visits.second_follow_up(visit_id=visit.pk, by=way.cast.supervisor, why=" ", **NOTHING_LEFT)
    freeze("2026-03-03 08:59")
    visits.second_follow_up(visit_id=visit.pk, by=way.cast.supervisor, why="嫌换新太慢", agreed="赠延保一年", **NOTHING_LEFT)
    assert (way.limit("D22").state, way.limit("D22").late) == ("settled", False)
    with pytest.raises(NotNow):
        visits.second_follow_up(visit_id=visit.pk, by=way.cast.supervisor, why="再记一次", **NOTHING_LEFT)
    assert SecondFollowUp.objects.count() == 1


def test_F4_late_when_the_call_comes_after_24_hours(way, freeze):
    way = way().visiting()
    visit = way.visit(scores=(1, 1, 1))
    freeze("2026-03-03 09:01")
    visits.second_follow_up(visit_id=visit.pk, by=way.cast.supervisor, why="嫌换新太慢", **NOTHING_LEFT)
    assert way.limit("D22").late is True


def test_F4_a_concerned_supervisor_takes_no_part(way):
    way = way().visiting()
    visit = way.visit(scores=(1, 1, 1))
    name_concerned(way.ticket.item, way.cast.supervisor, because="客户点名", by=way.cast.office, at=clock.now())
    with pytest.raises(NotYou):
        visits.second_follow_up(visit_id=visit.pk, by=way.cast.supervisor, why="嫌换新太慢", **NOTHING_LEFT)


def test_F3_a_completed_ticket_without_a_form_is_visited_too(way):
    way = way()
    ticket = tickets.register(**way.said(type="consultation"))
    tickets.offer_result(ticket_id=ticket.pk, by=way.cast.agent, result="已说明保修政策", agreement="陈女士,电话")
    scores = {"mood": "neutral", "accepted": True, "comment": "还行", "speed": 2, "solution": 4, "attitude": 4}
    words = {"ticket_id": ticket.pk, "by": way.cast.visitor, "reached": True, "said": "回访", **scores}
    with pytest.raises(NotNow):
        visits.record_visit(**words)
    tickets.confirm_result(ticket_id=ticket.pk, by=way.cast.agent, words="客户电话确认")
    visit = visits.record_visit(**words)
    assert visit.form is None
    with pytest.raises(NotNow):
        tickets.close(ticket_id=ticket.pk, by=way.cast.supervisor)
    visits.second_follow_up(visit_id=visit.pk, by=way.cast.supervisor, why="电话打不进", **NOTHING_LEFT)
    tickets.close(ticket_id=ticket.pk, by=way.cast.supervisor)


@pytest.mark.parametrize(("choice", "due"), [({}, "2026-03-02 20:00"), ({"department": "delivery"}, "2026-03-02 22:00")])
def test_F1_the_step_after_a_visit_is_dated_like_the_limit_on_its_department_s_calendar_and_by_its_rule(way, cast, local, choice, due):
    nights = Calendar.objects.create(name="夜班", zone="Asia/Shanghai", hours={str(day): [["18:00", "24:00"]] for day in range(1, 8)}, country="")
    DepartmentCalendar.objects.create(department=cast.delivery, calendar=nights)
    Rule.objects.filter(code="D22").update(clock="business", amount=2 * 3600)
    for department in choice.values():
        rule = Rule.objects.get(code="D22")
        rule.pk, rule.when, rule.amount = None, {"department": [str(getattr(cast, department).pk)]}, 4 * 3600
        rule.save(force_insert=True)
    way = way().visiting()
    Item.objects.filter(root=way.ticket.item_id).update(department=cast.delivery)
    Item.objects.filter(pk=way.ticket.item_id).update(department=cast.delivery)
    visit = way.visit(scores=(2, 5, 5))
    assert visit.contact.step.due_at == way.limit("D22").due_at == local(due)


def test_D38_a_date_promised_to_nobody_is_said_at_its_field():
    form = VisitForm({"reached": "no", "said": "无人接听", "next_at": "2026-03-09T10:00", "promised_at": "2026-03-10T10:00"})
    assert not form.is_valid()
    assert list(form.errors) == ["promised_at"]
