"""manage.py migrate: an empty database gets its tables from the models at once; every other goes on migration by migration.

Playing eighty migrations on nothing took a fifth of the first start (decision 57). `--one-by-one` does it all the same: a test holds the tables of
both ways against each other.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management.base import CommandParser
from django.core.management.commands.migrate import Command as Migrate
from django.db import connections, router
from django.db.migrations.recorder import MigrationRecorder


class Command(Migrate):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--one-by-one", action="store_true", help="Play every migration on an empty database too.")

    def handle(self, *args: Any, one_by_one: bool = False, **options: Any) -> None:
        whole = not (options["app_label"] or options["fake"] or options["plan"] or options["check_unapplied"])
        if whole and not one_by_one and lay_tables(options["database"]):
            super().handle(*args, **{**options, "fake": True, "run_syncdb": False, "verbosity": 0})
        super().handle(*args, **options)


def lay_tables(using: str) -> bool:
    """Every table as the models say, in one transaction. True where the migrations are still to be noted as done; False for a database in use."""
    connection = connections[using]
    ours, there = set(connection.introspection.django_table_names()), set(connection.introspection.table_names())
    if not ours & there:
        with connection.schema_editor() as editor:
            for model in apps.get_models():
                if model._meta.managed and not model._meta.proxy and router.allow_migrate_model(using, model):
                    editor.create_model(model)
        return True
    return ours <= there and not MigrationRecorder(connection).applied_migrations()
