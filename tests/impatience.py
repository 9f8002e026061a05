"""Loaded by the workers of the live tests: a claim of a dead worker is stale, and an incident certain, after seconds; a worker may be told to die in it.

DESK_TEST_DIE=sweep: killed (-9, main process too) when a sweep has written its steps and not yet committed. DESK_TEST_DIE=deliver: when the first
message has been sent and not yet marked. Only as long as the file DESK_TEST_DIE_FILE is there, so that it happens once.
DESK_TEST_CLOCK_AHEAD=3600: this process's clock is an hour ahead, for the desk, for the age of messages and for their being given to others.
"""

import os
import signal
import time
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from django.utils import timezone

from feedback_desk.deadlines import sweep
from feedback_desk.notices import delivery
from feedback_desk.workplace import watch

delivery.STALE, delivery.PATIENCE = timedelta(seconds=10), 5.0
watch.CERTAIN_AFTER = timedelta(seconds=5)


def dying(work: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        wish = Path(os.environ["DESK_TEST_DIE_FILE"])
        if not wish.exists():
            return work(*args, **kwargs)
        if not after:
            work(*args, **kwargs)
        wish.unlink()
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    return run


if os.environ.get("DESK_TEST_DIE") == "sweep":
    vars(sweep)["_move_on"] = dying(sweep._move_on, after=True)
elif os.environ.get("DESK_TEST_DIE") == "deliver":
    vars(delivery)["_mark"] = dying(delivery._mark, after=True)


def set_clock(ahead: float) -> None:
    """Whatever the desk, Celery and its transport ask for the time of day."""
    from celery.worker import request
    from kombu.transport import redis

    true, shift = timezone.now, timedelta(seconds=ahead)  # noqa: TID251 - the clock that is set

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.fromtimestamp(time.time() + ahead, tz)

    vars(timezone)["now"] = lambda: true() + shift
    vars(redis)["time"] = lambda: time.time() + ahead
    vars(request)["datetime"] = Shifted


if ahead := float(os.environ.get("DESK_TEST_CLOCK_AHEAD", "0")):
    set_clock(ahead)
