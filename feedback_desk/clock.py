"""The only place that asks for the time (decision 7).

Services read ``now()`` once per operation and hand it down; ``at(instant)`` serves the demonstration, imports and tests. Where processes sit on several
machines they go by the database's clock: ``follow()`` is told what it shows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta

from django.utils import timezone

TOLERATED_SKEW = timedelta(seconds=2)
_fixed: ContextVar[datetime | None] = ContextVar("desk_clock", default=None)
_ahead = timedelta()


def now() -> datetime:
    """The aware instant, in UTC; inside ``at()`` the instant given there."""
    return _fixed.get() or timezone.now() - _ahead  # noqa: TID251 - the one place


def of_this_machine() -> datetime:
    """What this machine's own clock shows, right or wrong: to be compared with the database's, never to date anything."""
    return timezone.now()  # noqa: TID251 - the one place


def follow(there: datetime) -> timedelta:
    """The database's clock shows `there`: if this machine's differs by more than TOLERATED_SKEW, the process goes by the database's from now on.

    Returns by how much this machine is ahead; nothing when that is tolerated.
    """
    global _ahead
    ahead = timezone.now() - there  # noqa: TID251 - the one place
    _ahead = ahead if abs(ahead) > TOLERATED_SKEW else timedelta()
    return _ahead


@contextmanager
def at(instant: datetime) -> Iterator[datetime]:
    """Let ``now()`` answer `instant` (aware) inside the block, in this thread or task only."""
    if timezone.is_naive(instant):
        raise ValueError(f"{instant!r} has no zone")
    token = _fixed.set(instant)
    try:
        yield instant
    finally:
        _fixed.reset(token)
