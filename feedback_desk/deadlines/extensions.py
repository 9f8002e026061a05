"""More time for a limit (T9, C12): asked for, then granted or refused, or fallen because the limit ended first.

The rooms decide who may ask and who answers, and hold the matter's lock; here is what a request does to its limit.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from feedback_desk import ahead
from feedback_desk.deadlines import services
from feedback_desk.deadlines.models import Deadline, DeadlineState, Extension, ExtensionState
from feedback_desk.people.access import NotNow
from feedback_desk.people.actors import Actor, person
from feedback_desk.records.models import Item, Kind
from feedback_desk.records.spoken import when

NEVER = frozenset({"D14", "D15", "D16", "D17", "D18"})
"""E3: no rule makes these extendable, whatever its row says."""


def _of(root: Item) -> dict[str, Any]:
    """The limits that a matter's own people put off: all of its items'. An action (C14) has a machine of its own, so its limits are asked for by its item."""
    return {"item": root} if root.kind == Kind.ACTION else {"root_id": root.root_id or root.pk}


def extendable(root: Item) -> QuerySet[Deadline]:
    """The live limits of a matter for which more time could be asked for; what has passed already is not among them: `still_open`."""
    rows = Deadline.objects.filter(**_of(root), state__in=services.LIVE, rule__may_extend=True, asking__isnull=True)
    if root.kind != Kind.ACTION:
        rows = rows.exclude(item__kind=Kind.ACTION)
    return rows.exclude(code__in=NEVER).select_related("rule").order_by("due_at", "pk")


def may_ask(deadline: Deadline, at: datetime) -> bool:
    """For rows at hand (reads rule): extendable, nothing asked, not passed. Once passed it is late, and asks for its reason instead (T9, C12)."""
    return deadline.live and deadline.rule.may_extend and deadline.code not in NEVER and deadline.asking_id is None and in_time(deadline, at)


def in_time(deadline: Deadline, at: datetime) -> bool:
    """A paused one is judged by when it stopped."""
    return (deadline.paused_at if deadline.state == DeadlineState.PAUSED and deadline.paused_at else at) <= deadline.due_at


def asked(root: Item) -> QuerySet[Extension]:
    """The requests of a matter that wait for an answer."""
    return of(root).filter(state=ExtensionState.ASKED).order_by("pk")


def of(root: Item) -> QuerySet[Extension]:
    """Every request of a matter, answered ones too, the newest first."""
    rows = Extension.objects.filter(**{f"deadline__{name}": value for name, value in _of(root).items()})
    if root.kind != Kind.ACTION:
        rows = rows.exclude(deadline__item__kind=Kind.ACTION)
    return rows.select_related("deadline__rule", "deadline__item", "asked_by", "decided_by").order_by("-pk")


def check_unasked(row: Deadline) -> None:
    """NotNow, with who and when, while a request for more time waits (reads asking)."""
    if row.asking is not None:
        asker, at = row.asking.asked_by, row.asking.asked_at
        sentence = _("%(who)s asked for more time %(when)s; the answer is still out.") % {"who": asker, "when": when(at)}
        raise NotNow(sentence, moved_by=str(asker), moved_at=at)


def check_waiting(extension: Extension) -> None:
    """NotNow, with who and when, for a request that was answered or fell with its limit."""
    if extension.state == ExtensionState.ASKED:
        return
    said = {"who": extension.decided_by, "when": when(extension.decided_at) if extension.decided_at else ""}
    sentence = {
        ExtensionState.GRANTED: _("This is no longer possible: %(who)s granted the time %(when)s."),
        ExtensionState.REFUSED: _("This is no longer possible: %(who)s refused the time %(when)s."),
        ExtensionState.FALLEN: _("This is no longer possible: the request lapsed %(when)s, when its limit ended."),
    }[ExtensionState(extension.state)]
    raise NotNow(sentence % said, moved_by=str(extension.decided_by or ""), moved_at=extension.decided_at)


def ask(deadline_id: int, *, until: datetime, at: datetime, by: Actor, why: str) -> Extension:
    """Raises ValidationError for the date, NotNow where the rule allows none, the limit ended or passed, or something is asked already."""
    row = locked(deadline_id)
    check_unasked(row)
    if not may_ask(row, at):
        raise NotNow(_("No more time can be asked for: the limit has ended or passed, or its rule allows none."))
    _check_later(row, until, at)
    extension = Extension.objects.create(deadline=row, asked_at=at, asked_by=person(by), wanted=until, reason=why.strip())
    Deadline.objects.filter(pk=row.pk).update(asking=extension)
    return extension


def grant(extension: Extension, *, until: datetime, at: datetime, by: Actor, words: str = "") -> Deadline:
    """The limit is put off to `until`, with what was left of it if it is paused; its ladder is aimed anew."""
    row = _waiting(extension)
    _check_later(row, until, at)
    _answer(extension, ExtensionState.GRANTED, at=at, by=by, words=words, until=until)
    return services.extend(row, until=until, at=at, by=by, why=words.strip())


def refuse(extension: Extension, *, at: datetime, by: Actor, words: str) -> Deadline:
    """The limit runs on as it was."""
    row = _waiting(extension)
    _answer(extension, ExtensionState.REFUSED, at=at, by=by, words=words)
    return row


def _check_later(row: Deadline, until: datetime, at: datetime) -> None:
    """While it stands still its date is the one it had when it stopped, and may lie behind: what is left grows, and runs from when it goes on."""
    if until <= (row.due_at if row.state == DeadlineState.PAUSED else max(at, row.due_at)):
        raise ValidationError({"until": _("The new date must be later than the present limit.")})
    ahead.check(until=until)


def _waiting(extension: Extension) -> Deadline:
    """The limit, locked, whose request still waits."""
    row = locked(extension.deadline_id)
    if row.asking_id != extension.pk:
        check_waiting(Extension.objects.select_related("decided_by").get(pk=extension.pk))
    return row


def _answer(extension: Extension, state: ExtensionState, *, at: datetime, by: Actor, words: str, until: datetime | None = None) -> None:
    extension.state, extension.decided_at, extension.decided_by, extension.words, extension.until = state, at, person(by), words.strip(), until
    extension.save(update_fields=["state", "decided_at", "decided_by", "words", "until"])
    Deadline.objects.filter(pk=extension.deadline_id).update(asking=None)


def locked(deadline_id: int) -> Deadline:
    rows = Deadline.objects.select_related("rule", "item").select_for_update(of=("self",), no_key=True)
    return rows.get(pk=deadline_id)
