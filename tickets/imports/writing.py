"""From staged records to rows: everything is prepared outside, then written in one short transaction, or not at all.

A killed worker leaves gaps in numbers and keys and nothing else: the run becomes "done" in the transaction that writes its rows, so a second
attempt finds either nothing written or nothing to do. What somebody else wrote meanwhile (the same number elsewhere, a change of a ticket that was to be
changed) undoes the transaction, and the file is compared again.
"""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from feedback_desk import clock
from feedback_desk.deadlines.models import Deadline, DeadlineState, Rule
from feedback_desk.people.models import User
from feedback_desk.records.items import PREFIX, next_number
from feedback_desk.records.items import number as number_of
from feedback_desk.records.models import Entry, Item
from tickets.imports import building, matching
from tickets.imports import columns as kinds
from tickets.imports.bulk import Overtaken, Spool, reserve
from tickets.imports.files import WrongFile
from tickets.imports.matching import CHANGED, NEW, Match
from tickets.imports.plan import Known
from tickets.imports.records import OPEN, Record, identity
from tickets.models import Category, ContactPoint, Customer, ImportRun, Ticket
from tickets.querysets import pinyin_of

BATCH = 1000
ATTEMPTS = 4
Progress = Callable[[int], None]


class AlreadyDone(Exception):
    """Another worker finished this run, or it was withdrawn."""


def staged(path: Path) -> Iterator[Record]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def batches(records: Iterable[Record], size: int = BATCH) -> Iterator[list[Record]]:
    records = iter(records)
    while batch := list(itertools.islice(records, size)):
        yield batch


def write(run: ImportRun, path: Path, fresh_categories: dict[str, str], progress: Progress) -> dict[str, Any]:
    """Import what was staged; answers counts and how long the transaction took (seconds). Raises AlreadyDone."""
    for attempt in range(ATTEMPTS):
        writer = Writer(run, fresh_categories)
        try:
            with Spool() as spool:
                writer.prepare(spool, path, progress)
                return _commit(run, spool, writer)
        except (IntegrityError, Overtaken):
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def _commit(run: ImportRun, spool: Spool, writer: Writer) -> dict[str, Any]:
    """The one transaction. Whoever finds the run no longer being imported writes nothing."""
    began = perf_counter()
    with transaction.atomic():
        result = {**run.result, "written": writer.counts}
        if not ImportRun.objects.filter(pk=run.pk, state=ImportRun.State.IMPORTING).update(
            state=ImportRun.State.DONE, finished_at=writer.at, result=result, sample=[]
        ):
            raise AlreadyDone
        spool.run()
    return {**writer.counts, "seconds": round(perf_counter() - began, 3)}


class Numbers:
    """Numbers of a prefix in blocks per local day; taken before the writing transaction, a gap is no fault (I3)."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def take(self, instants: Sequence[datetime]) -> list[str]:
        days = [timezone.localtime(at).date() for at in instants]
        wanted: dict[date, int] = defaultdict(int)
        for day in days:
            wanted[day] += 1
        with transaction.atomic():
            running = {day: itertools.count(_running(next_number(self.prefix, day, many))) for day, many in wanted.items()}
        return [number_of(self.prefix, day, next(running[day])) for day in days]


def _running(number: str) -> int:
    """The running part behind prefix and day."""
    return int(number.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")[8:])


@dataclass
class Writer:
    """One attempt to prepare a run."""

    run: ImportRun
    fresh_categories: dict[str, str]
    at: datetime = field(default_factory=clock.now)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("new", "changed", "unchanged", "kept", "customers", "categories", "deadlines"), 0))
    made: dict[str, int] = field(default_factory=dict)
    """Identity → key of the customers this run makes."""

    def prepare(self, spool: Spool, path: Path, progress: Progress) -> None:
        self.priorities = Known.read().priorities
        self.by: User = self.run.uploaded_by
        done = 0
        if self.run.kind == kinds.TICKETS:
            self.rule: Rule = building.imported_rule()
            self._categories(spool)
        for batch in batches(staged(path)):
            self._tickets(spool, batch) if self.run.kind == kinds.TICKETS else self._customer_file(spool, batch)
            done += len(batch)
            progress(done)

    def _categories(self, spool: Spool) -> None:
        """Categories that stand already, and the new ones that were asked for."""
        self.categories = dict(Category.objects.values_list("slug", "pk"))
        fresh = {slug: name for slug, name in self.fresh_categories.items() if slug not in self.categories}
        longest = Category._meta.get_field("name").max_length or 60
        rows = [Category(pk=pk, slug=slug, name=name[:longest]) for pk, (slug, name) in zip(reserve(Category, len(fresh)), fresh.items(), strict=True)]
        spool.insert(rows)
        self.categories |= {row.slug: row.pk for row in rows}
        self.counts["categories"] = len(rows)

    def _category(self, record: Record) -> int:
        """Raises WrongFile when somebody removed it since the check."""
        try:
            return self.categories[record["category"]]
        except KeyError as error:
            raise WrongFile(_("The category %(category)s is not there any more. Check the file once more.") % {"category": record["category"]}) from error

    def _tickets(self, spool: Spool, batch: list[Record]) -> None:
        matches = matching.tickets(batch)
        self._count(matches)
        fresh = [match for match in matches if match.kind == NEW]
        self._customers(spool, fresh)
        self._new_tickets(spool, fresh)
        self._changed_tickets(spool, [match for match in matches if match.kind == CHANGED])

    def _count(self, matches: Sequence[Match]) -> None:
        for match in matches:
            self.counts[match.kind] += 1

    def _customers(self, spool: Spool, fresh: Sequence[Match]) -> None:
        """One customer per identity in the whole file."""
        unknown: dict[str, Match] = {}
        for match in fresh:
            who = identity(match.record["customer"])
            if match.customer_id is None and who not in self.made:
                unknown.setdefault(who, match)
        since = [building.at(match.record["received_at"]) for match in unknown.values()]
        numbers = Numbers(PREFIX["customer"]).take(since)
        rows = [
            building.customer(match.record["customer"], number=number, at=at, pk=pk)
            for match, number, at, pk in zip(unknown.values(), numbers, since, reserve(Customer, len(unknown)), strict=True)
        ]
        self._insert_customers(spool, rows, [match.record["customer"] for match in unknown.values()])
        self.made |= {who: row.pk for who, row in zip(unknown, rows, strict=True)}

    def _insert_customers(self, spool: Spool, rows: Sequence[Customer], records: Sequence[Record]) -> None:
        spool.insert(rows)
        self._insert_points(spool, [point for row, record in zip(rows, records, strict=True) for point in building.contact_points(record, row)])
        self.counts["customers"] += len(rows)

    def _insert_points(self, spool: Spool, points: Sequence[ContactPoint]) -> None:
        for point, pk in zip(points, reserve(ContactPoint, len(points)), strict=True):
            point.pk = pk
        spool.insert(points)

    def _new_tickets(self, spool: Spool, fresh: Sequence[Match]) -> None:
        count = len(fresh)
        numbers = Numbers(PREFIX["ticket"]).take([building.at(match.record["received_at"]) for match in fresh])
        items = [building.item(match.record, number=number, pk=pk) for match, number, pk in zip(fresh, numbers, reserve(Item, count), strict=True)]
        tickets = [
            building.ticket(
                match.record,
                item=item,
                pk=pk,
                customer_id=match.customer_id or self.made[identity(match.record["customer"])],
                category_id=self._category(match.record),
                priority=self.priorities.get((match.record["urgency"], "ordinary"), "medium"),
            )
            for match, item, pk in zip(fresh, items, reserve(Ticket, count), strict=True)
        ]
        entries = [
            building.entry(
                item, verb="imported", by=self.by, at=self.at, target=match.record["state"], data={"run": self.run.pk, "row": match.record["row"]}, pk=pk
            )
            for match, item, pk in zip(fresh, items, reserve(Entry, count), strict=True)
        ]
        for rows in (items, tickets, entries):
            spool.insert(rows)
        self._insert_deadlines(spool, [(match, item) for match, item in zip(fresh, items, strict=True)])

    def _insert_deadlines(self, spool: Spool, pairs: Sequence[tuple[Match, Item]]) -> None:
        made = [building.deadline(match.record, item=item, rule=self.rule) for match, item in pairs]
        rows = [row for row in made if row]
        for row, pk in zip(rows, reserve(Deadline, len(rows)), strict=True):
            row.pk = pk
        spool.insert(rows)
        self.counts["deadlines"] += len(rows)

    def _changed_tickets(self, spool: Spool, changed: Sequence[Match]) -> None:
        """History follows its source: a ticket nobody worked on here takes what the newer file says, with an entry that names what changed."""
        items = Item.objects.in_bulk([match.item_id for match in changed])
        limits = {row.item_id: row for row in Deadline.objects.filter(item_id__in=items, code=building.CODE, rule=self.rule)}
        entries: list[Entry] = []
        without_limit: list[tuple[Match, Item]] = []
        for match in changed:
            assert match.item_id is not None
            item = items[match.item_id]
            self._change(spool, match, item)
            if item.pk in limits:
                self._change_limit(spool, match, item, limits[item.pk])
            else:
                without_limit.append((match, item))
            data = {"run": self.run.pk, "row": match.record["row"], "changes": {column: list(change) for column, change in match.changes.items()}}
            entries.append(building.entry(item, verb="import_changed", by=self.by, at=self.at, data=data, target=match.record["state"]))
        self._insert_deadlines(spool, without_limit)
        for entry, pk in zip(entries, reserve(Entry, len(entries)), strict=True):
            entry.pk = pk
        spool.insert(entries)

    def _change(self, spool: Spool, match: Match, item: Item) -> None:
        ticket = building.ticket(match.record, item=item, customer_id=0, category_id=self._category(match.record), priority="", pk=match.pk)
        ticket.version = match.version + 1
        columns = {column.partition("__")[0] for column in match.changes if column not in ("item__title", "external_id")}
        columns |= (
            {"version", "state_since"} | ({"completed_at"} if "closed_at" in columns else set()) | ({"registered_at"} if "received_at" in columns else set())
        )
        spool.update(ticket, sorted(columns), version=match.version)
        item.title, item.open, item.changed_at = match.record["title"], match.record["state"] in OPEN, self.at
        spool.update(item, ["title", "open", "changed_at"])

    def _change_limit(self, spool: Spool, match: Match, item: Item, row: Deadline) -> None:
        """The limit follows; reopened elsewhere it comes to nothing."""
        now = building.deadline(match.record, item=item, rule=self.rule, pk=row.pk)
        if now:
            spool.update(now, ["due_at", "warn_at", "ended_at", "late", "state", "start_at"])
        else:
            row.state, row.late, row.why = DeadlineState.VOID, None, "reopened"
            spool.update(row, ["state", "late", "why"])

    def _customer_file(self, spool: Spool, batch: list[Record]) -> None:
        matches = matching.customers(batch)
        self._count(matches)
        fresh = [match for match in matches if match.kind == NEW]
        numbers = Numbers(PREFIX["customer"]).take([building.at(match.record["since"]) for match in fresh])
        rows = [
            building.customer_of_file(match.record, number=number, pk=pk)
            for match, number, pk in zip(fresh, numbers, reserve(Customer, len(fresh)), strict=True)
        ]
        self._insert_customers(spool, rows, [match.record for match in fresh])
        self._changed_customers(spool, [match for match in matches if match.kind == CHANGED])

    def _changed_customers(self, spool: Spool, changed: Sequence[Match]) -> None:
        rows = Customer.objects.prefetch_related("contact_points").in_bulk([match.pk for match in changed])
        points: list[ContactPoint] = []
        for match in changed:
            assert match.pk is not None
            row = rows[match.pk]
            columns = [column for column in match.changes if column != "points"]
            for column in columns:
                setattr(row, column, match.changes[column][1])
            if "name" in columns:
                row.pinyin = pinyin_of(row.name)
                columns.append("pinyin")
            if columns:
                spool.update(row, columns)
            has: dict[str, set[str]] = {}
            for point in row.contact_points.all():
                has.setdefault(point.kind, set()).add(point.whole)
            points += building.contact_points(match.record, row, has)
        self._insert_points(spool, points)
