"""What if (E4): a past period replayed. Under unchanged rules it is what happened; under others what would have."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from feedback_desk.deadlines import services, whatif
from feedback_desk.deadlines.models import Calendar, Deadline, Extension, Rule
from feedback_desk.deadlines.sweep import until_done
from feedback_desk.deadlines.tests.conftest import URGENT
from feedback_desk.deadlines.whatif import Change, Tally
from feedback_desk.people.models import Absence
from feedback_desk.records.items import open_item
from feedback_desk.records.read_only import read_only

NOW = "2026-04-01 09:00"


@pytest.fixture
def past(cast, local):
    """past("D08", "2026-03-02 09:00", end="2026-03-04 08:00") has been: a limit of an item of its own."""

    def live(code, start, end=None, pauses=(), extend=None, owner=None, **more):
        item = open_item("ticket", title="x", at=local(start))
        row = services.start(item, code, at=local(start), facts=URGENT, owner=owner or cast.agent, **more)
        assert row is not None
        for begin, until in pauses:
            services.pause(item, code, at=local(begin), because="等待客户")
            if until:
                services.resume(item, code, at=local(until))
        if extend:
            grant = {"asked_at": local(start), "decided_at": local(start), "wanted": local(extend), "until": local(extend), "reason": "等配件"}
            Extension.objects.create(deadline=row, state="granted", **grant)
            services.extend(Deadline.objects.get(pk=row.pk), until=local(extend), at=local(start), by=cast.supervisor, why="等配件")
        if end:
            services.settle(item, code, at=local(end))
        return Deadline.objects.get(pk=row.pk)

    return live


@pytest.fixture
def replayed(local):
    """replayed(rules=[...], ...) counts March."""

    def count(*rules, size=whatif.SLICE, **asked):
        change, tally = Change(local(NOW), {whatif.identity(rule.code, rule.when): rule for rule in rules}, **asked), Tally()
        while whatif.next_slice(local("2026-03-01 00:00"), local("2026-04-01 00:00"), change, tally, size):
            pass
        return tally

    return count


def test_D43_an_answer_that_is_only_waited_for_is_no_miss(past, replayed):
    past("D43", "2026-03-02 09:00")
    past("D43", "2026-03-02 09:00", end="2026-03-20 09:00")
    assert replayed().total == [2, 0, 0]
    assert replayed(other("D43", clock="calendar", amount=3600)).total == [2, 0, 0]


def other(code, **values):
    rule = next(rule for rule in services.fitting_rules([code], URGENT, Rule.objects.earliest("valid_from").valid_from).values())
    for name, value in values.items():
        setattr(rule, name, value)
    return rule


@pytest.fixture
def march(past):
    past("D08", "2026-03-02 09:00", end="2026-03-03 08:00")
    past("D08", "2026-03-02 09:00", end="2026-03-04 08:00")
    past("D08", "2026-03-02 09:00", end="2026-03-05 08:00")
    past("D15", "2026-03-06 16:30", end="2026-03-09 11:00")
    past("D26", "2026-03-02 09:00", pauses=[("2026-03-03 10:00", "2026-03-05 10:00")], end="2026-03-11 10:00")
    past("D26", "2026-03-02 09:00", extend="2026-03-20 18:00", end="2026-03-19 10:00")
    past("D26", "2026-03-03 09:00", pauses=[("2026-03-04 10:00", None)])


def test_E4_nothing_changed_is_what_happened(march, replayed):
    tally = replayed()
    assert tally.rules == {"D08": [3, 1, 1], "D15": [1, 0, 0], "D26": [3, 0, 0]}
    assert (tally.moved, tally.as_it_was) == (0, 0)


def test_E4_every_rule_replayed_as_it_is_gives_the_dates_there_were(march, replayed):
    tally = replayed(*(other(code) for code in ("D08", "D15", "D26")))
    assert (tally.moved, tally.as_it_was, tally.total) == (0, 0, [7, 1, 1])


def test_E4_a_shorter_limit_would_have_been_missed_more_often(march, replayed):
    assert replayed(other("D08", amount=24 * 3600)).rules["D08"] == [3, 1, 2]
    assert replayed(other("D08", amount=96 * 3600)).rules["D08"] == [3, 1, 0]


def test_E3_pauses_and_extensions_hold_under_another_limit(march, replayed):
    tally = replayed(other("D26", amount=3))
    assert tally.rules["D26"] == [3, 0, 1]
    assert tally.moved == 2


def test_E4_another_clock(march, replayed):
    assert replayed(other("D15", clock="calendar", amount=4 * 3600)).rules["D15"] == [1, 0, 1]


def test_E4_another_calendar_moves_what_asks_one(march, replayed):
    early = Calendar.objects.create(name="早班", country="", hours={str(day): [["06:00", "20:00"]] for day in range(1, 8)})
    tally = replayed(calendar_id=early.pk)
    assert tally.rules["D15"] == [1, 0, 1]
    assert tally.rules["D08"] == [3, 1, 1]


def test_E6_a_date_set_by_hand_stays_and_void_limits_do_not_count(past, replayed, local):
    past("D26", "2026-03-02 09:00", due_at=local("2026-03-04 12:00"), end="2026-03-05 09:00")
    gone = past("D08", "2026-03-02 09:00")
    services.void(gone.item, "D08", at=local("2026-03-02 10:00"), why="撤诉")
    tally = replayed(other("D26", amount=10))
    assert (tally.rules, tally.as_it_was) == ({"D26": [1, 1, 1]}, 1)


def test_E4_what_still_runs_is_late_when_its_limit_has_passed(past, replayed):
    past("D08", "2026-03-31 08:00")
    assert replayed().rules["D08"] == [1, 0, 0]
    assert replayed(other("D08", amount=2 * 3600)).rules["D08"] == [1, 0, 1]


def test_E4_sums_are_by_department_and_the_same_in_slices(march, replayed, cast):
    whole = replayed(other("D08", amount=24 * 3600))
    assert asdict(replayed(other("D08", amount=24 * 3600), size=2)) == asdict(whole)
    assert sum(row[0] for row in whole.departments.values()) == 7


def test_V2_who_would_have_been_told_had_somebody_been_away(march, replayed, cast):
    tally = replayed(presence=True, absent=frozenset({cast.supervisor.pk}))
    assert tally.people[str(cast.supervisor.pk)] == [1, 0]
    assert tally.people[str(cast.manager.pk)][1] == tally.people.get(str(cast.manager.pk), [0, 0])[0] + 1
    assert tally.nobody == [0, 0]


def test_V2_steps_that_would_have_found_nobody(past, replayed, cast, local):
    past("D08", "2026-03-02 09:00", end="2026-03-04 09:30")
    everybody = frozenset(person.pk for person in vars(cast).values() if hasattr(person, "username"))
    assert replayed(presence=True, absent=everybody).nobody == [0, 2]
    Absence.objects.create(user=cast.supervisor, starts_at=local("2026-03-04 00:00"), ends_at=local("2026-03-05 00:00"))
    assert str(cast.supervisor.pk) not in replayed(presence=True).people


def test_a_read_only_block_refuses_to_write(cast):
    with pytest.raises(DatabaseError), transaction.atomic(), read_only():
        Rule.objects.update(active=False)
    assert Rule.objects.filter(active=True).exists()
    Rule.objects.filter(code="D08").update(active=False)


def test_E1_a_limit_extended_after_its_warning_is_replayed_with_both(past, replayed, local, cast):
    row = past("D27", "2026-03-02 09:00")
    until_done(row.warn_at)
    grant = {"asked_at": row.warn_at, "decided_at": row.warn_at, "wanted": local("2026-03-27 18:00"), "until": local("2026-03-27 18:00"), "reason": "等配件"}
    Extension.objects.create(deadline=row, state="granted", **grant)
    row.refresh_from_db()
    services.extend(row, until=local("2026-03-27 18:00"), at=row.warn_at + timedelta(seconds=1), by=cast.supervisor, why="等配件")
    until_done(local("2026-03-27 18:00"))
    told = replayed(presence=True).people
    assert told[str(cast.agent.pk)] == [2, 2], "of the first date and of the second"
    assert row.steps.filter(receiver="owner").count() == 2
