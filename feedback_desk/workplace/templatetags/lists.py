"""A row of a list, drawn once as long as it says the same."""

from collections.abc import Iterable
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from feedback_desk.workplace.rows import Row

register = template.Library()


@register.simple_tag
def list_row(row: Row, me: Any, tick: Any = False) -> SafeString:
    """`me`: the person looking, whose own rows are marked; `tick`: with a box."""
    return row.html(mine=row.v.holder_id == me.pk, tick=bool(tick))


@register.simple_tag
def options(choices: Iterable[tuple[Any, Any]], chosen: str = "") -> SafeString:
    """The options of a select, the chosen one marked; many at once, since filters have a hundred."""
    return format_html_join(
        "",
        "{}",
        ((format_html('<option value="{}"{}>{}</option>', value, SafeString(" selected") if str(value) == chosen else "", label),) for value, label in choices),
    )
