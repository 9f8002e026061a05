"""More time for a limit: asked for, granted or refused by somebody else, fallen with its limit (T9, E3, C12, V3, V8)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from conftest import make_person
from feedback_desk.deadlines import extensions, sweep
from feedback_desk.deadlines import services as deadlines
from feedback_desk.deadlines.explain import explain
from feedback_desk.deadlines.models import Deadline, Extension, Rule
from feedback_desk.notices.models import Notice
from feedback_desk.people.access import NotNow, NotYou
from feedback_desk.people.models import Absence, Role
from feedback_desk.people.services import name_concerned
from feedback_desk.records.models import Entry
from tests.ways import comes_next
from tickets import services
from tickets.models import Category

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(cast, customer, freeze):
    """A problem of Monday 2 March, 09:00; five working days, until Monday the 9th, 24:00."""
    at = freeze("2026-03-02 09:00")
    return services.register(
        by=cast.agent, customer_id=customer.pk, summary="退款未到账", type="problem", category_id=Category.objects.get(slug="refund").pk,
        channel="phone", received_at=at, what_happened="取消订单后一周未退款", assignee_id=cast.agent.pk,
    )  # fmt: skip


@pytest.fixture
def limit(ticket):
    return Deadline.objects.get(item=ticket.item, code="D26")


@pytest.fixture
def ask(ticket, limit, cast, local):
    def send(until="2026-03-20 18:00", by=None, deadline=None, **more):
        values = {"ticket_id": ticket.pk, "by": by or cast.agent, "deadline_id": (deadline or limit).pk, "until": local(until), "reason": "等银行回单", **more}
        return services.ask_extension(**values)

    return send


def grant(ticket, extension, by, **more):
    return services.grant_extension(ticket_id=ticket.pk, by=by, extension_id=extension.pk, **more)


def fresh(row):
    row.refresh_from_db()
    return row


def told(template):
    return set(Notice.objects.filter(template=template, channel="page").values_list("receiver__username", flat=True))


def test_T9_asked_for_by_the_handler_and_granted_by_the_supervisor(ticket, limit, ask, cast, local, freeze):
    extension = ask()
    assert (extension.state, fresh(limit).asking_id, limit.due_at) == ("asked", extension.pk, local("2026-03-10 00:00"))
    assert told("approval_wanted") == {"supervisor"}
    freeze("2026-03-03 10:00")
    grant(ticket, extension, cast.supervisor, words="同意，请先告知客户")
    fresh(extension), fresh(limit)
    granted = local("2026-03-20 18:00")
    assert (extension.state, extension.decided_by, extension.words, extension.until) == ("granted", cast.supervisor, "同意，请先告知客户", granted)
    assert (limit.due_at, limit.extended_to, limit.asking_id) == (granted, granted, None)
    assert explain(limit, local("2026-03-03 10:00")).due_at == granted
    assert told("generic") == {"agent"}
    ticket.item.refresh_from_db()
    assert [e.verb for e in Entry.objects.filter(item=ticket.item, verb__contains="extension").order_by("pk")] == ["ask_extension", "grant_extension"]


def test_T9_refused_with_words_the_limit_runs_on(ticket, limit, ask, cast, local):
    extension = ask()
    with pytest.raises(ValidationError):
        services.refuse_extension(ticket_id=ticket.pk, by=cast.supervisor, extension_id=extension.pk, reason=" ")
    services.refuse_extension(ticket_id=ticket.pk, by=cast.supervisor, extension_id=extension.pk, reason="回单今天可取")
    assert (fresh(extension).state, extension.words, fresh(limit).due_at) == ("refused", "回单今天可取", local("2026-03-10 00:00"))
    assert told("generic") == {"agent"}
    assert ask().state == "asked", "after an answer one may ask again"


def test_T9_another_date_may_be_granted_but_none_before_the_limit(ticket, limit, ask, cast, local):
    extension = ask()
    with pytest.raises(ValidationError):
        grant(ticket, extension, cast.supervisor, until=local("2026-03-09 12:00"))
    grant(ticket, extension, cast.supervisor, until=local("2026-03-12 18:00"))
    assert fresh(limit).due_at == local("2026-03-12 18:00")


def test_T9_several_extensions_one_after_another(ticket, limit, ask, cast, local, freeze):
    grant(ticket, ask("2026-03-12 18:00"), cast.supervisor)
    freeze("2026-03-11 10:00")
    grant(ticket, ask("2026-03-20 18:00"), cast.manager)
    assert fresh(limit).due_at == local("2026-03-20 18:00")
    assert list(limit.extensions.order_by("pk").values_list("state", flat=True)) == ["granted", "granted"]


def test_T9_one_request_at_a_time(ask, limit):
    ask()
    with pytest.raises(NotNow):
        ask("2026-03-21 18:00")
    with pytest.raises(IntegrityError), transaction.atomic():
        Extension.objects.create(deadline=limit, asked_at=limit.start_at, wanted=limit.due_at, reason="两次")


@pytest.mark.parametrize("until", ["2026-03-09 18:00", "2026-03-02 08:00"])
def test_T9_the_new_date_lies_after_the_limit(ask, until):
    with pytest.raises(ValidationError) as error:
        ask(until)
    assert list(error.value.message_dict) == ["until"]


def test_T9_what_has_passed_asks_for_its_reason_and_not_for_more_time(ask, freeze):
    freeze("2026-03-10 00:00:01")
    with pytest.raises(NotNow):
        ask()


def test_T9_asked_in_time_it_may_be_granted_after_the_limit_and_was_never_late(ticket, limit, ask, cast, local, freeze):
    extension = ask()
    sweep.until_done(local("2026-03-10 08:00"))
    freeze("2026-03-10 09:00")
    grant(ticket, extension, cast.supervisor)
    freeze("2026-03-19 09:00")
    services.confirm(ticket_id=ticket.pk, by=cast.agent) if ticket.state == "pending" else None
    (settled,) = deadlines.settle(ticket.item, "D26", at=local("2026-03-19 09:00"))
    assert settled.late is False


def test_T9_the_request_falls_when_its_limit_ends(ticket, limit, ask, cast):
    extension = ask()
    services.withdraw(ticket_id=ticket.pk, by=cast.agent, reason="客户不再追究")
    assert (fresh(extension).state, fresh(limit).state, limit.asking_id) == ("fallen", "void", None)
    assert Entry.objects.filter(verb="extension_fell", item=ticket.item).count() == 1
    with pytest.raises(NotNow):
        grant(ticket, extension, cast.supervisor)


@pytest.mark.parametrize("code", ["D14", "D15", "D16", "D17", "D18"])
def test_E3_the_ways_own_limits_are_never_extended_whatever_their_rule_says(ticket, limit, ask, cast, code):
    Rule.objects.filter(code=code).update(may_extend=True)
    row = deadlines.start(ticket.item, code, at=limit.start_at, facts={})
    with pytest.raises(NotNow):
        ask(deadline=row)


def test_E3_only_what_its_rule_lets_be_extended(ticket, ask):
    with pytest.raises(NotNow):
        ask(deadline=Deadline.objects.get(item=ticket.item, code="D08"))


@pytest.mark.parametrize("code", ["D23", "D27", "D34"])
def test_E3_limits_of_the_matter_beside_the_tickets_own(ticket, ask, cast, limit, local, code):
    row = deadlines.start(ticket.item, code, at=limit.start_at, facts={})
    said: dict[str, Any] = {"way": "call_out", "said": "说明化验还要几天", "customer_says": "可以，请尽快", "purpose": "follow_up"}
    services.record_contact(ticket_id=ticket.pk, by=cast.agent, **said, **comes_next())
    grant(ticket, ask(deadline=row), cast.supervisor)
    assert fresh(row).due_at == local("2026-03-20 18:00")


def test_C12_the_customer_is_spoken_with_before_the_final_reply_is_put_off(ticket, ask, cast, limit):
    row = deadlines.start(ticket.item, "D27", at=limit.start_at, facts={})
    with pytest.raises(ValidationError):
        ask(deadline=row)
    services.record_contact(ticket_id=ticket.pk, by=cast.agent, way="call_out", said="没有接通，稍后再打", reached=False, **comes_next())
    with pytest.raises(ValidationError):
        ask(deadline=row)
    said: dict[str, Any] = {"way": "call_out", "said": "说明化验还要几天", "customer_says": "可以，请尽快", "purpose": "follow_up"}
    services.record_contact(ticket_id=ticket.pk, by=cast.agent, **said, **comes_next())
    assert ask(deadline=row).state == "asked"


def test_a_limit_of_another_matter_is_none_of_this_one(ticket, ask, cast, customer):
    other = services.register(
        by=cast.agent, customer_id=customer.pk, summary="另一件事", type="problem", category_id=ticket.category_id, channel="phone",
        received_at=ticket.received_at, what_happened="另一件", assignee_id=cast.agent.pk,
    )  # fmt: skip
    with pytest.raises(ValidationError):
        ask(deadline=Deadline.objects.get(item=other.item, code="D26"))


# ---- with pauses (E3) ----


def offered(ticket, cast):
    return services.offer_result(ticket_id=ticket.pk, by=cast.agent, result="今天退款", agreement="电话中同意")


def test_E3_extended_after_a_pause_keeps_what_the_pause_gave(ticket, limit, ask, cast, local, freeze):
    freeze("2026-03-03 10:00")
    services.ask_customer(ticket_id=ticket.pk, by=cast.agent, question="请发卡号后四位", until=local("2026-03-05 10:00"))
    freeze("2026-03-05 10:00")
    services.customer_answered(ticket_id=ticket.pk, by=cast.agent, words="已发")
    assert fresh(limit).due_at == local("2026-03-12 00:00"), "two working days stood still"
    with pytest.raises(ValidationError):
        ask("2026-03-11 18:00")
    grant(ticket, ask("2026-03-16 18:00"), cast.supervisor)
    assert fresh(limit).due_at == local("2026-03-16 18:00")
    assert limit.pauses.count() == 1


def test_E3_extended_while_it_stands_still_more_is_left_and_runs_on_after_the_pause(ticket, limit, ask, cast, local, freeze):
    freeze("2026-03-03 10:00")
    services.ask_customer(ticket_id=ticket.pk, by=cast.agent, question="请发卡号后四位", until=local("2026-03-05 10:00"))
    left = fresh(limit).left_seconds
    extension = ask("2026-03-13 00:00")
    freeze("2026-03-20 10:00")
    grant(ticket, extension, cast.supervisor)
    assert (fresh(limit).state, limit.left_seconds - left) == ("paused", 3 * 86400), "asked before it stood still; three working days more"
    services.customer_answered(ticket_id=ticket.pk, by=cast.agent, words="已发")
    assert (fresh(limit).state, limit.due_at) == ("running", local("2026-04-01 00:00")), "seven working days after the 20th"


def test_E1_the_ladder_is_aimed_at_the_new_limit_and_warns_of_it_anew(ticket, limit, ask, cast, local, freeze):
    extension = ask("2026-03-20 18:00")
    warned = limit.next_step_at
    sweep.until_done(warned)
    freeze(warned)
    grant(ticket, extension, cast.supervisor)
    assert (fresh(limit).next_step, limit.next_step_at) == (2, limit.warn_at)
    assert warned < limit.warn_at < local("2026-03-20 18:00")
    sweep.until_done(limit.warn_at - timedelta(seconds=1))
    assert list(limit.steps.values_list("step", flat=True)) == [1]
    sweep.until_done(local("2026-03-20 17:59"))
    assert list(limit.steps.order_by("step").values_list("step", "receiver")) == [(1, "owner"), (2, "owner")]
    sweep.until_done(local("2026-03-20 18:00"))
    assert list(limit.steps.order_by("step").values_list("step", flat=True)) == [1, 2, 3]


# ---- who (V2, V3, V8) ----


@pytest.mark.parametrize("who", ["colleague", "supervisor", "manager", "visitor", "office"])
def test_T9_only_the_handler_asks(ask, cast, who):
    with pytest.raises(NotYou):
        ask(by=getattr(cast, who))


@pytest.mark.parametrize("who", ["agent", "colleague", "visitor", "office", "inspector", "department_head", "general_manager"])
def test_T9_only_a_supervisor_or_the_manager_answers(ticket, ask, cast, who):
    extension = ask()
    with pytest.raises(NotYou):
        grant(ticket, extension, getattr(cast, who))
    with pytest.raises(NotYou):
        services.refuse_extension(ticket_id=ticket.pk, by=getattr(cast, who), extension_id=extension.pk, reason="不行")


def test_V8_a_supervisor_does_not_grant_what_they_asked_for_themselves(ticket, ask, cast):
    """The manager is told instead, and answers."""
    services.reassign(ticket_id=ticket.pk, by=cast.agent, assignee_id=cast.supervisor.pk, reason="客户要求主管处理")
    extension = ask(by=cast.supervisor)
    assert told("approval_wanted") == {"manager"}
    with pytest.raises(NotYou):
        grant(ticket, extension, cast.supervisor)
    grant(ticket, extension, cast.manager)
    assert fresh(extension).state == "granted"


def test_V8_another_supervisor_is_told_before_the_manager(ticket, ask, cast):
    make_person("second-supervisor", "主管郝", Role.SUPERVISOR, department=cast.service)
    services.reassign(ticket_id=ticket.pk, by=cast.agent, assignee_id=cast.supervisor.pk, reason="客户要求主管处理")
    ask(by=cast.supervisor)
    assert told("approval_wanted") == {"second-supervisor"}


def test_V3_who_is_concerned_neither_asks_nor_answers(ticket, ask, cast, local):
    extension = ask()
    name_concerned(ticket.item, cast.supervisor, because="被投诉", by=cast.manager, at=local("2026-03-02 10:00"))
    with pytest.raises(NotYou):
        grant(ticket, extension, cast.supervisor)
    name_concerned(ticket.item, cast.agent, because="被投诉", by=cast.manager, at=local("2026-03-02 10:00"))
    with pytest.raises(NotYou):
        ask(by=cast.agent)


def test_V2_the_stand_in_of_an_absent_handler_asks_and_of_absent_supervisors_answers(ticket, ask, cast, local):
    for away in (cast.agent, cast.supervisor):
        Absence.objects.create(user=away, starts_at=local("2026-03-01 00:00"), ends_at=local("2026-04-01 00:00"))
    extension = ask(by=cast.colleague)
    assert told("approval_wanted") == {"manager"}
    grant(ticket, extension, cast.manager)
    assert fresh(extension).asked_by == cast.colleague


def test_machines_whose_clocks_differ_agree_on_what_may_be_asked(limit):
    assert extensions.may_ask(limit, limit.due_at)
    assert not extensions.may_ask(limit, limit.due_at + timedelta(microseconds=1))
