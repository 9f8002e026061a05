"""Remedies (G4, C19): limits, approval, alternatives, the customer's choice; never by who is concerned (V3) nor by who asked (V8)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from complaints import authority, first_rows
from complaints import services as forms
from complaints.models import ComplaintForm, DefaultRemedy, Remedy, RemedyLimit
from feedback_desk.notices.models import Notice
from feedback_desk.people.access import NotNow, NotYou
from feedback_desk.people.models import Absence, Role
from feedback_desk.people.services import name_concerned
from feedback_desk.records.models import Entry
from feedback_desk.workplace.panels import remedies as panel
from tickets import services as tickets
from tickets.models import Category, Ticket

AGENTS = Decimal(100)
"""The most an agent gives on a form of grade II (first rows)."""


def propose(one, by=None, **more: Any) -> Remedy:
    return forms.propose_remedy(form_id=one.form_id, by=by or one.cast.agent, **{"kind": "voucher", "value": Decimal(50), "words": "50 元代金券", **more})


def choose(remedy, by, **more):
    return forms.choose_remedy(remedy_id=remedy.pk, by=by, **{"who": "陈女士", "way": "call_out", "words": "就要这个", **more})


def states(one) -> list[str]:
    return list(Remedy.objects.filter(form_id=one.form_id).order_by("pk").values_list("state", flat=True))


def told(person, template: str) -> int:
    return Notice.objects.filter(receiver=person, template=template, channel="page").count()


@pytest.fixture
def graded(way):
    return way("II").graded().spoken()


@pytest.fixture
def waiting(graded):
    """800 yuan of grade II: above an agent's limit, within a supervisor's."""
    return propose(graded, kind="refund", value=Decimal(800), words="退差价 800 元")


def test_G4_the_first_rows_are_entered_once_and_an_administrator_may_empty_them(way):
    way()
    assert RemedyLimit.objects.get(role="agent", grade="II").amount == AGENTS
    assert RemedyLimit.objects.get(role="general_manager", grade="I").amount is None
    RemedyLimit.objects.filter(role="second_line").delete()
    first_rows.load()
    assert not RemedyLimit.objects.filter(role="second_line").exists()


def test_G4_within_the_limit_it_is_offered_at_once(graded):
    assert propose(graded, value=AGENTS).state == "offered"


def test_G4_above_the_limit_it_waits_and_a_colleague_whose_limit_covers_it_is_told(cast, graded):
    assert propose(graded, value=AGENTS + Decimal("0.01")).state == "awaiting_approval"
    assert (told(cast.supervisor, "approval_wanted"), told(cast.manager, "approval_wanted")) == (1, 0)


def test_G4_beyond_a_supervisor_it_goes_to_the_manager(cast, graded):
    propose(graded, value=Decimal("1000.01"))
    assert (told(cast.supervisor, "approval_wanted"), told(cast.manager, "approval_wanted")) == (0, 1)


def test_G4_the_grade_comes_first_as_the_limits_depend_on_it(way):
    with pytest.raises(NotNow) as early:
        propose(way().register())
    assert len(early.value.missing) == 1


def test_G4_a_role_without_a_limit_gives_nothing(graded):
    RemedyLimit.objects.filter(role="agent").delete()
    assert propose(graded, value=Decimal(1)).state == "awaiting_approval"


def test_G4_an_apology_costs_nothing_and_needs_nobody(graded):
    RemedyLimit.objects.filter(role="agent").delete()
    assert propose(graded, kind="apology", value=None, words="主管致电道歉").state == "offered"


def test_G4_what_nobody_may_give_is_refused_as_it_would_wait_for_ever(graded):
    RemedyLimit.objects.filter(role__in=("cs_manager", "general_manager")).delete()
    with pytest.raises(ValidationError) as wrong:
        propose(graded, value=Decimal(2000))
    assert set(wrong.value.message_dict) == {"value"}
    assert states(graded) == []


# ---- the sum counts ----


def test_G4_slices_of_one_solution_count_together(graded):
    first = propose(graded, value=Decimal(60))
    assert propose(graded, value=Decimal(60), option=first.option).state == "awaiting_approval"


def test_G4_alternatives_do_not_add_up_the_dearest_counts(graded):
    propose(graded, value=Decimal(90))
    second = propose(graded, value=Decimal(95), kind="refund", words="退款")
    assert (second.state, second.comes_to) == ("offered", Decimal(95))


def test_G4_what_was_accepted_before_counts(cast, graded):
    choose(propose(graded, value=Decimal(60)), cast.agent)
    again = propose(graded, value=Decimal(60))
    assert (again.state, again.comes_to) == ("awaiting_approval", Decimal(120))


def test_G4_what_was_declined_or_withdrawn_counts_no_more(cast, graded):
    forms.decline_remedy(remedy_id=propose(graded, value=Decimal(90)).pk, by=cast.agent, who="陈女士", way="call_out", reason="不要代金券")
    forms.withdraw_remedy(remedy_id=propose(graded, value=Decimal(90)).pk, by=cast.agent, reason="写错了")
    assert propose(graded, value=Decimal(90)).state == "offered"


def test_G4_what_waits_says_what_the_form_comes_to_now(cast, graded, waiting):
    added = propose(graded, by=cast.supervisor, value=Decimal(150), option=waiting.option)
    waiting.refresh_from_db()
    assert (added.state, waiting.comes_to) == ("offered", Decimal(950))
    forms.withdraw_remedy(remedy_id=added.pk, by=cast.agent, reason="写错了")
    waiting.refresh_from_db()
    assert waiting.comes_to == Decimal(800)


# ---- approval ----


def test_V3_the_general_manager_concerned_the_office_approves_and_with_nobody_left_the_administrator_is_told(cast, graded):
    RemedyLimit.objects.exclude(role="general_manager").delete()
    for person in (cast.general_manager, cast.deputy):
        name_concerned(graded.form.item.root, person, because="named", by=cast.manager, at=graded.form.opened_at)
    forms.approve_remedy(remedy_id=propose(graded, value=Decimal(9000)).pk, by=cast.office)
    assert (told(cast.office, "approval_wanted"), told(cast.administrator, "generic")) == (1, 0)
    name_concerned(graded.form.item.root, cast.office, because="named", by=cast.manager, at=graded.form.opened_at)
    assert propose(graded, value=Decimal(9000)).state == "awaiting_approval"
    assert told(cast.administrator, "generic") == 1


def test_G4_approved_it_can_be_offered_and_who_proposed_it_is_told(cast, waiting):
    done = forms.approve_remedy(remedy_id=waiting.pk, by=cast.supervisor)
    assert (done.state, done.approved_by) == ("offered", cast.supervisor)
    assert told(cast.agent, "generic") == 1


def test_G4_refused_it_is_withdrawn_and_who_proposed_it_is_told_why(cast, waiting):
    forms.refuse_remedy(remedy_id=waiting.pk, by=cast.supervisor, reason="先核实运费")
    waiting.refresh_from_db()
    assert (waiting.state, waiting.ended_words) == ("withdrawn", "先核实运费")
    assert "先核实运费" in str(Notice.objects.get(receiver=cast.agent, template="generic", channel="page").data)


def test_G4_refusing_needs_words(cast, waiting):
    with pytest.raises(ValidationError):
        forms.refuse_remedy(remedy_id=waiting.pk, by=cast.supervisor, reason=" ")


def test_V8_who_proposed_it_does_not_approve_it(cast, graded):
    own = propose(graded, by=cast.supervisor, value=Decimal(3000))
    RemedyLimit.objects.filter(role="supervisor").update(amount=None)
    answers: list[tuple[Any, dict[str, Any]]] = [(forms.approve_remedy, {}), (forms.refuse_remedy, {"reason": "算了"})]
    for service, more in answers:
        with pytest.raises(NotYou) as refused:
            service(remedy_id=own.pk, by=cast.supervisor, **more)
        assert "本人" in refused.value.because or "yourself" in refused.value.because
    assert states(graded) == ["awaiting_approval"]


def test_V3_who_is_concerned_neither_proposes_nor_approves(cast, graded, waiting):
    name_concerned(graded.form.item.root, cast.supervisor, because="named", by=cast.manager, at=graded.form.opened_at)
    for change in (
        lambda: forms.approve_remedy(remedy_id=waiting.pk, by=cast.supervisor), lambda: propose(graded, by=cast.supervisor),
        lambda: forms.withdraw_remedy(remedy_id=waiting.pk, by=cast.supervisor, reason="不行"),
    ):  # fmt: skip
        with pytest.raises(NotYou):
            change()
    assert states(graded) == ["awaiting_approval"]


def test_G4_whose_limit_is_too_small_does_not_approve_and_hears_why(cast, graded):
    dear = propose(graded, value=Decimal(1500))
    with pytest.raises(NotYou) as refused:
        forms.approve_remedy(remedy_id=dear.pk, by=cast.supervisor)
    assert "1500" in refused.value.because
    assert forms.approve_remedy(remedy_id=dear.pk, by=cast.manager).state == "offered"


def test_G4_a_raised_grade_asks_for_a_higher_limit(cast, graded, waiting):
    forms.change_grade(form_id=graded.form_id, by=cast.agent, grade="I", reason="媒体曝光")
    with pytest.raises(NotYou):
        forms.approve_remedy(remedy_id=waiting.pk, by=cast.supervisor)
    assert forms.approve_remedy(remedy_id=waiting.pk, by=cast.manager).state == "offered"


def test_G4_a_colleague_and_the_inspector_have_no_part_in_it(cast, graded, waiting):
    for person in (cast.colleague, cast.inspector, cast.department_head, cast.administrator):
        with pytest.raises(NotYou):
            forms.approve_remedy(remedy_id=waiting.pk, by=person)


def test_V2_who_stands_in_for_the_absent_general_manager_approves_with_that_limit(cast, graded, local):
    dear = propose(graded, value=Decimal(6000))
    with pytest.raises(NotYou):
        forms.approve_remedy(remedy_id=dear.pk, by=cast.deputy)
    Absence.objects.create(user=cast.general_manager, starts_at=local("2026-03-01 00:00"), ends_at=local("2026-04-01 00:00"))
    forms.approve_remedy(remedy_id=dear.pk, by=cast.deputy)
    assert Entry.objects.get(verb="approve").in_place_of == cast.general_manager


def test_G4_of_two_who_approve_the_second_is_told_by_whom_and_when(cast, waiting):
    forms.approve_remedy(remedy_id=waiting.pk, by=cast.supervisor)
    with pytest.raises(NotNow) as late:
        forms.approve_remedy(remedy_id=waiting.pk, by=cast.manager)
    assert str(cast.supervisor) in late.value.because
    assert Entry.objects.filter(verb="approve").count() == 1


# ---- before approval the customer hears nothing ----


def test_G4_while_one_waits_no_result_is_offered(cast, graded, waiting):
    result: dict[str, Any] = {"ticket_id": graded.ticket_id, "by": cast.agent, "result": "退差价", "agreement": "陈女士，电话"}
    with pytest.raises(NotNow) as wait:
        tickets.offer_result(**result)
    assert len(wait.value.missing) == 1
    forms.approve_remedy(remedy_id=waiting.pk, by=cast.supervisor)
    tickets.offer_result(**result)
    assert graded.ticket.state == "confirming"


def test_G4_nothing_of_it_goes_to_the_customer_nor_on_the_sheet_before(cast, graded, waiting):
    assert not [notice for notice in Notice.objects.filter(receiver=None) if "800" in str(notice.data)]
    assert panel.sheet(graded.form, 1) == []
    forms.approve_remedy(remedy_id=waiting.pk, by=cast.supervisor)
    assert "退差价 800 元" in panel.sheet(graded.form, 1)[0][1]


def test_G4_refused_it_never_stands_on_the_sheet(cast, graded, waiting):
    forms.refuse_remedy(remedy_id=waiting.pk, by=cast.supervisor, reason="不行")
    assert panel.sheet(graded.form, 1) == []


def test_G4_what_waits_can_be_chosen_by_nobody(cast, waiting):
    with pytest.raises(NotNow):
        choose(waiting, cast.agent)


# ---- choosing, fulfilling ----


def test_G4_choosing_one_solution_ends_the_other(cast, graded):
    first, second = propose(graded), propose(graded, kind="price_reduction", value=Decimal(80), words="减价 80 元")
    choose(second, cast.agent, words="减价实在")
    assert states(graded) == ["refused", "accepted"]
    second.refresh_from_db()
    assert (second.chosen_who, second.chosen_way, second.chosen_words) == ("陈女士", "call_out", "减价实在")
    first.refresh_from_db()
    assert first.ended_words


def test_G4_a_solution_is_chosen_as_a_whole_and_what_was_never_heard_of_is_withdrawn(cast, graded):
    first = propose(graded)
    propose(graded, kind="apology", value=None, words="道歉", option=first.option)
    propose(graded, value=Decimal(500))
    propose(graded, value=Decimal(20), draft=True)
    choose(first, cast.agent)
    assert states(graded) == ["accepted", "accepted", "withdrawn", "withdrawn"]


def test_G4_a_solution_of_which_a_part_waits_is_not_chosen_yet(cast, graded):
    first = propose(graded)
    propose(graded, value=Decimal(500), option=first.option)
    with pytest.raises(NotNow) as wait:
        choose(first, cast.agent)
    assert "500" in wait.value.because


def test_G4_a_choice_says_who_how_and_in_which_words(cast, graded):
    one = propose(graded)
    for left_out, field in (({"who": " "}, "who"), ({"words": ""}, "words"), ({"way": "pigeon"}, "way"), ({"words": "字" * 20000}, "words")):
        with pytest.raises(ValidationError) as wrong:
            choose(one, cast.agent, **left_out)
        assert set(wrong.value.message_dict) == {field}
    assert states(graded) == ["offered"]


def test_G4_an_ended_solution_takes_no_more_parts_and_numbers_are_not_used_twice(cast, graded):
    first = propose(graded)
    choose(first, cast.agent)
    with pytest.raises(ValidationError) as wrong:
        propose(graded, option=first.option)
    assert set(wrong.value.message_dict) == {"option"}
    assert propose(graded, kind="apology", value=None).option == first.option + 1


def test_G4_fulfilled_says_how_and_when_not_before_the_choice_nor_tomorrow(cast, graded, freeze, local):
    one = propose(graded)
    choose(one, cast.agent)
    freeze("2026-03-05 10:00")
    for moment in ("2026-03-01 10:00", "2026-03-06 10:00"):
        with pytest.raises(ValidationError) as wrong:
            forms.fulfil_remedy(remedy_id=one.pk, by=cast.agent, how="券号 778812", fulfilled_at=local(moment))
        assert set(wrong.value.message_dict) == {"fulfilled_at"}
    done = forms.fulfil_remedy(remedy_id=one.pk, by=cast.agent, how="券号 778812", fulfilled_at=local("2026-03-04 10:00"))
    assert (done.state, done.fulfilled_at) == ("fulfilled", local("2026-03-04 10:00"))


def test_G4_when_the_form_ends_what_is_open_is_withdrawn_and_what_was_agreed_is_still_fulfilled(cast, way):
    one = way("III").graded()
    agreed = propose(one)
    choose(agreed, cast.agent)
    propose(one, kind="apology", value=None)
    propose(one, value=Decimal(900))
    tickets.invalidate(ticket_id=one.ticket_id, by=cast.supervisor, reason="非我方产品", explanation="电话说明")
    assert states(one) == ["accepted", "withdrawn", "withdrawn"]
    assert forms.fulfil_remedy(remedy_id=agreed.pk, by=cast.supervisor, how="已寄").state == "fulfilled"
    with pytest.raises(NotNow):
        propose(one)


# ---- drafts ----


def test_G4_a_draft_counts_only_when_it_is_put_forward(cast, graded):
    draft = propose(graded, value=Decimal(90), draft=True)
    assert (draft.state, authority.total(ComplaintForm.objects.get(pk=graded.form_id))) == ("draft", Decimal(0))
    assert forms.offer_remedy(remedy_id=draft.pk, by=cast.agent).state == "offered"


def test_G4_a_draft_above_the_limit_is_not_offered_but_asked_for(cast, graded):
    draft = propose(graded, value=Decimal(900), draft=True)
    with pytest.raises(NotYou):
        forms.offer_remedy(remedy_id=draft.pk, by=cast.agent)
    assert forms.ask_for_approval(remedy_id=draft.pk, by=cast.agent).state == "awaiting_approval"
    assert told(cast.supervisor, "approval_wanted") == 1


# ---- what is typed ----


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"value": Decimal(-5)}, "value"), ({"value": Decimal(0)}, "value"), ({"value": Decimal("123456789.12")}, "value"),
        ({"value": Decimal("0.001")}, "value"), ({"value": Decimal("NaN")}, "value"), ({"value": None}, "value"),
        ({"kind": "apology"}, "value"), ({"kind": "replacement", "value": None}, "value"), ({"kind": "gold"}, "kind"),
        ({"words": "字" * 20000}, "words"), ({"words": "  "}, "words"), ({"option": 7}, "option"),
    ],
)  # fmt: skip
def test_G4_what_cannot_be_is_refused_with_a_sentence(graded, wrong, field):
    with pytest.raises(ValidationError) as refused:
        propose(graded, **wrong)
    assert set(refused.value.message_dict) == {field}
    assert all(refused.value.message_dict[field])
    assert states(graded) == []


def test_G4_the_usual_kinds_are_those_of_the_category_or_the_nearest_above(way):
    way()
    part = Category.objects.get(slug="transport-damage")
    assert authority.usual(part) == ["replacement", "price_reduction", "voucher", "apology"]
    DefaultRemedy.objects.create(category=part, kind="refund")
    assert authority.usual(part) == ["refund"]


def test_C19_where_nobody_is_at_fault_it_is_goodwill(cast, way):
    one = way("III").determining()
    forms.no_fault(form_id=one.form_id, by=cast.manager, reason="客户自行拆装")
    remedy = propose(one, kind="free_check", value=None, words="免费上门检测一次")
    assert (remedy.goodwill, remedy.state) == (True, "offered")


def test_V5_each_change_is_a_line_of_history_with_what_it_was_about(cast, graded, waiting):
    forms.approve_remedy(remedy_id=waiting.pk, by=cast.supervisor)
    choose(waiting, cast.agent)
    forms.fulfil_remedy(remedy_id=waiting.pk, by=cast.agent, how="已原路退回")
    lines = Entry.objects.filter(item=graded.form.item, data__remedy=waiting.pk).order_by("pk")
    assert [line.verb for line in lines] == ["ask_approval", "approve", "accept_offer", "fulfil"]


def test_G4_the_office_approves_once_it_has_a_limit(cast, graded, waiting):
    with pytest.raises(NotYou):
        forms.approve_remedy(remedy_id=waiting.pk, by=cast.office)
    RemedyLimit.objects.create(role=Role.OFFICE, grade="II", amount=1000)
    assert forms.approve_remedy(remedy_id=waiting.pk, by=cast.office).state == "offered"


def test_G4_what_grew_while_it_was_read_is_read_again(cast, graded, waiting):
    seen = authority.total(graded.form)
    propose(graded, value=Decimal(10), option=waiting.option)
    with pytest.raises(NotNow):
        forms.approve_remedy(remedy_id=waiting.pk, by=cast.manager, seen=seen)
    assert forms.approve_remedy(remedy_id=waiting.pk, by=cast.manager, seen=authority.total(graded.form)).state == "offered"


def test_a_notice_is_cut_and_the_history_has_all_of_it(cast, waiting):
    forms.refuse_remedy(remedy_id=waiting.pk, by=cast.supervisor, reason="长" * 900)
    said = Notice.objects.get(receiver=cast.agent, template="generic", channel="page").data["said"]["reason"]
    assert (len(said), said[-1]) == (300, "…")
    assert Entry.objects.get(verb="refuse_approval").words.text == "长" * 900


def test_T14_while_the_internal_meeting_is_owed_a_remedy_stays_a_draft(cast, graded, waiting):
    offered = propose(graded, by=cast.supervisor)
    Ticket.objects.filter(pk=graded.ticket_id).update(complex=True)
    draft = propose(graded, by=cast.supervisor, draft=True)
    for early in (
        lambda: propose(graded, by=cast.supervisor),
        lambda: propose(graded, value=Decimal(800)),
        lambda: forms.offer_remedy(remedy_id=draft.pk, by=cast.supervisor),
        lambda: forms.approve_remedy(remedy_id=waiting.pk, by=cast.supervisor),
        lambda: choose(offered, cast.agent),
    ):
        with pytest.raises(NotNow, match="内部沟通会"):
            early()
    assert states(graded) == ["awaiting_approval", "offered", "draft"]
    forms.record_meeting(form_id=graded.form_id, by=cast.agent, people_ids=[cast.agent.pk, cast.supervisor.pk], solution="整机换新")
    forms.offer_remedy(remedy_id=draft.pk, by=cast.supervisor)
    forms.approve_remedy(remedy_id=waiting.pk, by=cast.supervisor)
    choose(offered, cast.agent)
