"""Feedback Desk: complaints and feedback, from the call to the closing."""

from feedback_desk.celery import app as celery_app

__version__ = "0.1.0"
__all__ = ["celery_app"]
