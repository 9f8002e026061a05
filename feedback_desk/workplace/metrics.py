"""The figures of the machinery in Prometheus' text format. Numbers only: no names of people, no numbers of items (V7)."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.registry import Collector

from feedback_desk import __version__
from feedback_desk.workplace import health, measuring
from feedback_desk.workplace.measuring import Figures

__all__ = ["CONTENT_TYPE", "text"]


class Machinery(Collector):
    """Read anew for each scrape, in a registry of its own: the processes of the web server share nothing."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        figures = measuring.everything()
        for name, help_text, value in single(figures):
            yield GaugeMetricFamily(f"desk_{name}", help_text, value=value)
        yield from by_name(figures)


def single(f: Figures) -> Iterator[tuple[str, str, float]]:
    """Name without "desk_", help, value; what is not known is left out."""
    if f.sweep.age is not None:
        yield "sweep_age_seconds", "Since limits were last looked at; signed twice a minute.", f.sweep.age.total_seconds()
    yield "sweep_lag_seconds", "Since when the oldest step that nobody took is due.", f.sweep.lag.total_seconds()
    yield "steps_due", "Limits with a step that is due and not taken.", f.sweep.due
    yield "limits_set_aside", "Running limits that failed and are tried again later.", f.sweep.aside
    yield "outbox_waiting", "Notices on their way.", f.outbox.waiting
    yield "outbox_oldest_seconds", "Age of the oldest notice on its way.", f.outbox.oldest.total_seconds()
    yield "notices_failed", "Notices that failed for good.", f.outbox.failed
    yield "imports_failed", "Imports that failed.", f.failed_imports
    yield "acts_failed", "Acts of steps that failed and are tried again.", f.failed_acts
    yield "incidents_open", "Incidents of the machinery that are not over.", f.incidents
    yield "broker_up", "1 when the broker answers.", float(f.queues is not None)
    yield "database_bytes", "Size of the database.", f.room.database
    yield "disk_free_bytes", "Room left where the data lies.", f.room.free
    yield "disk_bytes", "Room in all where the data lies.", f.room.total
    if f.backup is not None:
        yield "backup_age_seconds", "Since the last backup.", f.backup.total_seconds()


def by_name(f: Figures) -> Iterator[GaugeMetricFamily]:
    """Of queues and processes, and the version."""
    waiting = GaugeMetricFamily("desk_queue_messages", "Messages waiting in the broker.", labels=["queue"])
    for queue, n in (f.queues or {}).items():
        waiting.add_metric([queue], n)
    alive = GaugeMetricFamily("desk_alive", "1 when a beat, a queue or a worker is alive, or busy with long work.", labels=["name", "kind"])
    age = GaugeMetricFamily("desk_sign_age_seconds", "Since the last sign of life.", labels=["name", "kind"])
    skew = GaugeMetricFamily("desk_clock_skew_seconds", "By how much a process' clock is before the database's.", labels=["name"])
    for sign in f.signs:
        kind = "worker" if sign.is_worker else "beat" if sign.name.startswith(health.BEAT) else "queue"
        alive.add_metric([sign.node, kind], float(f.words[sign.name] in health.WELL))
        if sign.age is not None:
            age.add_metric([sign.node, kind], sign.age.total_seconds())
    for name, seconds in f.ahead.items():
        skew.add_metric([name], seconds)
    version = GaugeMetricFamily("desk_build_info", "The version that runs.", labels=["version"])
    version.add_metric([__version__], 1)
    yield from (waiting, alive, age, skew, version)


def text() -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Machinery())
    return generate_latest(registry)
