"""What the beat asks of complaints."""

from celery import shared_task

from complaints.services import grading


@shared_task(name="complaints.spread_batches")
def spread_batches() -> int:
    """I7: the other members of a batch are linked and proposed for."""
    return grading.spread_batches()
