"""One cell: text, instant, phone, or one of a few values. Each answers the cleaned value or raises ValueError with a sentence."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from openpyxl.utils.datetime import from_excel

DATE_ORDERS = ("ymd", "mdy", "dmy")
MOST = 0.7
"""So many of a column's cells must be dates for it to be one of dates."""
ALIKE = 0.97
"""An order that reads so many of what the best one reads is as likely: one date typed wrongly must not decide."""
_SHORTENED = re.compile(r"\d(?:\.\d+)?[eE]\+\d+")
_INSTANT = re.compile(
    r"(?P<a>\d{1,4})\s*[-/.年]\s*(?P<b>\d{1,2}|[A-Za-z]{3,9})\s*[-/.月]\s*(?P<c>\d{1,4})\s*日?"
    r"(?:[T\s,]*(?P<noon1>上午|下午|晚上|凌晨|中午)?\s*(?P<h>\d{1,2})\s*[:时點点]\s*(?P<m>\d{1,2})\s*分?(?:\s*:?\s*(?P<s>\d{1,2})(?:[.,]\d+)?\s*秒?)?\s*(?P<noon2>[AaPp]\.?[Mm]\.?)?)?"
    r"\s*(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?"
)
_DIGITS = re.compile(r"(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2})?)?")
_MONTHS = {name: number for number, name in enumerate(("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)}


def text(cell: Any) -> str:
    """A cell as people read it: whole numbers without ".0", no blanks around."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time(0):
        return cell.date().isoformat()
    words = str(cell).strip()
    if "\ufffd" in words:
        raise ValueError(_("Some characters are damaged in the file."))
    return words.replace("\r\n", "\n").replace("\x00", "")


def number(cell: Any) -> str:
    """A number people give to things. What a spreadsheet shortened to 1.38E+10 is lost and said so."""
    words = text(cell)
    if _SHORTENED.fullmatch(words):
        raise ValueError(_("A spreadsheet shortened this number; format the column as text and export it again."))
    return words


def phone(cell: Any) -> str:
    words = unicodedata.normalize("NFKC", number(cell))
    if words and not re.search(r"\d{3}", re.sub(r"[\s()-]", "", words)):
        raise ValueError(_("This is not a phone number."))
    if len(words) > 60:
        raise ValueError(_("This is too long for a phone number."))
    return words


def email(cell: Any) -> str:
    words = text(cell)
    if words and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", words):
        raise ValueError(_("This is not an e-mail address."))
    return words


def same(words: str) -> str:
    """The form in which two writings of one value are the same: full width to half, case, blanks and punctuation apart."""
    return re.sub(r"[\W_]+", " ", unicodedata.normalize("NFKC", words).casefold()).strip()


def instant(cell: Any, order: str, zone: ZoneInfo) -> datetime | None:
    """The UTC instant of a cell. Local times are of `zone` unless the cell names its own; numbers are a spreadsheet's days or seconds since 1970."""
    if cell in (None, ""):
        return None
    if isinstance(cell, datetime):
        return _aware(cell, zone)
    if isinstance(cell, date):
        return _aware(datetime.combine(cell, time(0), UTC).replace(tzinfo=None), zone)
    if isinstance(cell, bool | time | timedelta):
        raise ValueError(_("This is not a date."))
    if isinstance(cell, int | float):
        return _from_number(float(cell), zone)
    words = str(cell).strip()
    return _from_words(words, order, zone) if words else None


@lru_cache(maxsize=4096)
def _from_words(words: str, order: str, zone: ZoneInfo) -> datetime:
    words = unicodedata.normalize("NFKC", words)
    if found := _INSTANT.fullmatch(words):
        return _from_parts(found, words, order, zone)
    if (found := _DIGITS.fullmatch(words)) and words[:2] in ("19", "20") and len(words) in (8, 12, 14):
        year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
        return _made(words, zone, year, month, day, hour, minute, second)
    if re.fullmatch(r"\d{5}(\.\d+)?|\d{10}|\d{13}", words):
        return _from_number(float(words), zone)
    raise ValueError(_("This is not a date and time that can be read."))


def _from_parts(found: re.Match[str], words: str, order: str, zone: ZoneInfo) -> datetime:
    first, second, third = found["a"], found["b"], found["c"]
    if len(first) == 4 or order == "ymd":
        year, month, day = first, second, third
    elif order == "mdy" and not second.isalpha():
        month, day, year = first, second, third
    else:
        day, month, year = first, second, third
    hour = _hour(int(found["h"] or 0), (found["noon1"] or found["noon2"] or "").lower().replace(".", ""))
    own = _own_zone(found["zone"]) if found["zone"] else zone
    return _made(words, own, _year(year), _month(month), int(day), hour, int(found["m"] or 0), int(found["s"] or 0), order=order)


def _year(digits: str) -> int:
    return int(digits) + (2000 if int(digits) < 70 else 1900) if len(digits) <= 2 else int(digits)


def _month(words: str) -> int:
    return _MONTHS.get(words[:3].lower(), 0) if words.isalpha() else int(words)


def _hour(hour: int, noon: str) -> int:
    if noon in ("pm", "下午", "晚上") and hour < 12:
        return hour + 12
    if noon in ("am", "凌晨", "上午") and hour == 12:
        return 0
    return hour


def _own_zone(words: str) -> timezone:
    if words in ("Z", "UTC"):
        return UTC
    sign = -1 if words[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(words[1:3]), minutes=int(words[-2:])))


def _made(words: str, zone: Any, year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0, order: str = "") -> datetime:
    try:
        return _utc(datetime(year, month, day, hour, minute, second, tzinfo=zone))
    except (ValueError, OverflowError) as error:
        if order in ("mdy", "dmy") and not 1 <= month <= 12 and 1 <= day <= 12:
            raise ValueError(_("There is no month %(month)s: are day and month the other way round?") % {"month": month}) from error
        raise ValueError(_("There is no such day or time in the calendar.")) from error


def _aware(local: datetime, zone: ZoneInfo) -> datetime:
    return _utc(local if local.tzinfo else local.replace(tzinfo=zone))


def _utc(local: datetime) -> datetime:
    """A time that comes twice in autumn is the first; one that the clocks skipped in spring is read with the offset that holds from then on."""
    found = local.astimezone(UTC)
    skipped = found.astimezone(local.tzinfo).replace(tzinfo=None) != local.replace(tzinfo=None)
    return local.replace(fold=1).astimezone(UTC) if skipped else found


def _from_number(cell: float, zone: ZoneInfo) -> datetime:
    """Days of a spreadsheet (1927 to 2147), or seconds or milliseconds since 1970."""
    if 10_000 <= cell < 90_000:
        found = from_excel(cell)
        if isinstance(found, datetime):
            return _aware(found.replace(microsecond=0), zone)
    if 1e8 <= cell < 1e10:
        return datetime.fromtimestamp(cell, UTC)
    if 1e11 <= cell < 1e13:
        return datetime.fromtimestamp(cell / 1000, UTC)
    raise ValueError(_("This number is not a date."))


def orders_that_fit(cells: list[Any]) -> list[str]:
    """Which orders of day, month and year read these cells, but for a few typed wrongly; two mean that a person must say which."""
    zone = ZoneInfo("UTC")
    filled = [cell for cell in cells if cell not in (None, "")]
    read = {order: sum(_reads(cell, order, zone) for cell in filled) for order in DATE_ORDERS}
    best = max(read.values())
    return [order for order, count in read.items() if best >= MOST * len(filled) > 0 and count >= ALIKE * best]


def _reads(cell: Any, order: str, zone: ZoneInfo) -> bool:
    try:
        return instant(cell, order, zone) is not None
    except ValueError:
        return False


def safe_cell(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula: =, +, -, @, tab and return at the beginning get an apostrophe before them."""
    words = "" if value is None else str(value)
    return f"'{words}" if words[:1] in ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠") else words
