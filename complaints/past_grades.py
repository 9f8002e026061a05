"""A rule tried on complaints of the past, with all other active rules: what would have been proposed against what people decided (G1). Changes nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q

from complaints.grading import Proposal, book, propose_many
from complaints.models import ComplaintForm, Grade, GradingRule

MOST, SHOWN = 20_000, 50


@dataclass(frozen=True)
class Differs:
    """One complaint that people graded otherwise."""

    form: ComplaintForm
    proposal: Proposal


@dataclass
class Trial:
    total: int = 0
    matched: int = 0
    """In how many the rule itself applied."""
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By (proposed, decided)."""
    differing: list[Differs] = field(default_factory=list)
    cut: bool = False
    """There are more than are looked at."""

    @property
    def rows(self) -> list[tuple[str, list[tuple[int, bool]]]]:
        """Proposed grade, and for each decided one how many and whether they agree."""
        return [(grade or "–", [(self.counts[grade, decided], grade == decided) for decided in Grade.values]) for grade in (*Grade.values, "")]

    @property
    def agreeing(self) -> int:
        return sum(n for (proposed, decided), n in self.counts.items() if proposed == decided)


def tried(rule: GradingRule, *, since: datetime, until: datetime, user: Any, at: datetime) -> Trial:
    """Of complaints received in [since, until), decided on, without matters that the person is named in (V3); the newest where there are too many."""
    rules = GradingRule.objects.filter(Q(active=True) | Q(pk=rule.pk)).prefetch_related("criteria")
    decided = ComplaintForm.objects.untouched_by(user).filter(ticket__received_at__gte=since, ticket__received_at__lt=until).exclude(grade="")
    rows = dict(decided.order_by("-ticket__received_at", "-pk").values_list("pk", "grade")[: MOST + 1])
    trial = Trial(cut=len(rows) > MOST)
    ids = list(rows)[:MOST]
    found, differing = propose_many(ids, at=at, by=book(rules), as_received=True), list[int]()
    for pk in ids:
        proposal = found[pk]
        trial.total += 1
        trial.matched += any(match.row.pk == rule.pk for match in proposal.matches)
        trial.counts[proposal.grade, rows[pk]] += 1
        if proposal.grade != rows[pk] and len(differing) < SHOWN:
            differing.append(pk)
    forms = ComplaintForm.objects.select_related("item", "ticket__item").in_bulk(differing)
    trial.differing = [Differs(forms[pk], found[pk]) for pk in differing]
    return trial
