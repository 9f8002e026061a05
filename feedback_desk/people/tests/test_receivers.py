"""Who gets it: absence, backup (V2) and concern (V3)."""

from __future__ import annotations

import pytest

from feedback_desk.people import receivers
from feedback_desk.people.models import Absence, Concern, Role
from feedback_desk.people.receivers import Ask
from feedback_desk.records.items import open_item


@pytest.fixture
def at(local):
    return local("2026-03-02 10:00")


@pytest.fixture
def root(cast, at):
    return open_item("ticket", title="x", at=at)


@pytest.fixture
def away(local):
    def leave(*people, until="2026-04-01 00:00"):
        for person in people:
            Absence.objects.create(user=person, starts_at=local("2026-03-01 00:00"), ends_at=local(until))

    return leave


@pytest.fixture
def named(root, at):
    def name(*people):
        for person in people:
            Concern.objects.create(item=root, user=person, because="被投诉", since=at)

    return name


def test_V2_whoever_is_here_acts_themselves(cast, at):
    assert receivers.standing_in([cast.agent.pk], at) == {cast.agent.pk: cast.agent}


def test_V2_the_backup_acts_during_leave_and_only_then(cast, at, away, local):
    away(cast.agent, until="2026-03-03 00:00")
    assert receivers.standing_in([cast.agent.pk], at)[cast.agent.pk] == cast.colleague
    assert receivers.standing_in([cast.agent.pk], local("2026-03-03 00:00"))[cast.agent.pk] == cast.agent


def test_V2_a_chain_of_backups_is_followed_and_a_circle_ends(cast, at, away):
    cast.colleague.backup = cast.second
    cast.colleague.save(update_fields=["backup"])
    away(cast.agent, cast.colleague)
    assert receivers.standing_in([cast.agent.pk], at)[cast.agent.pk] == cast.second
    cast.second.backup = cast.agent
    cast.second.save(update_fields=["backup"])
    away(cast.second)
    assert receivers.standing_in([cast.agent.pk], at)[cast.agent.pk] is None


def test_a_leaver_is_stood_in_for(cast, at):
    cast.agent.is_active = False
    cast.agent.save(update_fields=["is_active"])
    assert receivers.standing_in([cast.agent.pk], at)[cast.agent.pk] == cast.colleague


def test_pick_takes_those_on_duty_first(cast, at):
    assert receivers.pick(Role.AGENT, at=at) == cast.agent
    cast.agent.on_duty = False
    cast.agent.save(update_fields=["on_duty"])
    assert receivers.pick(Role.AGENT, at=at) == cast.colleague


def test_V3_pick_skips_who_is_named_and_ends_at_the_office(cast, root, at, named):
    assert receivers.pick(Role.CS_MANAGER, root=root, at=at) == cast.manager
    named(cast.manager)
    assert receivers.pick(Role.CS_MANAGER, root=root, at=at) == cast.supervisor
    named(cast.supervisor)
    assert receivers.pick(Role.CS_MANAGER, root=root, at=at) == cast.general_manager
    named(cast.general_manager, cast.deputy)
    assert receivers.pick(Role.CS_MANAGER, root=root, at=at) == cast.office
    named(cast.office)
    assert receivers.pick(Role.CS_MANAGER, root=root, at=at) is None


def test_V3_concern_in_one_matter_says_nothing_about_another(cast, root, at, named):
    named(cast.manager)
    other = open_item("ticket", title="y", at=at)
    assert receivers.pick(Role.CS_MANAGER, root=other, at=at) == cast.manager


def test_C4_the_head_and_their_backup_review(cast, root, at, named, away):
    assert receivers.heads_of(cast.delivery, root, at) == [cast.department_head, cast.head_backup]
    away(cast.department_head)
    assert receivers.heads_of(cast.delivery, root, at) == [cast.head_backup]
    named(cast.head_backup)
    assert receivers.heads_of(cast.delivery, root, at) == [cast.general_manager]


def test_V3_the_head_named_is_replaced_by_backup_superior_office(cast, root, at, named):
    named(cast.department_head)
    assert receivers.heads_of(cast.delivery, root, at) == [cast.head_backup]
    named(cast.head_backup, cast.general_manager)
    assert receivers.heads_of(cast.delivery, root, at) == [cast.deputy]
    named(cast.deputy)
    assert receivers.heads_of(cast.delivery, root, at) == [cast.office]


def test_a_department_without_a_head_does_not_borrow_anothers(cast, root, at):
    cast.delivery.head = None
    cast.delivery.save(update_fields=["head"])
    cast.department_head.memberships.all().delete()
    assert receivers.heads_of(cast.delivery, root, at) == [cast.office]


def test_holders_of_a_role(cast):
    assert receivers.holders(Role.AGENT) == [cast.agent, cast.colleague]
    assert receivers.holders(Role.DEPARTMENT_HEAD, cast.delivery) == [cast.department_head]


def test_steps_are_answered_in_three_statements_whatever_their_number(cast, root, at, django_assert_num_queries):
    asks = {n: Ask(("superior", "general_manager"), cast.agent.pk, None, root.pk) for n in range(200)}
    with django_assert_num_queries(3):
        answers, _staff = receivers.for_steps(asks, at)
    assert {answer.user_ids for answer in answers.values()} == {(cast.supervisor.pk,)}


@pytest.mark.parametrize(
    ("owner", "receiver", "told"),
    [
        ("agent", "owner", {"agent", "colleague"}),
        ("agent", "superior", {"supervisor"}),
        ("agent", "supervisor", {"supervisor"}),
        ("agent", "department_head", {"manager"}),
        ("agent", "cs_manager", {"manager"}),
        ("agent", "office", {"office"}),
        ("agent", "general_manager", {"gm"}),
        ("supervisor", "supervisor", set()),
        ("supervisor", "superior", {"manager"}),
        ("manager", "department_head", set()),
        ("manager", "supervisor", set()),
        ("manager", "office", set()),
        ("department_head", "superior", {"gm"}),
        ("department_head", "department_head", set()),
        ("department_head", "cs_manager", {"manager"}),
        ("general_manager", "superior", set()),
        ("general_manager", "general_manager", set()),
        ("general_manager", "owner", {"gm", "deputy"}),
    ],
)
def test_E1_who_is_told_by_owner_and_rung(cast, root, at, owner, receiver, told):
    answers, staff = receivers.for_steps({0: Ask((receiver,), getattr(cast, owner).pk, None, root.pk)}, at)
    assert {staff.people[user_id].username for user_id in answers[0].user_ids} == told
    assert not answers[0].nobody_left


def test_E1_who_is_told_with_the_owner_is_told_whatever_the_rank(cast, root, at):
    def told(receiver, owner):
        ask = Ask((receiver, "general_manager"), owner.pk, cast.manager.department_id, root.pk)
        return receivers.for_steps({0: ask}, at)[0][0]

    assert told("supervisor", cast.manager).user_ids == ()
    assert told("+supervisor", cast.manager).user_ids == (cast.supervisor.pk,)
    assert told("+office", cast.general_manager).user_ids == (cast.office.pk,)
    assert told("+supervisor", cast.supervisor) == receivers.Answer(), "the owner is told by the step beside it, and nobody hears that nobody is left"
