"""Whose limits they are: of a complaint that somebody takes, hands on, declines or grades (E1, G3, T6, T13, T15)."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps

from complaints import services as forms
from feedback_desk.deadlines.models import Deadline, Ladder, Rule
from feedback_desk.deadlines.sweep import until_done
from feedback_desk.notices.models import Notice
from feedback_desk.people.models import User
from tickets import services as tickets

ASSIGNEES = ("D12", "D13", "D24", "D27", "D34")
"""Limits of the form that belong to whoever has the ticket."""


def owners(way):
    return {code: way.limit(code).owner for code in ASSIGNEES}


def of(person):
    return dict.fromkeys(ASSIGNEES, person)


@pytest.fixture
def waiting(way):
    """Registered, with nobody."""
    return way("II").register(assignee_id=None)


def test_E1_with_nobody_they_are_a_supervisors(waiting, cast):
    assert owners(waiting) == of(cast.supervisor)


def test_E1_whoever_takes_a_complaint_has_its_limits(waiting, cast):
    tickets.take(ticket_id=waiting.ticket_id, by=cast.agent)
    assert owners(waiting) == of(cast.agent)


def test_T6_whoever_it_is_assigned_to_has_them(waiting, cast):
    tickets.assign(ticket_id=waiting.ticket_id, by=cast.supervisor, assignee_id=cast.colleague.pk)
    assert owners(waiting) == of(cast.colleague)


def test_T15_handed_on_they_are_the_colleagues(waiting, cast):
    tickets.take(ticket_id=waiting.ticket_id, by=cast.agent)
    tickets.reassign(ticket_id=waiting.ticket_id, by=cast.supervisor, assignee_id=cast.colleague.pk, reason="客户要求换新，已答应明天答复")
    assert owners(waiting) == of(cast.colleague)


def test_T13_declined_they_are_a_supervisors_again(waiting, cast):
    tickets.assign(ticket_id=waiting.ticket_id, by=cast.supervisor, assignee_id=cast.colleague.pk)
    tickets.decline(ticket_id=waiting.ticket_id, by=cast.colleague, reason="正在处理紧急投诉")
    assert owners(waiting) == of(cast.supervisor)


@pytest.mark.parametrize(("grade", "who"), [("I", "supervisor"), ("II", "supervisor"), ("III", "agent")])
def test_G3_of_grades_answered_in_writing_D13_is_a_supervisors(waiting, cast, grade, who):
    tickets.take(ticket_id=waiting.ticket_id, by=cast.agent)
    forms.grade(form_id=waiting.form_id, by=cast.supervisor, grade=grade, reason="客户情况特殊")
    assert owners(waiting) == of(cast.agent) | {"D13": getattr(cast, who)}


def test_G3_and_stays_it_when_the_ticket_is_handed_on(waiting, cast):
    tickets.take(ticket_id=waiting.ticket_id, by=cast.agent)
    forms.grade(form_id=waiting.form_id, by=cast.supervisor, grade="I", reason="客户情况特殊")
    tickets.reassign(ticket_id=waiting.ticket_id, by=cast.supervisor, assignee_id=cast.colleague.pk, reason="客户要求换新，已答应明天答复")
    assert owners(waiting) == of(cast.colleague) | {"D13": cast.supervisor}


# ---- two who act together ----


def told(code, step="warn_at"):
    """Who is told of the newest limit of that code by its warning, or by its end."""
    row = Deadline.objects.filter(code=code).latest("pk")
    until_done(getattr(row, step))
    return set(Notice.objects.filter(data__code=code, channel="page").values_list("receiver__username", flat=True))


def test_G2_both_who_sign_a_grade_I_decision_are_warned(way, cast):
    User.objects.filter(pk=cast.manager.pk).update(backup=None)
    way("I").graded()
    assert told("D09") == {cast.manager.username, cast.supervisor.username}


def test_G2_of_grade_II_the_supervisor_and_the_head_of_the_business_line(way, cast):
    line = way("II").graded().ticket.item.department.head
    assert told("D10") == {cast.supervisor.username, line.username}


@pytest.mark.parametrize("state", ["awaiting_ruling", "no fault"])
def test_C5_the_ruling_is_the_general_managers_to_give_and_the_office_hears_of_it(way, cast, state):
    User.objects.filter(pk=cast.general_manager.pk).update(backup=None)
    if state == "awaiting_ruling":
        way("II").awaiting_ruling()
    else:
        forms.no_fault(form_id=way("I").determined().form_id, by=cast.manager, reason="包装完好，责任不在我司")
    assert Deadline.objects.get(code="D16").owner == cast.general_manager
    assert told("D16") == told("D16", "due_at") == {cast.general_manager.username, cast.office.username}
    assert Notice.objects.filter(data__code="D16", channel="page").count() == 4


def test_G2_C5_only_rules_as_they_were_shipped_tell_both_from_now_on(way):
    way()
    plain = Ladder.objects.get(name="逐级提醒")
    for code, owner, amount in (("D09", "cs_manager", 1800), ("D10", "supervisor", 1200), ("D16", "office", 14400)):
        Rule.objects.filter(code=code).update(owner=owner, ladder=plain, amount=amount)
    import_module("feedback_desk.deadlines.migrations.0013_told_together").fill_told_together(apps, None)
    rows = {rule.code: (rule.owner, rule.ladder.name) for rule in Rule.objects.filter(code__in=("D09", "D10", "D16"))}
    assert rows == {"D09": ("cs_manager", "处理决定(I级)"), "D10": ("supervisor", "逐级提醒"), "D16": ("general_manager", "总经理裁定")}
