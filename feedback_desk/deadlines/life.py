"""What happens to one deadline, on the row in memory: begun, stopped, run on, extended, ended. Nothing is read or written.

For those who ask what would be (`trying`, `whatif`) and what had been (`explain`). The arithmetic is that of `clocks`, `ladder` and `services`,
never another one.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, time
from functools import partial
from typing import Any

from feedback_desk.deadlines import clocks, ladder, services
from feedback_desk.deadlines.clocks import Allowance, Hours
from feedback_desk.deadlines.models import Deadline, DeadlineState

Happening = tuple[datetime, Callable[[Deadline], None]]
"""When, and what is done to the row then."""


def begun(start_at: datetime, kept: Mapping[str, Any], hours: Hours, due_at: datetime | None = None) -> Deadline:
    """A limit that starts; `kept` is what a deadline remembers of its rule (`ladder.snapshot`). Raises NeverOpen."""
    if due_at is None:
        due_at = clocks.due(start_at, allowance_of(kept), hours)
    total = max(clocks.between(start_at, due_at, kept["clock"], hours), 0)
    fresh = {key: value for key, value in kept.items() if key != "rungs_from"}
    row = Deadline(start_at=start_at, due_at=due_at.astimezone(UTC), allowance={**fresh, "total": total}, state=DeadlineState.RUNNING)
    ladder.aim(row, hours)
    return row


def allowance_of(kept: Mapping[str, Any]) -> Allowance:
    return Allowance(kept["clock"], kept["amount"], time.fromisoformat(kept["at"]) if kept.get("at") else None, kept.get("least", 0))


def stop(row: Deadline, at: datetime, hours: Hours) -> None:
    """E3: what is left is kept."""
    services._stand_still(row, at, hours)


def run_on(row: Deadline, at: datetime, hours: Hours) -> None:
    services._run_on(row, at, hours)


def extend(row: Deadline, until: datetime, hours: Hours, at: datetime) -> None:
    """T9: granted at `at`."""
    services._lengthen(row, until, hours, at)
    row.extended_to = until


def stopped(from_at: datetime, until_at: datetime | None, hours: Hours) -> Iterator[Happening]:
    """A pause, as it is lived through again; without `until_at` it lasts."""
    yield from_at, partial(stop, at=from_at, hours=hours)
    if until_at is not None:
        yield until_at, partial(run_on, at=until_at, hours=hours)


def granted(at: datetime, until: datetime, hours: Hours) -> Happening:
    """An extension, as it is lived through again."""
    return at, partial(_grant, until=until, hours=hours, at=at)


def _grant(row: Deadline, until: datetime, hours: Hours, at: datetime) -> None:
    """A date that was granted holds, unless the rule gives more by itself."""
    row.extended_to = until
    if until > row.due_at:
        extend(row, until, hours, at)


def end(row: Deadline, at: datetime) -> None:
    """E6: in time or late, by when it happened; one that stands still is judged by when it stopped."""
    row.late = min(at, row.paused_at or at) > row.due_at
    services._end(row, DeadlineState.SETTLED, at, None, "")


def void(row: Deadline, at: datetime, why: str) -> None:
    services._end(row, DeadlineState.VOID, at, None, why)
