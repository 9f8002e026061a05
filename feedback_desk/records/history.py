"""The append-only history (V5): `record` writes a line for a service inside its transaction, `note_limits` those of the sweep."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from feedback_desk.people.actors import SYSTEM, Actor, Bystander, person
from feedback_desk.people.models import User
from feedback_desk.records import bulk
from feedback_desk.records.models import Entry, Item, Words, as_data

LIMIT_NEAR, LIMIT_PASSED = "limit_near", "limit_passed"
OF_LIMITS = (LIMIT_NEAR, LIMIT_PASSED)
"""Steps of the ladder. Nobody did anything to the item, so they change neither its version nor `changed_at`."""


class Line(NamedTuple):
    item_id: int
    root_id: int
    verb: str
    data: str
    """JSON text."""


def note_limits(lines: Sequence[Line], *, at: datetime) -> None:
    """Steps of the ladder, in one statement. Touches no item: a service may hold it and wait for the deadline that the sweep holds (decision 4)."""
    if lines:
        item_id, root_id, verb, data = map(list, zip(*lines, strict=True))
        columns = {"item_id": item_id, "root_id": root_id, "verb": verb, "data": data, "at": at, "actor": SYSTEM.value}
        bulk.insert(Entry, columns)


def record(
    item: Item, verb: str, *, by: Actor, at: datetime, reason: str = "", source: str = "", target: str = "",
    data: Mapping[str, Any] | None = None, in_place_of: User | None = None,
) -> Entry:  # fmt: skip
    """Write one line: `verb` is a move's name or another short word; `reason` holds the personal words."""
    entry = Entry.objects.create(
        item=item, root_id=item.root_id or item.pk, at=at, by=person(by), actor=by.value if isinstance(by, Bystander) else "person",
        in_place_of=in_place_of, verb=verb, source=source, target=target,
        data={k: as_data(v) for k, v in (data or {}).items()},
        words_digest=hashlib.sha256(reason.encode()).hexdigest() if reason else "",
    )  # fmt: skip
    if reason:
        Words.objects.create(entry=entry, text=reason)
    Item.objects.filter(pk__in={item.pk, item.root_id or item.pk}).update(changed_at=at)
    return entry


def record_many(lines: Iterable[tuple[int, int, Mapping[str, Any]]], verb: str, *, by: Actor, at: datetime) -> None:
    """The same line for many items at once, (item, root, data of its own) each, in two statements however many; without personal words."""
    told, who = list(lines), person(by)
    if not told:
        return
    item_id, root_id, data = map(list, zip(*told, strict=True))
    bulk.insert(Entry, {
        "item_id": item_id, "root_id": root_id, "data": [bulk.as_json(row) for row in data], "verb": verb,
        "at": at, "by_id": who.pk if who else None, "actor": by.value if isinstance(by, Bystander) else "person",
    })  # fmt: skip
    Item.objects.filter(pk__in={*item_id, *root_id}).update(changed_at=at)
