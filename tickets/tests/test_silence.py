"""The customer is asked to confirm and says nothing (T8, D43): reminders, seven days, three attempts; never a complaint."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from feedback_desk import clock
from feedback_desk.deadlines import versions
from feedback_desk.deadlines.chips import chip_of
from feedback_desk.deadlines.explain import explain
from feedback_desk.deadlines.models import Calendar, CalendarDay, Deadline, Ladder, Rule, StepFailure, StepOutcome
from feedback_desk.deadlines.sweep import until_done
from feedback_desk.deadlines.tests.changes import applied
from feedback_desk.notices.models import Notice
from feedback_desk.people.access import NotNow
from feedback_desk.records.models import Entry
from reports import periods, queries
from tests.ways import comes_next
from tickets import guards, services
from tickets.models import Ticket
from tickets.tasks import apply_steps

OFFERED = "2026-03-02 10:00"
"""A Monday."""


@pytest.fixture
def offered(way, cast, freeze):
    one = way()
    ticket = services.register(**one.said(type="consultation"))
    freeze(OFFERED)
    services.offer_result(ticket_id=ticket.pk, by=cast.agent, result="已退款，三日内到账。", agreement="陈女士，电话，当天")
    return ticket


def now(ticket):
    return Ticket.objects.get(pk=ticket.pk)


def silence(ticket):
    return Deadline.objects.filter(item=ticket.item, code="D43").latest("pk")


def complete(ticket, cast):
    services.no_answer(ticket_id=ticket.pk, by=cast.supervisor, reason="多次联系未果")


def refused(ticket, cast, word):
    with pytest.raises(NotNow) as missing:
        complete(ticket, cast)
    assert word in missing.value.because


def in_vain(ticket, cast):
    services.record_contact(ticket_id=ticket.pk, by=cast.agent, way="call_out", said="无人接听", reached=False, **comes_next("再次拨打"))


def spoken_with(ticket, cast):
    words: dict[str, Any] = {"said": "问是否已解决。", "customer_says": "还没看，明天回复"}
    services.record_contact(ticket_id=ticket.pk, by=cast.agent, way="call_out", **words, **comes_next("明天再问"))


def test_T8_only_seven_days_after_the_result(offered, cast, freeze):
    refused(offered, cast, "3月9日 10:00")
    freeze("2026-03-09 09:59")
    refused(offered, cast, "10:00")
    freeze("2026-03-09 10:00")
    complete(offered, cast)
    ended = now(offered)
    assert (ended.state, ended.outcome, silence(offered).state, silence(offered).late) == ("completed", "no_answer", "void", None)


def test_T8_sooner_after_three_attempts_in_vain_each_on_its_own_day(offered, cast, freeze):
    for day in ("02", "03", "03"):
        freeze(f"2026-03-{day} 15:00")
        in_vain(offered, cast)
    refused(offered, cast, "三个不同日期")
    freeze("2026-03-04 15:00")
    in_vain(offered, cast)
    complete(offered, cast)
    assert now(offered).state == "completed"


def test_T8_the_silence_counts_from_when_the_customer_was_last_reached(offered, cast, freeze):
    for day in ("03", "04"):
        freeze(f"2026-03-{day} 15:00")
        in_vain(offered, cast)
    freeze("2026-03-05 15:00")
    spoken_with(offered, cast)
    freeze("2026-03-06 15:00")
    in_vain(offered, cast)
    refused(offered, cast, "3月12日 15:00")
    freeze("2026-03-12 15:00")
    complete(offered, cast)


@pytest.fixture
def without_limit(offered):
    """As a ticket is that waited for its confirmation before there was a D43, or while the rule is switched off."""
    Rule.objects.filter(code="D43").update(active=False)
    Deadline.objects.filter(item=offered.item, code="D43").update(state="void", ended_at=clock.now(), why="superseded", next_step=None, next_step_at=None)
    return offered


def test_T8_the_silence_counts_from_when_the_customer_was_last_reached_also_where_no_limit_runs(without_limit, cast, freeze):
    freeze("2026-03-05 15:00")
    spoken_with(without_limit, cast)
    freeze("2026-03-09 10:00")
    refused(without_limit, cast, "3月12日 15:00")
    freeze("2026-03-12 15:00")
    complete(without_limit, cast)


def test_D43_reminds_the_handler_after_one_and_three_working_days_and_the_supervisor_at_the_end(offered, cast, freeze, local):
    times = [f"2026-03-{day} 00:00" for day in ("04", "06", "10")]
    for at in times:
        until_done(freeze(at))
    steps = silence(offered).steps.order_by("at")
    assert [step.at for step in steps] == [local(at) for at in times]
    told = [set(Notice.objects.filter(cause=f"step:{step.pk}", channel="page").values_list("receiver__username", flat=True)) for step in steps]
    assert [("agent" in who, "supervisor" in who) for who in told] == [(True, False), (True, False), (False, True)]


def test_D43_ends_with_the_answer_and_is_neither_in_time_nor_late(offered, cast, freeze):
    freeze("2026-03-12 09:00")
    services.confirm_result(ticket_id=offered.pk, by=cast.agent, words="已收到退款")
    assert (silence(offered).state, silence(offered).late) == ("void", None)


@pytest.fixture
def unanswered(offered, freeze):
    """Its end is behind, and the supervisor has not acted yet."""
    until_done(freeze("2026-03-12 09:00"))
    return offered


def test_D43_that_ends_without_an_answer_is_no_missed_limit_of_the_house(unanswered):
    span = queries.Span.of(periods.containing("weekly", date(2026, 3, 10)), clock.now())
    assert "D43" not in set(queries.due(span).values_list("code", flat=True))
    assert not queries.late_at_end(span).exists()


def test_D43_that_ends_without_an_answer_makes_no_ticket_late(unanswered, cast):
    item = now(unanswered).item
    assert (item.next_limit_at, item.next_limit_code, item.next_paused) == (None, "D26", True)
    chip = chip_of(silence(unanswered), clock.now())
    assert chip
    assert chip.kind == "paused"
    assert not explain(silence(unanswered), clock.now()).late


def test_T9_nobody_is_asked_for_a_reason_because_the_customer_is_silent(unanswered, cast):
    rows = list(Deadline.objects.filter(item=unanswered.item, code="D43"))
    assert rows[0].owner == cast.agent
    assert not guards.missed_by(cast.agent, rows, clock.now())


def test_D43_begins_anew_with_the_next_result(offered, cast, freeze, local):
    freeze("2026-03-03 10:00")
    services.not_solved(ticket_id=offered.pk, by=cast.agent, reason="金额不对")
    assert silence(offered).state == "void"
    services.offer_result(ticket_id=offered.pk, by=cast.agent, result="已补退差额。", agreement="陈女士，电话")
    assert (silence(offered).state, silence(offered).start_at) == ("running", local("2026-03-03 10:00"))


def test_D43_a_week_with_a_working_saturday_leaves_seven_days_all_the_same(way, cast, freeze, local):
    freeze("2026-02-23 10:00")
    ticket = services.register(**way().said(type="consultation", received_at=local("2026-02-23 10:00")))
    freeze("2026-02-23 10:00")
    services.offer_result(ticket_id=ticket.pk, by=cast.agent, result="已退款。", agreement="陈女士，电话")
    assert silence(ticket).due_at >= local("2026-03-02 10:00")


def test_T8_the_machine_leaves_it_to_the_supervisor_unless_its_ladder_says_otherwise(offered, freeze):
    until_done(freeze("2026-03-10 00:00"))
    assert apply_steps() == 0
    assert now(offered).state == "confirming"


def told(ticket):
    return explain(silence(ticket), clock.now()).sentence


def test_E4_the_limit_says_what_it_counts_from_and_its_seven_days(offered, cast, freeze):
    assert "提交处理结果起，5 个工作日（至少 7 天）" in told(offered)
    freeze("2026-03-05 15:00")
    spoken_with(offered, cast)
    assert "最近一次联系上客户起，5 个工作日（至少 7 天）" in told(offered)
    until_done(freeze("2026-03-07 00:00"))
    notice = Notice.objects.filter(item=offered.item, template="deadline_step", channel="page").latest("pk")
    assert notice.data["part"] == "reached"


def test_E4_in_a_later_round_it_still_counts_from_the_result(offered, cast, freeze):
    services.confirm_result(ticket_id=offered.pk, by=cast.agent, words="已收到退款")
    services.reopen(ticket_id=offered.pk, by=cast.supervisor, reason="客户又来电")
    services.offer_result(ticket_id=offered.pk, by=cast.agent, result="已补退差额。", agreement="陈女士，电话")
    assert "提交处理结果起" in told(offered)


@pytest.fixture
def by_itself(cast):
    Rule.objects.filter(code="D43").update(ladder=Ladder.objects.get(name="客户未答复(自动结案)"))


def test_T8_the_machine_completes_it_where_the_ladder_says_so(by_itself, offered, freeze):
    until_done(freeze("2026-03-09 23:59"))
    apply_steps()
    assert now(offered).state == "confirming"
    until_done(freeze("2026-03-10 00:00"))
    assert apply_steps() == 1
    ended = now(offered)
    assert (ended.state, ended.outcome) == ("completed", "no_answer")
    assert Entry.objects.get(item=offered.item, verb="no_answer").actor == "system"


@pytest.fixture
def three_days(cast, freeze):
    """The rule becomes shorter, and that is ordered for what runs."""

    def order(days=3):
        rule = Rule.objects.get(code="D43", valid_until=None)
        rule.amount = days
        return applied(versions.replace(rule, at=clock.now()), cast.administrator)

    return order


def test_T8_a_shorter_rule_ordered_for_running_limits_leaves_seven_days_all_the_same(by_itself, offered, three_days, freeze, local):
    freeze("2026-03-03 10:00")
    three_days()
    assert (silence(offered).due_at, silence(offered).rule.version) == (local("2026-03-09 10:00"), 2)
    until_done(freeze("2026-03-09 10:00"))
    assert apply_steps() == 1
    assert now(offered).state == "completed"


def test_T8_another_rule_that_fits_now_leaves_seven_days_all_the_same(offered, cast, freeze, local):
    short = Rule.objects.get(code="D43")
    short.pk, short.amount, short.when, short.replaces = None, 1, {"urgency": ["urgent"]}, None
    short.save(force_insert=True)
    freeze("2026-03-03 10:00")
    services.correct(ticket_id=offered.pk, by=cast.agent, changes={"urgency": "urgent"}, reason="客户急用")
    assert (silence(offered).rule, silence(offered).due_at) == (short, local("2026-03-09 10:00"))


def test_T8_a_calendar_that_changes_leaves_seven_days_all_the_same(offered, cast, freeze, local):
    calendar = Calendar.objects.get(is_default=True)
    for day in (7, 8):
        CalendarDay.objects.update_or_create(calendar=calendar, day=date(2026, 3, day), defaults={"working": True})
    freeze("2026-03-03 10:00")
    applied(calendar, cast.administrator)
    assert silence(offered).due_at == local("2026-03-09 10:00")


def test_E5_held_at_seven_days_it_still_follows_a_longer_rule(offered, three_days, cast, freeze, local):
    freeze("2026-03-03 10:00")
    three_days()
    spoken_with(offered, cast)
    assert silence(offered).due_at == local("2026-03-10 10:00")
    three_days(10)
    assert silence(offered).due_at == local("2026-03-18 00:00")


def told_after(ticket, verb):
    entry = Entry.objects.get(item=ticket.item, verb=verb)
    return set(Notice.objects.filter(cause=f"entry:{entry.pk}", channel="page").values_list("receiver__username", flat=True))


def test_T8_whoever_handled_it_is_told_when_a_supervisor_completes_it_without_an_answer(offered, cast, freeze):
    freeze("2026-03-09 10:00")
    complete(offered, cast)
    assert told_after(offered, "no_answer") == {"agent"}
    assert Notice.objects.get(template="generic", channel="page").data["said"] == {"name": str(cast.supervisor), "reason": "多次联系未果"}


def test_T8_whoever_handled_it_is_told_when_the_desk_completes_it_without_an_answer(by_itself, offered, freeze):
    until_done(freeze("2026-03-10 00:00"))
    apply_steps()
    assert told_after(offered, "no_answer") == {"agent"}


def test_T8_a_step_that_comes_before_the_seven_days_are_over_completes_nothing(by_itself, offered, freeze):
    row = silence(offered)
    row.allowance["steps"] = [[1, 50, None, "supervisor", "no_answer"]]
    row.next_step, row.next_step_at = 1, freeze("2026-03-05 10:00")
    row.save(update_fields=["allowance", "next_step", "next_step_at"])
    until_done(freeze("2026-03-05 10:00"))
    assert apply_steps() == 0
    assert (now(offered).state, StepFailure.objects.count(), StepOutcome.objects.get().outcome) == ("confirming", 0, "nothing")


def test_T8_what_was_answered_meanwhile_the_machine_leaves_alone(by_itself, offered, cast, freeze):
    until_done(freeze("2026-03-10 00:00"))
    services.not_solved(ticket_id=offered.pk, by=cast.agent, reason="金额不对")
    assert apply_steps() == 0
    assert now(offered).state == "processing"


def test_T8_never_a_complaint(way, cast, freeze):
    one = way().graded().spoken().prepared()
    services.offer_result(ticket_id=one.ticket_id, by=cast.agent, result="换新。", agreement="陈女士，电话")
    assert not Deadline.objects.filter(root=one.ticket.item, code="D43").exists()
    freeze("2026-04-20 09:00")
    refused(one.ticket, cast, "非正常关闭")


def test_T1_a_ticket_that_becomes_a_complaint_waits_for_no_silence(offered, cast):
    services.correct(ticket_id=offered.pk, by=cast.agent, changes={"type": "complaint"}, reason="客户要求按投诉处理")
    assert (silence(offered).state, clock.now() >= silence(offered).start_at) == ("void", True)
