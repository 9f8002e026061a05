"""Limits as people say them: how long, until when. Pure; in the reader's language and the desk's zone."""

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from feedback_desk.deadlines.models import Clock

DAY = 86400


def length(seconds: float) -> str:
    """ "3 h 14 min", "2 d 3 h"; cut to whole minutes. static/desk/chips.js says the same while it ticks."""
    minutes = int(abs(seconds) // 60)
    if minutes < 1:
        return _("under 1 min")
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    in_hours, in_minutes = _("%(h)s h") % {"h": hours}, _("%(m)s min")
    if days:
        in_days = _("%(d)s d") % {"d": days}
        return f"{in_days} {in_hours}" if hours else in_days
    return f"{in_hours} {in_minutes % {'m': f'{minutes:02d}'}}" if hours else in_minutes % {"m": minutes}


def working_days(count: int) -> str:
    return ngettext("%(count)s working day", "%(count)s working days", count) % {"count": count}


def left_over(seconds: int, clock: str) -> str:
    """What a paused limit has left, in its own clock."""
    return working_days(seconds // DAY) if clock == Clock.WORKING_DAY else length(seconds)


def ends_a_day(at: datetime) -> bool:
    local = timezone.localtime(at)
    return (local.hour, local.minute, local.second) == (0, 0, 0)


def exact(at: datetime) -> str:
    """Date and time; a limit at midnight is the end of the day before, 24:00."""
    local = timezone.localtime(at)
    if ends_a_day(at):
        return f"{_day(local - timedelta(days=1))} 24:00"
    return f"{_day(local)} {local:%H:%M}"


def _day(local: date) -> str:
    return date_format(local, "MONTH_DAY_FORMAT")


def _in_chinese() -> bool:
    return (get_language() or "").startswith("zh")


def allowance(kept: dict[str, Any]) -> str:
    """ "24 h", "8 business hours", "2 working days", "by 15:00 the next day": what a deadline remembers of its rule; and what it leaves in any case."""
    said = _allowance(kept)
    return _("%(allowance)s, at least %(least)s") % {"allowance": said, "least": _days(kept["least"] // DAY)} if kept.get("least") else said


def _allowance(kept: dict[str, Any]) -> str:
    clock, amount, at = kept["clock"], int(kept["amount"]), (kept.get("at") or "24:00")[:5]
    match clock:
        case Clock.CALENDAR:
            return _("%(length)s (day and night)") % {"length": in_hours(amount)}
        case Clock.BUSINESS:
            return _("%(length)s (business hours)") % {"length": in_hours(amount)}
        case Clock.WORKING_DAY:
            return working_days(amount)
        case Clock.SAME_DAY:
            return _("the same day until %(at)s") % {"at": at}
        case Clock.NEXT_DAY:
            return _("the next day until %(at)s") % {"at": at}
        case Clock.FIXED_DATE:
            return _("day %(day)s of the next month until %(at)s") % {"day": amount, "at": at}
        case Clock.WEEKDAY:
            return _("%(weekday)s of the next week until %(at)s") % {"weekday": WEEKDAYS[(amount or 1) - 1], "at": at}
    return _("until the date set")


def in_hours(seconds: int) -> str:
    """ "48 hours", as limits are spoken of, not "2 days"."""
    if seconds >= 3600 and seconds % 3600 == 0:
        return _hours(seconds // 3600)
    return spelt(seconds)


def spelt(seconds: float) -> str:
    """ "3 hours 14 minutes", "2 days 3 hours": a length in full words, for sentences; cut to whole minutes."""
    minutes = int(abs(seconds) // 60)
    if minutes < 1:
        return _("less than a minute")
    parts = ((minutes // 1440, _days), (minutes // 60 % 24, _hours), (minutes % 60, _minutes))
    return " ".join([words(count) for count, words in parts if count][:2])


def _days(count: int) -> str:
    return ngettext("%(n)s day", "%(n)s days", count) % {"n": count}


def _hours(count: int) -> str:
    return ngettext("%(n)s hour", "%(n)s hours", count) % {"n": count}


def _minutes(count: int) -> str:
    return ngettext("%(n)s minute", "%(n)s minutes", count) % {"n": count}


def spelt_left(seconds: int, clock: str) -> str:
    """What a limit had left, in its own clock."""
    return working_days(seconds // DAY) if clock == Clock.WORKING_DAY else spelt(seconds)


def spelt_minutes(minutes: int, clock: str) -> str:
    """Of a step: a day of a limit that counts working days is one of those."""
    if clock == Clock.WORKING_DAY and minutes and minutes % 1440 == 0:
        return working_days(abs(minutes) // 1440)
    return spelt(minutes * 60)


def moment(at: datetime, now: datetime | None = None, after: datetime | None = None, *, ends: bool = False) -> str:
    """ "today 14:32", "tomorrow 09:00", "March 4 14:32"; only "14:32" when it lies on the day of `after`, which was just said.

    Without `now` no day is near: for what is read later, as a notice is. `ends`: midnight is 24:00 of the day before.
    """
    local, time = _local(at, ends)
    if after is not None and local.date() == timezone.localtime(after).date():
        return time
    ahead = (local.date() - timezone.localtime(now).date()).days if now else None
    match ahead:
        case 0:
            return _("today %(time)s") % {"time": time}
        case 1:
            return _("tomorrow %(time)s") % {"time": time}
        case -1:
            return _("yesterday %(time)s") % {"time": time}
    same_year = now is None or timezone.localtime(now).year == local.year
    return f"{_day(local) if same_year else date_format(local, 'DATE_FORMAT')} {time}"


def dated(at: datetime, *, ends: bool = False) -> str:
    """With its year: "March 4, 2026 14:32". `ends`: as in `moment`."""
    local, time = _local(at, ends)
    return f"{date_format(local, 'DATE_FORMAT')} {time}"


def _local(at: datetime, ends: bool) -> tuple[datetime, str]:
    """The local day and the time of day as it is said."""
    local = timezone.localtime(at)
    return (local - timedelta(days=1), "24:00") if ends and ends_a_day(at) else (local, f"{local:%H:%M}")


def dates(first: date, last: date) -> str:
    """ "October 1–8", "September 29 – October 7", one day as itself."""
    if first == last:
        return _day(first)
    if (first.year, first.month) != (last.year, last.month):
        return f"{_day(first)} – {_day(last)}"
    return f"{_day(first)}–{last.day}日" if _in_chinese() else f"{_day(first)}–{last.day}"


def weekday_number(text: str) -> int:
    """1 for Monday, as people write it in either language; 0 for what is none."""
    word = text.strip().lower().replace("星期", "周").replace("礼拜", "周")
    for number, names in enumerate((("周一", "mon"), ("周二", "tue"), ("周三", "wed"), ("周四", "thu"), ("周五", "fri"), ("周六", "sat"), ("周日", "sun")), 1):
        if word == names[0] or (len(word) >= 3 and word.startswith(names[1])):
            return number
    return 7 if word == "周天" else 0


def weekday_of(day: date) -> str:
    """The day with its weekday."""
    return _("%(day)s (%(weekday)s)") % {"day": _day(day), "weekday": date_format(day, "D")}


HOLIDAYS = {
    "元旦": gettext_lazy("New Year's Day"), "农历除夕": gettext_lazy("Spring Festival's Eve"), "春节": gettext_lazy("Spring Festival"),
    "清明节": gettext_lazy("Qingming Festival"), "劳动节": gettext_lazy("Labour Day"), "端午节": gettext_lazy("Dragon Boat Festival"),
    "中秋节": gettext_lazy("Mid-Autumn Festival"), "国庆节": gettext_lazy("National Day"),
}  # fmt: skip


def holiday(names: Iterable[str]) -> str:
    """The names of free days that lie together, in the reader's language where they are known; days given in exchange have none of their own."""
    plain = (re.sub(r"[（(].*", "", name).strip() for name in names)
    own = dict.fromkeys(name for name in plain if name and not name.startswith("休息"))
    return listed([str(HOLIDAYS.get(name, name)) for name in own]) or _("public holiday")


def listed(parts: Sequence[str]) -> str:
    return _(", ").join(parts)


def unannounced(years: Collection[int]) -> str:
    """A limit keeps what it was reckoned by, whatever was announced since."""
    words = _("the public holidays of %(years)s were not announced when it was worked out, so the ordinary week counts")
    return words % {"years": listed([str(year) for year in years])}


BEGINS = {
    "D01": gettext_lazy("receipt"), "D02": gettext_lazy("registration"), "D03": gettext_lazy("receipt"), "D04": gettext_lazy("receipt"),
    "D05": gettext_lazy("receipt"), "D06": gettext_lazy("assignment"), "D07": gettext_lazy("assignment"), "D08": gettext_lazy("receipt"),
    "D09": gettext_lazy("grading"), "D10": gettext_lazy("grading"), "D11": gettext_lazy("registration"), "D12": gettext_lazy("registration"),
    "D13": gettext_lazy("receipt"), "D14": gettext_lazy("registration"), "D15": gettext_lazy("arrival at the office"),
    "D16": gettext_lazy("the end of the review"), "D17": gettext_lazy("the ruling"), "D18": gettext_lazy("execution"),
    "D19": gettext_lazy("the closing being asked for"), "D20": gettext_lazy("the closing being asked for"),
    "D21": gettext_lazy("the abnormal closing being asked for"), "D22": gettext_lazy("the low score"),
    "D23": gettext_lazy("arrival at the quality department"), "D24": gettext_lazy("registration or the last note"), "D25": gettext_lazy("registration"),
    "D26": gettext_lazy("registration"), "D27": gettext_lazy("receipt"), "D28": gettext_lazy("the end of the month"),
    "D29": gettext_lazy("the order being confirmed"), "D30": gettext_lazy("dispatch"), "D31": gettext_lazy("the end of the week"),
    "D32": gettext_lazy("the end of the month"), "D33": gettext_lazy("the end of the month"), "D34": gettext_lazy("receipt"),
    "D35": gettext_lazy("the hand-over to the second line"), "D36": gettext_lazy("receipt"), "D37": gettext_lazy("the inspector's return"),
    "D39": gettext_lazy("the order being confirmed"), "D40": gettext_lazy("parking being asked for"),
    "D41": gettext_lazy("the approval"), "D42": gettext_lazy("execution"), "D43": gettext_lazy("the result being offered"),
}  # fmt: skip
"""What a limit counts from, in a word (section 8 of the process book); a code that is not here is told without it."""

AGAIN = {("D43", "reached"): gettext_lazy("the customer being last reached")}
"""By code and part: what it counts from when it has begun anew."""
