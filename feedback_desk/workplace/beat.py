"""Beat that shows it is alive: a tick touches its rows, at most every five seconds, and looks after the workers."""

import logging
import os
import socket
import time
from pathlib import Path
from typing import Any

from celery.beat import PersistentScheduler
from django.db import DatabaseError, close_old_connections

from feedback_desk.workplace import health, watch

EVERY = 5.0
logger = logging.getLogger(__name__)


class Scheduler(PersistentScheduler):
    """The ordinary scheduler with a sign of life; a database that is away for a while does not stop it."""

    signed_at = float("-inf")

    def tick(self, *args: Any, **kwargs: Any) -> float:
        if time.monotonic() - self.signed_at >= EVERY:
            self.signed_at = time.monotonic()
            self.show()
        return min(super().tick(*args, **kwargs), EVERY)

    @property
    def own_name(self) -> str:
        """beat:beat@server1; by the name of its schedule's file, so that two on one machine are told apart."""
        stem = Path(getattr(self, "schedule_filename", None) or health.BEAT).name.removesuffix("-schedule")
        return f"{health.ONE_BEAT}{stem}@{socket.gethostname()}"

    def show(self) -> None:
        close_old_connections()
        try:
            health.sign(health.BEAT)
            health.sign(self.own_name, process=os.getpid())
        except DatabaseError as error:
            logger.warning("beat could not sign: %s", error)
            return
        try:
            watch.look()
        except Exception:  # Whatever the watch stumbles over, beat goes on.
            logger.exception("beat could not look after the others")

    def close(self) -> None:
        """Told to end: nobody need miss it."""
        super().close()
        try:
            health.goodbye(self.own_name)
        except DatabaseError as error:
            logger.warning("beat could not say goodbye: %s", error)
