"""A process whose machine's clock is wrong dates by the database's (decision 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from celery.signals import task_prerun
from django.db import connection
from django.utils import timezone

from feedback_desk import clock
from feedback_desk.notices.database_clock import database_now
from feedback_desk.notices.models import ServiceState

HOUR = timedelta(hours=1)


@pytest.fixture
def machine_off(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[timedelta], None]]:
    """machine_off(HOUR): this machine's clock is an hour ahead of the truth."""
    true = timezone.now  # noqa: TID251 - the machine's clock itself
    yield lambda ahead: monkeypatch.setattr(timezone, "now", lambda: true() + ahead)
    monkeypatch.undo()
    clock.follow(true())


def near(instant: datetime, other: datetime) -> bool:
    return abs(instant - other) < timedelta(seconds=30)


@pytest.mark.parametrize(("ahead", "found"), [(HOUR, HOUR), (-HOUR, -HOUR), (timedelta(seconds=1.5), timedelta()), (timedelta(), timedelta())])
def test_a_clock_that_is_off_is_corrected_and_a_tolerable_one_left_alone(machine_off, ahead, found):
    truth = clock.now()
    machine_off(ahead)
    assert near(clock.now(), truth + ahead)
    assert near(truth + clock.follow(truth), truth + found)
    assert near(clock.now(), truth)


def test_the_fixed_clock_of_a_block_goes_before(machine_off):
    machine_off(HOUR)
    instant = datetime(2026, 3, 2, 9, tzinfo=UTC)
    with clock.at(instant):
        clock.follow(instant)
        assert clock.now() == instant


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
def test_a_new_connection_corrects_the_clock_of_its_process(machine_off, ahead):
    truth = clock.now()
    machine_off(ahead)
    connection.close()
    connection.ensure_connection()
    assert near(clock.now(), truth)


@pytest.mark.postgres
@pytest.mark.django_db
def test_the_sweeps_instant_is_the_databases_and_the_skew_is_on_record(machine_off):
    truth = clock.now()
    machine_off(HOUR)
    assert near(database_now(), truth)
    assert ServiceState.objects.get(name="clock_skew").data["seconds"] == pytest.approx(3600, abs=30)
    assert near(clock.now(), truth)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_task_that_asks_for_the_time_first_of_all_is_told_the_databases(machine_off):
    truth = clock.now()
    machine_off(HOUR)
    connection.close()
    task_prerun.send(sender=None)
    assert near(clock.now(), truth)
