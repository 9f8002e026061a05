"""Root cause, corrective and preventive action (C14): approval by somebody else, two dates, and a life beyond the complaint's."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from complaints import services as forms
from complaints.models import CauseCategory, CorrectiveAction
from feedback_desk import clock
from feedback_desk.deadlines.models import Deadline
from feedback_desk.deadlines.sweep import sweep
from feedback_desk.notices.models import Notice
from feedback_desk.people import access
from feedback_desk.people.access import Changed, NotNow, NotYou
from feedback_desk.people.models import Department, Membership
from feedback_desk.people.services import name_concerned, record_absence
from feedback_desk.records.models import Entry
from tests.ways import Way, summed_up
from tickets import services as tickets

DUE, EFFECT = date(2026, 3, 9), date(2026, 4, 8)


def cause(way: Way, by: Any = None, **more: Any) -> Any:
    said: dict[str, Any] = {
        "category_id": CauseCategory.objects.get(slug="method-missing").pk,
        "whys": ["为何侧放？车厢已满", "为何超装？调度未核体积"],
        "conclusion": "无体积核对规范",
    }
    return forms.write_root_cause(form_id=way.form_id, by=by or way.cast.manager, **said | more)


def text(way: Way, **more: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"kind": "corrective", "what": "制定装车体积核对表", "owner_id": way.cast.head_backup.pk, "department_id": way.cast.delivery.pk}
    return {**said, "due_on": DUE, "effect_on": EFFECT, **more}


def drafted(way: Way, by: Any = None, **more: Any) -> CorrectiveAction:
    if not way.form.rootcause_rows.exists():
        cause(way)
    return forms.draft_action(form_id=way.form_id, by=by or way.cast.supervisor, **text(way, **more))


def submitted(way: Way, **more: Any) -> CorrectiveAction:
    return forms.submit_action(action_id=drafted(way, **more).pk, by=way.cast.manager)


def approved(way: Way, **more: Any) -> CorrectiveAction:
    return forms.approve_action(action_id=submitted(way, **more).pk, by=way.cast.general_manager)


def done(way: Way, **more: Any) -> CorrectiveAction:
    return forms.report_done(action_id=approved(way, **more).pk, by=way.cast.head_backup, done="核对表已启用")


def limit(action: CorrectiveAction, code: str) -> Deadline:
    return Deadline.objects.filter(item_id=action.item_id, code=code).latest("pk")


def state(action: CorrectiveAction) -> str:
    return str(CorrectiveAction.objects.get(pk=action.pk).state)


@pytest.fixture
def one(way):
    """A complaint in determination: the customer-service manager, the heads and the quality department work on it."""
    return way().determining()


# ---- the way of an action ----


def test_C14_drafted_approved_carried_out_and_found_effective(cast, one, freeze):
    action = drafted(one)
    assert (action.item.number, action.item.root) == ("JZ20260302001", one.ticket.item)
    forms.submit_action(action_id=action.pk, by=cast.manager)
    forms.approve_action(action_id=action.pk, by=cast.general_manager)
    assert state(action) == "in_progress"
    freeze("2026-03-06 15:00")
    forms.report_done(action_id=action.pk, by=cast.head_backup, done="核对表已启用")
    freeze("2026-04-08 10:00")
    found = forms.confirm_effective(action_id=action.pk, by=cast.manager, evidence="一个月内无侧放")
    assert (found.state, found.checked_by, found.item.open) == ("effective", cast.manager, False)
    verbs = list(Entry.objects.filter(item=action.item).exclude(verb="limit_near").values_list("verb", flat=True))
    assert verbs == ["draft_action", "submit", "approve", "report_done", "confirm_effective"]
    assert {"write_root_cause", "action_drafted", "action_approved"} <= set(Entry.objects.filter(item=one.form.item).values_list("verb", flat=True))


def test_C14_who_is_asked_next_is_told_and_holds_it(cast, one, freeze):
    action = drafted(one)
    steps: list[tuple[Any, Any, Any]] = [
        (cast.manager, lambda: forms.submit_action(action_id=action.pk, by=cast.product_head), cast.general_manager),
        (cast.general_manager, lambda: forms.approve_action(action_id=action.pk, by=cast.general_manager), cast.head_backup),
        (cast.head_backup, lambda: forms.report_done(action_id=action.pk, by=cast.head_backup, done="已启用"), cast.manager),
    ]
    CorrectiveAction.objects.filter(pk=action.pk).update(department=cast.product)
    assert Notice.objects.filter(item=action.item, receiver=cast.manager, channel="page", template="approval_wanted").exists()
    for _who, step, asked in steps:
        step()
        assert CorrectiveAction.objects.get(pk=action.pk).item.holder == asked
        assert Notice.objects.filter(item=action.item, receiver=asked, channel="page").exists()


def test_C14_one_why_and_a_conclusion_at_least(one):
    wrongs: list[tuple[dict[str, Any], str]] = [({"whys": [" ", ""]}, "why_1"), ({"conclusion": " "}, "conclusion"), ({"category_id": 0}, "category")]
    for wrong, field in wrongs:
        with pytest.raises(ValidationError) as error:
            cause(one, **wrong)
        assert set(error.value.message_dict) == {field}
    row = cause(one, whys=["一", "", "二", "三", "四", "五", "六"])
    assert row.whys == ["一", "二", "三", "四", "五"]


def test_C14_the_cause_comes_before_the_submission(cast, one):
    action = forms.draft_action(form_id=one.form_id, by=cast.supervisor, **text(one))
    with pytest.raises(NotNow, match="root cause|根本原因"):
        forms.submit_action(action_id=action.pk, by=cast.manager)
    row = cause(one)
    assert forms.submit_action(action_id=action.pk, by=cast.manager).cause == row


@pytest.mark.parametrize(("wrong", "field"), [
    ({"what": " "}, "what"), ({"due_on": date(2026, 3, 1)}, "due_on"), ({"effect_on": date(2026, 3, 8)}, "effect_on"), ({"kind": "other"}, "kind"),
    ({"owner_id": 0}, "owner"), ({"department_id": 0}, "department"),
])  # fmt: skip
def test_C14_a_draft_is_whole(one, wrong, field):
    with pytest.raises(ValidationError) as error:
        drafted(one, **wrong)
    assert set(error.value.message_dict) == {field}


# ---- V3, V8: who may ----


def test_V8_who_drafted_it_does_not_approve_it(cast, one):
    Membership.objects.create(user=cast.manager, role="general_manager")
    action = forms.submit_action(action_id=drafted(one, by=cast.manager).pk, by=cast.product_head) if _heads(cast, one) else None
    assert action is not None
    with pytest.raises(NotYou):
        forms.approve_action(action_id=action.pk, by=cast.manager)
    forms.approve_action(action_id=action.pk, by=cast.general_manager)


def _heads(cast: Any, one: Way) -> bool:
    """The quality department's head is head of the action's department here."""
    Department.objects.filter(pk=cast.delivery.pk).update(head=cast.product_head)
    return True


def test_V8_nor_does_who_changed_or_submitted_it(cast, one):
    Membership.objects.create(user=cast.manager, role="representative")
    Membership.objects.create(user=cast.outsider, role="representative")
    action = drafted(one)
    forms.revise_action(action_id=action.pk, by=cast.outsider, **text(one, what="改用体积测量仪"))
    forms.submit_action(action_id=action.pk, by=cast.manager)
    for barred in (cast.outsider, cast.manager):
        with pytest.raises(NotYou):
            forms.approve_action(action_id=action.pk, by=barred)


def test_C14_the_management_representative_approves_too_and_is_asked_first(cast, one):
    Membership.objects.create(user=cast.second, role="representative")
    action = submitted(one)
    assert action.item.holder == cast.second
    forms.approve_action(action_id=action.pk, by=cast.second)
    assert state(action) == "in_progress"


def test_V2_whoever_stands_in_for_an_absent_general_manager_approves(cast, one, local):
    action = submitted(one)
    with pytest.raises(NotYou):
        forms.approve_action(action_id=action.pk, by=cast.deputy)
    record_absence(cast.general_manager, starts_at=local("2026-03-02 08:00"), ends_at=local("2026-03-05 18:00"), reason="出差", backup=cast.deputy)
    forms.approve_action(action_id=action.pk, by=cast.deputy)
    assert Entry.objects.get(item=action.item, verb="approve").in_place_of == cast.general_manager


def test_V3_the_owner_is_nobody_named_in_the_matter(cast, one):
    name_concerned(one.form.item.root, cast.person_concerned, because="named", by=cast.agent, at=clock.now())
    with pytest.raises(ValidationError) as wrong:
        drafted(one, owner_id=cast.person_concerned.pk)
    assert set(wrong.value.message_dict) == {"owner"}


def test_V3_an_owner_who_is_named_later_loses_it_at_once_and_sees_it_no_more(cast, one):
    action = approved(one, owner_id=cast.colleague.pk)
    assert access.may(cast.colleague, "see", action.item)
    name_concerned(one.form.item.root, cast.colleague, because="named", by=cast.agent, at=clock.now())
    action = CorrectiveAction.objects.get(pk=action.pk)
    assert action.owner == cast.supervisor
    assert (action.item.holder, limit(action, "D41").owner) == (cast.supervisor, cast.supervisor)
    assert not access.may(cast.colleague, "see", action.item)
    with pytest.raises(NotYou):
        forms.report_done(action_id=action.pk, by=cast.colleague, done="x")


def test_V1_an_outsider_neither_sees_it_nor_acts_on_it(cast, one):
    action = submitted(one)
    for stranger in (cast.administrator, cast.person_concerned):
        stranger.department = None
        stranger.save(update_fields=["department"])
        assert not access.may(stranger, "see", action.item)
        for act in (
            lambda by: forms.approve_action(action_id=action.pk, by=by), lambda by: forms.cancel_action(action_id=action.pk, by=by, reason="x"),
            lambda by: forms.draft_action(form_id=one.form_id, by=by, **text(one)), lambda by: cause(one, by=by),
        ):  # fmt: skip
            with pytest.raises(NotYou):
                act(stranger)


def test_V1_to_own_an_action_does_not_open_the_complaint(cast, one):
    cast.head_backup.department = None
    cast.head_backup.save(update_fields=["department"])
    action = approved(one)
    assert access.may(cast.head_backup, "see", action.item)
    assert not access.may(cast.head_backup, "see", one.ticket.item)


def test_V1_nor_does_the_department_of_an_action(cast, one):
    """A colleague of the department that carries it out sees the action; the ticket is not their department's."""
    action = drafted(one, department_id=cast.product.pk)
    Membership.objects.filter(user=cast.outsider).update(role="business")
    assert access.may(cast.outsider, "see", action.item)
    assert not access.may(cast.outsider, "see", one.ticket.item)


def test_V8_the_owner_does_not_check_the_effect(cast, one, freeze):
    action = approved(one, owner_id=cast.manager.pk)
    forms.report_done(action_id=action.pk, by=cast.manager, done="已启用")
    assert limit(action, "D42").owner == cast.outsider, "the quality department, as the manager owns it"
    freeze("2026-04-08 10:00")
    with pytest.raises(NotYou):
        forms.confirm_effective(action_id=action.pk, by=cast.manager, evidence="无")
    forms.confirm_effective(action_id=action.pk, by=cast.outsider, evidence="抽查 30 车")


def test_the_version_that_was_seen_is_the_one_that_is_approved(cast, one):
    action = drafted(one)
    seen = action.version
    forms.revise_action(action_id=action.pk, by=cast.supervisor, **text(one, what="另一办法"))
    with pytest.raises(Changed):
        forms.submit_action(action_id=action.pk, by=cast.manager, seen_version=seen)


# ---- the two dates ----


def test_D41_runs_from_the_approval_to_the_end_of_the_day(cast, one, freeze, local):
    action = submitted(one)
    assert not action.item.deadlines.exists()
    freeze("2026-03-03 10:00")
    forms.approve_action(action_id=action.pk, by=cast.general_manager)
    row = limit(action, "D41")
    assert (row.start_at, row.due_at, row.owner) == (local("2026-03-03 10:00"), local("2026-03-10 00:00"), cast.head_backup)
    freeze("2026-03-09 23:59")
    forms.report_done(action_id=action.pk, by=cast.head_backup, done="已启用")
    assert (limit(action, "D41").state, limit(action, "D41").late) == ("settled", False)


def test_D41_the_owner_is_warned_and_carried_out_a_day_later_is_late(cast, one, freeze):
    action = approved(one)
    sweep(freeze("2026-03-08 09:00"))
    assert Notice.objects.filter(item=action.item, receiver=cast.head_backup, template="deadline_step").exists()
    freeze("2026-03-10 00:01")
    forms.report_done(action_id=action.pk, by=cast.head_backup, done="已启用")
    assert limit(action, "D41").late is True


def test_D42_runs_until_the_date_of_the_check(cast, one, freeze, local):
    action = done(one)
    assert (limit(action, "D42").due_at, limit(action, "D42").owner) == (local("2026-04-09 00:00"), cast.manager)
    freeze("2026-04-09 09:00")
    forms.confirm_effective(action_id=action.pk, by=cast.manager, evidence="无侧放")
    assert (limit(action, "D42").state, limit(action, "D42").late) == ("settled", True)


def test_C14_effective_is_not_said_before_the_date_of_the_check_nor_without_evidence(cast, one, freeze):
    action = done(one)
    freeze("2026-04-07 23:00")
    with pytest.raises(NotNow, match="2026-04-08"):
        forms.confirm_effective(action_id=action.pk, by=cast.manager, evidence="无侧放")
    freeze("2026-04-08 00:00")
    with pytest.raises(ValidationError):
        forms.confirm_effective(action_id=action.pk, by=cast.manager, evidence=" ")
    forms.confirm_effective(action_id=action.pk, by=cast.manager, evidence="无侧放")


def test_C14_not_effective_is_said_as_soon_as_it_shows(cast, one, freeze):
    action = done(one)
    freeze("2026-04-01 10:00")
    with pytest.raises(ValidationError):
        forms.find_ineffective(action_id=action.pk, by=cast.manager, evidence=" ")
    forms.find_ineffective(action_id=action.pk, by=cast.manager, evidence="又有两起侧放")
    assert (limit(action, "D42").state, limit(action, "D42").late) == ("settled", False)


def test_C14_nobody_is_held_to_a_date_that_has_passed(cast, one, freeze):
    action = submitted(one)
    freeze("2026-03-10 09:00")
    with pytest.raises(NotNow):
        forms.approve_action(action_id=action.pk, by=cast.general_manager)
    forms.send_back_action(action_id=action.pk, by=cast.general_manager, reason="日期已过")
    forms.revise_action(action_id=action.pk, by=cast.supervisor, **text(one, due_on=date(2026, 3, 20)))
    forms.submit_action(action_id=action.pk, by=cast.manager)
    forms.approve_action(action_id=action.pk, by=cast.general_manager)
    assert state(action) == "in_progress"


def test_C14_carried_out_after_the_date_of_the_check_names_another(cast, one, freeze, local):
    action = approved(one)
    freeze("2026-04-20 09:00")
    with pytest.raises(ValidationError) as wrong:
        forms.report_done(action_id=action.pk, by=cast.head_backup, done="已启用")
    assert set(wrong.value.message_dict) == {"effect_on"}
    forms.report_done(action_id=action.pk, by=cast.head_backup, done="已启用", effect_on=date(2026, 5, 20))
    assert limit(action, "D42").due_at == local("2026-05-21 00:00")


def test_E3_the_owner_asks_for_more_time_and_the_approver_grants_it_after_the_closing_too(cast, way, freeze, local):
    one = way().closed()
    action = approved(one)
    assert one.states == ("closed", "closed")
    forms.ask_action_time(action_id=action.pk, by=cast.head_backup, until=date(2026, 4, 10), reason="供应商延期")
    with pytest.raises(NotNow):
        forms.ask_action_time(action_id=action.pk, by=cast.head_backup, until=date(2026, 4, 11), reason="再延")
    assert Notice.objects.filter(item=action.item, receiver=cast.general_manager, template="approval_wanted").count() >= 2
    forms.grant_action_time(action_id=action.pk, by=cast.general_manager)
    action = CorrectiveAction.objects.get(pk=action.pk)
    assert (action.due_on, action.effect_on) == (date(2026, 4, 10), date(2026, 4, 10)), "its effect is not checked before it was carried out"
    assert limit(action, "D41").due_at == local("2026-04-11 00:00")
    freeze("2026-04-10 20:00")
    forms.report_done(action_id=action.pk, by=cast.head_backup, done="已启用")
    assert limit(action, "D41").late is False


def test_E3_refused_it_runs_on(cast, one, local):
    action = approved(one)
    forms.ask_action_time(action_id=action.pk, by=cast.head_backup, until=date(2026, 3, 20), reason="供应商延期")
    forms.refuse_action_time(action_id=action.pk, by=cast.general_manager, reason="先用现有表格")
    assert limit(action, "D41").due_at == local("2026-03-10 00:00")
    assert CorrectiveAction.objects.get(pk=action.pk).due_on == DUE


def test_V8_nobody_grants_their_own_more_time_and_the_ticket_has_no_part_in_it(cast, one, local):
    Membership.objects.create(user=cast.head_backup, role="representative")
    action = approved(one)
    with pytest.raises(ValidationError):
        forms.ask_action_time(action_id=action.pk, by=cast.head_backup, until=DUE, reason="x")
    asked = forms.ask_action_time(action_id=action.pk, by=cast.head_backup, until=date(2026, 3, 20), reason="供应商延期")
    for barred in (cast.head_backup, cast.supervisor):
        with pytest.raises(NotYou):
            forms.grant_action_time(action_id=action.pk, by=barred)
    with pytest.raises((ValidationError, NotNow)):
        tickets.grant_extension(ticket_id=one.ticket_id, by=cast.supervisor, extension_id=asked.pk)


# ---- it outlives its complaint ----


def test_C14_closing_the_complaint_neither_waits_for_it_nor_ends_it(cast, way, freeze):
    one = way().determining()
    action = approved(one)
    one.determine([one.one()])
    forms.submit(form_id=one.form_id, by=cast.manager)
    for measure in one.measures:
        forms.agree(disposition_id=measure.pk, by=cast.department_head)
    forms.rule(form_id=one.form_id, by=cast.general_manager)
    one.carry_out()
    forms.hand_over(form_id=one.form_id, by=cast.department_head)
    one.result()
    forms.inspect(form_id=one.form_id, by=cast.inspector, timely=True, severity="fitting")
    summed_up(one.form_id, cast)
    one.visit()
    assert one.states == ("closed", "closed")
    assert one.live() == {"D41"}
    forms.report_done(action_id=action.pk, by=cast.head_backup, done="已启用")
    assert one.live() == {"D42"}
    freeze("2026-04-08 09:00")
    forms.confirm_effective(action_id=action.pk, by=cast.manager, evidence="无侧放")
    assert one.live() == set()


def test_C14_cause_and_action_may_come_after_the_closing(cast, way):
    one = way().closed()
    action = approved(one)
    assert one.live() == {"D41"}
    assert state(action) == "in_progress"


def test_C14_a_complaint_found_invalid_leaves_it_too(cast, way):
    one = way().graded()
    action = approved(one)
    tickets.invalidate(ticket_id=one.ticket_id, by=cast.supervisor, reason="误拨", explanation="已说明")
    assert one.live() == {"D41"}
    forms.cancel_action(action_id=action.pk, by=cast.manager, reason="并非投诉")
    assert one.live() == set()
    assert (limit(action, "D41").state, state(action)) == ("void", "cancelled")


# ---- not effective, recurred ----


def test_C14_not_effective_leads_to_another_draft_and_another_approval(cast, one, freeze):
    action = done(one)
    freeze("2026-04-08 09:00")
    forms.find_ineffective(action_id=action.pk, by=cast.manager, evidence="又有三起侧放")
    assert (state(action), limit(action, "D42").state) == ("not_effective", "settled")
    later: dict[str, Any] = {"what": "加装隔板", "due_on": date(2026, 4, 20), "effect_on": date(2026, 5, 20)}
    again = forms.try_again(action_id=action.pk, by=cast.supervisor, **text(one, **later))
    assert (again.state, again.round, again.done, again.evidence, again.approved_by) == ("draft", 2, "", "", None)
    forms.submit_action(action_id=action.pk, by=cast.manager)
    forms.approve_action(action_id=action.pk, by=cast.general_manager)
    assert (limit(action, "D41").state, limit(action, "D41").round) == ("running", 2)


def effective(one, freeze):
    action = done(one)
    freeze("2026-04-08 09:00")
    return forms.confirm_effective(action_id=action.pk, by=one.cast.manager, evidence="无侧放")


RENEWED: dict[str, Any] = {"due_on": date(2026, 4, 30), "effect_on": date(2026, 6, 1)}


def test_C14_recurrence_after_effective_reopens_it(cast, way, freeze):
    first = way().determining()
    action = effective(first, freeze)
    freeze("2026-04-15 09:00")
    other = way()
    freeze("2026-04-15 09:00")
    other.register()
    forms.recur(action_id=action.pk, by=cast.manager, complaint=other.form.item.number, reason="又见侧放", **RENEWED)
    action = CorrectiveAction.objects.get(pk=action.pk)
    assert (action.state, action.round, action.item.open) == ("in_progress", 2, True)
    assert (limit(action, "D41").state, limit(action, "D41").round) == ("running", 2)
    assert action.recurrences.get().form == other.form
    assert Entry.objects.filter(item=other.form.item, verb="action_recurred").exists()


def test_C14_only_another_complaint_opened_afterwards_is_a_recurrence(cast, way, freeze):
    first, before = way().determining(), way().register()
    action = effective(first, freeze)
    for number in (first.form.item.number, before.form.item.number, "FK20990101001"):
        with pytest.raises(ValidationError) as wrong:
            forms.recur(action_id=action.pk, by=cast.manager, complaint=number, reason="又见侧放", **RENEWED)
        assert set(wrong.value.message_dict) == {"complaint"}


def test_V3_a_complaint_that_one_is_named_in_is_no_complaint_to_them(cast, way, freeze):
    first = way().determining()
    action = effective(first, freeze)
    other = way()
    freeze("2026-04-15 09:00")
    other.register()
    name_concerned(other.form.item.root, cast.manager, because="named", by=cast.agent, at=clock.now() + timedelta(seconds=1))
    with pytest.raises(ValidationError):
        forms.recur(action_id=action.pk, by=cast.manager, complaint=other.form.item.number, reason="又见侧放", **RENEWED)
