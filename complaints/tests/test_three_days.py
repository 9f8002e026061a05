"""Unsolved three days after receipt: grade I is proposed once, a person decides (G1, D36)."""

from __future__ import annotations

import pytest
from django.urls import reverse

from complaints import services as forms
from complaints.models import ComplaintForm
from feedback_desk.deadlines.models import Deadline, StepOutcome
from feedback_desk.deadlines.sweep import until_done
from feedback_desk.notices.models import Notice
from feedback_desk.records.models import Entry
from tickets import services as tickets
from tickets.tasks import apply_steps

pytestmark = pytest.mark.django_db
LIMIT = "2026-03-05 09:00"


@pytest.fixture
def passed(freeze):
    """The clock moves to `at`, sweep and room have worked."""

    def go_to(at=LIMIT):
        instant = freeze(at)
        until_done(instant)
        return apply_steps()

    return go_to


def d36(one):
    return Deadline.objects.filter(item__ticket__pk=one.ticket_id, code="D36").latest("pk")


def proposed(one):
    return ComplaintForm.objects.get(pk=one.form_id).major_proposed_at


def test_D36_runs_72_hours_from_the_receipt(way, local, cast):
    row = d36(way().register(received_at=local("2026-03-02 08:00")))
    assert (row.start_at, row.due_at, row.owner) == (local("2026-03-02 08:00"), local("2026-03-05 08:00"), cast.agent)


def test_D36_is_for_complaints_only(way, cast):
    ticket = tickets.register(**way().said(type="consultation"))
    assert not Deadline.objects.filter(item=ticket.item, code="D36").exists()


def test_G1_at_the_limit_grade_I_is_proposed_once_and_the_supervisor_told(way, passed, local):
    one = way().graded()
    passed("2026-03-05 08:59:59")
    assert proposed(one) is None
    assert passed() == 1
    assert proposed(one) == local(LIMIT)
    for at in ("2026-03-05 10:00", "2026-03-20 10:00"):
        passed(at)
    assert proposed(one) == local(LIMIT)
    assert Entry.objects.filter(verb="propose_major").count() == 1
    told = Notice.objects.filter(channel="page", template="approval_wanted", receiver__username="supervisor")
    assert told.count() == 1
    assert ComplaintForm.objects.get(pk=one.form_id).grade == "II", "a person decides"


def test_D36_a_result_offered_in_time_settles_it(way, passed, cast):
    one = way().graded()
    one.result()
    assert (d36(one).state, d36(one).late) == ("settled", False)
    assert passed() == 0
    assert proposed(one) is None


def test_D36_offered_in_time_but_applied_late_proposes_nothing(way, freeze, cast, local):
    """The step was taken, the result is committed before the room looks."""
    one = way().graded().spoken()
    until_done(freeze(LIMIT))
    one.result()
    apply_steps()
    assert proposed(one) is None
    assert set(StepOutcome.objects.values_list("outcome", flat=True)) <= {"nothing", "overtaken"}


def test_G1_one_that_is_grade_I_already_gets_no_proposal(way, passed):
    one = way("I").graded()
    assert passed() == 0
    assert proposed(one) is None


@pytest.mark.parametrize("ending", ["withdraw", "invalidate", "merge", "retype"])
def test_D36_is_void_when_the_complaint_is_none_any_more(way, passed, cast, ending):
    one = way().register()
    if ending == "withdraw":
        tickets.withdraw(ticket_id=one.ticket_id, by=cast.agent, reason="不追究了")
    elif ending == "invalidate":
        tickets.invalidate(ticket_id=one.ticket_id, by=cast.supervisor, reason="不是本公司产品", explanation="已电话说明")
    elif ending == "merge":
        other = way().register()
        tickets.merge(ticket_id=one.ticket_id, by=cast.agent, into_number=other.ticket.item.number)
    else:
        tickets.correct(ticket_id=one.ticket_id, by=cast.agent, changes={"type": "consultation"}, reason="只是咨询")
    assert d36(one).state == "void"
    passed()
    assert proposed(one) is None


def test_D36_ends_with_the_form(way, passed):
    one = way().closed()
    assert d36(one).state == "settled"


def test_D36_runs_again_from_the_receipt_when_an_invalid_one_is_restored(way, cast, local, freeze):
    one = way().register()
    tickets.invalidate(ticket_id=one.ticket_id, by=cast.supervisor, reason="不是本公司产品", explanation="已电话说明")
    freeze("2026-03-03 09:00")
    tickets.restore(ticket_id=one.ticket_id, by=cast.supervisor, reason="确为本公司产品")
    assert (d36(one).state, d36(one).due_at) == ("running", local(LIMIT))


def test_G1_those_who_may_raise_it_see_the_proposal_with_its_button(way, passed, client, cast):
    one = way().graded()
    passed()
    form = ComplaintForm.objects.get(pk=one.form_id)
    raise_url = reverse("workplace:form_move", args=[form.item.number, "raise_grade"])
    for person, may in ((cast.agent, True), (cast.manager, True), (cast.general_manager, False)):
        client.force_login(person)
        page = client.get(reverse("workplace:ticket", args=[one.ticket.item.number])).content.decode()
        assert "三日未解决" in page, person
        assert (f"{raise_url}?grade=I" in page) is may, person
    client.force_login(cast.agent)
    dialog = client.get(raise_url, {"grade": "I", "reason": "三日未解决"}, headers={"HX-Request": "true"}).content.decode()
    assert "三日未解决" in dialog
    forms.change_grade(form_id=one.form_id, by=cast.agent, grade="I", reason="三日未解决")
    page = client.get(reverse("workplace:ticket", args=[one.ticket.item.number])).content.decode()
    assert "建议升为 I 级：三日未解决" not in page.replace("Grade I is proposed", "").split('id="story"')[0]


def test_G1_an_ungraded_form_is_graded_from_the_proposal(way, passed, client, cast):
    one = way().register()
    passed()
    form = ComplaintForm.objects.get(pk=one.form_id)
    client.force_login(cast.agent)
    page = client.get(reverse("workplace:ticket", args=[one.ticket.item.number])).content.decode()
    assert f"{reverse('workplace:form_move', args=[form.item.number, 'grade_it'])}?grade=I" in page
