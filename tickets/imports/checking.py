"""A file is read, cleaned and compared outside any transaction; good rows are staged beside the upload, faulty ones listed in plain words."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from django.utils.translation import gettext as _

from tickets.imports import columns as kinds
from tickets.imports import matching
from tickets.imports.files import Row, Source, Table, WrongFile
from tickets.imports.matching import Match
from tickets.imports.plan import Known, Plan
from tickets.imports.records import Fault, Faults, Record, identity, merged
from tickets.imports.resources import RESOURCES, HistoricTicketResource
from tickets.imports.values import safe_cell

BATCH = 1000
SHOWN_ERRORS = 100
SHOWN_ROWS = 12
SHOWN_CHANGES = 20
Progress = Callable[[int], None]


@dataclass
class Checked:
    """What the preview shows. `errors`: row, column, value, sentence."""

    total: int = 0
    faulty: int = 0
    error_count: int = 0
    errors: list[list[Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: {matching.NEW: 0, matching.CHANGED: 0, matching.UNCHANGED: 0, matching.KEPT: 0})
    rows: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    categories: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, dict[str, int]] = field(default_factory=dict)
    customers: int = 0

    @property
    def good(self) -> int:
        return self.total - self.faulty

    def as_result(self) -> dict[str, Any]:
        return {
            "total": self.total,
            "faulty": self.faulty,
            "good": self.good,
            "error_count": self.error_count,
            "errors": self.errors,
            "counts": self.counts,
            "rows": self.rows,
            "changes": self.changes,
            "categories": self.categories,
            "unknown": self.unknown,
            "customers": self.customers,
        }


def beside(path: Path, what: str) -> Path:
    """Files that belong to an upload: "rows" staged, "errors" listed."""
    return path.with_name(f"{path.name}.{what}")


def check(path: Path, source: Source, plan: Plan, progress: Progress) -> Checked:
    """Read the whole file. Raises WrongFile when it is none; faulty rows are in the answer."""
    table = Table(source)
    missing = [column for column in plan.columns.values() if column not in table.columns]
    if missing:
        raise WrongFile(_("The file has no column %(column)s any more. Choose the columns again.") % {"column": missing[0]})
    with ExitStack() as stack:
        stage = stack.enter_context(beside(path, "rows.new").open("w", encoding="utf-8"))
        errors = stack.enter_context(beside(path, "errors").open("w", encoding="utf-8-sig", newline=""))
        checker = Checker(plan, table, stage, errors)
        for row in table.rows():
            checker.take(row)
            if checker.found.total % BATCH == 0:
                progress(checker.found.total)
        found = checker.finished()
    if not found.total:
        raise WrongFile(_("There are no rows below the header."))
    beside(path, "rows.new").replace(beside(path, "rows"))
    progress(found.total)
    return found


class Checker:
    """Takes row after row; compares in batches."""

    def __init__(self, plan: Plan, table: Table, stage: IO[str], errors: IO[str]) -> None:
        self.plan, self.columns, self.stage = plan, table.columns, stage
        self.errors = csv.writer(errors)
        self.errors.writerow([_("Row"), _("Column"), _("Value"), _("What is wrong")])
        self.resource = RESOURCES[plan.kind](plan, Known.read())
        self.found = Checked()
        self.seen: dict[str, int] = {}
        self.new_customers: set[str] = set()
        self.batch: list[Record] = []
        self.events: dict[str, tuple[int, dict[str, Any]]] = {}

    def take(self, row: Row) -> None:
        number, cells = row
        self.found.total += 1
        try:
            named = self._named(cells)
            if self.plan.merge and isinstance(self.resource, HistoricTicketResource):
                self._merge(number, self.resource.read(named))
            else:
                self._keep(number, self.resource.record(named))
        except Faults as error:
            self._fault(number, error.faults)

    def _named(self, cells: list[Any]) -> dict[str, Any]:
        if len(cells) > len(self.columns):
            raise Faults([Fault("", str(cells[len(self.columns)])[:200], _("The row has more cells than the header has columns."))])
        return dict(zip(self.columns, cells, strict=True))

    def _merge(self, number: int, cells: dict[str, Any]) -> None:
        """An event log: the tickets stay in memory until the file is read."""
        if not cells.get("external_id") or not cells.get("received_at"):
            raise Faults([Fault(key, "", _("This is missing.")) for key in ("external_id", "received_at") if not cells.get(key)])
        first, so_far = self.events.get(cells["external_id"], (number, None))
        self.events[cells["external_id"]] = (first, merged(so_far, cells) if so_far else cells)

    def _keep(self, number: int, record: Record) -> None:
        self._only_once(number, record)
        self.batch.append({"row": number, **record})
        if len(self.batch) >= BATCH:
            self._compare()

    def _only_once(self, number: int, record: Record) -> None:
        """The same number, or the same customer, twice in one file: only the first can be meant."""
        key = record["external_id"] or identity(matching.named(record))
        first = self.seen.setdefault(key, number)
        if first != number:
            target = "external_id" if "external_id" in self.plan.columns else ""
            raise Faults([Fault(target, "" if key.startswith("row:") else record["external_id"], _("This is in row %(row)s already.") % {"row": first})])

    def _fault(self, number: int, faults: list[Fault]) -> None:
        self.found.faulty += 1
        for fault in faults:
            self.found.error_count += 1
            line = [number, self.plan.columns.get(fault.target, ""), fault.value, fault.sentence]
            if not line[1] and fault.target:
                line[1] = str(self.plan.targets[fault.target].label)
            self.errors.writerow([safe_cell(cell) for cell in line])
            if len(self.found.errors) < SHOWN_ERRORS:
                self.found.errors.append(line)

    def _compare(self) -> None:
        matches = (matching.tickets if self.plan.kind == kinds.TICKETS else matching.customers)(self.batch)
        for match in matches:
            self.found.counts[match.kind] += 1
            self._count_customer(match)
            self._show(match)
            self.stage.write(json.dumps(match.record, ensure_ascii=False))
            self.stage.write("\n")
        self.batch = []

    def _count_customer(self, match: Match) -> None:
        if self.plan.kind == kinds.TICKETS and match.kind == matching.NEW and match.customer_id is None:
            self.new_customers.add(identity(match.record["customer"]))

    def _show(self, match: Match) -> None:
        if match.kind == matching.NEW and len(self.found.rows) < SHOWN_ROWS:
            self.found.rows.append(_preview(match.record))
        if match.changes and len(self.found.changes) < SHOWN_CHANGES:
            self.found.changes.append(
                {"row": match.record["row"], "number": match.record["external_id"], "kept": match.kind == matching.KEPT, "changes": match.changes}
            )

    def _keep_events(self) -> None:
        assert isinstance(self.resource, HistoricTicketResource) or not self.events
        for number, cells in self.events.values():
            try:
                self._keep(number, self.resource.made(cells))
            except Faults as error:
                self._fault(number, error.faults)

    def finished(self) -> Checked:
        self._keep_events()
        if self.batch:
            self._compare()
        self.found.categories = self.resource.known.fresh
        self.found.unknown = self.resource.unknown
        self.found.customers = len(self.new_customers)
        return self.found


def _preview(record: Mapping[str, Any]) -> dict[str, Any]:
    """A row as it would be; contact data is masked already."""
    shown = {key: value for key, value in record.items() if key not in ("points", "customer", "given")}
    who = record.get("customer") or {"name": record.get("given", {}).get("name", ""), "points": record.get("points", ())}
    return shown | dict(record.get("given", {})) | {"customer": who["name"], "contact": _(", ").join(point[2] for point in who["points"])}
