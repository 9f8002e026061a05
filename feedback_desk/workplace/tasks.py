"""The workplace's tasks: signs of life, the watch over them, and tidying."""

import logging
import os

from celery import shared_task
from django.core.management import call_command
from django.db import DatabaseError

from feedback_desk.workplace import health, watch

log = logging.getLogger(__name__)


@shared_task(name="workplace.pulse_sweep")
def pulse_sweep() -> None:
    """The sweep queue is served."""
    health.sign("sweep")


@shared_task(name="workplace.pulse_work")
def pulse_work() -> None:
    """The work queue is served."""
    health.sign("work")


@shared_task(name="workplace.pulse", ignore_result=True)
def pulse(node: str, queues: list[str]) -> None:
    """This very worker works, pool and all (`heartbeat`); then it looks after the others."""
    health.sign(f"{health.WORKER}{node}", queues=queues, process=os.getppid())
    try:
        watch.look()
    except DatabaseError as error:
        log.warning("%s could not look after the others: %s", node, error)


@shared_task(name="workplace.clear_sessions")
def clear_sessions() -> None:
    call_command("clearsessions")
