"""Items and their numbers (I3, decision 9)."""

import uuid
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from feedback_desk.records.models import Item

PREFIX = {"customer": "CS", "ticket": "TASK", "form": "FK", "visit": "HF", "period": "HZ", "action": "JZ"}


def next_number(prefix: str, day: date, count: int = 1) -> str:
    """The first of `count` fresh numbers of a prefix on a local day: one statement, never twice the same; take it last in the transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO records_numbercounter (prefix, day, last) VALUES (%s, %s, %s) "
            "ON CONFLICT (prefix, day) DO UPDATE SET last = records_numbercounter.last + %s RETURNING last",
            [prefix, day, count, count],
        )
        (last,) = cursor.fetchone()
    return number(prefix, day, last - count + 1)


def number(prefix: str, day: date, running: int) -> str:
    return f"{prefix}{day:%Y%m%d}{running:03d}"


def open_item(kind: str, *, title: str, at: datetime, root: Item | None = None, **fields: Any) -> Item:
    """A new item, not numbered yet: `give_number` comes last in the transaction. A root item is its own root."""
    item = Item(kind=kind, title=title[:200], changed_at=at, root=root, number=f"~{uuid.uuid4().hex[:20]}", **fields)
    item.save(force_insert=True)
    if root is None:
        item.root = item
        item.save(update_fields=["root"])
    return item


def give_number(item: Item, *, at: datetime) -> str:
    """The number of the local day of `at`. The counter's row stays locked until the commit, so this comes last (decision 9)."""
    item.number = next_number(PREFIX[item.kind], timezone.localtime(at).date())
    item.save(update_fields=["number"])
    return item.number
