"""The sweep against SQL written by hand for the same rows, and a sweep among a million running limits against one among ten thousand.

Both ways leave identical rows, compared after every run, keys of new rows apart. Before each run the tables are as they were, and on PostgreSQL vacuumed and
written to disk, so that neither pays for the other.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.core.management import call_command
from django.db import connection, models, transaction
from django.db.models import F

from feedback_desk import clock
from feedback_desk.deadlines import first_rows, services
from feedback_desk.deadlines.ladder import Remembered
from feedback_desk.deadlines.models import Deadline, StepTaken
from feedback_desk.deadlines.sweep import BATCH, until_done
from feedback_desk.notices.models import Notice
from feedback_desk.people.models import Absence, Concern, Department, Membership, Role, User
from feedback_desk.records import bulk, triggers
from feedback_desk.records.items import open_item
from feedback_desk.records.models import Entry
from feedback_desk.workplace.benchmarks import Figure, benchmark
from feedback_desk.workplace.benchmarks.by_hand import by_hand
from feedback_desk.workplace.benchmarks.durable import database

STAFF = 30
ROUNDS = 5
FEW, MANY, DUE_AMONG_THEM, LOOKS = 10_000, 1_000_000, 100, 21
WRITTEN: tuple[type[models.Model], ...] = (Notice, StepTaken, Entry)


@benchmark("sweep", "due steps against SQL written by hand for the same rows, and among a million running limits")
def sweep() -> Iterator[Figure]:
    database()
    for due in (10_000, 100_000) if connection.vendor == "postgresql" else (10_000,):
        yield from against_hand(due)
    yield from among_many()


def against_hand(due: int) -> Iterator[Figure]:
    world = company(due, due)
    swept, plain = interleaved(world, partial(until_done, world.at, batches=due), world.by_hand)
    one = "one SQL statement" if connection.vendor == "postgresql" else "SQL, a statement for each table"
    limit = 3 if connection.vendor == "postgresql" else None
    yield Figure(f"sweep of {due:,} due steps", swept, "s", f"{database()}, committed in batches of {BATCH:,}; by hand {plain:.2f} s")
    yield Figure(f"sweep of {due:,} due steps, ratio", swept / plain, "times", f"{one} for the same rows" + ("" if limit else "; no limit on SQLite"), limit)


def among_many() -> Iterator[Figure]:
    """The sweep of what is due costs the same however much is running."""
    taken: list[float] = []
    for running in (FEW, MANY):
        world = company(running, DUE_AMONG_THEM)
        taken.append(statistics.median(timed(world, partial(until_done, world.at)) for _look in range(LOOKS)))
        yield Figure(f"sweep of {DUE_AMONG_THEM} due among {running:,} running", taken[-1] * 1000, "ms", f"median of {LOOKS}")
    yield Figure(f"sweep among {MANY:,} running, ratio", taken[1] / taken[0], "times", f"among {FEW:,}", 1.5)


def interleaved(world: World, *ways: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """Median seconds of each way, run in turns; each leaves the same rows."""
    taken: list[list[float]] = [[] for _way in ways]
    seen = set()
    for _round in range(rounds):
        for way, times in zip(ways, taken, strict=True):
            times.append(timed(world, way))
            seen.add(picture())
            if len(seen) > 1:
                raise AssertionError(f"The statement does not do what the sweep does (rows, digest by table): {seen}")
    return [statistics.median(times) for times in taken]


def picture() -> tuple[tuple[str, int, int], ...]:
    """By table how many rows stand, and a digest of every column but the keys of new rows."""
    steps = f"SELECT {named(StepTaken, 'x')} FROM deadlines_steptaken x"
    entries = f"SELECT {named(Entry, 'x')} FROM records_entry x"
    deadlines = f"SELECT x.id, {named(Deadline, 'x')} FROM deadlines_deadline x"
    notices = f"""SELECT replace(x.key, x.cause, ''), s.deadline_id, s.step, s.round, {named(Notice, "x", but=("key", "cause"))}
        FROM notices_notice x LEFT JOIN deadlines_steptaken s ON x.cause = 'step:' || s.id"""
    return tuple((table, *digest(sql)) for table, sql in {"steps": steps, "history": entries, "deadlines": deadlines, "notices": notices}.items())


def named(model: type[models.Model], alias: str, but: tuple[str, ...] = ()) -> str:
    """Every column but the key, JSON in one spelling."""
    json = "{}::text" if connection.vendor == "postgresql" else "json({})"
    fields = [field for field in model._meta.concrete_fields if not field.primary_key and field.column not in but]
    return ", ".join((json if isinstance(field, models.JSONField) else "{}").format(f'{alias}."{field.column}"') for field in fields)


def digest(sql: str) -> tuple[int, int]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"SELECT count(*), coalesce(sum(hashtextextended(q::text, 0)), 0) FROM ({sql}) q")
            count, total = cursor.fetchone()
            return count, int(total)
        cursor.execute(sql)
        hashes = [hash(row) for row in cursor.fetchall()]
        return len(hashes), sum(hashes)


@dataclass(frozen=True)
class World:
    """A desk at `at`. All running limits are copies of one, the first `due` of them have reached their second step, `before`; the others lie ahead."""

    at: datetime
    before: datetime
    due: int
    first: int
    """Key of the first limit; the others follow it."""
    deputy: int
    chief: int
    promised: str
    """JSON text."""

    def by_hand(self) -> None:
        by_hand(self.at, deputy=self.deputy, chief=self.chief, promised=self.promised)


def timed(world: World, way: Callable[[], object]) -> float:
    """Seconds, from a desk put back to how it was; nothing due is left."""
    put_back(world)
    begun = time.perf_counter()
    way()
    seconds = time.perf_counter() - begun
    if Deadline.objects.filter(state="running", next_step_at__lte=world.at).exists():
        raise AssertionError("Something due was left.")
    return seconds


def put_back(world: World) -> None:
    """What was written is emptied without its triggers, in this database made for the run."""
    Deadline.objects.filter(pk__lt=world.first + world.due).update(next_step=2, next_step_at=world.before, broken_at=None, broken_why="")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"TRUNCATE {', '.join(model._meta.db_table for model in WRITTEN)} CASCADE")
            cursor.execute("VACUUM ANALYZE deadlines_deadline")
            cursor.execute("CHECKPOINT")
            return
        triggers.drop(connection.alias)
        for model in WRITTEN:
            cursor.execute(f"DELETE FROM {model._meta.db_table}")
        triggers.make(connection.alias)


def company(running: int, due: int) -> World:
    """Agents whose superior is away, and limits of theirs."""
    start_empty()
    service = Department.objects.create(name="客服中心")
    chief, deputy, boss = (User.objects.create(username=name, name=name, department=service) for name in ("chief", "deputy", "boss"))
    User.objects.filter(pk=boss.pk).update(superior=chief, backup=deputy)
    Membership.objects.bulk_create([Membership(user=boss, role=Role.SUPERVISOR), Membership(user=chief, role=Role.CS_MANAGER)])
    agents = [User.objects.create(username=f"agent{n}", name=f"客服{n}", department=service, superior=boss) for n in range(STAFF)]
    Membership.objects.bulk_create(Membership(user=agent, role=Role.AGENT) for agent in agents)
    at = clock.now().replace(microsecond=0)
    Absence.objects.create(user=boss, starts_at=at - timedelta(days=9), ends_at=at + timedelta(days=9))
    first = first_limit(at, agents[0], service)
    copy(first, running, agents[0].pk)
    world = World(at, first.due_at, due, first.pk, deputy.pk, chief.pk, bulk.as_json(Remembered.of(first.allowance).promised))
    name_deputy(world)
    return world


def start_empty() -> None:
    triggers.drop(connection.alias)
    call_command("flush", interactive=False, verbosity=0)
    triggers.make(connection.alias)
    first_rows.load()


def first_limit(at: datetime, owner: User, department: Department) -> Deadline:
    """48 hours that ended a minute ago."""
    begun = at - timedelta(hours=48, minutes=1)
    item = open_item("ticket", title="外壳破损 0", at=begun)
    row = services.start(item, "D08", at=begun, facts={}, owner=owner, department=department)
    if row is None:
        raise AssertionError("There is no rule D08.")
    return row


def copy(row: Deadline, count: int, agent: int) -> None:
    """Up to `count` limits, each on an item of its own; those that are not put back as due lie ahead, a minute apart."""
    later = "p.due_at + (g.n + 60) * interval '1 minute'" if connection.vendor == "postgresql" else "datetime(p.due_at, (g.n + 60) || ' minutes')"
    with transaction.atomic():
        without_checks()
        insert_copies(row.item, count, number="'TASK-' || g.n", title="'外壳破损 ' || g.n", root_id="p.id + g.n")
        own = {"item_id": "p.item_id + g.n", "root_id": "p.item_id + g.n", "owner_id": f"{agent} + g.n %% {STAFF}"}
        insert_copies(row, count, next_step="2", next_step_at=later, **own)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def without_checks() -> None:
    """Foreign keys of copies need no look each, which a million rows would wait for; until the end of the transaction."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")


def insert_copies(row: models.Model, count: int, **columns: str) -> None:
    """`row` (p) again and again, its key counted up with g.n from 1, the columns named by these expressions."""
    fields = {str(field.column): columns.get(str(field.column), f'p."{field.column}"') for field in row._meta.concrete_fields}
    fields["id"] = "p.id + g.n"
    table = row._meta.db_table
    numbers = "generate_series(1, %s) g(n)" if connection.vendor == "postgresql" else (
        "(WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < %s) SELECT n FROM g) g"
    )  # fmt: skip
    names = ", ".join(f'"{name}"' for name in fields)
    chosen = ", ".join(fields.values())
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({names}) SELECT {chosen} FROM {table} p CROSS JOIN {numbers} WHERE p.id = %s", [count - 1, row.pk])
        if connection.vendor == "postgresql":
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")


def name_deputy(world: World) -> None:
    """In one matter of a hundred among those that are due."""
    due = Deadline.objects.filter(pk__lt=world.first + world.due).annotate(hundredth=F("root_id") % 100).filter(hundredth=0)
    roots = due.values_list("root_id", flat=True)
    Concern.objects.bulk_create([Concern(item_id=root, user_id=world.deputy, because="被投诉", since=world.at) for root in roots])
