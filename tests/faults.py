"""The fault machine: limits on true time while workers are killed, broker and database go away, a clock is an hour off and people work.

PostgreSQL and Redis of its own, two beats, four workers, a receiving mail server. What is promised is counted from rows and deliveries: every step once,
none lost, none early, no deadlock; every message once, or twice where a fault fell between its sending and its marking; then all is quiet.
`script/chaos` runs it for ten minutes, tests/test_faults_live.py for half a minute.
"""

from __future__ import annotations

import argparse
import logging
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from aiosmtpd.controller import Controller

from tests.machinery import Machinery
from tests.running import free_port
from tests.servers import Postgres, Redis, postgres_programs

WORKERS, BEATS = ("one", "two", "three", "four"), ("first-beat", "second-beat")
HOUR = 3600
QUIET_FOR = 11.0
"""Seconds in which nothing may happen any more: two turns of the sweep."""
WHOLE_WORKER = 7
"""Of so many strikes one takes a worker and all of it."""
VISIBILITY = 10
"""Seconds after which a message that a killed worker had is given to another."""


@dataclass(frozen=True)
class Size:
    """How long and how much. The last steps fall due from `calm` seconds after the start on, until `seconds` are over."""

    seconds: float
    deadlines: int
    allowance: int
    loud: int
    calm: float
    patience: float
    """For catching up afterwards, on a busy machine."""


SHORT = Size(seconds=20, deadlines=240, allowance=6, loud=2, calm=4, patience=150)


def long_form(minutes: float) -> Size:
    return Size(seconds=minutes * 60, deadlines=10_000, allowance=30, loud=4, calm=20, patience=600)


class Receiver:
    """A mail server that writes down each delivery of a step's notice: key, time, session."""

    def __init__(self) -> None:
        self.deliveries: list[tuple[str, float, int]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        from email import message_from_bytes

        key = str(message_from_bytes(envelope.content)["X-Desk-Key"])
        if key.startswith("step:"):
            self.deliveries.append((key, time.time(), session.peer[1]))
        return "250 OK"

    def counted(self) -> Counter[str]:
        return Counter(key for key, _at, _port in self.deliveries)

    def times(self) -> dict[str, list[float]]:
        found = defaultdict(list)
        for key, at, _port in self.deliveries:
            found[key].append(at)
        return dict(found)

    def unexplained(self) -> list[str]:
        """Keys delivered again although the sender went on after the first time: whoever is stopped between sending and marking sends no more."""
        last = {port: key for key, _at, port in self.deliveries}
        again, seen = [], dict[str, int]()
        for key, _at, port in self.deliveries:
            if key in seen and last[seen[key]] != key:
                again.append(key)
            seen[key] = port
        return again


@contextmanager
def receiving(receiver: Any) -> Iterator[int]:
    """The server on a free port."""
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    controller = Controller(receiver, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


@dataclass
class Faults:
    """The machine at work: what it does to whom, and when."""

    machinery: Machinery
    postgres: Postgres
    redis: Redis
    size: Size
    dice: random.Random
    say: Callable[[str], None]
    done: Counter[str] = field(default_factory=Counter)
    strikes: int = 0
    log: list[tuple[float, str]] = field(default_factory=list)

    def note(self, what: str) -> None:
        self.done[what] += 1
        self.log.append((time.time(), what))

    def start_worker(self, name: str) -> None:
        """The first has a clock that is an hour off, one way or the other; the second's is so little ahead that it takes beat's messages for fresh."""
        ahead = {WORKERS[0]: self.dice.choice((HOUR, -HOUR)), WORKERS[1]: 100}.get(name, 0)
        self.machinery.worker(name, DESK_TEST_CLOCK_AHEAD=str(ahead))

    def strike(self) -> None:
        """kill -9 for somebody: mostly one of the processes that do a worker's tasks, every seventh time the worker and all of it."""
        self.start_what_ended()
        at_work = {name: tasks for name in WORKERS if (tasks := self.tasks_of(name))}
        if not at_work:
            return
        name = self.dice.choice(list(at_work))
        self.strikes += 1
        if self.strikes % WHOLE_WORKER:
            self.dice.choice(at_work[name]).kill()
            self.note("killed a process of a worker")
        else:
            self.machinery.kill(name)
            self.start_worker(name)
            self.note("killed a worker")

    def start_what_ended(self) -> None:
        """A worker whose processes are killed while it starts gives up; at a desk the supervisor starts it again."""
        for name in WORKERS:
            if self.machinery.processes[name].poll() is not None:
                self.start_worker(name)
                self.note("started a worker that had given up")

    def tasks_of(self, name: str) -> list[psutil.Process]:
        try:
            found: list[psutil.Process] = psutil.Process(self.machinery.processes[name].pid).children()
        except psutil.NoSuchProcess:
            return []
        return found

    def lose_broker(self) -> None:
        self.redis.kill()
        time.sleep(3)
        self.redis.start()
        self.note("broker stopped, flushed, started")

    def flush_broker(self) -> None:
        self.redis.flush()
        self.note("broker flushed")

    def restart_database(self) -> None:
        self.postgres.restart("fast")
        self.note("database restarted")

    def crash_database(self) -> None:
        self.postgres.restart("immediate")
        self.note("database crashed and started")

    def plan(self) -> list[tuple[float, Callable[[], None]]]:
        """At which share of the time what happens beside the kills."""
        return [(0.25, self.lose_broker), (0.45, self.restart_database), (0.55, self.flush_broker), (0.65, self.lose_broker), (0.8, self.crash_database)]

    def rage(self, until: float) -> None:
        """A kill a second; each event of the plan in its time, beside them."""
        begun = time.monotonic()
        events = [(begun + share * (until - begun), event) for share, event in self.plan()]
        running: list[threading.Thread] = []
        while time.monotonic() < until:
            while events and events[0][0] <= time.monotonic():
                running.append(threading.Thread(target=events.pop(0)[1]))
                running[-1].start()
            try:
                self.strike()
            except (psutil.NoSuchProcess, ProcessLookupError):
                self.note("came too late to kill")
            time.sleep(1)
        for thread in running:
            thread.join(120)

    def settle_down(self) -> dict[str, int]:
        """No more faults: until everything is caught up and nothing is left in the queues."""
        end = time.monotonic() + self.size.patience
        while time.monotonic() < end:
            left: dict[str, int] = self.machinery.tell("fault_stories.left_to_do")
            self.say(f"left: {left}")
            if not (left["due"] or left["to_come"] or left["stopped"] or left["unsent"]):
                return left
            self.start_what_ended()
            time.sleep(2)
        raise AssertionError(f"not caught up after {self.size.patience} s: {left}\n{self.machinery.logs()}")

    def is_quiet(self, before: dict[str, int]) -> list[str]:
        """Nothing more happens; without the beats the queues run empty."""
        time.sleep(QUIET_FOR)
        after = self.machinery.tell("fault_stories.left_to_do")
        wrong = [] if after == before else [f"not quiet: {before} became {after}"]
        for name in BEATS:
            self.machinery.kill(name)
        end = time.monotonic() + VISIBILITY + self.size.patience
        while self.redis.waiting() and time.monotonic() < end:
            time.sleep(1)
        return wrong + ([f"{self.redis.waiting()} messages are left in the queues"] if self.redis.waiting() else [])


@dataclass
class Verdict:
    counts: dict[str, Any]
    wrong: list[str]
    deliveries: str

    def told(self) -> str:
        lines = [f"  {name}: {value}" for name, value in self.counts.items()]
        return "\n".join([*lines, f"  {self.deliveries}", *(f"  VIOLATION {line}" for line in self.wrong)])


def run(size: Size, seed: int, say: Callable[[str], None]) -> Verdict:
    """Everything from empty servers to the verdict."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="desk-faults-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o755)
        postgres, redis, receiver = Postgres(folder / "postgres"), Redis(folder), Receiver()
        postgres.make()
        postgres.start()
        stack.callback(postgres.stop, "immediate")
        redis.start()
        stack.callback(redis.kill)
        port = stack.enter_context(receiving(receiver))
        more = {"EMAIL_URL": f"smtp://127.0.0.1:{port}", "DESK_TEST_VISIBILITY": str(VISIBILITY)}
        machinery = Machinery(folder, DATABASE_URL=postgres.address, CELERY_BROKER_URL=redis.address, **more)
        stack.callback(machinery.close)
        stack.callback(keep_logs, folder)
        return Trial(Faults(machinery, postgres, redis, size, random.Random(seed), say), receiver).verdict(seed)


def keep_logs(folder: Path) -> None:
    """Of the last trial, to be looked at: what the processes and the database said."""
    kept = Path(tempfile.gettempdir()) / "desk-faults-logs"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(mode=0o700)
    for log in (*folder.glob("*.log"), folder / "postgres" / "log"):
        shutil.copy(log, kept)


@dataclass
class Trial:
    faults: Faults
    receiver: Receiver

    def verdict(self, seed: int) -> Verdict:
        faults, size, say = self.faults, self.faults.size, self.faults.say
        faults.machinery.manage("migrate", "--verbosity", "0")
        say("the database is there")
        for name in WORKERS:
            faults.start_worker(name)
        for name in BEATS:
            faults.machinery.beat(name)
        faults.machinery.tell(
            "fault_stories.fall_due", count=size.deadlines, ahead=size.calm, over=size.seconds - size.calm, seconds=size.allowance, loud=size.loud
        )  # fmt: skip
        end = time.monotonic() + size.seconds
        say(f"{size.deadlines} limits with three steps each, {size.seconds:.0f} s of faults")
        for share in (0, 1):
            faults.machinery.tell_aside(f"bustle-{share}", "fault_stories.bustle", seconds=size.seconds * 0.85, seed=seed + share, share=share, of=2)
        faults.rage(end)
        say(f"faults: {dict(faults.done)}")
        bustle = [faults.machinery.heard(f"bustle-{share}", size.patience) for share in (0, 1)]
        wrong = faults.is_quiet(faults.settle_down())
        return self.judge(faults.machinery.tell("fault_stories.examined"), sum((Counter(one) for one in bustle), Counter()), wrong)

    def judge(self, seen: dict[str, Any], bustle: Counter[str], wrong: list[str]) -> Verdict:
        counted, mails = self.receiver.counted(), {key: (state, due) for key, state, due in seen["mails"]}
        sent = {key for key, (state, _due) in mails.items() if state == "sent"}
        twice = {key: n for key, n in counted.items() if n > 1}
        wrong += [f"{name}: {rows}" for name, rows in seen["violations"].items()]
        wrong += [f"{number} deadlocks"] if (number := self.faults.postgres.deadlocks()) else []
        wrong += [f"sent and never received: {sorted(sent - set(counted))[:10]}"] if sent - set(counted) else []
        wrong += [f"received and unknown: {sorted(set(counted) - set(mails))[:10]}"] if set(counted) - set(mails) else []
        wrong += [f"delivered again although nothing fell between sending and marking: {again}"] if (again := self.receiver.unexplained()) else []
        early = [key for key, times in self.receiver.times().items() if key in mails and times[0] < mails[key][1]]
        wrong += [f"received before they were due: {early[:10]}"] if early else []
        counts = {"faults": dict(self.faults.done), "people": dict(bustle), **seen["counts"], "deadlocks": self.faults.postgres.deadlocks()}
        return Verdict(counts, wrong, f"{counted.total()} deliveries of {len(counted)} messages; twice, a fault between sending and marking: {twice or 'none'}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/chaos", description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--short", action="store_true", help="as in the suite")
    given = parser.parse_args()
    if postgres_programs() is None:
        print("PostgreSQL's programs are not installed: apt install postgresql. 未安装 PostgreSQL 程序：请执行 apt install postgresql。", file=sys.stderr)
        return 1
    begun = time.monotonic()

    def say(words: str) -> None:
        print(f"{time.monotonic() - begun:7.1f} s  {words}", flush=True)

    verdict = run(SHORT if given.short else long_form(given.minutes), given.seed, say)
    say("VIOLATED" if verdict.wrong else "held")
    print(verdict.told())
    return 1 if verdict.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
