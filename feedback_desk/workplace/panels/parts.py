"""What every panel has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from complaints import acts
from complaints.models import ComplaintForm
from feedback_desk.records.spoken import in_brackets
from feedback_desk.workplace.doors import ICONS, Button
from feedback_desk.workplace.matter import Matter
from feedback_desk.workplace.templatetags.desk import exact


@dataclass(frozen=True)
class Panel:
    """A section of the page: `template` reads `panel.told`; the buttons stand in its head."""

    key: str
    title: str
    icon: str
    template: str
    told: dict[str, Any] = field(default_factory=dict)
    buttons: list[Button] = field(default_factory=list)


def act_url(form: ComplaintForm, name: str) -> str:
    return reverse("workplace:form_act", args=[form.item.number, name])


def act_buttons(matter: Matter, names: Iterable[str]) -> list[Button]:
    """Of these acts, those open to the reader now."""
    form = matter.form
    if form is None:
        return []
    return [
        Button(act.name, str(act.label), act_url(form, act.name), act.primary, False, False, ICONS.get(act.name, ""), missing)
        for act, missing in acts.open_acts(form, matter.user, names, matter.form_capacities)
    ]


# ---- on the printed form, in the punctuation of its language ----


def named(name: Any, text: Any) -> str:
    return _("%(name)s: %(text)s") % {"name": name, "text": text}


def aside(text: Any, *beside: Any) -> str:
    """Who and when, in brackets behind it."""
    return in_brackets(str(text), pgettext("between clauses", ", ").join(str(part) for part in beside if part))


def series(parts: Iterable[Any]) -> str:
    return _("; ").join(str(part) for part in parts if part)


def signed(row: Any, at: Any = None) -> str:
    return f"{row.by} {exact(at or row.at)}"
