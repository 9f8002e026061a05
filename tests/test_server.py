"""The desk as one command: it starts, says what is wrong, and ends without losing anything (decision 13)."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import psutil
import pytest
from celery import Celery

from tests.running import ROOT, Desk, environment, free_port, refused, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("server")]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = Desk(tmp_path_factory.mktemp("desk") / "data", DJANGO_SETTINGS_MODULE="tests.slow_settings")
    desk.start()
    yield desk
    desk.close()


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "notes"
    path.touch()
    return path


def send_slow(desk: Desk, notes: Path, seconds: float) -> None:
    """A task that has begun, and that its worker knows to have begun: one that it does not know of yet it would leave to the broker."""
    url = desk.environment.get("CELERY_BROKER_URL") or f"redis+socket://{socket_of(desk)}"
    with mock.patch.dict(os.environ, CELERY_BROKER_URL=url), Celery(broker=url) as sender:  # Celery believes the environment first.
        sent = sender.send_task("tests.slow", args=[str(notes), seconds], queue="work")
        until(lambda: "begun" in notes.read_text(), 20, "the task has begun")
        active = sender.control.inspect(timeout=0.5).active
        until(lambda: any(task["id"] == sent.id for tasks in (active() or {}).values() for task in tasks), 20, "the worker knows")


def socket_of(desk: Desk) -> str:
    """Valkey shows it in its title."""
    return " ".join(desk.main_of("valkey-server").cmdline()).partition("unixsocket:")[2].strip()


def test_healthz_names_every_part(desk: Desk) -> None:
    status, body = desk.health()
    assert status == 200
    assert body["parts"] == dict.fromkeys(["web", "database", "broker", "beat", "sweep", "work", "limits"], "alive")


def test_the_start_prints_address_and_how_to_stop(desk: Desk) -> None:
    until(lambda: "Ctrl-C" in desk.output.read_text(), 30, "the welcome")
    assert desk.address in desk.output.read_text()
    assert "Traceback" not in desk.output.read_text()


def test_a_second_start_on_the_same_data_is_refused(desk: Desk) -> None:
    answer = refused(**{**desk.environment, "PORT": str(free_port())})
    assert answer.returncode == 1
    assert answer.stderr.startswith("The desk already runs on")
    assert len(answer.stderr.splitlines()) == 2
    assert desk.health()[0] == 200


def test_a_port_in_use_is_one_sentence(desk: Desk, tmp_path: Path) -> None:
    answer = refused(**environment(tmp_path / "other", desk.port))
    assert answer.returncode == 1
    assert answer.stderr.startswith(f"Port {desk.port} of 127.0.0.1 cannot be used")
    assert "Traceback" not in answer.stderr


def test_a_child_that_dies_is_started_again(desk: Desk) -> None:
    before = desk.main_of("beat")
    before.kill()
    until(lambda: any("beat" in p.cmdline() and p.pid != before.pid for p in desk.processes()), 20, "a new beat")
    assert "beat ended (-9)" in desk.output.read_text()


def test_a_task_of_a_killed_worker_is_done_by_the_next(desk: Desk, notes: Path) -> None:
    send_slow(desk, notes, 8)
    desk.main_of("work@%h").kill()
    until(lambda: "done" in notes.read_text(), 60, "the task is done")
    assert notes.read_text().split() == ["begun", "begun", "done"]


def test_term_finishes_the_task_under_way_and_leaves_no_process_and_a_restart_keeps_the_data(desk: Desk, notes: Path) -> None:
    send_slow(desk, notes, 8)
    assert desk.processes()
    assert desk.stop() == 0
    assert notes.read_text().split() == ["begun", "done"]
    assert desk.processes() == []
    assert "Stopped." in desk.output.read_text()
    desk.start()
    assert desk.output.read_text().count("The administrator chief has been made") == 1
    assert desk.stop(signal.SIGINT) == 0
    assert desk.processes() == []


@pytest.mark.skipif(bool(os.environ.get("CELERY_BROKER_URL")), reason="needs SQLite")
def test_a_killed_supervisor_leaves_nothing_running(tmp_path: Path) -> None:
    """The kernel tells the children when the supervisor dies without a word; the socket's long path is replaced by a short one."""
    desk = Desk(tmp_path / ("a-rather-long-name-" * 5) / "数据")
    desk.data.parent.mkdir()
    try:
        desk.start()
        assert len(os.fsencode(socket_of(desk))) < 107
        assert Path(socket_of(desk)).parent.stat().st_mode & 0o777 == 0o700
        desk.stop(signal.SIGKILL)
        until(lambda: desk.processes() == [], 40, "all children gone")
        with sqlite3.connect(desk.data / "desk.sqlite3") as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    finally:
        desk.close()


@pytest.mark.skipif(bool(os.environ.get("DATABASE_URL")), reason="needs SQLite")
def test_a_demonstration_that_was_not_finished_is_begun_again(tmp_path: Path) -> None:
    where = environment(tmp_path / "data", free_port())
    unfinished = "from feedback_desk.workplace import accounts; accounts.mark_demonstration(finished=False); accounts.first_administrator()"
    for words in (["migrate", "--verbosity", "0"], ["shell", "-c", unfinished]):
        subprocess.run([sys.executable, "-W", "ignore", "manage.py", *words], cwd=ROOT, env=where, check=True, capture_output=True, timeout=60)
    answer = refused(**{**where, "DESK_ADMIN_USER": ""})
    assert "The demonstration was not finished last time" in answer.stdout
    assert answer.stderr.startswith("There is no administrator yet")


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"PORT": "eighty"}, "PORT=eighty is not a port"),
        ({"HOST": "no.such.host.invalid"}, "HOST=no.such.host.invalid is not an address of this machine"),
        ({"DATA_DIR": "/dev/null/data"}, "/dev/null/data/keys cannot be written"),
        ({"HOST": "0.0.0.0", "DEMO": ""}, "HOST=0.0.0.0 can be reached by others and this desk has demonstration accounts"),
        ({"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}, "The database does not answer"),
        ({"DESK_ADMIN_PASSWORD": ""}, "There is no administrator yet"),
        ({"DESK_ADMIN_PASSWORD": "12345"}, "The administrator cannot be made"),
        ({"DESK_DEBUG": "perhaps"}, "DESK_DEBUG='perhaps': say 1 or 0."),
        ({"DEMO": "perhaps"}, "DEMO=perhaps: say 1 or 0."),
        ({"DATABASE_URL": "desk:secret@host"}, "DATABASE_URL cannot be read: say it like postgres://"),
        ({"CELERY_BROKER_URL": "localhost"}, "CELERY_BROKER_URL cannot be read: say it like redis://"),
        ({"EMAIL_URL": "mail.example.com"}, "EMAIL_URL cannot be read: say it like smtp+tls://"),
        ({"DESK_ZONE": "Shanghai"}, "DESK_ZONE cannot be read: say it like Asia/Shanghai"),
        ({"DESK_ATTACHMENT_MAX_MB": "a lot"}, "DESK_ATTACHMENT_MAX_MB cannot be read: say it like 20"),
        ({"DESK_FIELD_KEYS": "short"}, "DESK_FIELD_KEYS cannot be read"),
        ({"DESK_LOG_LEVEL": "loud"}, "DESK_LOG_LEVEL cannot be read: say it like INFO"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path: Path, variables: dict[str, str], sentence: str) -> None:
    answer = refused(**{**environment(tmp_path / "data", free_port()), **variables})
    assert answer.returncode == 1
    assert answer.stderr.startswith(sentence)
    assert "Traceback" not in answer.stderr
    assert not [p for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(p.info["cmdline"] or [])]


def test_another_program_on_the_port_is_not_disturbed(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        answer = refused(**environment(tmp_path / "data", other.getsockname()[1]))
    assert answer.returncode == 1
    assert not any(Path(tmp_path / "data").glob("desk.sqlite3"))


def test_somebody_elses_folder_for_the_socket_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    from feedback_desk.workplace import supervisor

    monkeypatch.setattr("os.getuid", lambda: 12345)
    with pytest.raises(supervisor.CannotStart, match="belongs to somebody else"):
        supervisor.private_folder(tmp_path / "run")
