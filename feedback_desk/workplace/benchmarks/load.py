"""Work that keeps a running desk busy, each kind in a process of its own: `python -m feedback_desk.workplace.benchmarks.load imports FILE SECONDS`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import django


def imports(path: Path, seconds: float) -> int:
    """Import the file again and again, once before anybody looks; how many rows since then."""
    _import(path, "first")
    print("ready", flush=True)
    end, rows = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        rows += _import(path, f"{rows}-")
    return rows


def _import(path: Path, mark: str) -> int:
    """As somebody at the page would."""
    from feedback_desk.workplace.benchmarks.import_ import _uploaded
    from tickets.imports import services

    run = _uploaded(path, mark)
    for ask, state in ((services.ask_check, "ready"), (services.ask_import, "done")):
        ask(run_id=run.pk, by=run.uploaded_by)
        while run.state != state:
            time.sleep(0.2)
            run.refresh_from_db()
            assert run.state not in ("faulty", "failed"), run.result.get("sentence")
    return int(run.total)


def exports(path: Path, seconds: float) -> int:
    """All tickets to Excel, again and again; how many rows."""
    from feedback_desk.workplace.benchmarks.import_ import _importer
    from tickets.imports import exporting
    from tickets.models import Ticket

    by = _importer()
    print("ready", flush=True)
    end, rows = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        rows += Ticket.objects.count()
        exporting.export(by=by, what="tickets", form="xlsx").close()
    return rows


def main(role: str, path: str, seconds: str) -> None:
    django.setup()
    print({"imports": imports, "exports": exports}[role](Path(path), float(seconds)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
