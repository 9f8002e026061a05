"""The database's clock: every process on PostgreSQL goes by it, so that one with a wrong clock does no harm (decision 7)."""

import logging
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from feedback_desk import clock
from feedback_desk.notices.models import ServiceState

log = logging.getLogger(__name__)


def database_now() -> datetime:
    """The instant by PostgreSQL, where processes may sit on several machines; on SQLite there is one machine and the desk's clock. Reports a skew above 2 s."""
    if connection.vendor != "postgresql":
        return clock.now()
    there = _asked(connection)
    if ahead := clock.follow(there):
        seconds = round(ahead.total_seconds(), 1)
        log.warning("This machine's clock is off by %s s; the database's is taken.", seconds)
        ServiceState.objects.update_or_create(name="clock_skew", defaults={"at": there, "data": {"seconds": seconds}})
    return there


def follow_database(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """On every new connection (signal): what this process does from now on is dated by the database's clock."""
    if connection.vendor == "postgresql":
        clock.follow(_asked(connection))


def _asked(connection: Any) -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        there: datetime = cursor.fetchone()[0]
    return there
