"""After every service call in these tests, the states of every form and its ticket are a pair of the typed table (complaints.pairs)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any

import pytest

from complaints import pairs
from complaints import services as forms
from complaints.models import ComplaintForm
from followups import services as visits
from tickets import services as tickets

PUBLIC: dict[ModuleType, list[str]] = {tickets: tickets.__all__, forms: forms.__all__, visits: ["record_visit", "second_follow_up"]}


def check_all() -> None:
    for form in ComplaintForm.objects.select_related("ticket"):
        pair = (form.state, form.ticket.state)
        assert pairs.fits(*pair, complaint=form.ticket.is_complaint), pair


def followed_by_a_look(service: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(service)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return service(*args, **kwargs)
        finally:
            check_all()

    return call


@pytest.fixture(autouse=True)
def pairs_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every public service is followed by a look at all pairs, whether it succeeded or was refused."""
    for module, names in PUBLIC.items():
        for name in names:
            service = getattr(module, name)
            if not isinstance(service, type):
                monkeypatch.setattr(module, name, followed_by_a_look(service))
