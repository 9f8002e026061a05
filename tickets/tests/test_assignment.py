"""T6: to a department by type and category, in it to the owner, else by skill, load and presence; by hand; from the queue. Never back and forth."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import make_person
from feedback_desk import clock
from feedback_desk.deadlines.models import Deadline
from feedback_desk.deadlines.sweep import until_done
from feedback_desk.notices.models import Notice
from feedback_desk.people import services as people
from feedback_desk.people.access import NotNow, NotYou
from feedback_desk.people.models import Absence, PresenceChange, Role
from feedback_desk.records.models import Entry
from tickets import services
from tickets.models import Category, Customer, Route, Seat, Skill, Ticket
from tickets.tasks import apply_steps

pytestmark = pytest.mark.django_db


@pytest.fixture
def queued(way, cast):
    """queued(...) registers a consultation about a transport damage and leaves it to the desk."""
    one = way()
    return lambda **more: services.register(**one.said(**{"type": "consultation", "assignee_id": None, **more}))


@pytest.fixture
def automatic(cast):
    """What comes in about logistics goes to customer service by itself; there agent, colleague and the second line take tickets."""
    return Route.objects.create(category=Category.objects.get(slug="logistics"), department=cast.service, placing="automatic")


@pytest.fixture
def able(cast):
    """able(person, ...) gives them the one skill that covers transport damages."""
    skill = Skill.objects.create(name="运输理赔", name_en="Transport claims")
    skill.categories.add(Category.objects.get(slug="transport-damage"))

    def give(*persons):
        for person in persons:
            Seat.objects.get_or_create(user=person)[0].skills.add(skill)
        return skill

    return give


def now(ticket):
    return Ticket.objects.select_related("item").get(pk=ticket.pk)


def away(user, presence="gone"):
    people.set_presence(user_id=user.pk, presence=presence, by=user)


def most(user, number):
    Seat.objects.update_or_create(user=user, defaults={"most": number})


def why(ticket):
    return Entry.objects.filter(item=ticket.item, verb="assign").latest("pk").data["because"]


# ---- where it goes ----


def test_T6_without_a_rule_it_goes_to_the_queue_of_whoever_registered(queued, cast):
    ticket = queued()
    assert (ticket.assignee, ticket.item.department) == (None, cast.service)


def test_T6_a_rule_names_the_department_by_type_and_category(queued, cast):
    Route.objects.create(category=Category.objects.get(slug="logistics"), department=cast.delivery)
    Route.objects.create(type="praise", department=cast.product)
    assert queued().item.department == cast.delivery
    assert queued(type="praise", category_id=Category.objects.get(slug="payment").pk).item.department == cast.product


def test_T6_the_desk_gives_it_to_who_has_fewest_in_hand_and_says_why(queued, automatic, cast, freeze):
    most(cast.second, 0)
    first, second, third = ((freeze(f"2026-03-02 09:0{n}"), queued())[1] for n in range(3))
    assert [t.assignee for t in (first, second, third)] == [cast.agent, cast.colleague, cast.agent]
    assert (why(first)["rule"], why(second)["rule"], why(third)["rule"]) == ("order", "fewest", "longest")
    entry = Entry.objects.get(item=third.item, verb="assign")
    assert (entry.actor, entry.data["name"], entry.data["because"]["in_hand"]) == ("system", "客服林", 1)


def test_T6_the_assignee_is_notified_by_number_with_the_due_time(queued, automatic, cast):
    ticket = queued()
    notice = Notice.objects.get(template="assigned", channel="page")
    assert (notice.receiver, notice.data["number"]) == (ticket.assignee, ticket.item.number)
    assert notice.data["due_at"] == Deadline.objects.get(item=ticket.item, code="D26").due_at.isoformat()


@pytest.mark.parametrize("presence", ["gone", "break"])
def test_T6_only_to_people_at_the_desk(queued, automatic, cast, presence):
    for person in (cast.agent, cast.second):
        away(person, presence)
    assert {queued().assignee for _again in range(3)} == {cast.colleague}


def test_T6_absent_people_get_nothing_by_itself_with_or_without_a_backup(queued, automatic, cast):
    at = clock.now()
    for person in (cast.agent, cast.second):
        Absence.objects.create(user=person, starts_at=at - timedelta(days=1), ends_at=at + timedelta(days=1))
    assert queued().assignee == cast.colleague


def test_V3_people_named_in_the_matter_get_nothing(queued, automatic, cast):
    assert queued(by=cast.supervisor, about=[cast.agent, cast.second]).assignee == cast.colleague


def test_V3_the_desk_gives_nothing_of_a_customer_to_who_is_named_in_another_matter_of_theirs(queued, automatic, cast):
    queued(by=cast.supervisor, about=[cast.agent, cast.second])
    assert {queued(by=cast.supervisor).assignee for _more in range(3)} == {cast.colleague}
    away(cast.colleague)
    ticket = queued(by=cast.supervisor)
    assert (services.place_waiting(), now(ticket).assignee) == (0, None)
    away(cast.colleague, "here")
    assert (services.place_waiting(), now(ticket).assignee) == (1, cast.colleague)


def test_T6_without_a_role_of_the_desk_in_the_department_nobody_gets_it(queued, automatic, cast):
    """Supervisors, managers, visitors and other departments are no candidates of the machine."""
    for person in (cast.agent, cast.colleague, cast.second):
        away(person)
    make_person("stranger", "外部门客服", Role.AGENT, department=cast.delivery)
    assert queued().assignee is None
    make_person("helper", "支援客服", department=cast.delivery).memberships.create(role=Role.AGENT, department=cast.service)
    assert queued().assignee.username == "helper"


def test_T6_a_skill_is_asked_for_where_one_covers_the_category(queued, automatic, able, cast):
    able(cast.colleague)
    assert {queued().assignee for _again in range(3)} == {cast.colleague}
    assert why(Ticket.objects.latest("pk"))["skill"] == "运输理赔"
    assert queued(category_id=Category.objects.get(slug="logistics-delay").pk).assignee != cast.colleague, "this one needs no skill, others have less"


def test_T6_the_skill_of_a_category_goes_before_that_of_the_one_above_it(queued, automatic, able, cast):
    wide = Skill.objects.create(name="物流")
    wide.categories.add(Category.objects.get(slug="logistics"))
    Seat.objects.create(user=cast.agent).skills.add(wide)
    able(cast.colleague)
    assert queued().assignee == cast.colleague
    assert queued(category_id=Category.objects.get(slug="goods-short").pk).assignee == cast.agent
    Skill.objects.filter(name="运输理赔").update(active=False)
    assert queued().assignee == cast.agent


def test_T6_nobody_is_given_more_than_their_seat_holds(queued, automatic, cast):
    most(cast.second, 0)
    most(cast.agent, 1)
    most(cast.colleague, 2)
    assert [queued().assignee for _again in range(4)] == [cast.agent, cast.colleague, cast.colleague, None]


def test_T6_what_waits_for_the_customer_is_not_in_hand(queued, automatic, cast):
    for person in (cast.colleague, cast.second):
        most(person, 0)
    most(cast.agent, 1)
    ticket = queued()
    services.confirm(ticket_id=ticket.pk, by=cast.agent)
    assert queued().assignee is None
    services.ask_customer(ticket_id=ticket.pk, by=cast.agent, question="请发照片", until=clock.now() + timedelta(days=1))
    assert queued().assignee == cast.agent


def test_T6_the_customers_owner_comes_first_when_they_may_have_it(queued, automatic, able, cast):
    Customer.objects.update(owner=cast.supervisor)
    ticket = queued(category_id=Category.objects.get(slug="goods-short").pk)
    assert (ticket.assignee, why(ticket)["rule"]) == (cast.supervisor, "owner")
    able(cast.agent)
    assert queued().assignee == cast.agent, "the owner has not the skill"


def test_T6_an_owner_of_another_department_is_passed_over_when_a_rule_names_one(queued, automatic, cast):
    owner = make_person("other", "外部门客服", Role.AGENT, department=cast.delivery)
    Customer.objects.update(owner=owner)
    assert queued().assignee == cast.agent
    Route.objects.update(department=None)
    assert queued().assignee == owner


def test_T6_choosing_takes_three_statements_whatever_the_number_of_people(queued, automatic, able, cast):
    able(cast.agent)

    def choosing():
        with CaptureQueriesContext(connection) as found:
            queued()
        tables = ("tickets_route", "tickets_skill", "tickets_seat")
        return [q["sql"] for q in found if q["sql"].startswith("SELECT") and any(table in q["sql"] for table in tables)]

    before = choosing()
    for n in range(12):
        able(make_person(f"more{n}", f"客服{n}", Role.AGENT, department=cast.service))
    assert len(before) == len(choosing()) == 3


# ---- by hand ----


def test_T6_by_hand_only_to_who_has_the_skill_and_the_sentence_names_it(queued, able, cast):
    able(cast.colleague)
    ticket = queued()
    with pytest.raises(ValidationError) as caught:
        services.assign(ticket_id=ticket.pk, by=cast.supervisor, assignee_id=cast.agent.pk)
    (sentence,) = caught.value.message_dict["assignee"]
    assert "客服林" in sentence
    assert "运输理赔" in sentence
    services.assign(ticket_id=ticket.pk, by=cast.supervisor, assignee_id=cast.colleague.pk)
    assert now(ticket).assignee == cast.colleague


def test_T6_by_hand_also_to_somebody_on_a_break(queued, cast):
    away(cast.colleague, "break")
    ticket = queued()
    services.assign(ticket_id=ticket.pk, by=cast.supervisor, assignee_id=cast.colleague.pk)
    assert now(ticket).assignee == cast.colleague


def test_T6_handing_over_asks_for_the_skill_too(queued, able, cast):
    ticket = queued()
    services.take(ticket_id=ticket.pk, by=cast.agent)
    able(cast.agent)
    with pytest.raises(ValidationError):
        services.reassign(ticket_id=ticket.pk, by=cast.agent, assignee_id=cast.colleague.pk, reason="下班交接")


def test_T6_taken_from_the_queue_without_a_skill_is_ones_own_word(queued, able, cast):
    able(cast.colleague)
    ticket = queued()
    services.take(ticket_id=ticket.pk, by=cast.agent)
    assert now(ticket).assignee == cast.agent


def due(ticket):
    return Deadline.objects.get(item=ticket.item, code="D26", state="running")


def test_T6_the_assigner_may_set_an_earlier_due_time(queued, cast, freeze, local):
    freeze("2026-03-02 09:00")
    ticket = queued()
    services.assign(ticket_id=ticket.pk, by=cast.supervisor, assignee_id=cast.agent.pk, due_at=local("2026-03-03 12:00"))
    found = due(ticket)
    assert (found.due_at, found.earlier_to, now(ticket).item.next_limit_at < found.due_at) == (local("2026-03-03 12:00"), local("2026-03-03 12:00"), True)
    assert found.next_step_at < found.due_at
    entry = Entry.objects.get(verb="deadline_set_earlier")
    assert (entry.by, entry.data["code"]) == (cast.supervisor, "D26")
    services.confirm(ticket_id=ticket.pk, by=cast.agent)
    until_done(freeze("2026-03-03 12:00"))
    assert found.steps.filter(at=local("2026-03-03 12:00")).exists(), "its ladder follows"


@pytest.mark.parametrize("due_at", ["2026-03-02 09:00", "2026-03-01 09:00", "2026-03-10 00:00", "2026-03-20 09:00"])
def test_T6_never_later_and_never_past_and_then_nothing_is_assigned(queued, cast, freeze, local, due_at):
    freeze("2026-03-02 09:00")
    ticket = queued()
    with pytest.raises(ValidationError) as caught:
        services.assign(ticket_id=ticket.pk, by=cast.supervisor, assignee_id=cast.agent.pk, due_at=local(due_at))
    assert set(caught.value.message_dict) == {"due_at"}
    assert now(ticket).assignee is None


def test_T6_an_earlier_due_time_survives_another_category(queued, cast, freeze, local):
    freeze("2026-03-02 09:00")
    ticket = queued()
    services.assign(ticket_id=ticket.pk, by=cast.supervisor, assignee_id=cast.agent.pk, due_at=local("2026-03-03 12:00"))
    services.correct(ticket_id=ticket.pk, by=cast.agent, changes={"category": Category.objects.get(slug="refund")}, reason="应为退款")
    assert due(ticket).due_at == local("2026-03-03 12:00")


# ---- never back and forth ----


def test_T13_declined_the_desk_asks_the_next_and_never_the_same_twice(queued, automatic, cast):
    ticket, had = queued(), []
    for _turn in range(3):
        had.append(now(ticket).assignee)
        services.decline(ticket_id=ticket.pk, by=had[-1], reason="不熟悉该产品")
    assert {p.username for p in had} == {"agent", "colleague", "second"}
    assert now(ticket).assignee is None
    assert Notice.objects.filter(template="generic", receiver=cast.supervisor, channel="page").count() == 1, "told when nobody is left"
    assert services.place_waiting() == 0


def test_T13_what_a_person_had_assigned_goes_back_to_people(queued, automatic, cast):
    for person in (cast.agent, cast.colleague, cast.second):
        away(person, "break")
    ticket = queued()
    services.assign(ticket_id=ticket.pk, by=cast.supervisor, assignee_id=cast.agent.pk)
    away(cast.colleague, "here")
    services.decline(ticket_id=ticket.pk, by=cast.agent, reason="不熟悉该产品")
    assert now(ticket).assignee is None
    assert services.place_waiting() == 0


def test_T7_who_let_it_lapse_does_not_get_it_again(queued, automatic, cast, freeze):
    for person in (cast.colleague, cast.second):
        away(person)
    freeze("2026-03-02 09:00")
    ticket = queued()
    until_done(freeze("2026-03-02 11:00"))
    apply_steps()
    assert now(ticket).assignee == cast.supervisor
    services.decline(ticket_id=ticket.pk, by=cast.supervisor, reason="等同事上线")
    assert services.place_waiting() == 0
    away(cast.colleague, "here")
    assert (services.place_waiting(), now(ticket).assignee) == (1, cast.colleague)


# ---- as soon as somebody is free ----


def test_T6_what_waits_goes_to_who_comes_on_duty_nearest_limit_first_up_to_their_number(queued, automatic, cast):
    for person in (cast.agent, cast.colleague, cast.second):
        away(person)
    later, sooner, last = queued(), queued(urgency="urgent"), queued(urgency="low")
    assert services.place_waiting() == 0
    most(cast.agent, 2)
    away(cast.agent, "here")
    assert (services.place_waiting(), services.place_waiting()) == (2, 0)
    assert [now(t).assignee for t in (sooner, later, last)] == [cast.agent, cast.agent, None]
    assert Notice.objects.filter(template="assigned", receiver=cast.agent, channel="page").count() == 2


def test_T6_what_waits_is_shared_among_who_is_free(queued, automatic, cast):
    for person in (cast.agent, cast.colleague, cast.second):
        away(person)
    tickets = [queued() for _again in range(4)]
    for person in (cast.agent, cast.colleague):
        away(person, "here")
    services.place_waiting()
    assert sorted(now(t).assignee.username for t in tickets) == ["agent", "agent", "colleague", "colleague"]


def test_T6_what_nobody_can_do_holds_nothing_up(queued, automatic, able, cast):
    skill = able()
    stuck = [queued() for _again in range(3)]
    for person in (cast.agent, cast.colleague, cast.second):
        away(person)
    easy = queued(category_id=Category.objects.get(slug="goods-short").pk)
    away(cast.agent, "here")
    assert services.place_waiting(limit=1) == 1
    assert now(easy).assignee == cast.agent
    Seat.objects.create(user=cast.agent).skills.add(skill)
    assert services.place_waiting() == 3
    assert {now(t).assignee for t in stuck} == {cast.agent}


def test_V3_what_waits_does_not_go_to_who_is_named_in_it(queued, automatic, cast):
    for person in (cast.agent, cast.colleague, cast.second):
        away(person)
    ticket = queued(by=cast.supervisor, about=[cast.agent])
    away(cast.agent, "here")
    assert services.place_waiting() == 0
    away(cast.colleague, "here")
    assert (services.place_waiting(), now(ticket).assignee) == (1, cast.colleague)


def test_T6_what_the_rules_leave_to_the_queue_stays_there(queued, automatic, cast):
    ticket = queued(category_id=Category.objects.get(slug="payment").pk)
    assert (services.place_waiting(), now(ticket).assignee) == (0, None)


def test_T6_a_corrected_category_sends_what_nobody_has_where_it_belongs(queued, automatic, cast):
    ticket = queued(by=cast.department_head, category_id=Category.objects.get(slug="payment").pk)
    assert (ticket.item.department, ticket.assignee) == (cast.delivery, None)
    services.correct(ticket_id=ticket.pk, by=cast.supervisor, changes={"category": Category.objects.get(slug="transport-damage")}, reason="应为运输破损")
    assert (now(ticket).item.department, now(ticket).assignee) == (cast.service, cast.agent)


def test_T6_statements_for_what_waits_do_not_grow_with_it(queued, automatic, able, cast):
    able()

    def statements():
        with CaptureQueriesContext(connection) as found:
            services.place_waiting()
        return [q["sql"] for q in found if "complaintform" not in q["sql"]]  # that one is pairs_fit's, who looks after every service

    queued()
    before = statements()
    for _again in range(9):
        queued()
    assert statements() == before
    assert len(before) == 4, "rules, kinds, skills, one group of people"


# ---- presence ----


def test_T6_presence_is_said_by_oneself_and_kept_with_its_time(cast, freeze):
    at = freeze("2026-03-02 12:00")
    for said in ("break", "break", "here", "gone"):
        people.set_presence(user_id=cast.agent.pk, presence=said, by=cast.agent)
    cast.agent.refresh_from_db()
    assert (cast.agent.presence, cast.agent.on_duty, cast.agent.presence_since) == ("gone", False, at)
    assert list(PresenceChange.objects.order_by("pk").values_list("presence", "by__username")) == [("break", "agent"), ("here", "agent"), ("gone", "agent")]


def test_T6_a_supervisor_says_it_for_somebody_who_forgot_and_nobody_else_does(cast):
    people.set_presence(user_id=cast.agent.pk, presence="gone", by=cast.supervisor)
    assert PresenceChange.objects.get().by == cast.supervisor
    for person in (cast.colleague, cast.department_head, cast.general_manager):
        with pytest.raises(NotYou):
            people.set_presence(user_id=cast.agent.pk, presence="here", by=person)


def test_T6_whoever_takes_too_late_is_told_who_was_faster_and_nothing_is_held_against_them(cast, customer):
    ticket = services.register(
        by=cast.supervisor, customer_id=customer.pk, summary="退款未到账", type="problem", category_id=Category.objects.get(slug="refund").pk,
        channel="phone", received_at=clock.now(), what_happened="一周未退款",
    )  # fmt: skip
    Ticket.objects.filter(pk=ticket.pk).update(assignee=None)
    services.take(ticket_id=ticket.pk, by=cast.agent)
    with pytest.raises(NotNow) as late:
        services.take(ticket_id=ticket.pk, by=cast.colleague)
    assert late.value.moved_by == str(cast.agent)
    with pytest.raises(NotYou):
        services.take(ticket_id=ticket.pk, by=cast.outsider)
