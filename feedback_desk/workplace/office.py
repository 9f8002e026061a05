"""The back office's sidebar: summaries, configuration, data, operation. Models come from the admin site, pages of rooms by the names of their addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from feedback_desk.deadlines.permissions import may_try
from reports.permissions import may_read_rewards

LABELS: dict[str, Any] = {"summaries": _("Summaries"), "configuration": _("Configuration"), "data": _("Data"), "running": _("Operation")}

PAGES: list[tuple[str, Any, str, str]] = [
    ("summaries", _("Weekly summary"), "calendar-week", "reports:weekly"),
    ("summaries", _("Monthly summary"), "calendar-month", "reports:monthly"),
    ("summaries", _("Rewards and penalties"), "award", "reports:rewards"),
    ("configuration", _("Try a rule"), "hourglass-split", "limits:try"),
    ("configuration", _("What if"), "rewind", "reports:what_if"),
    ("data", _("Import"), "upload", "imports:index"),
    ("running", _("State of the machinery"), "heart-pulse", "office:machinery"),
]
"""Group, label, icon, name of the address; one that this installation does not have is left out."""

ONLY_FOR: dict[str, Callable[[Any], bool]] = {"limits:try": may_try, "reports:what_if": may_try, "reports:rewards": may_read_rewards}
"""Pages that are not for everybody who may enter."""

IN_GROUP: dict[str, dict[str, str]] = {
    "summaries": {"Summary": "archive"},
    "configuration": {
        "Rule": "alarm", "Ladder": "bar-chart-steps", "Calendar": "calendar3", "GradeRule": "bar-chart", "GradingRule": "clipboard-data",
        "DispositionPolicy": "speedometer2", "RemedyLimit": "cash-coin", "DefaultRemedy": "gift",
        "ReplyTemplate": "envelope-paper", "AnalysisRule": "search", "CauseCategory": "diagram-2",
        "Category": "diagram-3", "Route": "signpost-split", "Skill": "mortarboard", "Seat": "headset", "PriorityRule": "grid-3x3",
        "EmptyPhrase": "chat-left-dots", "User": "people", "Department": "building", "Absence": "calendar-x", "Concern": "person-exclamation",
        "QuietHours": "moon", "LogEntry": "clock-history",
    },
    "data": {
        "Ticket": "ticket-detailed", "ComplaintForm": "file-earmark-text", "Disposition": "hammer", "Remedy": "gift",
        "CorrectiveAction": "clipboard-pulse", "RootCause": "diagram-2", "Inspection": "clipboard-check",
        "Visit": "telephone", "SecondFollowUp": "telephone-forward", "Contact": "chat-left-text", "NextStep": "check2-square", "Customer": "person-lines-fill",
        "Attachment": "paperclip",
    },
    "running": {
        "PresenceChange": "person-workspace", "Deadline": "stopwatch", "Change": "arrow-repeat", "Notice": "envelope", "Entry": "journal-text",
        "Reading": "eye", "Refusal": "shield-x",
    },
}  # fmt: skip
MODELS = {model: (group, icon) for group, models in IN_GROUP.items() for model, icon in models.items()}
"""Where a model stands and its icon; any other is data."""
NAMES: dict[str, Any] = {"LogEntry": _("Changes of the configuration")}
"""Entries that are called otherwise than their model."""


@dataclass(frozen=True)
class Line:
    """One line of the state of the machinery: tone ok, soon or late."""

    tone: str
    text: str
    url: str = ""


LINES: list[Callable[[], Iterable[Line]]] = []
"""Asked when the sidebar is drawn; filled by workplace.counts."""


@dataclass
class Group:
    label: Any
    entries: list[dict[str, Any]] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


def groups(request: HttpRequest, apps: Iterable[dict[str, Any]]) -> list[Group]:
    """The sidebar for this person: what they may open, in four groups; empty ones left out."""
    made = {key: Group(label) for key, label in LABELS.items()}
    for key, label, icon, name in PAGES:
        if (url := _address(name)) and ONLY_FOR.get(name, bool)(request.user):
            made[key].entries.append({"label": label, "icon": icon, "url": url, "current": request.path.startswith(url)})
    for model in sorted((m for app in apps for m in app["models"] if m.get("admin_url")), key=_place):
        key, icon = MODELS.get(model["object_name"], ("data", "table"))
        label, url = NAMES.get(model["object_name"], model["name"]), model["admin_url"]
        made[key].entries.append({"label": label, "icon": icon, "url": url, "current": request.path.startswith(url)})
    made["running"].lines = [line for ask in LINES for line in ask()]
    return [g for g in made.values() if g.entries or g.lines]


def _place(model: dict[str, Any]) -> int:
    """In the order of IN_GROUP, others last."""
    return list(MODELS).index(model["object_name"]) if model["object_name"] in MODELS else len(MODELS)


def _address(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""
