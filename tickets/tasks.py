"""What the beat asks of tickets: acts of the ladder (T7), giving what waits (T6), closing what owes nothing (T8)."""

import logging

from celery import shared_task
from django.db import OperationalError
from django.db.models import Exists, OuterRef

from feedback_desk import clock
from feedback_desk.deadlines import acts
from feedback_desk.deadlines.models import Deadline, DeadlineState
from feedback_desk.people.access import NotNow
from feedback_desk.people.actors import SYSTEM
from tickets import services
from tickets.guards import OWED
from tickets.models import Ticket, Type

logger = logging.getLogger(__name__)


@shared_task(name="tickets.apply_steps")
def apply_steps(limit: int = 200) -> int:
    """Do once what steps ask for. One step that fails is on record and does not hold the others; it is tried again."""
    at, done = clock.now(), 0
    for step_id, failed_before in list(acts.waiting(at).values_list("pk", "failure__attempts")[:limit]):
        try:
            done += services.apply_step(step_id=step_id) == "applied"
        except OperationalError:
            logger.exception("step %s could not be applied", step_id)
        except Exception as error:
            logger.exception("step %s could not be applied", step_id)
            acts.failed(step_id, error, at=at)
        else:
            if failed_before:
                acts.done(step_id)
    return done


@shared_task(name="tickets.close_settled")
def close_settled(limit: int = 200) -> int:
    """T8: completed tickets without a form that owe nothing any more are closed."""
    owed = Deadline.objects.filter(item_id=OuterRef("item_id"), code__in=OWED, state__in=(DeadlineState.RUNNING, DeadlineState.PAUSED))
    settled = Ticket.objects.filter(state="completed", historic=False).exclude(type=Type.COMPLAINT).exclude(Exists(owed)).values_list("pk", flat=True)[:limit]
    done = 0
    for pk in list(settled):
        try:
            services.close(ticket_id=pk, by=SYSTEM)
            done += 1
        except NotNow:
            logger.info("ticket %s moved meanwhile", pk)
    return done


@shared_task(name="tickets.place_waiting")
def place_waiting() -> int:
    """T6: what the desk gives by itself and nobody was free for goes to who is free now."""
    return services.place_waiting()
