"""Somebody was faster while the state stayed the same: told who and when (NotNow), never taken for a violation (NotYou)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from conftest import make_person
from feedback_desk import clock
from feedback_desk.deadlines.models import Deadline
from feedback_desk.deadlines.sweep import until_done
from feedback_desk.people.access import Changed, NotNow, NotYou
from feedback_desk.people.models import Absence, Role
from tickets import services
from tickets.models import Category, Ticket
from tickets.tasks import apply_steps


@pytest.fixture
def shao(cast):
    return make_person("shao", "主管邵", Role.SUPERVISOR, department=cast.service)


@pytest.fixture
def ticket(cast, customer, freeze):
    """In the queue since nine."""
    freeze("2026-03-02 09:00")
    found = services.register(
        by=cast.supervisor, customer_id=customer.pk, summary="咨询退款进度", type="consultation", category_id=Category.objects.get(slug="refund").pk,
        channel="phone", received_at=clock.now(), what_happened="询问退款何时到账。",
    )  # fmt: skip
    freeze("2026-03-02 09:05")
    return found


def given(ticket, by, to, **more):
    return services.assign(ticket_id=ticket.pk, by=by, assignee_id=to.pk, **more)


def too_late(act, *words, **told):
    with pytest.raises(NotNow) as late:
        act(**told)
    assert [word for word in words if word not in late.value.because] == [], late.value.because
    return late.value


def test_T7_handed_up_meanwhile_the_assignee_is_told_by_whom_and_when(cast, ticket, freeze):
    given(ticket, cast.supervisor, cast.agent)
    until_done(freeze("2026-03-02 11:10"))
    apply_steps()
    late = too_late(services.confirm, "系统", "主管秦", "11:10", ticket_id=ticket.pk, by=cast.agent)
    assert late.moved_at == clock.now()
    too_late(services.decline, "主管秦", ticket_id=ticket.pk, by=cast.agent, reason="不熟悉")


def test_T6_assigned_to_somebody_else_meanwhile(cast, ticket, freeze, shao):
    given(ticket, cast.supervisor, cast.agent)
    freeze("2026-03-02 09:10")
    given(ticket, shao, cast.second)
    late = too_late(services.confirm, "主管邵", "二线吴", "09:10", ticket_id=ticket.pk, by=cast.agent)
    assert late.moved_by == "主管邵"


def test_T6_given_away_from_the_queue_whoever_wanted_to_take_it_is_told(cast, ticket):
    given(ticket, cast.supervisor, cast.colleague)
    too_late(services.take, "主管秦", "客服周", "09:05", ticket_id=ticket.pk, by=cast.agent)


def test_T6_taken_from_the_queue_and_passed_on_says_who_took_it(cast, ticket):
    services.take(ticket_id=ticket.pk, by=cast.colleague)
    services.reassign(ticket_id=ticket.pk, by=cast.supervisor, assignee_id=cast.second.pk, reason="专长")
    with pytest.raises(NotNow, match="客服周.*接手") as late:
        services.take(ticket_id=ticket.pk, by=cast.agent)
    assert "队列" not in late.value.because


def test_T6_what_never_lay_in_the_queue_is_nobodys_to_take(cast, customer, ticket):
    at_once = services.register(
        by=cast.supervisor, customer_id=customer.pk, summary="咨询退款进度", type="consultation", category_id=ticket.category_id, channel="phone",
        received_at=clock.now(), what_happened="询问退款何时到账。", assignee_id=cast.colleague.pk,
    )  # fmt: skip
    with pytest.raises(NotYou):
        services.take(ticket_id=at_once.pk, by=cast.agent)


def test_T13_declined_twice_is_no_violation(cast, ticket):
    given(ticket, cast.supervisor, cast.agent)
    services.decline(ticket_id=ticket.pk, by=cast.agent, reason="不熟悉")
    too_late(services.decline, "客服林", "退回", "09:05", ticket_id=ticket.pk, by=cast.agent, reason="不熟悉")


def test_T15_reassigned_meanwhile_also_after_the_new_one_confirmed(cast, ticket, freeze):
    services.take(ticket_id=ticket.pk, by=cast.agent)
    freeze("2026-03-02 09:20")
    services.reassign(ticket_id=ticket.pk, by=cast.supervisor, assignee_id=cast.second.pk, reason="客户要求换人")
    too_late(services.withdraw, "主管秦", "二线吴", "09:20", ticket_id=ticket.pk, by=cast.agent, reason="不要了")
    services.confirm(ticket_id=ticket.pk, by=cast.second)
    asked = {"question": "何时在家？", "until": clock.now() + timedelta(days=1)}
    too_late(services.ask_customer, "主管秦", "二线吴", "09:20", ticket_id=ticket.pk, by=cast.agent, **asked)


def test_V2_the_stand_in_of_whoever_had_it_is_told_too(cast, ticket):
    given(ticket, cast.supervisor, cast.agent)
    given(ticket, cast.supervisor, cast.second)
    with pytest.raises(NotYou):
        services.confirm(ticket_id=ticket.pk, by=cast.colleague)
    Absence.objects.create(user=cast.agent, starts_at=clock.now() - timedelta(hours=1), ends_at=clock.now() + timedelta(days=1), reason="休假")
    too_late(services.confirm, "主管秦", "二线吴", ticket_id=ticket.pk, by=cast.colleague)


def test_who_never_had_it_is_refused_as_before(cast, ticket):
    given(ticket, cast.supervisor, cast.agent)
    given(ticket, cast.supervisor, cast.second)
    for act, more in ((services.confirm, {}), (services.decline, {"reason": "不熟悉"}), (services.withdraw, {"reason": "不要了"})):
        with pytest.raises(NotYou):
            act(ticket_id=ticket.pk, by=cast.colleague, **more)


def test_G1_on_the_form_the_former_handler_is_told_as_well(cast, way, freeze):
    one = way().graded()
    freeze("2026-03-02 09:30")
    services.reassign(ticket_id=one.ticket_id, by=cast.supervisor, assignee_id=cast.second.pk, reason="客户要求换人")
    from complaints import services as forms

    too_late(forms.change_grade, "主管秦", "二线吴", "09:30", form_id=one.form_id, by=cast.agent, grade="I", reason="客户情况特殊")
    too_late(forms.write_first_plan, "主管秦", "二线吴", "09:30", form_id=one.form_id, by=cast.agent, text="换新")
    with pytest.raises(NotYou):
        forms.write_first_plan(form_id=one.form_id, by=cast.colleague, text="换新")


# ---- two supervisors at once ----


@pytest.mark.parametrize("act", ["assign", "hand_up"])
def test_T6_the_second_supervisor_is_told_to_whom_the_first_gave_it(cast, ticket, freeze, shao, act):
    seen = ticket.version
    freeze("2026-03-02 09:10")
    given(ticket, cast.supervisor, cast.agent, seen_version=seen)
    services.record_note(ticket_id=ticket.pk, by=cast.colleague, text="客户又来电")
    more = {"assignee_id": cast.second.pk} if act == "assign" else {}
    with pytest.raises(Changed) as late:
        getattr(services, act)(ticket_id=ticket.pk, by=shao, seen_version=seen, **more)
    assert [word for word in ("主管秦", "客服林", "09:10") if word not in late.value.because] == []
    assert Ticket.objects.get(pk=ticket.pk).assignee == cast.agent


# ---- more time ----


@pytest.fixture
def asked(cast, ticket, freeze, local):
    services.take(ticket_id=ticket.pk, by=cast.agent)
    limit = Deadline.objects.get(item=ticket.item, code="D26")
    found = services.ask_extension(ticket_id=ticket.pk, by=cast.agent, deadline_id=limit.pk, until=limit.due_at + timedelta(days=2), reason="等工厂回复")
    freeze("2026-03-02 09:20")
    return found


@pytest.mark.parametrize(("first", "word"), [("grant", "同意"), ("refuse", "驳回")])
@pytest.mark.parametrize("second", ["grant", "refuse"])
def test_T9_a_request_that_was_answered_says_by_whom_and_when(cast, ticket, freeze, shao, asked, first, second, word):
    why = {"grant": {}, "refuse": {"reason": "已经够长"}}
    getattr(services, f"{first}_extension")(ticket_id=ticket.pk, by=cast.supervisor, extension_id=asked.pk, **why[first])
    freeze("2026-03-02 09:30")
    late = too_late(
        getattr(services, f"{second}_extension"), "主管秦", "09:20", word, ticket_id=ticket.pk, by=shao, extension_id=asked.pk, **why[second]
    )  # fmt: skip
    assert late.moved_by == "主管秦"
    with pytest.raises(NotYou):
        getattr(services, f"{second}_extension")(ticket_id=ticket.pk, by=cast.colleague, extension_id=asked.pk, **why[second])


def test_T9_a_request_that_fell_with_its_limit_says_when(cast, ticket, shao, asked):
    services.withdraw(ticket_id=ticket.pk, by=cast.agent, reason="不要了")
    too_late(services.grant_extension, "09:20", ticket_id=ticket.pk, by=shao, extension_id=asked.pk)


def test_T9_asked_for_already_says_by_whom_and_when(cast, ticket, asked):
    told = {"ticket_id": ticket.pk, "by": cast.agent, "deadline_id": asked.deadline_id, "until": asked.wanted, "reason": "等工厂回复"}
    too_late(services.ask_extension, "客服林", "09:05", **told)
