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
            assert run.state not in ("faulty", "failed"), run.result.get("sentence") or run.result
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


def papers(path: Path, seconds: float) -> int:
    """The complaint forms as PDF, one after the other, as a reader would ask for them; how many."""
    from complaints.models import ComplaintForm
    from feedback_desk.workplace import paper, pdf
    from feedback_desk.workplace.benchmarks.import_ import _importer
    from feedback_desk.workplace.matter import Matter

    by, forms = _importer(), list(ComplaintForm.objects.order_by("pk").values_list("pk", flat=True))

    def draw(n: int) -> None:
        form = ComplaintForm.objects.get(pk=forms[n % len(forms)])
        assert pdf.render(paper.sheet(Matter(form.ticket, by, form))).startswith(b"%PDF")

    draw(0)
    print("ready", flush=True)
    end, drawn = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        draw(drawn)
        drawn += 1
    return drawn


def main(role: str, path: str, seconds: str) -> None:
    django.setup()
    print({"imports": imports, "exports": exports, "papers": papers}[role](Path(path), float(seconds)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
