"""Root cause, corrective and preventive actions (C14): one panel, which keeps its buttons after the complaint was closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from complaints import services
from complaints.forms import actions as asked
from complaints.models import ComplaintForm, CorrectiveAction, RootCause
from feedback_desk.deadlines.chips import Chip, chip_of_item
from feedback_desk.people.one_look import one_look
from feedback_desk.workplace import doors
from feedback_desk.workplace.doors import Button, Door
from feedback_desk.workplace.matter import Matter
from feedback_desk.workplace.panels.parts import Panel, act_buttons, aside, signed
from feedback_desk.workplace.templatetags.desk import exact

DOORS = {"write_root_cause": Door(services.write_root_cause, asked.RootCauseForm), "draft_action": Door(services.draft_action, asked.DraftActionForm)}
MOST = 3
"""Earlier actions that are shown as perhaps recurring."""


@dataclass(frozen=True)
class ActionLine:
    action: CorrectiveAction
    url: str
    chip: Chip | None
    buttons: list[Button]


@dataclass(frozen=True)
class Earlier:
    """An action found effective before this complaint came."""

    action: CorrectiveAction
    url: str
    recur_url: str


def causes_and_actions(matter: Matter) -> Panel | None:
    form = matter.form
    if form is None:
        return None
    causes, actions = list(form.rootcause_rows.select_related("by", "category__parent")), _actions(form)
    names = {d.code: d.rule.spoken for d in matter.deadlines}
    with one_look():
        lines = [_line(action, matter, names) for action in actions]
        earlier = [_earlier(action, matter) for action in CorrectiveAction.objects.visible_to(matter.user).effective_before(form).select_related(*READ)[:MOST]]
    recurred = list(form.recurrences.filter(action__in=CorrectiveAction.objects.visible_to(matter.user)).select_related("action__item", "by"))
    buttons = act_buttons(matter, ["write_root_cause", "draft_action"])
    told = {"causes": causes, "actions": lines, "earlier": earlier, "recurred": recurred}
    return Panel("actions", _("Root cause and actions"), "arrow-repeat", "complaints/_actions.html", told, buttons)


READ = ("item__root", "owner__backup", "department__head", "drafted_by", "approved_by", "checked_by", "form__item")


def _actions(form: ComplaintForm) -> list[CorrectiveAction]:
    rows = list(form.actions.select_related(*READ).order_by("drafted_at", "pk"))
    for row in rows:
        row.form = form
    return rows


def _line(action: CorrectiveAction, matter: Matter, names: dict[str, str]) -> ActionLine:
    url = reverse("workplace:action", args=[action.item.number])
    return ActionLine(action, url, chip_of(action, matter.at, names), doors.one_primary(doors.buttons(action, matter.user)))


def chip_of(action: CorrectiveAction, at: datetime, names: dict[str, str]) -> Chip | None:
    return chip_of_item(action.item, at, names) if action.item.open else None


def _earlier(action: CorrectiveAction, matter: Matter) -> Earlier:
    """With the button for who may say that it recurred, the number of this complaint filled in."""
    assert matter.form is not None
    url = next((b.url for b in doors.buttons(action, matter.user) if b.name == "recur"), "")
    recur_url = f"{url}?{urlencode({'complaint': matter.form.item.number})}" if url else ""
    return Earlier(action, reverse("workplace:action", args=[action.item.number]), recur_url)


def sheet(form: ComplaintForm, round: int) -> list[tuple[str, str]]:
    """What of it stands on the printed form."""
    rows = [(_("Root cause"), _cause(c)) for c in form.rootcause_rows.select_related("by", "category__parent")]
    rows += [(_("%(kind)s action") % {"kind": a.get_kind_display()}, _said(a)) for a in _actions(form) if a.state != "cancelled"]
    return rows


def _cause(cause: RootCause) -> str:
    whys = "\n".join(f"{n}. {why}" for n, why in enumerate(cause.whys, 1))
    return aside(f"{cause.category}\n{whys}\n{cause.conclusion}", signed(cause))


def _said(action: CorrectiveAction) -> str:
    about = {"owner": action.owner or "–", "due": f"{action.due_on:%Y-%m-%d}", "effect": f"{action.effect_on:%Y-%m-%d}"}
    lines = [f"{action.item.number} · {action.get_state_display()}", action.what, _("%(owner)s, by %(due)s; effect checked on %(effect)s") % about]
    if action.approved_by:
        lines.append(f"{_('approved by')} {action.approved_by} {exact(action.approved_at)}")
    lines += [action.done, action.evidence and aside(action.evidence, f"{action.checked_by} {exact(action.checked_at)}")]
    return "\n".join(filter(None, lines))
