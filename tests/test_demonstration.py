"""The demonstration is what the README promises: enough of everything also once the desk runs, true histories, whatever the day and the hour it is made."""

from __future__ import annotations

import os
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F, Q

from complaints import pairs
from complaints.lifecycle import ActionState, DispositionState, RemedyState
from complaints.lifecycle import State as FormState
from complaints.models import ComplaintForm, CorrectiveAction, Disposition, Remedy
from feedback_desk.deadlines.models import Deadline, StepTaken
from feedback_desk.people.models import User
from feedback_desk.records.models import Entry, Item
from reports.models import Summary
from tickets.lifecycle import State as TicketState
from tickets.models import Ticket
from tickets.tasks import close_settled

pytestmark = [
    pytest.mark.django_db, pytest.mark.slow,
    pytest.mark.skipif(bool(os.environ.get("DATABASE_URL")), reason="the embedded run has it"),
]  # fmt: skip


def nothing_is_untrue(now: datetime) -> None:
    assert not Entry.objects.filter(at__gt=now).exists(), "nothing from the future"
    taken_late = StepTaken.objects.filter(taken_at__gt=F("at") + timedelta(seconds=1), at__gte=F("deadline__start_at"), skipped=False)
    assert not taken_late.exists(), "steps were taken when they were due"
    assert not Item.objects.filter(Q(number__startswith="~")).exists()
    for form in ComplaintForm.objects.select_related("ticket"):
        assert pairs.fits(form.state, form.ticket.state, complaint=form.ticket.is_complaint), form.item.number


@pytest.mark.parametrize("now", ["2026-11-02 00:30", "2026-12-01 08:02"])
def test_a_small_demonstration_can_be_made_at_any_hour_of_any_day(freeze, now):
    """A Monday after midnight, the first of a month before the desk opens."""
    at = freeze(now)
    call_command("load_first_rows")
    call_command("demo", days=3)
    assert Ticket.objects.count() >= 20
    nothing_is_untrue(at)


@pytest.mark.timeout(1500)  # two months of a company, a minute and a half of one processor that others want too
def test_the_demonstration_is_a_company_s_last_two_months(freeze):
    now = freeze("2026-11-22 10:30")
    call_command("load_first_rows")
    call_command("demo")

    assert Ticket.objects.count() >= 300
    machines: list[tuple[Any, Any]] = [
        (Ticket, TicketState), (ComplaintForm, FormState), (Disposition, DispositionState), (Remedy, RemedyState), (CorrectiveAction, ActionState),
    ]  # fmt: skip
    close_settled()
    for model, states in machines:
        there = Counter(model.objects.values_list("state", flat=True))
        assert {state: there[state] for state in states if there[state] < 3} == {}, model.__name__
    owing = Deadline.objects.filter(state="running", code__in=("D22", "D38"), item__ticket__state="completed").exclude(item__ticket__type="complaint")
    assert owing.values("item").distinct().count() >= 3, "completed for a reason that lasts, when the machinery has been through"

    running = Deadline.objects.filter(state="running")
    assert running.filter(due_at__lt=now).values("root").distinct().count() >= 15, "late now"
    assert running.filter(due_at__gte=now, due_at__lt=now + timedelta(hours=1)).values("root").distinct().count() >= 5, "due within the hour"

    assert Summary.objects.filter(kind="weekly").count() >= 8
    assert Summary.objects.filter(kind="monthly").count() == 2
    rewards = Summary.objects.filter(kind="rewards")
    assert len(rewards) == 2
    assert any(s.figures["lines"] for s in rewards), "R3"
    assert {(s.issued_at + timedelta(hours=8)).day for s in rewards} == {4}
    assert {(s.issued_at + timedelta(hours=8)).weekday() for s in Summary.objects.filter(kind="weekly")} == {1}, "Tuesdays (R1)"
    assert {(s.issued_at + timedelta(hours=8)).day for s in Summary.objects.filter(kind="monthly")} == {2}, "the 2nd (R2)"

    nothing_is_untrue(now)
    assert User.objects.get(username="lin").check_password("desk-demo-2026")
