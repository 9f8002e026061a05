"""After every service call in the tests, the states of every form and its ticket are a pair of the typed table (complaints.pairs)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from types import ModuleType
from typing import Any

import pytest
from django.db import connection

from complaints import pairs
from complaints import services as forms
from complaints.models import ComplaintForm
from followups import services as visits
from tickets import services as tickets
from tickets.models import Type

PUBLIC: dict[ModuleType, list[str]] = {tickets: tickets.__all__, forms: forms.__all__, visits: ["record_visit", "second_follow_up"]}


def check_all() -> None:
    """Nothing can be read in a transaction that a test has broken on purpose."""
    if connection.needs_rollback:
        return
    for form_state, ticket_state, type in ComplaintForm.objects.values_list("state", "ticket__state", "ticket__type").distinct().order_by():
        assert pairs.fits(form_state, ticket_state, complaint=type == Type.COMPLAINT), (form_state, ticket_state)


def followed_by_a_look(service: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(service)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return service(*args, **kwargs)
        finally:
            check_all()

    return call


@pytest.fixture(autouse=True, scope="session")
def pairs_fit() -> Iterator[None]:
    """Every public service is followed by a look at all pairs, whether it succeeded or was refused."""
    with pytest.MonkeyPatch.context() as patch:
        for module, names in PUBLIC.items():
            for name in names:
                service = getattr(module, name)
                if not isinstance(service, type):
                    patch.setattr(module, name, followed_by_a_look(service))
        yield
