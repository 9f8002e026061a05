"""Database triggers for append-only tables, re-made after every migration: SQLite drops them when a table is rebuilt."""

from typing import Any

from django.apps import AppConfig, apps
from django.db import connections

from feedback_desk.records.append_only import AppendOnly

POSTGRES_FUNCTION = """
CREATE OR REPLACE FUNCTION desk_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'desk: % is append-only', TG_TABLE_NAME; END $$
"""


def tables() -> list[str]:
    return sorted(m._meta.db_table for m in apps.get_models() if issubclass(m, AppendOnly))


def make(using: str) -> None:
    """Create the triggers for every append-only table that exists."""
    connection = connections[using]
    with connection.cursor() as cursor:
        existing = set(connection.introspection.table_names(cursor))
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRES_FUNCTION)
        for table in existing.intersection(tables()):
            if connection.vendor == "postgresql":
                cursor.execute(f'DROP TRIGGER IF EXISTS append_only ON "{table}"')
                cursor.execute(f'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON "{table}" FOR EACH ROW EXECUTE FUNCTION desk_append_only()')
                continue
            for verb in ("UPDATE", "DELETE"):
                cursor.execute(f'DROP TRIGGER IF EXISTS "{table}_no_{verb.lower()}"')
                cursor.execute(
                    f"""CREATE TRIGGER "{table}_no_{verb.lower()}" BEFORE {verb} ON "{table}" BEGIN SELECT RAISE(ABORT, 'desk: {table} is append-only'); END"""
                )


def drop(using: str) -> None:
    """Take the triggers away: for emptying a test database, nothing else."""
    connection = connections[using]
    with connection.cursor() as cursor:
        for table in set(connection.introspection.table_names(cursor)).intersection(tables()):
            if connection.vendor == "postgresql":
                cursor.execute(f'DROP TRIGGER IF EXISTS append_only ON "{table}"')
                continue
            for verb in ("update", "delete"):
                cursor.execute(f'DROP TRIGGER IF EXISTS "{table}_no_{verb}"')


def make_after_migrate(sender: AppConfig, using: str, **kwargs: Any) -> None:
    make(using)
