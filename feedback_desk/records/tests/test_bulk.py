"""Rows by columns write what Django's own bulk methods write, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import DataError, IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from feedback_desk.notices.models import Notice
from feedback_desk.records import bulk
from feedback_desk.records.items import open_item
from feedback_desk.records.models import Item

AT = datetime(2026, 3, 2, 1, 0, 0, 250_000, tzinfo=UTC)
WORDS = ["外壳破损", "it's \"quoted\", {braces}, back\\slash %s", "", "a,b\nc", "NULL"]


@pytest.fixture
def item(db):
    return open_item("ticket", title="x", at=AT)


def columns(item):
    return {
        "key": [f"{n}" for n in range(5)], "cause": WORDS, "item_id": [item.pk, None, item.pk, None, item.pk], "channel": "page", "template": "x",
        "data": [bulk.as_json({"words": words, "at": AT, "late": bool(n % 2), "n": n}) for n, words in enumerate(WORDS)],
        "created_at": AT, "send_after": [AT, AT, AT.replace(microsecond=0), AT, AT], "sent_at": [None, AT, None, AT, None], "attempts": [0, 1, 2, 3, 32767],
    }  # fmt: skip


def plain(item):
    rows = columns(item)
    given = {name: value if isinstance(value, list) else [value] * 5 for name, value in rows.items()}
    given["data"] = [{"words": words, "at": AT.isoformat(), "late": bool(n % 2), "n": n} for n, words in enumerate(WORDS)]
    return [Notice(**{name: values[n] for name, values in given.items()}) for n in range(5)]


def standing():
    return [{name: value for name, value in row.items() if name != "id"} for row in Notice.objects.order_by("key").values()]


def test_insert_writes_what_bulk_create_writes(item):
    Notice.objects.bulk_create(plain(item), ignore_conflicts=True)
    expected = standing()
    Notice.objects.all().delete()
    found = bulk.insert(Notice, columns(item), returning=("key", "id"))
    assert standing() == expected
    assert dict(found) == dict(Notice.objects.values_list("key", "pk"))


def test_what_stands_already_is_left_and_not_answered(item):
    Notice.objects.bulk_create(plain(item)[:2])
    before = standing()
    assert {key for (key,) in bulk.insert(Notice, {**columns(item), "template": "other"}, returning=("key",))} == {"2", "3", "4"}
    assert standing()[:2] == before


def test_update_writes_what_bulk_update_writes(item):
    Notice.objects.bulk_create(plain(item))
    rows = list(Notice.objects.order_by("-pk")[:4])
    for n, row in enumerate(rows):
        row.attempts, row.read_at, row.last_error, row.state = n, AT if n % 2 else None, WORDS[n], "failed"
    Notice.objects.bulk_update(rows, ["attempts", "read_at", "last_error", "state"])
    expected = standing()
    Notice.objects.update(attempts=9, read_at=None, last_error="", state="waiting")
    new = {"attempts": [0, 1, 2, 3], "read_at": [None, AT, None, AT], "last_error": WORDS[:4], "state": "failed"}
    assert bulk.update(Notice, [row.pk for row in rows], new) == 4
    assert [{**row, "state": "failed"} if row["state"] != "failed" else row for row in standing()][1:] == expected[1:]


def test_one_statement_for_any_number(item):
    many = [f"k{n}" for n in range(3000)]
    with CaptureQueriesContext(connection) as seen:
        assert len(bulk.insert(Notice, {**{name: value for name, value in columns(item).items() if not isinstance(value, list)}, "key": many,
            "cause": many, "data": ["{}"] * 3000, "send_after": AT})) == 3000  # fmt: skip
    assert len(seen) == 1


def test_what_the_database_refuses_is_refused(item):
    with pytest.raises(IntegrityError):
        bulk.insert(Item, {"number": ["1"], "kind": "ticket", "title": [None], "changed_at": AT})


@pytest.mark.postgres
def test_letters_that_are_too_long_are_refused_not_cut(item):
    with pytest.raises(DataError):
        bulk.insert(Notice, {**{name: value[:1] if isinstance(value, list) else value for name, value in columns(item).items()}, "key": ["x" * 121]})


def test_columns_of_different_length_are_refused(item):
    with pytest.raises(ValueError, match="length"):
        bulk.insert(Notice, columns(item) | {"key": ["1"]})
