"""What the beat asks of complaints."""

import logging

from celery import shared_task

from complaints import services
from complaints.models import Batch
from complaints.services import grading
from feedback_desk import clock

logger = logging.getLogger(__name__)


@shared_task(name="complaints.remind_of_month_end")
def remind_of_month_end() -> int:
    """D28: once per matter and month, whenever the desk was up; later runs find nothing left."""
    return services.remind_of_month_end(clock.now())


@shared_task(name="complaints.spread_batches")
def spread_batches(limit: int = 50) -> int:
    """I7: the other members of a batch are linked and proposed for. One that fails does not hold the others; it is tried again."""
    raised = 0
    for batch in Batch.objects.filter(spread_at=None).order_by("last_at")[:limit]:
        try:
            raised += grading.spread(batch)
        except Exception:
            logger.exception("batch %s could not be spread", batch.pk)
    return raised
