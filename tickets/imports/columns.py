"""What a column can be, and the first guess: by its heading in Chinese, English or as databases write it, and by what stands in it."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_lazy as _

from tickets.imports import values
from tickets.lifecycle import State
from tickets.models import Channel, CustomerKind, Industry, Level, Type, Urgency

CUSTOMERS, TICKETS = "customers", "tickets"
WORDS = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
"""Headings by kind of import and target, meanings of values by target and code."""


@dataclass(frozen=True)
class Target:
    """A place that a column can go to. `kind` says how its cells are read."""

    key: str
    label: Any
    kind: str
    longest: int = 0
    """Characters that fit; what is longer goes to the remark in full."""
    choices: Any = None


DUPLICATE = "duplicate"
STATES: list[tuple[str, Any]] = [*State.choices[:6], (DUPLICATE, _("Closed as a duplicate")), (State.INVALID.value, State.INVALID.label)]
"""What a state elsewhere can mean here. Merged needs the surviving ticket, so a duplicate elsewhere is closed with that outcome."""

CUSTOMER_TARGETS = (
    Target("external_id", _("Number elsewhere"), "number", longest=60),
    Target("name", _("Name"), "text", longest=80),
    Target("kind", _("Person or company"), "choice", choices=CustomerKind.choices),
    Target("phone", _("Phone"), "phone", longest=60),
    Target("email", _("E-mail"), "email", longest=120),
    Target("address", _("Address"), "text", longest=300),
    Target("contact_name", _("Contact person"), "text", longest=60),
    Target("level", _("Level"), "choice", choices=Level.choices),
    Target("industry", _("Industry"), "choice", choices=Industry.choices),
    Target("area", _("Area"), "text", longest=60),
    Target("remark", _("Remark"), "text", longest=500),
    Target("created_at", _("Customer since"), "time"),
)
TICKET_TARGETS = (
    Target("external_id", _("Number elsewhere"), "number", longest=60),
    Target("received_at", _("Time of receipt"), "time"),
    Target("received_by", _("Received by"), "person"),
    Target("due_at", _("Due as promised"), "time"),
    Target("closed_at", _("Time of closing"), "time"),
    Target("state", _("State"), "choice", choices=STATES),
    Target("state_since", _("In this state since"), "time"),
    Target("first_response_at", _("First response"), "time"),
    Target("type", _("Type"), "choice", choices=Type.choices),
    Target("category", _("Category"), "category"),
    Target("channel", _("Channel"), "choice", choices=Channel.choices),
    Target("urgency", _("Urgency"), "choice", choices=Urgency.choices),
    Target("title", _("In one line"), "text", longest=200),
    Target("what_happened", _("What happened"), "text"),
    Target("happened_where", _("Happened where"), "text", longest=120),
    Target("department", _("Department"), "department"),
    Target("customer_external_id", _("Customer's number elsewhere"), "number", longest=60),
    Target("customer_name", _("Customer's name"), "text", longest=80),
    Target("customer_phone", _("Customer's phone"), "phone", longest=60),
    Target("customer_email", _("Customer's e-mail"), "email", longest=120),
    Target("product", _("Product"), "text", longest=80),
    Target("model", _("Model"), "text", longest=60),
    Target("serial", _("Serial or plate number"), "number", longest=60),
    Target("batch", _("Batch"), "number", longest=40),
    Target("order_number", _("Order or account"), "number", longest=60),
    Target("quantity", _("Quantity"), "text", longest=30),
    Target("expectation", _("What the customer expects"), "text"),
    Target("result", _("Result"), "text"),
    Target("remark", _("Remark"), "text"),
)
TARGETS = {CUSTOMERS: CUSTOMER_TARGETS, TICKETS: TICKET_TARGETS}


def targets_by_key(kind: str) -> dict[str, Target]:
    return {target.key: target for target in TARGETS[kind]}


def words(heading: str) -> tuple[str, ...]:
    """A heading as words: CreatedDate, created_date and "Created Date" are the same."""
    plain = unicodedata.normalize("NFKC", heading)
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", plain)
    return tuple(re.findall(r"[^\W_]+", plain.casefold()))


def likeness(heading: str, names: Sequence[str]) -> float:
    """1 for one of a target's names, less when the heading says more, 0 when it says something else."""
    said = words(heading)
    best = 0.0
    for name in names:
        meant = tuple(name.split())
        if said == meant or "".join(said) == "".join(meant):
            return 1.0
        if set(meant) <= set(said):
            best = max(best, len(meant) / len(said) * 0.9)
        elif not name.isascii() and len(name) > 1 and name in "".join(said):
            best = max(best, len(name) / len("".join(said)) * 0.9)
    return best if best >= 0.4 else 0.0


def guess_columns(kind: str, columns: list[str], sample: list[list[Any]]) -> dict[str, str]:
    """Target → column. The most alike pair is taken first; a column whose cells cannot be of that kind is not."""
    filled = {column: [row[place] for row in sample if row[place] not in (None, "")] for place, column in enumerate(columns)}
    pairs = [
        (likeness(column, WORDS["headings"][kind][target.key]), -order, -place, target, column)
        for order, target in enumerate(TARGETS[kind])
        for place, column in enumerate(columns)
    ]
    found: dict[str, str] = {}
    for score, _order, _place, target, column in sorted(pairs, key=lambda pair: pair[:3], reverse=True):
        if score and target.key not in found and column not in found.values() and _can_be(target, filled[column], score):
            found[target.key] = column
    return found


def repeats(cells: list[Any]) -> bool:
    """The same number in many rows: an event log. A few are mistakes."""
    return len(set(map(str, cells))) < 0.9 * len(cells)


def _can_be(target: Target, cells: list[Any], score: float) -> bool:
    if target.kind == "time":
        return bool(cells and values.orders_that_fit(cells[:50])) or (not cells and score == 1)
    if target.key == "external_id":
        return bool(cells) and (score == 1 or not repeats(cells))
    if target.kind in ("choice", "category", "department", "person"):
        share = 2 / 3 if score == 1 else 1 / 3
        few = len(set(map(str, cells))) <= max(30, len(cells) * share)
        return not cells or (few and bool(score >= 0.9 or not values.orders_that_fit(cells[:50])))
    return True


def guess_order(kind: str, columns: list[str], sample: list[list[Any]], chosen: dict[str, str]) -> tuple[str, bool]:
    """The order of day, month and year, and whether a person must decide because two of them read every date."""
    times = [chosen[target.key] for target in TARGETS[kind] if target.kind == "time" and target.key in chosen]
    cells = [row[columns.index(column)] for column in times for row in sample]
    fitting = values.orders_that_fit(cells)
    if "ymd" in fitting and _year_first(cells):
        return "ymd", False
    if len(fitting) == 1:
        return fitting[0], False
    return "", bool(times)


def _year_first(cells: list[Any]) -> bool:
    """Nearly every text among the cells begins with the four digits of a year, or there is none."""
    texts = [cell for cell in cells if isinstance(cell, str) and cell.strip()]
    return sum(bool(re.match(r"\s*(\d{4}(?!\d)|\d{5,})", cell)) for cell in texts) >= values.MOST * len(texts)


def guess_meaning(target: Target, said: str) -> str:
    """What a value elsewhere means here: one of ours by its code or name, else by a word in it; "" when nothing fits."""
    plain = values.same(said)
    for key, label in target.choices or ():
        if plain in (values.same(str(key)), values.same(str(label))):
            return str(key)
    if target.key == "state" and re.search(r"duplicate|重复", plain) and not re.search(r"clos|关闭|结案|办结", plain):
        plain = re.sub(r"duplicate|重复", "", plain)
    return next((key for key, pattern in WORDS["meanings"].get(target.key, {}).items() if re.search(pattern, plain)), "")


def distinct(columns: list[str], sample: list[list[Any]], column: str, most: int = 200) -> list[str]:
    """The values of a column in the sample, the most frequent first."""
    place = columns.index(column)
    counts = Counter(_plain(row[place]) for row in sample)
    return [said for said, _count in counts.most_common(most) if said]


def _plain(cell: Any) -> str:
    try:
        return values.text(cell)
    except ValueError:
        return ""
