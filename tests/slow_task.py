"""Loaded by the workers of tests/test_server.py only."""

import time
from pathlib import Path

from celery import shared_task


@shared_task(name="tests.slow")
def slow(path: str, seconds: float) -> None:
    """Note the begin and the end of the work in a file."""
    with Path(path).open("a") as notes:
        print("begun", file=notes, flush=True)
        time.sleep(seconds)
        print("done", file=notes, flush=True)
