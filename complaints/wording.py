"""Letters with fields in braces (K2): which fields there are, what is wrong with a text, a text filled in."""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter

from django.utils.translation import gettext as _

FIELDS = ("customer", "number", "title", "found", "done", "prevented", "apology", "points", "sender", "date")
OWED = ("found", "done", "prevented", "points", "apology")
SHOWN = "、".join(f"{{{name}}}" for name in FIELDS)


def faults(body: str) -> list[str]:
    """A sentence per thing that is wrong: braces that do not match, fields that nobody fills."""
    try:
        parts = list(Formatter().parse(body))
    except ValueError:
        return [_("A brace is open: write a field as {customer}, a brace itself as {{.")]
    unknown = [name for _text, name, spec, conversion in parts if name is not None and (name not in FIELDS or spec or conversion)]
    return [_("“{%(field)s}” is not a field of a letter. Fields are: %(known)s.") % {"field": name, "known": SHOWN} for name in dict.fromkeys(unknown)]


def missing(body: str) -> list[str]:
    """C12, C13, C17: what a letter must have place for. The body has no faults."""
    there = {name for _text, name, _spec, _conversion in Formatter().parse(body)}
    lacking = "、".join(f"{{{name}}}" for name in OWED if name not in there)
    said = _("The letter has no place for %(fields)s: it says what was found, done and prevented, answers the points and apologizes.")
    return [said % {"fields": lacking}] if lacking else []


def fill(body: str, values: Mapping[str, str]) -> str:
    """The letter; empty fields leave no empty lines behind. Raises ValueError for a text that has faults."""
    if wrong := faults(body):
        raise ValueError(wrong[0])
    text = body.format_map({name: values.get(name, "") for name in FIELDS})
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    kept = [line for n, line in enumerate(lines) if line or (n and lines[n - 1])]
    return "\n".join(kept).strip()
