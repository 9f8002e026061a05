"""Tests that need something skip by name; a skip whose reason is not listed in tests/skips.txt fails the run.

A line of the list is a regular expression for "<run>: <reason>", where the run is "embedded" or "services".
"""

from __future__ import annotations

import os
import re
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

LIST = Path(__file__).with_name("skips.txt")
RUN = os.environ.get("DESK_TEST_RUN", "embedded")
skips: dict[str, list[str]] = defaultdict(list)


def chromium() -> str | None:
    """The browser of the tests: DESK_CHROMIUM, or what the system has."""
    return os.environ.get("DESK_CHROMIUM") or next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)


def missing() -> dict[str, str]:
    """Marker -> why its tests are skipped here."""
    from django.conf import settings

    postgres = settings.DATABASES["default"]["ENGINE"].endswith("postgresql")
    redis = settings.CELERY_BROKER_URL.startswith("redis://")
    needs = {"postgres": postgres, "redis": redis, "services": postgres and redis, "browser": chromium() is not None}
    words = {"postgres": "needs PostgreSQL", "redis": "needs Redis", "services": "needs PostgreSQL and Redis", "browser": "needs Chromium"}
    return {name: words[name] for name, there in needs.items() if not there}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow ones first, so that none is left over when the workers run out of quick ones."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    for name, reason in missing().items():
        for item in items:
            if item.get_closest_marker(name):
                item.add_marker(pytest.mark.skip(reason=reason))


def note(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        skips[reason.removeprefix("Skipped: ")].append(report.nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    note(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    note(report)


def allowed(reason: str) -> bool:
    patterns = [line.strip() for line in LIST.read_text().splitlines() if line.strip() and not line.startswith("#")]
    return any(re.fullmatch(pattern, f"{RUN}: {reason}") for pattern in patterns)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput") and any(not allowed(reason) for reason in skips) and session.exitstatus in (0, 5):
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not skips:
        return
    terminalreporter.section(f"{sum(map(len, skips.values()))} skipped ({RUN} run)")
    for reason, names in skips.items():
        terminalreporter.line(f"{reason}: {len(names)}" + ("" if allowed(reason) else "  <- NOT LISTED in tests/skips.txt: this fails the run"))
        for name in names:
            terminalreporter.line(f"    {name}")
