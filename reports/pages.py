"""A summary as its page and its workbook show it: cards and tables, all made from one dict of figures. No queries here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from reports import labels
from reports.figures import Figures

Link = Callable[[str], str]
"""From a number's `what` to the page that lists its rows."""
FROM_HOUR, TO_HOUR = 8, 19
DARK = 0.75
"""From this share of the largest on, a cell of the grid is dark enough for white figures."""


@dataclass(frozen=True)
class Cell:
    """One thing in a table: its text, where it leads, and a share of the row's bar or verdict if it has one."""

    text: str
    url: str = ""
    percent: float | None = None
    below: bool = False
    numeric: bool = True
    value: float | str | None = None


@dataclass(frozen=True)
class Table:
    title: str
    heads: list[str]
    rows: list[list[Cell]]
    total: list[Cell] = field(default_factory=list)


@dataclass(frozen=True)
class Card:
    name: str
    value: str
    unit: str
    url: str
    than: str = ""
    tone: str = ""
    icon: str = ""
    then: str = ""
    below: bool = False


# --- How numbers are written ---


def count(n: int) -> str:
    return f"{n:,}"


def percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.1f}%"


def decimal(value: float | None, places: int = 2) -> str:
    return "–" if value is None else f"{value:.{places}f}"


def text_of(cell: Figures, link: Link) -> Cell:
    return Cell(count(cell["n"]), link(cell["what"]) if cell["n"] else "", value=cell["n"])


# --- Cards ---


@dataclass(frozen=True)
class Measure:
    """How a figure is read, written and compared; `better` is +1 if more is better, -1 if less is, 0 if neither."""

    value: Callable[[Figures], float | None]
    text: Callable[[Any], str]
    unit: str
    better: int
    change: Callable[[float], str]
    what: Callable[[Figures], str] = lambda figure: str(figure["what"])


def _change_of_count(difference: float) -> str:
    words = _("%(n)s more") if difference > 0 else _("%(n)s fewer")
    return words % {"n": count(round(abs(difference)))}


def _change_of_share(difference: float) -> str:
    words = _("up %(n)s points") if difference > 0 else _("down %(n)s points")
    return words % {"n": f"{abs(difference) * 100:.1f}"}


def _change(difference: float) -> str:
    words = _("up %(n)s") if difference > 0 else _("down %(n)s")
    return words % {"n": decimal(abs(difference))}


def _counted(better: int) -> Measure:
    return Measure(lambda f: f["n"], count, pgettext("count", "tickets"), better, _change_of_count)


def _rate() -> Measure:
    return Measure(lambda f: f["share"], percent, "", 1, _change_of_share, lambda f: str(f["all"]["what"]))


def measures() -> dict[str, Measure]:
    return {
        "received": _counted(0), "complaints": _counted(-1), "formal_reply": _rate(), "closing": _rate(),
        "repeats": Measure(lambda f: f["share"], percent, "", -1, _change_of_share),
        "scores": Measure(lambda f: f["mean"], decimal, "/ 5", 1, _change),
        "completed": _counted(0), "open": _counted(-1), "late": _counted(-1), "outstanding": _counted(-1),
    }  # fmt: skip


def cards(figures: Figures, link: Link) -> list[Card]:
    """The key figures with what they were in the period before."""
    before = figures["before"]["headline"]
    return [_card(name, measure, figures["headline"][name], before[name], figures["target"], link) for name, measure in measures().items()]


def _card(name: str, measure: Measure, now: Figures, then: Figures, target: float, link: Link) -> Card:
    value, old = measure.value(now), measure.value(then)
    aimed = "all" in now
    last = _("Before: %(value)s") % {"value": measure.text(old) if old is not None else "–"}
    aim = _("target %(target)s") % {"target": f"{target:.0%}"} if aimed else ""
    return Card(
        name=str(labels.FIGURES[name]), value=measure.text(value), unit=measure.unit if value is not None else "", url=link(measure.what(now)),
        **_compared(measure, value, old), then=" · ".join(filter(None, [last, aim, _aside(name, now)])),
        below=aimed and value is not None and value < target,
    )  # fmt: skip


def _aside(name: str, figure: Figures) -> str:
    """What else a card says: how many visits, how long handling took."""
    if name == "scores":
        return _("%(n)s visits") % {"n": count(figure["n"])}
    if name == "completed" and figure["median"] is not None:
        return _("median %(hours)s h, mean %(mean)s h") % {"hours": decimal(figure["median"], 1), "mean": decimal(figure["mean"], 1)}
    return ""


def _compared(measure: Measure, value: float | None, old: float | None) -> dict[str, str]:
    if value is None or old is None:
        return {}
    if value == old:
        return {"than": _("as before"), "icon": "arrow-right"}
    difference = value - old
    icon, good = "arrow-up" if difference > 0 else "arrow-down", difference * measure.better
    words = measure.change(difference)
    if not measure.better:
        return {"than": words, "icon": icon}
    judged = _("%(change)s, better") if good > 0 else _("%(change)s, worse")
    return {"than": judged % {"change": words}, "icon": icon, "tone": "better" if good > 0 else "worse"}


# --- Tables: each chart has one, and Excel gets the same ---


def counts_table(title: str, head: str, rows: list[tuple[str, Figures]], link: Link) -> Table:
    """Name, number, share of the whole."""
    whole = sum(row["n"] for _name, row in rows)
    lines = [[Cell(name, numeric=False), text_of(row, link), _share_of(row["n"], whole)] for name, row in rows]
    return Table(title, [head, _("How many"), _("Share")], lines)


def _share_of(n: int, whole: int) -> Cell:
    return Cell(percent(n / whole if whole else None), percent=part_of(n, whole), value=part_of(n, whole))


def part_of(n: int, whole: int) -> float:
    """In percent."""
    return round(n / whole * 100, 1) if whole else 0


def types(figures: Figures, link: Link) -> Table:
    return counts_table(_("By type"), _("Type"), [(labels.type_name(row["key"]), row) for row in figures["types"]], link)


def categories(figures: Figures, link: Link) -> Table:
    return counts_table(_("By category"), _("Category"), [(labels.name_of(row, _("All others")), row) for row in figures["categories"]], link)


def causes(figures: Figures, link: Link) -> Table:
    return counts_table(_("What complaints are about"), _("Category"), [(labels.name_of(row, _("All others")), row) for row in figures["causes"]], link)


def grades(figures: Figures, link: Link) -> Table:
    return counts_table(_("Complaints by grade"), _("Grade"), [(labels.grade_name(row["key"]), row) for row in figures["grades"]], link)


def rate_cell(rate: Figures, target: float) -> Cell:
    share = rate["share"]
    return Cell(percent(share), percent=None if share is None else round(share * 100, 1), below=share is not None and share < target, value=share)


def compliance(figures: Figures, link: Link) -> Table:
    rows = [
        [Cell(f"{row['code']} {labels.name_of(row)}", numeric=False), text_of(row["all"], link), text_of(row["late"], link), rate_cell(row, figures["target"])]
        for row in figures["compliance"]
    ]
    return Table(_("On time, by limit"), [_("Limit"), _("Judged"), _("Late"), _("On time")], rows)


def days(figures: Figures, link: Link) -> Table:
    rows = [[Cell(labels.day_name(row["key"]), numeric=False), text_of(row, link)] for row in figures["days"]]
    return Table(_("Received by day"), [_("Day"), _("How many")], rows)


def slots(figures: Figures, link: Link) -> Table:
    """Weekday by hour, the hours of the day that occur; the darker the more."""
    by_slot = {(row["weekday"], row["hour"]): row for row in figures["slots"]}
    hours = range(min([FROM_HOUR, *(h for _w, h in by_slot)]), max([TO_HOUR, *(h for _w, h in by_slot)]) + 1)
    most = max([row["n"] for row in figures["slots"]], default=0)
    rows = [[Cell(labels.weekday_name(day), numeric=False), *(_slot(by_slot.get((day, hour)), most, link) for hour in hours)] for day in range(1, 8)]
    return Table(_("When it comes in"), ["", *(labels.hour_name(hour) for hour in hours)], rows)


def _slot(row: Figures | None, most: int, link: Link) -> Cell:
    if row is None:
        return Cell("", percent=0, value=0)
    return Cell(count(row["n"]), link(row["what"]), percent=part_of(row["n"], most), below=row["n"] > most * DARK, value=row["n"])


def departments(figures: Figures, link: Link) -> Table:
    heads = [_("Department"), _("Received"), _("Complaints"), _("24 h reply"), _("Completed on time"), _("Repeats"), _("Visit score"), _("Outstanding")]
    rows = [_department(labels.name_of(row, _("Without a department")), row, figures["target"], link) for row in figures["departments"]]
    return Table(_("By department"), heads, rows, _department(_("Together"), figures["headline"], figures["target"], link))


def _department(name: str, row: Figures, target: float, link: Link) -> list[Cell]:
    scores, repeats = row["scores"], row["repeats"]
    return [
        Cell(name, numeric=False),
        text_of(row["received"], link),
        text_of(row["complaints"], link),
        _linked(rate_cell(row["formal_reply"], target), row["formal_reply"]["all"], link),
        _linked(rate_cell(row["closing"], target), row["closing"]["all"], link),
        _linked(Cell(percent(repeats["share"]), value=repeats["share"]), repeats, link),
        _linked(Cell(decimal(scores["mean"]), value=scores["mean"]), scores, link),
        text_of(row["outstanding"], link),
    ]


def _linked(cell: Cell, counted: Figures, link: Link) -> Cell:
    return Cell(cell.text, link(counted["what"]) if counted["n"] else "", cell.percent, cell.below, cell.numeric, cell.value)


def key_figures(figures: Figures) -> Table:
    """For Excel: the cards as numbers."""
    before = figures["before"]["headline"]
    rows = [
        [Cell(str(labels.FIGURES[name]), numeric=False), Cell("", value=m.value(figures["headline"][name])), Cell("", value=m.value(before[name]))]
        for name, m in measures().items()
    ]  # fmt: skip
    return Table(_("Key figures"), [_("Figure"), _("This period"), _("Period before")], rows)


def tables(figures: Figures, link: Link) -> dict[str, Table]:
    make = {
        "types": types, "categories": categories, "causes": causes, "grades": grades,
        "compliance": compliance, "days": days, "slots": slots, "departments": departments,
    }  # fmt: skip
    return {name: table(figures, link) for name, table in make.items()}


# --- What changed since a summary was issued ---


def changes(differences: list[tuple[str, float, float]], names: labels.Names, link: Link) -> Table:
    """R12: figure, as issued, recalculated, difference."""
    rows = [
        [Cell(names.spoken(what), numeric=False), Cell(_number(then)), Cell(_number(now), link(what.partition("|")[0])), Cell(_signed(now - then))]
        for what, then, now in differences
    ]  # fmt: skip
    return Table(_("What differs today"), [_("Figure"), _("As issued"), _("Today"), _("Difference")], rows)


def _number(value: float) -> str:
    return count(value) if isinstance(value, int) else decimal(value)


def _signed(difference: float) -> str:
    return f"{difference:+d}" if isinstance(difference, int) else f"{difference:+.2f}"
