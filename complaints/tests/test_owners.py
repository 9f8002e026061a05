"""Whose limits they are: of a complaint that somebody takes, hands on, declines or grades (E1, G3, T6, T13, T15)."""

from __future__ import annotations

import pytest

from complaints import services as forms
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
