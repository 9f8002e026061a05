"""An import's way: uploaded, columns named, checked, previewed, confirmed, written. The only code that moves an ImportRun.

What was asked for stands on the run (`settings["asked"]`), so that a message the broker never got, or a worker that died, is made good by `stuck`.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.files import File
from django.db import DatabaseError, OperationalError, transaction
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from feedback_desk import clock
from feedback_desk.people.access import NotNow
from feedback_desk.people.models import User
from tickets.imports import checking, permissions, writing
from tickets.imports import columns as kinds
from tickets.imports.files import Source, Table, WrongFile, look
from tickets.imports.plan import Plan
from tickets.models import ImportRun

log = logging.getLogger(__name__)
State = ImportRun.State
SAMPLE = 1000
ASKED = {"check": (State.UPLOADED, State.CHECKING), "import": (State.READY, State.IMPORTING)}
SILENT_AFTER = timedelta(seconds=90)
"""A worker that reports no progress for so long is dead; another one takes over."""
WAITS_AFTER = timedelta(seconds=20)
"""A run that no worker took within this time is announced again."""
TRIES = 3
KEPT_FOR = timedelta(days=7)
"""Uploads hold personal data in plain text: what was not imported by then is removed."""


def upload(*, by: User, kind: str, name: str, content: File[Any]) -> ImportRun:
    """Keep the file, look at it and guess. Raises WrongFile; then nothing is kept."""
    permissions.demand(by)
    run = ImportRun(kind=kind, name=name[:200], uploaded_by=by, uploaded_at=clock.now())
    run.file.save(uuid.uuid4().hex, content, save=False)
    try:
        read(run)
    except BaseException:
        run.file.delete(save=False)
        raise
    run.save(force_insert=True)
    return run


def read(run: ImportRun, *, chosen: dict[str, Any] | None = None) -> None:
    """Fill columns, sample and first guesses; `chosen`: encoding, delimiter or sheet picked by hand. Does not save."""
    path = Path(run.file.path)
    source = look(path, run.name).with_settings(chosen or {})
    table, sample = _sampled(source)
    columns = kinds.guess_columns(run.kind, table.columns, sample)
    order, ambiguous = kinds.guess_order(run.kind, table.columns, sample, columns)
    numbers = [row[table.columns.index(columns["external_id"])] for row in sample] if "external_id" in columns else []
    run.columns, run.total, run.done = table.columns, table.estimate(), 0
    run.sample = [[_shown(cell) for cell in row] for row in sample[:5]]
    run.settings = {
        "kind": source.kind,
        "encoding": source.encoding,
        "delimiter": source.delimiter,
        "sheet": source.sheet,
        "columns": columns,
        "order": order,
        "ask_order": ambiguous,
        "zone": timezone.get_default_timezone_name(),
        "constants": {},
        "values": {},
        "asked": "",
        "merge": run.kind == kinds.TICKETS and bool(numbers) and kinds.repeats(numbers),
    }


def _sampled(source: Source, rows: int = SAMPLE) -> tuple[Table, list[list[Any]]]:
    table = Table(source, keep=rows)
    sample = [cells[: len(table.columns)] for cells in table.head]
    if not sample:
        raise WrongFile(_("There are no rows below the header."))
    return table, sample


def _shown(cell: Any) -> str:
    return "" if cell is None else str(cell)[:120]


def source_of(run: ImportRun) -> Source:
    settings = run.settings
    return Source(Path(run.file.path), settings["kind"], settings["encoding"], settings["delimiter"], settings["sheet"])


def values_of(run: ImportRun) -> dict[str, list[str]]:
    """Per target with meanings to give: the values that its column holds, those found by an earlier check included. Reads the beginning of the file."""
    table, sample = _sampled(source_of(run), SAMPLE * 20 if run.settings["kind"] == "csv" else SAMPLE * 2)
    unknown = run.result.get("unknown", {})
    targets = kinds.targets_by_key(run.kind)
    found: dict[str, list[str]] = {}
    for key, column in run.settings["columns"].items():
        if targets[key].kind in ("choice", "category"):
            found[key] = list(dict.fromkeys([*unknown.get(key, {}), *kinds.distinct(table.columns, sample, column)]))
    return found


@transaction.atomic
def reread(*, run_id: int, by: User, chosen: dict[str, Any]) -> ImportRun:
    """Read again with another encoding, separator or sheet."""
    run = _changeable(run_id, by)
    read(run, chosen=chosen)
    _save(run, State.UPLOADED, result={})
    return run


@transaction.atomic
def choose(*, run_id: int, by: User, settings: dict[str, Any]) -> ImportRun:
    """Keep what was decided about the file."""
    run = _changeable(run_id, by)
    run.settings = {**run.settings, **settings, "asked": ""}
    _save(run, State.UPLOADED, result={key: value for key, value in run.result.items() if key == "unknown"})
    return run


def _changeable(run_id: int, by: User) -> ImportRun:
    permissions.demand(by)
    run = ImportRun.objects.select_for_update().get(pk=run_id)
    if run.state in (State.CHECKING, State.IMPORTING, State.DONE):
        raise NotNow(_("This file is being worked on or was imported already."))
    return run


def _save(run: ImportRun, state: str, **fields: Any) -> None:
    run.state = state
    for name, value in fields.items():
        setattr(run, name, value)
    run.save(update_fields=["state", "settings", "columns", "sample", "total", "done", *fields])


@transaction.atomic
def ask_check(*, run_id: int, by: User) -> ImportRun:
    """The file may be checked. The caller sends the message after the commit."""
    run = _changeable(run_id, by)
    run.settings = {**run.settings, **_asked("check")}
    run.done = 0
    _save(run, State.UPLOADED)
    return run


@transaction.atomic
def check_failed_again(*, run_id: int, by: User) -> bool:
    """A run that failed is checked anew; False for one that did not, or whose file is not kept any more. The caller sends the message after the commit."""
    permissions.demand(by)
    run = ImportRun.objects.select_for_update().get(pk=run_id)
    if run.state != State.FAILED or "kind" not in run.settings:
        return False
    ask_check(run_id=run_id, by=by)
    return True


@transaction.atomic
def ask_import(*, run_id: int, by: User, leave_out: bool = False) -> ImportRun:
    """What was previewed may be written: all rows, or with `leave_out` all but the faulty ones. The caller sends the message after the commit."""
    run = _changeable(run_id, by)
    good = run.result.get("good", 0)
    if run.state not in (State.READY, State.FAULTY) or not good or (run.state == State.FAULTY and not leave_out):
        raise NotNow(_("Nothing of this file can be imported as it is."))
    run.settings = {**run.settings, **_asked("import"), "leave_out": leave_out}
    run.done = 0
    _save(run, State.READY, total=sum(run.result["counts"].values()))
    return run


def _asked(what: str) -> dict[str, Any]:
    return {"asked": what, "asked_at": clock.now().isoformat(), "tries": 0}


@transaction.atomic
def discard(*, run_id: int, by: User) -> None:
    """Away with the file and what was read from it; nothing was imported from it."""
    run = _changeable(run_id, by)
    transaction.on_commit(lambda: _remove_files(run))
    run.delete()


def _remove_files(run: ImportRun, *, errors: bool = True) -> None:
    path = Path(run.file.path)
    for leftover in (path, checking.beside(path, "rows"), checking.beside(path, "rows.new"), *([checking.beside(path, "errors")] if errors else [])):
        leftover.unlink(missing_ok=True)


def errors_path(run: ImportRun) -> Path | None:
    path = checking.beside(Path(run.file.path), "errors")
    return path if path.exists() else None


def _claim(run_id: int, asked: str) -> ImportRun | None:
    """Take a run for this worker, or one whose worker has been silent; None when there is nothing to do."""
    waiting, working = ASKED[asked]
    at = clock.now()
    run = ImportRun.objects.select_related("uploaded_by").filter(pk=run_id, settings__asked=asked).first()
    if run is None or (run.state == working and not _silent(run, at)) or run.state not in (waiting, working):
        return None
    settings = {**run.settings, "tries": run.settings.get("tries", 0) + 1, "beat": at.isoformat()}
    claimed = ImportRun.objects.filter(pk=run_id, state=run.state, settings__tries=run.settings.get("tries", 0)).update(
        state=working, settings=settings, done=0
    )
    run.state, run.settings, run.done = working, settings, 0
    return run if claimed else None


def _silent(run: ImportRun, at: datetime) -> bool:
    beat = run.settings.get("beat")
    return not beat or at - datetime.fromisoformat(beat) > SILENT_AFTER


def _reporter(run: ImportRun) -> Callable[[int], None]:
    """Progress that the page shows; also the sign that the worker lives. A busy database loses a sign of progress, not the import."""

    def report(done: int) -> None:
        run.settings["beat"] = clock.now().isoformat()
        try:
            ImportRun.objects.filter(pk=run.pk, state=run.state).update(done=done, total=max(done, run.total), settings=run.settings)
        except OperationalError:
            log.warning("import %s: progress could not be shown", run.pk)

    return report


@contextmanager
def _told(run: ImportRun) -> Iterator[None]:
    """In the importer's language; what goes wrong ends the run with a sentence. A database that is away leaves it to the next try."""
    with translation.override(run.uploaded_by.language):
        try:
            yield
        except WrongFile as error:
            _failed(run, error.sentence)
        except FileNotFoundError:
            _failed(run, _("The uploaded file is not there any more. Upload it again."))
        except DatabaseError as error:
            if isinstance(error, OperationalError) and run.settings["tries"] < TRIES:
                raise
            log.exception("import %s failed", run.pk)
            _failed(run, _("The rows could not be written; nothing was imported. Check the file once more and try again."))
        except Exception:
            log.exception("import %s failed", run.pk)
            _failed(run, _("Something unexpected went wrong; nothing was imported. The administrators find the reason in the log."))


def _failed(run: ImportRun, sentence: str) -> None:
    settings = {**run.settings, "asked": ""}
    ImportRun.objects.filter(pk=run.pk, state=run.state).update(
        state=State.FAILED, settings=settings, result={**run.result, "sentence": sentence}, finished_at=clock.now()
    )


def check_run(*, run_id: int) -> bool:
    """Read and compare the whole file, outside any transaction. False: nothing to do."""
    run = _claim(run_id, "check")
    if run is None:
        return False
    with _told(run):
        found = checking.check(Path(run.file.path), source_of(run), Plan.of(run.kind, run.settings), _reporter(run))
        state = State.FAULTY if found.faulty else State.READY
        settings = {**run.settings, "asked": ""}
        ImportRun.objects.filter(pk=run.pk, state=State.CHECKING).update(
            state=state, settings=settings, total=found.total, done=found.total, result=found.as_result()
        )
    return True


def import_run(*, run_id: int) -> bool:
    """Write what was previewed. False: nothing to do, or another worker did it."""
    run = _claim(run_id, "import")
    if run is None:
        return False
    with _told(run):
        try:
            written = writing.write(run, checking.beside(Path(run.file.path), "rows"), run.result.get("categories", {}), _reporter(run))
        except writing.AlreadyDone:
            return False
        log.info("import %s: %s", run.pk, written)
        _remove_files(run, errors=False)
    return True


def stuck() -> list[tuple[int, str]]:
    """Runs to announce again: (run, what was asked). Those that failed too often end here."""
    at = clock.now()
    found: list[tuple[int, str]] = []
    waiting_or_working = Q(state__in=[state for states in ASKED.values() for state in states])
    for run in ImportRun.objects.filter(waiting_or_working, settings__asked__in=list(ASKED)).select_related("uploaded_by"):
        asked = run.settings["asked"]
        waits = run.state == ASKED[asked][0] and at - datetime.fromisoformat(run.settings["asked_at"]) > WAITS_AFTER
        dead = run.state == ASKED[asked][1] and _silent(run, at)
        if dead and run.settings.get("tries", 0) >= TRIES:
            with translation.override(run.uploaded_by.language):
                _failed(run, _("The work stopped %(times)s times before its end; nothing was imported.") % {"times": TRIES})
        elif waits or dead:
            found.append((run.pk, asked))
    return found


def tidy() -> int:
    """Remove uploads, error lists and samples that nobody needs any more."""
    old = ImportRun.objects.filter(uploaded_at__lt=clock.now() - KEPT_FOR).exclude(settings__has_key="tidied")
    removed = 0
    for run in old.exclude(state__in=(State.CHECKING, State.IMPORTING)):
        _remove_files(run)
        result = {key: run.result[key] for key in ("counts", "written", "total", "faulty", "good", "sentence") if key in run.result}
        state = run.state if run.state == State.DONE else State.FAILED
        run.settings = {"tidied": True, "asked": ""}
        ImportRun.objects.filter(pk=run.pk).update(state=state, result=result, sample=[], settings=run.settings)
        removed += 1
    return removed
