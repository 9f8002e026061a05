"""The first rows of complaints from `first_rows.toml`. Idempotent: what stands is left as it is."""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import transaction

from complaints.models import DispositionKind, DispositionPolicy, GradeRule, GradingCriterion, GradingRule

FILE = Path(__file__).with_suffix(".toml")


@transaction.atomic
def load(path: Path = FILE) -> int:
    """Enter what is missing; returns how many rows are new."""
    book = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    graded = set(GradeRule.objects.values_list("grade", flat=True))
    grades = [GradeRule(grade=grade, **row) for grade, row in book["grade"].items() if grade not in graded]
    ruled = set(DispositionPolicy.objects.values_list("kind", flat=True))
    caps = [DispositionPolicy(kind=kind, cap=book["caps"].get(kind)) for kind in DispositionKind.values if kind not in ruled]
    return len(GradeRule.objects.bulk_create(grades)) + len(DispositionPolicy.objects.bulk_create(caps)) + _enter_rules(book["rule"])


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
