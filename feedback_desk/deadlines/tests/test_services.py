"""Starting, settling, pausing, extending limits (E3–E6)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from feedback_desk.deadlines import first_rows, ladder, services
from feedback_desk.deadlines.calendars import unannounced_years
from feedback_desk.deadlines.chips import chip_of, chip_of_item
from feedback_desk.deadlines.models import Calendar, Deadline, Ladder, Pause, Rule, StepOutcome
from feedback_desk.deadlines.public_holidays import seed_holidays
from feedback_desk.deadlines.sweep import sweep, until_done
from feedback_desk.deadlines.tests.changes import applied
from feedback_desk.notices.models import Notice
from feedback_desk.people.access import NotNow
from feedback_desk.people.models import Concern
from feedback_desk.records.items import open_item
from feedback_desk.records.models import Entry

URGENT = {"kind": "complaint", "urgency": "urgent", "category": ["refund"], "grade": "II"}


def limit_of(item):
    item.refresh_from_db()
    return item.next_limit_code, item.next_limit_at


def test_all_rules_of_the_book_are_there_and_loading_twice_adds_none(cast):
    assert {f"D{number:02d}" for number in range(1, 44)} == set(Rule.objects.values_list("code", flat=True))
    assert first_rows.load() == 0
    assert not Rule.objects.filter(name_en="").exists()
    assert set(Rule.objects.filter(may_extend=True).values_list("code", flat=True)) == {"D23", "D26", "D27", "D34", "D41", "D42"}
    assert set(Rule.objects.filter(may_pause=True).values_list("code", flat=True)) == {"D26"}


def test_facts_choose_the_rule(item, local):
    at = local("2026-03-02 09:00")
    rows = services.start_all(item, ["D03", "D04", "D05", "D09", "D10", "D26"], at=at, facts={**URGENT, "category": ["refund-payment", "refund"]})
    assert [row.code for row in rows] == ["D03", "D10", "D26"]
    assert rows[0].due_at == local("2026-03-02 11:00")


@pytest.mark.parametrize(
    ("category", "due"),
    [
        ("refund", "2026-03-10 00:00"),
        ("pests", "2026-03-05 00:00"),
        ("commission", "2026-03-17 00:00"),
        ("account-fault", "2026-03-04 00:00"),
        (None, "2026-03-10 00:00"),
    ],
)
def test_D26_follows_the_category(running, local, category, due):
    assert running("D26", facts={"category": category}).due_at == local(due)


def test_a_code_without_a_fitting_rule_starts_nothing(item, local):
    assert services.start(item, "D09", at=local("2026-03-02 09:00"), facts={"grade": "III"}) is None
    assert services.start(item, "D99", at=local("2026-03-02 09:00"), facts={}) is None


def test_the_newest_valid_version_applies_and_running_ones_keep_theirs(item, running, local):
    old = running("D08")
    rule = Rule.objects.get(code="D08")
    values = {"name": rule.name, "clock": "calendar", "owner": "assignee", "ladder": rule.ladder}
    Rule.objects.create(code="D08", version=2, amount=3600, valid_from=local("2026-03-02 10:00"), **values)
    Rule.objects.create(code="D08", version=3, amount=60, valid_from=local("2027-01-01 00:00"), **values)
    other = open_item("ticket", title="x", at=local("2026-03-02 11:00"))
    new = running("D08", "2026-03-02 11:00", on=other)
    assert (new.rule.version, new.due_at) == (2, local("2026-03-02 12:00"))
    old.refresh_from_db()
    assert old.due_at == local("2026-03-04 09:00")


def test_E5_a_new_version_holds_for_running_ones_only_on_request_and_on_record(item, running, local, administrator):
    old = running("D08")
    rule = Rule.objects.get(code="D08")
    new = Rule.objects.create(
        code="D08", version=2, name=rule.name, clock="calendar", amount=3600, owner="assignee", ladder=rule.ladder, valid_from=local("2026-03-02 09:30")
    )
    assert applied(new, administrator).outcome["counts"]["changed"] == 1
    old.refresh_from_db()
    assert (old.due_at, old.rule, old.allowance["version"]) == (local("2026-03-02 10:00"), new, 2)
    assert Entry.objects.get(verb="deadline_rule_changed").by == administrator


def test_starting_what_runs_already_changes_nothing(item, running):
    assert running("D08").pk == running("D08", "2026-03-03 09:00").pk
    assert Deadline.objects.count() == 1


def test_one_live_deadline_per_code_and_part_is_kept_by_the_database(running):
    first = running("D15", part="1")
    running("D15", part="2")
    first.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        first.save(force_insert=True)


def test_many_limits_cost_as_many_statements_as_one(item, running, local):
    def statements(codes, on):
        with CaptureQueriesContext(connection) as seen:
            services.start_all(on, codes, at=local("2026-03-02 09:00"), facts=URGENT)
        return len(seen)

    one = statements(["D08"], item)
    other = open_item("ticket", title="x", at=local("2026-03-02 09:00"))
    assert statements(["D02", "D03", "D08", "D11", "D12", "D14", "D24", "D26", "D27", "D34", "D36"], other) == one <= 10


@pytest.mark.parametrize(("at", "late"), [("2026-03-04 08:59:59", False), ("2026-03-04 09:00:00", False), ("2026-03-04 09:00:01", True)])
def test_E6_lateness_is_judged_by_when_it_happened(item, running, local, agent, at, late):
    running("D08")
    sweep(local("2026-03-10 09:00"))
    (settled,) = services.settle(item, "D08", at=local(at), by=agent)
    settled.refresh_from_db()
    assert (settled.state, settled.late, settled.ended_at, settled.ended_by) == ("settled", late, local(at), agent)


def test_E6_settling_what_does_not_run_does_nothing(item, running, local):
    running("D08")
    assert len(services.settle(item, "D08", "D03", at=local("2026-03-02 10:00"))) == 1
    assert services.settle(item, "D08", at=local("2026-03-02 11:00")) == []
    assert services.settle(item, at=local("2026-03-02 11:00")) == []


def test_E6_a_new_round_is_a_new_deadline(item, running, local):
    first = running("D14")
    services.settle(item, "D14", at=local("2026-03-02 10:00"))
    second = running("D14", "2026-03-09 09:00", round=2)
    first.refresh_from_db()
    assert (first.state, second.round, second.pk != first.pk) == ("settled", 2, True)


def test_E6_void_keeps_its_reason_and_needs_one(item, running, local):
    running("D06")
    with pytest.raises(ValueError, match="E6"), transaction.atomic():
        services.void(item, "D06", at=local("2026-03-02 10:00"), why="")
    (ended,) = services.void(item, "D06", at=local("2026-03-02 10:00"), why="转派")
    ended.refresh_from_db()
    assert (ended.state, ended.late, ended.why, ended.next_step_at) == ("void", None, "转派", None)
    assert sweep(local("2026-03-20 10:00")) == 0


def test_void_all_ends_the_whole_matter_but_for_what_runs_on(item, running, local):
    form = open_item("form", title="x", at=local("2026-03-02 09:00"), root=item)
    running("D08"), running("D38", due_at=local("2026-03-03 14:00")), running("D14", on=form)
    assert {row.code for row in services.void_all(item, at=local("2026-03-02 10:00"), why="合并", except_codes=("D38",))} == {"D08", "D14"}
    form.refresh_from_db()
    assert form.next_limit_code == ""
    assert limit_of(item)[0] == "D38"


def test_the_item_shows_its_limits_at_the_end_where_nobody_looks_meanwhile(item, running, local):
    with services.mirrored_at_the_end():
        row = running("D08")
        assert limit_of(item) == ("", None)
    assert limit_of(item) == ("D08", row.due_at)


def test_the_item_mirrors_its_nearest_limit_and_the_root_that_of_the_matter(item, running, local):
    form = open_item("form", title="x", at=local("2026-03-02 09:00"), root=item)
    running("D08"), running("D14", on=form)
    assert limit_of(item) == ("D14", local("2026-03-03 09:00"))
    assert limit_of(form) == ("D14", local("2026-03-03 09:00"))
    services.settle(form, "D14", at=local("2026-03-02 10:00"))
    assert limit_of(form) == ("", None)
    assert limit_of(item) == ("D08", local("2026-03-04 09:00"))


def test_E3_only_rules_that_may_pause_do(item, running, local):
    running("D08"), running("D26")
    assert [row.code for row in services.pause(item, "D08", "D26", at=local("2026-03-03 10:00"), because="等待客户")] == ["D26"]


def test_E3_a_paused_deadline_stands_still_and_runs_on_with_what_was_left(item, running, local):
    deadline = running("D26")  # five working days: Monday the 9th, 24:00
    services.pause(item, "D26", at=local("2026-03-04 10:00"), because="等待客户")
    item.refresh_from_db()
    assert (item.next_paused, item.next_limit_at, item.next_limit_code) == (True, None, "D26")
    assert sweep(local("2026-06-01 10:00")) == 0
    services.resume(item, "D26", at=local("2026-03-18 10:00"))
    deadline.refresh_from_db()
    assert (deadline.due_at, deadline.state, deadline.left_seconds) == (local("2026-03-24 00:00"), "running", None)
    assert Pause.objects.get().until_at == local("2026-03-18 10:00")
    assert deadline.next_step_at < deadline.due_at


def test_E3_pauses_add_up(item, running, local):
    deadline = running("D26")
    for begin, end in (("2026-03-03 10:00", "2026-03-04 10:00"), ("2026-03-05 10:00", "2026-03-06 12:00"), ("2026-03-06 13:00", "2026-03-06 14:00")):
        services.pause(item, "D26", at=local(begin), because="等待客户")
        services.resume(item, "D26", at=local(end))
    deadline.refresh_from_db()
    assert deadline.due_at == local("2026-03-12 00:00")
    assert deadline.pauses.count() == 3


def test_E3_one_that_was_late_when_stopped_stays_late_and_its_ladder_waits(item, running, local):
    deadline = running("D26")
    assert sweep(local("2026-03-10 08:00")) == 1
    services.pause(item, "D26", at=local("2026-03-10 09:00"), because="等待客户")
    services.resume(item, "D26", at=local("2026-04-20 09:00"))
    deadline.refresh_from_db()
    assert deadline.due_at == local("2026-03-10 00:00")
    assert sweep(local("2026-04-20 09:01")) == 0, "the time stopped does not count towards the next step"
    assert sweep(local("2026-04-22 00:00")) == 1
    assert services.settle(item, "D26", at=local("2026-04-21 09:00"))[0].late is True


def test_settled_while_paused_is_judged_by_when_it_stopped(item, running, local):
    running("D26")
    services.pause(item, "D26", at=local("2026-03-04 10:00"), because="待确认")
    (settled,) = services.settle(item, "D26", at=local("2026-04-04 10:00"))
    assert settled.late is False
    assert Pause.objects.get().until_at == local("2026-04-04 10:00")


def test_E3_extending_is_for_some_rules_and_on_record(item, running, local, supervisor):
    deadline = running("D26")
    services.extend(deadline, until=local("2026-03-20 18:00"), at=local("2026-03-05 10:00"), by=supervisor, why="等配件")
    deadline.refresh_from_db()
    assert (deadline.due_at, deadline.extended_to) == (local("2026-03-20 18:00"), local("2026-03-20 18:00"))
    entry = Entry.objects.get(verb="deadline_extended")
    assert (entry.by, entry.words.text) == (supervisor, "等配件")
    assert limit_of(item) == ("D26", local("2026-03-20 18:00"))
    for refused, until in ((running("D14"), "2026-03-20 18:00"), (deadline, "2026-03-19 18:00")):
        with pytest.raises(NotNow):
            services.extend(refused, until=local(until), at=local("2026-03-05 10:00"), by=supervisor, why="x")


def test_C3_determination_becomes_48_hours_before_anybody_is_told(item, running, local):
    deadline = running("D14")
    assert services.lengthen(item, "D14", at=local("2026-03-03 08:00")) is not None
    deadline.refresh_from_db()
    assert deadline.due_at == local("2026-03-04 09:00")
    assert sweep(local("2026-03-03 09:00")) == 0
    assert sweep(local("2026-03-03 21:00")) == 1
    assert Entry.objects.filter(verb="deadline_lengthened").count() == 1


def test_C3_48_hours_are_warned_of_although_the_24_were(item, running, local):
    deadline = running("D14")
    assert sweep(local("2026-03-03 04:00")) == 1, "75 % of 24 hours"
    services.lengthen(item, "D14", at=local("2026-03-03 08:00"))
    deadline.refresh_from_db()
    assert (deadline.warn_at, deadline.next_step_at) == (local("2026-03-03 21:00"), local("2026-03-03 21:00"))
    assert [sweep(local(at)) for at in ("2026-03-03 20:59", "2026-03-03 21:00", "2026-03-04 08:59", "2026-03-04 09:00")] == [0, 1, 0, 1]


def test_E1_T9_what_was_warned_of_and_late_is_so_anew_on_the_date_granted(running, local, supervisor):
    deadline = running("D27")
    until_done(local("2026-03-31 09:00"))
    before = list(deadline.steps.order_by("at").values_list("receiver", flat=True))
    deadline.refresh_from_db()
    services.extend(deadline, until=local("2026-04-20 18:00"), at=local("2026-03-31 10:00"), by=supervisor, why="等配件")
    deadline.refresh_from_db()
    assert deadline.next_step_at == deadline.warn_at > local("2026-03-31 10:00")
    until_done(local("2026-05-20 09:00"))
    after = deadline.steps.filter(at__gt=local("2026-03-31 10:00")).order_by("at").values_list("receiver", flat=True)
    assert before == list(after)
    assert len(before) > 1


def test_E1_steps_that_lie_behind_on_the_date_granted_are_not_taken_again(running, local, supervisor):
    deadline = running("D27")
    until_done(deadline.warn_at)
    deadline.refresh_from_db()
    warned_at = deadline.warn_at
    services.extend(deadline, until=deadline.due_at + timedelta(minutes=1), at=local("2026-03-31 10:00"), by=supervisor, why="等配件")
    deadline.refresh_from_db()
    assert (deadline.next_step, deadline.warn_at) == (2, warned_at)


def test_E1_granted_twice_the_steps_stand_once(running, local, supervisor):
    deadline = running("D27")
    until_done(deadline.warn_at)
    for until, at in (("2026-04-20 18:00", "2026-03-12 10:00"), ("2026-04-27 18:00", "2026-03-12 10:01")):
        deadline.refresh_from_db()
        services.extend(deadline, until=local(until), at=local(at), by=supervisor, why="等配件")
    deadline.refresh_from_db()
    ahead = [rung.silent for rung in ladder.Remembered.of(deadline.allowance).ahead(deadline.next_step)]
    assert len(ahead) == len(set(ahead)) == len(deadline.rule.ladder.steps.all())


def test_E1_an_act_is_done_once_however_often_the_limit_moves(running, local, supervisor):
    """Decision 4: the step is told of again, what it did is not done again."""
    Rule.objects.get(code="D27").ladder.steps.filter(percent=100).update(act="hand_over")
    deadline = running("D27")
    until_done(deadline.due_at)
    deadline.refresh_from_db()
    services.extend(deadline, until=local("2026-04-20 18:00"), at=deadline.due_at + timedelta(minutes=1), by=supervisor, why="等配件")
    until_done(local("2026-04-20 18:00"))
    deadline.refresh_from_db()
    at_limit = [rung.order for rung in ladder.rungs(deadline) if rung.percent == 100]
    assert list(deadline.steps.filter(step__in=at_limit).order_by("at").values_list("act", flat=True)) == ["hand_over", ""]


def test_E1_E3_more_time_granted_while_it_stands_still_arms_what_lies_ahead_of_the_stop(item, running, local, supervisor):
    deadline = running("D27")
    until_done(deadline.warn_at)
    deadline.refresh_from_db()
    stopped = deadline.warn_at + timedelta(hours=1)
    services.pause(item, "D27", at=stopped, because="等待客户")
    deadline.refresh_from_db()
    services.extend(deadline, until=deadline.due_at + timedelta(days=30), at=stopped + timedelta(days=20), by=supervisor, why="等配件")
    services.resume(item, "D27", at=stopped + timedelta(days=21))
    deadline.refresh_from_db()
    assert stopped + timedelta(days=21) < deadline.warn_at == deadline.next_step_at < deadline.due_at


def test_C3_after_the_24_hours_it_is_late(item, running, local):
    running("D14")
    assert services.lengthen(item, "D14", at=local("2026-03-03 09:00:01")) is None


def test_C3_how_long_it_becomes_is_the_rule_s_and_nothing_where_it_says_nothing(item, running, local):
    Rule.objects.filter(code="D14").update(longer=36 * 3600)
    longer = services.lengthen(item, running("D14").code, at=local("2026-03-03 08:00"))
    assert longer is not None
    assert longer.due_at == local("2026-03-03 21:00")
    running("D13")
    assert services.lengthen(item, "D13", at=local("2026-03-02 10:00")) is None


def test_C3_lengthening_twice_changes_nothing(item, running, local):
    running("D14")
    services.lengthen(item, "D14", at=local("2026-03-03 08:00"))
    assert services.lengthen(item, "D14", at=local("2026-03-03 08:30")) is None


def test_in_time_but_recorded_after_the_step_is_overtaken_and_its_notice_withdrawn(item, running, local, agent):
    running("D02")
    sweep(local("2026-03-02 09:30:02"))
    (settled,) = services.settle(item, "D02", at=local("2026-03-02 09:29:58"), by=agent)
    assert settled.late is False
    assert StepOutcome.objects.get().outcome == "overtaken"
    assert set(Notice.objects.values_list("state", flat=True)) == {"withdrawn"}


def test_settled_late_leaves_the_step_and_its_notice(item, running, local, agent):
    running("D02")
    sweep(local("2026-03-02 09:30:02"))
    services.settle(item, "D02", at=local("2026-03-02 09:31"), by=agent)
    assert not StepOutcome.objects.exists()
    assert not Notice.objects.filter(state="withdrawn").exists()


def test_V3_a_person_who_becomes_concerned_loses_their_limits_at_once(item, running, local, agent, colleague):
    running("D08")
    Concern.objects.create(item=item, user=agent, because="被投诉", since=local("2026-03-02 10:00"))
    services.owner_gone(agent, item, at=local("2026-03-02 10:00"))
    assert Deadline.objects.get().owner == colleague


def test_reown_by_code_or_capacity(item, running, cast):
    running("D08"), running("D26"), running("D14", owner=cast.manager)
    assert services.reown(item, owner=cast.colleague, owner_role="assignee") == 2
    assert services.reown(item, "D14", owner=cast.supervisor) == 1
    assert set(Deadline.objects.values_list("code", "owner__username")) == {("D08", "colleague"), ("D26", "colleague"), ("D14", "supervisor")}


def test_T9_a_late_one_gets_its_reason(item, running, local, agent):
    running("D08")
    (late,) = services.settle(item, "D08", at=local("2026-03-05 10:00"), by=agent)
    services.note_reason(late, why="业务线负责人会议中", by=agent, at=local("2026-03-05 11:00"))
    late.refresh_from_db()
    assert late.why == "业务线负责人会议中"


def test_T9_a_reason_given_while_it_still_runs_late_is_kept(item, running, local, agent):
    deadline = running("D08")
    services.note_reason(deadline, why="等配件", by=agent, at=local("2026-03-05 11:00"))
    (late,) = services.settle(item, "D08", at=local("2026-03-05 12:00"), by=agent)
    assert (late.late, late.why) == (True, "等配件")


def test_holidays_are_never_guessed(cast, freeze):
    with pytest.raises(ValueError, match="2027"):
        seed_holidays(Calendar.objects.get(is_default=True), [2027])
    freeze("2026-06-01 09:00")
    assert unannounced_years() == []
    freeze("2026-12-10 09:00")
    assert unannounced_years() == [2027]


@pytest.mark.parametrize(("zone", "years"), [("Asia/Shanghai", [2027]), ("America/New_York", [])])
def test_the_years_that_are_asked_for_are_those_of_the_desks_own_zone(cast, freeze, zone, years):
    """In Shanghai 1 December has begun, in New York it is still November and a month ends in the old year."""
    freeze("2026-12-01 05:00")
    Calendar.objects.filter(is_default=True).update(zone=zone)
    assert unannounced_years() == years


def test_changing_a_calendar_is_seen_at_once(running, item, local, cast):
    Calendar.objects.get(is_default=True).days.create(day=local("2026-03-03 00:00").date(), working=False, name="停电")
    assert running("D24").due_at == local("2026-03-06 00:00")
    assert Ladder.objects.count() == 11


@pytest.mark.parametrize(
    ("at", "kind", "text"),
    [
        ("2026-03-02 09:00", "ok", "March 4"), ("2026-03-03 10:00", "ok", "23 h 00 min left"), ("2026-03-03 21:00", "soon", "12 h 00 min left"),
        ("2026-03-04 09:00", "soon", "under 1 min left"), ("2026-03-04 09:18", "late", "18 min late"),
    ],
)  # fmt: skip
def test_the_chip_says_it_in_words_and_kind(item, running, local, at, kind, text):
    deadline = running("D08")
    item.refresh_from_db()
    with translation.override("en"):
        chip = chip_of(deadline, local(at))
        assert chip is not None
        assert chip.kind == kind
        assert text in chip.text
        assert chip_of_item(item, local(at), {"D08": deadline.rule.spoken}) == chip
    assert chip.due_iso == "2026-03-04T01:00:00Z"


def test_chips_of_what_ended_and_what_stands_still(item, running, local):
    with translation.override("en"):
        running("D01", start_at=local("2026-03-02 08:54"))
        (met,) = services.settle(item, "D01", at=local("2026-03-02 09:00"))
        running("D08")
        (missed,) = services.settle(item, "D08", at=local("2026-03-04 09:06"))
        running("D26")
        (paused,) = services.pause(item, "D26", at=local("2026-03-05 10:00"), because="等待客户")
        running("D14")
        (void,) = services.void(item, "D14", at=local("2026-03-05 10:00"), why="x")
        chips = [chip_of(row, local("2026-03-06 10:00")) for row in (met, missed, paused, void)]
    assert [chip and (chip.kind, chip.text) for chip in chips] == [
        ("met", "In time, took 6 min"), ("missed", "Late by 6 min"), ("paused", "Paused · 2 working days left"), None,
    ]  # fmt: skip
