"""The desk's machinery in single real processes, to be killed one by one: a scratch database, a broker of its own, workers and beats."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.running import ROOT, belongs, until

CELERY = [sys.executable, "-m", "celery", "--app", "feedback_desk"]
QUIET = ["--without-mingle", "--without-gossip", "--loglevel", "WARNING"]


class Machinery:
    """`more` goes into the environment of every process. Logs lie in the folder, one per process."""

    def __init__(self, folder: Path, **more: str) -> None:
        self.folder = folder
        (folder / "data" / "run").mkdir(parents=True, exist_ok=True)
        self.environment = {
            "PATH": "/usr/bin:/bin", "HOME": str(folder), "DATA_DIR": str(folder / "data"), "DJANGO_SETTINGS_MODULE": "tests.machine_settings",
            "DESK_FIELD_KEYS": "DRlgU_IB3pb7t1bGlECp3APMaGeuBEPLrXt9AFbwIuM=", "DESK_INDEX_KEY": "index", "DESK_SECRET_KEY": "secret", **more,
        }  # fmt: skip
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def manage(self, *words: str) -> str:
        """A manage.py command to its end; its output."""
        command = [sys.executable, "-W", "ignore", "manage.py", *words]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def tell(self, story: str, **facts: Any) -> Any:
        """Run a function of tests.stories in a process of its own; what it returns."""
        return last_line(self.manage("shell", "--no-imports", "-c", told(story, facts)))

    def tell_aside(self, name: str, story: str, **facts: Any) -> None:
        """The same while others go on; what it returns is the last line of its log."""
        self.start(name, [sys.executable, "-W", "ignore", "manage.py", "shell", "--no-imports", "-c", told(story, facts)])

    def heard(self, name: str, patience: float) -> Any:
        """What a story told aside returned, at its end."""
        process = self.processes.pop(name)
        assert process.wait(patience) == 0, (self.folder / f"{name}.log").read_text()[-4000:]
        return last_line((self.folder / f"{name}.log").read_text())

    def start(self, name: str, command: list[str], **more: str) -> None:
        """`more` goes into the environment of this process only."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command, cwd=ROOT, env={**self.environment, **more}, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )  # fmt: skip

    def worker(self, name: str, queues: str = "sweep,work", **more: str) -> None:
        """One that serves both queues, or those named; two tasks at a time."""
        self.start(name, [*CELERY, "worker", "--queues", queues, "--hostname", f"{name}@%h", "--concurrency", "2", *QUIET], **more)

    def beat(self, name: str) -> None:
        schedule = str(self.folder / "data" / "run" / f"{name}-schedule")
        self.start(name, [*CELERY, "beat", "--pidfile=", "--schedule", schedule, "--loglevel", "WARNING"])

    def kill(self, name: str) -> None:
        """kill -9 for the main process and its children: nothing of it goes on."""
        self._end(self.processes.pop(name))

    def freeze(self, name: str, *, pool: bool = False) -> None:
        """It neither ends nor works any more (SIGSTOP): the main process, or with `pool` only those that do its tasks."""
        for process in self._frozen(name, pool):
            process.suspend()

    def thaw(self, name: str, *, pool: bool = False) -> None:
        for process in self._frozen(name, pool):
            process.resume()

    def _frozen(self, name: str, pool: bool) -> list[psutil.Process]:
        main = psutil.Process(self.processes[name].pid)
        return main.children(recursive=True) if pool else [main]

    def owner_of(self, port: int) -> str:
        """The process (by its name here) that holds a TCP connection from this local port."""
        for name, process in self.processes.items():
            main = psutil.Process(process.pid)
            for each in (main, *main.children(recursive=True)):
                if any(c.laddr and c.laddr.port == port for c in each.net_connections("tcp")):
                    return name
        return ""

    def close(self) -> None:
        for process in self.processes.values():
            self._end(process)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """All of its group. Once it has been waited for, its number may be somebody else's: then only what works on our data."""
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
            return
        for other in psutil.process_iter():
            try:
                if belongs(other, self.folder / "data") and os.getpgid(other.pid) == process.pid:
                    other.kill()
            except (psutil.NoSuchProcess, ProcessLookupError):
                continue  # It ended in between.

    def logs(self) -> str:
        return "\n".join(f"--- {path.name}\n{path.read_text()[-4000:]}" for path in sorted(self.folder.glob("*.log")))


def told(story: str, facts: dict[str, Any]) -> str:
    """ "counted" is a function of tests.stories, "fault_stories.bustle" one of tests.fault_stories."""
    module, _, name = story.rpartition(".")
    return f"import json; from tests import {module or 'stories'} as told; print(json.dumps(told.{name}(**json.loads({json.dumps(json.dumps(facts))}))))"


def last_line(output: str) -> Any:
    return json.loads(output.strip().splitlines()[-1])


@contextmanager
def scratch_database(model: str = "template1") -> Iterator[str]:
    """A PostgreSQL database made for one test on the server of DATABASE_URL, like `model`; its address."""
    import psycopg2

    server, name = os.environ["DATABASE_URL"].rpartition("/")[0], f"desk_scratch_{secrets.token_hex(4)}"
    connection = psycopg2.connect(f"{server}/postgres")
    connection.autocommit = True
    connection.cursor().execute(f"CREATE DATABASE {name} TEMPLATE {model}")
    try:
        yield f"{server}/{name}"
    finally:
        connection.cursor().execute(f"DROP DATABASE {name} WITH (FORCE)")
        connection.close()


@contextmanager
def redis_corner(url: str) -> Iterator[str]:
    """A prefix of keys in a Redis that others use too; emptied afterwards."""
    import redis

    prefix = f"desk-{secrets.token_hex(4)}:"
    try:
        yield prefix
    finally:
        server = redis.Redis.from_url(url)
        if keys := list(server.scan_iter(f"{prefix}*")):
            server.delete(*keys)


__all__ = ["Machinery", "redis_corner", "scratch_database", "until"]
