"""What the database server promises of a commit: a figure measured without fsync says nothing of a desk."""

from __future__ import annotations

from django.db import connection

from feedback_desk.workplace.benchmarks import CannotMeasure

ASKED = ("fsync", "synchronous_commit")


def database() -> str:
    """ "postgresql with fsync on, synchronous_commit on", as the server itself says. Raises CannotMeasure where fsync is off."""
    if connection.vendor != "postgresql":
        return connection.vendor
    found = dict.fromkeys(ASKED, "")
    with connection.cursor() as cursor:
        for name in ASKED:
            cursor.execute(f"SHOW {name}")
            (found[name],) = cursor.fetchone()
    if found["fsync"] != "on":
        raise CannotMeasure("This PostgreSQL runs with fsync off, so nothing it writes would be on disk: switch it on (fsync = on) and measure again.")
    return f"{connection.vendor} with " + ", ".join(f"{name} {value}" for name, value in found.items())
