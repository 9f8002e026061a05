from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from feedback_desk.deadlines import services
from feedback_desk.deadlines.models import Deadline
from feedback_desk.records.items import open_item
from feedback_desk.records.models import Item
from tests.ways import way  # noqa: F401 - a fixture that brings a complaint to any state

URGENT = {"kind": "complaint", "urgency": "urgent", "category": ["refund"], "grade": "II"}


@pytest.fixture
def item(cast: SimpleNamespace, local: Callable[[str], datetime]) -> Item:
    """A ticket's item, opened on Monday 2 March 2026 at 09:00."""
    return open_item("ticket", title="外壳破损，要求换新", at=local("2026-03-02 09:00"))


@pytest.fixture
def running(item: Item, cast: SimpleNamespace, local: Callable[[str], datetime]) -> Callable[..., Deadline]:
    """running("D08") starts a limit on Monday 09:00, owned by the agent."""

    def start(code: str, at: str = "2026-03-02 09:00", **more: Any) -> Deadline:
        fields = {"facts": URGENT, "owner": cast.agent, **more}
        deadline = services.start(fields.pop("on", item), code, at=local(at), **fields)
        assert deadline is not None
        return deadline

    return start
