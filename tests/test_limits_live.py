"""Limits on true time, with processes that die (E1, E2, T5, T7, C3): PostgreSQL, Redis, two workers, two beats, a receiving mail server.

One worker is killed while its sweep has written steps and not committed; another while a message has been received and not marked. Counted from rows:
each step once, each notice once; by the receiving server: each key once, or twice where the kill fell between sending and marking.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from tests.faults import receiving
from tests.machinery import Machinery, redis_corner, scratch_database, until

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.services, pytest.mark.slow, pytest.mark.xdist_group("machinery")]
AHEAD = 22.0
"""Seconds from the story's telling until the limits shown fall due."""
KILL_AT = 20
URGENT = 24


class Receiver:
    """A mail server that counts keys, and kills whoever sends it the message number KILL_AT before it answers."""

    def __init__(self, machinery: Machinery) -> None:
        self.machinery, self.keys, self.killed, self.cut_off = machinery, Counter[str](), "", ""
        self.lock = threading.Lock()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        from email import message_from_bytes

        key = str(message_from_bytes(envelope.content)["X-Desk-Key"])
        with self.lock:
            self.keys[key] += 1
            if self.keys.total() == KILL_AT and not self.killed and (sender := self.machinery.owner_of(session.peer[1])):
                self.killed, self.cut_off = sender, key
                self.machinery.kill(sender)
        return "250 OK"


@pytest.fixture
def machinery(tmp_path: Path) -> Iterator[Machinery]:
    broker = os.environ["CELERY_BROKER_URL"]
    with scratch_database() as database, redis_corner(broker) as prefix:
        machinery = Machinery(tmp_path, DATABASE_URL=database, CELERY_BROKER_URL=broker, DESK_TEST_PREFIX=prefix)
        try:
            yield machinery
        finally:
            machinery.close()


def kill_in_the_middle_of_a_sweep(machinery: Machinery) -> str:
    """Notices cannot be written for a moment: a sweep waits there with its steps written and not committed. Kill its worker, then let go."""
    import psycopg2

    database = machinery.environment["DATABASE_URL"]
    with closing(psycopg2.connect(database)) as holder, closing(psycopg2.connect(database)) as watcher:
        watcher.autocommit = True
        holder.cursor().execute("LOCK TABLE notices_notice IN SHARE MODE")
        machinery.worker("one")
        machinery.worker("two")
        for name in ("first-beat", "second-beat"):
            machinery.beat(name)
        port = until(lambda: waiting_for_notices(watcher), 40, "a sweep in its transaction" + machinery.logs())
        name = machinery.owner_of(port)
        machinery.kill(name)
        with holder.cursor() as rows:
            rows.execute("SELECT count(*) FROM deadlines_steptaken")
            assert rows.fetchone() == (0,), "nothing of it may stand"
        holder.rollback()
    return name


def waiting_for_notices(watcher: Any) -> int | None:
    """The client port of a backend that waits to insert notices."""
    with watcher.cursor() as rows:
        rows.execute("SELECT client_port FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT INTO \"notices_notice\"%'")
        found = rows.fetchone()
    return int(found[0]) if found else None


def test_limits_on_true_time_with_two_workers_two_beats_and_two_kills(machinery: Machinery, capsys: pytest.CaptureFixture[str]) -> None:
    receiver = Receiver(machinery)
    with receiving(receiver) as port:
        machinery.environment |= {"EMAIL_URL": f"smtp://127.0.0.1:{port}"}
        machinery.manage("migrate", "--verbosity", "0")
        items = machinery.tell("limits", ahead=AHEAD, urgent=URGENT)
        begun = monotonic()
        first = kill_in_the_middle_of_a_sweep(machinery)
        machinery.worker("three")
        until(lambda: receiver.killed, 40, f"message number {KILL_AT}; {machinery.logs()}")
        machinery.worker("four")
        counted = until(lambda: all_done(machinery, begun), 60, "everything is caught up")
    seen = machinery.tell("limits_seen", items=items)
    twice = {key: n for key, n in receiver.keys.items() if n > 1}
    with capsys.disabled():
        print(f"\n    killed in a sweep: {first}; killed between sending and marking: {receiver.killed}; delivered twice: {twice or 'none'}")
        print(f"    {counted['steps']} steps, {counted['notices']} notices, {receiver.keys.total()} deliveries of {len(receiver.keys)} keys")

    assert not counted["steps_twice"], "steps per (deadline, step, round)"
    assert not counted["told_twice"], "outbox rows per (step, receiver, channel)"
    assert set(receiver.keys) == set(counted["mails"]), "every message arrived"
    assert set(twice) <= {receiver.cut_off}, "twice only where the kill fell between sending and marking"
    assert max(receiver.keys.values()) <= 2

    reminded = {name: at for name, at in seen.items() if name.startswith("urgent_") and name != "urgent_touched"}
    assert len(reminded) == URGENT
    assert all(found["steps"] and found["steps"][0][:2] == [1, "owner"] for found in reminded.values()), "T5: untouched for 30 minutes reminds"
    assert all(found["told"] == ["supervisor"] for found in reminded.values())
    assert seen["urgent_touched"]["steps"] == []
    on_time = [step[2] for found in reminded.values() for step in found["steps"] if not step[3]]
    assert min(on_time) >= 0, "never before it is due"
    assert len(on_time) >= 3, "those that fell due while the processes ran were told of, not skipped"

    assert seen["unconfirmed"]["holder"] == "supervisor", "T7: it goes to the supervisor by itself"
    assert (seen["unconfirmed"]["outcome"], seen["unconfirmed"]["state"]) == (["applied"], "settled")
    assert (seen["confirmed"]["steps"], seen["confirmed"]["holder"]) == ([], "colleague")

    hours = {name: found["hours"] for name, found in seen.items() if name.startswith("determination")}
    assert hours == {
        "determination": 24, "determination_one_attempt": 24, "determination_two_attempts": 48, "determination_48": 48, "determination_attempts_too_late": 24,
    }  # fmt: skip
    over = {name: any(step[0] >= 2 for step in found["steps"]) for name, found in seen.items() if name.startswith("determination")}
    assert over == {
        "determination": True, "determination_one_attempt": True, "determination_two_attempts": False, "determination_48": True,
        "determination_attempts_too_late": True,
    }  # fmt: skip
    late = machinery.tell("determine_all")
    assert {name: late[str(items[name])] for name in over} == over, "C3: late after 24 hours, or 48 where two attempts are on record"


def all_done(machinery: Machinery, begun: float) -> dict[str, Any] | None:
    """Past the last limit, with nothing due, nothing unsent and no act open."""
    if monotonic() - begun < AHEAD + 12:
        return None
    counted: dict[str, Any] = machinery.tell("counted")
    return counted if not (counted["due"] or counted["unsent"] or counted["acts_open"]) else None
