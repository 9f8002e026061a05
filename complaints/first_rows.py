"""The first rows of complaints from `first_rows.toml`. Idempotent: what stands is left as it is; a removed category of causes stays away."""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import transaction

from complaints.models import (
    AnalysisRule,
    CauseCategory,
    DefaultRemedy,
    DispositionKind,
    DispositionPolicy,
    GradeRule,
    GradingCriterion,
    GradingRule,
    RemedyLimit,
    ReplyTemplate,
)
from tickets.models import Category

FILE = Path(__file__).with_suffix(".toml")


@transaction.atomic
def load(path: Path = FILE) -> int:
    """Enter what is missing; returns how many rows are new."""
    book = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    graded = set(GradeRule.objects.values_list("grade", flat=True))
    grades = [GradeRule(grade=grade, **row) for grade, row in book["grade"].items() if grade not in graded]
    ruled = set(DispositionPolicy.objects.values_list("kind", flat=True))
    caps = [DispositionPolicy(kind=kind, cap=book["caps"].get(kind)) for kind in DispositionKind.values if kind not in ruled]
    letters = [ReplyTemplate(order=n, **row) for n, row in enumerate(book["letter"])] if not ReplyTemplate.objects.exists() else []
    new = len(GradeRule.objects.bulk_create(grades)) + len(DispositionPolicy.objects.bulk_create(caps))
    new += len(ReplyTemplate.objects.bulk_create(letters))
    new += _remedy_limits(book["remedy_limits"]) + _usual_remedies(book["usual_remedies"]) + _causes(book["cause"])
    new += _who_analyses(book["who_analyses"]["categories"])
    return new + _enter_rules(book["rule"])


def _remedy_limits(book: dict[str, dict[str, Any]]) -> int:
    """G4. Once: a limit that an administrator removed stays away."""
    if RemedyLimit.objects.exists():
        return 0
    cells = [(role, grade, amount) for role, row in book.items() for grade, amount in row.items()]
    rows = [RemedyLimit(role=role, grade=grade, amount=None if amount == "unlimited" else amount) for role, grade, amount in cells]
    return len(RemedyLimit.objects.bulk_create(rows))


def _who_analyses(slugs: list[str]) -> int:
    """G7. Once; without departments, so that they are chosen by hand until an administrator enters them."""
    if AnalysisRule.objects.exists():
        return 0
    return len(AnalysisRule.objects.bulk_create(AnalysisRule(category=category) for category in Category.objects.filter(slug__in=slugs).order_by("order")))


def _usual_remedies(book: dict[str, list[str]]) -> int:
    """G4. Once; for the categories that are there."""
    if DefaultRemedy.objects.exists():
        return 0
    categories = {c.slug: c for c in Category.objects.filter(slug__in=book)}
    rows = [
        DefaultRemedy(category=categories[slug], kind=kind, order=10 * order)
        for slug, kinds in book.items() if slug in categories for order, kind in enumerate(kinds, 1)
    ]  # fmt: skip
    return len(DefaultRemedy.objects.bulk_create(rows))


def _causes(rows: list[dict[str, Any]]) -> int:
    """C14: the tree, in the order of the file."""
    if CauseCategory.objects.exists():
        return 0
    tops = CauseCategory.objects.bulk_create([_cause(row, order) for order, row in enumerate(rows, 1)])
    parts = [_cause(part, order, top) for top, row in zip(tops, rows, strict=True) for order, part in enumerate(row["part"], 1)]
    return len(tops) + len(CauseCategory.objects.bulk_create(parts))


def _cause(row: dict[str, Any], order: int, parent: CauseCategory | None = None) -> CauseCategory:
    return CauseCategory(slug=row["slug"], parent=parent, name=row["name"], name_en=row["en"], order=order * 10)


def _enter_rules(rows: list[dict[str, Any]]) -> int:
    """G1: all of them or none: which of them a desk keeps is the desk's."""
    if GradingRule.objects.exists():
        return 0
    rules = [GradingRule(name=row["name"], name_en=row["en"], grade=row["grade"], order=10 * n) for n, row in enumerate(rows, 1)]
    GradingRule.objects.bulk_create(rules)
    GradingCriterion.objects.bulk_create(
        GradingCriterion(rule=rule, field=field, comparison=comparison, value=value)
        for rule, row in zip(rules, rows, strict=True)
        for field, comparison, value in row["criteria"]
    )
    return len(rules)
