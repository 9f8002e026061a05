"""`python -m tests.shape`: a database's tables with columns, constraints, triggers and the migrations noted, as JSON; names aside that it gives itself."""

from __future__ import annotations

import json
import os
from typing import Any

import django

TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT DISTINCT event_object_table FROM information_schema.triggers",
}


def shape() -> dict[str, Any]:
    from django.db import connection
    from django.db.migrations.recorder import MigrationRecorder

    look = connection.introspection
    with connection.cursor() as cursor:
        tables = {t: {"columns": _columns(look, cursor, t), "constraints": _constraints(look, cursor, t)} for t in sorted(look.table_names(cursor))}
        cursor.execute(TRIGGERS[connection.vendor])
        made = sorted(name for (name,) in cursor.fetchall())
        cursor.execute("SELECT app_label, model FROM django_content_type")
        types = sorted(".".join(row) for row in cursor.fetchall())
    return {"tables": tables, "triggers": made, "types": types, "noted": sorted(".".join(key) for key in MigrationRecorder(connection).applied_migrations())}


def _columns(look: Any, cursor: Any, table: str) -> list[str]:
    return sorted(str((c.name, look.get_field_type(c.type_code, c), c.display_size, c.null_ok, c.default)) for c in look.get_table_description(cursor, table))


def _constraints(look: Any, cursor: Any, table: str) -> list[str]:
    keys = ("columns", "primary_key", "unique", "foreign_key", "check", "index", "orders", "definition")
    return sorted(str([row.get(key) for key in keys]) for row in look.get_constraints(cursor, table).values())


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "feedback_desk.settings")
    django.setup()
    print(json.dumps(shape()))
