"""Tags and filters that every template has: icons, times as people say them, masks, forms (a template builtin)."""

from datetime import datetime
from typing import Any

from django import forms, template
from django.forms.boundfield import BoundField
from django.template.context import Context
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from feedback_desk.deadlines import wording
from feedback_desk.records.secrets import mask, mask_name
from feedback_desk.records.spoken import when
from feedback_desk.workplace import office

register = template.Library()

VERBS_BY_ICON = {
    "inbox": "register registered",
    "person-plus": "assign assigned",
    "arrow-return-left": "decline send_back return_to_department",
    "arrow-up-circle": "hand_up",
    "person-check": "confirm facts_checked",
    "hand-index": "take",
    "arrow-left-right": "reassign second_line",
    "question-circle": "ask_customer ask_parking ask_abnormal",
    "chat-left-text": "customer_answered answered",
    "send": "offer_result submit propose",
    "x-circle": "not_solved unsolved refuse_parking refuse_abnormal",
    "check2-circle": "confirm_result handle_on_the_spot settle_matter",
    "telephone-x": "no_answer not_accepted",
    "x-octagon": "withdraw close_withdrawn",
    "check2-all": "close end_with_form review_passed",
    "arrow-counterclockwise": "reopen reopen_abnormal restore reverse",
    "slash-circle": "invalidate strike_out",
    "intersect": "merge merged",
    "file-earmark-plus": "open opened",
    "bar-chart-steps": "grade_it graded raise_grade lower_grade",
    "search": "begin_determination determined",
    "hourglass": "park",
    "play-circle": "resume",
    "shield-check": "no_fault_found no_fault_major confirm_no_fault",
    "chat-square-text": "object open_negotiation",
    "pen": "negotiate negotiated sign",
    "arrows-angle-expand": "report_split",
    "hammer": "rule",
    "box-arrow-right": "hand_over",
    "clipboard-check": "pass_check checked",
    "archive": "pass_and_file",
    "telephone": "accept visit visited",
    "exclamation-octagon": "rule_abnormal",
    "check-circle": "agree",
    "check-square": "carry_out executed",
    "pencil-square": "draw_up drafted",
    "telephone-outbound": "contact call_out",
    "telephone-inbound": "call_in",
    "chat-dots": "chat",
    "chat-left-dots": "other",
    "envelope": "email",
    "envelope-paper": "letter",
    "lock": "note",
    "paperclip": "attached",
    "pencil": "corrected",
    "eye": "revealed",
    "signpost-2": "handling_decided",
    "link-45deg": "linked",
    "tag": "tagged",
    "calendar-plus": "extended deadline_extended deadline_lengthened",
    "clock-history": "late_reason deadline_rule_changed deadline_rule_off",
    "box-arrow-in-down": "imported",
    "bell": "notice",
    "gift": "draft_remedy offer approve fulfil",
    "hourglass-split": "ask_approval",
    "hand-thumbs-up": "accept_offer",
    "x-lg": "refuse_approval decline_offer withdraw_offer",
}
ICON_OF_VERB = {verb: icon for icon, verbs in VERBS_BY_ICON.items() for verb in verbs.split()}

ICON_OF_STATE = {
    "circle": {"pending", "registered", "draft", "waiting_visit", "proposed", "awaiting_approval"},
    "pause-circle": {"waiting", "outstanding"},
    "question-circle": {"confirming", "offered"},
    "check-circle": {"completed", "closed", "executed", "ruled", "agreed", "issued", "done", "sent", "fulfilled", "effective"},
    "telephone": {"visiting"},
    "slash-circle": {"invalid", "merged", "withdrawn", "abnormal", "reversed", "closed_abnormally", "refused", "cancelled", "not_effective"},
}


@register.simple_tag
def icon(name: str) -> SafeString:
    """A Bootstrap icon that screen readers pass over; the word beside it says the same."""
    return format_html('<i class="bi bi-{}" aria-hidden="true"></i>', name)


@register.filter
def icon_of_verb(verb: str) -> str:
    """The icon of a history line; a dot for words that have none."""
    return ICON_OF_VERB.get(verb, "dot")


@register.filter
def state_icon(state: str) -> str:
    """The shape of a state: empty, half, pause, question, check; half is "somebody is at it"."""
    return next((name for name, states in ICON_OF_STATE.items() if state in states), "circle-half")


@register.filter
def spoken(at: datetime | None) -> str:
    """A time as people say it; nothing for no time."""
    return when(at) if at else ""


@register.filter
def exact(at: datetime | None) -> str:
    """The exact instant in the desk's zone, for `title`."""
    return date_format(timezone.localtime(at), "Y-m-d H:i:s") if at else ""


@register.filter
def until(at: datetime | None) -> str:
    """A limit with its year; one at midnight is 24:00 of the day that it ends."""
    return wording.dated(at, ends=True) if at else ""


@register.filter
def iso(at: datetime | None) -> str:
    """For `datetime` attributes and the ticking chips: UTC, to the second."""
    return at.astimezone(timezone.get_fixed_timezone(0)).strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""


@register.filter
def masked(value: str, kind: str = "person") -> str:
    """V4: a name (person, company) or contact data (phone, email, address) as those see it who need not know it whole."""
    return mask(kind, value) if kind in ("phone", "email", "address") else mask_name(value, kind)


@register.filter
def initial(name: Any) -> str:
    """The character in the circle that stands for a person."""
    return str(name).strip()[:1].upper()


@register.simple_tag(takes_context=True)
def query(context: Context, **changes: Any) -> str:
    """The page's own query with some parameters replaced; None or "" takes one out."""
    params = context["request"].GET.copy()
    for key, value in changes.items():
        params.pop(key, None)
        if isinstance(value, (list, tuple)):
            params.setlist(key, [str(v) for v in value])
        elif value not in (None, ""):
            params[key] = str(value)
    return f"?{params.urlencode()}"


@register.simple_tag(takes_context=True)
def office_groups(context: Context) -> list[office.Group]:
    """The back office's sidebar; `available_apps` comes from the admin site."""
    return office.groups(context["request"], context.get("available_apps") or [])


@register.filter
def control(field: BoundField) -> SafeString:
    """The field's widget with the classes of the look; `is_wide` and `widget_kind` tell the template how to lay it out."""
    widget = field.field.widget
    by_kind = {"check": "form-check-input", "select": "form-select", "file": "file-input", "group": "form-check-input"}
    classes = f"{widget.attrs.get('class', '')} {by_kind.get(widget_kind(field), 'form-control')}".strip()
    more: dict[str, str | bool] = {"class": classes}
    if widget_kind(field) == "file":
        more["data-drop"] = ""
    if isinstance(widget, forms.Textarea):
        more["rows"] = str(widget.attrs.get("rows", 3) if widget.attrs.get("rows") != "10" else 3)
    return field.as_widget(attrs=more)


@register.filter
def widget_kind(field: BoundField) -> str:
    """check, group, file, select or input."""
    widget = field.field.widget
    if isinstance(widget, forms.CheckboxInput):
        return "check"
    if isinstance(widget, (forms.RadioSelect, forms.CheckboxSelectMultiple)):
        return "group"
    if isinstance(widget, forms.FileInput):
        return "file"
    return "select" if isinstance(widget, forms.Select) else "input"


@register.filter
def choices(field: BoundField) -> list[Any]:
    """The single buttons of a group, in the look's class."""
    field.field.widget.attrs.setdefault("class", "form-check-input")
    return list(field)


@register.filter
def is_wide(field: BoundField) -> bool:
    """Does the field want a line of its own in a form with columns?"""
    return isinstance(field.field.widget, (forms.Textarea, forms.FileInput, forms.RadioSelect, forms.CheckboxSelectMultiple))
