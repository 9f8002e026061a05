"""Any number of rows in one statement: their columns travel as arrays instead of the rows as objects (decision 27).

PostgreSQL takes the arrays apart with `unnest`, SQLite with `json_each`. The plain twins are `bulk_create(ignore_conflicts=True)` and `bulk_update`;
all write the same, under the same tests. Columns go by their attribute names ("item_id"): a list holds a value for each row, anything else is the
value of every row. JSON columns take JSON text, as `as_json` makes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, models

from feedback_desk.records.models import as_data

Columns = Mapping[str, Any]
Field = models.Field[Any, Any]
as_json = json.JSONEncoder(default=as_data, ensure_ascii=False).encode
"""Text of a JSON column; dates as ISO text."""


def insert(model: type[models.Model], columns: Columns, *, returning: Sequence[str] = ("id",)) -> list[tuple[Any, ...]]:
    """Insert what does not stand already by some unique key; answers these columns of the rows that are new, in no order.

    A column that is not named takes the model's default.
    """
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    source = _source({field: columns[field.attname] if field.attname in columns else _default(field) for field in fields})
    sql = (
        f"INSERT INTO {_quoted(model._meta.db_table)} ({_names(fields)}) SELECT {', '.join(source.values.values())} FROM {source.rows} WHERE true"
        f" ON CONFLICT DO NOTHING RETURNING {_names(_field(model, name) for name in returning)}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, source.params)
        return list(cursor.fetchall())


def update(model: type[models.Model], keys: list[int], columns: Columns) -> int:
    """Set columns of the rows with these keys; answers how many there were."""
    pk, table = _field(model, "id"), _quoted(model._meta.db_table)
    source = _source({**{_field(model, name): value for name, value in columns.items()}, pk: keys})
    key = source.values.pop(pk)
    sets = ", ".join(f"{_quoted(field.column)} = {value}" for field, value in source.values.items())
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {sets} FROM {source.rows} WHERE {table}.{_quoted(pk.column)} = {key}", source.params)
        return int(cursor.rowcount)


@dataclass(frozen=True)
class Source:
    """Rows to select from: what stands for each column, the FROM clause, and the parameters of both."""

    values: dict[Field, str]
    rows: str
    params: list[Any]


def _source(columns: Mapping[Field, Any]) -> Source:
    listed = {field: value for field, value in columns.items() if isinstance(value, list)}
    if len({len(values) for values in listed.values()}) != 1:
        raise ValueError("The columns differ in length.")
    constants = {field: value for field, value in columns.items() if field not in listed}
    return (_of_postgresql if connection.vendor == "postgresql" else _of_sqlite)(columns, listed, constants)


def _of_postgresql(columns: Iterable[Field], listed: Mapping[Field, list[Any]], constants: Mapping[Field, Any]) -> Source:
    """Text arrays go as the database writes them, much faster than the driver's; JSON as one array, which needs no quoting inside."""
    values = {field: f"r.{_quoted(field.column)}" if field in listed else f"%s::{_type(field)}" for field in columns}
    arrays = ["jsonb_array_elements(%s::jsonb)" if _holds_json(field) else f"unnest(%s::{_type(field)}[])" for field in listed]
    rows = f"ROWS FROM ({', '.join(arrays)}) AS r({_names(listed)})"
    params = [f"[{','.join(column)}]" if _holds_json(field) else _array(column) for field, column in listed.items()]
    return Source(values, rows, [*_constant(constants), *params])


def _of_sqlite(columns: Iterable[Field], listed: Mapping[Field, list[Any]], constants: Mapping[Field, Any]) -> Source:
    places = {field: place for place, field in enumerate(listed)}
    values = {field: f"json_extract(r.value, '$[{places[field]}]')" if field in listed else "%s" for field in columns}
    rows = zip(*([_plain(field, value) for value in column] for field, column in listed.items()), strict=True)
    return Source(values, "json_each(%s) AS r", [*_constant(constants), json.dumps(list(rows), ensure_ascii=False)])


def _constant(columns: Mapping[Field, Any]) -> list[Any]:
    return [_plain(field, value) for field, value in columns.items()]


def _plain(field: Field, value: Any) -> Any:
    return value if _holds_json(field) else field.get_db_prep_save(value, connection)


def _array(values: Iterable[Any]) -> str:
    return "{" + ",".join(["NULL" if value is None else '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values]) + "}"


def _type(field: Field) -> str:
    """Of letters only text: a cast to varchar(n) would cut them, the insertion refuses them."""
    return "text" if isinstance(field, models.CharField | models.TextField) else str(field.cast_db_type(connection))


def _holds_json(field: Field) -> bool:
    return isinstance(field, models.JSONField)


def _default(field: Field) -> Any:
    value = field.get_default()
    return as_json(value) if _holds_json(field) else value


def _field(model: type[models.Model], name: str) -> Field:
    return next(field for field in model._meta.concrete_fields if field.attname == name)


def _names(fields: Iterable[Field]) -> str:
    return ", ".join(_quoted(field.column) for field in fields)


def _quoted(name: str | None) -> str:
    return connection.ops.quote_name(str(name))
