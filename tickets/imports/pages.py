"""What the page of a run shows, ready for the template."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from tickets.imports import columns as kinds
from tickets.imports import services
from tickets.lifecycle import State as TicketState
from tickets.models import Category, Channel, CustomerKind, ImportRun, Industry, Level, Outcome, Type

State = ImportRun.State
LABELS = {
    "type": dict(Type.choices),
    "channel": dict(Channel.choices),
    "state": dict(TicketState.choices),
    "kind": dict(CustomerKind.choices),
    "level": dict(Level.choices),
    "industry": dict(Industry.choices),
    "outcome": dict(Outcome.choices),
}
TICKET_COLUMNS = ("external_id", "title", "type", "category", "channel", "state", "received_at", "closed_at", "due_at")
CUSTOMER_COLUMNS = ("external_id", "name", "kind", "level", "industry", "area")


@dataclass(frozen=True)
class Line:
    row: int
    cells: list[str]


@dataclass
class RunPage:
    run: ImportRun
    at: datetime

    @property
    def working(self) -> bool:
        return self.waiting or self.run.state in (State.CHECKING, State.IMPORTING)

    @property
    def waiting(self) -> bool:
        """Asked for, and no worker has it yet."""
        return bool(self.run.settings.get("asked")) and self.run.state in (State.UPLOADED, State.READY, State.FAULTY)

    @property
    def waits_long(self) -> bool:
        asked = self.run.settings.get("asked_at")
        return self.waiting and bool(asked) and self.at - datetime.fromisoformat(asked) > services.WAITS_AFTER

    @property
    def label(self) -> str:
        if self.waiting:
            return _("Waiting for its turn")
        return _("Checking rows") if self.run.state == State.CHECKING else _("Preparing and writing rows")

    @property
    def counts(self) -> list[tuple[str, int]]:
        found = self.run.result.get("written") if self.run.state == State.DONE else self.run.result.get("counts")
        names = {"new": _("new"), "changed": _("changed"), "unchanged": _("unchanged"), "kept": _("worked on here, left alone")}
        return [(name, (found or {}).get(key, 0)) for key, name in names.items()]

    @property
    def faulty(self) -> int:
        return int(self.run.result.get("faulty", 0))

    @property
    def good(self) -> int:
        return int(self.run.result.get("good", 0))

    @property
    def left_out(self) -> int:
        return self.faulty if self.run.settings.get("leave_out") else 0

    @property
    def heads(self) -> list[str]:
        targets = kinds.targets_by_key(self.run.kind)
        return [str(targets[key].label) for key in self._columns] + [str(_("Customer")) if self.run.kind == kinds.TICKETS else str(_("Contact data"))]

    @property
    def _columns(self) -> tuple[str, ...]:
        return TICKET_COLUMNS if self.run.kind == kinds.TICKETS else CUSTOMER_COLUMNS

    @property
    def lines(self) -> list[Line]:
        """The first new rows as they would be; contact data masked."""
        rows = self.run.result.get("rows", [])
        return [Line(row["row"], [self._cell(key, row.get(key)) for key in self._columns] + [self._who(row)]) for row in rows]

    @cached_property
    def _names(self) -> dict[str, str]:
        return {row.slug: row.spoken for row in Category.objects.all()}

    def _who(self, row: dict[str, Any]) -> str:
        shown = [row.get("customer", ""), row.get("contact", "")] if self.run.kind == kinds.TICKETS else [row.get("contact", "")]
        return " ".join(filter(None, shown))

    def _cell(self, key: str, value: Any) -> str:
        if key == "category":
            return self._names.get(value) or f"{self.run.result.get('categories', {}).get(value, value)} ({_('new')})"
        if key.endswith("_at"):
            at = parse_datetime(value) if value else None
            return timezone.localtime(at).strftime("%Y-%m-%d %H:%M") if at else ""
        return str(LABELS.get(key, {}).get(value, value or ""))

    @property
    def changes(self) -> list[dict[str, Any]]:
        return [
            {**change, "lines": [self._change(column, *pair) for column, pair in change["changes"].items()]} for change in self.run.result.get("changes", [])
        ]

    def _change(self, column: str, here: Any, there: Any) -> str:
        key = {"item__title": "title", "category__slug": "category", "promised_due_at": "due_at", "points": "phone"}.get(column, column)
        target = kinds.targets_by_key(self.run.kind).get(key)
        return f"{target.label if target else column}: {self._cell(key, here) or '—'} → {self._cell(key, there) or '—'}"

    @property
    def new_categories(self) -> list[str]:
        return list(self.run.result.get("categories", {}).values())

    @property
    def unknown(self) -> bool:
        return bool(self.run.result.get("unknown"))

    @property
    def may_confirm(self) -> bool:
        return not self.waiting and self.run.state == State.READY and self.good > 0

    @property
    def may_leave_out(self) -> bool:
        return not self.waiting and self.run.state == State.FAULTY and self.good > 0

    @property
    def has_errors_file(self) -> bool:
        return self.faulty > 0 and services.errors_path(self.run) is not None
