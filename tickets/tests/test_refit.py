"""What happens to the limits of tickets and forms when what their rules are chosen by changes, a pause in between (E3, E5, T4; decision 34)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from complaints import services as forms
from complaints.models import ComplaintForm
from complaints.services.common import follow_department
from feedback_desk import clock
from feedback_desk.deadlines import services as deadlines
from feedback_desk.deadlines.explain import explain_fully
from feedback_desk.deadlines.models import Calendar, Deadline, DepartmentCalendar, Rule, StepTaken
from feedback_desk.deadlines.sweep import until_done
from feedback_desk.notices.models import Notice
from feedback_desk.records.models import Entry, Item
from tests.ways import comes_next
from tickets import services
from tickets.models import Category, Route, Ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(way, cast, customer, freeze, local):
    """A complaint of Monday 2 March, 09:00, normal; the customer was asked from the 3rd to the 5th."""
    one = way().register(category_id=Category.objects.get(slug="pests").pk)
    freeze("2026-03-03 10:00")
    services.ask_customer(ticket_id=one.ticket_id, by=cast.agent, question="请发照片", until=local("2026-03-05 10:00"))
    freeze("2026-03-05 10:00")
    services.customer_answered(ticket_id=one.ticket_id, by=cast.agent, words="已发")
    return Ticket.objects.get(pk=one.ticket_id)


def live(item, code):
    return Deadline.objects.get(item=item, code=code, state__in=("running", "paused"))


def correct(ticket, cast, **changes):
    return services.correct(ticket_id=ticket.pk, by=cast.agent, changes=changes, reason="登记有误")


def special(code, amount, **when):
    row = Rule.objects.filter(code=code, when={}).latest("version")
    row.pk, row.when, row.amount, row.may_pause = None, when, amount, code == "D26"
    row._state.adding = True
    row.save(force_insert=True)


def test_another_category_keeps_the_row_its_start_and_its_pause(ticket, cast, local):
    before = live(ticket.item, "D26")
    assert before.due_at == local("2026-03-07 00:00"), "two days, and two that it waited"
    correct(ticket, cast, category=Category.objects.get(slug="commission"))
    after = live(ticket.item, "D26")
    assert (after.pk, after.start_at, after.due_at, after.pauses.count()) == (before.pk, local("2026-03-02 09:00"), local("2026-03-19 00:00"), 1)


def test_another_urgency_replaces_the_first_response_from_the_same_start(ticket, cast, local):
    correct(ticket, cast, urgency="urgent")
    assert live(ticket.item, "D03").start_at == local("2026-03-02 09:00")
    old = Deadline.objects.get(item=ticket.item, code="D04")
    assert (old.state, old.why) == ("void", "superseded")


def test_another_urgency_after_the_first_response_starts_none(ticket, cast):
    services.record_contact(ticket_id=ticket.pk, by=cast.agent, way="call_out", said="说明明天上门", customer_says="可以", **comes_next())
    correct(ticket, cast, urgency="urgent")
    assert not Deadline.objects.filter(item=ticket.item, code="D03").exists()


def test_another_level_of_the_customer_refits_every_open_ticket(ticket, cast, customer, local):
    special("D26", 1, level=["vip"], category=["pests"])
    services.correct_customer(by=cast.supervisor, customer_id=customer.pk, changes={"level": "vip"}, reason="已签年度协议")
    row, fresh = live(ticket.item, "D26"), Ticket.objects.get(pk=ticket.pk)
    assert row.due_at == local("2026-03-06 00:00"), "one day of which it waited none, from the 5th"
    assert fresh.priority == "high"
    entry = Entry.objects.filter(item=ticket.item, verb="correct").latest("pk")
    assert entry.data["changes"] == {"level": ["ordinary", "vip"], "priority": ["medium", "high"]}


def test_another_channel_refits_too(ticket, cast, local):
    special("D08", 24 * 3600, channel=["forum"])
    correct(ticket, cast, channel="forum")
    assert live(ticket.item, "D08").due_at == local("2026-03-03 09:00")


def test_another_receipt_moves_what_counts_from_it(ticket, cast, local):
    correct(ticket, cast, received_at=local("2026-03-02 06:00"))
    for code, due in (("D04", "2026-03-03 06:00"), ("D08", "2026-03-04 06:00"), ("D36", "2026-03-05 06:00")):
        assert live(ticket.item, code).due_at == local(due), code
    assert live(ticket.item, "D26").due_at == local("2026-03-07 00:00"), "counts from the registration"


@pytest.mark.parametrize(("received", "late"), [("2026-03-02 07:59", True), ("2026-03-02 08:00", False)])
def test_I5_a_corrected_receipt_says_anew_whether_it_was_registered_in_time(ticket, cast, local, received, late):
    correct(ticket, cast, received_at=local("2026-03-02 06:00"))
    correct(ticket, cast, received_at=local(received))
    row = Deadline.objects.get(item=ticket.item, code="D01")
    assert (row.state, row.start_at, row.late) == ("settled", local(received), late)
    assert row.ended_at == local("2026-03-02 09:00")
    assert (row.due_at - row.start_at).total_seconds() == 3600
    told = [sentence for sentence in explain_fully(row, local("2026-03-05 12:00")).sentences if cast.agent.name in sentence]
    assert len(told) == 2


def test_I5_nothing_is_received_after_it_was_registered(ticket, cast, local, freeze):
    freeze("2026-03-02 12:00")
    with pytest.raises(ValidationError) as wrong:
        correct(ticket, cast, received_at=local("2026-03-02 10:00"))
    assert list(wrong.value.message_dict) == ["received_at"]


def test_I5_so_it_does_of_a_ticket_that_has_ended(ticket, cast, local):
    services.invalidate(ticket_id=ticket.pk, by=cast.supervisor, reason="重复登记", explanation="已说明另有一单在办")
    correct(ticket, cast, received_at=local("2026-03-02 06:00"))
    assert Deadline.objects.get(item=ticket.item, code="D01").late is True


def test_I5_an_earlier_item_that_is_merged_in_was_registered_on_its_own(ticket, cast, way, freeze, local):
    freeze("2026-03-05 11:00")
    other = way().register(received_at=local("2026-03-02 06:00"), category_id=ticket.category_id)
    services.merge(ticket_id=other.ticket_id, by=cast.agent, into_number=ticket.item.number, reason="同一件事")
    assert live(ticket.item, "D08").start_at == local("2026-03-02 06:00")
    assert Deadline.objects.get(item=ticket.item, code="D01").late is False


def test_a_code_that_fits_only_now_begins_when_the_others_did(ticket, cast, customer, local):
    deadlines.void(ticket.item, "D08", at=local("2026-03-02 09:00"), why="x")
    Rule.objects.filter(code="D08").update(when={"level": ["vip"]})
    services.correct_customer(by=cast.supervisor, customer_id=customer.pk, changes={"level": "vip"}, reason="已签年度协议")
    assert live(ticket.item, "D08").start_at == local("2026-03-02 09:00")


def test_a_code_that_fits_no_more_is_void(ticket, cast, customer):
    Rule.objects.filter(code="D08").update(when={"level": ["ordinary"]})
    services.correct_customer(by=cast.supervisor, customer_id=customer.pk, changes={"level": "vip"}, reason="已签年度协议")
    row = Deadline.objects.get(item=ticket.item, code="D08")
    assert (row.state, row.why) == ("void", "superseded")


def test_another_grade_refits_the_forms_limits_from_their_start(ticket, cast, local, freeze):
    special("D14", 12 * 3600, grade=["I"])
    form = ticket.form
    forms.grade(form_id=form.pk, by=cast.supervisor, grade="II", reason="尚未扩散", quality_class=None)
    assert live(form.item, "D14").due_at == local("2026-03-03 09:00")
    forms.change_grade(form_id=form.pk, by=cast.agent, grade="I", reason="媒体曝光")
    assert live(form.item, "D14").due_at == local("2026-03-02 21:00")
    forms.change_grade(form_id=form.pk, by=cast.supervisor, grade="II", reason="已撤稿")
    assert live(form.item, "D14").due_at == local("2026-03-03 09:00")


def test_another_category_refits_the_form_too(ticket, cast, local):
    special("D14", 36 * 3600, category=["commission"])
    correct(ticket, cast, category=Category.objects.get(slug="commission"))
    assert live(ticket.form.item, "D14").due_at == local("2026-03-03 21:00")


def test_what_no_rule_is_chosen_by_changes_no_limit(ticket, cast):
    before = list(Deadline.objects.filter(root=ticket.item).order_by("pk").values())
    correct(ticket, cast, model="LH-W90")
    assert list(Deadline.objects.filter(root=ticket.item).order_by("pk").values()) == before


def test_E1_steps_that_were_taken_are_taken_again_only_where_they_lie_ahead(ticket, cast, local, freeze):
    until_done(freeze("2026-03-06 20:00"))
    row = live(ticket.item, "D26")
    assert row.steps.count() == 1
    correct(ticket, cast, category=Category.objects.get(slug="commission"))
    row.refresh_from_db()
    assert row.warn_at == row.next_step_at > clock.now()
    until_done(row.warn_at - timedelta(seconds=1))
    assert row.steps.count() == 1
    until_done(row.warn_at)
    assert list(row.steps.order_by("at").values_list("receiver", flat=True)) == ["owner", "owner"]


# ---- another department (T6) ----


@pytest.fixture
def moved(way, cast, local):
    """A complaint from the queue of customer service, Monday 2 March, 09:00, whose corrected category is the delivery department's, open from 10:00."""
    later = Calendar.objects.create(name="配送", zone="Asia/Shanghai", hours={str(day): [["10:00", "18:00"]] for day in range(1, 6)})
    DepartmentCalendar.objects.create(department=cast.delivery, calendar=later)
    special("D26", 1, department=[str(cast.delivery.pk)])
    category = Category.objects.get(slug="pests")
    Route.objects.create(category=category, type="complaint", department=cast.delivery)
    one = way().register(assignee_id=None)
    assert one.ticket.item.department != cast.delivery
    services.correct(ticket_id=one.ticket_id, by=cast.supervisor, changes={"category": category}, reason="分错类")
    return one


def test_T6_limits_and_form_go_to_the_other_department_with_the_ticket(moved, cast, local):
    assert moved.ticket.item.department == moved.form.item.department == cast.delivery
    rows = Deadline.objects.filter(root=moved.ticket.item, state="running")
    assert set(rows.values_list("department", flat=True)) == {cast.delivery.pk}


def test_T6_its_rules_and_its_calendar_decide_from_the_same_start(moved, cast, local):
    assert live(moved.ticket.item, "D26").due_at == local("2026-03-04 00:00"), "one day, after the Monday"
    assert live(moved.form.item, "D11").due_at == local("2026-03-02 11:00"), "an hour from 10:00"


def test_T6_its_head_is_told(moved, cast, local):
    until_done(local("2026-03-05 09:00"))
    step = StepTaken.objects.get(deadline=live(moved.ticket.item, "D08"), receiver="department_head")
    assert set(Notice.objects.filter(cause=f"step:{step.pk}").values_list("receiver__username", flat=True)) == {cast.department_head.username}


def test_T6_the_departments_that_review_stay_who_they_were(way, cast):
    form = way().in_review().form
    Item.objects.filter(pk=form.item_id).update(department=cast.delivery)
    Deadline.objects.filter(item=form.item).update(department=cast.delivery)
    Item.objects.filter(pk=form.ticket.item_id).update(department=cast.product)
    form = ComplaintForm.objects.get(pk=form.pk)
    follow_department(form)
    assert (live(form.item, "D15").department, live(form.item, "D13").department, form.item.department) == (cast.delivery, cast.product, cast.product)
