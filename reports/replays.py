"""What a replayed period shows: side by side how it was and how it would have been; tables, the chart, one sentence. No queries but for names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from feedback_desk.deadlines.whatif import Tally
from feedback_desk.people.models import User
from reports.labels import Names
from reports.pages import Cell, Table, count, percent

MOST_BARS = 16


def tables(tally: Tally, names: Names) -> dict[str, Table]:
    rules = {code: f"{code} {names.rules.get(code, '')}".strip() for code in tally.rules}
    departments = {pk: names.departments.get(pk or "none", "–") for pk in tally.departments}
    made = {
        "rules": _side_by_side(_("By limit"), _("Limit"), tally.rules, rules, tally.total),
        "departments": _side_by_side(_("By department"), _("Department"), tally.departments, departments, tally.total),
    }
    return {**made, "people": people(tally)} if tally.people or any(tally.nobody) else made


def _side_by_side(title: str, head: str, rows: Mapping[str, list[int]], names: Mapping[str, str], total: list[int]) -> Table:
    heads = [head, _("Limits"), _("Late"), _("Late, share"), _("Would have been late"), _("Would have been late, share"), _("Difference")]
    lines = [[Cell(names[key], numeric=False), *_cells(row)] for key, row in sorted(rows.items(), key=lambda pair: names[pair[0]])]
    return Table(title, heads, lines, [Cell(_("Together"), numeric=False), *_cells(total)])


def _cells(row: list[int]) -> list[Cell]:
    n, was, would = row
    return [
        _number(n), _number(was), Cell(percent(_share(was, n)), value=_share(was, n)),
        _number(would), Cell(percent(_share(would, n)), value=_share(would, n)), _difference(would - was),
    ]  # fmt: skip


def _number(n: int) -> Cell:
    return Cell(count(n), value=n)


def _difference(n: int) -> Cell:
    return Cell(f"{n:+d}" if n else "0", value=n)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def people(tally: Tally) -> Table:
    """Notices by person, then the steps that found nobody."""
    named = dict(User.objects.filter(pk__in=map(int, tally.people)).values_list("pk", "name"))
    rows = sorted(((named.get(int(pk), pk), told) for pk, told in tally.people.items()), key=lambda pair: (-pair[1][1], pair[0]))
    heads = [pgettext("head of a column", "Who"), _("Told"), _("Would have been told"), _("Difference")]
    nobody = [Cell(_("Steps that find nobody in their place"), numeric=False), *_pair(tally.nobody)]
    return Table(_("Who is told"), heads, [[Cell(name, numeric=False), *_pair(told)] for name, told in rows], nobody)


def _pair(pair: list[int]) -> list[Cell]:
    return [_number(pair[0]), _number(pair[1]), _difference(pair[1] - pair[0])]


def chart(table: Table) -> dict[str, Any]:
    """The limits whose share differs most, in percent; without any difference the most frequent ones."""
    rows = sorted(table.rows, key=lambda row: (-abs(float(row[6].value or 0)), -float(row[1].value or 0)))[:MOST_BARS]
    bars = [{"name": row[0].text, "was": _percent(row[3]), "would": _percent(row[5])} for row in rows]
    return {"kind": "compare", "rows": bars, "was": _("Late"), "would": _("Would have been late")}


def _percent(cell: Cell) -> float:
    return round(float(cell.value or 0) * 100, 1)


def sentences(tally: Tally) -> list[str]:
    """What came of it, and what was taken as it was."""
    n, was, would = tally.total
    if not n:
        return []
    told = {"n": count(n), "was": count(was), "share": percent(_share(was, n)), "would": count(would), "would_share": percent(_share(would, n))}
    said = [_("Of %(n)s limits %(was)s were late (%(share)s); it would have been %(would)s (%(would_share)s).") % told]
    moved = ngettext("%(n)s limit would have been due at another time.", "%(n)s limits would have been due at another time.", tally.moved)
    said.append(moved % {"n": count(tally.moved)})
    if tally.as_it_was:
        words = ngettext(
            "%(n)s limit is taken as it was: its date was set by hand, or worked out under a calendar that was changed since.",
            "%(n)s limits are taken as they were: their dates were set by hand, or worked out under a calendar that was changed since.",
            tally.as_it_was,
        )
        said.append(words % {"n": count(tally.as_it_was)})
    return said
