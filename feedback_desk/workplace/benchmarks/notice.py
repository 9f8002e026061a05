"""From the moment of a limit until its step stands in the database, in a desk that runs: broker, both workers and beat in processes of their own.

Meanwhile files of 10,000 rows are imported, complaint forms are drawn as PDF and all tickets are exported to Excel, again and again. A step counts from the
moment at which another process sees it, so that the commit is in the figure; what the machine keeps from the watching process is in it as well.
"""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from django.conf import settings
from django.db import connection

from complaints import first_rows as complaint_rows
from feedback_desk import clock
from feedback_desk.celery import app
from feedback_desk.deadlines.models import Deadline, DeadlineState, StepTaken
from feedback_desk.workplace import health, supervisor
from feedback_desk.workplace.benchmarks import Figure, benchmark
from feedback_desk.workplace.benchmarks.durable import database
from feedback_desk.workplace.benchmarks.grade import enter, made_up
from feedback_desk.workplace.benchmarks.import_ import _environment, _rows
from feedback_desk.workplace.benchmarks.sweep import company
from tickets import first_rows as ticket_rows

LIMITS = 200
FORMS = 20
SECONDS = 60.0
PATIENCE = 60.0
"""Seconds until the processes are up, or the last step is there."""
LOOK_EVERY = 0.05
LOADS = {"imports": "rows imported", "papers": "complaint forms drawn as PDF", "exports": "rows exported to Excel"}


@benchmark("notice", "from a limit to its recorded step while imports, PDFs and Excel exports run")
def notice() -> Iterator[Figure]:
    on = database()
    interval = float(app.conf.beat_schedule["take the steps that are due"]["schedule"])
    with tempfile.TemporaryDirectory() as folder:
        path = _rows(Path(folder))
        company(LIMITS, 0)
        Deadline.objects.update(next_step=None, next_step_at=None)
        complaints()
        with desk(Path(folder)) as environment:
            loads = [start_load(role, path, environment) for role in LOADS]
            late = sorted(watched(spread(clock.now() + timedelta(seconds=interval))))
            done = [int(load.communicate(timeout=PATIENCE + SECONDS)[0].splitlines()[-1]) for load in loads]
    said = ", ".join(f"{count:,} {what}" for count, what in zip(done, LOADS.values(), strict=True))
    load = f"{on}; {LIMITS} limits in {SECONDS:.0f} s, meanwhile {said}"
    yield Figure("limit to step, interval of the sweep", interval, "s", "beat's table")
    yield Figure("limit to step, median", share(late, 0.5), "s", load)
    yield Figure("limit to step, 99th percentile", share(late, 0.99), "s", f"{on}; the interval and one second", interval + 1)
    yield Figure("limit to step, longest", late[-1], "s", f"{LIMITS} limits")


def complaints() -> None:
    """Forms to draw; they have no limits of their own."""
    ticket_rows.load()
    complaint_rows.load()
    enter(made_up()[:FORMS])


def share(values: list[float], part: float) -> float:
    return values[math.ceil(part * len(values)) - 1]


@contextmanager
def desk(folder: Path) -> Iterator[dict[str, str]]:
    """The desk's processes on this run's database, with a broker of their own; the environment they live in."""
    for name in ("logs", "run"):
        supervisor.own_folder(folder / name)
    socket = folder / "run" / "broker.sock"
    environment = {
        **_environment(), "DATA_DIR": str(folder), "DATABASE_URL": address(), "CELERY_BROKER_URL": f"redis+socket://{socket}",
        "DESK_FIELD_KEYS": " ".join(settings.FIELD_KEYS), "DESK_INDEX_KEY": settings.INDEX_KEY, "DESK_SECRET_KEY": settings.SECRET_KEY,
    }  # fmt: skip
    group = supervisor.Group(folder / "logs", environment, print, time.sleep)
    try:
        for program in (supervisor.broker(socket, folder / "broker"), supervisor.worker("sweep"), supervisor.worker("work"), supervisor.beat()):
            group.start(program)
        wait_for_life()
        yield environment
    finally:
        group.stop()


def wait_for_life() -> None:
    end = time.monotonic() + PATIENCE
    while health.behind():
        if time.monotonic() > end:
            raise AssertionError("The desk's processes do not come up.")
        time.sleep(0.2)


def address() -> str:
    """Of this run's database, as DATABASE_URL says it."""
    there = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{there['NAME']}"
    who = ":".join(quote(str(there[part]), safe="") for part in ("USER", "PASSWORD") if there[part])
    host = f"{there['HOST'] or 'localhost'}:{there['PORT'] or 5432}"
    return urlunsplit(urlsplit("postgres:")._replace(netloc=f"{who}@{host}" if who else host, path=f"/{there['NAME']}"))


def start_load(role: str, path: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    """A process that works on until everything has fallen due; at work before the first limit."""
    command = [sys.executable, "-m", "feedback_desk.workplace.benchmarks.load", role, str(path), str(SECONDS)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def spread(begin: datetime) -> dict[int, datetime]:
    """The limits fall due from `begin` on, one after the other; their keys and times."""
    rows = list(Deadline.objects.filter(state=DeadlineState.RUNNING).order_by("pk"))
    for n, row in enumerate(rows):
        row.due_at = row.next_step_at = begin + timedelta(seconds=SECONDS * n / len(rows))
        row.next_step = 2
    Deadline.objects.bulk_update(rows, ["due_at", "next_step", "next_step_at"])
    return {row.pk: row.due_at for row in rows}


def watched(due: dict[int, datetime]) -> Iterator[float]:
    """Seconds from each limit until its step is seen."""
    missing, end = dict(due), max(due.values()) + timedelta(seconds=PATIENCE)
    while missing:
        taken = list(StepTaken.objects.filter(deadline__in=list(missing)).values_list("deadline_id", flat=True))
        at = clock.now()
        yield from ((at - missing.pop(pk)).total_seconds() for pk in taken)
        if at > end:
            raise AssertionError(f"{len(missing)} limits have no step.")
        time.sleep(LOOK_EVERY)
