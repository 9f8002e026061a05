"""On the sheet of a complaint: where its form stands, how it was set aside, how it was closed without the customer's yes, how it ended. Of one round."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _

from complaints.guards import NEW_ROUND
from complaints.lifecycle import State
from complaints.models import AbnormalGround, ComplaintForm, ParkingReason
from feedback_desk.records.models import Entry
from feedback_desk.workplace.panels.parts import aside, named, series
from feedback_desk.workplace.templatetags.desk import exact
from feedback_desk.workplace.words import SAID

ASIDE = ("ask_parking", "park", "refuse_parking", "resume", "settle_matter")
ABNORMAL = ("ask_abnormal", "rule_abnormal", "refuse_abnormal")
ENDS = ("accept", "pass_and_file", "rule_abnormal", "close_withdrawn", "invalidate", "merge")
TOLD_ELSEWHERE = ("pass_and_file", "settle_matter")
"""Their words stand in another row: faults of the check, why nobody is at fault."""


def state(form: ComplaintForm, round: int, acts: list[Entry]) -> tuple[str, datetime | None]:
    """The form's state and when it closed, now or when an earlier round ended (C15)."""
    if round == form.round:
        return str(form.get_state_display()), form.closed_at
    ended = next((e for e in reversed(acts) if e.verb in ENDS), None)
    began = next((e for e in acts if e.verb in NEW_ROUND), None)
    if ended is not None:
        return str(State(ended.target).label), ended.at
    return str(State(began.source).label) if began is not None else "", None


def set_aside(acts: list[Entry]) -> str:
    """C2, C8: why, whom the customer turns to, who asked and who agreed; until when, and what changed."""
    return together(_line(e, _why_aside(e)) for e in acts if e.verb in ASIDE)


def abnormal(acts: list[Entry]) -> str:
    """C10: on which ground, in whose words, who asked, who ruled and how."""
    return together(_line(e, AbnormalGround(e.data["ground"]).label if e.verb == "ask_abnormal" else "", words(e)) for e in acts if e.verb in ABNORMAL)


def split(acts: list[Entry]) -> str:
    """C4: without agreement, the office's report of both opinions."""
    return together(_line(e, words(e)) for e in acts if e.verb == "report_split")


def ended(acts: list[Entry]) -> str:
    """How the round ended: closed, or by what began the next one. A closed round's paper says nothing of a later reopening (C15)."""
    ends = [e for e in acts if e.verb in ENDS] or [e for e in acts if e.verb in NEW_ROUND]
    return together(_line(e, "" if e.verb in (*TOLD_ELSEWHERE, *ABNORMAL) else words(e)) for e in ends)


def words(entry: Entry) -> str:
    return entry.words.text if hasattr(entry, "words") else ""


def by(user: object, at: datetime | None) -> str:
    return " ".join(part for part in (str(user or ""), exact(at)) if part)


def _why_aside(entry: Entry) -> str:
    if entry.verb in TOLD_ELSEWHERE:
        return ""
    if entry.verb != "ask_parking":
        return words(entry)
    contact = named(_("The customer turns to"), entry.data["contact"]) if entry.data.get("contact") else ""
    return series([ParkingReason(entry.data["parking_reason"]).label, words(entry), contact])


def _line(entry: Entry, *said: object) -> str:
    what = series(said)
    return aside(named(SAID[entry.verb], what) if what else SAID[entry.verb], by(entry.by, entry.at))


def together(parts: Iterable[str], between: str = "\n") -> str:
    """What is not empty of these."""
    return between.join(part for part in parts if part)
