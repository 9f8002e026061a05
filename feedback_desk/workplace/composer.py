"""The composer of a ticket's page: three boxes, never one for all; each with its draft."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from feedback_desk.workplace.matter import Matter
from feedback_desk.workplace.models import Draft
from tickets import guards, promises
from tickets.models import Way
from tickets.record_forms import ContactForm, NoteForm, RecordForm, ReplyForm
from tickets.services import contacts

SETTLED_BY_CONTACT = ("D02", "D03", "D04", "D05", "D35", "D12", "D24")


@dataclass(frozen=True)
class Panel:
    key: str
    label: str
    icon: str
    form: RecordForm
    url: str
    current: bool
    place: str
    draft: str
    submit: str
    said: str = ""


def prepare(form: ContactForm, matter: Matter) -> None:
    """F1: who may take the next step, which open steps this contact may have been; T9: what the writer missed and has given no reason for.

    T16: the promises that it may end; the page has read them already.
    """
    form.written(matter.ticket.item, matter.user, matter.at)
    form.offer(matter.colleagues)
    form.offer_late(row.rule.spoken for row in guards.missed_by(matter.user, matter.deadlines, matter.at))
    form.offer_steps((step.pk, step.text) for step in matter.open_steps if step.may_finish)
    form.offer_promises(promises.told(promises.of_rows(matter.deadlines, matter.ticket.item_id), matter.rows.contacts, matter.at))


class Composer:
    """`bound`: the form that came back with errors; its panel is the one in front."""

    def __init__(self, matter: Matter, bound: RecordForm | None = None) -> None:
        self.matter, self.bound = matter, bound

    @cached_property
    def panels(self) -> list[Panel]:
        contact = ("contact", _("Follow-up record"), "telephone-outbound", ContactForm, "workplace:contact", _("Save the record"), self._settles)
        reply = (
            "reply",
            _("Reply to the customer"),
            "reply",
            ReplyForm,
            "workplace:contact",
            _("Save as replied"),
            _("It is put on record, not sent from here."),
        )
        note = ("note", _("Internal note"), "eye-slash", NoteForm, "workplace:note", _("Save the note"), _("The customer does not see it."))
        return [self._panel(*one) for one in (contact, reply, note)]

    def _panel(self, key: str, label: str, icon: str, form_class: type[RecordForm], url_name: str, submit: str, said: str) -> Panel:
        mine = type(self.bound) is form_class
        front = type(self.bound) if self.bound is not None else ContactForm
        form = self.bound if mine and self.bound is not None else form_class(initial={"way": Way.CALL_OUT if key == "contact" else Way.EMAIL})
        if isinstance(form, ContactForm):
            prepare(form, self.matter)
        place = _place(self.matter, key)
        return Panel(
            key,
            label,
            icon,
            form,
            reverse(url_name, args=[self.matter.ticket.item.number]),
            form_class is front,
            place,
            "" if mine else self._drafts.get(place, ""),
            submit,
            said,
        )

    @cached_property
    def _drafts(self) -> dict[str, str]:
        rows = Draft.objects.filter(user=self.matter.user, place__startswith=f"ticket:{self.matter.ticket.pk}:")
        return {row.place: json.dumps(row.typed) for row in rows}

    @property
    def _settles(self) -> str:
        """What saving a contact may settle: the nearest limit it answers."""
        waiting = [d for d in self.matter.deadlines if d.live and d.code in SETTLED_BY_CONTACT]
        waiting = [d for d in waiting if d.code != "D35" or contacts.may_keep_call(self.matter.ticket, self.matter.user)]
        return _("Saving also settles: %(limits)s") % {"limits": _(", ").join(d.rule.spoken for d in waiting[:2])} if waiting else ""

    @property
    def now_text(self) -> str:
        return f"{timezone.localtime(self.matter.at):%H:%M}"

    @staticmethod
    def sent(matter: Matter, key: str) -> None:
        """What was sent is no draft any more."""
        Draft.objects.filter(user=matter.user, place=_place(matter, key)).delete()


def _place(matter: Matter, key: str) -> Any:
    return f"ticket:{matter.ticket.pk}:{key}"
