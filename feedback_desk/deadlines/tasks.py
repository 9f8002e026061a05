"""The beat's door to the sweep (every 5 seconds, see celery.py); changed rules and calendars in the queue `work`, so that they never delay a limit."""

import logging
from datetime import datetime, timedelta

from celery import shared_task
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from feedback_desk.deadlines import changing
from feedback_desk.deadlines.sweep import until_done
from feedback_desk.notices.database_clock import database_now
from feedback_desk.notices.models import ServiceState

log = logging.getLogger(__name__)
SIGN_EVERY = timedelta(seconds=30)


@shared_task(name="deadlines.sweep", ignore_result=True)
def sweep_deadlines() -> int:
    """Take what is due by the database's clock; one process with a wrong clock does no harm (decision 7)."""
    at = database_now()
    taken = until_done(at)
    sign(at, taken)
    return taken


def sign(at: datetime, taken: int) -> None:
    """A sign of life for /healthz and the back office, at most twice a minute when nothing happens."""
    fresh = ServiceState.objects.filter(name="deadlines.sweep", at__gt=at - SIGN_EVERY).exists()
    if taken or not fresh:
        ServiceState.objects.update_or_create(name="deadlines.sweep", defaults={"at": at, "data": {"taken": taken}})


@shared_task(name="deadlines.change", ignore_result=True)
def change(change_id: int) -> bool:
    """A stretch of the work on a change (E5), and the message for the next one."""
    more = changing.work(change_id)
    if more:
        announce(change_id)
    return more


@shared_task(name="deadlines.catch_up_changes", ignore_result=True)
def catch_up_changes() -> int:
    """Changes whose message or worker was lost."""
    waiting = changing.stuck()
    for change_id in waiting:
        announce(change_id)
    return len(waiting)


def announce(change_id: int) -> bool:
    """Send the message; False when the broker is away. The change stays as asked for, and catch_up_changes sends it again."""
    try:
        change.apply_async((change_id,), queue="work", retry=False)
    except (OSError, OperationalError, RedisError) as error:
        log.warning("change %s of limits waits for the broker: %s", change_id, error)
        return False
    return True
