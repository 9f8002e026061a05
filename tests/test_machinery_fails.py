"""What fails behind the pages: the broker away, a worker killed in the middle (bad input of the desk's own machinery). Nothing lost, nothing twice."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from feedback_desk.workplace import supervisor
from tests.machinery import Machinery, scratch_database, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("machinery")]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machinery]:
    """A migrated database with people in it, to be copied; PostgreSQL on the services run."""
    with ExitStack() as stack:
        more = {"DATABASE_URL": stack.enter_context(scratch_database())} if os.environ.get("DATABASE_URL") else {}
        machinery = Machinery(tmp_path_factory.mktemp("furnished"), **more)
        machinery.manage("migrate", "--verbosity", "0")
        machinery.tell("people")
        yield machinery


@pytest.fixture
def machinery(tmp_path: Path, furnished: Machinery) -> Iterator[Machinery]:
    """On the embedded broker, with a database of its own."""
    with ExitStack() as stack:
        more = {}
        if model := furnished.environment.get("DATABASE_URL"):
            more["DATABASE_URL"] = stack.enter_context(scratch_database(model.rpartition("/")[2]))
        machinery = Machinery(tmp_path, CELERY_BROKER_URL=f"redis+socket://{tmp_path / 'broker.sock'}", DESK_TEST_DIE_FILE=str(tmp_path / "die"), **more)
        if not more:
            shutil.copy(furnished.folder / "data" / "desk.sqlite3", tmp_path / "data")
        start_broker(machinery)
        stack.callback(machinery.close)
        yield machinery


def start_broker(machinery: Machinery) -> None:
    program = supervisor.broker(machinery.folder / "broker.sock", machinery.folder / "broker")
    machinery.start("broker", program.command)
    until(program.ready, 20, "the broker answers")


def done(machinery: Machinery, steps: int) -> dict[str, Any] | None:
    counted: dict[str, Any] = machinery.tell("counted")
    return counted if counted["steps"] >= steps and not (counted["due"] or counted["unsent"]) else None


def delivered(machinery: Machinery) -> Counter[str]:
    """What the file mail box holds, by key."""
    files = sorted((machinery.folder / "data" / "mail").glob("*.log"))
    messages = [part for file in files for part in file.read_bytes().split(b"-" * 79 + b"\n") if part.strip()]
    return Counter(str(message_from_bytes(message.lstrip(b"\n"))["X-Desk-Key"]) for message in messages)


def test_without_the_broker_people_register_as_ever_and_everything_catches_up(machinery: Machinery) -> None:
    machinery.worker("worker")
    machinery.beat("beat")
    until(lambda: not machinery.tell("behind"), 60, "all alive")
    machinery.kill("broker")
    told = machinery.tell("broker_away")
    assert len(told["items"]) == 3
    assert told["seconds"] < 5
    until(lambda: machinery.tell("behind"), 60, "the desk says that the machinery is behind")
    assert machinery.tell("counted")["due"] == 3
    start_broker(machinery)
    counted = until(lambda: done(machinery, 3), 60, "what fell due meanwhile is caught up" + machinery.logs())
    assert not counted["steps_twice"]
    assert not counted["told_twice"]
    assert delivered(machinery) == dict.fromkeys(counted["mails"], 1)
    until(lambda: not machinery.tell("behind"), 40, "nothing is behind any more")


@pytest.mark.parametrize("moment", ["sweep", "deliver"])
def test_a_worker_killed_in_the_middle_loses_nothing_and_does_nothing_twice(machinery: Machinery, moment: str) -> None:
    machinery.tell("urgent_ones", count=5, seconds_ahead=-60, spread=0)
    wish = machinery.folder / "die"
    wish.touch()
    machinery.environment |= {"DESK_TEST_DIE": moment}
    machinery.worker("first")
    machinery.beat("beat")
    until(lambda: not wish.exists() and machinery.processes["first"].poll() is not None, 60, "the worker has died" + machinery.logs())
    steps = machinery.tell("counted")["steps"]
    assert steps == (0 if moment == "sweep" else steps), "what was not committed does not stand"
    machinery.worker("second")
    counted = until(lambda: done(machinery, 5), 60, "the next worker does the rest" + machinery.logs())
    assert counted["steps"] == 5
    assert not counted["steps_twice"]
    assert not counted["told_twice"]
    seen = delivered(machinery)
    assert set(seen) == set(counted["mails"])
    again = seen.total() - len(seen)
    assert again in ((1,) if moment == "deliver" else (0, 1)), "twice only what was sent and not marked (by the other task, when a sweep died)"
