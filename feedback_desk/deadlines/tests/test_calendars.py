"""Calendars: public holidays as rows, years that nobody has announced, a department's own calendar."""

from __future__ import annotations

from datetime import date

import pytest
from django.utils import translation

from feedback_desk.deadlines import public_holidays, services
from feedback_desk.deadlines.calendars import hours_of, unannounced
from feedback_desk.deadlines.explain import explain
from feedback_desk.deadlines.models import Calendar, Deadline, DepartmentCalendar, Ladder, LadderStep, Rule


@pytest.fixture
def desk(cast):
    return Calendar.objects.get(is_default=True)


def test_the_years_of_the_state_council_are_entered_and_no_other(desk):
    assert desk.announced == {"2024": "library", "2025": "library", "2026": "library"}
    assert not public_holidays.known("CN", 2027)
    assert public_holidays.known("DE", 2027)


def test_E4_a_limit_that_reaches_into_a_year_not_announced_says_so(running, local, desk):
    deadline = running("D26", "2026-12-28 10:00")
    assert deadline.allowance["unannounced"] == [2027]
    with translation.override("zh-hans"):
        assert "推算时 2027 年节假日安排尚未公布，按普通周历计算" in explain(deadline, local("2026-12-28 11:00")).sentence
    assert unannounced(hours_of([])[None], local("2026-12-28 10:00"), local("2027-01-01 00:00")) == []


@pytest.mark.parametrize("code", ["D08", "D14"])
def test_E4_calendar_time_asks_no_holidays(running, code):
    assert running(code, "2026-12-31 10:00").allowance["unannounced"] == []


@pytest.mark.parametrize(("code", "start", "ladder", "years"), [
    ("D28", "2027-01-01 00:00", "", [2027]),  # of December, due 4 January; warned on the working day before
    ("D32", "2027-01-01 00:00", "", [2027]),
    ("D28", "2026-12-01 00:00", "", []),  # due 4 December, told until three working days after it
    ("D31", "2026-12-28 00:00", "", [2027]),  # due Tuesday 29 December; +3 working days is in January
    ("D31", "2026-12-21 00:00", "", []),
    ("D14", "2026-12-30 10:00", "逐级提醒(工作日)", [2027]),
    ("D14", "2026-12-30 10:00", "每日", [2027]),
    ("D14", "2026-12-30 10:00", "逐级提醒", []),
])  # fmt: skip
def test_E4_a_step_that_reaches_into_a_year_not_announced_says_so(running, local, desk, code, start, ladder, years):
    daily = Ladder.objects.create(name="每日")
    LadderStep.objects.create(ladder=daily, order=1, percent=100, receiver="owner", every_days=1, times=2)
    if ladder:
        Rule.objects.filter(code=code).update(ladder=Ladder.objects.get(name=ladder))
    deadline = running(code, start)
    assert deadline.allowance["unannounced"] == years
    with translation.override("en"):
        assert ("the public holidays of 2027 were not announced when it was worked out" in explain(deadline, local(start)).sentence) == bool(years)


def test_E4_a_limit_at_the_end_of_the_year_looks_into_the_next_with_its_steps_only(running, desk, local):
    """Five working days that end on 31 December, 24:00: the limit asks for no day of 2027, the steps after it do."""
    deadline = running("D26", "2026-12-24 10:00")
    assert deadline.due_at == local("2027-01-01 00:00")
    assert deadline.allowance["unannounced"] == [2027]
    Rule.objects.filter(code="D26").update(ladder=Ladder.objects.get(name="仅提醒"))
    Deadline.objects.all().delete()
    assert running("D26", "2026-12-24 10:00").allowance["unannounced"] == []


def test_a_year_confirmed_by_hand_is_announced_and_what_ran_keeps_what_it_knew(running, item, local, desk):
    before = running("D26", "2026-12-28 10:00")
    public_holidays.confirm_year(desk, 2027)
    assert desk.announced["2027"] == "hand"
    assert running("D24", "2026-12-31 10:00").allowance["unannounced"] == []
    before.refresh_from_db()
    assert before.allowance["unannounced"] == [2027]


def test_a_calendar_without_public_holidays_waits_for_no_announcement(running, desk):
    Calendar.objects.filter(pk=desk.pk).update(country="")
    assert running("D26", "2026-12-28 10:00").allowance["unannounced"] == []


def test_loading_a_year_again_mends_the_librarys_days_and_leaves_those_by_hand(desk):
    desk.days.filter(day=date(2026, 10, 1)).update(working=True)
    desk.days.filter(day=date(2026, 10, 2)).update(working=True, by_hand=True)
    desk.days.create(day=date(2026, 7, 1), working=False, name="误录")
    desk.days.filter(day=date(2026, 5, 1)).delete()
    assert public_holidays.seed_holidays(desk, [2026]) == 1
    found = dict(desk.days.filter(day__year=2026).values_list("day", "working"))
    assert (found[date(2026, 10, 1)], found[date(2026, 10, 2)], found[date(2026, 5, 1)]) == (False, True, False)
    assert date(2026, 7, 1) not in found


def test_another_country_has_its_own_holidays_by_province(cast):
    week = {str(n): [["09:00", "17:00"]] for n in range(1, 6)}
    bavaria = Calendar.objects.create(name="München", zone="Europe/Berlin", country="DE", subdivision="BY", hours=week)
    public_holidays.seed_holidays(bavaria, [2026])
    assert bavaria.days.get(day=date(2026, 1, 6)).name == "Heilige Drei Könige"
    assert not bavaria.days.filter(working=True).exists()


def test_a_department_runs_on_its_own_calendar_where_the_rule_names_none(running, item, local, cast, desk):
    nights = Calendar.objects.create(name="夜班", country="", hours={str(n): [["22:00", "06:00"]] for n in range(1, 8)})
    DepartmentCalendar.objects.create(department=cast.delivery, calendar=nights)
    late = running("D16", "2026-03-02 21:00", department=cast.delivery)
    assert (late.due_at, late.allowance["calendar"]) == (local("2026-03-03 02:00"), nights.pk)
    assert running("D15", "2026-03-02 09:00", department=cast.service).allowance["calendar"] == desk.pk
    Rule.objects.filter(code="D37").update(calendar=desk)
    assert running("D37", "2026-03-02 09:00", department=cast.delivery).allowance["calendar"] == desk.pk


def test_a_department_of_the_item_counts_where_none_is_named(item, local, cast):
    nights = Calendar.objects.create(name="夜班", country="", hours={"1": [["22:00", "06:00"]]})
    DepartmentCalendar.objects.create(department=cast.delivery, calendar=nights)
    item.department = cast.delivery
    item.save(update_fields=["department"])
    deadline = services.start(item, "D16", at=local("2026-03-02 21:00"), facts={})
    assert deadline is not None
    assert deadline.allowance["calendar"] == nights.pk
