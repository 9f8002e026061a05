"""The first rows of tickets from `first_rows.toml`. Idempotent: a table that holds rows is left as it is, what an administrator removed stays away."""

import tomllib
from pathlib import Path
from typing import Any

from django.db import transaction

from tickets.models import Category, EmptyPhrase, PriorityRule

FILE = Path(__file__).with_suffix(".toml")


@transaction.atomic
def load(path: Path = FILE) -> int:
    """Enter what is missing; returns how many rows are new."""
    book = tomllib.loads(path.read_text(encoding="utf-8"))
    return _categories(book["category"]) + _priorities(book["priority"]) + _phrases(book["empty_phrases"]["texts"])


def _categories(rows: list[dict[str, Any]]) -> int:
    """T2: the tree, in the order of the file."""
    if Category.objects.exists():
        return 0
    parents = Category.objects.bulk_create([_category(row, order) for order, row in enumerate(rows, 1)])
    by_slug = {parent.slug: parent for parent in parents}
    parts = [_category(part, order, by_slug[row["slug"]]) for row in rows for order, part in enumerate(row.get("part", ()), 1)]
    return len(parents) + len(Category.objects.bulk_create(parts))


def _category(row: dict[str, Any], order: int, parent: Category | None = None) -> Category:
    return Category(
        slug=row["slug"], parent=parent, name=row["name"], name_en=row["en"], order=order * 10,
        quality=row.get("quality", False), after_sale=not row.get("before_sale", False),
    )  # fmt: skip


def _priorities(matrix: dict[str, dict[str, str]]) -> int:
    """T4: every cell has a row."""
    standing = set(PriorityRule.objects.values_list("urgency", "level"))
    cells = [(urgency, level, priority) for urgency, row in matrix.items() for level, priority in row.items()]
    fresh = [PriorityRule(urgency=urgency, level=level, priority=priority) for urgency, level, priority in cells if (urgency, level) not in standing]
    return len(PriorityRule.objects.bulk_create(fresh))


def _phrases(texts: list[str]) -> int:
    """F1."""
    if EmptyPhrase.objects.exists():
        return 0
    return len(EmptyPhrase.objects.bulk_create([EmptyPhrase(text=text) for text in texts]))
