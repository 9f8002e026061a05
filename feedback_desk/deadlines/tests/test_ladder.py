"""Steps before, at and after a limit, as data: minutes, repetitions, their order when the limit moves (E1, E2)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import translation

from feedback_desk.deadlines import ladder, saying, sentences, services
from feedback_desk.deadlines.forms import RungForm, written_step
from feedback_desk.deadlines.models import LINE, Deadline, Ladder, LadderStep, Receiver, Rule, StepTaken
from feedback_desk.deadlines.sweep import sweep, until_done
from feedback_desk.notices.models import Notice
from feedback_desk.people.models import Concern, Membership, Role


@pytest.fixture
def steps(cast):
    """steps("D08", {"percent": 100, "receiver": "owner"}, ...) gives the rule a ladder of its own."""

    def give(code, *rows):
        ladder = Ladder.objects.create(name=f"梯子{code}")
        LadderStep.objects.bulk_create(LadderStep(ladder=ladder, order=order, **row) for order, row in enumerate(rows, 1))
        Rule.objects.filter(code=code).update(ladder=ladder)

    return give


def taken(deadline):
    return list(deadline.steps.order_by("step").values_list("step", "receiver", "at"))


def test_E1_a_step_may_be_minutes_before_or_after_the_limit(steps, running, local):
    steps("D08", {"minutes": -90, "receiver": "owner"}, {"minutes": 30, "receiver": "superior"})
    deadline = running("D08")  # Wednesday the 4th, 09:00
    assert deadline.warn_at == deadline.next_step_at == local("2026-03-04 07:30")
    until_done(local("2026-03-04 09:30"))
    assert taken(deadline) == [(1, "owner", local("2026-03-04 07:30")), (2, "superior", local("2026-03-04 09:30"))]


def test_E1_minutes_of_a_limit_in_business_hours_are_business_minutes(steps, running, local):
    steps("D16", {"minutes": -60, "receiver": "owner"})
    deadline = running("D16", at="2026-03-02 17:30")  # 4 h: until Tuesday 12:30
    assert (deadline.due_at, deadline.next_step_at) == (local("2026-03-03 12:30"), local("2026-03-03 11:30"))


def test_E1_steps_of_any_measure_are_taken_in_the_order_of_their_times(steps, running, local):
    """However they stand in the table: one that is late in the list never holds back one that is due."""
    steps("D08", {"working_days": 2, "receiver": "cs_manager"}, {"percent": 100, "receiver": "superior"}, {"minutes": -60, "receiver": "owner"})
    deadline = running("D08")
    assert [rung[3] for rung in deadline.allowance["steps"]] == ["owner", "superior", "cs_manager"]
    assert sweep(local("2026-03-04 08:00")) == 1
    assert taken(deadline) == [(1, "owner", local("2026-03-04 08:00"))]


def test_E1_nothing_repeats_unless_its_step_says_so(running, local):
    deadline = running("D06")  # reminded once, at 10:00
    until_done(local("2026-03-09 10:00"))
    assert deadline.steps.count() == 1


def test_E1_a_step_repeats_every_n_hours_at_most_m_times_and_each_once(steps, running, local):
    steps("D08", {"percent": 100, "receiver": "owner", "act": "hand_up", "every_hours": 4, "times": 3})
    deadline = running("D08")
    for at in ("2026-03-04 09:00", "2026-03-04 13:00", "2026-03-04 17:00", "2026-03-04 21:00"):
        assert [sweep(local(at)), sweep(local(at))] == [1, 0], at
    assert sweep(local("2026-04-04 09:00")) == 0
    assert [(s.step, s.act) for s in deadline.steps.order_by("step")] == [(1, "hand_up"), (2, ""), (3, ""), (4, "")]
    assert Notice.objects.filter(channel="page", receiver__username="agent").count() == 4


def test_E1_a_repetition_says_which_it_is(steps, running, local):
    steps("D08", {"percent": 100, "receiver": "owner", "every_hours": 4, "times": 1})
    running("D08")
    sweep(local("2026-03-04 09:00"))
    sweep(local("2026-03-04 13:00"))
    assert [n.data.get("again") for n in Notice.objects.filter(channel="page", receiver__username="agent").order_by("pk")] == [None, 1]


def test_E1_a_step_repeats_every_working_day_at_the_same_time_of_day(steps, running, local):
    steps("D08", {"percent": 100, "receiver": "owner", "every_days": 1, "times": 3})
    deadline = running("D08", at="2026-03-04 15:00")  # Friday the 6th, 15:00
    until_done(local("2026-03-31 09:00"))
    assert [at for _step, _who, at in taken(deadline)] == [local(f"2026-03-{day} 15:00") for day in ("06", "09", "10", "11")]


def test_E2_repetitions_missed_in_an_outage_are_caught_up_with_one_notice(steps, running, local):
    steps("D08", {"percent": 100, "receiver": "owner", "every_hours": 4, "times": 3})
    deadline = running("D08")
    until_done(local("2026-03-05 09:00"))
    assert list(deadline.steps.order_by("step").values_list("skipped", flat=True)) == [True, True, True, False]
    assert Notice.objects.filter(channel="page", receiver__username="agent").count() == 1


def test_E1_repetitions_and_steps_above_interleave_by_time(steps, running, local):
    steps("D08", {"percent": 100, "receiver": "owner", "every_hours": 24, "times": 2}, {"percent": 150, "receiver": "superior"})
    deadline = running("D08")
    until_done(local("2026-03-31 09:00"))
    assert [who for _step, who, _at in taken(deadline)] == ["owner", "owner", "superior", "owner"]


def test_E1_when_more_time_is_granted_the_steps_left_are_put_in_their_new_order(steps, running, local, supervisor):
    """75 % of 48 h comes before one hour before the limit, of 72 h as well; of two hours after it, a step in percent that was last may become first."""
    steps("D23", {"percent": 150, "receiver": "superior"}, {"minutes": 8 * 60, "receiver": "cs_manager"})
    deadline = running("D23")  # one working day: Tuesday the 3rd, 24:00
    before = [rung[3] for rung in deadline.allowance["steps"]]
    services.extend(deadline, until=local("2026-03-11 00:00"), at=local("2026-03-02 10:00"), by=supervisor, why="化验要一周")
    deadline.refresh_from_db()
    assert (before, [rung[3] for rung in deadline.allowance["steps"]]) == (["cs_manager", "superior"], ["cs_manager", "superior"])
    assert deadline.next_step_at == local("2026-03-11 08:00")


def test_a_step_has_one_measure_and_repeats_in_one(cast):
    ladder = Ladder.objects.create(name="错")
    twice = {"percent": 75, "every_hours": 1, "every_days": 1, "times": 2}
    for wrong in ({}, {"percent": 75, "minutes": 5}, {"minutes": 5, "times": 2}, {"minutes": 5, "every_hours": 2}, twice):
        with pytest.raises(IntegrityError), transaction.atomic():
            LadderStep.objects.create(ladder=ladder, order=1, receiver="owner", **wrong)


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"percent": "100"}, []),
        ({"minutes": "-30"}, []),
        ({"percent": "100", "every_hours": "4", "times": "3"}, []),
        ({}, ["__all__"]),
        ({"percent": "75", "minutes": "5"}, ["__all__"]),
        ({"percent": "75", "every_hours": "4"}, ["times"]),
        ({"percent": "75", "every_hours": "4", "every_days": "1", "times": "2"}, ["times"]),
        ({"percent": "75", "every_hours": "4", "times": "51"}, ["times"]),
    ],
)
def test_the_back_office_says_what_is_wrong_with_a_step(cast, given, wrong):
    form = RungForm({"order": "1", "receiver": "owner", "times": "0", **given}, instance=LadderStep(ladder=Ladder.objects.first()))
    assert list(form.errors) == wrong


def test_a_step_is_written_as_people_say_it():
    step = LadderStep(percent=100, every_hours=4, times=3)
    assert written_step(step) == "100% 3×4 h"
    assert [written_step(LadderStep(minutes=-30)), written_step(LadderStep(working_days=2, every_days=1, times=5))] == ["-30 min", "+2 5×+1"]


def test_whole_days_of_a_step_are_written_in_the_measure_of_its_limits():
    step = LadderStep(minutes=-5760)
    assert [written_step(step, clock) for clock in ("working_day", "calendar", "", "business")] == ["-4 个工作日", "-4 天", "-4 天", "-5760 min"]


def test_E4_days_before_a_limit_of_working_days_are_said_as_these():
    rung = ladder.Rung(1, None, None, "owner", "", minutes=-5760)
    assert [sentences.measure(rung, clock) for clock in ("working_day", "calendar")] == ["到期前 4 个工作日", "到期前 4 天"]


def test_E4_a_rule_and_the_back_office_say_the_reminders_of_the_silent_customer_in_working_days(cast, client):
    rule = Rule.objects.get(code="D43")
    assert "到期前 4 个工作日" in " ".join(saying.says(rule, "负责人"))
    client.force_login(cast.administrator)
    assert "-4 个工作日" in client.get(reverse("admin:deadlines_ladder_changelist")).content.decode()


def test_an_urgent_rule_marks_its_notices(running, local):
    Rule.objects.filter(code="D08").update(urgent=True)
    running("D08")
    sweep(local("2026-03-03 21:00"))
    assert {n.data.get("urgent") for n in Notice.objects.all()} == {True}
    assert StepTaken.objects.count() == Deadline.objects.count() == 1


@pytest.mark.parametrize(("role", "who"), [
    ("quality", "outsider"), ("inspector", "inspector"), ("second_line", "second"), ("administrator", "administrator"), ("representative", None),
])  # fmt: skip
def test_E1_a_step_may_name_any_role(steps, running, local, cast, role, who):
    """Whoever holds it, whatever the owner's rank; a role that nobody holds is the office's (V2)."""
    steps("D08", {"percent": 100, "receiver": role}, {"percent": 200, "receiver": "cs_manager"})
    deadline = running("D08")
    sweep(deadline.due_at)
    told = set(Notice.objects.filter(channel="page", template="deadline_step").values_list("receiver", flat=True))
    assert told == {getattr(cast, who or "office").pk}


def test_E1_of_a_role_the_absent_and_the_concerned_are_not_told(steps, running, local, cast):
    steps("D08", {"percent": 100, "receiver": "inspector"})
    deadline = running("D08")
    Membership.objects.create(user=cast.visitor, role="inspector")
    Concern.objects.create(item=deadline.root, user=cast.inspector, because="named", since=deadline.start_at)
    sweep(deadline.due_at)
    assert set(Notice.objects.filter(channel="page").values_list("receiver", flat=True)) == {cast.visitor.pk}


def test_E1_the_back_office_offers_every_role_and_the_rule_says_it(cast):
    field: Any = RungForm(instance=LadderStep(ladder=Ladder.objects.first())).fields["receiver"]
    assert {value for value, _label in field.choices if value} == {*Receiver.values, *Role.values, *(f"+{one.value}" for one in LINE)}
    rule = Rule.objects.filter(code="D08").latest("pk")
    rule.ladder = Ladder.objects.create(name="质量")
    LadderStep.objects.create(ladder=rule.ladder, order=1, percent=100, receiver="quality")
    with translation.override("en"):
        (told,) = [sentence for sentence in saying.says(rule, "Assignee") if sentence.startswith("Told")]
    assert told.endswith("Quality department.")
