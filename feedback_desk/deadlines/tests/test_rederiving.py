"""Limits derived anew when what chooses their rule changes: nothing that was paused, granted or taken is lost (E2, E3, E5)."""

from __future__ import annotations

import pytest

from feedback_desk.deadlines import services, versions
from feedback_desk.deadlines.models import Deadline, Extension, Ladder, LadderStep, Pause, Rule
from feedback_desk.deadlines.rederiving import rederive
from feedback_desk.deadlines.sweep import until_done
from feedback_desk.notices.models import Notice
from feedback_desk.people.actors import SYSTEM
from feedback_desk.records.models import Entry

BASE = {"kind": "complaint", "urgency": "normal", "category": ["pests"], "grade": "II", "level": "ordinary", "channel": "phone"}


@pytest.fixture
def changed(item, local):
    def change(at, moved=None, **facts):
        moved = {code: local(start) for code, start in (moved or {}).items()}
        return rederive(item, at=local(at), facts={**BASE, **facts}, by=SYSTEM, moved=moved)

    return change


@pytest.fixture
def stopped(item, local):
    def stop(begin, end=None):
        services.pause(item, "D26", at=local(begin), because="等待客户")
        if end:
            services.resume(item, "D26", at=local(end))

    return stop


def fresh(row):
    row.refresh_from_db()
    return row


def rule_for(code, days, **when):
    """A more specific version of a rule, as an administrator would add it."""
    row = Rule.objects.filter(code=code, when={}).latest("version")
    row.pk, row.when, row.amount = None, when, days
    row._state.adding = True
    row.save(force_insert=True)
    return row


def test_E3_the_same_row_from_the_same_start(running, changed, local):
    row = running("D26", facts=BASE, round=2)  # two working days
    changed("2026-03-03 10:00", category=["commission"])
    assert (fresh(row).state, row.start_at, row.round, row.due_at) == ("running", local("2026-03-02 09:00"), 2, local("2026-03-17 00:00"))
    assert row.allowance["amount"] == 10
    entry = Entry.objects.get(verb="deadline_rule_changed")
    assert (entry.data["deadline"], entry.data["code"]) == (row.pk, "D26")


@pytest.mark.parametrize(
    ("stops", "due", "why"),
    [
        ([("2026-03-03 10:00", "2026-03-05 10:00")], "2026-03-19 00:00", "two days stood still"),
        ([("2026-03-03 10:00", "2026-03-03 15:00")], "2026-03-17 00:00", "within one day nothing is lost"),
        ([("2026-03-03 10:00", "2026-03-05 10:00"), ("2026-03-06 10:00", "2026-03-09 10:00")], "2026-03-20 00:00", "two days, and one over the weekend"),
    ],
)
def test_E3_pauses_are_lived_through_again(running, changed, stopped, local, stops, due, why):
    row = running("D26", facts=BASE)
    for begin, end in stops:
        stopped(begin, end)
    changed("2026-03-10 10:00", category=["commission"])
    assert fresh(row).due_at == local(due), why
    assert row.pauses.count() == len(stops)


def test_E3_while_it_stands_still_it_goes_on_standing_with_what_is_left_now(item, running, changed, stopped, local):
    row = running("D26", facts=BASE)
    stopped("2026-03-03 10:00")
    changed("2026-03-20 10:00", category=["commission"])
    assert (fresh(row).state, row.left_seconds) == ("paused", 9 * 86400)
    assert until_done(local("2026-06-01 10:00")) == 0
    services.resume(item, "D26", at=local("2026-04-01 10:00"))
    assert (fresh(row).state, row.due_at) == ("running", local("2026-04-16 00:00")), "Monday 6 April is Qingming"


def test_E3_a_rule_that_never_stands_still_runs_on_from_the_change(running, changed, stopped, local):
    Rule.objects.filter(code="D26", amount=10).update(may_pause=False)
    row = running("D26", facts=BASE)
    stopped("2026-03-03 10:00")
    changed("2026-03-05 10:00", category=["commission"])
    assert (fresh(row).state, row.paused_at, row.due_at) == ("running", None, local("2026-03-19 00:00"))
    assert Pause.objects.get().until_at == local("2026-03-05 10:00")


def grant(row, until, at, local):
    Extension.objects.create(deadline=row, state="granted", asked_at=local(at), decided_at=local(at), wanted=local(until), until=local(until), reason="等配件")
    services.extend(row, until=local(until), at=local(at), by=SYSTEM, why="等配件")


def test_T9_what_was_granted_stays_granted(running, changed, local):
    row = running("D26", facts=BASE)
    grant(row, "2026-03-20 18:00", "2026-03-03 10:00", local)
    changed("2026-03-04 10:00", category=["refund"])
    assert (fresh(row).due_at, row.extended_to) == (local("2026-03-20 18:00"), local("2026-03-20 18:00"))


def test_T9_a_rule_that_gives_more_than_was_granted_gives_it(running, changed, local):
    row = running("D26", facts=BASE)
    grant(row, "2026-03-06 18:00", "2026-03-03 10:00", local)
    changed("2026-03-04 10:00", category=["commission"])
    assert fresh(row).due_at == local("2026-03-17 00:00")


def test_T9_a_pause_after_what_was_granted_counts_from_there(running, changed, stopped, local):
    row = running("D26", facts=BASE)
    grant(row, "2026-03-12 00:00", "2026-03-03 10:00", local)
    stopped("2026-03-04 10:00", "2026-03-06 10:00")
    before = fresh(row).due_at
    changed("2026-03-06 11:00", category=["refund"])
    assert (fresh(row).due_at, before) == (local("2026-03-14 00:00"), local("2026-03-14 00:00"))


@pytest.mark.parametrize(("category", "due"), [("commission", "2026-03-04 18:00"), ("ticket-fault", "2026-03-04 00:00")])
def test_T6_what_was_set_earlier_stays_unless_the_rule_is_earlier_still(item, running, changed, local, supervisor, category, due):
    row = running("D26", facts={**BASE, "category": ["refund"]})
    services.set_earlier(item, "D26", due_at=local("2026-03-04 18:00"), at=local("2026-03-02 10:00"), by=supervisor)
    changed("2026-03-02 11:00", category=[category])
    assert fresh(row).due_at == local(due)
    assert (row.earlier_to is None) is (category == "ticket-fault")


def test_C3_48_hours_that_were_given_stay(item, running, changed, local):
    rule_for("D14", 12 * 3600, grade=["I"])
    row = running("D14", facts=BASE)
    services.lengthen(item, "D14", at=local("2026-03-02 12:00"))
    changed("2026-03-02 13:00", grade="I")
    assert fresh(row).due_at == local("2026-03-04 09:00")


# ---- steps (E2) ----


def test_E2_steps_taken_stay_taken_and_those_to_come_are_aimed_anew(running, changed, local):
    row = running("D26", facts=BASE)  # until Wednesday the 4th, 24:00; warned at 75 %
    until_done(local("2026-03-04 20:00"))
    assert list(row.steps.values_list("step", flat=True)) == [1]
    changed("2026-03-04 21:00", category=["commission"])
    assert (fresh(row).next_step, row.next_step_at) == (2, local("2026-03-12 08:15")), "75 % of ten working days: warned of anew (E1)"
    until_done(local("2026-03-16 23:59"))
    assert row.steps.count() == 2
    until_done(local("2026-03-17 00:00"))
    assert list(row.steps.order_by("step").values_list("step", "receiver")) == [(1, "owner"), (2, "owner"), (3, "superior")]


def test_E2_what_is_past_by_the_new_rule_is_caught_up_with_one_notice(running, changed, local):
    row = running("D26", facts={**BASE, "category": ["commission"]})
    changed("2026-03-06 10:00", category=["pests"])  # two days: late since Wednesday the 4th, 24:00
    assert fresh(row).due_at == local("2026-03-05 00:00")
    until_done(local("2026-03-06 10:00"))
    assert list(row.steps.order_by("step").values_list("receiver", "skipped")) == [("owner", True), ("superior", True), ("department_head", False)]
    assert Notice.objects.filter(channel="page").count() == 1


def test_E2_another_ladder_goes_on_above_the_steps_taken(running, changed, local):
    """Its own steps are to come; the one that was taken with the same words lies ahead again (E1); numbers go on."""
    ladder = Ladder.objects.create(name="另一个")
    LadderStep.objects.create(ladder=ladder, order=1, percent=75, receiver="owner")
    LadderStep.objects.create(ladder=ladder, order=2, minutes=-60, receiver="owner")
    LadderStep.objects.create(ladder=ladder, order=3, percent=100, receiver="office")
    Rule.objects.filter(code="D26", amount=10).update(ladder=ladder)
    row = running("D26", facts=BASE)
    until_done(local("2026-03-04 20:00"))
    changed("2026-03-04 21:00", category=["commission"])
    assert [(rung[0], rung[3]) for rung in fresh(row).allowance["steps"]] == [(1, "owner"), (2, "owner"), (3, "owner"), (4, "office")]
    assert (row.next_step, row.next_step_at) == (2, local("2026-03-12 08:15"))


def test_E2_one_whose_ladder_is_at_its_end_takes_no_step_twice(running, changed, local):
    row = running("D26", facts=BASE)
    until_done(local("2026-03-20 20:00"))
    assert row.steps.count() == 5
    changed("2026-03-21 10:00", category=["commission"])
    assert fresh(row).next_step is None
    assert until_done(local("2026-06-01 10:00")) == 0


# ---- codes ----


def test_a_code_that_no_longer_fits_is_void_and_its_family_goes_on_from_the_same_start(item, running, changed, local, agent):
    old = running("D04", facts=BASE)
    changed("2026-03-02 10:30", urgency="urgent")
    assert (fresh(old).state, old.why) == ("void", "superseded")
    new = Deadline.objects.get(item=item, code="D03")
    assert (new.start_at, new.due_at, new.owner, new.state) == (local("2026-03-02 09:00"), local("2026-03-02 11:00"), agent, "running")


def test_raised_after_its_new_limit_it_is_late_by_its_own_time(item, running, changed, local):
    """Received 09:00, urgent since 12:00 with two hours: late since 11:00, as the customer has waited since 09:00 (decision 34)."""
    running("D04", facts=BASE)
    changed("2026-03-02 12:00", urgency="urgent")
    until_done(local("2026-03-02 12:00"))
    row = Deadline.objects.get(item=item, code="D03")
    assert (row.due_at, row.steps.filter(skipped=False).count()) == (local("2026-03-02 11:00"), 1)
    (settled,) = services.settle(item, "D03", at=local("2026-03-02 12:10"))
    assert settled.late


def test_to_and_fro_leaves_one_of_the_family(item, running, changed):
    running("D04", facts=BASE)
    for urgency in ("urgent", "low", "normal", "urgent"):
        changed("2026-03-02 09:30", urgency=urgency)
    assert list(Deadline.objects.filter(item=item, state="running").values_list("code", flat=True)) == ["D03"]


def test_a_code_without_a_family_that_no_longer_fits_is_void(running, changed):
    Rule.objects.filter(code="D08").update(when={"level": ["ordinary"]})
    row = running("D08", facts=BASE)
    changed("2026-03-02 10:00", level="vip")
    assert (fresh(row).state, row.why) == ("void", "superseded")


@pytest.mark.parametrize(("fact", "value"), [("level", "vip"), ("grade", "I"), ("channel", "forum"), ("urgency", "urgent"), ("kind", "problem")])
def test_E3_every_fact_that_rules_are_chosen_by(running, changed, stopped, local, fact, value):
    """With a pause in between."""
    rule_for("D26", 1, **{fact: [value], "category": ["pests"]})
    row = running("D26", facts=BASE)
    stopped("2026-03-02 12:00", "2026-03-04 12:00")
    before = fresh(row).due_at
    changed("2026-03-04 13:00", **{fact: value})
    assert (before, fresh(row).due_at) == (local("2026-03-07 00:00"), local("2026-03-06 00:00"))


def test_E5_a_new_version_of_the_same_rule_changes_nothing_here(running, changed, local):
    row = running("D26", facts=BASE)
    longer = row.rule
    longer.amount = 9
    versions.replace(longer, at=local("2026-03-02 10:00"))
    assert changed("2026-03-02 11:00", urgency="low") == []
    assert (fresh(row).due_at, row.allowance["amount"]) == (local("2026-03-05 00:00"), 2)


def test_another_receipt_moves_the_start(running, changed, local):
    row = running("D08", facts=BASE)
    changed("2026-03-02 11:00", moved={"D08": "2026-03-02 06:00"})
    assert (fresh(row).start_at, row.due_at) == (local("2026-03-02 06:00"), local("2026-03-04 06:00"))


def test_a_promise_keeps_its_date(running, changed, local):
    rule_for("D38", 0, level=["vip"])
    row = running("D38", facts=BASE, due_at=local("2026-03-06 15:00"))
    changed("2026-03-02 11:00", level="vip")
    assert fresh(row).due_at == local("2026-03-06 15:00")


def test_the_item_shows_the_nearest_limit_as_it_is_now(item, running, changed, local):
    running("D04", facts=BASE)
    changed("2026-03-02 09:30", urgency="urgent")
    item.refresh_from_db()
    assert (item.next_limit_code, item.next_limit_at) == ("D03", local("2026-03-02 11:00"))
