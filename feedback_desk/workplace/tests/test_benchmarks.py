"""A benchmark that compares two different things says nothing."""

from __future__ import annotations

from functools import partial

import pytest

from feedback_desk.deadlines.sweep import until_done
from feedback_desk.workplace.benchmarks.sweep import company, interleaved, picture


@pytest.mark.django_db(transaction=True)
def test_the_statement_by_hand_leaves_the_rows_that_the_sweep_leaves():
    world = company(running=220, due=210)
    interleaved(world, partial(until_done, world.at), world.by_hand, rounds=1)
    assert [(table, rows) for table, rows, _digest in picture()] == [("steps", 210), ("history", 210), ("deadlines", 220), ("notices", 420)]
