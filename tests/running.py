"""A desk running as its users run it: the supervisor with all its children, in an empty environment and a data folder of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
ADMIN = {"DESK_ADMIN_USER": "chief", "DESK_ADMIN_PASSWORD": "Kastanie-2931", "DESK_ADMIN_EMAIL": "chief@example.org"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(data: Path, port: int, **more: str) -> dict[str, str]:
    """As after ``env -i``."""
    return {"HOME": str(data.parent), "PATH": "/usr/bin:/bin", "DATA_DIR": str(data), "PORT": str(port), "DEMO": "0", **ADMIN, **more}


def until(true: Callable[[], Any], seconds: float, what: str) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what}")


class Desk:
    """On the services run with a Redis of its own: one that two desks shared would give the tasks of one to the workers of the other."""

    def __init__(self, data: Path, **more: str) -> None:
        from tests.servers import Redis

        self.data, self.port = data, free_port()
        self.redis = Redis(data.parent) if os.environ.get("CELERY_BROKER_URL") else None
        if self.redis:
            more["CELERY_BROKER_URL"] = self.redis.address
        self.address = f"http://127.0.0.1:{self.port}"
        self.environment = environment(data, self.port, **more)
        self.output = data.parent / f"{data.name}.out"
        self.process: subprocess.Popen[bytes] | None = None
        self.teller: subprocess.Popen[str] | None = None
        """Of tests.browsing.told."""

    def start(self) -> None:
        if self.redis and not self.redis.answers():
            self.redis.start()
        with self.output.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"], cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        self.process = process
        until(lambda: self.health()[0] == 200 or process.poll() is not None, 90, f"healthy; see {self.output}")
        assert process.poll() is None, self.output.read_text()

    def health(self) -> tuple[int, dict[str, Any]]:
        """Status and body of /healthz; 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"{self.address}/healthz", timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except OSError:
            return 0, {}

    def processes(self) -> list[psutil.Process]:
        """Everything that runs on this data folder, the supervisor too."""
        return [p for p in psutil.process_iter() if belongs(p, self.data)]

    def main_of(self, words: str) -> psutil.Process:
        """The main process of a child: the one that the supervisor started."""
        assert self.process
        return next(p for p in psutil.Process(self.process.pid).children() if words in " ".join(p.cmdline()))

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(60)

    def close(self) -> None:
        """After a test, whatever happened in it."""
        if self.teller:
            self.teller.kill()
            self.teller.communicate()
        if self.process and self.process.poll() is None:
            self.stop()
        for process in self.processes():
            process.kill()
        if self.redis:
            self.redis.kill()


def belongs(process: psutil.Process, data: Path) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE and process.environ().get("DATA_DIR") == str(data))
    except psutil.Error:
        return False


def refused(**variables: str) -> subprocess.CompletedProcess[str]:
    """A start that is expected to end by itself."""
    return subprocess.run([sys.executable, "manage.py", "serve"], cwd=ROOT, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
