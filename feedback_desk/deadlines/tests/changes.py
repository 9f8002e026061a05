"""A changed rule or calendar, previewed, ordered and applied to its end, as the pages and the worker do it."""

from __future__ import annotations

from typing import Any

from feedback_desk.deadlines import changing
from feedback_desk.deadlines.models import Change
from feedback_desk.people.models import User


def previewed(by: User, **about: Any) -> Change:
    change = changing.ask(by=by, **about)
    return worked_off(change)


def worked_off(change: Change) -> Change:
    while changing.work(change.pk):
        pass
    change.refresh_from_db()
    return change


def applied(subject: Any, by: User) -> Change:
    about = {"calendar": subject} if type(subject).__name__ == "Calendar" else {"rule": subject}
    return worked_off(changing.order(change_id=previewed(by, **about).pk, by=by))
