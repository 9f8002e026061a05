"""What the database server promises of a commit: a figure measured with a promise switched off says nothing of a desk."""

from __future__ import annotations

from django.db import connection

from feedback_desk.workplace.benchmarks import CannotMeasure

ASKED = ("fsync", "synchronous_commit", "full_page_writes")


def database() -> str:
    """ "postgresql with fsync on, synchronous_commit on, full_page_writes on", as the server itself says. Raises CannotMeasure where one is off."""
    if connection.vendor != "postgresql":
        return connection.vendor
    found = dict.fromkeys(ASKED, "")
    with connection.cursor() as cursor:
        for name in ASKED:
            cursor.execute(f"SHOW {name}")
            (found[name],) = cursor.fetchone()
    if off := [name for name, value in found.items() if value == "off"]:
        raise CannotMeasure(f"This PostgreSQL runs with {', '.join(off)} off, so what it writes may not survive a crash: switch it on and measure again.")
    return f"{connection.vendor} with " + ", ".join(f"{name} {value}" for name, value in found.items())
