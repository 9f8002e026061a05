"""The final reply as a letter (C13, C17, K2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.utils import formats, timezone, translation

from complaints import wording
from complaints.models import ComplaintForm, ReplyTemplate


def final(form: ComplaintForm, template: ReplyTemplate, said: Mapping[str, str], *, at: datetime) -> str:
    """`said`: found, done, prevented, apology; the customer's name stays a field until it leaves (FinalReply.letter).

    Raises ValueError for a template that names a field nobody fills.
    """
    with translation.override(template.language):
        values = {
            **said, "customer": "{customer}", "number": form.ticket.item.number, "title": form.ticket.item.title, "points": _points(form),
            "sender": translation.gettext("Customer service"), "date": formats.date_format(timezone.localtime(at), "DATE_FORMAT"),
        }  # fmt: skip
    return wording.fill(template.body, values)


def _points(form: ComplaintForm) -> str:
    rows = form.points.filter(round=form.round).exclude(answer="") or form.points.exclude(answer="")
    return "\n".join(f"{n}. {point.text}\n   {point.answer}" for n, point in enumerate(rows, 1))
