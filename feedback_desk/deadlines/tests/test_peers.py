"""How the deadline engines of other desks fail, each by name, and that it cannot happen here. A test of another file is named with its file.

| peer | failure | test_… |
| --- | --- | --- |
| frappe #3776 | naive site time: a new 30-minute limit is "failed" in another zone | frappe_3776_a_new_limit_is_not_late_to_a_reader_in_another_zone |
| frappe #3776 | waiting from February to August, then settled: 42 days reported | frappe_3776_time_on_hold_counts_when_settled_from_there |
| frappe #3776 | the same, late before the wait | frappe_3776_late_before_the_hold_is_late_by_what_it_was_then |
| frappe #2449 | time on hold added to the creation time, wrong across holidays | frappe_2449_a_hold_over_holidays_gives_back_what_was_left |
| frappe #2449 | a changed holiday list leaves open tickets as they were | frappe_2449_a_changed_holiday_list_reaches_open_limits |
| zammad #3180 | "24/7" is shut for a minute each midnight | zammad_3180_round_the_clock_has_no_hole_at_midnight |
| zammad #5177 | the time for updates overrules the first response | zammad_5177_one_target_never_overrules_another |
| zammad #5624 | the old target survives a change of group | zammad_5624_an_old_target_does_not_survive_a_correction |
| zammad #5624 | and with it the old group's calendar and people | zammad_5624_an_old_target_does_not_survive_another_group |
| glpi #22678 | "1 h before" fired at 00:00 with two spans a day | glpi_22678_an_hour_before_is_an_hour_of_business_before |
| glpi #15429 | levels fired at creation after an upgrade | glpi_15429_an_upgrade_fires_nothing |
| glpi #15605, #6902 | another priority or SLA throws away the time paused | glpi_15605_another_rule_keeps_the_time_paused |
| glpi #24481 | a breach recorded while pending | glpi_24481_nothing_is_breached_while_it_waits |
| chatwoot #13392 | "business hours only" was stored and ignored | chatwoot_13392_business_hours_are_obeyed |
| chatwoot #14009, fr. #2212 | lunch breaks impossible | chatwoot_14009_lunch_does_not_count |
| osTicket #6739 | a schedule without some weekdays: overdue at once | osticket_6739_weekdays_left_out_make_nothing_overdue |
| osTicket #3034 | no pause by status | osticket_3034_a_ticket_that_waits_stands_still |
| osTicket #4382, fs. #5135 | limits in minutes impossible | osticket_4382_limits_of_minutes |
| glpi #1996, #2408 | each run repeats the mail for ever | glpi_1996_a_hundred_runs_tell_once |
| glpi #5319 | the todo row vanished: only the first level ran, the rest never | glpi_a_lost_todo_row_breaks_no_chain |
| zammad #4348 | a second, real reminder of the day is swallowed, the old one repeated | zammad_4348_the_second_reminder_of_a_day_is_told |
| zammad #4432, #2157 | mails at midnight and on weekends | zammad_4432_business_limits_and_quiet_hours_leave_nights_alone |
| zammad #3523 | the engine was dead and nobody was told | zammad_3523_a_dead_engine_is_seen |
| zammad #4353 | a deleted SLA keeps notifying | zammad_4353_a_rule_is_retired_not_deleted |
| zammad #904, znuny #200 | merged tickets still escalate | zammad_904_merged_tickets_do_not_escalate |
| osTicket #5153 | after an upgrade 260 overdue mails for resolved tickets | osticket_5153_what_is_settled_is_never_swept |
| osTicket #5955 | reopening fires an overdue mail at once | osticket_5955_reopening_fires_nothing |
| osTicket #4658, #6405 | only one alert; 50 %, 75 % and repeats were wanted | osticket_4658_reminders_at_half_three_quarters_and_daily |
| zammad #2532, cw. #6889 | no levels up to the manager | zammad_2532_three_levels_each_in_its_time |
| django-helpdesk | excluded days shrink the wait: every hourly run escalates everything | django_helpdesk_a_free_day_escalates_nothing |
| django-helpdesk | "notify only" changes the ticket and leaves no trail | django_helpdesk_telling_changes_no_ticket_and_leaves_a_trail |
| django-helpdesk | downtime: one step, the missed ones unknown | django_helpdesk_every_missed_step_is_on_record |
| django-helpdesk | un-holding an old ticket escalates it on the next run | django_helpdesk_going_on_escalates_nothing |
| django-helpdesk | two overlapping runs mail twice | django_helpdesk_two_overlapping_runs_tell_once |
| django-helpdesk | saving the whole row overwrites an agent's edit | django_helpdesk_a_sweep_overwrites_no_edit |
| django-helpdesk | the official image never runs the escalation | django_helpdesk_what_is_started_escalates |
| django-helpdesk | mail fails silently | django_helpdesk_a_failed_mail_is_kept_and_tried_again |
| zammad | warnings are lost when the window of 15 minutes falls into a downtime | zammad_a_warning_missed_in_a_downtime_is_on_record |
| zammad | pauses at minutes' resolution, a query per ticket | zammad_pauses_are_exact_and_cost_the_same_for_many |
| zammad | overlapping SLAs are picked by id | zammad_SLA_overlap_is_not_picked_by_id |
| zammad | "may instantly escalate" after un-pausing | zammad_nothing_escalates_on_going_on |
| zammad | an edited SLA is slow: every open ticket is rebuilt | test_changing.py: E5_a_batch_costs_the_same_number_of_statements_at_1_row_and_at_50 |
| zammad | one statement per SLA to find the one that fits | test_services.py: many_limits_cost_as_many_statements_as_one |
| frappe | the job loads tickets and SLAs one by one, a commit per row | test_sweep.py: a_batch_costs_the_same_number_of_statements_at_1_row_and_at_1000 |
| libredesk | met and breached at the time of the evaluation: averages are off | libredesk_times_are_those_of_the_event |
| libredesk | all missed warnings are sent on restart, past the deadline | libredesk_after_a_restart_only_the_highest_step_tells |
| libredesk | a warning goes out for a reply already given | libredesk_no_warning_for_what_was_done |
| libredesk, chatwoot | the second resolution is not measured | libredesk_a_second_round_is_measured |
| libredesk | deleting a policy cascades away its history | libredesk_history_outlives_its_rule |
| libredesk | no lock: a second instance doubles | libredesk_any_number_of_sweeps |
| chatwoot | no unique index: duplicates | chatwoot_a_step_cannot_stand_twice |
| chatwoot | a breach that begins and ends between two ticks is a "hit" | chatwoot_a_breach_between_two_sweeps_is_recorded |
| chatwoot | every administrator is told of everything | chatwoot_only_those_concerned_are_told |
| chatwoot | a query per day walked | chatwoot_a_long_limit_costs_no_more_statements |
| freescout | no SLA in the core, "SLA-like" in hours or days | osticket_4382_limits_of_minutes |
| freescout | a stuck mutex keeps the scheduler out | freescout_a_sweep_that_dies_locks_nobody_out |
| osTicket, glpi | page views run the engine: nobody online, no escalation | osticket_pages_take_no_steps_and_beat_does |
| osTicket | a batch of 100 without an order | osticket_batches_are_in_order_and_go_on_until_done |
| osTicket | a flag in the schema that nothing reads | osticket_an_act_of_a_ladder_is_done |
| osTicket | the loop over hours goes back into closed ones | osticket_what_begins_after_closing_counts_from_opening |
| osTicket | reopening restarts the first measurement | libredesk_a_second_round_is_measured |
| znuny | more than 1000 escalations: the rest starves | znuny_the_thousand_and_first_is_told_too |
| znuny | skipped unless there was working time in the last ten minutes | znuny_a_step_at_midnight_is_taken_at_midnight |
| znuny | an event repeats after its decay time | znuny_nothing_repeats_after_a_year |
| znuny | history is written after the event: a crash doubles | znuny_a_crash_leaves_step_and_notice_or_neither |
| znuny | pausing gives up after 500 turns | znuny_a_thousand_pauses |
| frappe | an hourly job: late by up to an hour | frappe_the_sweep_comes_every_few_seconds |
| frappe | nobody is told | frappe_somebody_is_told |
| frappe | limits are computed anew with every save | frappe_saving_a_ticket_moves_no_limit |
| loonflow | a countdown in the broker is delivered again and again | loonflow_no_countdown_sits_in_the_broker |
| loonflow | a flushed broker loses all timers | loonflow_a_flushed_broker_loses_no_timer |
| loonflow | calendar seconds only | chatwoot_13392_business_hours_are_obeyed |
| loonflow | "todo: timer handle": no limit runs | frappe_somebody_is_told |
| loonflow | two approvers at once | loonflow_of_two_who_settle_one_does |
| glpi | the row is deleted before the action: a crash loses it | glpi_an_act_that_fails_is_tried_again |
| glpi | rows of solved tickets are read in every run | glpi_settled_limits_are_not_read_again |
| glpi | one level per run after a downtime | glpi_one_sweep_catches_up_everything |
| glpi | levels of one target go only if the other has some | glpi_each_limit_ends_for_itself |
| bk-itsm #990 | one mail, an hour before; the breach is not told | bk_itsm_990_the_breach_itself_is_told |
| bk-itsm #1034 | reminders doubled through the broker | glpi_1996_a_hundred_runs_tell_once |
| bk-itsm #1011 | no figures of compliance | bk_itsm_1011_late_and_in_time_can_be_counted |
"""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from feedback_desk.celery import app
from feedback_desk.deadlines import clocks, first_rows, services, sweep, versions
from feedback_desk.deadlines.calendars import build
from feedback_desk.deadlines.chips import chip_of
from feedback_desk.deadlines.clocks import Allowance, NeverOpen
from feedback_desk.deadlines.explain import explain
from feedback_desk.deadlines.models import Calendar, Deadline, DepartmentCalendar, Ladder, LadderStep, Rule, StepOutcome, StepTaken
from feedback_desk.deadlines.rederiving import follow_department, rederive
from feedback_desk.deadlines.tests.changes import applied
from feedback_desk.deadlines.tests.conftest import URGENT
from feedback_desk.notices import delivery, outbox
from feedback_desk.notices.models import Notice, QuietHours, ServiceState
from feedback_desk.people.actors import SYSTEM
from feedback_desk.records.items import open_item
from feedback_desk.records.models import Item
from feedback_desk.workplace import health, supervisor
from tests.running import ROOT
from tickets import services as tickets
from tickets.models import Ticket
from tickets.tasks import apply_steps

ALWAYS = {str(day): [["00:00", "24:00"]] for day in range(1, 8)}


@pytest.fixture
def another(local):
    return lambda at="2026-03-02 09:00": open_item("ticket", title="门锁失灵", at=local(at))


@pytest.fixture
def ladder_of():
    """ladder_of("D08", {"percent": 50, "receiver": "owner"}, …): the rule's own steps from now on."""

    def give(code, *rows):
        ladder = Ladder.objects.create(name=f"梯子{code}")
        LadderStep.objects.bulk_create(LadderStep(ladder=ladder, order=order, **row) for order, row in enumerate(rows, 1))
        Rule.objects.filter(code=code).update(ladder=ladder)

    return give


@pytest.fixture
def waited(item, local):
    """waited("2026-03-03 10:00", "2026-03-05 10:00"): D26 stood still in between."""

    def wait(begin, end=None):
        services.pause(item, "D26", at=local(begin), because="等待客户")
        if end:
            services.resume(item, "D26", at=local(end))

    return wait


def told():
    return set(Notice.objects.filter(channel="page").values_list("receiver__username", flat=True))


def steps():
    return list(StepTaken.objects.order_by("deadline", "step").values_list("step", flat=True))


def ended_in_words(deadline, at):
    """What the chip says and how the sentence ends, in both languages."""
    deadline, found = Deadline.objects.get(pk=deadline.pk), {}
    for language in ("en", "zh-hans"):
        with translation.override(language):
            chip, sentence = chip_of(deadline, at), explain(deadline, at).sentence
        assert chip is not None
        found[chip.text] = sentence.split("; " if language == "en" else "；", 2)[-1]
    return found


def statements(work):
    with CaptureQueriesContext(connection) as seen:
        work()
    return [query["sql"] for query in seen if "SAVEPOINT" not in query["sql"]]


def test_the_table_above_names_tests_that_are_there_and_all_of_them():
    named = set(re.findall(r"\| (\w+) \|\n", str(__doc__)))
    here = {name.removeprefix("test_") for name in globals() if name.startswith("test_") and "table_above" not in name}
    assert named == here
    elsewhere = re.findall(r"\| (\w+\.py): (\w+) \|\n", str(__doc__))
    assert [name for file, name in elsewhere if f"\ndef test_{name}(" not in Path(__file__).with_name(file).read_text()] == []
    assert len(elsewhere) == 3


# --- arithmetic ---


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "Pacific/Auckland", "UTC"])
def test_frappe_3776_a_new_limit_is_not_late_to_a_reader_in_another_zone(running, local, zone):
    deadline = running("D02")
    with timezone.override(zone):
        chip = chip_of(deadline, local("2026-03-02 09:00:05"))
    assert chip is not None
    assert (chip.kind, chip.due_iso) == ("ok", "2026-03-02T01:30:00Z")


def test_frappe_3776_time_on_hold_counts_when_settled_from_there(item, running, waited, local):
    running("D26", "2026-02-02 09:00")
    waited("2026-02-03 10:00", "2026-02-04 10:00")
    waited("2026-02-05 10:00")
    (settled,) = services.settle(item, "D26", at=local("2026-08-03 10:00"))
    assert (settled.late, settled.due_at) == (False, local("2026-02-11 00:00"))
    assert ended_in_words(settled, local("2026-08-03 11:00")) == {
        "In time, took 2 d 1 h": "paused February 5 10:00 with 5 days 14 hours to spare, done today 10:00, in time.",
        "按时，用时 2 天 1 小时": "2月5日 10:00 起暂停，当时还有 5 天 14 小时；今天 10:00 完成，按时。",
    }


def test_frappe_3776_late_before_the_hold_is_late_by_what_it_was_then(item, running, waited, local):
    deadline = running("D26", "2026-02-02 09:00")
    waited(f"{deadline.due_at + timedelta(hours=11):%Y-%m-%d %H:%M}")
    (settled,) = services.settle(item, "D26", at=local("2026-08-03 10:00"))
    assert ended_in_words(settled, local("2026-08-03 11:00")) == {
        "Late by 3 h 00 min": "paused February 10 03:00 when it was late by 3 hours, done today 10:00.",
        "晚 3 小时 00 分": "2月10日 03:00 起暂停，当时已超时 3 小时；今天 10:00 完成。",
    }


def test_frappe_2449_a_hold_over_holidays_gives_back_what_was_left(running, waited, local):
    deadline = running("D26", "2026-02-12 10:00")
    waited("2026-02-13 10:00", "2026-02-25 10:00")
    deadline.refresh_from_db()
    assert (deadline.start_at, deadline.due_at) == (local("2026-02-12 10:00"), local("2026-03-03 00:00"))


def test_frappe_2449_a_changed_holiday_list_reaches_open_limits(running, local, administrator):
    deadline, calendar = running("D24"), Calendar.objects.get(is_default=True)
    calendar.days.create(day=local("2026-03-03 12:00").date(), working=False, name="停电")
    applied(calendar, administrator)
    deadline.refresh_from_db()
    assert deadline.due_at == local("2026-03-06 00:00")


def test_zammad_3180_round_the_clock_has_no_hole_at_midnight(local):
    hours = build("Asia/Shanghai", ALWAYS)
    assert clocks.between(local("2026-03-02 00:00"), local("2026-03-09 00:00"), "business", hours) == 7 * 86400
    assert clocks.ahead(local("2026-03-02 23:59:30"), 60, "business", hours) == local("2026-03-03 00:00:30")


def test_zammad_5177_one_target_never_overrules_another(item, running, local):
    first, note = running("D13"), running("D34")
    assert (first.due_at, note.due_at) == (local("2026-03-03 09:00"), local("2026-03-04 09:00"))
    services.settle(item, "D34", at=local("2026-03-02 10:00"))
    first.refresh_from_db()
    assert (first.state, first.due_at) == ("running", local("2026-03-03 09:00"))


def test_zammad_5624_an_old_target_does_not_survive_a_correction(item, running, local):
    running("D26", facts={"category": "pests"})
    rederive(item, at=local("2026-03-02 10:00"), facts={"category": "commission"}, by=SYSTEM)
    assert list(Deadline.objects.filter(state="running").values_list("due_at", flat=True)) == [local("2026-03-17 00:00")]
    sweep.until_done(local("2026-03-06 10:00"))
    assert steps() == []


def test_zammad_5624_an_old_target_does_not_survive_another_group(item, running, cast, local):
    later = Calendar.objects.create(name="配送", zone="Asia/Shanghai", hours={str(day): [["10:00", "18:00"]] for day in range(1, 6)})
    DepartmentCalendar.objects.create(department=cast.delivery, calendar=later)
    fresh = running("D11")
    follow_department(item, cast.delivery)
    rederive(item, at=local("2026-03-02 09:10"), facts=URGENT, by=SYSTEM)
    fresh.refresh_from_db()
    assert (fresh.department, fresh.due_at) == (cast.delivery, local("2026-03-02 11:00"))


def test_glpi_22678_an_hour_before_is_an_hour_of_business_before(ladder_of, running, local):
    Calendar.objects.filter(is_default=True).update(hours={str(day): [["08:30", "12:00"], ["13:30", "17:30"]] for day in range(1, 6)})
    ladder_of("D16", {"minutes": -60, "receiver": "owner"})
    assert running("D16", "2026-03-02 10:00").next_step_at == local("2026-03-02 14:30"), "four hours end at 15:30"
    assert running("D16", "2026-03-02 16:00", part="2").next_step_at == local("2026-03-03 10:00"), "at 11:00 the next morning"
    assert running("D16", "2026-03-02 15:30", part="3").next_step_at == local("2026-03-03 09:30"), "at 10:30"


def test_glpi_15429_an_upgrade_fires_nothing(running, local, administrator):
    old = running("D08")
    first_rows.load()
    changed = old.rule
    changed.amount = 6 * 86400
    applied(versions.replace(changed, at=local("2026-03-02 10:00")), administrator)
    assert sweep.sweep(local("2026-03-02 10:00")) == 0
    assert steps() == []


def test_glpi_15605_another_rule_keeps_the_time_paused(item, running, waited, local):
    fresh = running("D26")
    waited("2026-03-03 10:00", "2026-03-10 10:00")
    assert rederive(item, at=local("2026-03-10 11:00"), facts={"category": "commission"}, by=SYSTEM)
    fresh.refresh_from_db()
    assert fresh.due_at == local("2026-03-24 00:00"), "nine of ten working days were left on the 10th"


def test_glpi_24481_nothing_is_breached_while_it_waits(item, running, waited, local):
    running("D26")
    waited("2026-03-03 10:00")
    assert sweep.until_done(local("2026-09-01 10:00")) == 0
    assert services.settle(item, "D26", at=local("2026-09-01 10:00"))[0].late is False


def test_chatwoot_13392_business_hours_are_obeyed(running, local):
    running("D15", "2026-03-06 17:00")
    assert sweep.until_done(local("2026-03-09 10:59:59")) == 0, "75 % at 11:00 on Monday"
    assert sweep.sweep(local("2026-03-09 11:00")) == 1


def test_chatwoot_14009_lunch_does_not_count(local):
    hours = build("Asia/Shanghai", {"1": [["08:30", "12:00"], ["13:30", "17:30"]]})
    assert clocks.due(local("2026-03-02 11:30"), Allowance("business", 3600), hours) == local("2026-03-02 14:00")


def test_osticket_6739_weekdays_left_out_make_nothing_overdue(running, local):
    Calendar.objects.filter(is_default=True).update(hours={day: [["09:00", "18:00"]] for day in "123"})
    deadline = running("D15", "2026-03-05 10:00")
    assert deadline.due_at == local("2026-03-09 13:00")
    assert sweep.sweep(local("2026-03-08 23:59")) == 0
    with pytest.raises(NeverOpen):
        clocks.due(local("2026-03-05 10:00"), Allowance("business", 60), build("Asia/Shanghai", {}))


def test_osticket_3034_a_ticket_that_waits_stands_still(way, local, freeze):
    ticket = tickets.register(**way().said(type="consultation"))
    freeze("2026-03-03 10:00")
    tickets.ask_customer(ticket_id=ticket.pk, by=way().cast.agent, question="请发铭牌照片", until=local("2026-03-05 10:00"))
    assert Deadline.objects.get(item=ticket.item, code="D26").state == "paused"


def test_osticket_4382_limits_of_minutes(running, local):
    assert running("D10").due_at == local("2026-03-02 09:15")
    assert running("D02").due_at == local("2026-03-02 09:30")


# --- twice, late, never ---


def test_glpi_1996_a_hundred_runs_tell_once(running, local):
    running("D08")
    at = local("2026-03-03 21:00")
    assert [sweep.sweep(at + timedelta(seconds=5 * n)) for n in range(100)] == [1] + [0] * 99
    assert (steps(), Notice.objects.filter(channel="email").count()) == ([1], 2)


def test_glpi_a_lost_todo_row_breaks_no_chain(running, local, monkeypatch):
    """The next step stands in the deadline itself, is written with the step before it or not at all, and its time hangs on the limit alone."""
    running("D08")
    tell = outbox.tell_each
    monkeypatch.setattr(outbox, "tell_each", lambda letters, at: (_ for _ in ()).throw(ValueError("died")))
    sweep.sweep(local("2026-03-03 21:00"))
    assert steps() == []
    monkeypatch.setattr(outbox, "tell_each", tell)
    for at in ("2026-03-04 08:59", "2026-03-04 09:00", "2026-03-05 09:00", "2026-03-06 09:00", "2026-03-08 09:00"):
        sweep.sweep(local(at))
    assert steps() == [1, 2, 3, 4, 5]
    with pytest.raises(ValidationError), transaction.atomic():
        StepTaken.objects.all().delete()


def test_zammad_4348_the_second_reminder_of_a_day_is_told(ladder_of, running, local):
    ladder_of("D02", *({"percent": percent, "receiver": "owner"} for percent in (100, 150, 200)))
    running("D02")
    for at in ("2026-03-02 09:30", "2026-03-02 09:45", "2026-03-02 10:00", "2026-03-03 00:00", "2026-03-03 10:00"):
        sweep.until_done(local(at))
    assert Notice.objects.filter(channel="email", receiver__username="agent").count() == 3


def test_zammad_4432_business_limits_and_quiet_hours_leave_nights_alone(running, local):
    running("D17", "2026-03-06 17:00")
    rungs = [clocks.ahead(local("2026-03-06 17:00"), 8 * 3600 * share / 100, "business", build("Asia/Shanghai", {d: [["09:00", "18:00"]] for d in "12345"}))
             for share in (75, 100, 150, 200, 300)]  # fmt: skip
    sweep.until_done(rungs[-1])
    assert list(StepTaken.objects.order_by("step").values_list("at", flat=True)) == rungs
    Notice.objects.filter(channel="email").update(send_after=local("2026-03-02 23:00"), state="waiting", data={})
    QuietHours.objects.create(channel="email", from_time="22:00", until_time="07:00")
    assert delivery.deliver(local("2026-03-02 23:30")) == 0
    assert delivery.deliver(local("2026-03-03 07:00")) > 0


def test_zammad_3523_a_dead_engine_is_seen(db, client, agent):
    for name in (health.BEAT, *health.WORKERS):
        health.sign(name)
    assert not health.behind()
    ServiceState.objects.filter(name="sweep").update(at=ServiceState.objects.get(name="sweep").at - timedelta(minutes=1))
    assert health.behind()
    client.force_login(agent)
    assert client.get("/healthz").status_code == 503


def test_zammad_4353_a_rule_is_retired_not_deleted(running, local, administrator, freeze):
    deadline = running("D08")
    rule = Rule.objects.get(code="D08")
    rule.active = False
    freeze("2026-03-02 10:00")
    applied(versions.replace(rule, at=local("2026-03-02 09:30")), administrator)
    deadline.refresh_from_db()
    assert (deadline.state, deadline.why) == ("void", "rule switched off")
    assert sweep.until_done(local("2026-04-02 10:00")) == 0
    with pytest.raises(ProtectedError):
        deadline.rule.delete()


def test_zammad_904_merged_tickets_do_not_escalate(way, local):
    one = way()
    survivor, other = tickets.register(**one.said(type="consultation")), tickets.register(**one.said(type="consultation"))
    tickets.merge(ticket_id=other.pk, by=one.cast.agent, into_number=survivor.item.number)
    sweep.until_done(local("2026-06-02 10:00"))
    assert StepTaken.objects.filter(deadline__item=survivor.item).exists()
    assert not StepTaken.objects.filter(deadline__item=other.item).exists()


@pytest.mark.parametrize("end", ["settle", "void"])
def test_osticket_5153_what_is_settled_is_never_swept(item, running, local, end):
    """Not even when something upset the pointer to its next step."""
    running("D08")
    getattr(services, end)(item, "D08", at=local("2026-03-02 10:00"), why="已解决")
    Deadline.objects.update(next_step=1, next_step_at=local("2026-03-02 11:00"))
    assert sweep.until_done(local("2026-06-02 10:00")) == 0


def test_osticket_5955_reopening_fires_nothing(way, local, freeze):
    one = way()
    ticket = tickets.register(**one.said(type="consultation"))
    tickets.offer_result(ticket_id=ticket.pk, by=one.cast.agent, result="换新机,今天送到。", agreement="陈女士,电话")
    tickets.confirm_result(ticket_id=ticket.pk, by=one.cast.agent, words="客户电话确认")
    at = freeze("2026-05-20 10:00")
    tickets.reopen(ticket_id=ticket.pk, by=one.cast.agent, reason="又坏了")
    assert sweep.until_done(at + timedelta(minutes=5)) == 0
    assert min(Deadline.objects.filter(state="running").values_list("due_at", flat=True)) > at


def test_osticket_4658_reminders_at_half_three_quarters_and_daily(ladder_of, running, local):
    ladder_of("D08", {"percent": 50, "receiver": "owner"}, {"percent": 75, "receiver": "owner"},
              {"percent": 100, "receiver": "superior", "every_days": 1, "times": 2})  # fmt: skip
    running("D08")
    moments = ["2026-03-03 09:00", "2026-03-03 21:00", "2026-03-04 09:00", "2026-03-05 09:00", "2026-03-06 09:00"]
    assert [sweep.sweep(local(at)) for at in moments] == [1] * 5
    assert sweep.until_done(local("2026-05-06 09:00")) == 0


def test_zammad_2532_three_levels_each_in_its_time(running, local):
    running("D08")
    levels = []
    for at in ("2026-03-03 21:00", "2026-03-04 09:00", "2026-03-05 09:00", "2026-03-08 09:00"):
        Notice.objects.all().delete()
        sweep.until_done(local(at))
        levels.append(told())
    assert levels == [{"agent", "colleague"}, {"supervisor"}, {"manager"}, {"gm"}]


# --- engines ---


def test_django_helpdesk_a_free_day_escalates_nothing(running, local):
    """One working day from Saturday ends on Monday at 24:00; hour by hour through Monday."""
    running("D35", "2026-03-07 10:00")
    taken = [sweep.sweep(local("2026-03-07 10:00") + timedelta(hours=n)) for n in range(80)]
    assert (sum(taken), steps()) == (2, [1, 2]), "75 % and the limit"
    assert list(StepTaken.objects.values_list("at", flat=True).order_by("step")) == [local("2026-03-09 18:00"), local("2026-03-10 00:00")]


def test_django_helpdesk_telling_changes_no_ticket_and_leaves_a_trail(way, local):
    ticket = tickets.register(**way().said(type="consultation", urgency="urgent"))

    def standing():
        return Ticket.objects.filter(pk=ticket.pk).values().get(), Item.objects.filter(pk=ticket.item_id).values().get()

    before = standing()
    sweep.until_done(local("2026-03-02 12:00"))
    assert standing() == before
    assert StepTaken.objects.filter(deadline__item=ticket.item).count() >= 3


def test_django_helpdesk_every_missed_step_is_on_record(running, local):
    running("D08")
    sweep.until_done(local("2026-03-20 09:00"))
    assert list(StepTaken.objects.order_by("step").values_list("step", "skipped")) == [(1, True), (2, True), (3, True), (4, True), (5, False)]


def test_django_helpdesk_going_on_escalates_nothing(running, waited, local):
    running("D26")
    waited("2026-03-04 10:00", "2026-06-10 10:00")
    assert sweep.until_done(local("2026-06-10 10:00:05")) == 0


def test_django_helpdesk_two_overlapping_runs_tell_once(running, local):
    """The second has read the row before the first committed: the unique key and the keys of the outbox hold."""
    deadline = running("D08")
    at = local("2026-03-03 21:00")
    sweep.sweep(at)
    Deadline.objects.update(next_step=deadline.next_step, next_step_at=deadline.next_step_at)
    sweep.sweep(at)
    assert (steps(), Notice.objects.filter(channel="email").count()) == ([1], 2)


def test_django_helpdesk_a_sweep_overwrites_no_edit(running, local):
    running("D08")
    changes = [sql for sql in statements(lambda: sweep.sweep(local("2026-03-03 21:00"))) if sql.startswith("UPDATE")]
    assert changes
    for sql in changes:
        assert sql.startswith('UPDATE "deadlines_deadline" SET "next_step"'), sql
        assert not re.search(r'"(owner_id|state|due_at|allowance)" = ', sql.partition(" WHERE ")[0])


def test_django_helpdesk_what_is_started_escalates():
    served = {supervisor.worker(name).command[supervisor.worker(name).command.index("--queues") + 1] for name in health.WORKERS}
    tasks = {entry["task"]: entry for entry in app.conf.beat_schedule.values()}
    assert {entry["options"]["queue"] for entry in tasks.values()} <= served
    assert {"deadlines.sweep", "notices.deliver", "tickets.apply_steps"} <= set(tasks)
    assert {"deadlines.sweep", "notices.deliver", "tickets.apply_steps"} <= set(app.tasks) or app.loader.import_default_modules() is not None
    serve = (ROOT / "feedback_desk" / "workplace" / "management" / "commands" / "serve.py").read_text()
    assert 'supervisor.worker("sweep"), supervisor.worker("work"), supervisor.beat()' in serve


def test_django_helpdesk_a_failed_mail_is_kept_and_tried_again(running, local, monkeypatch):
    running("D08")
    at = local("2026-03-03 21:00")
    sweep.sweep(at)
    monkeypatch.setattr(mail.EmailMultiAlternatives, "send", lambda *args, **kwargs: (_ for _ in ()).throw(OSError("refused")))
    delivery.deliver(at)
    assert set(Notice.objects.filter(channel="email").values_list("state", "last_error")) == {("waiting", "OSError: refused")}
    monkeypatch.undo()
    delivery.deliver(at + timedelta(minutes=1))
    assert not Notice.objects.filter(channel="email").exclude(state="sent").exists()


def test_zammad_a_warning_missed_in_a_downtime_is_on_record(running, local):
    running("D08")
    sweep.until_done(local("2026-03-04 10:00"))
    assert StepTaken.objects.get(step=1).skipped
    assert told() == {"supervisor"}


def test_zammad_pauses_are_exact_and_cost_the_same_for_many(item, running, local, another):
    deadline = running("D26", facts={"category": "account-fault"})
    at = local("2026-03-02 10:00:00")
    for n in range(20):
        services.pause(item, "D26", at=at + timedelta(seconds=60 * n), because="等待客户")
        services.resume(item, "D26", at=at + timedelta(seconds=60 * n + 7))
    deadline.refresh_from_db()
    assert deadline.due_at == local("2026-03-04 00:02:20")
    other = another()
    running("D26", on=other)

    def wait(on):
        services.pause(on, "D26", at=local("2026-03-02 12:00"), because="等待客户")
        services.resume(on, "D26", at=local("2026-03-02 13:00"))

    assert len(statements(lambda: wait(item))) == len(statements(lambda: wait(other)))


@pytest.mark.parametrize("days", [[1, 3], [3, 1]])
def test_zammad_SLA_overlap_is_not_picked_by_id(item, local, cast, days):
    """The more exact rule holds; of two that are equally exact and equally new the shorter, whichever was entered first."""
    base = Rule.objects.get(code="D24")
    for amount, when in zip([*days, 9], ({"level": ["vip"]}, {"product": ["washer"]}, {"level": []}), strict=True):
        values = {"name": "x", "clock": "working_day", "owner": "lead", "ladder": base.ladder, "valid_from": base.valid_from}
        Rule.objects.create(code="D24", amount=amount, when=when, **values)
    started = services.start(item, "D24", at=local("2026-03-02 09:00"), facts={"level": "vip", "product": "washer"})
    assert started is not None
    assert started.due_at == local("2026-03-04 00:00")


def test_zammad_nothing_escalates_on_going_on(running, waited, local):
    running("D26")
    waited("2026-03-09 17:00", "2026-03-30 10:00")
    assert sweep.until_done(local("2026-03-30 10:00")) <= 1, "the warning of the last day is due; the limit is not"
    assert 2 not in steps()


def test_libredesk_times_are_those_of_the_event(item, running, local):
    running("D08")
    sweep.until_done(local("2026-03-05 03:17"))
    (settled,) = services.settle(item, "D08", at=local("2026-03-04 08:59"))
    assert (settled.ended_at, settled.late) == (local("2026-03-04 08:59"), False)
    assert [step.at for step in StepTaken.objects.order_by("step")] == [local("2026-03-03 21:00"), local("2026-03-04 09:00")]


def test_libredesk_after_a_restart_only_the_highest_step_tells(running, local):
    running("D08")
    sweep.until_done(local("2026-03-05 10:00"))
    assert (steps(), told()) == ([1, 2, 3], {"manager"})


def test_libredesk_no_warning_for_what_was_done(item, running, local):
    running("D08")
    running("D04", facts={"urgency": "normal"})
    services.settle(item, "D08", at=local("2026-03-03 20:00"))
    sweep.until_done(local("2026-03-03 21:00"))
    assert set(StepTaken.objects.values_list("deadline__code", flat=True)) == {"D04"}
    services.settle(item, "D04", at=local("2026-03-03 02:00"))
    assert set(StepOutcome.objects.values_list("outcome", flat=True)) == {"overtaken"}
    assert not Notice.objects.filter(channel="email").exclude(state="withdrawn").exists()


def test_libredesk_a_second_round_is_measured(item, running, local):
    running("D08")
    services.settle(item, "D08", at=local("2026-03-03 09:00"))
    running("D08", "2026-04-01 09:00", round=2)
    services.settle(item, "D08", at=local("2026-04-08 09:00"))
    rounds = Deadline.objects.order_by("round").values_list("round", "start_at", "ended_at", "late")
    assert list(rounds) == [
        (1, local("2026-03-02 09:00"), local("2026-03-03 09:00"), False), (2, local("2026-04-01 09:00"), local("2026-04-08 09:00"), True),
    ]  # fmt: skip


def test_libredesk_history_outlives_its_rule(item, running, local):
    running("D08")
    services.settle(item, "D08", at=local("2026-03-03 09:00"))
    rule = Rule.objects.get(code="D08")
    with pytest.raises(ProtectedError):
        rule.delete()
    with pytest.raises(ProtectedError):
        rule.ladder.delete()


@pytest.mark.postgres
def test_libredesk_any_number_of_sweeps(running, local):
    """What one has claimed another passes over; see test_sweep.test_E2_two_sweeps_at_once_take_each_step_once for both at work."""
    running("D08")
    (claim, *_rest) = statements(lambda: sweep.sweep(local("2026-03-03 21:00")))
    assert "SKIP LOCKED" in claim


def test_chatwoot_a_step_cannot_stand_twice(running, local):
    running("D08")
    sweep.sweep(local("2026-03-03 21:00"))
    again = StepTaken.objects.get()
    again.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        again.save(force_insert=True)


def test_chatwoot_a_breach_between_two_sweeps_is_recorded(item, running, local):
    running("D10")
    assert services.settle(item, "D10", at=local("2026-03-02 09:15:02"))[0].late is True


def test_chatwoot_only_those_concerned_are_told(running, local):
    running("D08")
    sweep.until_done(local("2026-03-03 21:00"))
    assert told() == {"agent", "colleague"}


def test_chatwoot_a_long_limit_costs_no_more_statements(item, local, cast, another):
    short, long = another(), another()
    at, facts = local("2026-03-02 09:00"), {"urgency": "urgent", "category": "refund-payment"}
    assert len(statements(lambda: services.start(short, "D02", at=at, facts=facts))) == len(statements(lambda: services.start(long, "D26", at=at, facts=facts)))


def test_freescout_a_sweep_that_dies_locks_nobody_out(running, local, monkeypatch):
    """The claim is the lock of an open transaction: it ends with the connection, nothing has to expire."""
    running("D08")
    at = local("2026-03-03 21:00")
    tell = outbox.tell_each
    monkeypatch.setattr(outbox, "tell_each", lambda letters, at: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        sweep.sweep(at)
    monkeypatch.setattr(outbox, "tell_each", tell)
    assert steps() == []
    assert sweep.sweep(at) == 1


def test_osticket_pages_take_no_steps_and_beat_does(running, local, client, agent):
    running("D02", "2025-03-03 09:00")
    client.force_login(agent)
    for address in ("/desk/", "/healthz", "/desk/changes"):
        client.get(address)
    assert steps() == []
    entry = next(entry for entry in app.conf.beat_schedule.values() if entry["task"] == "deadlines.sweep")
    assert entry["schedule"] <= 60


def test_osticket_batches_are_in_order_and_go_on_until_done(running, local, another):
    late = [running("D08", f"2026-03-02 {hour:02}:00", on=another()) for hour in (12, 10, 14, 9, 13)]
    at, order = local("2026-03-04 10:00"), []
    for _n in range(3):
        known = set(StepTaken.objects.values_list("deadline", flat=True))
        sweep.sweep(at, limit=2)
        order.append(sorted(set(StepTaken.objects.values_list("deadline", flat=True)) - known))
    expected = [row.pk for row in sorted(late, key=lambda row: row.start_at)]
    assert [pk for batch in order for pk in batch] == [*sorted(expected[:2]), *sorted(expected[2:4]), expected[4]]
    assert sweep.until_done(at) == 0


def test_osticket_an_act_of_a_ladder_is_done(way, local, freeze):
    one = way()
    ticket = tickets.register(**one.said(type="consultation", assignee_id=None))
    tickets.assign(ticket_id=ticket.pk, by=one.cast.supervisor, assignee_id=one.cast.colleague.pk)
    at = freeze("2026-03-02 16:00")
    sweep.until_done(at)
    assert apply_steps() == 1
    assert Ticket.objects.get(pk=ticket.pk).assignee == one.cast.supervisor


def test_osticket_what_begins_after_closing_counts_from_opening(running, local):
    assert running("D11", "2026-03-02 20:00").due_at == local("2026-03-03 10:00")
    assert running("D12", "2026-03-02 18:00").due_at == local("2026-03-03 11:00")


@pytest.mark.slow
def test_znuny_the_thousand_and_first_is_told_too(running, local, another):
    template = running("D06")
    items = Item.objects.bulk_create([Item(number=f"X{n}", kind="ticket", title="x", changed_at=template.start_at) for n in range(1001)])
    fields = {f.attname: getattr(template, f.attname) for f in Deadline._meta.concrete_fields if f.attname not in ("id", "item_id", "root_id")}
    Deadline.objects.bulk_create([Deadline(item_id=item.pk, root_id=item.pk, **fields) for item in items], batch_size=200)
    assert sweep.until_done(local("2026-03-02 10:00")) == 1002
    assert StepTaken.objects.count() == 1002


def test_znuny_a_step_at_midnight_is_taken_at_midnight(running, local):
    running("D18")
    sweep.until_done(local("2026-03-02 20:15"))
    assert sweep.sweep(local("2026-03-03 00:00:00")) == 1


def test_znuny_nothing_repeats_after_a_year(running, local):
    running("D06")
    assert [sweep.sweep(local(at)) for at in ("2026-03-02 10:00", "2026-03-03 10:00", "2027-03-02 10:00")] == [1, 0, 0]


def test_znuny_a_crash_leaves_step_and_notice_or_neither(running, local, monkeypatch):
    running("D08")
    write = outbox.tell_each

    def crash(letters, at):
        write(letters, at=at)
        raise KeyboardInterrupt

    monkeypatch.setattr(outbox, "tell_each", crash)
    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        sweep.sweep(local("2026-03-03 21:00"))
    assert (steps(), Notice.objects.count()) == ([], 0)


def test_znuny_a_thousand_pauses(local):
    """A minute's work, a minute's pause, a thousand times."""
    hours, start = build("Asia/Shanghai", ALWAYS), local("2026-03-02 09:00")
    due = clocks.due(start, Allowance("business", 1001 * 60), hours)
    for n in range(1000):
        at = start + timedelta(minutes=2 * n + 1)
        due = clocks.resumed(at + timedelta(minutes=1), clocks.left(at, due, "business", hours), "business", hours)
    assert due == start + timedelta(minutes=2001)


def test_frappe_the_sweep_comes_every_few_seconds():
    entry = next(entry for entry in app.conf.beat_schedule.values() if entry["task"] == "deadlines.sweep")
    assert entry["schedule"] == 5


def test_frappe_somebody_is_told(running, local):
    running("D02")
    sweep.sweep(local("2026-03-02 09:30"))
    delivery.deliver(local("2026-03-02 09:30"))
    assert {message.to[0] for message in mail.outbox} == {"agent@desk.example", "colleague@desk.example"}


def test_frappe_saving_a_ticket_moves_no_limit(item, running, local):
    deadline = running("D08")
    item.refresh_from_db()
    item.title = "外壳破损,已拍照"
    item.save()
    deadline.save()
    before = deadline.due_at, deadline.next_step_at
    deadline.refresh_from_db()
    assert (deadline.due_at, deadline.next_step_at) == before


def test_loonflow_no_countdown_sits_in_the_broker():
    code = [path for path in ROOT.glob("*/**/*.py") if not {"tests", ".venv", "migrations"} & set(path.parts)]
    assert len(code) > 100
    assert not [str(path) for path in code if re.search(r"\b(countdown|eta)=", path.read_text())]


def test_loonflow_a_flushed_broker_loses_no_timer(running, local, monkeypatch):
    """Nothing of a limit was ever in the broker; with real processes and a broker that is flushed: tests/test_faults_live.py."""
    monkeypatch.setattr(app, "connection_for_write", lambda *args, **kwargs: (_ for _ in ()).throw(OSError("no broker")))
    running("D08")
    assert sweep.sweep(local("2026-03-03 21:00")) == 1


def test_loonflow_of_two_who_settle_one_does(item, running, local, agent, colleague):
    running("D08")
    assert len(services.settle(item, "D08", at=local("2026-03-03 09:00"), by=agent)) == 1
    assert services.settle(item, "D08", at=local("2026-03-03 09:00"), by=colleague) == []
    assert Deadline.objects.get().ended_by == agent


def test_glpi_an_act_that_fails_is_tried_again(way, local, freeze, monkeypatch):
    one = way()
    ticket = tickets.register(**one.said(type="consultation", assignee_id=None))
    tickets.assign(ticket_id=ticket.pk, by=one.cast.supervisor, assignee_id=one.cast.colleague.pk)
    sweep.until_done(freeze("2026-03-02 16:00"))
    apply = tickets.apply_step
    monkeypatch.setattr(tickets, "apply_step", lambda **words: (_ for _ in ()).throw(OSError("died")))
    assert apply_steps() == 0
    monkeypatch.setattr(tickets, "apply_step", apply)
    freeze("2026-03-02 18:00")
    assert [apply_steps(), apply_steps()] == [1, 0]


def test_glpi_settled_limits_are_not_read_again(item, running, local):
    running("D08")
    services.settle(item, "D08", at=local("2026-03-02 10:00"))
    assert Deadline.objects.get().next_step_at is None
    assert len(statements(lambda: sweep.sweep(local("2027-03-02 10:00")))) == 1


def test_glpi_one_sweep_catches_up_everything(running, local):
    running("D08")
    assert sweep.sweep(local("2026-06-02 10:00")) == 1
    assert steps() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(("ends", "goes_on"), [("D03", "D08"), ("D08", "D03")])
def test_glpi_each_limit_ends_for_itself(item, running, local, ends, goes_on):
    running("D03"), running("D08")
    services.settle(item, ends, at=local("2026-03-02 10:00"))
    sweep.until_done(local("2026-03-20 10:00"))
    assert list(StepTaken.objects.values_list("deadline__code", flat=True).distinct()) == [goes_on]


def test_bk_itsm_990_the_breach_itself_is_told(running, local):
    running("D08")
    told_at = []
    for at in ("2026-03-03 21:00", "2026-03-04 09:00"):
        sweep.until_done(local(at))
        told_at.append(Notice.objects.filter(channel="email").count())
    assert [after > before for before, after in pairwise([0, *told_at])] == [True, True]


def test_bk_itsm_1011_late_and_in_time_can_be_counted(item, running, local, another):
    running("D08"), running("D08", on=(other := another()))
    services.settle(item, "D08", at=local("2026-03-04 09:00"))
    services.settle(other, "D08", at=local("2026-03-04 09:01"))
    assert list(Deadline.objects.filter(code="D08").order_by("ended_at").values_list("late", flat=True)) == [False, True]
