"""The rows of a list: read as plain values in one query, grouped by how near the next limit is. Fifty rows cost what one costs in queries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import Count, F, OuterRef, Q, Subquery
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy, pgettext
from django.utils.translation import gettext as _

from complaints.lifecycle import State as FormState
from feedback_desk.deadlines.chips import Chip, chip_for
from feedback_desk.deadlines.models import Rule
from feedback_desk.people.models import User
from feedback_desk.records.models import Kind
from feedback_desk.records.secrets import mask_name
from feedback_desk.records.spoken import when
from feedback_desk.workplace.waiting import set_aside_beside
from tickets.lifecycle import State
from tickets.models import Channel, ContactPoint, Level, Ticket, Type, Way

PAGE = 50
HOUR = timedelta(hours=1)
SORTS = {
    "limit": (F("item__next_limit_at").asc(nulls_last=True), "-item__next_paused", "item_id"),
    "received": ("-received_at", "-pk"),
    "contact": (F("last_contact_at").asc(nulls_first=True), "pk"),
    "changed": ("-item__changed_at", "-pk"),
}
SORT_NAMES = {
    "limit": gettext_lazy("Next limit first"),
    "received": gettext_lazy("Received last first"),
    "contact": gettext_lazy("Longest without contact first"),
    "changed": gettext_lazy("Changed last first"),
}


class Values(NamedTuple):
    """What the query reads for a row."""

    pk: int
    item_id: int
    version: int
    number: str
    title: str
    type: str
    category: str
    category_en: str
    urgency: str
    state: str
    form_state: str | None
    grade: str | None
    holder_id: int | None
    holder: str | None
    customer: str
    customer_kind: str
    level: str
    last_at: datetime | None
    last_how: str
    received_at: datetime
    channel: str
    repeat: bool
    batch: bool
    next_at: datetime | None
    next_code: str
    warn_at: datetime | None
    paused: bool
    phone: str | None
    limit: str | None
    limit_en: str | None
    set_aside: bool


FIELDS = (
    "pk",
    "item_id",
    "version",
    "item__number",
    "item__title",
    "type",
    "category__name",
    "category__name_en",
    "urgency",
    "state",
    "form__state",
    "form__grade",
    "assignee_id",
    "assignee__name",
    "customer__name",
    "customer__kind",
    "customer__level",
    "last_contact_at",
    "last_contact_how",
    "received_at",
    "channel",
    "repeat",
    "batch_linked",
    "item__next_limit_at",
    "item__next_limit_code",
    "item__next_warn_at",
    "item__next_paused",
    "phone",
    "limit",
    "limit_en",
    "set_aside",
)
"""In the order of Values."""


class Row:
    """One ticket as a list shows it, at one instant."""

    def html(self, *, mine: bool, tick: bool) -> SafeString:
        """The table row. A list is drawn again whenever anything in it changes: rows that say the same are not rendered again."""
        language = get_language() or ""
        said = (self.v, self.chip, self.limit_line, self.last, self.last_how, language, mine, tick)
        html = _drawn.get(said)
        if html is None:
            html = render_to_string("workplace/_row.html", {"row": self, "mine": mine, "tick": tick})
            if len(_drawn) >= DRAWN_AT_MOST:
                _drawn.clear()
            _drawn[said] = html
        return html

    def __init__(self, values: Values, at: datetime) -> None:
        self.v, self.at = values, at

    @cached_property
    def chip(self) -> Chip | None:
        if not self.v.next_code:
            return None
        return chip_for(self.v.next_at, self.v.warn_at, self.at, paused=self.v.paused, name=self.limit_name)

    @cached_property
    def limit_name(self) -> str:
        return _spoken(self.v.limit or self.v.next_code, self.v.limit_en)

    @property
    def limit_line(self) -> str:
        """Which limit, and when."""
        return f"{self.limit_name} · {brief(self.v.next_at, self.at, limit=True)}" if self.v.next_at else self.limit_name

    @property
    def kind(self) -> str:
        return LABELS[Type][self.v.type]

    @property
    def category(self) -> str:
        return _spoken(self.v.category, self.v.category_en)

    @property
    def tags(self) -> list[tuple[str, str]]:
        """Words and tone; amber only for what is a matter of safety or of many."""
        found = [(_("Urgent"), "")] if self.v.urgency == "urgent" else []
        if self.v.repeat:
            found.append((_("Repeat"), ""))
        if self.v.batch:
            found.append((_("Batch case"), "tag-warn"))
        return found

    @property
    def customer(self) -> str:
        return mask_name(self.v.customer, self.v.customer_kind)

    @property
    def level(self) -> str:
        return "" if self.v.level == Level.ORDINARY else LABELS[Level][self.v.level]

    @property
    def shown_state(self) -> str:
        """A complaint shows where its form is, unless its ticket waits to be taken or for the customer."""
        return self.v.state if not self.v.form_state or self.v.state in (State.PENDING, State.WAITING) else self.v.form_state

    @property
    def state_label(self) -> str:
        return LABELS[State].get(self.shown_state) or LABELS[FormState][self.shown_state]

    @property
    def grade(self) -> str:
        return self.v.grade or ""

    @property
    def last(self) -> str:
        return brief(self.v.last_at or self.v.received_at, self.at)

    @property
    def last_how(self) -> str:
        if self.v.last_at is None:
            return _("%(channel)s · received") % {"channel": LABELS[Channel].get(self.v.channel, self.v.channel)}
        return LABELS[Way].get(self.v.last_how, self.v.last_how)


_drawn: dict[Any, SafeString] = {}
DRAWN_AT_MOST = 4000
"""Rows kept drawn per process, some 2 KB each: pure text of what their key says, masked as they are shown."""


def forget_drawn() -> None:
    """Render every row anew: for measuring, and for tests that change templates."""
    _drawn.clear()


class _Words:
    """Labels of choices by value, without building an enum member per row."""

    def __init__(self, choices: Any) -> None:
        self._lazy = dict(choices.choices)

    def get(self, value: str, otherwise: str = "") -> str:
        return str(self._lazy[value]) if value in self._lazy else otherwise

    def __getitem__(self, value: str) -> str:
        return str(self._lazy[value])


LABELS: dict[Any, _Words] = {choices: _Words(choices) for choices in (Type, Level, State, FormState, Channel, Way)}


def _spoken(name: str, english: str | None) -> str:
    return english if english and (get_language() or "").startswith("en") else name


def brief(at: datetime, now: datetime, *, limit: bool = False) -> str:
    """A time of today is said without the day; a limit at midnight is 24:00 of the day before."""
    local, today = timezone.localtime(at), timezone.localtime(now).date()
    if limit and (local.hour, local.minute) == (0, 0):
        return "24:00" if (local.date() - today).days == 1 else _short(local - timedelta(days=1), "24:00")
    if local.date() == today:
        return f"{local:%H:%M}"
    return when(at) if abs((local.date() - today).days) == 1 else _short(local, f"{local:%H:%M}")


def _short(local: datetime, time: str) -> str:
    """The narrow columns of a list have no room for whole names of months."""
    return f"{date_format(local, pgettext('date in a narrow column', 'M j'))} {time}"


@dataclass(frozen=True)
class Urgency:
    """A group of the list by how near the next limit is."""

    key: str
    label: Any
    icon: str
    tone: str


LATE = Urgency("late", gettext_lazy("Late"), "exclamation-triangle-fill", "is-late")
SOON = Urgency("soon", gettext_lazy("Within the hour"), "hourglass-split", "is-soon")
TODAY = Urgency("today", gettext_lazy("Today"), "clock", "is-ok")
LATER = Urgency("later", gettext_lazy("Tomorrow and later"), "calendar3", "")
PAUSED = Urgency("paused", gettext_lazy("Paused"), "pause-circle", "is-paused")
NONE = Urgency("none", gettext_lazy("No limit runs"), "dash-circle", "")
URGENCIES = (LATE, SOON, TODAY, LATER, PAUSED, NONE)


def urgency_of(next_at: datetime | None, paused: bool, at: datetime) -> Urgency:
    if next_at is None:
        return PAUSED if paused else NONE
    if next_at < at:
        return LATE
    return SOON if next_at <= at + HOUR else TODAY if next_at <= midnight(at) else LATER


def midnight(at: datetime) -> datetime:
    """The end of the local day."""
    return timezone.localtime(at).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def by_urgency(at: datetime) -> dict[str, Q]:
    """The same groups as conditions, for counting over all pages."""
    limit, running = "item__next_limit_at", Q(item__next_limit_at__isnull=False)
    day = max(midnight(at), at + HOUR)
    return {
        "late": Q(**{f"{limit}__lt": at}),
        "soon": Q(**{f"{limit}__gte": at, f"{limit}__lte": at + HOUR}),
        "today": Q(**{f"{limit}__gt": at + HOUR, f"{limit}__lte": day}),
        "later": Q(**{f"{limit}__gt": day}),
        "paused": ~running & Q(item__next_paused=True),
        "none": ~running & Q(item__next_paused=False),
    }


@dataclass
class Group:
    urgency: Urgency | None
    count: int
    rows: list[Row] = field(default_factory=list)


@dataclass
class Listing:
    """One page of a list: its groups, and how many there are of what."""

    groups: list[Group]
    total: int
    late: int
    first: int
    shown: int
    number: int

    @property
    def last(self) -> int:
        return self.first + self.shown - 1

    @property
    def previous_number(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def next_number(self) -> int | None:
        return self.number + 1 if self.last < self.total else None


def listing(tickets: Any, user: User, at: datetime, *, sort: str = "limit", page: int = 1) -> Listing:
    """Two queries: how many in each group, and the rows of this page."""
    counts = tickets.aggregate(total=Count("pk"), **{key: Count("pk", filter=condition) for key, condition in by_urgency(at).items()})
    page = max(1, min(page, -(-counts["total"] // PAGE) or 1))
    rows = list(read(tickets, user, at, sort=sort, start=(page - 1) * PAGE)) if counts["total"] else []
    groups = _grouped(rows, counts, at) if sort == "limit" else [Group(None, counts["total"], rows)]
    return Listing(groups if rows else [], counts["total"], counts["late"], (page - 1) * PAGE + 1, len(rows), page)


def read(tickets: Any, user: User, at: datetime, *, sort: str = "limit", start: int = 0, count: int = PAGE) -> Iterator[Row]:
    """The rows of one page. Keys are sorted and cut first, so that the wide row is made for those alone."""
    keys = tickets.filter(item__kind=Kind.TICKET).order_by(*SORTS[sort]).values("pk")[start : start + count]  # the kind leads it to the index item_queue
    phone = ContactPoint.objects.filter(customer=OuterRef("customer"), kind=ContactPoint.Kind.PHONE).order_by("-primary", "pk").values("masked")[:1]
    rule = Rule.objects.filter(code=OuterRef("item__next_limit_code")).order_by("-active", "-version", "pk")
    found = Ticket.objects.filter(pk__in=keys).order_by(*SORTS[sort])
    found = found.annotate(
        phone=Subquery(phone), limit=Subquery(rule.values("name")[:1]), limit_en=Subquery(rule.values("name_en")[:1]), set_aside=set_aside_beside(user),
    )  # fmt: skip
    return (Row(Values(*values), at) for values in found.values_list(*FIELDS))


def _grouped(rows: Sequence[Row], counts: dict[str, int], at: datetime) -> list[Group]:
    groups = {u.key: Group(u, counts[u.key]) for u in URGENCIES}
    for row in rows:
        groups[urgency_of(row.v.next_at, row.v.paused, at).key].rows.append(row)
    return [g for g in groups.values() if g.rows]
