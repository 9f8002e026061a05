"""The commands that prove and measure: what is skipped, what is refused, what is printed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import MagicMock

import pytest
from django.core.management import CommandError, call_command

from feedback_desk.workplace.benchmarks import Benchmark, CannotMeasure, Figure, discover, durable
from feedback_desk.workplace.management.commands import bench, demo
from feedback_desk.workplace.management.commands.serve import demonstration_wanted, refuse_open_demonstration
from feedback_desk.workplace.supervisor import CannotStart, reachable_by_others
from tests import faults
from tests.running import ROOT


@pytest.mark.parametrize(("reason", "code"), [("needs PostgreSQL", 0), ("no time today", 1)])
def test_a_skip_without_a_listed_reason_fails_the_run(tmp_path: Path, reason: str, code: int) -> None:
    (tmp_path / "test_skipped.py").write_text(f"import pytest\n\n@pytest.mark.skip(reason={reason!r})\ndef test_nothing(): ...\n\ndef test_something(): ...\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.skip_guard", "-p", "no:cacheprovider", "-p", "no:xdist", "-c", "/dev/null", str(tmp_path)]
    variables = {**os.environ, "DESK_TEST_RUN": "embedded", "DJANGO_SETTINGS_MODULE": "feedback_desk.settings", "DATA_DIR": str(tmp_path / "data")}
    answer = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60)
    assert answer.returncode == code, answer.stdout + answer.stderr
    assert "test_skipped.py::test_nothing" in answer.stdout
    assert ("NOT LISTED" in answer.stdout) == bool(code)
    assert answer.stdout.splitlines()[-1].startswith("1 passed, 1 skipped")


def test_every_benchmark_says_against_what_it_is_measured() -> None:
    assert "signs" in discover()
    figure = Figure("list page", 1.5, "times", "a bare page")
    assert bench.line(figure, as_json=False).split() == ["list", "page", "1.500", "times", "against", "a", "bare", "page"]
    assert json.loads(bench.line(figure, as_json=True)) == {"name": "list page", "value": 1.5, "unit": "times", "against": "a bare page", "limit": None}
    limited = Figure("list page", 1.5, "times", "a bare page", 2)
    assert bench.line(limited, as_json=False).endswith("against a bare page; at most 2")


@pytest.mark.parametrize(("value", "code"), [(2.0, 0), (2.01, 1)])
def test_a_figure_beyond_its_limit_ends_the_run_with_1_and_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: float, code: int
) -> None:
    found = {"list": Benchmark("list", "…", lambda: iter([Figure("list page", value, "times", "a bare page", 2), Figure("alone", 9, "ms", "nothing")]))}
    monkeypatch.setattr(bench, "discover", lambda: found)
    monkeypatch.setattr(bench, "own_database", nullcontext)
    if not code:
        call_command("bench")
        return
    with pytest.raises(CommandError, match="list page 2.010 times, at most 2") as error:
        call_command("bench")
    assert error.value.returncode == 1
    assert "alone" in capsys.readouterr().out, "the other figures are printed all the same"


@pytest.mark.parametrize("off", ["fsync", "synchronous_commit", "full_page_writes"])
def test_with_a_promise_of_the_server_switched_off_nothing_is_measured(monkeypatch: pytest.MonkeyPatch, off: str) -> None:
    said = {f"SHOW {name}": "on" for name in ("fsync", "synchronous_commit", "full_page_writes")} | {f"SHOW {off}": "off"}

    class Cursor(MagicMock):
        def execute(self, sql: str) -> None:
            self.fetchone.return_value = (said[sql],)

    server = MagicMock(vendor="postgresql")
    server.cursor.return_value.__enter__.return_value = Cursor()
    monkeypatch.setattr(durable, "connection", server)
    with pytest.raises(CannotMeasure, match=f"{off} off"):
        durable.database()
    said[f"SHOW {off}"] = "on"
    assert durable.database() == "postgresql with fsync on, synchronous_commit on, full_page_writes on"


@pytest.mark.parametrize("package", ["django", "reportlab"])
def test_a_missing_package_is_one_clear_sentence(tmp_path: Path, package: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"import sys; sys.modules[{package!r}] = None")
    variables = {**os.environ, "PYTHONPATH": str(tmp_path), "DATA_DIR": str(tmp_path / "data")}
    answer = subprocess.run([sys.executable, "manage.py", "bench", "--help"], cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.splitlines()[0].startswith(f"The package {package} is missing")
    assert "Traceback" not in answer.stderr


def test_the_faults_need_postgresql_and_say_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(faults, "postgres_programs", lambda: None)
    monkeypatch.setattr(sys, "argv", ["faults", "--short"])
    assert faults.main() == 1
    assert "apt install postgresql" in capsys.readouterr().err


def test_without_a_terminal_the_demonstration_says_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    command = demo.Command()
    for done in range(1, 351):
        command._progress(done, 350)
    assert capsys.readouterr().out.split() == [word for tenth in range(10, 101, 10) for word in (str(tenth), "%")]


@pytest.mark.parametrize(
    ("host", "reachable"), [("127.0.0.1", False), ("localhost", False), ("::1", False), ("0.0.0.0", True), ("::", True), ("127.3.2.1", False)]
)
def test_which_addresses_others_reach(host: str, reachable: bool) -> None:
    assert reachable_by_others(host) is reachable


@pytest.mark.django_db
def test_demonstration_accounts_are_not_shown_to_a_network_unless_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from feedback_desk.workplace import accounts

    accounts.mark_demonstration(finished=True, password="secret")
    monkeypatch.setenv("DEMO", "0")
    refuse_open_demonstration("127.0.0.1")
    with pytest.raises(CannotStart, match="demonstration accounts"):
        refuse_open_demonstration("0.0.0.0")
    monkeypatch.setenv("DEMO", "1")
    refuse_open_demonstration("0.0.0.0")


@pytest.mark.parametrize(("said", "wanted"), [("", True), ("1", True), ("0", False), ("no", False)])
def test_the_demonstration_is_wanted_unless_it_is_not(monkeypatch: pytest.MonkeyPatch, said: str, wanted: bool) -> None:
    monkeypatch.setenv("DEMO", said)
    assert demonstration_wanted() is wanted
