"""Six hundred real complaints: every proposal has its reasons, and the batches are those that plain counting finds (G1, I7)."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

import pytest

from complaints.grading import propose_many
from feedback_desk.workplace.benchmarks.grade import CARS, Said, cars, enter, made_up, selected

pytestmark = pytest.mark.django_db
WEEK = timedelta(days=7)


@pytest.fixture(params=["cars", "made up"])
def said(request: pytest.FixtureRequest) -> list[Said]:
    if request.param == "made up":
        return made_up()
    if not CARS.exists():
        pytest.skip("shared data absent: car_complaints_zh.csv")
    return cars(CARS)


def counted(said: list[Said]) -> set[int]:
    """Places of those for which a week can be laid over the calendar that holds them and two more of the same series and problem."""
    alike: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for place, one in enumerate(said):
        alike[one.brand, one.series, one.problem].append(place)
    found: set[int] = set()
    for places in alike.values():
        for first in places:
            week = {p for p in places if timedelta(0) <= said[p].on - said[first].on <= WEEK}
            if len(week) >= 3:
                found |= week
    return found


def test_I7_the_batches_found_are_those_that_plain_counting_finds(cast: object, said: list[Said]) -> None:
    ids = enter(said)
    found = propose_many(ids)
    selected(ids)
    assert len(found) == len(said)
    batches = {place for place, pk in enumerate(ids) if found[pk].run is not None}
    assert batches == counted(said)
    assert batches, "there are some in the file"
    assert all(found[ids[place]].grade == "I" for place in batches)


def test_G1_every_proposal_says_why(cast: object, said: list[Said]) -> None:
    for proposal in propose_many(enter(said)).values():
        assert proposal.grade in ("I", "II")
        assert proposal.reasons
        assert all(name and because for name, because in proposal.reasons)
        assert {row["grade"] for row in proposal.why()} <= {"I", "II", "III"}
