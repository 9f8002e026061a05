"""Imports in the queue `work`, so that they never delay a limit (decision 13)."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from tickets.imports import services
from tickets.models import ImportRun

log = logging.getLogger(__name__)


@shared_task(name="imports.check", acks_late=True)
def check(run_id: int) -> bool:
    return services.check_run(run_id=run_id)


@shared_task(name="imports.write", acks_late=True)
def write(run_id: int) -> bool:
    return services.import_run(run_id=run_id)


@shared_task(name="imports.catch_up")
def catch_up() -> int:
    """Runs whose message or worker was lost; uploads that are past keeping."""
    services.tidy()
    stuck = services.stuck()
    for run_id, asked in stuck:
        announce(run_id, asked)
    return len(stuck)


TASKS: dict[str, Any] = {"check": check, "import": write}


def announce(run_id: int, asked: str) -> bool:
    """Send the message; False when the broker is away. The run stays as asked for, and catch_up sends it again."""
    try:
        TASKS[asked].apply_async((run_id,), queue="work", retry=False)
    except (OSError, OperationalError, RedisError) as error:
        log.warning("import %s waits for the broker: %s", ImportRun.objects.values_list("name", flat=True).get(pk=run_id), error)
        return False
    return True
