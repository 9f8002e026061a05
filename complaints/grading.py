"""G1, I7: which grade the rules propose for complaints, and why. Reads only; `services/grading.py` keeps what was proposed.

Set-wise: the facts of all forms in one query, earlier complaints of their customers in one, their likes for batches in one, whatever their number.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import Q
from django.utils.translation import get_language, gettext_noop, override
from django.utils.translation import gettext as _

from complaints.models import ComplaintForm, Grade, GradingCriterion, GradingRule, QualityClass
from complaints.models.grading import Field
from feedback_desk import clock
from tickets import past
from tickets.models import Category, Channel, Level, Ticket, Type, Urgency

RANK = {"": -1, Grade.MINOR: 0, Grade.SERIOUS: 1, Grade.MAJOR: 2}
CHUNK = 2000
"""Forms in one statement."""
BY_PRODUCT = 50
"""Up to so many forms, likes are looked up by product; more are read by category and time."""
NEWEST = 20
"""Of one complaint's earlier ones, so many are enough to find the newest before it."""
NOT_COUNTED = ("invalid", "merged")
SOLVED = ("confirming", *NOT_COUNTED)
COLUMNS = (
    "pk", "ticket_id", "ticket__customer_id", "ticket__customer__level", "ticket__category_id", "ticket__category__slug", "ticket__category__quality",
    "quality_class", "ticket__channel", "ticket__urgency", "item__title", "ticket__what_happened", "ticket__product", "ticket__model", "ticket__batch",
    "ticket__received_at", "ticket__completed_at", "ticket__state",
)  # fmt: skip


class Facts(NamedTuple):
    """What the rules look at, of one complaint; in the order of COLUMNS. Ids are 0 while it is being typed."""

    form_id: int
    ticket_id: int
    customer_id: int
    level: str
    category_id: int
    slug: str
    quality: bool
    quality_class: int | None
    channel: str
    urgency: str
    summary: str
    what_happened: str
    product: str
    model: str
    lot: str
    received_at: datetime
    completed_at: datetime | None
    state: str

    def hours_unsolved(self, at: datetime) -> float:
        """From the receipt until it was completed, else until now; offered to the customer counts as solved until they say no."""
        until = self.completed_at or (self.received_at if self.state in SOLVED else at)
        return (until - self.received_at).total_seconds() / 3600

    @property
    def keys(self) -> list[Key]:
        return keys_of(self.category_id, self.product, self.model, self.lot)


class Key(NamedTuple):
    """What complaints of a batch have in common: the category, the product, and its model or its lot."""

    category_id: int
    product: str
    model: str
    lot: str


class Run(NamedTuple):
    """I7: a batch as found: its tickets, how many customers, from when to when."""

    key: Key
    tickets: frozenset[int]
    customers: int
    first_at: datetime
    last_at: datetime


class Earlier(NamedTuple):
    """A complaint of the same customer about the same thing, received before."""

    ticket_id: int
    received_at: datetime
    done: bool


class Known(NamedTuple):
    """Beside its own facts."""

    at: datetime
    earlier: Earlier | None
    runs: dict[str, Run]
    """By the value of the criterion that asks for it ("3/7")."""
    slugs: frozenset[str]
    text: str
    """Summary and what happened, in small letters."""


class Because(NamedTuple):
    """A sentence still to be said in some language."""

    message: str
    said: dict[str, Any]

    def __str__(self) -> str:
        return _(self.message) % self.said


Hold = Callable[[Facts, Known], Because | None]
"""A criterion, compiled: the sentence why it holds, None when it does not."""


@dataclass(frozen=True, slots=True)
class Rule:
    row: GradingRule
    criteria: tuple[Hold, ...]


@dataclass(frozen=True, slots=True)
class Book:
    """Rules, highest grade first, and of each category its own code and those above it."""

    rules: list[Rule]
    above: dict[int, frozenset[str]]


@dataclass(frozen=True)
class Match:
    """A rule whose criteria all hold; complaints for which it holds alike share it, so that it is put into words once a language."""

    grade: str
    row: GradingRule
    because: tuple[Because, ...]
    spoken: dict[str, tuple[str, str]] = field(default_factory=dict, compare=False)

    @property
    def words(self) -> tuple[str, str]:
        """Name of the rule and its sentence, in the present language."""
        language = get_language() or ""
        if language not in self.spoken:
            self.spoken[language] = (self.row.spoken, _("; ").join(map(str, self.because)) or _("No other rule applies."))
        return self.spoken[language]


@dataclass(frozen=True)
class Proposal:
    """G1: the highest grade of all rules that matched ("" where none did), and why."""

    grade: str
    matches: tuple[Match, ...]
    earlier: Earlier | None = None
    run: Run | None = None

    @cached_property
    def reasons(self) -> list[tuple[str, str]]:
        """Name and sentence of the rules that lead to this grade, in the reader's language."""
        return [match.words for match in self.matches if match.grade == self.grade]

    @property
    def label(self) -> str:
        return str(Grade(self.grade).label) if self.grade else ""

    def why(self) -> list[dict[str, Any]]:
        """As it is kept: every rule that matched, in each language of the desk."""
        names: list[dict[str, str]] = [{} for _match in self.matches]
        said: list[dict[str, str]] = [{} for _match in self.matches]
        for language, _name in settings.LANGUAGES:
            with override(language):
                for place, match in enumerate(self.matches):
                    names[place][language], said[place][language] = match.words
        return [{"rule": m.row.pk, "grade": m.grade, "name": name, "because": words} for m, name, words in zip(self.matches, names, said, strict=True)]


def propose(form: ComplaintForm, *, at: datetime | None = None, quality_class: int | None = None) -> Proposal:
    """For one form as it stands; `quality_class`: one that is being decided with the grade."""
    (facts,) = facts_of([form.pk])
    return _judged([facts._replace(quality_class=quality_class or facts.quality_class)], at or clock.now(), book())[form.pk]


def propose_many(ids: Collection[int], *, at: datetime | None = None, by: Book | None = None, as_received: bool = False) -> dict[int, Proposal]:
    """By id of the form, in the same number of queries for one as for a thousand. `by`: other rules than the active ones.

    `as_received`: an earlier case counts as open or closed by what it was when each complaint was received, not by what became of it since.
    """
    at, by = at or clock.now(), by or book()
    found: dict[int, Proposal] = {}
    wanted = list(ids)
    for start in range(0, len(wanted), CHUNK):
        found |= _judged(list(facts_of(wanted[start : start + CHUNK])), at, by, as_received)
    return found


def propose_typed(facts: Facts) -> Proposal:
    """Of what is being typed; nothing is saved."""
    return _judged([facts], facts.received_at, book())[facts.form_id]


def facts_of(ids: Collection[int]) -> Iterator[Facts]:
    return map(Facts._make, ComplaintForm.objects.filter(pk__in=ids).order_by().values_list(*COLUMNS))


def book(rows: Iterable[GradingRule] | None = None) -> Book:
    """The active rules unless others are given (fetched with their criteria), compiled."""
    rows = GradingRule.objects.filter(active=True).prefetch_related("criteria") if rows is None else rows
    categories = list(Category.objects.order_by().values_list("pk", "parent_id", "slug", "name", "name_en"))
    names = {slug: (name, en) for _pk, _parent, slug, name, en in categories}
    found = [Rule(row, tuple(compiled(c, names) for c in row.criteria.all())) for row in rows]
    return Book(sorted(found, key=lambda rule: (-RANK[rule.row.grade], rule.row.order, rule.row.pk or 0)), _slugs_above(categories))


def _slugs_above(categories: Iterable[tuple[Any, ...]]) -> dict[int, frozenset[str]]:
    rows = {pk: (parent, slug) for pk, parent, slug, *_names in categories}
    found = {}
    for pk in rows:
        slugs: set[str] = set()
        place: int | None = pk
        while place is not None and rows[place][1] not in slugs:
            slugs.add(rows[place][1])
            place = rows[place][0]
        found[pk] = frozenset(slugs)
    return found


def _judged(facts: list[Facts], at: datetime, by: Book, as_received: bool = False) -> dict[int, Proposal]:
    asked = [c for rule in by.rules for c in rule.row.criteria.all()]
    days = max((int(c.value) for c in asked if c.field == Field.REPEAT), default=0)
    windows = {c.value.strip() for c in asked if c.field == Field.BATCH}
    before = earlier_of(facts) if days or any(c.field == Field.EARLIER for c in asked) else {}
    before = _as_received(facts, before) if as_received else before
    runs = runs_of(facts, windows) if windows else {}
    found: dict[int, Proposal] = {}
    shared: Shared = {}
    for one in facts:
        earlier = before.get(one.form_id)
        mine = runs.get(one.ticket_id, NO_RUNS)
        known = Known(at, earlier, mine, by.above.get(one.category_id, NO_SLUGS), f"{one.summary}\n{one.what_happened}".lower())
        matches = tuple(_matching(by.rules, one, known, shared))
        repeat = earlier if earlier is not None and one.received_at - earlier.received_at <= timedelta(days=days) else None
        found[one.form_id] = Proposal(matches[0].grade if matches else "", matches, repeat, max(mine.values(), key=lambda run: run.customers, default=None))
    return found


Shared = dict[tuple[int, ...], Match]
"""By rule and the sentences of its criteria, as ids; the match holds both, so that an id is never used anew."""
NO_RUNS: dict[str, Run] = {}
NO_SLUGS: frozenset[str] = frozenset()


def _match(rule: Rule, because: tuple[Because, ...], shared: Shared) -> Match:
    key = (id(rule.row), *map(id, because))
    if key not in shared:
        shared[key] = Match(rule.row.grade, rule.row, because)
    return shared[key]


def _matching(by: list[Rule], one: Facts, known: Known, shared: Shared) -> Iterator[Match]:
    """Highest first. Rules without criteria speak only where no other does."""
    none_yet = True
    for rule in by:
        if not rule.criteria:
            continue
        because = []
        for holds in rule.criteria:
            sentence = holds(one, known)
            if sentence is None:
                break
            because.append(sentence)
        else:
            none_yet = False
            yield _match(rule, tuple(because), shared)
    if none_yet:
        yield from (_match(rule, (), shared) for rule in by if not rule.criteria)


# ---- repeats and batches (I7) ----


def earlier_of(facts: list[Facts]) -> dict[int, Earlier]:
    """By form: the newest complaint of the same customer, in the same category or about the same product, received before it."""
    customers = {one.customer_id for one in facts if one.customer_id}
    if not customers:
        return {}
    rows = Ticket.objects.filter(customer_id__in=customers, type=Type.COMPLAINT, received_at__lte=max(one.received_at for one in facts))
    rows = rows.exclude(state__in=NOT_COUNTED).exclude(pk__in=[one.ticket_id for one in facts]).order_by()
    if len(facts) == 1:  # a customer may have thousands
        same = Q(category_id=facts[0].category_id) | (Q(product=facts[0].product) if facts[0].product else Q())
        rows = rows.filter(same).order_by("-received_at", "-pk")[:NEWEST]
    theirs: dict[int, list[Theirs]] = defaultdict(list)
    for customer, *rest in rows.values_list("customer_id", "received_at", "pk", "category_id", "product", "state"):
        theirs[customer].append(tuple(rest))
    for one in counted(facts):
        theirs[one.customer_id].append((one.received_at, one.ticket_id, one.category_id, one.product, one.state))
    found = {}
    for one in facts:
        if before := [row for row in theirs.get(one.customer_id, ()) if _before(row, one)]:
            received, pk, _category, _product, state = max(before)
            found[one.form_id] = Earlier(pk, received, state in past.DONE)
    return found


def _as_received(facts: list[Facts], before: dict[int, Earlier]) -> dict[int, Earlier]:
    """The same earlier cases, as they stood when each of these was received."""
    then = {one.form_id: (before[one.form_id].ticket_id, one.received_at) for one in facts if one.form_id in before}
    done = past.done_at(then.values())
    return {form: before[form]._replace(done=pair in done) for form, pair in then.items()}


Theirs = tuple[datetime, int, int, str, str]
"""Received, ticket, category, product, state."""


def _before(row: Theirs, one: Facts) -> bool:
    received, pk, category, product, _state = row
    mine = (one.received_at, one.ticket_id or float("inf"))
    return (received, pk) < mine and (category == one.category_id or bool(product and product == one.product))


def counted(facts: list[Facts]) -> Iterator[Facts]:
    """Those that are there already and count for others; they need not be read again."""
    return (one for one in facts if one.ticket_id and one.state not in NOT_COUNTED)


def keys_of(category_id: int, product: str, model: str, lot: str) -> list[Key]:
    found = [Key(category_id, product, model, "")] if product else []
    return [*found, Key(category_id, product, "", lot)] if lot else found


def runs_of(facts: list[Facts], windows: Collection[str]) -> dict[int, dict[str, Run]]:
    """By ticket and window ("3/7") the batch it is part of: customers in seven days, wherever in them its own receipt lies."""
    asked = {window: tuple(map(int, window.split("/"))) for window in windows}
    alike = _alike(facts, timedelta(days=max(days for _n, days in asked.values())))
    found: dict[int, dict[str, Run]] = defaultdict(dict)
    for window, (customers, days) in asked.items():
        for key, rows in alike.items():
            if len(rows) < customers:
                continue
            for run in runs_in(key, rows, customers, timedelta(days=days)):
                for ticket in run.tickets:
                    if window not in found[ticket] or found[ticket][window].customers < run.customers:
                        found[ticket][window] = run
    return found


Row = tuple[datetime, int, int]
"""Received, ticket, customer."""


def _alike(facts: list[Facts], reach: timedelta) -> dict[Key, list[Row]]:
    """All complaints that share a key with one of these, near enough in time, oldest first."""
    wanted = {key for one in facts for key in one.keys}
    if not wanted:
        return {}
    low, high = min(one.received_at for one in facts), max(one.received_at for one in facts)
    near = Ticket.objects.filter(type=Type.COMPLAINT, received_at__gte=low - reach, received_at__lte=high + reach).exclude(state__in=NOT_COUNTED)
    if len(facts) <= BY_PRODUCT:
        alike = Q()
        for key in wanted:
            alike |= Q(category_id=key.category_id, product=key.product, **({"batch": key.lot} if key.lot else {"model": key.model}))
        near = near.filter(alike)
    else:
        near = near.filter(category_id__in={key.category_id for key in wanted})
    near = near.exclude(pk__in=[one.ticket_id for one in facts])
    found: dict[Key, list[Row]] = defaultdict(list)
    for category, product, model, lot, *row in near.order_by().values_list("category_id", "product", "model", "batch", "received_at", "pk", "customer_id"):
        for key in keys_of(category, product, model, lot):
            if key in wanted:
                found[key].append(tuple(row))
    for one in facts:
        if one.state not in NOT_COUNTED:  # what is being typed, as if it were there
            for key in one.keys:
                found[key].append((one.received_at, one.ticket_id, one.customer_id))
    for rows in found.values():
        rows.sort()
    return found


def runs_in(key: Key, rows: list[Row], customers: int, days: timedelta) -> Iterator[Run]:
    """Stretches in which every complaint lies in some window of `days` with so many customers; windows that overlap are one batch."""
    inside: dict[int, int] = defaultdict(int)
    start, spans = 0, list[list[int]]()
    for end, (received, _ticket, customer) in enumerate(rows):
        inside[customer] += 1
        while received - rows[start][0] > days:
            gone = rows[start][2]
            inside[gone] -= 1
            if not inside[gone]:
                del inside[gone]
            start += 1
        if len(inside) < customers:
            continue
        if spans and start <= spans[-1][1]:
            spans[-1][1] = end
        else:
            spans.append([start, end])
    for first, last in spans:
        part = rows[first : last + 1]
        yield Run(key, frozenset(row[1] for row in part), len({row[2] for row in part}), part[0][0], part[-1][0])


# ---- criteria, compiled ----

CONSTANT: dict[str, tuple[str, Any]] = {
    Field.CHANNEL: ("channel", Channel), Field.URGENCY: ("urgency", Urgency), Field.LEVEL: ("level", Level),
}  # fmt: skip
SAYS: dict[str, str] = {
    Field.CATEGORY: gettext_noop("Category: %(value)s"), Field.CHANNEL: gettext_noop("Channel: %(value)s"),
    Field.URGENCY: gettext_noop("Urgency: %(value)s"), Field.LEVEL: gettext_noop("Customer level: %(value)s"),
    Field.QUALITY_CLASS: gettext_noop("Quality class: %(value)s"),
}  # fmt: skip


class Named:
    """A name in two languages, said in the present one."""

    def __init__(self, name: str, name_en: str) -> None:
        self.category = Category(name=name, name_en=name_en)

    def __str__(self) -> str:
        return self.category.spoken


def compiled(criterion: GradingCriterion, names: dict[str, tuple[str, str]]) -> Hold:
    return COMPILERS[criterion.field](criterion, names)


def _chosen(criterion: GradingCriterion, names: dict[str, tuple[str, str]]) -> Hold:
    attribute, choices = CONSTANT[criterion.field]
    sentences = {value: Because(SAYS[criterion.field], {"value": choices(value).label}) for value in criterion.values if value in choices.values}
    return lambda one, known: sentences.get(getattr(one, attribute))


def _category(criterion: GradingCriterion, names: dict[str, tuple[str, str]]) -> Hold:
    sentences = {slug: Because(SAYS[Field.CATEGORY], {"value": Named(*names.get(slug, (slug, slug)))}) for slug in criterion.values}
    slugs = frozenset(sentences)

    def holds(one: Facts, known: Known) -> Because | None:
        hit = slugs & known.slugs
        return sentences[one.slug if one.slug in hit else min(hit)] if hit else None

    return holds


def _quality(criterion: GradingCriterion, names: dict[str, tuple[str, str]]) -> Hold:
    wanted = criterion.values == ["yes"]
    sentence = Because(gettext_noop("Product quality") if wanted else gettext_noop("Not about product quality"), {})
    return lambda one, known: sentence if one.quality is wanted else None


def _quality_class(criterion: GradingCriterion, names: dict[str, tuple[str, str]]) -> Hold:
    classes = [QualityClass(int(value)) for value in criterion.values if value.isdigit() and int(value) in QualityClass.values]
    sentences = {int(c): Because(SAYS[Field.QUALITY_CLASS], {"value": c.label}) for c in classes}
    return lambda one, known: sentences.get(one.quality_class or 0)


def speaks_of(word: str, text: str) -> bool:
    """Does the text say it, at least once without denying it right before? Both in small letters. See `denied`."""
    at = text.find(word)
    while at >= 0:
        if not denied(text[max(0, at - LOOK_BACK) : at], text[at + len(word) : at + len(word) + LOOK_BACK]):
            return True
        at = text.find(word, at + len(word))
    return False


LOOK_BACK = 60
DENIES = re.compile(r"(?:没有|没|未|无|不会|不)[ \t]*\Z|(?:\b(?:no|not|never|without)|\bcannot|n['’]t)[ \t]+(?:[\w'’-]+[ \t]+)?\Z")
AFFIRMS = re.compile(
    r"(?:(.)[不没]\1|有无|不是没有?|[不无没未][得能会有]?[不无]"
    r"|(?:\bnot|n['’]t|\bnever)[ \t]+(?:only|just|merely|stop|prevent|avoid)(?:[ \t]+[\w'’-]+)?)[ \t]*\Z"
)
"""A question (有没有, 有无, 会不会), a double negation (不得不, 不是没有), *not only*, or the lack of what keeps it away (did not stop …) denies nothing."""
GUARDED = re.compile(r"[ \t]*(?:保护|防护|预防|防止|提示|警示|报警|标识|措施|装置|guard|protection|alarm|warning)")
"""没有漏电保护: what is denied is what guards against it."""


def denied(before: str, after: str = "") -> bool:
    """A negation directly before a word: in Chinese the characters that touch it, in English one of the two words before. What stands farther off,
    or behind a comma, is not looked at: a person decides, and a grade too high is noticed sooner than one too low."""
    return DENIES.search(before) is not None and AFFIRMS.search(before) is None and GUARDED.match(after) is None


def _words(criterion: GradingCriterion, names: dict[str, tuple[str, str]]) -> Hold:
    words = [(word.lower(), word) for word in criterion.values]
    any_of = re.compile("|".join(re.escape(low) for low, _word in words) or r"(?!)")

    def holds(one: Facts, known: Known) -> Because | None:
        if any_of.search(known.text) is None:
            return None
        found = {word: speaks_of(low, known.text) for low, word in words if low in known.text}
        counts, denied = ("、".join(word for word, yes in found.items() if yes is wanted) for wanted in (True, False))
        if not counts:
            return None
        if denied:
            return Because(gettext_noop("It says: %(words)s (not counted, as it is denied: %(denied)s)"), {"words": counts, "denied": denied})
        return Because(gettext_noop("It says: %(words)s"), {"words": counts})

    return holds


def _repeat(criterion: GradingCriterion, names: dict[str, tuple[str, str]]) -> Hold:
    days = int(criterion.value)
    sentence = Because(gettext_noop("The same customer complained of the same within %(days)s days"), {"days": days})
    reach = timedelta(days=days)
    return lambda one, known: sentence if known.earlier is not None and one.received_at - known.earlier.received_at <= reach else None


def _earlier(criterion: GradingCriterion, names: dict[str, tuple[str, str]]) -> Hold:
    closed = criterion.values == ["closed"]
    sentence = Because(gettext_noop("The earlier case is closed") if closed else gettext_noop("The earlier case is still open"), {})
    return lambda one, known: sentence if known.earlier is not None and known.earlier.done is closed else None


def _batch(criterion: GradingCriterion, names: dict[str, tuple[str, str]]) -> Hold:
    window = criterion.value.strip()
    days = int(window.split("/")[1])

    def holds(one: Facts, known: Known) -> Because | None:
        run = known.runs.get(window)
        if run is None:
            return None
        what = " ".join(filter(None, (run.key.product, run.key.model, run.key.lot)))
        return Because(gettext_noop("%(n)s customers about %(what)s, within %(days)s days of each other"), {"n": run.customers, "what": what, "days": days})

    return holds


def _unsolved(criterion: GradingCriterion, names: dict[str, tuple[str, str]]) -> Hold:
    hours = int(criterion.value)
    sentence = Because(gettext_noop("No result %(hours)s hours after the receipt"), {"hours": hours})
    return lambda one, known: sentence if one.hours_unsolved(known.at) >= hours else None


COMPILERS: dict[str, Callable[[GradingCriterion, dict[str, tuple[str, str]]], Hold]] = {
    Field.CATEGORY: _category, Field.CHANNEL: _chosen, Field.URGENCY: _chosen, Field.LEVEL: _chosen, Field.QUALITY: _quality,
    Field.QUALITY_CLASS: _quality_class, Field.WORDS: _words, Field.REPEAT: _repeat, Field.BATCH: _batch, Field.UNSOLVED: _unsolved,
    Field.EARLIER: _earlier,
}  # fmt: skip
