"""What waits for a decision: one card per measure under review, negotiation or execution, one per form under ruling.

V3 comes first: nothing that concerns the reader is ever there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Max, Prefetch, Q
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from complaints import texts
from complaints.guards import faults_to_answer, time_asked_for
from complaints.lifecycle import State
from complaints.models import ComplaintForm, CorrectiveAction, Disposition, FormAct, Inspection, Responsibility
from complaints.permissions import APPROVES
from feedback_desk import clock
from feedback_desk.deadlines import wording
from feedback_desk.deadlines.chips import Chip, chip_of
from feedback_desk.deadlines.explain import explain
from feedback_desk.deadlines.models import Deadline, DeadlineState, Extension, ExtensionState
from feedback_desk.people import standing
from feedback_desk.people.models import Role, User
from feedback_desk.people.one_look import known, one_look
from feedback_desk.records.models import Kind
from feedback_desk.workplace import doors, story
from feedback_desk.workplace.determination import Similar, similar
from feedback_desk.workplace.doors import Button
from feedback_desk.workplace.finding import WITH_TICKET
from feedback_desk.workplace.words import terms_of
from tickets.models import Ticket
from tickets.services.common import OUTLIVES

DECIDES = frozenset(
    {
        "agree",
        "object",
        "sign",
        "carry_out",
        "report_split",
        "rule",
        "send_back",
        "confirm_no_fault",
        "park",
        "refuse_parking",
        "hand_over",
        "rule_abnormal",
        "refuse_abnormal",
    }
)
"""Moves that are decided here."""
SECOND = frozenset({"object", "send_back", "refuse_parking", "refuse_abnormal"})
"""The "no" of a pair: left at the thumb."""
DECIDERS = frozenset({Role.GENERAL_MANAGER, Role.OFFICE, Role.CS_MANAGER, Role.DEPARTMENT_HEAD})
"""Whose role decides something here; who backs one of them up decides in their place (V2)."""
LIMITS_OF = {
    State.IN_REVIEW: ("D15",),
    State.NEGOTIATING: ("D15",),
    State.AWAITING_RULING: ("D16",),
    State.EXECUTING: ("D37", "D17", "D18"),
    State.GRADED: ("D40",),
    State.DETERMINING: ("D40",),
}
PER_DEPARTMENT = ("D15", "D17")
ANSWER_TIME = frozenset({Role.SUPERVISOR, Role.CS_MANAGER})
"""T9: who grants more time, or refuses it."""
LINES = 5
PICTURES = 3
WIDTH = 44
"""Characters of a line of the brief."""


@dataclass
class Waiting:
    """One decision in the list."""

    subject: Any
    form: ComplaintForm
    buttons: list[Button]
    deadline: Deadline | None
    at: datetime
    opened: bool = False

    @property
    def measure(self) -> Disposition | None:
        return self.subject if isinstance(self.subject, Disposition) else None

    @property
    def url(self) -> str:
        return url_of(self.subject)

    @property
    def key(self) -> str:
        """This decision in this text."""
        return f"{self.subject.pk}:{self.subject.version}:{getattr(self.form, 'text_id', None) or 0}"

    @property
    def chip(self) -> Chip | None:
        return chip_of(self.deadline, self.at) if self.deadline else None

    @property
    def asks(self) -> str:
        return asks(self.subject, self.form)

    @property
    def title(self) -> str:
        return self.form.ticket.item.title

    @property
    def in_short(self) -> str:
        if self.measure is None:
            return ""
        return _("%(who)s: %(terms)s") % {"who": self.measure.target, "terms": terms_of(self.measure.kind, self.measure.amount)}

    @property
    def together(self) -> bool:
        """Grade III measures may be agreed to at once, each after it was opened."""
        return self.form.grade == "III" and any(b.name == "agree" for b in self.buttons)


def url_of(subject: Any) -> str:
    if isinstance(subject, Disposition):
        return reverse("workplace:review", args=[subject.pk])
    return reverse("workplace:ruling", args=[subject.item.number])


def asks(subject: Any, form: ComplaintForm) -> str:
    """What is wanted, in two or three words."""
    if isinstance(subject, Disposition):
        where = {State.IN_REVIEW: _("review"), State.NEGOTIATING: _("negotiation"), State.EXECUTING: _("carrying out")}.get(form.state, "")
        return _("%(department)s, %(what)s") % {"department": subject.department, "what": where}
    if form.state in (State.GRADED, State.DETERMINING):
        return _("Setting aside")
    if form.abnormal_asked_at is not None and form.state in (State.AWAITING_CHECK, State.VISITING, State.OUTSTANDING):
        return _("Abnormal closing")
    return {State.AWAITING_RULING: _("Ruling"), State.NEGOTIATING: _("Negotiation"), State.EXECUTING: _("Hand-over")}.get(form.state, "")


def waiting_for(user: User, opened: Sequence[str] = ()) -> list[Waiting]:
    """Everything this person may decide now, nearest limit first."""
    at = clock.now()
    forms = list(_candidates(user))
    limits = limits_of(forms)
    with one_look():
        read_at_once(forms, user, at)
        found = [w for form in forms for subject in _subjects(form) if (w := _waiting(subject, form, user, limits, at, opened))]
    return sorted(found, key=lambda w: (w.deadline is None, w.deadline.due_at if w.deadline else at))


def _candidates(user: User) -> Any:
    """Forms with something to decide that are not this person's own matter (V3)."""
    measures = Disposition.objects.filter(state__in=("proposed", "objected", "ruled")).select_related("user", "department")
    asked = Q(parking_asked_at__isnull=False, state__in=(State.GRADED, State.DETERMINING)) | Q(
        abnormal_asked_at__isnull=False, state__in=(State.AWAITING_CHECK, State.VISITING, State.OUTSTANDING)
    )
    under_way = Q(state__in=(State.IN_REVIEW, State.NEGOTIATING, State.AWAITING_RULING, State.EXECUTING))
    rows = (
        ComplaintForm.objects.untouched_by(user)
        .filter(asked | under_way)
        .annotate(text_id=Max("texts__pk"))
        .select_related(*WITH_TICKET)
        .prefetch_related(Prefetch("dispositions", measures, to_attr="to_decide"))
    )
    if user.roles & DECIDERS or user.backs_up.filter(memberships__role__in=DECIDERS - {Role.DEPARTMENT_HEAD}).exists():
        return rows
    return (
        rows.filter(Q(dispositions__department__head__backup=user) | Q(dispositions__department__head=user)).distinct()
        if user.backs_up.exists() or user.heads.exists()
        else rows.none()
    )


def read_at_once(forms: list[ComplaintForm], user: User, at: datetime) -> None:
    """What guards and capacities ask of each form, for all of them: who decided on it, who is found responsible, its measures, who is named or away."""
    roots = [form.ticket.item_id for form in forms]
    standing.look_at_all(user, roots, at)
    _know_time_asked_for(roots)
    parts, named, measures = ({form.pk: list[Any]() for form in forms} for _n in range(3))
    rounds = {form.pk: form.round for form in forms}
    for pk, kind, who in FormAct.objects.filter(form__in=forms).values_list("form", "kind", "user"):
        parts[pk].append((kind, who))
    for pk, round, department, share in Responsibility.objects.filter(form__in=forms).values_list("form", "round", "department", "share"):
        if round == rounds[pk]:
            named[pk].append((department, share))
    for measure in Disposition.objects.filter(form__in=forms).select_related("user", "department"):
        if measure.round == rounds[measure.form_id]:
            measures[measure.form_id].append(measure)
    for form in forms:
        known(("acts", form.pk), parts[form.pk])
        known(("named", form.pk), named[form.pk])
        known(("measures", form.pk), measures[form.pk])


def _know_time_asked_for(roots: list[int]) -> None:
    asked: dict[int, list[Extension]] = {root: [] for root in roots}
    rows = Extension.objects.filter(deadline__root__in=roots, state=ExtensionState.ASKED).exclude(deadline__item__kind=Kind.ACTION)
    for row in rows.select_related("deadline__rule", "deadline__item", "asked_by").order_by("pk"):
        asked[row.deadline.root_id].append(row)
    for root, found in asked.items():
        known(("asked", root), found)


def _subjects(form: ComplaintForm) -> list[Any]:
    rows = [m for m in form.to_decide if m.round == form.round] if form.state in (State.IN_REVIEW, State.NEGOTIATING, State.EXECUTING) else []  # type: ignore[attr-defined]
    for row in rows:
        row.form = form
    return [*rows, form]


def limits_of(forms: list[ComplaintForm]) -> dict[int, list[Deadline]]:
    found: dict[int, list[Deadline]] = {}
    for row in Deadline.objects.filter(item_id__in=[f.item_id for f in forms], state=DeadlineState.RUNNING).select_related("rule").order_by("due_at"):
        found.setdefault(row.item_id, []).append(row)
    return found


def _waiting(subject: Any, form: ComplaintForm, user: User, limits: dict[int, list[Deadline]], at: datetime, opened: Sequence[str]) -> Waiting | None:
    buttons = decisions(subject, user)
    if not buttons:
        return None
    waiting = Waiting(subject, form, buttons, limit_of(subject, form, limits.get(form.item_id, [])), at)
    waiting.opened = waiting.key in opened
    return waiting


def decisions(subject: Any, user: User) -> list[Button]:
    """The buttons of a card: the one that refuses first, the one that agrees at the right thumb."""
    found = [
        b
        for b in doors.buttons(subject, user)
        if b.name in DECIDES
        and not (b.missing and b.name in ("hand_over", "park", "refuse_parking", "rule_abnormal", "refuse_abnormal", "rule", "confirm_no_fault"))
    ]
    return sorted(found, key=lambda b: (b.name not in SECOND, b.primary))


def limit_of(subject: Any, form: ComplaintForm, running: Sequence[Deadline]) -> Deadline | None:
    codes = (
        ("D21",)
        if form.abnormal_asked_at is not None and form.state in (State.AWAITING_CHECK, State.VISITING, State.OUTSTANDING)
        else LIMITS_OF.get(form.state, ())
    )
    department = subject.department_id if isinstance(subject, Disposition) else None
    mine = [d for d in running if d.code in codes and not (department and d.code in PER_DEPARTMENT and d.department_id != department)]
    return mine[0] if mine else None


@dataclass(frozen=True)
class Brief:
    """One of the five lines."""

    at_text: str
    at_exact: str
    words: str


@dataclass
class Proposal:
    measure: Disposition
    share: int | None
    terms: str
    signed: list[str] = field(default_factory=list)


@dataclass
class MoreTime:
    """T9: one request for more time, in the list and as a card of its own."""

    extension: Extension
    ticket: Ticket
    user: User
    at: datetime

    @property
    def url(self) -> str:
        return reverse("workplace:extension", args=[self.extension.pk])

    @property
    def asks(self) -> str:
        return _("More time")

    @property
    def title(self) -> str:
        return self.ticket.item.title

    @property
    def limit(self) -> str:
        return self.extension.deadline.rule.spoken

    @property
    def chip(self) -> Chip | None:
        return chip_of(self.extension.deadline, self.at)

    @property
    def due(self) -> str:
        return wording.exact(self.extension.deadline.due_at)

    @property
    def wanted(self) -> str:
        return wording.exact(self.extension.wanted)

    @property
    def granted(self) -> str:
        return wording.exact(self.extension.until) if self.extension.until else ""

    @property
    def in_short(self) -> str:
        return _("%(limit)s: until %(until)s instead of %(due)s") % {"limit": self.limit, "until": self.wanted, "due": self.due}

    @cached_property
    def explained(self) -> str:
        return explain(self.extension.deadline, self.at).sentence

    @cached_property
    def earlier(self) -> list[Extension]:
        """Of the same limit, answered before, oldest first."""
        rows = Extension.objects.filter(deadline=self.extension.deadline).exclude(pk=self.extension.pk)
        return list(rows.select_related("asked_by", "decided_by").order_by("asked_at", "pk"))

    @cached_property
    def buttons(self) -> list[Button]:
        """Refusing first, granting at the right thumb."""
        if self.extension.state != ExtensionState.ASKED:
            return []
        with one_look():
            found = {b.name: b for b in doors.buttons(self.ticket, self.user) if b.name in ANSWERS_TIME}
        return [found[name] for name in ANSWERS_TIME if name in found]


ANSWERS_TIME = ("refuse_extension", "grant_extension")
MORE_TIME = ("deadline__rule", "deadline__item", "asked_by", "decided_by")


def more_time_for(user: User) -> list[MoreTime]:
    """Requests that somebody else asked and this person may answer, nearest limit first: their own role's, or a supervisor's they stand in for (V2)."""
    if not (user.roles | {m.role for m in standing.backed_by(user)}) & ANSWER_TIME:
        return []
    at = clock.now()
    asked = (
        Extension.objects.filter(state=ExtensionState.ASKED)
        .exclude(asked_by=user)
        .exclude(deadline__code__in=OUTLIVES)
        .select_related(*MORE_TIME)
        .order_by("deadline__due_at", "pk")
    )
    seen = Ticket.objects.visible_to(user).filter(item__all_deadlines__asking__isnull=False)
    tickets = {t.item_id: t for t in Ticket.objects.filter(pk__in=seen.values("pk")).select_related("item__department", "customer", "assignee", "form")}
    found = [MoreTime(row, tickets[row.deadline.root_id], user, at) for row in asked if row.deadline.root_id in tickets]
    return found if user.roles & ANSWER_TIME else [waiting for waiting in found if waiting.buttons]


@dataclass
class ActionWaiting:
    """C14: one action to be approved, or one that needs more time, in the list and as a card of its own."""

    action: CorrectiveAction
    user: User

    @property
    def url(self) -> str:
        return reverse("workplace:action_approval", args=[self.action.item.number])

    @property
    def number(self) -> str:
        """With the complaint's."""
        return f"{self.action.item.number} · {self.action.form.item.number}"

    @property
    def asks(self) -> str:
        if self.wanted:
            return _("More time")
        return _("%(kind)s action") % {"kind": self.action.get_kind_display()}

    @property
    def title(self) -> str:
        return self.action.item.title

    @cached_property
    def wanted(self) -> Extension | None:
        """T9: the request that waits."""
        return time_asked_for(self.action)

    @property
    def request(self) -> str:
        if self.wanted is None:
            return ""
        about = {"limit": self.wanted.deadline.rule.spoken, "until": wording.exact(self.wanted.wanted), "due": wording.exact(self.wanted.deadline.due_at)}
        return _("%(limit)s: until %(until)s instead of %(due)s") % about

    @property
    def in_short(self) -> str:
        if self.wanted:
            return self.request
        about = {"owner": self.action.owner or "–", "due": f"{self.action.due_on:%Y-%m-%d}", "effect": f"{self.action.effect_on:%Y-%m-%d}"}
        return _("%(owner)s, by %(due)s; effect checked on %(effect)s") % about

    @cached_property
    def buttons(self) -> list[Button]:
        """Sending back first, approving at the right thumb."""
        with one_look():
            found = {b.name: b for b in doors.buttons(self.action, self.user)}
        return [found[name] for name in ("send_back", "approve", *ANSWERS_TIME) if name in found]


def actions_for(user: User) -> list[ActionWaiting]:
    """What this person may approve, or give more time: by role, or for an absent holder (V2); never with a hand in it (V8). Oldest first."""
    if not (user.roles | {m.role for m in standing.backed_by(user)}) & APPROVES:
        return []
    waiting = Q(state="awaiting_approval") | Q(pk__in=CorrectiveAction.objects.running().filter(item__deadlines__asking__isnull=False).values("pk"))
    rows = CorrectiveAction.objects.visible_to(user).filter(waiting).select_related("item__root", "owner", "department__head", "form__item", "compiled_by")
    found = list(rows.order_by("state_since", "pk"))
    with one_look():
        standing.look_at_all(user, [row.item.root_id or row.item_id for row in found], clock.now())
        waits = Extension.objects.filter(deadline__item__in=[row.item_id for row in found], state=ExtensionState.ASKED).select_related(*MORE_TIME)
        asked = {extension.deadline.item_id: extension for extension in waits.order_by("-pk")}
        for row in found:
            known(("asked", row.item_id), asked.get(row.item_id))
        waiting_ones = [ActionWaiting(row, user) for row in found if _answers(row, user)]
    for one in waiting_ones:
        one.wanted = asked.get(one.action.item_id)
    return waiting_ones


def _answers(action: CorrectiveAction, user: User) -> bool:
    return ("approver" if action.state == "awaiting_approval" else "extender") in action.capacities(user)


class Card:
    """One decision with all that is needed to take it."""

    asked = "workplace/_approval_asked.html"
    """What is decided on."""

    def __init__(self, subject: Any, form: ComplaintForm, user: User) -> None:
        self.subject, self.form, self.user, self.at = subject, form, user, clock.now()

    @property
    def ticket(self) -> Any:
        return self.form.ticket

    @property
    def asks(self) -> str:
        return asks(self.subject, self.form)

    @cached_property
    def buttons(self) -> list[Button]:
        return decisions(self.subject, self.user)

    @cached_property
    def chip(self) -> Chip | None:
        running = list(Deadline.objects.filter(item_id=self.form.item_id, state=DeadlineState.RUNNING).select_related("rule").order_by("due_at"))
        deadline = limit_of(self.subject, self.form, running)
        return chip_of(deadline, self.at) if deadline else None

    @cached_property
    def rows(self) -> story.Rows:
        return story.read(self.form.ticket)

    @cached_property
    def brief(self) -> list[Brief]:
        """Five lines of story: how it began, and the latest that was said or done with the customer or decided."""
        lines = [line for line in story.tell(self.form.ticket, self.rows, [], {}) if line.theirs and line.words]
        chosen = [*lines[:1], *lines[1:][-(LINES - 1) :]]
        return [Brief(_short(line.at, self.at), line.at_exact, _one_line(line)) for line in chosen]

    @property
    def pictures(self) -> list[story.File]:
        return [story.file_of(row) for row in self.rows.files[:PICTURES]]

    @property
    def more_files(self) -> int:
        return max(0, len(self.rows.files) - PICTURES)

    @cached_property
    def proposals(self) -> list[Proposal]:
        """The measure in question, or all of the round for a ruling."""
        shares = {(r.user_id, r.department_id): r.share for r in Responsibility.objects.filter(form=self.form, round=self.form.round)}
        rows = [self.subject] if isinstance(self.subject, Disposition) else self._of_round()
        return [
            Proposal(m, shares.get((m.user_id, m.department_id)), terms_of(m.kind, m.amount), _signed(m) if self.form.state == State.NEGOTIATING else [])
            for m in rows
        ]

    def _of_round(self) -> list[Disposition]:
        return list(self.form.dispositions.filter(round=self.form.round).exclude(state__in=("draft", "withdrawn")).select_related("user", "department"))

    @cached_property
    def returned(self) -> Inspection | None:
        """C9: the check whose faults wait for whom the department finds responsible."""
        return faults_to_answer(self.form)

    @cached_property
    def split(self) -> str:
        """C4: what the office reported of both opinions, for the ruling on what is still objected to."""
        if self.form.state != State.AWAITING_RULING or not any(p.measure.state == "objected" for p in self.proposals):
            return ""
        last = next((e for e in reversed(self.rows.entries) if e.verb == "report_split"), None)
        return last.words.text if last is not None and hasattr(last, "words") else ""

    @cached_property
    def similar(self) -> Similar | None:
        return similar(self.form, self.at)

    @cached_property
    def seen(self) -> str:
        """What the card shows, named in its buttons: if it changes while it is read, the decision is asked for anew."""
        text = texts.latest(self.form)
        return f"?{urlencode({'seen_version': self.subject.version, **({'seen_text': text.pk} if text else {})})}"

    @cached_property
    def changed(self) -> list[texts.Change]:
        """For the ruling: what changed in the text since the first department was done with it."""
        if self.form.state != State.AWAITING_RULING or isinstance(self.subject, Disposition):
            return []
        done = [m.state_since for m in self._of_round() if m.state != "proposed"]
        then = texts.as_of(self.form, min(done)) if done else None
        return texts.changes(then.rows, texts.current(self.form)) if then else []

    @property
    def story_url(self) -> str:
        return reverse("workplace:form", args=[self.form.item.number]) + "?tab=story"

    @property
    def may_revise(self) -> bool:
        """C4: either side may put down a new text while they negotiate."""
        return any(b.name == "sign" for b in self.buttons)


def _signed(measure: Disposition) -> list[str]:
    rows = measure.signatures.filter(version=measure.version).select_related("user")
    return [_("signed for %(side)s by %(who)s") % {"side": row.get_side_display(), "who": row.user} for row in rows]


def _one_line(line: story.Line) -> str:
    text = " ".join(line.words.split())
    return text[:WIDTH] + ("…" if len(text) > WIDTH else "")


def _short(at: datetime, now: datetime) -> str:
    from feedback_desk.workplace.rows import brief

    return brief(at, now)
