"""The desk's settings with a task that takes its time, and a broker that soon gives a lost one to somebody else."""

from feedback_desk.settings import *  # noqa: F403 - a settings module adds to the one below it
from feedback_desk.settings import CELERY_BROKER_TRANSPORT_OPTIONS

CELERY_IMPORTS = ("tests.slow_task",)
CELERY_BROKER_TRANSPORT_OPTIONS = {**CELERY_BROKER_TRANSPORT_OPTIONS, "visibility_timeout": 15}
CELERY_VISIBILITY_TIMEOUT = 15
