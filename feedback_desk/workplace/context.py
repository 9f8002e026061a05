"""What every page of the desk shows around itself. Everything is lazy: a page that does not use it asks nothing."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject, cached_property

from feedback_desk import clock
from feedback_desk.people.models import User
from feedback_desk.workplace.nav import LATE, Nav

UNREAD: list[Callable[[User], int]] = []
"""How many notices wait unread for a person; one function, filled by workplace.counts."""
BEHIND: list[Callable[[User], str]] = []
"""One sentence when the machinery is behind, "" when all is well; one function, filled by workplace.counts."""


class Desk:
    """`desk` in the templates."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.at = clock.now()

    @property
    def now_iso(self) -> str:
        return self.at.strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def largest_file(self) -> int:
        """Megabytes, to be said before a file travels."""
        return int(settings.ATTACHMENT_MAX_BYTES // (1024 * 1024))

    @property
    def since(self) -> str:
        """From where on the page asks what changed: the instant before its queries ran, and what it shows already (views.changes.Told)."""
        return f"{self.at.isoformat()}~b{int(bool(self.behind))}~n{self.notices}~"

    @cached_property
    def nav(self) -> Nav:
        assert isinstance(self.request.user, User)
        return Nav(self.request.user, self.request.get_full_path())

    @cached_property
    def late(self) -> int:
        return LATE["work"](self.nav.user) if "work" in LATE else 0

    @cached_property
    def notices(self) -> int:
        return sum(count(self.nav.user) for count in UNREAD)

    @cached_property
    def behind(self) -> str:
        return " ".join(filter(None, (ask(self.nav.user) for ask in BEHIND)))


def desk(request: HttpRequest) -> dict[str, Any]:
    """`desk`: nav, late, notices, behind, now_iso, since. Nothing at all for people who are not signed in."""
    return {"desk": SimpleLazyObject(lambda: Desk(request) if getattr(request, "user", None) and request.user.is_authenticated else None)}
