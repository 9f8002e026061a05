"""Importing 10,000 rows of history against django-import-export's own row-by-row path, and what else happens meanwhile.

Every side runs in a process of its own, so that its peak memory is its own; the library goes first, on empty tables.
"""

from __future__ import annotations

import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.db import connection

from feedback_desk.workplace.benchmarks import Figure, benchmark

SHARED = settings.BASE_DIR.parent / "shared" / "data" / "baltimore311.csv"
ROWS = 10_000
A_THIRD = 1 / 3
EVERY = 0.2
"""Seconds between two registrations of the second process."""


@benchmark("import", "importing 10,000 historic tickets against the library's row-by-row path")
def import_rows() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        path = _rows(Path(folder))
        theirs = _child("theirs", path, "T")
        ours = _child("ours", path, "O")
        library = "django-import-export, row by row, same models"
        yield Figure("upload to preview", ours["preview"], "s", f"{library}: {theirs['preview']:.1f} s")
        yield Figure("upload to preview, share", ours["preview"] / theirs["preview"], "times", library, A_THIRD)
        yield Figure("confirm to done", ours["confirm"], "s", f"{library}: {theirs['confirm']:.1f} s")
        yield Figure("confirm to done, share", ours["confirm"] / theirs["confirm"], "times", library, A_THIRD)
        yield Figure("import, peak memory", ours["peak"], "MB", f"{library}: {theirs['peak']:.0f} MB", 300)
        yield Figure("import, writing transaction", ours["transaction"], "s", "nothing; SQLite's other writers wait for it")
        yield from _registrations(path)


def _registrations(path: Path) -> Iterator[Figure]:
    """A second process registers a ticket every 200 ms while a file is imported."""
    clerk = subprocess.Popen(_command("clerk"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_environment())
    assert clerk.stdout is not None
    clerk.stdout.readline()
    ours = _child("ours", path, "C")
    told = json.loads(clerk.communicate("stop\n")[0].splitlines()[-1])
    yield Figure("registrations during an import", told["registered"], "tickets", f"every {EVERY} s for {ours['preview'] + ours['confirm']:.1f} s")
    yield Figure("registrations that failed", told["failed"], "tickets", f"{told['registered']} tried", 0)
    yield Figure("slowest registration during an import", told["slowest"], "s", f"median {told['median']:.3f} s")


def _rows(folder: Path) -> Path:
    """The city's history where it is at hand, else as many rows of the same shape."""
    if SHARED.exists():
        return SHARED
    path = folder / "history.csv"
    began = datetime(2024, 1, 1, tzinfo=UTC)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["SRRecordID", "SRType", "MethodReceived", "CreatedDate", "SRStatus", "StatusDate", "DueDate", "CloseDate", "Agency", "Neighborhood"])
        for n in range(ROWS):
            received = began + timedelta(minutes=37 * n)
            times = [(received + timedelta(hours=hours)).strftime("%m/%d/%Y %I:%M:%S %p") for hours in (0, n % 90, 72, n % 90)]
            writer.writerow([n, f"Type {n % 200}", ("Phone", "Web", "Email")[n % 3], times[0], "Closed", *times[1:], f"Agency {n % 9}", f"Quarter {n % 70}"])
    return path


def _command(role: str, *args: str) -> list[str]:
    return [sys.executable, "-m", "feedback_desk.workplace.benchmarks.import_", role, str(connection.settings_dict["NAME"]), *args]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(settings.BASE_DIR), "DJANGO_SETTINGS_MODULE": "feedback_desk.settings", "DESK_LOG_LEVEL": "ERROR"}


def _child(role: str, path: Path, mark: str) -> dict[str, Any]:
    done = subprocess.run(_command(role, str(path), mark), stdout=subprocess.PIPE, text=True, check=True, env=_environment())
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _marked(path: Path, mark: str) -> bytes:
    """The same rows under numbers of their own."""
    head, _line, rest = path.read_text(encoding="utf-8-sig").partition("\n")
    return "\n".join([head, *(f"{mark}{line}" for line in rest.splitlines() if line)]).encode()


def _importer() -> Any:
    from feedback_desk.deadlines import first_rows as deadline_rows
    from feedback_desk.people.models import Membership, Role, User
    from tickets import first_rows as ticket_rows

    deadline_rows.load()
    ticket_rows.load()
    user, _made = User.objects.get_or_create(username="importer", defaults={"name": "导入"})
    for role in (Role.CS_MANAGER, Role.AGENT):
        Membership.objects.get_or_create(user=user, role=role)
    return user


def _uploaded(path: Path, mark: str) -> Any:
    """Uploaded, with the page's own guesses."""
    from django.core.files.base import ContentFile

    from tickets.imports import columns, services

    by = _importer()
    run = services.upload(by=by, kind=columns.TICKETS, name=path.name, content=ContentFile(_marked(path, mark)))
    said = {"zone": "UTC", "constants": {"type": "problem", "channel": "phone"}, "new_categories": True, "keep_rest": True, "fallback_name": "—"}
    services.choose(run_id=run.pk, by=by, settings=said)
    targets = columns.targets_by_key(run.kind)
    found = {key: words for key, words in services.values_of(run).items() if targets[key].kind == "choice"}
    meanings = {key: {said: columns.guess_meaning(targets[key], said) or "web" for said in words} for key, words in found.items()}
    return services.choose(run_id=run.pk, by=by, settings={"values": meanings})


def ours(path: Path, mark: str) -> dict[str, float]:
    from tickets.imports import services, writing

    spent: dict[str, float] = {}
    write = writing.write

    def timed(*args: Any) -> dict[str, Any]:
        found = write(*args)
        spent["transaction"] = found["seconds"]
        return found

    setattr(writing, "write", timed)  # noqa: B010 - to learn how long the transaction took
    began = time.perf_counter()
    run = _uploaded(path, mark)
    services.ask_check(run_id=run.pk, by=run.uploaded_by)
    services.check_run(run_id=run.pk)
    previewed = time.perf_counter()
    services.ask_import(run_id=run.pk, by=run.uploaded_by)
    services.import_run(run_id=run.pk)
    done = time.perf_counter()
    run.refresh_from_db()
    assert run.state == "done", run.result
    return {"preview": previewed - began, "confirm": done - previewed, **spent}


def theirs(path: Path, mark: str) -> dict[str, float]:
    """What the library does by itself: a dry run for the preview, then the import, a row at a time."""
    import tablib

    from tickets.imports.plan import Plan
    from tickets.imports.resources import HistoricTicketResource

    run = _uploaded(path, mark)
    plan = Plan.of(run.kind, run.settings)
    seconds: list[float] = []
    for dry in (True, False):
        began = time.perf_counter()
        dataset = tablib.Dataset().load(_marked(path, mark).decode(), format="csv")
        result = HistoricTicketResource(plan, by=run.uploaded_by).import_data(dataset, dry_run=dry, raise_errors=True, use_transactions=True)
        assert result.totals["new"] == len(dataset)
        seconds.append(time.perf_counter() - began)
    run.delete()
    return {"preview": seconds[0], "confirm": seconds[1]}


def clerk() -> dict[str, float]:
    """Register until told to stop."""
    import select

    from django.db import OperationalError

    from feedback_desk import clock
    from tickets import services
    from tickets.models import Category

    by = _importer()
    customer = services.create_customer(by=by, name="陈雨瑶", phone="13812342071")
    category = Category.objects.order_by("pk")[0]
    print("ready", flush=True)
    spent: list[float] = []
    failed = 0
    while not select.select([sys.stdin], [], [], EVERY)[0]:
        began = time.perf_counter()
        try:
            services.register(
                by=by, customer_id=customer.pk, summary="冰箱不制冷", type="problem", category_id=category.pk, channel="phone",
                received_at=clock.now(), what_happened="昨晚起不制冷",
            )  # fmt: skip
        except OperationalError:
            failed += 1
        spent.append(time.perf_counter() - began)
    spent.sort()
    return {"registered": len(spent) - failed, "failed": failed, "slowest": spent[-1], "median": spent[len(spent) // 2]}


def main(role: str, database: str, *args: str) -> None:
    settings.DATABASES["default"]["NAME"] = database
    django.setup()
    found = clerk() if role == "clerk" else {"ours": ours, "theirs": theirs}[role](Path(args[0]), args[1])
    print(json.dumps({**found, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
