"""Celery, with the whole beat table at a glance.

Two queues (decision 13): ``sweep`` keeps the limits and sends notices, ``work`` does what takes long (imports, summaries).
Every message expires after two minutes at the least: a worker that comes back finds some sweeps to do, not a thousand, and one whose clock is a minute
ahead of the beat's still takes them.
"""

import os
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import task_prerun
from django.db import DatabaseError, connection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "feedback_desk.settings")

app = Celery("feedback_desk")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["tickets.imports"])
app.steps["consumer"].add("feedback_desk.workplace.heartbeat:Heartbeat")


EXPIRES = 120.0
"""Seconds, by the clocks of beat and worker: well above what two machines may differ by."""


def every(task: str, seconds: float, queue: str = "sweep") -> dict[str, Any]:
    return {"task": task, "schedule": seconds, "options": {"queue": queue, "expires": max(seconds, EXPIRES)}}


app.conf.beat_schedule = {
    "take the steps that are due": every("deadlines.sweep", 5),
    "do what the steps ask for": every("tickets.apply_steps", 5),
    "send notices": every("notices.deliver", 5),
    "show that the sweep queue is served": every("workplace.pulse_sweep", 5),
    "show that the work queue is served": every("workplace.pulse_work", 5, queue="work"),
    "issue summaries that are due": every("reports.issue_due", 600, queue="work"),
    "ask for the monthly reminders": every("complaints.remind_of_month_end", 600, queue="work"),
    "give what waits for somebody free": every("tickets.place_waiting", 30, queue="work"),
    "link batches and propose their grades": every("complaints.spread_batches", 30, queue="work"),
    "close what owes nothing any more": every("tickets.close_settled", 60, queue="work"),
    "go on with imports that stopped": every("imports.catch_up", 20, queue="work"),
    "go on with changes of running limits that stopped": every("deadlines.catch_up_changes", 20, queue="work"),
    "clear sessions": {"task": "workplace.clear_sessions", "schedule": crontab(hour=3, minute=17), "options": {"queue": "work"}},
}


@task_prerun.connect
def know_the_time(**kwargs: Any) -> None:
    """A new process learns the database's clock with its first connection (decision 7): before a task asks what time it is."""
    try:
        connection.ensure_connection()
    except DatabaseError:
        pass  # The task will say so itself.
