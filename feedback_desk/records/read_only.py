"""A block in which the database takes no change, whatever the code would do."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def read_only() -> Iterator[None]:
    """PostgreSQL: a transaction that is read only; SQLite: a connection that refuses to write. Writing in it raises a DatabaseError."""
    if connection.vendor == "sqlite":
        with _query_only():
            yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        yield


@contextmanager
def _query_only() -> Iterator[None]:
    """By the driver itself: Django's cursor refuses to work after an error, and the connection must not stay as it is."""
    connection.ensure_connection()
    connection.connection.execute("PRAGMA query_only = ON")
    try:
        yield
    finally:
        connection.connection.execute("PRAGMA query_only = OFF")
