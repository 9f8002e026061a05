"""A worker shows that it works: every five seconds it sends itself a task, through the broker, its own queue and its pool.

A process that merely runs signs nothing: one that is stopped, cut off from broker or database, or whose pool hangs, is silent. Named by string in
`celery.py`, as only workers load it.
"""

from __future__ import annotations

import logging
from typing import Any

from celery import bootsteps, signals
from celery.utils.nodenames import worker_direct
from django.db import DatabaseError, connection

from feedback_desk.workplace import health, tasks

EVERY = 5.0
ENOUGH = 3
"""Signs that may lie unread: a pool that hangs for days fills nothing."""
log = logging.getLogger(__name__)


class Heartbeat(bootsteps.StartStopStep):
    """Starts and stops with the worker's connection to the broker."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        self.timer: Any = None
        super().__init__(consumer, **options)

    def start(self, consumer: Any) -> None:
        own = worker_direct(consumer.hostname)
        queues = sorted(name for name in consumer.app.amqp.queues.consume_from if name != own.name)
        self.timer = consumer.timer.call_repeatedly(EVERY, send, (consumer.hostname, queues))
        send(consumer.hostname, queues)

    def stop(self, consumer: Any) -> None:
        if self.timer:
            self.timer.cancel()
            self.timer = None


def send(node: str, queues: list[str]) -> None:
    """The message that comes back as a row; without a broker there is none, and the worker is silent, which is true."""
    queue = worker_direct(node)
    try:
        with tasks.pulse.app.producer_or_acquire() as producer:
            if health.unread(producer.channel, queue.name) < ENOUGH:
                tasks.pulse.apply_async((node, queues), queue=queue, producer=producer, expires=4 * EVERY, retry=False)
    except health.AWAY as error:
        log.warning("%s could not send its sign of life: %s", node, error)


@signals.worker_shutdown.connect
def leave(sender: Any, **_more: Any) -> None:
    """Told to end, and its pool has: nobody need miss it."""
    try:
        health.goodbye(f"{health.WORKER}{sender.hostname}")
        connection.close()
    except DatabaseError as error:
        log.warning("%s could not say goodbye: %s", sender.hostname, error)
