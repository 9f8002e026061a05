"""More time for a limit (T9, C12, V8): asked for by the handler, granted or refused by somebody else. Locks: ticket, form, then the limit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from feedback_desk import clock
from feedback_desk.deadlines import extensions
from feedback_desk.deadlines.models import Deadline, Extension
from feedback_desk.people import receivers, standing
from feedback_desk.people.access import NotYou
from feedback_desk.people.models import Role, User
from feedback_desk.records.models import Entry, Kind
from feedback_desk.records.moves import make, may_perform
from tickets.models import Contact, Ticket
from tickets.services.common import locked, need, tell
from tickets.services.contacts import check_promise, promise

TELLS_FIRST = ("D27",)
"""C12: the customer is spoken with before the final reply is put off."""


@transaction.atomic
def ask_extension(*, ticket_id: int, by: User, deadline_id: int, until: datetime, reason: str) -> Extension:
    """T9: with the new date and a reason. Raises ValidationError per field, NotNow when the limit cannot be put off (any more)."""
    at = clock.now()
    need(reason=reason)
    ticket = locked(ticket_id)
    deadline = _of_matter(ticket, deadline_id)
    if may_perform(ticket, "ask_extension", by):
        extensions.check_unasked(deadline)
    if deadline.code in TELLS_FIRST and not _spoken_with(ticket, since=deadline.start_at):
        raise ValidationError({"deadline": _("Speak with the customer first and record it: only then is this limit put off.")})
    entry = make(ticket, "ask_extension", by=by, at=at, reason=reason, data=_about(deadline, until))
    extension = extensions.ask(deadline.pk, until=until, at=at, by=by, why=reason)
    what = gettext_noop("More time: %(rule)s, until %(until)s")
    for receiver in _deciders(ticket, by, at):
        tell(receiver, "approval_wanted", entry=entry, item=ticket.item, what=what, due_at=deadline.due_at, **_said(deadline, until=_date(until)))
    return extension


def _said(deadline: Deadline, **said: str) -> dict[str, Any]:
    """The rule's name in both languages, and what else a notice is about."""
    return {"name": deadline.rule.name, "name_en": deadline.rule.name_en, "said": said}


def _date(at: datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}"


def _of_matter(ticket: Ticket, deadline_id: int) -> Deadline:
    rows = Deadline.objects.select_related("rule", "asking__asked_by").exclude(item__kind=Kind.ACTION)
    found: Deadline | None = rows.filter(pk=deadline_id, root_id=ticket.item_id).first()
    if found is None:
        raise ValidationError({"deadline": _("Choose one of the limits of this item.")})
    return found


def _about(deadline: Deadline, until: datetime | None = None) -> dict[str, Any]:
    return {"code": deadline.code, "deadline": deadline.pk, **({"until": until} if until else {})}


def _spoken_with(ticket: Ticket, since: datetime) -> bool:
    return Contact.objects.filter(item=ticket.item, reached=True, at__gte=since).exclude(way="other").exists()


def _deciders(ticket: Ticket, asker: User, at: datetime) -> set[User]:
    """The supervisor of the department, or the next one who did not ask; the manager when there is none."""
    barred = standing.out_of_play(ticket.item, at) | {asker.pk}
    picked = receivers.pick(Role.SUPERVISOR, department=ticket.item.department, root=ticket.item, at=at)
    others = [u for u in receivers.holders(Role.SUPERVISOR) if u.pk not in barred]
    found = picked if picked and picked.pk != asker.pk else next(iter(others), None) or receivers.pick(Role.CS_MANAGER, root=ticket.item, at=at)
    return {found} if found else set()


@transaction.atomic
def grant_extension(
    *, ticket_id: int, by: User, extension_id: int, until: datetime | None = None, words: str = "", promised_at: datetime | None = None
) -> Extension:
    """T9, V8: the date asked for, or another; the limit moves there and its ladder with it.

    `promised_at` (C12, T16): the date the customer was told; it is kept by whoever asked for the time.
    """
    at = clock.now()
    check_promise(promised_at, at)
    ticket, extension = _asked(ticket_id, extension_id, by, "grant_extension")
    until = until or extension.wanted
    entry = make(ticket, "grant_extension", by=by, at=at, reason=words, data=_about(extension.deadline, until))
    deadline = extensions.grant(extension, until=until, at=at, by=by, words=words)
    promise(ticket, by=extension.asked_by or by, at=at, until=promised_at, part=f"x{extension.pk}", renews=True)
    message = gettext_noop("More time was granted: %(rule)s, until %(until)s. %(words)s")
    _tell_both(extension, deadline, entry, ticket, message=message, **_said(deadline, until=_date(deadline.due_at), words=words.strip()))
    return extension


@transaction.atomic
def refuse_extension(*, ticket_id: int, by: User, extension_id: int, reason: str) -> Extension:
    """T9, V8: with words; the limit runs on."""
    at = clock.now()
    ticket, extension = _asked(ticket_id, extension_id, by, "refuse_extension")
    entry = make(ticket, "refuse_extension", by=by, at=at, reason=reason, data=_about(extension.deadline))
    deadline = extensions.refuse(extension, at=at, by=by, words=reason)
    message = gettext_noop("More time was refused: %(rule)s. %(reason)s")
    _tell_both(extension, deadline, entry, ticket, message=message, **_said(deadline, reason=reason.strip()))
    return extension


def _asked(ticket_id: int, extension_id: int, by: User, answer: str) -> tuple[Ticket, Extension]:
    """The request, which still waits; whoever could answer it is told who did already."""
    ticket = locked(ticket_id)
    extension = extensions.of(ticket.item).filter(pk=extension_id).first()
    if extension is None:
        raise ValidationError({"extension": _("Choose one of the requests of this item.")})
    if extension.asked_by_id == by.pk:
        raise NotYou(_("You asked for it yourself: somebody else answers."), user=by, item=ticket.item, verb=answer)
    if may_perform(ticket, answer, by):
        extensions.check_waiting(extension)
    return ticket, extension


def _tell_both(extension: Extension, deadline: Deadline, entry: Entry, ticket: Ticket, **data: Any) -> None:
    """Who asked, and whose limit it is."""
    for receiver in {extension.asked_by, deadline.owner} - {None}:
        tell(receiver, "generic", entry=entry, item=ticket.item, **data)
