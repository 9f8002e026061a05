"""Remedies above somebody's limit that wait for approval (G4): in the list of approvals and as a card, with what similar complaints got."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.db.models import Count, Max, Min
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from complaints import authority
from complaints.lifecycle import ENDED, RemedyState
from complaints.lifecycle.remedy import AGREED
from complaints.models import ComplaintForm, Remedy, RemedyKind
from complaints.models.remedies import yuan
from feedback_desk import clock
from feedback_desk.people import standing
from feedback_desk.people.models import User
from feedback_desk.people.one_look import one_look
from feedback_desk.records import spoken
from feedback_desk.workplace import doors
from feedback_desk.workplace.determination import Similar
from feedback_desk.workplace.doors import Button
from feedback_desk.workplace.finding import WITH_TICKET

ANSWERS = ("refuse_approval", "approve")
YEAR = timedelta(days=365)


@dataclass
class RemedyWaiting:
    """One remedy to be approved, or that was."""

    remedy: Remedy
    user: User
    at: datetime

    @property
    def form(self) -> ComplaintForm:
        return self.remedy.form

    @property
    def ticket(self) -> Any:
        return self.form.ticket

    @property
    def url(self) -> str:
        return reverse("workplace:remedy", args=[self.remedy.pk])

    @property
    def asks(self) -> str:
        return _("Remedy")

    @property
    def title(self) -> str:
        return self.ticket.item.title  # type: ignore[no-any-return]

    @property
    def in_short(self) -> str:
        return _("%(what)s; %(sum)s yuan in all") % {"what": self.remedy.terms, "sum": yuan(self.remedy.comes_to)}

    @property
    def sum(self) -> str:
        return yuan(self.remedy.comes_to)

    @property
    def ended(self) -> str:
        return spoken.words(self.remedy.ended_words)

    @cached_property
    def others(self) -> list[Remedy]:
        """What else of the form counts, or can be chosen instead."""
        rows = self.form.remedies.filter(state__in=(RemedyState.AWAITING_APPROVAL, RemedyState.OFFERED, *AGREED))
        return list(rows.exclude(pk=self.remedy.pk).order_by("option", "pk"))

    @cached_property
    def similar(self) -> Similar | None:
        return similar(self.form, self.at)

    @property
    def story_url(self) -> str:
        return reverse("workplace:form", args=[self.form.item.number]) + "?tab=story"

    @cached_property
    def buttons(self) -> list[Button]:
        """Refusing first, approving at the right thumb."""
        if self.remedy.state != RemedyState.AWAITING_APPROVAL:
            return []
        with one_look():
            found = {b.name: b for b in doors.buttons(self.remedy, self.user) if b.name in ANSWERS}
        return [found[name] for name in ANSWERS if name in found]


def remedies_for(user: User) -> list[RemedyWaiting]:
    """Asked for by somebody else and covered by this person's limit, or that of whom they stand in for (V2); never their own matters (V3)."""
    if not (user.roles | {m.role for m in standing.backed_by(user)}) & authority.APPROVERS:
        return []
    at, mine = clock.now(), user.roles & authority.APPROVERS
    forms = ComplaintForm.objects.untouched_by(user).exclude(state__in=ENDED)
    asked = Remedy.objects.filter(state=RemedyState.AWAITING_APPROVAL, form__in=forms).exclude(proposed_by=user)
    rows = asked.select_related("proposed_by", *(f"form__{name}" for name in WITH_TICKET)).order_by("state_since", "pk")
    found = [RemedyWaiting(row, user, at) for row in rows]
    with one_look():
        own = {id(w) for w in found if mine and w.remedy.comes_to <= authority.limit_of(w.form.grade, mine)}
    return [w for w in found if id(w) in own or (_stands_in(user) and w.buttons)]


def _stands_in(user: User) -> bool:
    return bool({m.role for m in standing.backed_by(user)} & authority.APPROVERS)


def similar(form: ComplaintForm, at: datetime) -> Similar | None:
    """One query: what customers of the same category and grade chose in the last twelve months, by kind."""
    rows = (
        Remedy.objects.filter(chosen_at__gte=at - YEAR, state__in=AGREED, form__ticket__category_id=form.ticket.category_id, form__grade=form.grade)
        .exclude(form=form)
        .order_by()
        .values("kind")
        .annotate(n=Count("pk"), least=Min("value"), most=Max("value"))
    )
    found = sorted(rows, key=lambda row: (-row["n"], row["kind"]))
    if not found:
        return None
    total = sum(row["n"] for row in found)
    count = ngettext("%(n)d remedy in the last 12 months", "%(n)d remedies in the last 12 months", total) % {"n": total}
    return Similar(count, _(" · ").join(_kind(row) for row in found))


def _kind(row: dict[str, Any]) -> str:
    least, most = row["least"], row["most"]
    span = "" if least is None else yuan(least) if least == most else f"{yuan(least)}–{yuan(most)}"
    about = {"kind": RemedyKind(row["kind"]).label, "n": row["n"], "span": span}
    return _("%(kind)s × %(n)s: %(span)s yuan") % about if span else _("%(kind)s × %(n)s") % about
