"""Many rows into few tables fast: keys are reserved and rows prepared before the transaction, so that it only inserts (decision 8).

Hand-written because a desk on SQLite has one writer: `bulk_create` of 10,000 tickets computes for seconds inside the transaction, this for tenths of one.
The plain twin is `bulk_create` itself; both run under the same test.
"""

from __future__ import annotations

import json
import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import IO, Any

from django.db import connection, models, transaction
from psycopg2.extras import execute_values

CHUNK = 1000


def reserve(model: type[models.Model], count: int) -> list[int]:
    """Fresh primary keys that nobody else will get; unused ones are gaps. Call outside the writing transaction."""
    if not count:
        return []
    table = model._meta.db_table
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [f'"{table}"', count])
            return [key for (key,) in cursor.fetchall()]
        cursor.execute("INSERT INTO sqlite_sequence (name, seq) SELECT %s, 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = %s)", [table, table])
        cursor.execute("UPDATE sqlite_sequence SET seq = seq + %s WHERE name = %s RETURNING seq", [count, table])
        (last,) = cursor.fetchone()
        return list(range(last - count + 1, last + 1))


def prepared(field: models.Field[Any, Any], instance: models.Model) -> Any:
    """The value as the database takes it."""
    value = field.pre_save(instance, True)
    if isinstance(field, models.JSONField):
        return json.dumps(value, ensure_ascii=False)
    return field.get_db_prep_save(value, connection)


class Spool:
    """Prepared rows on disk, statement by statement in the order given, so that memory stays flat however long the file is."""

    def __init__(self) -> None:
        self._files: dict[str, IO[bytes]] = {}
        self._counts: dict[str, int] = {}
        self._checked: set[str] = set()

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for file in self._files.values():
            file.close()

    def insert(self, instances: Sequence[models.Model]) -> None:
        """Rows to insert; their keys are set already."""
        if instances:
            fields = list(instances[0]._meta.concrete_fields)
            quote = connection.ops.quote_name
            sql = f"INSERT INTO {quote(instances[0]._meta.db_table)} ({', '.join(quote(str(field.column)) for field in fields)}) VALUES "
            self._write(sql, [tuple(prepared(field, instance) for field in fields) for instance in instances])

    def update(self, instance: models.Model, columns: Iterable[str], *, version: int | None = None) -> None:
        """One row to change. With `version` the row must still have it, else the whole import starts over."""
        quote = connection.ops.quote_name
        fields = [instance._meta.get_field(column) for column in columns]
        sets = ", ".join(f"{quote(str(field.column))} = %s" for field in fields)  # type: ignore[union-attr]
        sql = f"UPDATE {quote(instance._meta.db_table)} SET {sets} WHERE id = %s" + (" AND version = %s" if version is not None else "")
        if version is not None:
            self._checked.add(sql)
        values = [prepared(field, instance) for field in fields]  # type: ignore[arg-type]
        self._write(sql, [(*values, instance.pk, *([] if version is None else [version]))])

    def _write(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        file = self._files.get(sql) or self._files.setdefault(sql, tempfile.TemporaryFile())  # noqa: SIM115 - closed in __exit__
        pickle.dump(rows, file, pickle.HIGHEST_PROTOCOL)
        self._counts[sql] = self._counts.get(sql, 0) + len(rows)

    def run(self) -> None:
        """Execute everything; belongs into the writing transaction. Raises Overtaken when a checked row moved meanwhile."""
        for sql, file in self._files.items():
            changed = _many(sql, _chunks(file))
            if sql in self._checked and changed != self._counts[sql]:
                raise Overtaken


class Overtaken(Exception):
    """Somebody changed what the import was about to change."""


def _chunks(file: IO[bytes]) -> Iterator[list[tuple[Any, ...]]]:
    file.seek(0)
    while True:
        try:
            yield pickle.load(file)  # noqa: S301 - written by this process a moment ago, into a file without a name
        except EOFError:
            return


def _many(sql: str, chunks: Iterator[list[tuple[Any, ...]]]) -> int:
    """Run a statement for all rows; answers how many rows it touched."""
    touched = 0
    with connection.cursor() as cursor:
        for rows in chunks:
            if sql.startswith("INSERT") and connection.vendor == "postgresql":
                execute_values(cursor.cursor, f"{sql} %s", rows, page_size=CHUNK)
            elif sql.startswith("INSERT"):
                cursor.executemany(f"{sql} ({', '.join(['%s'] * len(rows[0]))})", rows)
            else:
                touched += _one_by_one(cursor.execute, cursor, sql, rows)
    return touched


def _one_by_one(execute: Callable[..., Any], cursor: Any, sql: str, rows: list[tuple[Any, ...]]) -> int:
    touched = 0
    for row in rows:
        execute(sql, row)
        touched += cursor.rowcount
    return touched
