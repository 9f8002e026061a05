"""What stopped, in the cases that go wrong easily: machines that disagree, other rules, extensions meanwhile (E3, E5, decision 21)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from feedback_desk.deadlines import services, versions
from feedback_desk.deadlines.models import Calendar, Pause, Rule, StepOutcome
from feedback_desk.deadlines.sweep import sweep, until_done
from feedback_desk.deadlines.tests.changes import applied


def standing(deadline):
    deadline.refresh_from_db()
    return deadline.state, deadline.due_at


@pytest.fixture
def stopped(item, local):
    """stopped("2026-03-04 10:00", "2026-03-05 10:00"): D26 waited in between."""

    def stop(begin, end=None, code="D26"):
        services.pause(item, code, at=local(begin), because="等待客户")
        if end:
            services.resume(item, code, at=local(end))

    return stop


@pytest.fixture
def may_pause(cast):
    Rule.objects.filter(code="D15").update(may_pause=True)


def test_E3_one_that_was_late_stays_late_although_the_desk_had_closed_meanwhile(running, stopped, may_pause, local):
    deadline = running("D15", "2026-03-02 14:00")
    stopped("2026-03-02 20:00", "2026-03-03 10:00", "D15")
    assert standing(deadline) == ("running", local("2026-03-02 18:00"))
    assert deadline.allowance["rungs_from"]


def test_E3_one_that_was_late_by_less_than_half_a_second_stays_late(item, running, local):
    deadline = running("D26", facts={"category": "account-fault"})
    due = deadline.due_at
    services.pause(item, "D26", at=due + timedelta(milliseconds=300), because="等待客户")
    services.resume(item, "D26", at=due + timedelta(days=3))
    assert standing(deadline) == ("running", due)


def test_E6_done_in_time_before_it_stopped_late_is_in_time(item, running, stopped, local):
    running("D26")  # Monday the 9th, 24:00
    stopped("2026-03-10 09:00")
    (settled,) = services.settle(item, "D26", at=local("2026-03-09 17:00"))
    assert settled.late is False
    pause = Pause.objects.get()
    assert pause.until_at == pause.from_at


def test_a_machine_whose_clock_is_behind_may_resume_what_another_stopped(item, running, stopped, local):
    deadline = running("D26")
    stopped("2026-03-04 10:00:05", "2026-03-04 10:00:02")
    stopped("2026-03-04 11:00", "2026-03-04 12:00")
    assert standing(deadline) == ("running", local("2026-03-10 00:00"))
    assert not Pause.objects.filter(until_at=None).exists()


def test_E3_an_extension_granted_while_it_stands_still_is_not_cut(item, running, stopped, local, supervisor):
    deadline = running("D26")
    stopped("2026-03-04 10:00")
    services.extend(deadline, until=local("2026-03-20 18:00"), at=local("2026-03-04 11:00"), by=supervisor, why="等配件")
    services.resume(item, "D26", at=local("2026-03-04 12:00"))
    assert standing(deadline)[1] >= local("2026-03-20 18:00")
    assert standing(deadline)[1] == local("2026-03-21 00:00")


@pytest.mark.parametrize(
    ("days", "stops", "due", "why"),
    [
        (10, [("2026-03-04 10:00", "2026-03-04 15:00")], "2026-03-17 00:00", "an hour within one day changes nothing"),
        (10, [("2026-03-04 10:00", "2026-03-05 15:00")], "2026-03-18 00:00", "over a midnight: a day"),
        (10, [("2026-03-04 10:00", "2026-03-05 15:00"), ("2026-03-06 10:00", "2026-03-10 09:00")], "2026-03-20 00:00", "one day, then two over the weekend"),
        (1, [("2026-03-04 10:00", "2026-03-05 15:00")], "2026-03-04 00:00", "late by the new rule when it stopped"),
    ],
)
def test_E5_another_rule_counts_the_pauses_in_whole_days(item, running, stopped, local, administrator, days, stops, due, why):
    deadline = running("D26")
    for begin, end in stops:
        stopped(begin, end)
    changed = deadline.rule
    changed.amount = days
    new = versions.replace(changed, at=local("2026-03-10 10:00"))
    assert applied(new, administrator).outcome["counts"]["changed"] == 1
    assert standing(deadline) == ("running", local(due)), why


def test_E5_a_changed_calendar_keeps_pauses_and_extensions(item, running, stopped, local, administrator, supervisor):
    waited, extended = running("D26"), running("D27")
    stopped("2026-03-03 10:00", "2026-03-05 10:00")
    services.extend(extended, until=local("2026-03-20 18:00"), at=local("2026-03-04 10:00"), by=supervisor, why="等配件")
    calendar = Calendar.objects.get(is_default=True)
    calendar.days.create(day=date(2026, 3, 9), working=False, name="停电")
    applied(calendar, administrator)
    assert standing(waited) == ("running", local("2026-03-13 00:00")), "6, 10, 11, 12 March were left"
    assert standing(extended) == ("running", local("2026-03-20 18:00"))


@pytest.mark.parametrize("order", [[1, 3], [3, 1]])
def test_of_two_rules_that_fit_equally_and_are_equally_new_the_shorter_holds(item, local, cast, order):
    base = Rule.objects.get(code="D26", when={})
    for days, when in zip(order, ({"level": ["vip"]}, {"product": ["washer"]}), strict=True):
        values = {"name": "办结", "clock": "working_day", "owner": "assignee", "ladder": base.ladder, "valid_from": base.valid_from}
        Rule.objects.create(code="D26", when=when, amount=days, **values)
    started = services.start(item, "D26", at=local("2026-03-02 09:00"), facts={"level": "vip", "product": "washer"})
    assert started is not None
    assert started.due_at == local("2026-03-04 00:00")


def test_E2_a_step_taken_while_it_stopped_already_is_taken_anew_when_it_goes_on(item, running, stopped, local):
    """The sweep was a moment faster than the service that stops the limit."""
    deadline = running("D26", facts={"category": "account-fault"})  # Tuesday, 24:00
    sweep(local("2026-03-04 00:00:02"))
    stopped("2026-03-03 23:59:00", "2026-03-09 10:00")
    assert standing(deadline) == ("running", local("2026-03-09 10:01"))
    assert set(StepOutcome.objects.values_list("step__step", "outcome")) == {(2, "overtaken")}
    assert until_done(local("2026-03-09 10:00:59")) == 0
    assert until_done(local("2026-03-09 10:01")) == 1
    steps = deadline.steps.order_by("step").values_list("step", "receiver", "at")
    assert list(steps)[1:] == [(2, "superior", local("2026-03-04 00:00")), (3, "superior", local("2026-03-09 10:01"))]
    until_done(local("2026-04-09 10:00"))
    assert list(deadline.steps.order_by("step").values_list("receiver", flat=True))[3:] == ["department_head", "cs_manager", "general_manager"]


def test_E2_so_is_the_last_step_of_a_ladder(item, running, stopped, local):
    deadline = running("D26", facts={"category": "account-fault"})
    until_done(local("2026-03-07 06:00:02"))
    stopped("2026-03-07 05:59:30", "2026-03-09 10:00:00")
    assert until_done(local("2026-03-09 10:00:30")) == 1
    assert list(deadline.steps.order_by("-step").values_list("receiver", flat=True))[:2] == ["general_manager", "general_manager"]
    assert until_done(local("2026-06-09 10:00")) == 0
