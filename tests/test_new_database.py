"""Decision 57: a new database gets its tables from the models; they are those that the migrations make."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.machinery import scratch_database
from tests.running import ROOT

pytestmark = pytest.mark.slow
Place = dict[str, str]


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Callable[[], Place]]:
    """Makes databases of their own; on the services run on PostgreSQL."""
    with ExitStack() as stack:

        def make() -> Place:
            place = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DATA_DIR": str(tmp_path / uuid4().hex)}
            return {**place, "DATABASE_URL": stack.enter_context(scratch_database())} if os.environ.get("DATABASE_URL") else place

        yield make


def run(place: Place, *words: str) -> str:
    done = subprocess.run([sys.executable, "-W", "ignore", *words], cwd=ROOT, env=place, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def shape(place: Place) -> Any:
    return json.loads(run(place, "-m", "tests.shape"))


def test_a_new_database_is_what_the_migrations_make_one_by_one(empty):
    at_once, one_by_one = empty(), empty()
    run(at_once, "manage.py", "migrate", "--verbosity", "0")
    run(one_by_one, "manage.py", "migrate", "--verbosity", "0", "--one-by-one")
    found, meant = shape(at_once), shape(one_by_one)
    assert len(found["tables"]) > 50
    for each in (found, meant):  # Django's own: whose width of key its migrations take from our setting, its models from themselves
        del each["tables"]["auth_group_permissions"]
    assert found == meant
    assert "No migrations to apply" in run(at_once, "manage.py", "migrate")


def test_a_first_start_that_broke_off_after_the_tables_goes_on(empty):
    place = empty()
    laid = "from feedback_desk.workplace.management.commands.migrate import lay_tables; print(lay_tables('default'), lay_tables('default'))"
    assert "True True" in run(place, "manage.py", "shell", "-v", "0", "-c", laid)
    run(place, "manage.py", "migrate", "--verbosity", "0")
    assert shape(place)["triggers"]
