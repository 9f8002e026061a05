"""All numbers of a period as one JSON-able dict: cards, tables, charts, Excel and the frozen summary read this and nothing else.

A number that is a count is a cell {"n": 47, "what": "cause:12"}; `what` names its rows for `queries.counted`. A rate has the cells
`all` and `late` and their `share` on time (None: nothing to judge). Codes and keys are kept, words are put in by the page in its reader's language.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

from reports import queries
from reports.periods import Period
from reports.queries import CLOSING, FORMAL_REPLY, Judged, Named, Scores, Shares, Span

Figures = dict[str, Any]
ByDepartment = list[tuple[int | None, Scores]]
Parked = list[tuple[int | None, int]]
TARGET = 0.95
"""The share on time that every limit aims at."""
XMR = 2.66
"""Control limits of single values: mean ± 2.66 times the mean distance from one day to the next."""


def compute(period: Period, at: datetime) -> Figures:
    """The figures of a period as seen at `at`, without the comparison (`before`), which services add."""
    span = Span.of(period, at)
    names = queries.departments_named()
    shares, judged = queries.shares_by_department(span), queries.compliance(span)
    scored, parked = queries.scores_by_department(span), queries.outstanding_by_department(span)
    intake = queries.intake(span)
    return {
        "kind": str(period.kind), "start": period.start.isoformat(), "end": period.end.isoformat(),
        "zone": str(span.zone), "as_of": at.isoformat(), "whole": at >= span.end, "target": TARGET,
        "headline": headline(span, shares, judged, scored, parked),
        "types": [cell(row.n, f"type:{row.key}", key=row.key) for row in queries.received_by_type(span)],
        "categories": _categories("category", queries.by_category(queries.received(span))),
        "causes": _categories("cause", queries.by_category(queries.complaints(span))),
        "grades": [cell(row.n, f"grade:{row.key or 'none'}", key=row.key) for row in queries.complaints_by_grade(span)],
        "compliance": _compliance(judged),
        "departments": _departments(names, shares, judged, scored, parked),
        "days": _days(period, span, intake),
        "control": control(_days_seen(period, span, intake)),
        "slots": _slots(intake),
    }  # fmt: skip


def headline_of(period: Period, at: datetime) -> Figures:
    """The key figures alone, for the comparison with the period before."""
    span = Span.of(period, at)
    shares, judged = queries.shares_by_department(span), queries.compliance(span)
    return headline(span, shares, judged, queries.scores_by_department(span), queries.outstanding_by_department(span))


def headline(span: Span, shares: list[Shares], judged: list[Judged], scored: ByDepartment, parked: Parked) -> Figures:
    """The whole is the sum of the departments, by construction."""
    handling = queries.handling(span)
    return {
        "received": cell(sum(s.received for s in shares), "received"),
        "complaints": cell(sum(s.complaints for s in shares), "complaints"),
        "formal_reply": rate(judged, FORMAL_REPLY),
        "closing": rate(judged, CLOSING),
        "repeats": _repeats(sum(s.repeats for s in shares), sum(s.complaints for s in shares), "repeats"),
        "scores": _scores([score for _department, score in scored], "visits", "low"),
        "completed": cell(handling.n, "completed", mean=_rounded(handling.mean), median=_rounded(handling.median)),
        "open": cell(queries.open_at_end(span).count(), "open"),
        "late": cell(queries.late_at_end(span).count(), "late"),
        "outstanding": cell(sum(n for _department, n in parked), "outstanding"),
    }


def cell(n: int, what: str, **more: Any) -> Figures:
    return {"n": n, "what": what, **more}


def rate(judged: Iterable[Judged], code: str, department: str = "") -> Figures:
    """On time out of all that could be judged, of one code, in one department or everywhere."""
    rows = [j for j in judged if j.code == code and (not department or key_of(j.department) == department)]
    everything, late = sum(j.all for j in rows), sum(j.late for j in rows)
    where = f":{department}" if department else ""
    share = _rounded((everything - late) / everything) if everything else None
    return {"all": cell(everything, f"due:{code}:all{where}"), "late": cell(late, f"due:{code}:late{where}"), "share": share}


def key_of(department: int | None) -> str:
    return "none" if department is None else str(department)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _repeats(n: int, of: int, what: str) -> Figures:
    return cell(n, what, share=_rounded(n / of) if of else None)


def _scores(rows: list[Scores], what: str, low: str) -> Figures:
    """Means over all visits: those of the departments, each by its number of visits."""
    n = sum(row.n for row in rows)

    def mean(of: Callable[[Scores], float | None]) -> float | None:
        return _rounded(sum((of(row) or 0) * row.n for row in rows) / n) if n else None

    parts = {"speed": mean(lambda r: r.speed), "solution": mean(lambda r: r.solution), "attitude": mean(lambda r: r.attitude)}
    return cell(n, what, mean=mean(lambda r: r.mean), low=cell(sum(row.low for row in rows), low), **parts)


def _categories(name: str, rows: list[Named]) -> list[Figures]:
    return [cell(row.n, f"{name}:{row.key}", key=row.key, name=row.name, name_en=row.name_en) for row in rows]


def _compliance(judged: list[Judged]) -> list[Figures]:
    names = queries.rules_named()
    codes = sorted({j.code for j in judged})
    return [{"code": code, "name": names[code][0], "name_en": names[code][1], **rate(judged, code)} for code in codes]


def _departments(names: dict[int, tuple[str, str]], shares: list[Shares], judged: list[Judged], scored: ByDepartment, parked: Parked) -> list[Figures]:
    """A row for each department with anything to show; the largest first, work without a department last."""
    seen = {s.department for s in shares} | {j.department for j in judged} | {d for d, _score in scored} | {d for d, _n in parked}
    share_of = {s.department: s for s in shares}
    rows = [_department(d, names, share_of.get(d) or Shares(d, 0, 0, 0), judged, [s for w, s in scored if w == d], dict(parked).get(d, 0)) for d in seen]
    return sorted(rows, key=lambda row: (row["key"] == "none", -row["received"]["n"], row["key"]))


def _department(department: int | None, names: dict[int, tuple[str, str]], share: Shares, judged: list[Judged], scored: list[Scores], parked: int) -> Figures:
    key = key_of(department)
    name, name_en = names[department] if department is not None else ("", "")
    what = f"department:{key}"
    return {
        "key": key, "name": name, "name_en": name_en,
        "received": cell(share.received, f"{what}:received"),
        "complaints": cell(share.complaints, f"{what}:complaints"),
        "formal_reply": rate(judged, FORMAL_REPLY, key),
        "closing": rate(judged, CLOSING, key),
        "repeats": _repeats(share.repeats, share.complaints, f"{what}:repeats"),
        "scores": _scores(scored, f"{what}:visits", f"{what}:low"),
        "outstanding": cell(parked, f"{what}:outstanding"),
    }  # fmt: skip


def _days(period: Period, span: Span, intake: list[queries.Intake]) -> list[Figures]:
    counts = _days_seen(period, span, intake)
    return [cell(n, f"day:{day.isoformat()}", key=day.isoformat()) for day, n in zip(period.days, counts, strict=False)]


def _days_seen(period: Period, span: Span, intake: list[queries.Intake]) -> list[int]:
    """Received on each day that has begun."""
    by_day: dict[Any, int] = {}
    for row in intake:
        by_day[row.day] = by_day.get(row.day, 0) + row.n
    today = span.at.astimezone(span.zone).date()
    return [by_day.get(day, 0) for day in period.days if day <= today]


def control(counts: list[int]) -> Figures:
    """Mean and natural limits of the daily numbers; None with fewer than seven days."""
    if len(counts) < 7:
        return {"mean": None, "upper": None, "lower": None}
    mean = sum(counts) / len(counts)
    reach = XMR * sum(abs(b - a) for a, b in pairwise(counts)) / (len(counts) - 1)
    return {"mean": round(mean, 1), "upper": round(mean + reach, 1), "lower": round(max(mean - reach, 0), 1)}


def _slots(intake: list[queries.Intake]) -> list[Figures]:
    by_slot: dict[tuple[int, int], int] = {}
    for row in intake:
        slot = (row.day.isoweekday(), row.hour)
        by_slot[slot] = by_slot.get(slot, 0) + row.n
    return [cell(n, f"slot:{weekday}:{hour}", weekday=weekday, hour=hour) for (weekday, hour), n in sorted(by_slot.items())]


# --- Reading figures again ---


def numbers(figures: Figures) -> dict[str, float]:
    """Every number by its `what` ("visits|mean" for a mean), wherever it stands; `before` is another period's and left out."""
    return dict(_walk({key: value for key, value in figures.items() if key != "before"}))


def _walk(node: Any) -> Iterator[tuple[str, float]]:
    if isinstance(node, list):
        for part in node:
            yield from _walk(part)
    elif isinstance(node, dict):
        if "what" in node:
            yield node["what"], node["n"]
            yield from ((f"{node['what']}|{name}", node[name]) for name in ("mean", "median") if node.get(name) is not None)
        for part in node.values():
            yield from _walk(part)


def differences(then: Figures, now: Figures) -> list[tuple[str, float, float]]:
    """R12: what changed since a summary was issued: (what, then, now), in the page's order; PostgreSQL gives stored keys back in another.

    A category may move between the list and "all others": that is no change.
    """
    old, new = numbers(then), numbers(now)
    changed = [(what, old.get(what, 0), new.get(what, 0)) for what in dict.fromkeys([*new, *old]) if old.get(what, 0) != new.get(what, 0)]
    return [row for row in changed if (row[0] in old and row[0] in new) or not row[0].startswith(("category:", "cause:"))]
