"""The door by which Celery issues summaries."""

import logging

from celery import shared_task

from feedback_desk import clock
from reports import services

log = logging.getLogger(__name__)


@shared_task(name="reports.issue_due")
def issue_due() -> int:
    """Issue what is owed; asks "is there a summary for the period", so a missed run is made up by the next one."""
    issued = services.issue_due(clock.now())
    for summary in issued:
        log.info("Issued %s.", summary)
    return len(issued)
