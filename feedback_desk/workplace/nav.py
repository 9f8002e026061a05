"""The sidebar and the phone's bar: which entries a person has, and their counts. Counts are asked when a template shows them, once a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy

from feedback_desk.people.models import Presence, Role, User
from feedback_desk.people.office import may_enter
from tickets.candidates import ASSIGNEES

Count = Callable[[User], int]
COUNTS: dict[str, Count] = {}
"""Key of an entry → how many wait there for this person. Filled by workplace.counts."""
LATE: dict[str, Count] = {}
"""Key of an entry → how many of them are late; shown in red before the count."""

AT_THE_DESK = frozenset({Role.AGENT, Role.SECOND_LINE, Role.SUPERVISOR, Role.CS_MANAGER, Role.RETURN_VISIT, Role.INSPECTOR})
WHO_DECIDE = frozenset({Role.DEPARTMENT_HEAD, Role.GENERAL_MANAGER, Role.REPRESENTATIVE, Role.OFFICE, Role.CS_MANAGER, Role.SUPERVISOR})


@dataclass(frozen=True)
class Place:
    """An entry as declared: where it leads, for whom (nobody named: for all), what the phone calls it."""

    key: str
    label: Any
    icon: str
    url_name: str
    query: str = ""
    roles: frozenset[str] = frozenset()
    short: Any = ""
    in_back_office: bool = False
    """For whoever may enter there; said apart, since the management office is a role by the name "office"."""
    only_if_any: bool = False
    """Not shown while its count is 0 (C7: what concerns oneself)."""

    def shown_to(self, user: User) -> bool:
        return not self.roles or bool(self.roles & user.roles)

    @property
    def url(self) -> str:
        return reverse(self.url_name) + self.query


PLACES: list[tuple[Any, list[Place]]] = [
    ("", [
        Place("work", gettext_lazy("My work"), "list-check", "workplace:work", short=gettext_lazy("Today")),
        Place("unclaimed", gettext_lazy("To be taken"), "inbox", "workplace:queue", "?holder=none", AT_THE_DESK, gettext_lazy("To be taken")),
        Place(
            "approvals", gettext_lazy("My approvals"), "check2-square", "workplace:approvals",
            roles=WHO_DECIDE, short=gettext_lazy("Approvals"),
        ),
        Place("visits", gettext_lazy("Return visits"), "telephone-outbound", "workplace:visits", "", AT_THE_DESK),
        Place("about_me", gettext_lazy("About me"), "person-exclamation", "workplace:about_me", only_if_any=True),
    ]),
    (gettext_lazy("Queues"), [
        Place("complaints", gettext_lazy("Complaints"), "exclamation-diamond", "workplace:queue", "?type=complaint"),
        Place("after_sales", gettext_lazy("After-sales"), "tools", "workplace:queue", "?type=after_sales"),
        Place("problems", gettext_lazy("Problems"), "truck", "workplace:queue", "?type=problem"),
        Place("consultations", gettext_lazy("Consultations"), "question-circle", "workplace:queue", "?type=consultation"),
        Place("outstanding", gettext_lazy("Outstanding matters"), "hourglass", "workplace:outstanding"),
        Place("actions", gettext_lazy("Improvement actions"), "arrow-repeat", "workplace:actions"),
    ]),
    (gettext_lazy("Books"), [
        Place("customers", gettext_lazy("Customers"), "people", "workplace:customers"),
        Place("summaries", gettext_lazy("Summaries and analysis"), "bar-chart", "reports:weekly", in_back_office=True),
    ]),
]  # fmt: skip


@dataclass
class Entry:
    """A place for one person in one request."""

    place: Place
    user: User
    here: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.place, name)

    @cached_property
    def count(self) -> int | None:
        return COUNTS[self.place.key](self.user) if self.place.key in COUNTS else None

    @cached_property
    def late(self) -> int:
        return LATE[self.place.key](self.user) if self.place.key in LATE else 0

    @cached_property
    def current(self) -> bool:
        path, _, query = self.here.partition("?")
        own, _, wanted = self.place.url.partition("?")
        return path == own and (not wanted or wanted in query.split("&")) and bool(wanted or not query or self.place.url_name != "workplace:queue")


@dataclass
class Group:
    label: Any
    entries: list[Entry] = field(default_factory=list)


PRESENCE_ICONS = {Presence.HERE: "headset", Presence.BREAK: "cup-hot", Presence.GONE: "door-open"}


@dataclass(frozen=True)
class PresenceChoice:
    """T6: a line of "my presence"."""

    value: str
    label: Any
    icon: str
    current: bool
    since: datetime | None


class Nav:
    """What the frame of the desk asks; nothing is read before a template asks for it."""

    def __init__(self, user: User, here: str) -> None:
        self.user, self.here = user, here

    @cached_property
    def groups(self) -> list[Group]:
        made = [Group(label, [Entry(p, self.user, self.here) for p in places if self._shown(p)]) for label, places in PLACES]
        for group in made:
            group.entries = [e for e in group.entries if not e.only_if_any or e.count]
        return [g for g in made if g.entries]

    def _shown(self, place: Place) -> bool:
        return self.enters_office if place.in_back_office else place.shown_to(self.user)

    @cached_property
    def enters_office(self) -> bool:
        return may_enter(self.user)

    @cached_property
    def may_register(self) -> bool:
        return bool(self.user.roles - {Role.GENERAL_MANAGER, Role.ADMINISTRATOR})

    @cached_property
    def roles(self) -> str:
        """What the person is here, in words, and whether at the desk."""
        names = [str(Role(r).label) for r in sorted(self.user.roles)]
        return " · ".join([*names[:1], str(self.user.presence.label)])

    @cached_property
    def takes_work(self) -> bool:
        """Somebody who may be given tickets says whether they are at the desk (T6)."""
        return self.user.has_role(*ASSIGNEES)

    @property
    def presences(self) -> list[PresenceChoice]:
        user = self.user
        return [PresenceChoice(p.value, p.label, PRESENCE_ICONS[p], p == user.presence, user.presence_since) for p in Presence]

    @cached_property
    def phone(self) -> list[Any]:
        """At most four for the bottom bar, registering in the middle."""
        entries: list[Any] = [e for e in self._all if e.short][:3]
        if self.may_register:
            new = Place("new", gettext("Register"), "plus-circle-fill", "workplace:register", short=gettext("Register"))
            entries.insert(min(2, len(entries)), PhoneEntry(new, self.user, self.here))
        return entries

    @cached_property
    def rest(self) -> list[Entry]:
        on_bar = {e.key for e in self.phone}
        return [e for e in self._all if e.key not in on_bar]

    @property
    def _all(self) -> list[Entry]:
        return [e for g in self.groups for e in g.entries]


class PhoneEntry(Entry):
    """Registering: an act, so it has no count."""
