"""Who is alive, by name: the signs of beat and workers, and what /healthz makes of them."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from threading import Event, Thread
from time import monotonic
from typing import Any

import pytest
from celery import current_app
from celery.app.control import Control
from django.db.models import F
from django.test import Client, RequestFactory
from kombu import Connection
from kombu.pidbox import Mailbox

from feedback_desk.notices.models import ServiceState
from feedback_desk.workplace import beat, health, tasks, watch
from feedback_desk.workplace.health import Sign
from feedback_desk.workplace.views import health as views
from tests.servers import Redis

FRESH, OLD = timedelta(seconds=3), timedelta(minutes=3)


def signs(**ages: timedelta | None) -> list[Sign]:
    return [Sign(name, ages.get(name)) for name in (health.BEAT, *health.WORKERS)]


def words(*, broker: bool = True, answering: dict[str, bool] | None = None, **ages: timedelta | None) -> dict[str, str]:
    return health.judged(signs(**ages), broker=broker, answering=lambda: answering or {})


def worker(name: str, age: timedelta | None, *queues: str) -> Sign:
    return Sign(f"{health.WORKER}{name}", age, {"queues": list(queues)})


def test_fresh_signs_are_alive_and_nobody_is_asked():
    def ask() -> dict[str, bool]:
        raise AssertionError("asked")

    assert set(health.judged(signs(beat=FRESH, sweep=FRESH, work=FRESH), broker=True, answering=ask).values()) == {"alive"}


def test_one_dead_worker_is_named():
    assert words(beat=FRESH, sweep=FRESH, work=OLD, answering={"sweep@a": False}) == {"beat": "alive", "sweep": "alive", "work": "dead"}


def test_a_silent_worker_at_long_work_is_busy_and_one_that_only_answers_hangs():
    long_work = words(beat=FRESH, sweep=FRESH, work=OLD, answering={"work@a": True, "sweep@a": False})
    assert (long_work["work"], "busy" in health.WELL) == ("busy", True)
    assert words(beat=FRESH, sweep=FRESH, work=OLD, answering={"work@a": False})["work"] == "hung"


def test_of_two_workers_of_one_queue_the_silent_one_is_named():
    found = [*signs(beat=FRESH, sweep=FRESH, work=FRESH), worker("sweep@a", FRESH, "sweep"), worker("sweep@b", OLD, "sweep")]
    judged = health.judged(found, broker=True, answering=lambda: {"sweep@a": False})
    assert {name: word for name, word in judged.items() if word != "alive"} == {"worker:sweep@b": "dead"}
    assert health.troubles(found, judged, broker=True) == {"worker:sweep@b": "dead"}


def test_with_beat_dead_the_workers_own_signs_tell():
    found = [*signs(beat=OLD, sweep=OLD, work=OLD), worker("one@a", FRESH, "sweep", "work")]
    judged = health.judged(found, broker=True, answering=lambda: {"one@a": False})
    assert judged == {"beat": "dead", "sweep": "alive", "work": "alive", "worker:one@a": "alive"}
    assert health.troubles(found, judged, broker=True) == {"beat": "dead"}


def test_one_cause_is_one_trouble():
    found = [*signs(beat=FRESH, sweep=OLD, work=FRESH), worker("sweep@a", OLD, "sweep")]
    judged = health.judged(found, broker=True, answering=dict)
    assert health.troubles(found, judged, broker=True) == {"worker:sweep@a": "dead"}
    assert health.troubles(found, judged, broker=False) == {"broker": "dead"}


@pytest.mark.django_db
def test_a_process_that_is_expected_and_never_came_is_missing(settings):
    settings.EXPECTED = ["sweep@far", "beat@far"]
    found = {sign.name: sign for sign in health.everybody()}
    assert found["worker:sweep@far"].queues == ("sweep",)
    judged = health.judged(found.values(), broker=True, answering=dict)
    assert (judged["worker:sweep@far"], judged["beat:beat@far"]) == ("dead", "dead")


@pytest.mark.django_db
def test_who_ends_because_it_was_told_to_is_not_missed():
    tasks.pulse("sweep@a", ["sweep"])
    assert [s.node for s in health.everybody() if s.is_process] == ["sweep@a"]
    health.goodbye("worker:sweep@a")
    assert not [s for s in health.everybody() if s.is_process]


def test_without_a_broker_a_silent_worker_is_unknown():
    assert words(beat=FRESH, sweep=OLD, work=None, broker=False) == {"beat": "alive", "sweep": "unknown", "work": "unknown"}


@pytest.mark.django_db
def test_state_is_one_query_and_tells_ages(django_assert_num_queries):
    tasks.pulse_sweep()
    tasks.pulse_work()
    ServiceState.objects.filter(name="work").update(at=F("at") - timedelta(minutes=5))
    with django_assert_num_queries(1):
        state = {sign.name: sign for sign in health.state()}
    assert state["sweep"].alive
    assert not state["work"].alive
    assert state["beat"].age is None
    assert health.behind()


@pytest.mark.django_db
def test_beat_signs_at_most_every_five_seconds(django_assert_num_queries, monkeypatch):
    monkeypatch.setattr("celery.beat.PersistentScheduler.tick", lambda self: 300.0)
    monkeypatch.setattr(beat, "close_old_connections", lambda: None)
    monkeypatch.setattr(watch, "look", lambda: None)
    scheduler = beat.Scheduler.__new__(beat.Scheduler)
    assert scheduler.tick() == beat.EVERY
    first = ServiceState.objects.get(name="beat").at
    with django_assert_num_queries(0):
        scheduler.tick()
    assert ServiceState.objects.get(name="beat").at == first


@pytest.mark.django_db
def test_healthz_says_what_is_not_alive(monkeypatch):
    monkeypatch.setattr(health, "broker_answers", lambda: False)
    tasks.pulse_sweep()
    answer = views.healthz(RequestFactory().get("/healthz"))
    assert answer.status_code == 503
    assert json.loads(answer.content)["failing"] == ["beat", "broker", "work"]


@pytest.fixture
def living(db, monkeypatch):
    """Everything works: both queues, two workers and beat."""
    monkeypatch.setattr(health, "broker_answers", lambda: True)
    monkeypatch.setattr(health, "workers_that_answer", dict)
    for name in (health.BEAT, *health.WORKERS, "worker:sweep@a", "worker:sweep@b"):
        health.sign(name)


def test_healthz_names_a_worker_that_is_silent_while_another_serves_its_queue(client, living):
    ServiceState.objects.filter(name="worker:sweep@b").update(at=F("at") - timedelta(seconds=40))
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["failing"]) == (503, ["sweep@b"])
    assert answer.json()["processes"] == {"sweep@a": "alive", "sweep@b": "dead"}


def test_healthz_tells_strangers_nothing_of_machines(client, living):
    ServiceState.objects.filter(name="worker:sweep@b").update(at=F("at") - timedelta(seconds=40))
    answer = client.get("/healthz", REMOTE_ADDR="203.0.113.9")
    assert answer.status_code == 503
    assert set(answer.json()) == {"ok", "failing", "parts"}
    assert "@" not in answer.content.decode()


@pytest.mark.django_db
def test_healthz_needs_no_sign_in(monkeypatch):
    monkeypatch.setattr(health, "broker_answers", lambda: True)
    for name in (health.BEAT, *health.WORKERS):
        health.sign(name)
    answer = Client().get("/healthz")
    assert answer.status_code == 200
    assert answer.json()["ok"] is True


@pytest.fixture
def broker(tmp_path, monkeypatch):
    """A Redis of this test's own, where the desk looks for its broker."""
    server = Redis(tmp_path)
    server.start()
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    monkeypatch.setitem(current_app.conf, "broker_url", server.address)
    yield server
    server.kill()


def test_a_broker_that_goes_away_while_the_workers_are_asked_makes_nobody_wait(broker, monkeypatch):
    publish = Mailbox._publish

    def after_it_died(self, *args, **kwargs):
        broker.kill()
        return publish(self, *args, **kwargs)

    monkeypatch.setattr(Mailbox, "_publish", after_it_died)
    assert health.broker_answers()
    began = monotonic()
    assert health.workers_that_answer() == {}
    assert monotonic() - began < 5


def test_a_worker_that_answers_is_named_and_whether_it_is_at_long_work(broker):
    listening, told = Event(), Event()
    control: Any = Control(current_app)
    control.mailbox.producer_pool = None  # the one that all share may have been filled for another test's broker

    def work():
        with Connection(broker.address) as link:
            doing = {"busy@here": [{"name": "imports.read"}], "idle@here": []}
            for name, tasks in doing.items():
                node = control.mailbox.Node(name, channel=link.channel(), handlers={"active": lambda state, tasks=tasks, **_: tasks})
                node.listen()
            listening.set()
            while not told.is_set():
                with suppress(TimeoutError):
                    link.drain_events(timeout=0.1)

    worker = Thread(target=work)
    worker.start()
    assert listening.wait(5)
    wanted = {"busy@here": True, "idle@here": False}
    try:
        assert any(health.workers_that_answer() == wanted for _try in range(5)), "a machine under load may take more than the second that a page waits"
    finally:
        told.set()
        worker.join()


def test_with_a_broker_and_no_worker_nobody_answers(broker):
    assert health.workers_that_answer() == {}


def test_a_broker_that_is_away_is_noticed_within_two_seconds(monkeypatch):
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    monkeypatch.setitem(current_app.conf, "broker_url", "redis://127.0.0.1:1/0")
    began = monotonic()
    assert not health.broker_answers()
    assert monotonic() - began < 2
