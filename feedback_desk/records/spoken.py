"""Times as people say them, in the desk's zone."""

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from feedback_desk import clock


def words(kept: str) -> str:
    """What was kept of somebody's words, or of the desk's own: those are kept in English and said in the reader's language."""
    return _(kept) if kept else ""


def in_brackets(text: str, more: str) -> str:
    """"text (more)", in the reader's brackets; the text alone where there is no more."""
    return _("%(text)s (%(aside)s)") % {"text": text, "aside": more} if more else text


def when(at: datetime) -> str:
    """"today 10:46", "yesterday 16:32", else the date; exact instants go into `title` and `datetime` attributes."""
    local, today = timezone.localtime(at), timezone.localtime(clock.now()).date()
    days = (today - local.date()).days
    time = f"{local:%H:%M}"
    if days == 0:
        return _("today %(time)s") % {"time": time}
    if days == 1:
        return _("yesterday %(time)s") % {"time": time}
    if days == -1:
        return _("tomorrow %(time)s") % {"time": time}
    day = date_format(local, "MONTH_DAY_FORMAT")
    if local.year != today.year:
        day = date_format(local, "DATE_FORMAT")
    return f"{day} {time}"
