"""A person who decides in a process of their own (complaints/tests/test_deciding_at_once.py). Started by spawn: a forked test process may hold locks."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

MEET = 60
"""Seconds that one waits for the other."""


def decide(database_url: str, measures: list[int], at: datetime, username: str, verb: str, gate: Any, said: Any) -> None:
    """Read the old state of each measure, wait until the other has read it too, decide; say (measure, who, what was read, "won" or why not)."""
    os.environ["DATABASE_URL"] = database_url
    import django

    django.setup()
    from complaints import services
    from complaints.models import Disposition
    from feedback_desk import clock
    from feedback_desk.people.access import NotNow
    from feedback_desk.people.models import User

    by = User.objects.get(username=username)
    more = {"reason": "应由调度负责"} if verb == "object" else {}
    with clock.at(at):
        for pk in measures:
            row = Disposition.objects.get(pk=pk)
            seen = (row.state, row.version)
            try:
                gate.wait(MEET)
                getattr(services, verb)(disposition_id=pk, by=by, seen_version=row.version, **more)
                said.put((pk, username, seen, "won"))
            except NotNow as late:
                said.put((pk, username, seen, late.because))
            except Exception as broken:
                said.put((pk, username, seen, f"broken: {broken!r}"))
