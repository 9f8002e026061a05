"""E5: a changed rule or calendar touches limits that run only when somebody says so: previewed, in batches, each once, on record."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, transaction

from feedback_desk import clock
from feedback_desk.deadlines import changing, services, tasks, versions
from feedback_desk.deadlines.models import Calendar, Change, Deadline, DepartmentCalendar, Ladder, LadderStep, Rule
from feedback_desk.deadlines.sweep import until_done
from feedback_desk.deadlines.tests.changes import applied, previewed, worked_off
from feedback_desk.people.access import NotNow
from feedback_desk.records.items import open_item
from feedback_desk.records.models import Entry, Item


@pytest.fixture
def changed(cast, local):
    """changed("D08", amount=3600): the next version, valid from Monday 2 March 2026, 09:30."""

    def change(code, at="2026-03-02 09:30", **fields):
        when = fields.pop("of", None)
        rows = Rule.objects.filter(code=code, valid_until=None)
        rule = next(row for row in rows if when is None or row.when == when)
        for name, value in fields.items():
            setattr(rule, name, value)
        return versions.replace(rule, at=local(at))

    return change


@pytest.fixture
def many(cast, local, running):
    """many(30): so many items with a D08 each, begun on Monday at 09:00, in the service and the delivery department by turns."""

    def start(count, code="D08", **more):
        at = local("2026-03-02 09:00")
        places = (cast.service, cast.delivery)
        items = [open_item("ticket", title=f"第 {n} 件", at=at, department=places[n % 2]) for n in range(count)]
        return [running(code, on=item, department=places[n % 2], **more) for n, item in enumerate(items)]

    return start


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(changing, "BATCH", 7)
    monkeypatch.setattr(changing, "LOOK", 5)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def due(deadline):
    deadline.refresh_from_db()
    return deadline.due_at


def test_E5_a_new_version_holds_for_what_starts_from_its_moment_on(running, item, local, changed):
    before = running("D08")
    new = changed("D08", at="2026-03-02 09:30", amount=3600)
    assert (new.version, new.replaces.valid_until, new.replaces.amount) == (2, new.valid_from, 48 * 3600)
    other = open_item("ticket", title="x", at=local("2026-03-02 10:00"))
    assert running("D08", "2026-03-02 10:00", on=other).rule == new
    assert due(before) == local("2026-03-04 09:00")


def test_E5_a_version_that_is_to_come_leaves_no_gap(running, local, cast):
    rule = Rule.objects.get(code="D08")
    rule.amount = 3600
    versions.replace(rule, at=local("2026-03-02 09:00"), valid_from=local("2026-04-01 00:00"))
    assert running("D08", "2026-03-31 12:00").rule.version == 1
    other = open_item("ticket", title="x", at=local("2026-04-01 00:00"))
    assert running("D08", "2026-04-01 00:00", on=other).rule.version == 2


def test_E5_two_who_change_the_same_version_make_one_new_version(changed, local):
    old = Rule.objects.get(code="D08")
    changed("D08", amount=3600)
    with pytest.raises(NotNow):
        versions.replace(old, at=local("2026-03-02 10:00"))
    assert [rule.version for rule in versions.chain(Rule.objects.get(code="D08", version=1))] == [2, 1]


def test_E5_the_preview_says_what_would_change_and_changes_nothing(many, changed, freeze, administrator, cast, small_batches):
    rows = many(24)
    new = changed("D08", amount=2 * 3600)
    freeze("2026-03-02 11:30")
    change = previewed(administrator, rule=new)
    assert (change.state, change.total, change.done) == ("ready", 24, 24)
    assert change.found["counts"] == {"seen": 24, "changed": 24, "earlier": 24, "late": 24}
    old = new.replaces_id
    assert change.found["groups"] == {f"{old}:{place.pk}": {"seen": 12, "changed": 12, "earlier": 12, "late": 12} for place in (cast.service, cast.delivery)}
    assert len(change.found["sample"]) == changing.SAMPLE
    assert {due(row) for row in rows} == {rows[0].start_at + timedelta(hours=48)}
    assert not Entry.objects.filter(verb="deadline_rule_changed").exists()


def test_E5_the_sample_shows_first_what_would_become_late(many, changed, freeze, administrator, local, monkeypatch):
    monkeypatch.setattr(changing, "SAMPLE", 2)
    many(3)
    for row in Deadline.objects.order_by("pk")[2:]:
        Deadline.objects.filter(pk=row.pk).update(start_at=local("2026-03-01 09:00"))
    new = changed("D08", amount=12 * 3600)
    freeze("2026-03-02 12:00")
    assert [line["late"] for line in previewed(administrator, rule=new).found["sample"]] == [True, False]


def test_E5_ordered_it_holds_for_each_in_batches_with_who_and_when_on_record(many, changed, freeze, administrator, local, small_batches):
    rows = many(24)
    new = changed("D08", amount=6 * 3600)
    at = freeze("2026-03-02 11:30")
    change = applied(new, administrator)
    assert (change.state, change.done, change.outcome["counts"]["changed"]) == ("done", 24, 24)
    assert (change.ordered_by, change.ordered_at, change.finished_at) == (administrator, at, at)
    for row in rows:
        assert due(row) == local("2026-03-02 15:00")
        assert (row.rule, row.allowance["version"], row.warn_at) == (new, 2, local("2026-03-02 13:30"))
        assert row.item.entries.filter(verb="deadline_rule_changed", by=administrator, at=at).count() == 1
    item = Item.objects.get(pk=rows[0].item_id)
    assert (item.next_limit_at, item.next_limit_code, item.changed_at) == (local("2026-03-02 15:00"), "D08", at)


def test_E5_a_worker_that_dies_half_way_is_followed_by_another_and_each_is_changed_once(many, changed, administrator, monkeypatch, small_batches):
    many(24)
    new = changed("D08", amount=6 * 3600)
    change = changing.order(change_id=previewed(administrator, rule=new).pk, by=administrator)
    told, write = [], changing._write

    def die_in_the_third(rows, *rest):
        write(rows, *rest)
        told.append(len(rows))
        if len(told) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(changing, "_write", die_in_the_third)
    with pytest.raises(KeyboardInterrupt):
        worked_off(change)
    change.refresh_from_db()
    assert (change.state, change.done, change.outcome["counts"]["changed"]) == ("applying", 14, 14)
    assert worked_off(change).state == "done"
    entries = Entry.objects.filter(verb="deadline_rule_changed")
    assert entries.count() == entries.values("item").distinct().count() == 24


def test_E5_a_change_without_a_worker_is_announced_again(many, changed, administrator, freeze, monkeypatch):
    many(1)
    announced: list[int] = []
    monkeypatch.setattr(tasks, "announce", announced.append)
    freeze("2026-03-02 11:30")
    change = changing.ask(by=administrator, rule=changed("D08", amount=6 * 3600))
    assert tasks.catch_up_changes() == 0
    freeze("2026-03-02 11:31")
    assert (tasks.catch_up_changes(), announced) == (1, [change.pk])
    assert tasks.change(change.pk) is False
    assert changing.stuck() == []


def test_E5_stopped_half_way_the_rest_keeps_what_it_had(many, changed, administrator, small_batches):
    many(24)
    change = changing.order(change_id=previewed(administrator, rule=changed("D08", amount=6 * 3600)).pk, by=administrator)
    plan = changing.Plan.of(Change.objects.get(pk=change.pk), clock.now())
    assert changing._apply(plan)
    changing.leave(change_id=change.pk)
    assert not changing._apply(plan)
    assert worked_off(change).state == "stopped"
    assert Deadline.objects.filter(rule__version=2).count() == 7


def test_E5_what_changed_again_after_the_preview_is_previewed_again(many, changed, administrator, local):
    many(1)
    change = previewed(administrator, rule=changed("D08", amount=6 * 3600))
    changed("D08", at="2026-03-02 10:00", amount=7 * 3600)
    with pytest.raises(NotNow):
        changing.order(change_id=change.pk, by=administrator)
    with pytest.raises(NotNow):
        changing.ask(by=administrator, rule=Rule.objects.get(code="D08", version=2))


def test_E5_settled_void_and_later_ones_are_left_alone(many, changed, administrator, local, freeze):
    rows = many(3)
    freeze("2026-03-02 11:00")
    services.settle(rows[0].item, "D08", at=local("2026-03-02 10:00"))
    services.void(rows[1].item, "D08", at=local("2026-03-02 10:00"), why="撤诉")
    change = applied(changed("D08", amount=6 * 3600), administrator)
    assert change.outcome["counts"] == {"seen": 1, "changed": 1, "earlier": 1}
    assert due(rows[0]) == due(rows[1]) == local("2026-03-04 09:00")


def test_E5_an_extended_one_never_ends_earlier_than_was_granted(running, changed, administrator, local, supervisor):
    extended = running("D26", facts={"category": "refund"})
    services.extend(extended, until=local("2026-03-20 18:00"), at=local("2026-03-03 10:00"), by=supervisor, why="等配件")
    applied(changed("D26", of=extended.rule.when, amount=2), administrator)
    assert due(extended) == local("2026-03-20 18:00")
    assert extended.rule.version == 2
    applied(changed("D26", at="2026-03-02 10:00", of=extended.rule.when, amount=30), administrator)
    assert due(extended) == local("2026-04-15 00:00"), "the later of both"


def test_E5_a_paused_one_loses_nothing_and_counts_its_pause_in_full(item, running, changed, administrator, local):
    paused = running("D26", facts={"category": "refund"})
    services.pause(item, "D26", at=local("2026-03-03 10:00"), because="等待客户")
    applied(changed("D26", of=paused.rule.when, amount=2), administrator)
    paused.refresh_from_db()
    assert (paused.state, paused.left_seconds // 86400) == ("paused", 4)
    applied(changed("D26", at="2026-03-02 10:00", of=paused.rule.when, amount=10), administrator)
    paused.refresh_from_db()
    assert (paused.state, paused.left_seconds // 86400, item.next_paused) == ("paused", 9, False)
    services.resume(item, "D26", at=local("2026-03-16 10:00"))
    assert due(paused) == local("2026-03-28 00:00")


def test_E5_what_was_lengthened_because_the_customer_was_not_reached_stays_so(item, running, changed, administrator, local):
    row = running("D14")
    services.lengthen(item, "D14", at=local("2026-03-02 12:00"))
    applied(changed("D14", amount=20 * 3600), administrator)
    assert due(row) == local("2026-03-04 09:00")
    assert services.lengthen(item, "D14", at=local("2026-03-02 13:00")) is None


def test_E5_C3_the_longer_amount_of_the_new_version_holds_for_what_was_lengthened(item, running, changed, administrator, local):
    row = running("D14")
    services.lengthen(item, "D14", at=local("2026-03-02 12:00"))
    applied(changed("D14", longer=60 * 3600), administrator)
    assert due(row) == local("2026-03-04 21:00")
    applied(changed("D14", at="2026-03-02 10:00", clock="working_day", amount=2, longer=4), administrator)
    assert due(row) == local("2026-03-07 00:00")
    assert services.lengthen(item, "D14", at=local("2026-03-02 13:00")) is None


def test_E5_a_date_that_somebody_named_stays(running, changed, administrator, local):
    promise = running("D38", due_at=local("2026-03-05 15:00"))
    earlier = running("D08", due_at=local("2026-03-03 12:00"))
    applied(changed("D38", may_extend=True), administrator)
    applied(changed("D08", amount=6 * 3600), administrator)
    assert (due(promise), due(earlier)) == (local("2026-03-05 15:00"), local("2026-03-03 12:00"))
    assert earlier.rule.version == 2


def test_E2_steps_that_were_taken_are_not_taken_again_under_the_new_rule(running, changed, administrator, local):
    ladder = Ladder.objects.create(name="新梯子")
    steps = (75, "owner"), (90, "owner"), (100, "superior")
    LadderStep.objects.bulk_create(LadderStep(ladder=ladder, order=n, percent=p, receiver=r) for n, (p, r) in enumerate(steps, 1))
    row = running("D08")
    until_done(local("2026-03-03 21:00"))  # 75 % of 48 h
    applied(changed("D08", ladder=ladder, amount=72 * 3600), administrator)
    until_done(local("2026-03-10 09:00"))
    taken = list(row.steps.order_by("step").values_list("step", "receiver", "at"))
    assert taken == [(1, "owner", local("2026-03-03 21:00")), (2, "owner", local("2026-03-05 01:48")), (3, "superior", local("2026-03-05 09:00"))]


def test_E5_changed_conditions_take_in_what_fits_them_now_and_leave_the_rest(many, changed, administrator, local, freeze):
    freeze("2026-03-02 10:30")
    rows = many(2, "D03", facts={"urgency": "urgent", "level": "vip"})
    plain = many(1, "D03", facts={"urgency": "urgent", "level": "ordinary"})[0]
    new = changed("D03", amount=3600, when={"urgency": ["urgent"], "level": ["vip"]})
    change = applied(new, administrator)
    assert change.outcome["counts"] == {"seen": 3, "kept": 1, "changed": 2, "earlier": 2, "late": 2}
    assert due(plain) == local("2026-03-02 11:00")
    assert {due(row) for row in rows} == {local("2026-03-02 10:00")}


def test_E5_a_version_switched_off_and_ordered_leaves_nothing_that_runs(many, changed, administrator, cast, small_batches, freeze, local):
    rows = many(9)
    services.pause(rows[0].item, "D08", at=local("2026-03-02 09:10"), because="等待客户")
    off = changed("D08", active=False)
    freeze("2026-03-02 11:00")
    change = previewed(administrator, rule=off)
    assert change.found["counts"] == {"seen": 9, "changed": 9, "void": 9}
    assert {line["void"] for line in change.found["sample"]} == {True}
    assert Deadline.objects.filter(state="running").count() == 9, "a preview changes nothing"
    at = freeze("2026-03-02 11:30")
    worked_off(changing.order(change_id=change.pk, by=administrator))
    for row in rows:
        row.refresh_from_db()
        assert (row.state, row.ended_at, row.ended_by, row.why, row.late) == ("void", at, administrator, "rule switched off", None)
        assert row.item.entries.filter(verb="deadline_rule_off", by=administrator, at=at).count() == 1
        assert Item.objects.get(pk=row.item_id).next_limit_at is None
    assert until_done(local("2026-06-02 10:00")) == 0
    assert not Deadline.objects.get(pk=rows[0].pk).pauses.filter(until_at=None).exists()


def test_E5_of_a_version_switched_off_what_another_rule_fits_is_derived_under_that_one(many, changed, administrator, freeze, local):
    special = Rule.objects.get(code="D08")
    own, plain = many(1, facts={"level": "vip"}), many(1, facts={"level": "ordinary"})
    special.pk, special.when, special.amount, special.valid_from = None, {"level": ["vip"]}, 3600, local("2026-03-02 08:00")
    special.save(force_insert=True)
    mine = many(1, facts={"level": "vip"})
    assert mine[0].rule == special
    off = changed("D08", of={"level": ["vip"]}, active=False)
    freeze("2026-03-02 09:45")
    change = applied(off, administrator)
    assert change.outcome["counts"] == {"seen": 1, "changed": 1, "later": 1}
    assert due(mine[0]) == local("2026-03-04 09:00")
    assert (mine[0].state, mine[0].rule.when) == ("running", {})
    assert due(own[0]) == due(plain[0]) == local("2026-03-04 09:00")


def test_E5_a_rule_that_comes_between_preview_and_order_of_a_switched_off_one_is_previewed_first(many, changed, administrator, local):
    many(1)
    change = previewed(administrator, rule=changed("D08", active=False))
    other = Rule.objects.get(code="D08", version=1)
    other.pk, other.when, other.valid_until = None, {"level": ["vip"]}, None
    other.save(force_insert=True)
    with pytest.raises(NotNow):
        changing.order(change_id=change.pk, by=administrator)


def test_E5_an_answer_that_is_only_waited_for_becomes_late_by_no_change(running, changed, administrator, freeze, local):
    running("D43", facts={"kind": "consultation"})
    freeze("2026-03-09 12:00")
    new = changed("D43", clock="calendar", amount=3600)
    assert "late" not in previewed(administrator, rule=new).found["counts"]


def test_E5_a_limit_of_before_facts_were_kept_follows_its_rule(many, changed, administrator, local):
    (row,) = many(1)
    Deadline.objects.update(facts={})
    applied(changed("D08", amount=6 * 3600), administrator)
    assert due(row) == local("2026-03-02 15:00")


def test_E5_the_departments_calendar_counts_under_the_new_rule_too(running, changed, administrator, local, cast):
    nights = Calendar.objects.create(name="夜班", country="", hours={str(n): [["22:00", "06:00"]] for n in range(1, 8)})
    row = running("D16", department=cast.delivery)
    DepartmentCalendar.objects.create(department=cast.delivery, calendar=nights)
    applied(changed("D16", amount=3600), administrator)
    assert (due(row), row.allowance["calendar"]) == (local("2026-03-02 23:00"), nights.pk)


# --- Calendars ---


@pytest.fixture
def desk(cast):
    return Calendar.objects.get(is_default=True)


def test_E5_a_changed_calendar_moves_limits_that_run_only_when_somebody_says_so(many, desk, administrator, local, freeze):
    rows = many(3, "D24")  # two working days: Wednesday, 24:00
    calendar_time = many(1, "D08")[0]
    desk.days.create(day=local("2026-03-03 00:00").date(), working=False, name="停电", by_hand=True)
    assert {due(row) for row in rows} == {local("2026-03-05 00:00")}
    at = freeze("2026-03-02 10:00")
    change = applied(desk, administrator)
    assert change.outcome["counts"] == {"seen": 4, "kept": 1, "changed": 3, "later": 3}
    assert {due(row) for row in rows} == {local("2026-03-06 00:00")}
    entry = Entry.objects.filter(verb="deadline_calendar_changed").latest("pk")
    assert (entry.by, entry.at, entry.data["calendar"]) == (administrator, at, "客服中心")
    assert due(calendar_time) == local("2026-03-04 09:00")


def test_E5_a_year_that_is_announced_now_can_be_counted_in(running, desk, administrator, local):
    row = running("D26", "2026-12-30 10:00")
    assert row.allowance["unannounced"] == [2027]
    desk.announced["2027"] = "hand"
    desk.save(update_fields=["announced"])
    desk.days.create(day=local("2027-01-01 00:00").date(), working=False, name="元旦", by_hand=True)
    before = row.due_at
    applied(desk, administrator)
    assert due(row) > before
    assert row.allowance["unannounced"] == []


def test_E5_a_calendar_changed_after_its_preview_is_previewed_again(many, desk, administrator, local):
    many(1, "D24")
    change = previewed(administrator, calendar=desk)
    desk.days.create(day=local("2026-03-03 00:00").date(), working=False, name="停电")
    with pytest.raises(NotNow):
        changing.order(change_id=change.pk, by=administrator)


def test_E5_a_changed_calendar_leaves_the_steps_as_they_are(running, desk, administrator, local, cast):
    row = running("D24")
    LadderStep.objects.filter(ladder=row.rule.ladder, order=1).update(percent=10)
    steps = row.allowance["steps"]
    desk.days.create(day=local("2026-03-03 00:00").date(), working=False, name="停电")
    applied(desk, administrator)
    row.refresh_from_db()
    assert row.allowance["steps"] == steps


# --- Cost, and the desk meanwhile ---


def test_E5_a_batch_costs_the_same_number_of_statements_at_1_row_and_at_50(many, changed, administrator, django_assert_max_num_queries, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    many(50)
    change = changing.order(change_id=previewed(administrator, rule=changed("D08", amount=6 * 3600)).pk, by=administrator)
    plan = changing.Plan.of(Change.objects.get(pk=change.pk), clock.now())
    with django_assert_max_num_queries(20):
        changing._apply(plan)
    assert Deadline.objects.filter(rule__version=2).count() == 50


postgres = pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL")


@postgres
@pytest.mark.django_db(transaction=True)
def test_E5_two_workers_at_once_change_each_deadline_once(many, changed, administrator, small_batches):
    many(60)
    change = changing.order(change_id=previewed(administrator, rule=changed("D08", amount=6 * 3600)).pk, by=administrator)

    def worker():
        worked_off(Change.objects.get(pk=change.pk))
        connection.close()

    threads = [threading.Thread(target=worker) for _n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    change.refresh_from_db()
    assert (change.state, change.done, change.outcome["counts"]["changed"]) == ("done", 60, 60)
    assert Entry.objects.filter(verb="deadline_rule_changed").count() == 60


@postgres
@pytest.mark.django_db(transaction=True)
def test_E5_what_a_service_holds_is_taken_later_and_nobody_waits(many, changed, administrator, small_batches, monkeypatch):
    rows = many(3)
    change = changing.order(change_id=previewed(administrator, rule=changed("D08", amount=6 * 3600)).pk, by=administrator)
    held, free, seen = threading.Event(), threading.Event(), []

    def hold():
        with transaction.atomic():
            list(Deadline.objects.filter(pk=rows[1].pk).select_for_update(no_key=True))
            held.set()
            free.wait(30)
        connection.close()

    def let_go(seconds):
        """Called between the batches."""
        seen.append(Deadline.objects.filter(rule__version=2).count())
        free.set()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    monkeypatch.setattr(time, "sleep", let_go)
    assert worked_off(change).state == "done"
    thread.join(30)
    assert seen[0] == 2
    assert Deadline.objects.filter(rule__version=2).count() == 3
