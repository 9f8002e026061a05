"""A rule tried on past complaints: proposed against decided, for administrators, changing nothing (G1)."""

from __future__ import annotations

import pytest
from django.urls import reverse

from complaints import past_grades
from complaints import services as forms
from complaints.grading import book, propose_many
from complaints.models import ComplaintForm, GradeProposal, GradingCriterion, GradingRule
from feedback_desk import clock
from feedback_desk.people.services import name_concerned
from tickets import services as tickets

pytestmark = pytest.mark.django_db


@pytest.fixture
def three(way):
    """Damaged in transport, proposed as II: decided II, II and III."""
    return [way("II").graded(), way("II").graded(), way("III").graded()]


@pytest.fixture
def rule(cast):
    """Not switched on yet: the trial looks at it all the same."""
    row = GradingRule.objects.create(name="外壳破损", name_en="Dented", grade="I", active=False)
    GradingCriterion.objects.create(rule=row, field="words", comparison="contains", value="凹陷")
    return row


def trial(cast, local, rule, until="2026-03-03 00:00"):
    return past_grades.tried(rule, since=local("2026-03-01 00:00"), until=local(until), user=cast.administrator, at=clock.now())


def test_G1_proposed_against_decided(cast, three, rule, local):
    shipped = trial(cast, local, GradingRule.objects.get(name="货损、短少、缺货"))
    assert (shipped.total, shipped.matched, shipped.agreeing) == (3, 3, 2)
    assert shipped.counts == {("II", "II"): 2, ("II", "III"): 1}
    assert [d.form.pk for d in shipped.differing] == [three[2].form_id]
    found = trial(cast, local, rule)
    assert (found.matched, found.agreeing, found.counts) == (3, 0, {("I", "II"): 2, ("I", "III"): 1})
    assert trial(cast, local, rule, until="2026-03-02 00:00").total == 0


def test_G1_ungraded_ones_are_not_asked_about(cast, way, rule, local):
    way().register()
    assert trial(cast, local, rule).total == 0


def test_G1_an_earlier_case_counts_by_what_it_was_when_the_complaint_came(cast, way, local, freeze):
    """Closed, then complained of again, then reopened; and open when complained of, closed since."""
    rule = GradingRule.objects.create(name="前案已结", name_en="Again", grade="I", active=False)
    GradingCriterion.objects.create(rule=rule, field="earlier", comparison="is", value="closed")
    first = way("III").closed()
    freeze("2026-03-03 09:00")
    second = way("II").graded()
    freeze("2026-03-04 09:00")
    forms.reopen(form_id=first.form_id, by=cast.agent, reason="新机仍有异响")
    freeze("2026-03-05 09:00")
    third = way("II").graded()
    freeze("2026-03-05 17:00")
    tickets.withdraw(ticket_id=second.ticket_id, by=cast.agent, reason="客户撤诉")
    found = trial(cast, local, rule, until="2026-03-06 00:00")
    matched = {d.form.pk for d in found.differing if any(match.row.pk == rule.pk for match in d.proposal.matches)}
    assert matched == {second.form_id}, "whose earlier case was closed then; the first has none, the third's was open"
    by_pk = propose_many([second.form_id, third.form_id], by=book([rule]), as_received=True)
    assert [by_pk[one.form_id].grade for one in (second, third)] == ["I", ""]
    now = propose_many([second.form_id, third.form_id], by=book([rule]))
    assert [now[one.form_id].grade for one in (second, third)] == ["", "I"], "a proposal of today is by the state of today"


def test_V3_matters_that_the_administrator_is_named_in_are_left_out(cast, three, rule, local):
    name_concerned(three[0].ticket.item, cast.administrator, because="named", by=cast.agent, at=clock.now())
    assert trial(cast, local, rule).total == 2


def test_G1_the_page_changes_nothing_and_is_for_administrators(cast, three, rule, client):
    url = reverse("admin:complaints_gradingrule_past", args=[rule.pk])
    before = (list(ComplaintForm.objects.values()), GradeProposal.objects.count(), list(GradingRule.objects.values()))
    for person, status in ((cast.administrator, 200), (cast.supervisor, 403), (cast.manager, 403), (cast.office, 403)):
        client.force_login(person)
        assert client.get(url, {"since": "2026-03-01", "until": "2026-03-02"}).status_code == status, person
    client.force_login(cast.administrator)
    page = client.get(url, {"since": "2026-03-01", "until": "2026-03-02"}).content.decode()
    assert three[2].ticket.item.number in page
    assert client.post(url).status_code == 405
    for since, until in (("2026-03-02", "2026-03-01"), ("2020-01-01", "2026-03-01"), ("x", "y"), ("0001-01-01", "0001-01-02")):
        assert client.get(url, {"since": since, "until": until}).status_code == 422
    assert (list(ComplaintForm.objects.values()), GradeProposal.objects.count(), list(GradingRule.objects.values())) == before


def test_G1_the_button_stands_on_the_rules_page(cast, rule, client):
    client.force_login(cast.administrator)
    page = client.get(reverse("admin:complaints_gradingrule_change", args=[rule.pk])).content.decode()
    assert reverse("admin:complaints_gradingrule_past", args=[rule.pk]) in page
    assert client.get(reverse("admin:complaints_gradingrule_changelist")).status_code == 200


def test_G1_an_administrator_writes_a_rule_with_its_criteria_and_is_told_what_is_wrong(cast, client):
    client.force_login(cast.administrator)
    said = {"name": "急件", "name_en": "", "grade": "I", "active": "on", "order": "5", "criteria-TOTAL_FORMS": "1", "criteria-INITIAL_FORMS": "0",
            "criteria-0-field": "urgency", "criteria-0-comparison": "is", "criteria-0-value": "very"}  # fmt: skip
    page = client.post(reverse("admin:complaints_gradingrule_add"), said).content.decode()
    assert "urgent, normal, low" in page
    assert not GradingRule.objects.filter(name="急件").exists()
    client.post(reverse("admin:complaints_gradingrule_add"), said | {"criteria-0-value": "urgent"})
    assert GradingRule.objects.get(name="急件").criteria.get().value == "urgent"


def test_G1_a_decision_below_the_proposal_is_in_the_trial_with_its_reason(cast, way, client, rule):
    one = way("III").graded()
    client.force_login(cast.administrator)
    page = client.get(reverse("admin:complaints_gradingrule_past", args=[rule.pk]), {"since": "2026-03-01", "until": "2026-03-02"}).content.decode()
    assert one.form.grade_reason in page
