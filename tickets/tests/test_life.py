"""Intake, triage and a ticket's life (I1-I5, T1, T4-T7, T9, T12, T13, T15, V2-V4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from conftest import make_person
from feedback_desk import clock
from feedback_desk.deadlines.models import Deadline
from feedback_desk.deadlines.sweep import until_done
from feedback_desk.notices.models import Notice
from feedback_desk.people.access import NotNow, NotYou
from feedback_desk.people.models import Absence, Concern, Role, User
from feedback_desk.people.services import name_concerned
from feedback_desk.records.models import Entry, Item, Reading
from tests.ways import comes_next
from tickets import services
from tickets.models import Category, ContactPoint, Customer, Ticket
from tickets.tasks import apply_steps, close_settled

pytestmark = pytest.mark.django_db


@pytest.fixture
def said(way, cast):
    """said(...) are the words of a consultation that the agent registers and keeps, unless said otherwise."""
    one = way()
    return lambda **more: one.said(**{"type": "consultation", **more})


@pytest.fixture
def kept(said):
    return lambda **more: services.register(**said(**more))


@pytest.fixture
def queued(said):
    return lambda **more: services.register(**said(assignee_id=None, **more))


def limit(ticket, code):
    return Deadline.objects.filter(root=ticket.item, code=code).latest("pk")


def live(ticket):
    return set(Deadline.objects.filter(root=ticket.item, state__in=("running", "paused")).values_list("code", flat=True))


def now(ticket):
    return Ticket.objects.get(pk=ticket.pk)


def tell(ticket, cast, **more):
    words = {"way": "call_out", "said": "约定明天上门查看。", "customer_says": "同意明天上午", **comes_next("上门查看", 48)} | more
    return services.record_contact(ticket_id=ticket.pk, by=more.pop("by", cast.agent), **{k: v for k, v in words.items() if k != "by"})


# ---- I1-I5 ----


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("summary", " "), ("summary", "长" * 201), ("channel", "pigeon"), ("channel", ""), ("what_happened", ""), ("type", "rant"), ("urgency", "at once"),
        ("received_at", None),
    ],
)  # fmt: skip
def test_I1_I2_what_is_missing_or_wrong_is_said_by_field_and_nothing_stands(said, field, value):
    words = said(**{field: value if field != "received_at" else clock.now() + timedelta(minutes=1)})
    with pytest.raises(ValidationError) as caught:
        services.register(**words)
    assert set(caught.value.message_dict) == {field}
    assert Ticket.objects.count() == Item.objects.count() == Notice.objects.count() == 0


def test_I1_every_channel_of_the_list_is_taken(kept):
    from tickets.models import Channel

    assert {kept(channel=channel).channel for channel in Channel.values} == set(Channel.values)
    assert len(Channel.values) == 16


def test_I3_numbers_can_be_read_out_and_start_again_each_day(kept, way, freeze):
    customer = Customer.objects.get()
    assert customer.number[:2] == "CS"
    assert customer.number[-3:] == "001"
    freeze("2026-03-02 23:59")
    assert [kept().item.number, kept().item.number] == ["TASK20260302001", "TASK20260302002"]
    assert kept(type="complaint").form.item.number == "FK20260302001"
    freeze("2026-03-03 00:01")
    assert kept().item.number == "TASK20260303001"


def test_I3_the_day_is_the_local_one(kept, freeze, local):
    freeze("2026-03-03 07:30")  # 2 March, 23:30 UTC
    assert kept().item.number.startswith("TASK20260303")


def test_I3_the_fourth_digit_comes_after_999(cast, freeze):
    from datetime import date

    from feedback_desk.records.items import next_number

    assert next_number("TASK", date(2026, 3, 2), count=999) == "TASK20260302001"
    assert next_number("TASK", date(2026, 3, 2)) == "TASK202603021000"


def test_I4_the_customer_gets_a_receipt_once_without_contact_data_in_it(kept):
    ticket = kept()
    receipt = Notice.objects.get(template="receipt")
    assert (receipt.item, receipt.contact_point) == (ticket.item, ContactPoint.objects.get(kind="email").pk)
    assert "chen@" not in str(receipt.data)


def test_I4_the_address_that_is_nobodys_first_choice_is_written_to_where_it_is_the_only_one(kept):
    ContactPoint.objects.filter(kind="email").update(primary=False)
    kept()
    assert Notice.objects.filter(template="receipt").count() == 1


def test_I4_invalid_needs_a_reason_and_what_was_explained(kept, cast):
    ticket = kept()
    for words in ({"reason": "", "explanation": "已说明不属本店商品,建议联系卖家"}, {"reason": "误报", "explanation": ""}):
        with pytest.raises(ValidationError):
            services.invalidate(ticket_id=ticket.pk, by=cast.agent, **words)
    services.invalidate(ticket_id=ticket.pk, by=cast.agent, reason="误报", explanation="已说明不属本店商品,建议联系卖家")
    assert (now(ticket).state, now(ticket).outcome, live(ticket)) == ("invalid", "invalid", set())
    services.restore(ticket_id=ticket.pk, by=cast.supervisor, reason="确为本店商品")
    assert limit(ticket, "D08").start_at == ticket.received_at


def test_I2_a_colleague_may_have_received_it_and_registering_in_time_was_theirs(kept, cast):
    assert (kept().received_by, limit(kept(), "D01").owner) == (cast.agent, cast.agent)
    ticket = kept(received_by_id=cast.visitor.pk)
    assert (ticket.received_by, ticket.registered_by, limit(ticket, "D01").owner) == (cast.visitor, cast.agent, cast.visitor)
    services.correct(ticket_id=ticket.pk, by=cast.agent, changes={"received_by": cast.colleague}, reason="接听的是小周")
    assert (now(ticket).received_by, limit(ticket, "D01").owner) == (cast.colleague, cast.colleague)
    changed = Entry.objects.get(item=ticket.item, verb="correct").data["changes"]
    assert changed == {"received_by": [str(cast.visitor), str(cast.colleague)]}


def test_I2_V3_nobody_who_has_left_or_is_concerned_received_it(kept, said, cast):
    User.objects.filter(pk=cast.colleague.pk).update(is_active=False)
    kept(about=[cast.outsider])
    ticket = kept()
    refused = [{"received_by_id": cast.colleague.pk}, {"received_by_id": cast.person_concerned.pk, "about": [cast.person_concerned]}]
    for words in [*refused, {"received_by_id": cast.outsider.pk}]:
        with pytest.raises(ValidationError) as wrong:
            services.register(**said(**words))
        assert list(wrong.value.message_dict) == ["received_by"]
    for receiver in (User.objects.get(pk=cast.colleague.pk), cast.outsider):
        with pytest.raises(ValidationError) as wrong:
            services.correct(ticket_id=ticket.pk, by=cast.agent, changes={"received_by": receiver}, reason="记错")
        assert list(wrong.value.message_dict) == ["received_by"]


def test_I5_received_and_registered_are_two_times_and_late_is_shown(kept, local, freeze):
    in_time, late = kept(received_at=local("2026-03-02 08:00")), kept(received_at=local("2026-03-02 07:59"))
    assert (limit(in_time, "D01").state, limit(in_time, "D01").late, limit(late, "D01").late) == ("settled", False, True)
    assert limit(late, "D08").due_at == local("2026-03-04 07:59"), "what is promised counts from received"
    assert limit(late, "D26").start_at == local("2026-03-02 09:00")


def test_V1_only_who_receives_may_register(said, cast):
    for person in (cast.general_manager, cast.inspector, cast.administrator):
        with pytest.raises(NotYou):
            services.register(**said(by=person, assignee_id=None))


# ---- T1, T4, T5 ----


def test_T1_a_complaint_has_exactly_one_form_and_nothing_else_has_one(kept):
    from complaints.models import ComplaintForm

    kept(), kept(type="complaint"), kept(type="praise")
    assert ComplaintForm.objects.count() == 1


@pytest.mark.parametrize(
    ("urgency", "level", "priority"),
    [("urgent", "ordinary", "urgent"), ("normal", "ordinary", "medium"), ("normal", "vip", "high"), ("low", "strategic", "medium")],
)
def test_T4_priority_from_urgency_and_level(kept, urgency, level, priority):
    Customer.objects.update(level=level)
    assert kept(urgency=urgency).priority == priority


def test_T5_urgent_items_notify_at_once_and_again_when_untouched_for_30_minutes(queued, freeze, local):
    queued(urgency="urgent")
    assert set(Notice.objects.filter(template="generic").values_list("receiver__username", flat=True)) == {"supervisor"}
    assert until_done(local("2026-03-02 09:29:59")) == 0
    until_done(local("2026-03-02 09:30"))
    assert set(Notice.objects.filter(template="deadline_step", data__code="D02").values_list("receiver__username", flat=True)) == {"supervisor"}


def test_T5_a_ticket_that_is_not_urgent_reminds_nobody(queued):
    assert "D02" not in live(queued())


@pytest.mark.parametrize("how", ["take", "contact", "note"])
def test_D02_is_settled_by_touching_it_not_by_a_note(queued, cast, how):
    ticket = queued(urgency="urgent")
    if how == "take":
        services.take(ticket_id=ticket.pk, by=cast.agent)
    elif how == "contact":
        tell(ticket, cast, reached=False, customer_says="")
    else:
        services.record_note(ticket_id=ticket.pk, by=cast.agent, text="客户是老客户")
    assert ("D02" in live(ticket)) == (how == "note")


# ---- T6, T7, T13 ----


def assigned(queued, cast, to=None):
    ticket = queued()
    services.assign(ticket_id=ticket.pk, by=cast.supervisor, assignee_id=(to or cast.colleague).pk)
    return ticket


def test_T6_only_to_people_on_duty_who_are_not_concerned(queued, cast):
    ticket = queued()
    cast.colleague.on_duty = False
    cast.colleague.save(update_fields=["on_duty"])
    Concern.objects.create(item=ticket.item, user=cast.agent, because="客户点名", since=clock.now())
    for person in (cast.colleague, cast.agent, cast.inspector):
        with pytest.raises(ValidationError) as caught:
            services.assign(ticket_id=ticket.pk, by=cast.supervisor, assignee_id=person.pk)
        assert set(caught.value.message_dict) == {"assignee"}
    with pytest.raises(NotYou):
        services.assign(ticket_id=ticket.pk, by=cast.colleague, assignee_id=cast.second.pk)


def test_T6_the_customers_owner_gets_it_first_when_on_duty(queued, cast):
    Customer.objects.update(owner=cast.colleague)
    assert now(queued()).assignee == cast.colleague
    cast.colleague.on_duty = False
    cast.colleague.save(update_fields=["on_duty"])
    assert now(queued()).assignee is None


def test_T6_taken_once_and_the_second_hears_who_was_faster(queued, cast):
    ticket = queued()
    services.take(ticket_id=ticket.pk, by=cast.agent)
    with pytest.raises((NotNow, NotYou)):
        services.take(ticket_id=ticket.pk, by=cast.second)
    assert now(ticket).assignee == cast.agent


def test_T7_confirmed_settles_D06_and_D07(queued, cast, freeze):
    ticket = assigned(queued, cast)
    with pytest.raises(NotYou):
        services.confirm(ticket_id=ticket.pk, by=cast.agent)
    freeze("2026-03-02 09:50")
    services.confirm(ticket_id=ticket.pk, by=cast.colleague)
    assert (now(ticket).state, limit(ticket, "D06").late, limit(ticket, "D07").late) == ("processing", False, False)


def test_T7_unconfirmed_it_is_warned_of_after_one_business_hour_and_handed_up_after_two(queued, cast, freeze, local):
    freeze("2026-03-02 17:00")
    ticket = assigned(queued, cast)
    until_done(local("2026-03-02 18:00"))
    assert set(Notice.objects.filter(data__code="D06").values_list("receiver__username", flat=True)) == {"colleague"}
    assert until_done(local("2026-03-03 09:59:59")) == 0
    at = freeze("2026-03-03 10:00")
    until_done(at)
    assert (apply_steps(), apply_steps()) == (1, 0)
    assert now(ticket).assignee == cast.supervisor
    assert (limit(ticket, "D07").state, limit(ticket, "D06").owner) == ("settled", cast.supervisor)
    assert Entry.objects.filter(verb="hand_up").count() == 1


def test_T7_confirmed_between_the_step_and_its_act_nothing_is_handed_up(queued, cast, freeze):
    ticket = assigned(queued, cast)
    until_done(freeze("2026-03-02 11:00"))
    services.confirm(ticket_id=ticket.pk, by=cast.colleague)
    assert apply_steps() == 0
    assert now(ticket).assignee == cast.colleague


def test_T13_declined_at_once_with_a_reason_it_goes_back_and_the_assigner_is_told(queued, cast):
    ticket = assigned(queued, cast)
    with pytest.raises(ValidationError):
        services.decline(ticket_id=ticket.pk, by=cast.colleague, reason="")
    services.decline(ticket_id=ticket.pk, by=cast.colleague, reason="不熟悉该产品")
    assert (now(ticket).state, now(ticket).assignee) == ("pending", None)
    assert {"D06", "D07"}.isdisjoint(live(ticket))
    assert Notice.objects.filter(receiver=cast.supervisor, template="generic").exists()


def test_V2_while_the_assignee_is_absent_the_backup_confirms_and_the_limits_stay(queued, cast, local):
    ticket = assigned(queued, cast, cast.agent)
    before = list(Deadline.objects.order_by("pk").values_list("pk", "due_at"))
    Absence.objects.create(user=cast.agent, starts_at=local("2026-03-02 00:00"), ends_at=local("2026-03-09 00:00"))
    with pytest.raises(NotYou):
        services.confirm(ticket_id=ticket.pk, by=cast.second)
    services.confirm(ticket_id=ticket.pk, by=cast.colleague)
    entry = Entry.objects.get(verb="confirm")
    assert (entry.by, entry.in_place_of) == (cast.colleague, cast.agent)
    assert list(Deadline.objects.filter(pk__in=[pk for pk, _due in before]).order_by("pk").values_list("pk", "due_at")) == before


# ---- T9, T12, T15 ----


def offer(ticket, cast, **more):
    return services.offer_result(ticket_id=ticket.pk, by=cast.agent, **{"result": "换新机,今天送到。", "agreement": "陈女士,电话,今天 10:05", **more})


def test_T9_what_was_missed_needs_its_reason(kept, cast, freeze):
    ticket = kept()
    freeze("2026-03-04 09:01")
    with pytest.raises(NotNow):
        offer(ticket, cast)
    offer(ticket, cast, late_reason="厂家配件晚到两天")
    assert (limit(ticket, "D08").late, limit(ticket, "D08").why) == (True, "厂家配件晚到两天")
    assert Entry.objects.filter(verb="late_reason", data__code="D08").count() == 1


def test_T9_the_missed_limits_are_listed_in_the_commas_of_the_language(kept, cast, freeze):
    ticket = kept()
    freeze("2026-03-20 09:01")
    with translation.override("en"), pytest.raises(NotNow, match="Solution offered, Completion"):
        offer(ticket, cast)
    with translation.override("zh-hans"), pytest.raises(NotNow, match="、"):
        offer(ticket, cast)


def test_T12_no_result_without_the_customers_agreement(kept, cast):
    ticket = kept()
    for words in ({"agreement": ""}, {"result": " "}):
        with pytest.raises(ValidationError):
            offer(ticket, cast, **words)
    offer(ticket, cast)
    assert (now(ticket).state, limit(ticket, "D26").state, limit(ticket, "D08").state) == ("confirming", "paused", "settled")


NOTE: dict[str, Any] = {"expectation": "换新", "cause": "外壳凹陷", "course": "已核实照片", "promised": "今天回电"}


def test_T15_to_the_second_line_with_a_note_and_D35(kept, cast, local):
    ticket = kept()
    with pytest.raises(ValidationError):
        services.second_line(ticket_id=ticket.pk, by=cast.agent, assignee_id=cast.colleague.pk, **NOTE)
    for missing in NOTE:
        with pytest.raises(ValidationError) as refused:
            services.second_line(ticket_id=ticket.pk, by=cast.agent, assignee_id=cast.second.pk, **NOTE | {missing: " "})
        assert list(refused.value.message_dict) == [missing]
    services.second_line(ticket_id=ticket.pk, by=cast.agent, assignee_id=cast.second.pk, **NOTE)
    assert Entry.objects.get(verb="second_line").words.text == "客户诉求：换新\n原因：外壳凹陷\n经过：已核实照片\n已作承诺：今天回电"
    assert (now(ticket).state, now(ticket).assignee) == ("pending", cast.second)
    assert (limit(ticket, "D35").owner, limit(ticket, "D35").due_at) == (cast.second, local("2026-03-04 00:00"))
    services.confirm(ticket_id=ticket.pk, by=cast.second)
    tell(ticket, cast, by=cast.second)
    assert limit(ticket, "D35").state == "settled"


@pytest.fixture
def handed_over(kept, cast):
    """To the second line, and the customer waits for its call."""
    ticket = kept()
    services.second_line(ticket_id=ticket.pk, by=cast.agent, assignee_id=cast.second.pk, **NOTE)
    return ticket


def test_T15_D35_is_not_settled_by_who_gave_the_ticket_away(handed_over, cast):
    tell(handed_over, cast, by=cast.agent)
    assert limit(handed_over, "D35").state == "running"
    tell(handed_over, cast, by=cast.second)
    assert (limit(handed_over, "D35").state, limit(handed_over, "D35").ended_by) == ("settled", cast.second)


def test_T13_T15_declined_the_call_that_is_owed_goes_to_the_supervisor_then_to_who_takes_it(handed_over, cast):
    services.decline(ticket_id=handed_over.pk, by=cast.second, reason="不在技术范围")
    assert limit(handed_over, "D35").owner == cast.supervisor
    services.take(ticket_id=handed_over.pk, by=cast.colleague)
    assert limit(handed_over, "D35").owner == cast.colleague
    tell(handed_over, cast, by=cast.colleague)
    assert limit(handed_over, "D35").state == "settled"


def test_T7_T15_handed_up_the_call_that_is_owed_is_the_supervisor_s(handed_over, cast):
    services.hand_up(ticket_id=handed_over.pk, by=cast.supervisor, reason="二线无人接单")
    assert limit(handed_over, "D35").owner == cast.supervisor


def test_T15_handed_on_within_the_second_line_the_same_call_is_owed_by_the_next(handed_over, cast, freeze):
    other = make_person("second2", "二线郑", Role.SECOND_LINE, department=cast.service, superior=cast.supervisor)
    before = limit(handed_over, "D35")
    services.confirm(ticket_id=handed_over.pk, by=cast.second)
    freeze("2026-03-02 15:00")
    services.second_line(ticket_id=handed_over.pk, by=cast.second, assignee_id=other.pk, **NOTE)
    after = limit(handed_over, "D35")
    assert (after.pk, after.owner, after.due_at) == (before.pk, other, before.due_at)


# ---- The rest of the life ----


def test_E3_D26_pauses_while_waiting_and_runs_on_with_what_was_left(kept, cast, freeze):
    ticket = kept()
    due = limit(ticket, "D26").due_at
    services.ask_customer(ticket_id=ticket.pk, by=cast.agent, question="请提供开箱照片", until=clock.now() + timedelta(days=1))
    assert limit(ticket, "D26").state == "paused"
    freeze("2026-03-04 10:00")
    services.customer_answered(ticket_id=ticket.pk, by=cast.agent, words="照片已发")
    assert (limit(ticket, "D26").state, limit(ticket, "D26").due_at) == ("running", due + timedelta(days=2))


def test_T8_completed_closes_by_itself_when_nothing_is_owed(kept, cast, freeze, local):
    ticket, other = kept(), kept()
    for one in (ticket, other):
        offer(one, cast)
        services.confirm_result(ticket_id=one.pk, by=cast.agent, words="客户电话确认")
    tell(other, cast, promised_at=local("2026-03-05 10:00"))
    assert close_settled() == 1
    assert (now(ticket).state, now(other).state) == ("closed", "completed")
    with pytest.raises(NotNow):
        services.close(ticket_id=other.pk, by=cast.supervisor)


def test_T16_a_promise_is_a_limit_of_its_own_and_kept_by_the_next_contact(kept, cast, local, freeze):
    ticket = kept()
    with pytest.raises(ValidationError):
        tell(ticket, cast, promised_at=local("2026-03-02 08:00"))
    tell(ticket, cast, promised_at=local("2026-03-03 10:00"))
    assert (limit(ticket, "D38").due_at, limit(ticket, "D38").owner) == (local("2026-03-03 10:00"), cast.agent)
    freeze("2026-03-03 09:58")
    tell(ticket, cast)
    assert (limit(ticket, "D38").state, limit(ticket, "D38").late) == ("settled", False)


def test_corrections_keep_old_and_new_and_rederive_the_limits(kept, cast, local, freeze):
    ticket = kept(urgency="normal")
    seen = ticket.version
    freeze("2026-03-02 09:30")
    with pytest.raises(ValidationError):
        services.correct(ticket_id=ticket.pk, by=cast.agent, changes={"urgency": "urgent"}, reason="")
    services.correct(ticket_id=ticket.pk, by=cast.agent, changes={"urgency": "urgent", "summary": "外壳破损且漏水"}, reason="客户补充", seen_version=seen)
    assert Entry.objects.get(verb="correct").data["changes"]["urgency"] == ["normal", "urgent"]
    assert (limit(ticket, "D04").state, limit(ticket, "D03").due_at) == ("void", local("2026-03-02 11:00"))
    with pytest.raises(NotNow):
        services.correct(ticket_id=ticket.pk, by=cast.colleague, changes={"remark": "x"}, reason="x", seen_version=seen)
    services.correct(ticket_id=ticket.pk, by=cast.agent, changes={"category": Category.objects.get(slug="ticket-fault")}, reason="类别有误")
    assert limit(ticket, "D26").due_at == local("2026-03-04 00:00")


def test_another_category_while_the_customer_is_asked_goes_on_waiting(kept, cast, local, freeze):
    ticket = kept()
    freeze("2026-03-03 10:00")
    services.ask_customer(ticket_id=ticket.pk, by=cast.agent, question="请发铭牌照片", until=local("2026-03-05 10:00"))
    freeze("2026-03-10 10:00")
    services.correct(ticket_id=ticket.pk, by=cast.agent, changes={"category": Category.objects.get(slug="ticket-fault")}, reason="类别有误")
    assert limit(ticket, "D26").state == "paused"
    services.customer_answered(ticket_id=ticket.pk, by=cast.agent, words="照片已发")
    assert limit(ticket, "D26").due_at > local("2026-03-10 10:00")


def test_corrections_of_a_reopened_ticket_count_from_the_reopening(kept, cast, local, freeze):
    ticket = kept(urgency="normal")
    offer(ticket, cast)
    services.confirm_result(ticket_id=ticket.pk, by=cast.agent, words="客户电话确认")
    freeze("2026-03-20 10:00")
    services.reopen(ticket_id=ticket.pk, by=cast.agent, reason="同一问题又出现")
    freeze("2026-03-20 10:30")
    changes = {"urgency": "low", "category": Category.objects.get(slug="ticket-fault")}
    services.correct(ticket_id=ticket.pk, by=cast.agent, changes=changes, reason="类别有误")
    assert limit(ticket, "D05").due_at == local("2026-03-23 10:00")
    assert limit(ticket, "D26").due_at == local("2026-03-22 00:00")


def test_I7_merging_keeps_the_earlier_receipt(kept, cast, local):
    survivor, other = kept(), kept(received_at=local("2026-03-02 07:00"))
    services.merge(ticket_id=other.pk, by=cast.agent, into_number=survivor.item.number)
    assert (now(other).state, now(other).merged_into, now(survivor).received_at) == ("merged", survivor, local("2026-03-02 07:00"))
    assert live(other) == set()
    with pytest.raises(NotNow):
        services.reassign(ticket_id=other.pk, by=cast.agent, assignee_id=cast.colleague.pk, reason="x")


def test_I7_unknown_invisible_and_foreign_tickets_are_refused_alike(kept, cast, customer):
    ticket = kept()
    stranger = services.create_customer(by=cast.agent, name="王明", phone="13912345678")
    for number in ("TASK20000101001", ticket.item.number, kept(customer_id=stranger.pk).item.number):
        with pytest.raises(ValidationError) as caught:
            services.merge(ticket_id=ticket.pk, by=cast.agent, into_number=number)
        assert set(caught.value.message_dict) == {"into_number"}


def test_C15_a_reopened_ticket_has_new_limits_in_round_two(kept, cast, freeze, local):
    ticket = kept()
    offer(ticket, cast)
    services.confirm_result(ticket_id=ticket.pk, by=cast.agent, words="客户电话确认")
    freeze("2026-03-10 09:00")
    services.reopen(ticket_id=ticket.pk, by=cast.agent, reason="又坏了")
    assert (now(ticket).state, now(ticket).round, now(ticket).outcome) == ("processing", 2, "")
    assert [(d.round, d.state) for d in Deadline.objects.filter(code="D08").order_by("pk")] == [(1, "settled"), (2, "running")]
    assert limit(ticket, "D08").due_at == local("2026-03-12 09:00")


# ---- V4 ----


def test_V4_revealing_is_for_roles_that_need_it_and_on_record(kept, cast):
    point, ticket = ContactPoint.objects.get(kind="phone"), kept()
    for person in (cast.inspector, cast.administrator, cast.outsider):
        with pytest.raises(NotYou):
            services.reveal(point_id=point.pk, by=person, why="回访", item=ticket.item)
    with pytest.raises(ValidationError):
        services.reveal(point_id=point.pk, by=cast.agent, why=" ", item=ticket.item)
    assert not Reading.objects.exists()
    assert services.reveal(point_id=point.pk, by=cast.agent, why="回电", item=ticket.item) == "13812342071"
    reading = Reading.objects.get()
    assert (reading.by, reading.what, reading.why, reading.subject) == (cast.agent, "phone", "回电", point.customer.number)


def test_V4_customers_are_found_by_number_name_whole_phone_or_its_last_four(cast, customer):
    for words in (customer.number, "陈雨瑶", "13812342071", "+86 138 1234 2071", "2071"):
        assert list(Customer.objects.found_by(words)) == [customer], words
    for words in ("1381234", "2072", "王"):
        assert list(Customer.objects.found_by(words)) == [], words


def test_T5_an_urgent_one_that_was_touched_is_restored_without_its_first_touch_and_to_be_confirmed_anew(kept, cast, freeze):
    ticket = kept(urgency="urgent")
    freeze("2026-03-02 09:10")
    services.invalidate(ticket_id=ticket.pk, by=cast.supervisor, reason="误报", explanation="已说明不属本店商品,建议联系卖家")
    assert limit(ticket, "D02").state == "settled", "what was explained is a contact"
    freeze("2026-03-02 10:00")
    services.restore(ticket_id=ticket.pk, by=cast.supervisor, reason="客户补充了凭证")
    assert live(ticket) & {"D02", "D06", "D07"} == {"D06", "D07"}
    assert (limit(ticket, "D07").owner, limit(ticket, "D07").start_at) == (cast.agent, clock.now())
    services.confirm(ticket_id=ticket.pk, by=cast.agent)
    assert live(ticket) & {"D06", "D07"} == set()


def test_T5_an_urgent_one_that_nobody_touched_is_restored_with_its_first_touch_from_the_registration(queued, cast, freeze):
    ticket = queued(urgency="urgent")
    services.invalidate(ticket_id=ticket.pk, by=cast.supervisor, reason="误报", explanation="已说明不属本店商品,建议联系卖家")
    Ticket.objects.filter(pk=ticket.pk).update(touched_at=None)  # as one that came with imported history
    services.restore(ticket_id=ticket.pk, by=cast.supervisor, reason="客户补充了凭证")
    assert limit(ticket, "D02").state == "running"
    assert limit(ticket, "D02").start_at == ticket.registered_at
    assert live(ticket) & {"D06", "D07"} == set(), "nobody has it"


def test_E6_what_was_met_before_a_ticket_became_invalid_does_not_begin_again_with_it(kept, cast, freeze):
    ticket = kept()
    said: dict[str, Any] = {"said": "已说明处理步骤并安排核实。", "customer_says": "同意等结果"}
    services.record_contact(ticket_id=ticket.pk, by=cast.agent, way="call_out", purpose="solution", **said, **comes_next())
    before = set(Deadline.objects.filter(item=ticket.item, state="settled").values_list("code", flat=True))
    assert before & {"D03", "D04", "D05"}
    assert "D08" in before
    services.invalidate(ticket_id=ticket.pk, by=cast.supervisor, reason="误报", explanation="已说明不属本店商品,建议联系卖家")
    services.restore(ticket_id=ticket.pk, by=cast.supervisor, reason="客户补充了凭证")
    assert live(ticket) & {"D03", "D04", "D05", "D08"} == set()
    assert "D26" in live(ticket)


# ---- V3: named in the matter while it was over ----


def named(ticket, user, cast):
    name_concerned(ticket.item, user, because="客户点名", by=cast.supervisor, at=clock.now())


def owners(ticket):
    return set(Deadline.objects.filter(root=ticket.item, state__in=("running", "paused")).values_list("owner__username", flat=True))


def told_of(verb, ticket):
    entry = Entry.objects.filter(item=ticket.item, verb=verb).latest("pk")
    return set(Notice.objects.filter(cause=f"entry:{entry.pk}", channel="page").values_list("receiver__username", flat=True))


def invalidated(ticket, cast):
    services.invalidate(ticket_id=ticket.pk, by=cast.supervisor, reason="误报", explanation="已说明不属本店商品,建议联系卖家")


@pytest.mark.parametrize("kind", ["consultation", "complaint"])
def test_V3_restored_it_goes_to_the_heir_of_an_assignee_who_was_named_meanwhile(kind, kept, cast, freeze):
    ticket = kept(type=kind)
    invalidated(ticket, cast)
    named(ticket, cast.agent, cast)
    freeze("2026-03-02 10:00")
    services.restore(ticket_id=ticket.pk, by=cast.supervisor, reason="客户补充了凭证")
    restored = now(ticket)
    assert (restored.state, restored.assignee, restored.item.holder) == ("pending", cast.colleague, cast.colleague)
    assert {"D06", "D07", "D08", "D26"} <= live(ticket)
    assert "agent" not in owners(ticket)
    assert told_of("taken_away", ticket) == {"colleague"}
    services.confirm(ticket_id=ticket.pk, by=cast.colleague)


def test_V3_restored_it_goes_to_the_queue_where_nobody_is_left_for_an_assignee_who_was_named_meanwhile(kept, cast, freeze):
    ticket = kept()
    invalidated(ticket, cast)
    for user in (cast.agent, cast.colleague, cast.supervisor, cast.manager, cast.general_manager, cast.deputy, cast.office):
        Concern.objects.create(item=ticket.item, user=user, because="客户点名", since=clock.now())
    again = make_person("supervisor2", "主管许", Role.SUPERVISOR, department=cast.service)
    services.restore(ticket_id=ticket.pk, by=again, reason="客户补充了凭证")
    assert (now(ticket).state, now(ticket).assignee) == ("pending", None)
    assert live(ticket) & {"D06", "D07"} == set()
    assert owners(ticket) == {"supervisor2"}


def test_V3_reopened_it_goes_to_the_heir_of_an_assignee_who_was_named_meanwhile(kept, cast, freeze):
    ticket = kept(type="consultation")
    offer(ticket, cast)
    services.confirm_result(ticket_id=ticket.pk, by=cast.agent, words="已收到")
    services.close(ticket_id=ticket.pk, by=cast.supervisor)
    named(ticket, cast.agent, cast)
    assert now(ticket).assignee == cast.agent
    services.reopen(ticket_id=ticket.pk, by=cast.supervisor, reason="客户又来电")
    assert (now(ticket).state, now(ticket).assignee) == ("processing", cast.colleague)
    assert owners(ticket) == {"colleague"}
    assert told_of("taken_away", ticket) == {"colleague"}
