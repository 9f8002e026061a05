"""What changed since: the one cheap question every open page asks (decision 12)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from feedback_desk import clock
from feedback_desk.people.models import User
from feedback_desk.workplace import counts, waiting

OVERLAP = timedelta(seconds=5)
"""A change is stamped when its transaction begins and seen when it commits: look back this far, and leave out what was told already."""
MOST = 200
EPOCH = 1970


@dataclass
class Told:
    """What the page knows, carried in `since`: "<instant>~b1~n3~12.5321,13.9"; a page just rendered knows the instant alone."""

    at: datetime
    behind: bool | None = None
    notices: int | None = None
    items: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, text: str) -> Told | None:
        instant, *rest = text.replace(" ", "+").split("~")
        try:
            at = parse_datetime(instant)
        except ValueError:
            at = None
        if at is None or timezone.is_naive(at):
            return None
        told = cls(at)
        if len(rest) == 3 and rest[1][1:].isascii() and rest[1][1:].isdigit() and len(rest[1]) < 12:
            told.behind, told.notices, told.items = rest[0] == "b1", int(rest[1][1:]), set(filter(None, rest[2].split(",")))
        return told

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~b{int(bool(self.behind))}~n{self.notices}~{','.join(sorted(self.items))}"


@never_cache
@require_safe
def changes(request: HttpRequest) -> HttpResponse:
    """204 when there is nothing new; else ids of the matters changed, unread notices and the sentence when the machinery is behind."""
    if not request.user.is_authenticated:
        return HttpResponse(status=401)
    told = Told.read(request.GET.get("since", ""))
    if told is None or told.at.year < EPOCH:
        return HttpResponse(status=400)
    user, at = waiting.person(request), clock.now()
    changed = _changed(user, told.at - OVERLAP)
    fresh = {item: stamp for item, stamp in changed.items() if _mark(item, stamp) not in told.items}
    notices, behind = counts.unread(user), counts.behind(user)
    if not fresh and _as_told(told, notices, bool(behind)):
        return HttpResponse(status=204)
    now = Told(at, bool(behind), notices, {_mark(item, stamp) for item, stamp in changed.items() if stamp > at - OVERLAP})
    news: dict[str, Any] = {"since": str(now), "items": list(fresh), "notices": notices, "behind": behind or None}
    return JsonResponse(news | (_counts(user) if fresh else {}))


def _changed(user: User, since: datetime) -> dict[int, datetime]:
    """Item ids of visible tickets changed after `since`; the index on changed_at makes it a look at a few rows."""
    return dict(waiting.seen_by(user).filter(item__changed_at__gt=since).order_by("-item__changed_at").values_list("item_id", "item__changed_at")[:MOST])


def _mark(item: int, stamp: datetime) -> str:
    return f"{item}.{int(stamp.timestamp() * 1_000_000):x}"


def _as_told(told: Told, notices: int, behind: bool) -> bool:
    """A page just rendered shows both as they were a moment ago."""
    if told.notices is None:
        return not behind
    return told.notices == notices and told.behind == behind


def _counts(user: User) -> dict[str, Any]:
    found = {**counts.of_nav(user), "approvals": counts.approvals(user)}
    return {"late": found.pop("late"), "counts": found}
