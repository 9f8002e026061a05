"""Check, visit, closing, abnormal closing, reopening, coupling, stand-ins (C9, C10, C15, C20, E6, V2, V3, F3)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from complaints import services as forms
from complaints.guards import failed_visit_days
from complaints.models import ComplaintForm
from feedback_desk import clock
from feedback_desk.deadlines.models import Deadline
from feedback_desk.people.access import NotNow, NotYou
from feedback_desk.people.models import Absence, Concern
from feedback_desk.people.services import name_concerned
from feedback_desk.records.models import Entry
from followups import services as visits
from tests.ways import comes_next, replied, summed_up
from tickets import services as tickets

pytestmark = pytest.mark.django_db


def inspect(way, **more):
    return forms.inspect(**{"form_id": way.form_id, "by": way.cast.inspector, "timely": True, "severity": "fitting", **more})


def away(user, local):
    Absence.objects.create(user=user, starts_at=local("2026-03-01 00:00"), ends_at=local("2026-04-01 00:00"))


# ---- C9, C20 ----


def test_C9_with_faults_it_goes_back_to_the_department_and_then_on(way, freeze):
    way = way().awaiting_check().result()
    with pytest.raises(ValidationError):
        inspect(way, passed=False, faults="")
    inspect(way, passed=False, timely=False, severity="mild", faults="谈话记录无日期")
    assert way.form.state == "executing"
    assert way.live("D19", "D37") == {"D37"}
    assert way.limit("D19").state == "void"
    assert way.limit("D37").owner == way.cast.department_head
    freeze("2026-03-02 16:00")
    forms.hand_over(form_id=way.form_id, by=way.cast.department_head, department_id=way.cast.delivery.pk, words="谈话后未补日期，已补。")
    assert (way.limit("D37").state, way.limit("D37").late) == ("settled", False)
    assert way.live("D19") == {"D19"}
    inspect(way)
    assert way.form.state == "visiting"
    assert [i.passed for i in way.form.inspections.all()] == [False, True]


def returned(way):
    way = way().awaiting_check().result()
    inspect(way, passed=False, timely=False, severity="mild", faults="谈话记录无日期")
    return way


def test_C9_the_department_says_who_is_responsible_for_the_faults_before_it_hands_over_again(way, freeze):
    way = returned(way)
    freeze("2026-03-02 16:00")
    with pytest.raises(ValidationError) as nothing_said:
        forms.hand_over(form_id=way.form_id, by=way.cast.department_head)
    assert "words" in nothing_said.value.error_dict
    with pytest.raises(ValidationError) as nobody_named:
        forms.hand_over(form_id=way.form_id, by=way.cast.department_head, words="谈话后未补日期。")
    assert "department" in nobody_named.value.error_dict
    assert way.form.state == "executing", "a refused hand-over leaves no half of it"
    forms.hand_over(form_id=way.form_id, by=way.cast.department_head, department_id=way.cast.delivery.pk, words="谈话后未补日期，已补。")
    finding = way.form.inspections.get().finding
    assert (finding.department, finding.user, finding.by, finding.words) == (way.cast.delivery, None, way.cast.department_head, "谈话后未补日期，已补。")
    line = Entry.objects.get(item=way.form.item, verb="find_at_fault")
    assert (line.data["target"], line.words.text) == ("配送部", "谈话后未补日期，已补。")
    inspect(way)
    assert way.form.state == "visiting"


def test_C9_V3_a_person_responsible_for_the_faults_takes_no_part_any_more(way):
    way = returned(way)
    forms.hand_over(form_id=way.form_id, by=way.cast.department_head, user_id=way.cast.head_backup.pk, words="谈话由副手记录，已补。")
    assert way.form.inspections.get().finding.department == way.cast.delivery, "of their own department unless another is said"
    assert Concern.objects.filter(item=way.ticket.item, user=way.cast.head_backup).exists()


@pytest.mark.parametrize("who", ["department_head", "manager", "general_manager", "inspector"])
def test_C9_V3_nobody_who_decides_or_decided_on_the_complaint_is_made_responsible_for_the_faults(way, who):
    way = returned(way)
    with pytest.raises(ValidationError) as refused:
        forms.hand_over(form_id=way.form_id, by=way.cast.department_head, user_id=getattr(way.cast, who).pk, words="谈话后未补日期。")
    assert "person" in refused.value.error_dict
    assert way.form.state == "executing"


def test_C9_a_form_that_was_never_returned_is_handed_over_without_a_word(way):
    assert not hasattr(way().awaiting_check().form.inspections.first(), "finding")


def test_C20_no_closing_without_a_case_summary(way):
    way = way().awaiting_check().result()
    inspect(way)
    replied(way.form_id, way.cast)
    with pytest.raises(NotNow):
        way.visit()
    assert way.form.visits.count() == 0, "a refused closing leaves no half of a visit"
    forms.write_case_summary(form_id=way.form_id, by=way.cast.agent, text="卸货侧放所致;换新得当。")
    way.visit()
    assert way.states == ("closed", "closed")


def test_F2_unmarked_grade_III_is_filed_without_a_visit_when_the_ticket_is_completed(way):
    way = way("III").graded(visit_marked=False)
    forms.handle_on_the_spot(form_id=way.form_id, by=way.cast.agent, how="当场换新,客户满意离开。")
    forms.write_case_summary(form_id=way.form_id, by=way.cast.agent, text="门店当场换新。")
    with pytest.raises(NotNow):
        inspect(way)
    way.spoken().result()
    with pytest.raises(NotNow):
        inspect(way)
    tickets.confirm_result(ticket_id=way.ticket_id, by=way.cast.agent, words="客户电话确认")
    inspect(way)
    assert way.states == ("closed", "closed")
    assert way.ticket.outcome == "confirmed"


def test_C10_an_unmarked_form_of_grade_II_has_two_working_days(way):
    assert way().awaiting_check(visit_marked=False).result().live("D19", "D20") == {"D20"}


# ---- C10 ----


def test_C10_accepted_closes_form_and_ticket_and_leaves_only_what_is_owed(way):
    way = way().visiting()
    way.visit(scores=(5, 3, 4))
    assert way.states == ("closed", "closed")
    assert way.live() == {"D22"}
    assert not way.form.item.open


def test_C10_not_accepted_is_a_new_round_from_determination(way):
    way = way().visiting()
    with pytest.raises(ValidationError):
        way.visit(accepted=False, missing="")
    way.visit(accepted=False)
    assert way.states == ("determining", "processing")
    assert way.form.round == 2
    assert "D14" in way.live()
    assert way.live("D19", "D20") == set()


def test_C10_the_second_round_goes_the_whole_way_again(way):
    way = way().visiting()
    way.visit(accepted=False)
    way.determine([way.one("talk")])
    forms.submit(form_id=way.form_id, by=way.cast.manager)
    forms.agree(disposition_id=way.measure.pk, by=way.cast.department_head)
    forms.rule(form_id=way.form_id, by=way.cast.general_manager)
    way.carry_out()
    forms.hand_over(form_id=way.form_id, by=way.cast.department_head)
    with pytest.raises(NotNow):
        way.visit()
    way.result()
    assert way.live("D19", "D20") == {"D19"}
    inspect(way)
    with pytest.raises(NotNow, match="最终答复"):
        way.visit()
    summed_up(way.form_id, way.cast, "补换配件。")
    way.visit()
    assert way.states == ("closed", "closed")
    assert Deadline.objects.filter(root=way.ticket.item, code="D14").count() == 2


def test_C10_a_failed_attempt_in_time_settles_D19_and_dates_the_next(way, freeze, local):
    way = way().visiting()
    freeze("2026-03-02 15:00")
    with pytest.raises(ValidationError):
        visits.record_visit(ticket_id=way.ticket_id, by=way.cast.visitor, reached=False, said="无人接听,稍后再打。")
    way.visit_in_vain(local("2026-03-03 10:00"))
    assert (way.limit("D19").state, way.limit("D38").due_at) == ("settled", local("2026-03-03 10:00"))
    freeze("2026-03-03 09:55")
    way.visit()
    assert way.limit("D38").state == "settled"
    assert way.states == ("closed", "closed")


def three_days_in_vain(way, freeze, local, days=("02", "03", "04")):
    for n, day in enumerate(days):
        freeze(f"2026-03-{day} {15 + n}:00")
        way.visit_in_vain(local("2026-03-20 10:00"))


def test_C10_abnormal_closing_after_three_failed_attempts_on_three_days(way, freeze, local):
    way = way().visiting()
    three_days_in_vain(way, freeze, local, ("02", "03", "03"))
    assert failed_visit_days(way.form, clock.now()) == 2, "two on one day count once"
    with pytest.raises(ValidationError):
        forms.ask_abnormal(form_id=way.form_id, by=way.cast.agent, ground="unreachable", words="三次回访未接通")
    freeze("2026-03-04 15:00")
    way.visit_in_vain(local("2026-03-20 10:00"))
    forms.ask_abnormal(form_id=way.form_id, by=way.cast.agent, ground="unreachable", words="三次回访未接通")
    assert "D21" in way.live()
    forms.rule_abnormal(form_id=way.form_id, by=way.cast.manager, reason="同意")
    assert way.states == ("closed_abnormally", "closed")
    assert way.ticket.outcome == "no_answer"
    assert way.live() == set(), "nobody visits any more"


def test_C10_a_customer_who_was_reached_in_between_breaks_the_series(way, freeze, local):
    way = way().visiting()
    three_days_in_vain(way, freeze, local, ("02", "03"))
    freeze("2026-03-04 15:00")
    way.visit(accepted=False)
    assert way.form.state == "determining"
    assert failed_visit_days(way.form, clock.now()) == 0


def test_C10_attempts_of_the_round_before_do_not_count(way, freeze, local):
    way = way().visiting()
    three_days_in_vain(way, freeze, local, ("02", "03"))
    ComplaintForm.objects.filter(pk=way.form_id).update(round=2, handed_over_at=local("2026-03-04 09:00"))
    freeze("2026-03-04 15:00")
    way.visit_in_vain(local("2026-03-20 10:00"))
    assert failed_visit_days(way.form, clock.now()) == 1


def test_C10_attempts_of_more_than_a_month_ago_do_not_count(way, freeze, local):
    way = way().visiting()
    three_days_in_vain(way, freeze, local, ("02", "03"))
    freeze("2026-04-10 15:00")
    way.visit_in_vain(local("2026-04-20 10:00"))
    with pytest.raises(ValidationError):
        forms.ask_abnormal(form_id=way.form_id, by=way.cast.agent, ground="unreachable", words="三次回访未接通")


def test_C10_conflict_quotes_the_clause(way):
    way = way().visiting()
    with pytest.raises(ValidationError):
        forms.ask_abnormal(form_id=way.form_id, by=way.cast.agent, ground="conflict", words=" ")
    assert "D21" not in way.live()


def test_C10_a_customer_who_is_not_content_before_the_next_attempt_ends_the_visits(way, local):
    way = way().visiting()
    way.visit_in_vain(local("2026-03-20 10:00"))
    tickets.not_solved(ticket_id=way.ticket_id, by=way.cast.agent, reason="仍要求退一赔十")
    assert way.form.state == "determining"
    assert way.live("D19", "D38") == set()


def test_C10_V8_who_asked_does_not_rule_their_backup_does(way):
    way = way().visiting()
    ticket = way.ticket
    ticket.assignee = way.cast.manager
    ticket.save(update_fields=["assignee"])
    forms.ask_abnormal(form_id=way.form_id, by=way.cast.manager, ground="conflict", words="合同第 8 条:退一赔三为限")
    with pytest.raises(NotYou):
        forms.rule_abnormal(form_id=way.form_id, by=way.cast.manager, reason="同意")
    forms.rule_abnormal(form_id=way.form_id, by=way.cast.supervisor, reason="同意")
    assert way.states == ("closed_abnormally", "closed")
    assert way.ticket.outcome == "conflict"


def test_C10_refused_the_state_stays(way):
    way = way().visiting()
    forms.ask_abnormal(form_id=way.form_id, by=way.cast.agent, ground="conflict", words="合同第 8 条")
    forms.refuse_abnormal(form_id=way.form_id, by=way.cast.manager, reason="再联系一次")
    assert (way.form.state, way.limit("D21").state) == ("visiting", "settled")
    with pytest.raises(NotNow):
        forms.rule_abnormal(form_id=way.form_id, by=way.cast.manager, reason="同意")


# ---- C15, E6 ----


def test_C15_reopening_opens_both_and_the_first_round_stays_as_it_was(way, freeze):
    way = way().closed()
    first = list(Deadline.objects.order_by("pk").values_list("pk", "state", "ended_at", "late"))
    freeze("2026-03-10 09:00")
    with pytest.raises(ValidationError):
        forms.reopen(form_id=way.form_id, by=way.cast.agent, reason="")
    forms.reopen(form_id=way.form_id, by=way.cast.agent, reason="新机仍有异响")
    assert way.states == ("determining", "processing")
    assert (way.form.round, way.ticket.round) == (2, 2)
    assert list(Deadline.objects.filter(pk__in=[row[0] for row in first]).order_by("pk").values_list("pk", "state", "ended_at", "late")) == first
    assert {d.round for d in Deadline.objects.filter(root=way.ticket.item, state="running")} == {2}
    assert {"D14", "D26", "D08"} <= way.live()
    assert (way.form.case_summary, way.ticket.result) == ("", "")


def test_E6_limits_of_the_second_round_count_from_the_reopening(way, freeze, local):
    way = way().closed()
    freeze("2026-03-10 09:00")
    tickets.reopen(ticket_id=way.ticket_id, by=way.cast.supervisor, reason="新机仍有异响")
    assert way.limit("D14").due_at == local("2026-03-11 09:00")
    assert way.limit("D08").due_at == local("2026-03-12 09:00")
    assert {d.start_at for d in Deadline.objects.filter(round=2)} == {local("2026-03-10 09:00")}


def test_C15_after_abnormal_closing_only_a_supervisor_reopens(way):
    way = way().visiting()
    forms.ask_abnormal(form_id=way.form_id, by=way.cast.agent, ground="conflict", words="合同第 8 条")
    forms.rule_abnormal(form_id=way.form_id, by=way.cast.manager, reason="同意")
    with pytest.raises(NotYou):
        forms.reopen(form_id=way.form_id, by=way.cast.agent, reason="客户来电")
    assert way.states == ("closed_abnormally", "closed")
    forms.reopen(form_id=way.form_id, by=way.cast.supervisor, reason="客户来电")
    assert way.states == ("determining", "processing")
    assert not way.form.abnormal_asked_at


def test_C15_a_measure_is_reversed_only_after_reopening(way):
    way = way().closed()
    measure = way.measure
    with pytest.raises(NotNow):
        forms.reverse(disposition_id=measure.pk, by=way.cast.general_manager, reason="责任在承运商")
    forms.reopen(form_id=way.form_id, by=way.cast.agent, reason="新机仍有异响")
    with pytest.raises(NotYou):
        forms.reverse(disposition_id=measure.pk, by=way.cast.manager, reason="责任在承运商")
    forms.reverse(disposition_id=measure.pk, by=way.cast.general_manager, reason="责任在承运商")
    measure.refresh_from_db()
    assert (measure.state, measure.round) == ("reversed", 1)


# ---- Coupling ----


@pytest.mark.parametrize("state", ["awaiting_check", "visiting"])
def test_coupling_not_solved_takes_a_form_on_its_way_to_closing_back(way, state):
    way = getattr(way(), state)()
    if way.ticket.state != "confirming":
        way.result()
    tickets.not_solved(ticket_id=way.ticket_id, by=way.cast.agent, reason="仍有异响")
    assert way.states == ("determining", "processing")
    assert way.form.round == 2
    assert way.live("D19", "D20") == set()


def test_coupling_not_solved_earlier_leaves_the_form_alone(way):
    way = way().in_review().result()
    tickets.not_solved(ticket_id=way.ticket_id, by=way.cast.agent, reason="仍有异响")
    assert way.states == ("in_review", "processing")
    assert way.form.round == 1


def test_coupling_a_waiting_ticket_stops_no_limit_of_the_form(way):
    way = way().determining()
    tickets.ask_customer(ticket_id=way.ticket_id, by=way.cast.agent, question="请提供开箱照片", until=clock.now() + timedelta(days=1))
    assert way.limit("D26").state == "paused"
    assert way.limit("D14").state == "running"


def test_coupling_closing_by_hand_is_refused_while_the_form_is_open(way):
    way = way().in_review().result()
    tickets.confirm_result(ticket_id=way.ticket_id, by=way.cast.agent, words="客户电话确认")
    with pytest.raises(NotNow):
        tickets.close(ticket_id=way.ticket_id, by=way.cast.supervisor)
    assert way.states == ("in_review", "completed")


def test_coupling_invalid_and_restored_together(way):
    way = way().graded()
    with pytest.raises(NotYou):
        tickets.invalidate(ticket_id=way.ticket_id, by=way.cast.agent, reason="误报", explanation="已说明不属本店商品,建议联系卖家")
    tickets.invalidate(ticket_id=way.ticket_id, by=way.cast.supervisor, reason="误报", explanation="已说明不属本店商品,建议联系卖家")
    assert way.states == ("invalid", "invalid")
    assert way.live() == set()
    tickets.restore(ticket_id=way.ticket_id, by=way.cast.supervisor, reason="客户补充了订单")
    assert way.states == ("registered", "pending")
    assert {"D14", "D26", "D08"} <= way.live()


def test_coupling_a_form_beyond_grading_is_not_invalid_any_more(way):
    way = way().determining()
    with pytest.raises(NotNow):
        tickets.invalidate(ticket_id=way.ticket_id, by=way.cast.supervisor, reason="误报", explanation="已说明不属本店商品")


def test_coupling_merged_together_before_the_review_only(way):
    first, second, third = way().graded(), way().graded(), way().in_review()
    with pytest.raises(NotNow):
        tickets.merge(ticket_id=third.ticket_id, by=third.cast.agent, into_number=first.ticket.number)
    tickets.merge(ticket_id=second.ticket_id, by=second.cast.agent, into_number=first.ticket.number)
    assert second.states == ("merged", "merged")
    assert second.live() == set()
    assert first.states == ("graded", "processing")


def test_I7_a_complaint_is_not_merged_into_one_that_is_in_review(way):
    first, second = way().in_review(), way().graded()
    with pytest.raises(ValidationError) as refused:
        tickets.merge(ticket_id=second.ticket_id, by=second.cast.agent, into_number=first.ticket.number)
    assert list(refused.value.message_dict) == ["into_number"]
    assert second.states == ("graded", "processing")
    assert "D14" in second.live()


def test_I7_a_complaint_is_merged_only_into_a_complaint(way):
    way = way().graded()
    other = tickets.register(**way.said(type="consultation"))
    with pytest.raises(ValidationError) as refused:
        tickets.merge(ticket_id=way.ticket_id, by=way.cast.agent, into_number=other.item.number)
    assert list(refused.value.message_dict) == ["into_number"]
    assert way.states == ("graded", "processing")
    tickets.merge(ticket_id=other.pk, by=way.cast.agent, into_number=way.ticket.number)
    other.refresh_from_db()
    assert other.state == "merged"


def test_coupling_a_ticket_that_is_no_complaint_any_more_ends_its_form(way):
    way = way().graded()
    tickets.correct(ticket_id=way.ticket_id, by=way.cast.agent, changes={"type": "after_sales"}, reason="客户只是要求维修")
    assert way.states == ("invalid", "processing")
    assert way.live("D14") == set()
    tickets.correct(ticket_id=way.ticket_id, by=way.cast.agent, changes={"type": "complaint"}, reason="客户坚持投诉")
    assert way.states == ("registered", "processing")
    assert ComplaintForm.objects.count() == 1
    assert way.live("D14") == {"D14"}


def test_coupling_withdrawn_before_the_review_a_supervisor_ends_the_form(way):
    way = way().determining()
    way.determine([way.one()])
    with pytest.raises(NotNow):
        forms.close_withdrawn(form_id=way.form_id, by=way.cast.supervisor, reason="客户撤诉")
    tickets.withdraw(ticket_id=way.ticket_id, by=way.cast.agent, reason="客户来电撤诉")
    assert way.states == ("determining", "completed")
    assert way.live("D14", "D26") == set()
    forms.close_withdrawn(form_id=way.form_id, by=way.cast.supervisor, reason="客户撤诉")
    assert way.states == ("closed", "closed")
    assert way.ticket.outcome == "withdrawn"


def test_coupling_withdrawn_later_it_runs_on_inside_without_a_visit(way):
    way = way().awaiting_check()
    tickets.withdraw(ticket_id=way.ticket_id, by=way.cast.agent, reason="客户来电撤诉")
    assert way.states == ("awaiting_check", "completed")
    assert way.live("D19", "D20") == set()
    forms.write_case_summary(form_id=way.form_id, by=way.cast.agent, text="客户撤诉,内部已处理。")
    inspect(way)
    assert way.states == ("closed", "closed")
    assert way.ticket.outcome == "withdrawn"


def test_coupling_withdrawn_while_the_visit_is_due_nobody_is_owed_a_visit(way, local):
    way = way().visiting()
    way.visit_in_vain(local("2026-03-20 10:00"))
    assert way.live("D38") == {"D38"}
    tickets.withdraw(ticket_id=way.ticket_id, by=way.cast.agent, reason="客户来电撤诉")
    assert way.live("D19", "D20", "D38") == set()


# ---- V2, V3 ----


def test_V2_the_backup_acts_while_the_primary_is_absent_and_the_history_says_for_whom(way, local):
    way = way().determined()
    with pytest.raises(NotYou):
        forms.submit(form_id=way.form_id, by=way.cast.supervisor)
    away(way.cast.manager, local)
    forms.submit(form_id=way.form_id, by=way.cast.supervisor)
    entry = Entry.objects.get(verb="submit")
    assert (entry.by, entry.in_place_of) == (way.cast.supervisor, way.cast.manager)
    away(way.cast.department_head, local)
    forms.agree(disposition_id=way.measure.pk, by=way.cast.head_backup)
    assert Entry.objects.get(verb="agree").in_place_of == way.cast.department_head
    away(way.cast.general_manager, local)
    assert way.form.item.holder == way.cast.general_manager, "held since before the leave was recorded"
    forms.rule(form_id=way.form_id, by=way.cast.deputy)
    assert Entry.objects.get(verb="rule", target="executing").in_place_of == way.cast.general_manager


def test_V2_the_form_goes_to_whoever_stands_in(way, local):
    way = way()
    away(way.cast.general_manager, local)
    way.awaiting_ruling()
    assert way.form.item.holder == way.cast.deputy


def test_V3_a_head_who_is_concerned_is_stood_in_for(way):
    way = way().determining()
    way.determine([way.one(user=way.cast.department_head)])
    forms.submit(form_id=way.form_id, by=way.cast.manager)
    assert way.form.item.holder == way.cast.head_backup
    assert way.limit("D15").owner == way.cast.head_backup
    with pytest.raises(NotYou):
        forms.agree(disposition_id=way.measure.pk, by=way.cast.department_head)
    forms.agree(disposition_id=way.measure.pk, by=way.cast.head_backup)
    assert way.form.state == "awaiting_ruling"


def test_V3_a_general_manager_who_is_concerned_is_stood_in_for(way):
    way = way().awaiting_ruling()
    name_concerned(way.ticket.item, way.cast.general_manager, because="客户点名", by=way.cast.office, at=clock.now())
    assert way.form.item.holder == way.cast.deputy, "open work is taken away at once"
    with pytest.raises(NotYou):
        forms.rule(form_id=way.form_id, by=way.cast.general_manager)
    forms.rule(form_id=way.form_id, by=way.cast.deputy)


def test_V3_becoming_concerned_takes_the_ticket_and_its_limits_away_at_once(way):
    way = way().graded()
    name_concerned(way.ticket.item, way.cast.agent, because="客户点名", by=way.cast.supervisor, at=clock.now())
    assert (way.ticket.assignee, way.ticket.item.holder) == (way.cast.colleague, way.cast.colleague)
    assert way.cast.agent not in {d.owner for d in Deadline.objects.filter(state="running")}
    for attempt in (
        lambda: tickets.record_contact(ticket_id=way.ticket_id, by=way.cast.agent, way="call_out", said="说明情况", customer_says="同意", **comes_next()),
        lambda: forms.change_grade(form_id=way.form_id, by=way.cast.agent, grade="III", reason="误判"),
        lambda: forms.write_case_summary(form_id=way.form_id, by=way.cast.agent, text="无责"),
        lambda: tickets.correct(ticket_id=way.ticket_id, by=way.cast.agent, changes={"remark": "x"}, reason="x"),
    ):
        with pytest.raises(NotYou):
            attempt()
    tickets.record_contact(ticket_id=way.ticket_id, by=way.cast.colleague, way="call_out", said="说明情况", customer_says="同意等到明天", **comes_next())


def test_V3_with_nobody_left_the_form_waits(way):
    way = way().awaiting_ruling()
    for person in (way.cast.general_manager, way.cast.deputy, way.cast.office):
        Concern.objects.create(item=way.ticket.item, user=person, because="客户点名", since=clock.now())
    for person in (way.cast.manager, way.cast.supervisor, way.cast.department_head, way.cast.office):
        with pytest.raises(NotYou):
            forms.rule(form_id=way.form_id, by=person)
    assert way.form.state == "awaiting_ruling"
