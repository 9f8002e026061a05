"""A PostgreSQL cluster and a Redis of our own, on free ports, to be stopped, killed and started again.

From the shell: ``python -m tests.servers start FOLDER`` makes a cluster and prints its address, ``… stop FOLDER`` ends it.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from tests.running import free_port, until

QUEUES = ("sweep", "work")


def postgres_programs() -> Path | None:
    """The newest version that Debian has installed, or what lies in the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    other = shutil.which("initdb")
    return found[-1].parent if found else Path(other).parent if other else None


class Postgres:
    """A cluster in `folder`, which must be a place where the user postgres may go when we are root."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        programs = postgres_programs()
        if programs is None:
            raise FileNotFoundError("PostgreSQL's programs are not installed.")
        self.folder, self.programs, self.port = folder, programs, port or free_port()
        self.log = folder / "log"

    @property
    def address(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def make(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(self.folder, pwd.getpwnam("postgres").pw_uid, -1)
        self._run("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D", str(self.folder / "data"))

    def start(self) -> None:
        options = {"listen_addresses": "127.0.0.1", "fsync": "off", "port": self.port, "unix_socket_directories": self.folder}
        self._control("start", "-l", str(self.log), "-o", " ".join(f"-c {name}={value}" for name, value in options.items()))

    def stop(self, mode: str = "fast") -> None:
        """`mode`: "fast" lets nobody finish, "immediate" is a crash."""
        self._control("-m", mode, "stop")

    def restart(self, mode: str) -> None:
        self.stop(mode)
        self.start()

    def deadlocks(self) -> int:
        return len(re.findall(r"ERROR: +deadlock detected", self.log.read_text(errors="replace")))

    def _control(self, *words: str) -> None:
        self._run("pg_ctl", "-w", "-t", "60", "-D", str(self.folder / "data"), *words)

    def _run(self, program: str, *words: str) -> None:
        as_postgres = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*as_postgres, str(self.programs / program), *words]
        with tempfile.TemporaryFile("w+") as said:
            code = subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=120).returncode
            said.seek(0)
            if code:
                raise RuntimeError(f"{program}: {said.read()}")


class Redis:
    """Keeps nothing: what is stopped and started again has been flushed."""

    def __init__(self, folder: Path) -> None:
        from feedback_desk.workplace.supervisor import broker_program

        self.port, self.folder = free_port(), folder
        self.program = shutil.which("redis-server") or str(broker_program())
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = [self.program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(self.folder)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self.answers, 20, "Redis answers")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)

    def answers(self) -> bool:
        import redis

        with closing(redis.Redis(port=self.port, socket_connect_timeout=1)) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    def flush(self) -> None:
        import redis

        with closing(redis.Redis(port=self.port)) as client:
            client.flushall()

    def waiting(self) -> int:
        """Messages in the queues, and those that a worker took and has not acknowledged."""
        import redis

        with closing(redis.Redis(port=self.port)) as client:
            queued = sum(int(client.llen(key)) for queue in QUEUES for key in client.scan_iter(f"{queue}*", _type="list"))
            return queued + int(client.hlen("unacked"))


def main(verb: str, folder: str) -> None:
    place = Path(folder)
    if verb == "start":
        cluster = Postgres(place)
        cluster.make()
        cluster.start()
        print(cluster.address)
    else:
        Postgres(place, port=1).stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
