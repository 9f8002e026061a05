"""The beat's door to the outbox (every 5 seconds, see celery.py)."""

from celery import shared_task

from feedback_desk.notices.database_clock import database_now
from feedback_desk.notices.delivery import deliver

BATCHES = 20


@shared_task(name="notices.deliver", ignore_result=True)
def deliver_notices() -> int:
    """Send batch after batch until nothing waits; at most so many that the message ends."""
    total = 0
    for _batch in range(BATCHES):
        sent = deliver(database_now())
        total += sent
        if not sent:
            break
    return total
