"""What a notice says, in its reader's language, from templates/notices/<template>.subject.txt and .txt."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils import translation

from feedback_desk.notices.models import Notice
from feedback_desk.records import spoken

DEFAULT_LANGUAGE = "zh-hans"
EXPLAINS: dict[str, Callable[[Mapping[str, Any], str], str]] = {}
"""By template: why, from the notice's data and its cause; with no cause from the data alone, which reads nothing. Filled by the layers above, as this one
knows nothing of limits."""
FULL_STOP = re.compile(r"[.。] · ")
SAID = {"what", "message", "ruling"}
"""The desk's own words in a notice's data: kept in English, with their values in `said`."""


def subject(notice: Notice, language: str | None = None) -> str:
    """One line: the subject of the e-mail and the line in the page; a sentence in it goes without its full stop."""
    return FULL_STOP.sub(" · ", _render(notice, "subject.txt", language).replace("\n", " ").strip())


def text(notice: Notice, language: str | None = None) -> str:
    """The whole of it, with everything that explains it (E4): several queries."""
    return _render(notice, "txt", language, notice.cause).strip() + "\n"


def gist(notice: Notice, language: str | None = None) -> str:
    """For lists: what the notice itself knows, without a query."""
    return _render(notice, "txt", language).strip() + "\n"


def link(notice: Notice) -> str:
    """The page that opens what the notice is about; customers get the one in the data."""
    if notice.receiver_id is None:
        return str(notice.data.get("link", ""))
    try:
        return f"{settings.DESK_URL}{reverse('workplace:notice', args=[notice.pk])}"
    except NoReverseMatch:
        return str(settings.DESK_URL)


def html(body: str, title: str, url: str, language: str | None = None) -> str:
    with translation.override(language or DEFAULT_LANGUAGE):
        return render_to_string("notices/mail.html", {"body": body, "title": title, "url": url, "language": language or DEFAULT_LANGUAGE})


def _render(notice: Notice, part: str, language: str | None, cause: str = "") -> str:
    with translation.override(language or translation.get_language() or DEFAULT_LANGUAGE):
        context = _context(notice.data)
        context["explained"] = EXPLAINS[notice.template](context, cause) if notice.template in EXPLAINS else ""
        return render_to_string(f"notices/{notice.template}.{part}", context)


def _context(data: Mapping[str, Any]) -> dict[str, Any]:
    """Times come back from JSON as instants; the rule's name and the desk's own words are in the reader's language."""
    context = {key: _instant(value) if key.endswith("_at") else value for key, value in data.items()}
    english = (translation.get_language() or "").startswith("en")
    context["rule"] = (data.get("name_en") if english else "") or data.get("name", "")
    for key in SAID & data.keys():
        context[key] = spoken.words(data[key]) % {**data["said"], "rule": context["rule"]} if data.get("said") else spoken.words(data[key])
    return context


def _instant(value: Any) -> Any:
    return datetime.fromisoformat(value) if isinstance(value, str) and value else value
