"""What the beat asks of complaints: the monthly reminders of outstanding matters (D28)."""

from celery import shared_task

from complaints import services
from feedback_desk import clock


@shared_task(name="complaints.remind_of_month_end")
def remind_of_month_end() -> int:
    """Once per matter and month, whenever the desk was up; later runs find nothing left."""
    return services.remind_of_month_end(clock.now())
