"""One of two workers silently dead: named by /healthz, told to the administrator once, and once when it is well again. Real processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from feedback_desk.workplace import supervisor
from tests.machinery import Machinery, scratch_database, until

pytestmark = [
    pytest.mark.slow, pytest.mark.xdist_group("machinery"),
    pytest.mark.skipif(not os.environ.get("DATABASE_URL"), reason="the services run has it"),
]  # fmt: skip
PATIENCE = 150.0
"""Seconds; it is seen within one minute where the machine is not busy."""


@pytest.fixture(scope="module")
def machinery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machinery]:
    """Two workers, one for each queue, and a beat, all well; an administrator who can be told."""
    folder = tmp_path_factory.mktemp("watched")
    with ExitStack() as stack:
        more = {"DATABASE_URL": stack.enter_context(scratch_database())} if os.environ.get("DATABASE_URL") else {}
        machinery = Machinery(folder, CELERY_BROKER_URL=f"redis+socket://{folder / 'broker.sock'}", **more)
        machinery.manage("migrate", "--verbosity", "0")
        machinery.tell("administrator")
        program = supervisor.broker(folder / "broker.sock", folder / "broker")
        machinery.start("broker", program.command)
        stack.callback(machinery.close)
        until(program.ready, 20, "the broker answers")
        for queue in ("sweep", "work"):
            machinery.worker(queue, queue)
        machinery.beat("beat")
        until(lambda: seen(machinery) == {"sweep", "work", "beat"} and not machinery.tell("machines")["failing"], PATIENCE, "all well" + machinery.logs())
        yield machinery


def seen(machinery: Machinery) -> set[str]:
    return {name.partition("@")[0] for name, word in machinery.tell("machines")["processes"].items() if word == "alive"}


def wait(machinery: Machinery, what: str, *told: str) -> dict[str, Any]:
    """Until the administrator was told exactly these, in this order (kind and name); what the machines say then."""

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = machinery.tell("machines")
        assert len(found["told"]) <= len(told), found["told"]
        return found if [f"{kind}: {name.partition('@')[0]}" for kind, name in found["told"]] == list(told) else None

    found: dict[str, Any] = until(look, PATIENCE, what + machinery.logs())
    return found


def names(failing: list[str]) -> set[str]:
    """Limits may be late meanwhile: nobody looked at them."""
    return {name.partition("@")[0] for name in failing} - {"limits"}


def word(found: dict[str, Any], name: str) -> str:
    return next((word for process, word in found["processes"].items() if process.startswith(name)), "")


HUNG, BACK = "machinery_trouble: sweep", "machinery_well: sweep"
DEAD, STARTED = "machinery_trouble: work", "machinery_well: work"


def test_a_worker_that_hangs_or_dies_is_named_and_told_once_and_once_when_it_is_well(machinery: Machinery) -> None:
    machinery.freeze("sweep", pool=True)
    found = wait(machinery, "its processes hang while it answers", HUNG)
    assert (names(found["failing"]), word(found, "sweep")) == ({"sweep"}, "hung")
    until(lambda: machinery.tell("machines")["mails"], PATIENCE, "the mail leaves by the worker that is left" + machinery.logs())
    machinery.thaw("sweep", pool=True)
    wait(machinery, "well again", HUNG, BACK)

    machinery.freeze("work")
    found = wait(machinery, "it does not answer", HUNG, BACK, DEAD)
    assert (names(found["failing"]), word(found, "work")) == ({"work"}, "dead")
    machinery.kill("work")
    machinery.worker("work", "work")
    wait(machinery, "started again, well again", HUNG, BACK, DEAD, STARTED)
    until(lambda: not machinery.tell("machines")["failing"], PATIENCE, "nothing is failing any more")


def test_a_worker_that_was_told_to_end_is_not_missed(machinery: Machinery) -> None:
    machinery.worker("second", "work")
    until(lambda: "second" in seen(machinery), PATIENCE, "a second one for the same queue" + machinery.logs())
    machinery.processes["second"].terminate()
    machinery.processes.pop("second").wait(60)
    assert not word(machinery.tell("machines"), "second")
