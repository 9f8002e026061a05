"""Charts as data for static/desk/reports.js, and what is worth noticing: from the same figures as the cards and tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from reports import labels
from reports.figures import Figures
from reports.pages import Link, count, part_of, percent

MANY = 0.8
"""The Pareto's dark bars: the largest causes that together make up this share."""


@dataclass(frozen=True)
class Remark:
    icon: str
    tone: str
    text: str
    url: str
    link: str


def charts(figures: Figures, link: Link) -> dict[str, Any]:
    """What the drawing needs, words included; marks open the rows they count."""
    return {"causes": _pareto(figures, link), "compliance": _dots(figures, link), "days": _line(figures, link)}


def _pareto(figures: Figures, link: Link) -> dict[str, Any]:
    whole, sum_so_far, rows = sum(row["n"] for row in figures["causes"]), 0, []
    for row in figures["causes"]:
        rest = row["key"].startswith("not-")
        dark = not rest and sum_so_far < whole * MANY
        sum_so_far += row["n"]
        rows.append({"name": labels.name_of(row, _("All others")), "n": row["n"], "sum": part_of(sum_so_far, whole), "dark": dark, "url": link(row["what"])})
    return {"kind": "pareto", "rows": rows, "sumName": _("Sum of shares"), "name": _("How many")}


def _dots(figures: Figures, link: Link) -> dict[str, Any]:
    rows = [
        {
            "name": f"{row['code']} {labels.name_of(row)}", "value": round(row["share"] * 100, 1), "below": row["share"] < figures["target"],
            "url": link(row["late"]["what"] if row["late"]["n"] else row["all"]["what"]),
        }
        for row in figures["compliance"] if row["share"] is not None
    ]  # fmt: skip
    return {"kind": "target", "rows": rows, "target": round(figures["target"] * 100, 1), "belowWords": _("below target"), "name": _("On time")}


def _line(figures: Figures, link: Link) -> dict[str, Any]:
    control = figures["control"]
    rows = [{"name": labels.day_name(row["key"]), "n": row["n"], "out": outside(row["n"], control), "url": link(row["what"])} for row in figures["days"]]
    words = {"mean": _("mean"), "upper": _("upper limit"), "lower": _("lower limit"), "above": _("above the limit"), "under": _("below the limit")}
    return {"kind": "control", "rows": rows, **control, "words": words, "name": _("Received")}


def outside(n: int, control: Figures) -> str:
    """ "above" or "under" the natural limits, else nothing."""
    if control["mean"] is None or control["lower"] <= n <= control["upper"]:
        return ""
    return "above" if n > control["upper"] else "under"


def chart_notes(figures: Figures) -> dict[str, str]:
    """The small line beside each chart's title: what it says, without seeing it."""
    return {"causes": _pareto_note(figures), "compliance": _dots_note(figures), "days": _line_note(figures)}


def _pareto_note(figures: Figures) -> str:
    dark = [row for row in _pareto(figures, str)["rows"] if row["dark"]]
    if not dark:
        return ""
    told = {"n": count(figures["headline"]["complaints"]["n"]), "dark": len(dark), "share": dark[-1]["sum"]}
    return _("%(n)s complaints; the %(dark)s dark ones make up %(share)s%%") % told


def _dots_note(figures: Figures) -> str:
    told = {"target": f"{figures['target']:.0%}", "n": len(_below(figures))}
    return _("The line is the target of %(target)s; diamonds are below it: %(n)s") % told


def _line_note(figures: Figures) -> str:
    control = figures["control"]
    if control["mean"] is None:
        return ""
    out = sum(bool(outside(row["n"], control)) for row in figures["days"])
    return _("mean %(mean)s, upper limit %(upper)s, lower limit %(lower)s · %(out)s days outside") % {**control, "out": out}


def _below(figures: Figures) -> list[Figures]:
    """Limits below target, worst first."""
    return sorted((row for row in figures["compliance"] if row["share"] is not None and row["share"] < figures["target"]), key=lambda row: row["share"])


# --- Worth noticing ---


def remarks(figures: Figures, link: Link, at_most: int = 6) -> list[Remark]:
    """Limits below target, worst first; days outside the natural limits; the hour of the week with most."""
    return [*_below_target(figures, link)[: at_most - 2], *_days_outside(figures, link)[:2], *_busiest(figures, link)][:at_most]


def _below_target(figures: Figures, link: Link) -> list[Remark]:
    return [_missed(row, figures["target"], link) for row in _below(figures)]


def _missed(row: Figures, target: float, link: Link) -> Remark:
    told = {"limit": f"{row['code']} {labels.name_of(row)}", "share": percent(row["share"]), "target": f"{target:.0%}"}
    text = _("%(limit)s on time %(share)s, below the target of %(target)s") % told
    late = row["late"]["n"]
    see = ngettext("See the late one", "See the %(n)s late ones", late) % {"n": count(late)}
    return Remark("exclamation-triangle-fill", "late", text, link(row["late"]["what"]), see)


def _days_outside(figures: Figures, link: Link) -> list[Remark]:
    control = figures["control"]
    words = {
        "above": _("%(day)s: %(n)s received, above the upper limit of %(limit)s"),
        "under": _("%(day)s: %(n)s received, below the lower limit of %(limit)s"),
    }
    found = [(row, side) for row in figures["days"] if (side := outside(row["n"], control))]
    return [
        Remark("graph-up", "soon", words[side] % _told(row, control["upper" if side == "above" else "lower"]), link(row["what"]), _see(row["n"]))
        for row, side in found
    ]  # fmt: skip


def _told(row: Figures, limit: float) -> dict[str, Any]:
    return {"day": labels.day_name(row["key"]), "n": row["n"], "limit": limit}


def _busiest(figures: Figures, link: Link) -> list[Remark]:
    row = max(figures["slots"], key=lambda slot: slot["n"], default=None)
    if row is None or row["n"] < 2:
        return []
    told = {"weekday": labels.weekday_name(row["weekday"]), "hour": labels.hour_name(row["hour"]), "n": row["n"]}
    return [Remark("hourglass-split", "", _("Most comes in on %(weekday)s at %(hour)s: %(n)s") % told, link(row["what"]), _see(row["n"]))]


def _see(n: int) -> str:
    return _("See these %(n)s") % {"n": count(n)}
