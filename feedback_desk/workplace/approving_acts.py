"""What is signed, approved or sent beside the moves (G2, G3, G7): the handling decision, the written cause, the final reply.

The signature, which has 15 or 30 minutes, has a card of its own and stands first; the others lead to where their button is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from complaints import acts, guards
from complaints.models import ComplaintForm, HandlingDecision
from feedback_desk import clock
from feedback_desk.deadlines.chips import Chip, chip_of
from feedback_desk.deadlines.models import Deadline, DeadlineState
from feedback_desk.people import standing
from feedback_desk.people.models import Role, User
from feedback_desk.people.one_look import one_look
from feedback_desk.workplace import waiting
from feedback_desk.workplace.approving import Card, limits_of, read_at_once
from feedback_desk.workplace.doors import ICONS, Button
from feedback_desk.workplace.finding import WITH_TICKET
from feedback_desk.workplace.panels.early import Side, free_side, sides_of
from feedback_desk.workplace.panels.parts import act_url
from tickets.models import Ticket

ROLES = frozenset({Role.SUPERVISOR, Role.CS_MANAGER})
"""Whose role signs, approves or sends; heads do by their department."""
LIMITS = {"sign_decision": ("D09", "D10"), "send_reply": ("D27",)}
PLACES = {"approve_cause": "cause", "send_reply": "replies"}
"""The panel in which the button stands."""
ASKED_BY = {"decide_handling": "sign_decision", "write_cause": "approve_cause", "draft_reply": "send_reply"}
"""By the line of history that asks for it."""


@dataclass
class ActWaiting:
    """One of them, in the list."""

    act: str
    form: ComplaintForm
    in_short: str
    by: User
    deadline: Deadline | None
    at: datetime

    @property
    def url(self) -> str:
        if self.act == "sign_decision":
            return reverse("workplace:signature", args=[self.form.item.number])
        return f"{reverse('workplace:form', args=[self.form.item.number])}?tab=handling#{PLACES[self.act]}"

    @property
    def asks(self) -> str:
        return asks(self.act)

    @property
    def title(self) -> str:
        return self.form.ticket.item.title

    @property
    def chip(self) -> Chip | None:
        return chip_of(self.deadline, self.at) if self.deadline else None


def asks(act: str) -> str:
    return {"sign_decision": _("Handling decision to sign"), "approve_cause": _("Cause to be approved"), "send_reply": _("Final reply to be sent")}[act]


def acts_for(user: User) -> list[ActWaiting]:
    """What is this person's to sign, approve or send, the nearest limit first: by role, by department or in somebody's place (V2), never in their own
    matter (V3), never what they wrote (V8)."""
    if not _may_have_any(user):
        return []
    at = clock.now()
    waits = waiting.awaits_signature() | waiting.awaits_cause_approval() | waiting.awaits_sending()
    rows = ComplaintForm.objects.untouched_by(user).filter(ticket__in=Ticket.objects.filter(waits).values("pk")).select_related(*WITH_TICKET)
    forms = list(rows.prefetch_related("handlingdecision_rows__signatures", "handlingdecision_rows__by", "writtencause_rows__approval",
                                       "writtencause_rows__by", "finalreply_rows__sending", "finalreply_rows__by"))  # fmt: skip
    if not forms:
        return []
    limits = limits_of(forms)
    with one_look():
        read_at_once(forms, user, at)
        found = [ActWaiting(act, form, words, by, _limit(act, limits.get(form.item_id, [])), at) for form in forms for act, words, by in _of(form, user)]
    return sorted(found, key=lambda w: (w.deadline is None, w.deadline.due_at if w.deadline else at))


def _may_have_any(user: User) -> bool:
    held = user.roles | {m.role for m in standing.backed_by(user)}
    return bool(held & (ROLES | {Role.DEPARTMENT_HEAD}))


def _limit(act: str, running: list[Deadline]) -> Deadline | None:
    return next((d for d in running if d.code in LIMITS.get(act, ())), None)


def _of(form: ComplaintForm, user: User) -> Iterator[tuple[str, str, User]]:
    """Act, its words in short, and who wrote what is decided on; everything it reads was fetched."""
    held = form.capacities(user)
    decision = next((row for row in reversed(_rows(form, "handlingdecision_rows")) if row.grade == form.grade), None)
    if decision is not None and form.state in acts.ACTS["sign_decision"].states and free_side(decision, user, held):
        yield "sign_decision", decision.measures, decision.by
    cause = next(reversed(_rows(form, "writtencause_rows")), None)
    if cause is not None and guards.is_serious(form) and not hasattr(cause, "approval") and cause.by_id != user.pk and _may(form, "approve_cause", held):
        yield "approve_cause", cause.cause, cause.by
    reply = next((row for row in reversed(_rows(form, "finalreply_rows")) if row.round == form.round), None)
    if reply is not None and not hasattr(reply, "sending") and form.grade and Role.SUPERVISOR in held and form.state in acts.OPEN:
        yield "send_reply", reply.found, reply.by


def _rows(form: ComplaintForm, name: str) -> list[Any]:
    return sorted(getattr(form, name).all(), key=lambda row: row.pk)


def _may(form: ComplaintForm, act: str, held: frozenset[str]) -> bool:
    return bool(acts.ACTS[act].who & held) and form.state in acts.ACTS[act].states


class SignatureCard(Card):
    """G2: the handling decision with all that is signed."""

    asked = "workplace/_signature_asked.html"

    @property
    def asks(self) -> str:
        return asks("sign_decision")

    @cached_property
    def decision(self) -> HandlingDecision | None:
        return guards.decision_of(self.form) if self.form.grade else None

    @property
    def sides(self) -> list[Side]:
        return sides_of(self.form, self.decision)

    @cached_property
    def buttons(self) -> list[Button]:
        if self.decision is None or not free_side(self.decision, self.user, self.form.capacities(self.user)):
            return []
        found = acts.open_acts(self.form, self.user, ["sign_decision"])
        return [Button(a.name, str(a.label), act_url(self.form, a.name), True, False, False, ICONS["sign"], missing) for a, missing in found if not missing]

    @cached_property
    def chip(self) -> Chip | None:
        rows = Deadline.objects.filter(item_id=self.form.item_id, state=DeadlineState.RUNNING, code__in=LIMITS["sign_decision"]).select_related("rule")
        limit = rows.order_by("due_at").first()
        return chip_of(limit, self.at) if limit else None

    @cached_property
    def seen(self) -> str:
        """The decision that was read."""
        return f"?seen={self.decision.pk}" if self.decision else ""
