"""The fixed cast of the tests (style: one name, one part) and a database that forgets its append-only triggers while it is emptied."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management.commands.flush import Command as Flush
from django.db import connection, transaction
from django.test import override_settings
from django.utils import translation

from feedback_desk import clock
from feedback_desk.people.models import Department, Membership, Role, User
from feedback_desk.records import triggers
from tests.stages import Stages

pytest_plugins = ["tests.skip_guard", "tests.pairs"]
SHANGHAI = ZoneInfo("Asia/Shanghai")


CHEAP_HASHES = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _settings_for_tests(tmp_path: Any) -> Iterator[None]:
    with override_settings(
        PASSWORD_HASHERS=CHEAP_HASHES,
        EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend",
        MEDIA_ROOT=tmp_path / "uploads",
        AXES_ENABLED=False,
    ):
        yield
    translation.deactivate()  # a page leaves the language that it was asked in


@pytest.fixture(autouse=True, scope="session")
def _few_rounds_of_gc() -> None:
    """What is loaded by now stays: looking through it again and again for garbage took a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


@pytest.fixture(autouse=True, scope="session")
def _flush_without_triggers() -> Iterator[None]:
    """Tests with real transactions empty the tables by DELETE on SQLite; the triggers would refuse it."""
    handle = Flush.handle

    def flush(self: Flush, *args: Any, **options: Any) -> None:
        triggers.drop(connection.alias)
        handle(self, *args, **options)
        triggers.make(connection.alias)

    Flush.handle = flush  # type: ignore[method-assign]
    yield
    Flush.handle = handle  # type: ignore[method-assign]


@pytest.fixture
def local() -> Callable[[str], datetime]:
    """ "2026-02-13 17:00" in the desk's own zone, as an aware instant."""
    return lambda text: datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.fixture
def freeze(local: Callable[[str], datetime]) -> Iterator[Callable[[str | datetime], datetime]]:
    """freeze("2026-03-02 09:00") sets the desk's clock for the rest of the test; call again to move on."""
    stack: list[Any] = []

    def set_to(instant: str | datetime) -> datetime:
        while stack:
            stack.pop().__exit__(None, None, None)
        at = local(instant) if isinstance(instant, str) else instant
        block = clock.at(at)
        block.__enter__()
        stack.append(block)
        return at

    yield set_to
    while stack:
        stack.pop().__exit__(None, None, None)


def make_person(username: str, name: str, *roles: str, department: Department | None = None, **extra: Any) -> User:
    user = User(username=username, name=name, email=f"{username}@desk.example", department=department, is_staff=True, **extra)
    user.set_password("desk-test-2026")
    user.save()
    Membership.objects.bulk_create(Membership(user=user, role=role, department=department if role == Role.DEPARTMENT_HEAD else None) for role in roles)
    return user


PEOPLE = {
    "general_manager": "gm", "deputy": "deputy", "office": "office", "manager": "manager", "supervisor": "supervisor", "agent": "agent",
    "colleague": "colleague", "second": "second", "visitor": "visitor", "inspector": "inspector", "department_head": "head", "head_backup": "headbackup",
    "person_concerned": "concerned", "outsider": "outsider", "product_head": "producthead", "administrator": "root",
}  # fmt: skip
"""Part → user name."""


def make_company() -> None:
    """Everybody, with departments, superiors and backups; first rows of rules, categories and grades loaded."""
    from complaints import first_rows as complaint_rows
    from feedback_desk.deadlines import first_rows as deadline_rows
    from tickets import first_rows as ticket_rows

    deadline_rows.load()
    ticket_rows.load()
    complaint_rows.load()
    service = Department.objects.create(name="客服中心", name_en="Customer service")
    delivery = Department.objects.create(name="配送部", name_en="Delivery")
    product = Department.objects.create(name="品管部", name_en="Quality")
    gm = make_person("gm", "总经理郑", Role.GENERAL_MANAGER)
    deputy = make_person("deputy", "副总钱", superior=gm)
    make_person("office", "管理部孙", Role.OFFICE, superior=gm)
    manager = make_person("manager", "客服经理程", Role.CS_MANAGER, department=service, superior=gm)
    supervisor = make_person("supervisor", "主管秦", Role.SUPERVISOR, department=service, superior=manager)
    agent = make_person("agent", "客服林", Role.AGENT, department=service, superior=supervisor)
    colleague = make_person("colleague", "客服周", Role.AGENT, department=service, superior=supervisor)
    make_person("second", "二线吴", Role.SECOND_LINE, department=service, superior=supervisor)
    make_person("visitor", "回访王", Role.RETURN_VISIT, department=service, superior=supervisor)
    make_person("inspector", "质检冯", Role.INSPECTOR, department=service, superior=manager)
    head = make_person("head", "配送部邓", Role.DEPARTMENT_HEAD, department=delivery, superior=gm)
    head_backup = make_person("headbackup", "配送副手唐", department=delivery, superior=head)
    make_person("concerned", "配送员罗", Role.BUSINESS, department=delivery, superior=head)
    make_person("outsider", "品管何", Role.QUALITY, department=product, superior=gm)
    product_head = make_person("producthead", "品管部蒋", Role.DEPARTMENT_HEAD, department=product, superior=gm)
    make_person("root", "管理员", Role.ADMINISTRATOR, is_superuser=True)
    for person, backup in ((gm, deputy), (head, head_backup), (agent, colleague), (manager, supervisor)):
        person.backup = backup
        person.save(update_fields=["backup"])
    for department, its_head in ((service, manager), (delivery, head), (product, product_head)):
        department.head = its_head
        department.save(update_fields=["head"])


@pytest.fixture(scope="session")
def company(django_db_setup: None, django_db_blocker: Any) -> list[str]:
    """The company's rows set aside in tables of their own, once a run: made anew for every test they cost a third of a second each."""
    quote = connection.ops.quote_name
    cheap = override_settings(PASSWORD_HASHERS=CHEAP_HASHES)  # the fixture of every test comes only after this one
    with cheap, django_db_blocker.unblock(), transaction.atomic(), connection.cursor() as cursor:
        tables = connection.introspection.django_table_names(only_existing=True, include_views=False)

        def rows(table: str) -> int:
            cursor.execute(f"SELECT COUNT(*) FROM {quote(table)}")
            return int(cursor.fetchone()[0])

        before = {table: rows(table) for table in tables}
        make_company()
        mine = [table for table in tables if not before[table] and rows(table)]
        for table in mine:
            cursor.execute(f"CREATE TABLE {quote('kept_' + table)} AS SELECT * FROM {quote(table)}")
        for table in mine:
            cursor.execute(f"DELETE FROM {quote(table)}")
    return mine


def swaps(request: pytest.FixtureRequest) -> bool:
    """Does the test, or a fixture of ours that it uses, swap code or settings? Then anything may differ, and all is made anew.

    Or does it look at what the services do beside writing rows: what waits for the commit, mail, the log? Rows laid down do none of it.
    """
    used = request.node._fixtureinfo
    ours = [each for several in used.name2fixturedefs.values() for each in several if not each.func.__module__.startswith("pytest_django")]
    return not (SWAPS | LOOKS_BESIDE).isdisjoint({*used.initialnames, *(name for each in ours for name in each.argnames)})


SWAPS = frozenset({"settings", "monkeypatch", "mocker"})
LOOKS_BESIDE = frozenset({"django_capture_on_commit_callbacks", "mailoutbox", "caplog"})


@pytest.fixture(autouse=True)
def watched() -> Iterator[Stages]:
    """From the very beginning of a test: a fixture may write before the company is there."""
    with Stages().watching() as stages:
        yield stages


@pytest.fixture
def cast(company: list[str], db: None, watched: Stages, request: pytest.FixtureRequest) -> SimpleNamespace:
    """The company with everybody by their part, and the `stages` from there on."""
    quote = connection.ops.quote_name

    def lay() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            for table in company:
                cursor.execute(f"INSERT INTO {quote(table)} SELECT * FROM {quote('kept_' + table)}")

    watched.begin(lay, usable=not swaps(request))
    people = {user.username: user for user in User.objects.select_related("department", "superior", "backup")}
    service, delivery, product = Department.objects.select_related("head").order_by("pk")
    parts = {part: people[name] for part, name in PEOPLE.items()}
    return SimpleNamespace(service=service, delivery=delivery, product=product, stages=watched, **parts)


def _one(name: str) -> Any:
    @pytest.fixture(name=name)
    def person(cast: SimpleNamespace) -> User:
        return getattr(cast, name)  # type: ignore[no-any-return]

    return person


agent, colleague, outsider, supervisor, manager = (_one(n) for n in ("agent", "colleague", "outsider", "supervisor", "manager"))
department_head, general_manager, person_concerned, office = (_one(n) for n in ("department_head", "general_manager", "person_concerned", "office"))
inspector, visitor, administrator = (_one(n) for n in ("inspector", "visitor", "administrator"))


@pytest.fixture
def customer(cast: SimpleNamespace) -> Any:
    from tickets import services
    from tickets.models import Customer

    words: dict[str, Any] = {"name": "陈雨瑶", "phone": "13812342071", "email": "chen@example.com"}
    words |= {"address": "武汉市洪山区珞喻路 1 号", "area": "武汉市洪山区"}
    return Customer.objects.get(pk=cast.stages.reach(lambda: services.create_customer(by=cast.agent, **words).pk, "customer", timeless=True))
