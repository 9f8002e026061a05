"""The state machine's traps are closed (packages: django-fsm-2), and what is kept is kept (V5): rows, numbers, sealed contact data."""

from __future__ import annotations

import importlib.metadata
import re
import threading
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django_fsm import TransitionNotAllowed

from complaints.models import ComplaintForm, Disposition, Remedy
from feedback_desk import clock
from feedback_desk.people.access import NotNow, NotYou
from feedback_desk.people.actors import CUSTOMER, SYSTEM
from feedback_desk.records import history, secrets, triggers
from feedback_desk.records.append_only import AppendOnly, AppendOnlyError
from feedback_desk.records.items import next_number, open_item
from feedback_desk.records.living import Living, StateIsProtectedError
from feedback_desk.records.models import Entry, Reading
from feedback_desk.records.moves import moves_of, perform
from tests.ways import comes_next
from tickets import services
from tickets.models import Category, Contact, ContactPoint, Customer, Ticket

pytestmark = pytest.mark.django_db
LIVING: tuple[type[Living], ...] = (Ticket, ComplaintForm, Disposition, Remedy)
DAY = date(2026, 3, 2)


@pytest.fixture
def ticket(cast: Any, customer: Any) -> Ticket:
    return services.register(
        by=cast.agent, customer_id=customer.pk, summary="外壳破损", type="consultation", category_id=Category.objects.get(slug="transport-damage").pk,
        channel="phone", received_at=clock.now(), what_happened="凹陷", assignee_id=cast.agent.pk,
    )  # fmt: skip


# ---- The state changes by moves only ----


@pytest.mark.parametrize("model", LIVING)
def test_the_constructor_takes_no_state(model):
    with pytest.raises(StateIsProtectedError):
        model(state="closed")


@pytest.mark.parametrize("model", LIVING)
def test_no_queryset_writes_the_state(model):
    with pytest.raises(StateIsProtectedError):
        model.objects.update(state="closed")
    with pytest.raises(StateIsProtectedError):
        model.objects.filter(pk=1).update(version=2, state="closed")


def test_no_bulk_way_past_the_moves_either(ticket):
    with pytest.raises(StateIsProtectedError), transaction.atomic():
        Ticket.objects.bulk_update([ticket], ["state"])
    for way in (Ticket.objects.create, Ticket.objects.get_or_create, Ticket.objects.update_or_create):
        with pytest.raises(StateIsProtectedError), transaction.atomic():
            way(external_id="nobody", **{"state": "closed"} if way == Ticket.objects.create else {"defaults": {"state": "closed"}})
    assert Ticket.objects.get(pk=ticket.pk).state == "processing"


def test_the_state_of_a_row_in_memory_cannot_be_assigned(ticket):
    with pytest.raises(AttributeError):
        ticket.state = "closed"


def test_a_refresh_reads_the_state_and_keeps_the_protection(ticket):
    other = Ticket.objects.get(pk=ticket.pk)
    services.ask_customer(ticket_id=ticket.pk, by=ticket.assignee, question="请提供开箱照片", until=clock.now() + timedelta(days=1))
    other.refresh_from_db()
    assert other.state == "waiting"
    other.refresh_from_db(fields=["state"])
    with pytest.raises(AttributeError):
        other.state = "closed"


def test_a_refresh_of_a_row_that_is_gone_keeps_state_and_protection(ticket):
    gone = Ticket.objects.get(pk=ticket.pk)
    gone.pk = 999_999
    with pytest.raises(Ticket.DoesNotExist):
        gone.refresh_from_db()
    assert gone.state == "processing"
    for row in (gone, Ticket.objects.get(pk=ticket.pk)):
        with pytest.raises(AttributeError):
            row.state = "closed"


def test_perform_asks_who_may_and_whether_now(ticket, cast):
    with pytest.raises(NotYou):
        perform(ticket, "confirm_result", by=cast.colleague)
    with pytest.raises(NotNow):
        perform(ticket, "confirm_result", by=cast.agent)
    assert ticket.state == "processing"


def test_a_move_called_directly_still_knows_its_sources(ticket):
    with pytest.raises(TransitionNotAllowed):
        ticket.close()


def test_every_transition_is_a_declared_move_and_says_who_may_make_it():
    for model in LIVING:
        names = {name for cls in model.__mro__ for name, value in vars(cls).items() if hasattr(value, "_django_fsm")}
        assert names == set(moves_of(model))
        assert all(move.who and str(move.label) for move in moves_of(model).values())


def test_a_refused_service_leaves_state_history_and_limits_as_they_were(ticket, cast):
    before = (Ticket.objects.get(pk=ticket.pk).version, Entry.objects.count())
    with pytest.raises(NotNow):
        services.confirm_result(ticket_id=ticket.pk, by=cast.agent, words="客户电话确认")
    assert (Ticket.objects.get(pk=ticket.pk).version, Entry.objects.count()) == before


def test_the_maintained_continuation_is_installed_and_the_old_package_is_not():
    installed = {(d.metadata["Name"] or "").lower(): d for d in importlib.metadata.distributions()}
    assert "MIT" in (installed["django-fsm-2"].metadata["License"] or "") + str(installed["django-fsm-2"].metadata.get_all("Classifier"))
    assert not {"django-fsm", "django-fsm-2-admin", "django-fsm-admin", "viewflow", "django-viewflow"} & set(installed)
    files = [Path(settings.BASE_DIR) / name for name in ("requirements.txt", "requirements-dev.txt")]
    pinned = {line.partition("==")[0].lower() for file in files for line in file.read_text().splitlines()}
    assert "django-fsm-2" in pinned
    assert "django-fsm" not in pinned


def test_the_admin_does_not_run_transitions():
    sources = [path for room in ("feedback_desk", "tickets", "complaints", "followups", "reports") for path in (Path(settings.BASE_DIR) / room).rglob("*.py")]
    used = [path for path in sources if "/tests/" not in str(path) and re.search(r"FSMAdminMixin|django_fsm\.admin|fsm_admin", path.read_text())]
    assert not used


# ---- What is kept is kept ----


def test_V5_history_can_be_neither_changed_nor_removed_by_code(ticket):
    entry = Entry.objects.filter(item=ticket.item)[0]
    entry.verb = "never"
    for attempt in (
        entry.save,
        entry.delete,
        lambda: Entry.objects.update(verb="never"),
        lambda: Entry.objects.all().delete(),
        lambda: Entry.objects.bulk_update([entry], ["verb"]),
    ):
        with pytest.raises(AppendOnlyError):
            attempt()


@pytest.mark.parametrize("model", [m for m in apps.get_models() if issubclass(m, AppendOnly)], ids=lambda m: m.__name__)
def test_V5_the_database_has_its_triggers_on_every_table_that_is_kept(model):
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname = 'append_only'", [model._meta.db_table])
            assert cursor.fetchone() == (1,)
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [model._meta.db_table])
        assert cursor.fetchone() == (2,)


def written_past_the_code(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("statement", ["UPDATE records_entry SET verb = 'never'", "DELETE FROM records_entry", "UPDATE tickets_contact SET said = ''"])
def test_V5_the_database_refuses_what_goes_past_the_code(ticket, cast, statement):
    services.record_contact(ticket_id=ticket.pk, by=cast.agent, way="call_out", said="约定明天上门查看。", customer_says="同意明天", **comes_next("上门查看"))
    with pytest.raises(DatabaseError, match="append-only"):
        written_past_the_code(statement)
    assert Contact.objects.exclude(said="").count() == 1


def test_V5_the_triggers_are_made_again_after_a_migration(ticket):
    triggers.drop(connection.alias)
    written_past_the_code("UPDATE records_entry SET actor = 'person'")
    call_command("migrate", verbosity=0, stdout=StringIO())
    with pytest.raises(DatabaseError, match="append-only"):
        written_past_the_code("UPDATE records_entry SET verb = 'never'")


def test_V5_a_line_of_history_says_who_from_where_to_where_and_why(ticket, cast):
    services.ask_customer(ticket_id=ticket.pk, by=cast.agent, question="请提供开箱照片", until=clock.now() + timedelta(days=1))
    entry = Entry.objects.get(verb="ask_customer")
    assert (entry.by, entry.source, entry.target, entry.words.text) == (cast.agent, "processing", "waiting", "请提供开箱照片")
    assert len(entry.words_digest) == 64


@pytest.mark.parametrize(("actor", "name"), [(SYSTEM, "system"), (CUSTOMER, "customer")])
def test_V5_the_desk_and_the_customer_are_named_too(ticket, actor, name):
    assert history.record(ticket.item, "x", by=actor, at=clock.now()).actor == name


# ---- I3: numbers ----


def test_I3_numbers_of_one_prefix_and_day_follow_each_other(db):
    assert [next_number("TASK", DAY), next_number("FK", DAY), next_number("TASK", DAY), next_number("TASK", date(2026, 3, 3))] == [
        "TASK20260302001", "FK20260302001", "TASK20260302002", "TASK20260303001",
    ]  # fmt: skip


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_I3_never_twice_the_same_when_two_take_numbers_at_once():
    taken: list[str] = []
    gate = threading.Barrier(2)

    def take() -> None:
        gate.wait()
        for _n in range(40):
            with transaction.atomic():
                taken.append(next_number("TASK", DAY))
        connection.close()

    threads = [threading.Thread(target=take) for _n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(taken) == [f"TASK20260302{n:03d}" for n in range(1, 81)]


def test_I3_an_item_has_a_number_only_once_it_is_given(cast):
    item = open_item("ticket", title="外壳破损", at=clock.now())
    assert item.number.startswith("~")
    assert item.root == item


# ---- V4: sealed contact data ----


@pytest.mark.parametrize(("kind", "value"), [("phone", "+86 138-1234-2071"), ("email", "Chen@Example.com"), ("address", "武汉市洪山区珞喻路 1 号")])
def test_V4_contact_data_is_sealed_and_comes_back_whole(kind, value):
    sealed = secrets.seal(value)
    assert value not in sealed
    assert secrets.seal(value) != sealed
    assert secrets.unseal(sealed) == value


def test_V4_the_row_holds_no_plain_contact_data(customer):
    point = ContactPoint.objects.get(kind="phone")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {ContactPoint._meta.db_table}")
        stored = str(cursor.fetchall())
    for plain in ("13812342071", "12342071", "chen@example.com", "珞喻路"):
        assert plain not in stored
    assert (point.masked, point.reveal()) == ("138****2071", "13812342071")


def test_V4_a_new_key_opens_what_the_old_one_sealed_until_that_is_taken_away(settings):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FIELD_KEYS = [old]
    sealed = secrets.seal("13812342071")
    settings.FIELD_KEYS = [new, old]
    assert secrets.unseal(sealed) == "13812342071"
    again = secrets.seal(secrets.unseal(sealed))
    settings.FIELD_KEYS = [new]
    assert secrets.unseal(again) == "13812342071"
    with pytest.raises(InvalidToken):
        secrets.unseal(sealed)


@pytest.mark.parametrize("written", ["13812342071", "138 1234 2071", "+86-138-1234-2071", "008613812342071", "１３８１２３４２０７１"])
def test_V4_two_writings_of_one_number_are_found_whole_and_by_the_last_four(customer, written):
    assert secrets.fingerprint("phone", written) == secrets.fingerprint("phone", "13812342071")
    assert list(Customer.objects.found_by(written)) == [customer]
    assert list(Customer.objects.found_by("2071")) == [customer]
    assert list(Customer.objects.found_by("1234")) == []


def test_V4_the_index_needs_its_key(settings):
    before = secrets.fingerprint("phone", "13812342071")
    settings.INDEX_KEY = "another"
    assert secrets.fingerprint("phone", "13812342071") != before


@pytest.mark.parametrize(("name", "masked"), [("陈雨瑶", "陈*瑶"), ("顾明", "顾*"), ("欧阳雨晴", "欧**晴"), ("Anna Lee", "A*** L***"), ("", "")])
def test_V4_names_are_masked(name, masked):
    assert secrets.mask_name(name) == masked


def test_V4_readings_are_kept(customer, cast):
    services.reveal(point_id=ContactPoint.objects.get(kind="phone").pk, by=cast.agent, why="回电")
    with pytest.raises(AppendOnlyError):
        Reading.objects.all().delete()
