"""Who is alive. Beats, queues and workers leave rows; pages read the rows; who must be sure also asks the broker and, when a sign is
missing, the workers.

A queue shows that it is served by a task that beat sends through it. A worker shows that it works by a task that it sends to itself, through the
broker and its own pool (`heartbeat`): one that hangs is silent, as one that is dead. Ages are computed by the database from its own clock, so that a
process with a wrong clock changes nothing (decision 7).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from celery.app.control import Control
from django.conf import settings
from django.db.models import DurationField, ExpressionWrapper, F, Q
from django.db.models.functions import Now
from kombu import Connection
from kombu.exceptions import ChannelError, OperationalError
from redis.exceptions import RedisError

from feedback_desk import clock
from feedback_desk.notices.models import ServiceState

BEAT = "beat"
WORKERS = ("sweep", "work")
"""The queues, each of which some worker must serve."""
WORKER, ONE_BEAT = "worker:", "beat:"
"""How the rows of single processes begin; their name follows: sweep@server1."""
STALE_AFTER = timedelta(seconds=20)
"""Signs of life come every 5 s; four missed ones are no accident."""
LONG_WORK = ("imports.", "reports.")
"""Tasks during which a worker may be silent."""
WELL = frozenset({"alive", "busy"})
IMPATIENT = {"socket_connect_timeout": 1, "socket_timeout": 1, "max_retries": 1, "interval_start": 0, "interval_step": 0, "connect_retries_timeout": 1}
AWAY = (OSError, OperationalError, RedisError)


@dataclass(frozen=True)
class Sign:
    """The last sign of life of one process or queue; `age` is None when it never gave one. `ahead`: seconds by which its clock is before the database's."""

    name: str
    age: timedelta | None
    data: dict[str, Any] = field(default_factory=dict)
    ahead: float | None = None

    @property
    def alive(self) -> bool:
        return self.age is not None and self.age < STALE_AFTER

    @property
    def is_worker(self) -> bool:
        return self.name.startswith(WORKER)

    @property
    def is_process(self) -> bool:
        return self.name.startswith((WORKER, ONE_BEAT))

    @property
    def node(self) -> str:
        """The name that people know: sweep@server1."""
        return self.name.partition(":")[2] or self.name

    @property
    def queues(self) -> tuple[str, ...]:
        """What a worker serves; by its name when it never said."""
        return tuple(self.data.get("queues") or (self.node.partition("@")[0],)) if self.is_worker else ()


def sign(name: str, **data: Any) -> None:
    """Write a sign of life, at the database's time, with the time that the process has."""
    data["clock"] = clock.of_this_machine().isoformat()
    if not ServiceState.objects.filter(name=name).update(at=Now(), data=data):
        ServiceState.objects.update_or_create(name=name, defaults={"at": Now(), "data": data})


def goodbye(name: str) -> None:
    """It ends because it was told to: nobody need miss it."""
    ServiceState.objects.filter(name=name).delete()


def everybody() -> list[Sign]:
    """Beat and the queues, then the single processes that were seen or are expected, by name; one query, without asking the broker."""
    age = ExpressionWrapper(Now() - F("at"), output_field=DurationField())
    wanted = Q(name__in=(BEAT, *WORKERS)) | Q(name__startswith=WORKER) | Q(name__startswith=ONE_BEAT)
    rows = ServiceState.objects.filter(wanted).annotate(age=age).values_list("name", "age", "at", "data")
    found = {name: Sign(name, age, data, _ahead(data, at)) for name, age, at, data in rows}
    expected = (f"{ONE_BEAT if name.startswith(BEAT) else WORKER}{name}" for name in settings.EXPECTED)
    single = sorted({*(name for name in found if name.startswith((WORKER, ONE_BEAT))), *expected})
    return [found.get(name, Sign(name, None)) for name in (BEAT, *WORKERS, *single)]


def _ahead(data: dict[str, Any], at: datetime) -> float | None:
    return (datetime.fromisoformat(data["clock"]) - at).total_seconds() if "clock" in data else None


def state() -> list[Sign]:
    """Beat and both queues."""
    return everybody()[: 1 + len(WORKERS)]


def behind() -> bool:
    """Whether pages should say that the machinery is behind: work is kept, it catches up by itself."""
    return not all(sign.alive for sign in state())


class Once(Connection):
    """Fails when the broker is away. Celery's remote control tries without end: a page that asks by it would hang until the broker is back."""

    def ensure(self, obj: Any, fun: Callable[..., Any], *args: Any, **policy: Any) -> Callable[..., Any]:
        found: Callable[..., Any] = super().ensure(obj, fun, *args, **{**policy, "max_retries": 0})
        return found


@contextmanager
def link_to_broker() -> Iterator[Connection]:
    """A connection of its own, made once with a second's patience; Celery's Redis transport says PING as it connects. Raises one of AWAY."""
    conf = current_app.conf
    with Once(conf.broker_read_url or conf.broker_url, transport_options={**conf.broker_transport_options, **IMPATIENT}) as link:
        link.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=1)
        yield link


def broker_answers() -> bool:
    """It was reached and answered a PING."""
    try:
        with link_to_broker():
            return True
    except AWAY:
        return False


def unread(channel: Any, queue: str) -> int:
    """Messages that lie in a queue; one that is empty may not be there at all."""
    try:
        return int(channel.queue_declare(queue=queue, passive=True).message_count)
    except ChannelError:
        return 0


def workers_that_answer() -> dict[str, bool]:
    """Workers whose main process answers within a second, by name; True for one at work that takes long. It answers even when its pool hangs."""
    control: Any = Control(current_app)
    control.mailbox.producer_pool = None  # producers of a pool have connections of their own
    try:
        with link_to_broker() as link:
            answers = control.broadcast("active", reply=True, timeout=1.0, connection=link) or []
    except AWAY:
        return {}
    return {node: any(str(task["name"]).startswith(LONG_WORK) for task in tasks) for answer in answers for node, tasks in answer.items()}


def judged(signs: Iterable[Sign], *, broker: bool, answering: Callable[[], dict[str, bool]]) -> dict[str, str]:
    """A word per sign: alive; busy (silent, at long work); hung (answers and does not work); dead (no sign, no answer); unknown (no broker to ask by)."""
    signs = list(signs)
    words = {s.name: "alive" if s.alive else "dead" for s in signs}
    silent = [s for s in signs if not s.alive and (s.is_worker or s.name in WORKERS)]
    if not silent or not broker:
        return words | dict.fromkeys((s.name for s in silent), "unknown")
    answers = answering()
    for worker in (s for s in silent if s.is_worker):
        words[worker.name] = _word(answers.get(worker.node))
    for queue in (s for s in silent if not s.is_worker):
        words[queue.name] = _of_queue(queue.name, [s for s in signs if s.is_worker], words, answers)
    return words


def _word(long_work: bool | None) -> str:
    return "dead" if long_work is None else "busy" if long_work else "hung"


def _of_queue(queue: str, workers: list[Sign], words: dict[str, str], answers: dict[str, bool]) -> str:
    """The best of those that serve it: with beat dead no task goes through the queue, and the workers' own signs are left."""
    serving = [words[worker.name] for worker in workers if queue in worker.queues]
    known = {worker.node for worker in workers}
    serving += [_word(long_work) for node, long_work in answers.items() if node not in known and node.partition("@")[0] == queue]
    return next((word for word in ("alive", "busy", "hung") if word in serving), "dead")


def troubles(signs: Iterable[Sign], words: dict[str, str], *, broker: bool) -> dict[str, str]:
    """What an administrator is told of, one cause each: a queue only when none of its workers is in trouble, nothing but the broker when that is away."""
    if not broker:
        return {"broker": "dead"}
    signs = list(signs)
    single = {s.name: words[s.name] for s in signs if s.is_process and words[s.name] not in WELL}
    covered = {queue for s in signs if s.name in single for queue in s.queues}
    covered |= {BEAT} if any(name.startswith(ONE_BEAT) for name in single) else set()
    return single | {s.name: words[s.name] for s in signs if not s.is_process and s.name not in covered and words[s.name] not in WELL}
