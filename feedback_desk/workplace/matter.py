"""Everything the page of a ticket shows, read once: as many queries with one contact as with fifty."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from complaints.grading import RANK
from complaints.guards import NOT_CONTENT, Asked
from complaints.lifecycle import RemedyState
from complaints.lifecycle import State as FormState
from complaints.models import ComplaintForm, Disposition, Grade, GradeProposal, QualityClass
from complaints.models.early import SIDES
from complaints.services.early import DECISION_LIMITS
from feedback_desk import clock
from feedback_desk.deadlines import extensions, wording
from feedback_desk.deadlines.chips import Chip, chip_of
from feedback_desk.deadlines.explain import explain
from feedback_desk.deadlines.models import Deadline, DeadlineState, Extension
from feedback_desk.people import standing
from feedback_desk.people.models import User
from feedback_desk.people.one_look import known, one_look
from feedback_desk.records.models import Entry
from feedback_desk.records.moves import moves_of
from feedback_desk.workplace import doors, steps, story
from feedback_desk.workplace.doors import Button
from feedback_desk.workplace.next_steps import NextLine, next_line
from feedback_desk.workplace.words import terms_of
from tickets.guards import OWED
from tickets.models import Level, NextStep, Priority, Ticket
from tickets.permissions import may_see_contact_data, may_write
from tickets.services.common import OUTLIVES
from tickets.services.steps import TICKS

NEAREST = 6
ASIDE = 2
SET_ASIDE = frozenset(
    {
        "ask_customer",
        "reassign",
        "second_line",
        "withdraw",
        "invalidate",
        "merge",
        "reopen",
        "restore",
        "hand_up",
        "raise_grade",
        "lower_grade",
        "ask_abnormal",
        "reopen_abnormal",
        "reverse",
        "decline",
        "ask_extension",
    }
)
"""Moves away from the straight way: they stand at the end of the line."""


@dataclass(frozen=True)
class Limit:
    """A line of the card of limits."""

    name: str
    chip: Chip | None
    sentence: str
    url: str = ""
    """Where all of it is told."""
    asked: str = ""
    """T9: more time that was asked for and waits for its answer."""
    ask_url: str = ""
    answer_url: str = ""


def _asked(extension: Extension) -> str:
    said = _("%(who)s asks for more time, until %(until)s: %(why)s")
    return said % {"who": extension.asked_by, "until": wording.exact(extension.wanted), "why": extension.reason}


def _with_deadline(extension: Extension, deadline: Deadline) -> Extension:
    extension.deadline = deadline
    return extension


def limit_line(deadline: Deadline, at: datetime) -> Limit:
    """Reads the row's rule and pauses, fetched with it."""
    return Limit(deadline.rule.spoken, chip_of(deadline, at), explain(deadline, at).sentence, reverse("workplace:limit", args=[deadline.pk]))


@dataclass
class Matter:
    """One ticket, with its form if it has one, for one reader at one instant."""

    ticket: Ticket
    user: User
    form: ComplaintForm | None = None
    base: str = ""
    """The address of the page: the ticket's, or the form's for those who see only that."""
    through_form: bool = False
    """Seen as a head concerned (C4), not as somebody who works on the ticket."""
    at: datetime = field(default_factory=clock.now)

    @property
    def may_write(self) -> bool:
        return not self.through_form and may_write(self.user)

    @property
    def live(self) -> str:
        """Ids of the items whose change refreshes the page."""
        return ",".join(str(pk) for pk in (self.ticket.item_id, self.form and self.form.item_id) if pk)

    @property
    def here(self) -> str:
        """The number of the page: the form's for those who see only that."""
        return self.form.item.number if self.through_form and self.form else self.ticket.item.number

    @property
    def round_line(self) -> str:
        return steps.round_line(self.form, self.ticket)

    @cached_property
    def tags(self) -> list[tuple[str, str]]:
        """Words and tone; amber only for what is a matter of safety or of many."""
        ticket, level = self.ticket, self.ticket.customer.level
        found = [(str(ticket.customer.get_level_display()), "")] if level != Level.ORDINARY else []
        found += [(_("Priority %(priority)s") % {"priority": ticket.get_priority_display()}, "")] if ticket.priority in (Priority.URGENT, Priority.HIGH) else []
        found += [(_("Repeat"), "")] if ticket.repeat else []
        found += [(_("Batch"), "tag-warn")] if ticket.batch_linked else []
        found += [(_("Outstanding elsewhere"), "tag-warn")] if getattr(ticket, "set_aside", False) else []
        found += [(_("Safety"), "tag-warn")] if self.form is not None and self.form.quality_class == QualityClass.SAFETY else []
        return found

    @cached_property
    def form_capacities(self) -> frozenset[str]:
        """What the reader is to the form."""
        with one_look():
            self._say_what_is_known()
            return self.form.capacities(self.user) if self.form is not None else frozenset()

    @property
    def tabs(self) -> list[tuple[str, str, int | None]]:
        """Key, name, how many."""
        found: list[tuple[str, str, int | None]] = [("story", _("Story"), len(self.lines))]
        if self.form is not None:
            found += [("handling", _("Handling"), None), ("determination", _("Responsibility and measures"), len(self.measures))]
        return [*found, ("files", _("Files"), len(self.rows.files)), ("related", _("Related"), len(self.neighbours))]

    @cached_property
    def deadlines(self) -> list[Deadline]:
        rows = Deadline.objects.filter(root_id=self.ticket.item_id).select_related("rule", "asking__asked_by").prefetch_related("pauses")
        return list(rows.order_by("due_at", "pk"))

    @cached_property
    def rows(self) -> story.Rows:
        return story.read(self.ticket)

    @cached_property
    def lines(self) -> list[story.Line]:
        return story.tell(self.ticket, self.rows, self.deadlines, self._steps)

    @cached_property
    def _steps(self) -> dict[int, NextLine]:
        """By contact: what was to come after it (F1)."""
        _buttons, _acting_for, capacities, out = self._offered
        mine = self.user.pk if self.may_write else 0
        ticks = self.may_write and bool(TICKS & capacities)
        found = [c.step for c in self.rows.contacts if hasattr(c, "step")]
        return {step.contact_id: next_line(step, self.at, may_finish=ticks or step.owner_id == mine or _stands_in(step, self.user, out)) for step in found}

    @property
    def open_steps(self) -> list[NextLine]:
        """F1: what is still to be done here, the nearest first."""
        return sorted((line for line in self._steps.values() if line.open), key=lambda line: line.due_at)

    @property
    def colleagues(self) -> list[User]:
        """Who may be given a next step: not who is away or named in the matter (V2, V3)."""
        out = self._offered[3]
        return [person for person in standing.colleagues(self.user) if person.pk == self.user.pk or person.pk not in out]

    @cached_property
    def measures(self) -> list[Disposition]:
        """Those of this round, with whom they are about."""
        if self.form is None:
            return []
        rows = list(self.form.dispositions.filter(round=self.form.round).exclude(state="withdrawn").select_related("user", "department"))
        for row in rows:
            row.form = self.form
        return rows

    @cached_property
    def steps(self) -> list[steps.Step]:
        if self.form is not None:
            return steps.of_form(self.form, self.rows.entries, self.deadlines, self.at)
        return steps.of_ticket(self.ticket, self.rows.entries, self.deadlines, self.at)

    @cached_property
    def limits(self) -> list[Limit]:
        """The nearest six that run, and those beyond whose time is asked about or can be (T9), each with its sentence (E4)."""
        running = sorted((d for d in self.deadlines if d.live), key=lambda d: (d.state == DeadlineState.PAUSED, d.due_at))
        beyond = [d for d in running[NEAREST:] if d.asking or extensions.may_ask(d, self.at)]
        return [self._limit(d) for d in running[:NEAREST] + beyond]

    def _limit(self, deadline: Deadline) -> Limit:
        """T9: more time is asked for beside the limit, or answered."""
        open_to_me = {b.name: b.url for b in self.buttons}
        ask = open_to_me.get("ask_extension", "") if deadline.code not in OUTLIVES and extensions.may_ask(deadline, self.at) else ""
        return replace(
            limit_line(deadline, self.at), asked=_asked(deadline.asking) if deadline.asking else "",
            ask_url=f"{ask}?deadline={deadline.pk}" if ask else "", answer_url=self._answer_url(deadline) if "grant_extension" in open_to_me else "",
        )  # fmt: skip

    def _answer_url(self, deadline: Deadline) -> str:
        return reverse("workplace:extension", args=[deadline.asking_id]) if deadline.asking_id and deadline.code not in OUTLIVES else ""

    @property
    def limits_count(self) -> str:
        live = sum(1 for d in self.deadlines if d.live)
        over = sum(1 for d in self.deadlines if d.state == DeadlineState.RUNNING and d.due_at < self.at)
        ended = [d for d in self.deadlines if d.state == DeadlineState.SETTLED]
        late = sum(1 for d in ended if d.late)
        said = {"live": live, "over": over, "met": len(ended) - late, "missed": late}
        if over:
            return _("running %(live)s, late %(over)s · met %(met)s · missed %(missed)s") % said
        return _("running %(live)s · met %(met)s · missed %(missed)s") % said

    @property
    def limits_more(self) -> str:
        more = sum(1 for d in self.deadlines if d.live) - len(self.limits)
        return ngettext("%(n)d more", "%(n)d more", more) % {"n": more} if more > 0 else ""

    @property
    def buttons(self) -> list[Button]:
        """What is open to me: on the ticket, on its form, on each measure; one primary in all."""
        return self._offered[0]

    @property
    def acting_for(self) -> str:
        """V2: in whose place the reader would move."""
        return self._offered[1]

    @cached_property
    def _offered(self) -> tuple[list[Button], str, frozenset[str], set[int]]:
        """Buttons, in whose place, what the reader is to the ticket, who cannot act: asked in one look."""
        with one_look():
            self._say_what_is_known()
            buttons = doors.one_primary(self._all_buttons())
            return buttons, self._acting_for(buttons), self.ticket.capacities(self.user), standing.out_of_play(self.ticket.item, self.at)

    def _all_buttons(self) -> list[Button]:
        """The ticket's reopening brings its form along: one button, not two."""
        own, of_form = doors.buttons(self.ticket, self.user), self._of_form()
        twice = {b.label for b in own if b.name == "reopen"}
        if any(b.primary for b in of_form):  # a complaint goes its form's way, also while that lacks something
            own = [replace(b, primary=b.primary and b.name != "offer_result") for b in own]
        return [b for b in of_form if b.label not in twice] + own

    @property
    def _text_id(self) -> int | None:
        """The kept text that the page shows; read with the form (finding)."""
        found: int | None = getattr(self.form, "text_id", None)
        return found

    def _say_what_is_known(self) -> None:
        """What the page has read already, guards and permissions need not ask again."""
        item, live = self.ticket.item_id, [d for d in self.deadlines if d.live and d.item_id == self.ticket.item_id]
        known(("concerned", self.user.pk, item), False)  # the row was found by visible_to, which leaves out one's own matters (V3)
        known(("spoken", item), any(c.reached and c.way != "other" for c in self.rows.contacts))
        known(("late", item), [d for d in live if d.code in ("D08", "D26") and d.state == DeadlineState.RUNNING and d.due_at < self.at and not d.why])
        known(("owed", item), [d for d in live if d.code in OWED])
        known(("extendable", item), [d for d in self.deadlines if d.code not in OUTLIVES and extensions.may_ask(d, self.at)])
        known(("asked", item), [_with_deadline(d.asking, d) for d in self.deadlines if d.live and d.asking is not None and d.code not in OUTLIVES])
        if self.form is not None:
            known(("measures", self.form.pk), self.measures)
            known(("form", self.ticket.pk), self.form)
            self.form.ticket = self.ticket
            known(("answerable", self.ticket.pk), self.form)
            entries = [e for e in self.rows.entries if e.item_id == self.form.item_id]
            if not self.ticket.complex and all(e.data.get("departments", 2) < 2 for e in entries if e.verb == "decide_handling"):
                known(("meeting owed", self.form.pk), False)
            if self.form.round == 1 and not any(e.verb == "add_point" for e in entries):
                known(("several points", self.form.pk), False)
            if self.form.grade in DECISION_LIMITS and self._decision_was_signed(DECISION_LIMITS[Grade(self.form.grade)][0], entries):
                known(("sides signed", self.form.pk, self.form.grade), set(SIDES[self.form.grade]))
            known(("remedy waits", self.form.pk), RemedyState.AWAITING_APPROVAL in _stands_of_remedies(self.rows.entries))
            self._say_of_first_hours(self.form, entries)
            known(("reached on visit", self.form.pk), any(c.purpose == "visit" and c.reached and c.at >= self.form.state_since for c in self.rows.contacts))
            if self.form.state == FormState.AWAITING_CHECK:  # an inspection leads out of it: there is none since the hand-over (C9)
                known(("inspection", self.form.pk), None)
            letters = [e for e in self.rows.entries if e.verb in ("send_reply", *NOT_CONTENT)]
            known(("reply sent", self.form.pk), bool(letters) and max(letters, key=lambda e: e.pk).verb == "send_reply")
            if hasattr(self.form, "asked"):
                known(("grade rule", self.form.grade), Asked(**{name: bool(value) for name, value in (self.form.asked or {}).items()}))

    def _say_of_first_hours(self, form: ComplaintForm, entries: Sequence[Entry]) -> None:
        """C1, G2: what the lines of history say of facts, plan and decision."""
        talks = [c.at for c in self.rows.contacts if c.reached and c.way != "other" and c.purpose != "question"]
        known(("facts checked", form.pk), any(e.verb == "check_facts" for e in entries))
        known(("first plan", form.pk), next((e.at for e in entries if e.verb == "write_first_plan"), None))
        known(("first talk", form.pk), min(talks, default=None))
        if not any(e.verb == "decide_handling" for e in entries):
            known(("sides signed", form.pk, form.grade), None)

    def _decision_was_signed(self, code: str, entries: list[Entry]) -> bool:
        """G2: the limit of this grade ended with the last signature, and nobody has written another text since."""
        limits = [d for d in self.deadlines if d.code == code and self.form is not None and d.item_id == self.form.item_id]
        last = max(limits, key=lambda d: d.pk, default=None)
        if last is None or last.state != DeadlineState.SETTLED or last.ended_at is None:
            return False
        return not any(e.verb == "decide_handling" and e.at > last.ended_at for e in entries)

    def _of_form(self) -> list[Button]:
        if self.form is None:
            return []
        tab = "determination" if self.form.state == FormState.DETERMINING else "handling"
        there = f"{reverse('workplace:form', args=[self.form.item.number])}?tab={tab}"
        found = [doors.naming(b, self.form, self._text_id) for b in doors.buttons(self.form, self.user, missing_url=there)]
        for measure in self.measures:
            theirs = doors.buttons(measure, self.user, missing_url=there, about=measure.target)
            found += [doors.naming(b, measure, self._text_id) for b in theirs]
        return found

    @property
    def major_url(self) -> str:
        """G1, D36: where those who may raise it decide on grade I, with the reason filled in."""
        there = {b.name: b.url for b in self.buttons}
        url = there.get("raise_grade") or there.get("grade_it")
        return f"{url}?{urlencode({'grade': Grade.MAJOR.value, 'reason': _('Unsolved three days after receipt')})}" if url else ""

    @cached_property
    def raise_proposed(self) -> GradeProposal | None:
        """G1: what was proposed after the grade was decided, higher than it (a batch, a correction); the third day has its own line."""
        form = self.form
        if form is None or not form.grade or form.major_proposed or not form.item.open or RANK[form.proposed_grade] <= RANK[form.grade]:
            return None
        later = form.graded_at is not None and form.proposed_at is not None and form.proposed_at > form.graded_at
        last: GradeProposal | None = form.proposals.order_by("-at", "-pk").first() if later else None
        return last

    @property
    def raise_url(self) -> str:
        url = next((b.url for b in self.buttons if b.name == "raise_grade"), "")
        if not url or self.raise_proposed is None:
            return ""
        reason = _("; ").join(name for name, _because in self.raise_proposed.reasons)
        return f"{url}?{urlencode({'grade': self.raise_proposed.grade, 'reason': reason})}"

    @property
    def moves(self) -> list[Button]:
        return [b for b in self.buttons if b.name not in SET_ASIDE]

    @property
    def others(self) -> list[Button]:
        return [b for b in self.buttons if b.name in SET_ASIDE][:ASIDE]

    @property
    def rare(self) -> list[Button]:
        """The rest of those, in a menu."""
        return [b for b in self.buttons if b.name in SET_ASIDE][ASIDE:]

    def _acting_for(self, buttons: list[Button]) -> str:
        if not buttons:
            return ""
        first = buttons[0].name
        subject: Any = self.form if self.form is not None and first in moves_of(ComplaintForm) else self.ticket
        declared = moves_of(type(subject)).get(first)
        primary = subject.in_place_of(self.user, declared) if declared else None
        return _("Stand-in: for %(who)s") % {"who": primary} if primary else ""

    @cached_property
    def contact_points(self) -> list[Any]:
        return list(self.ticket.customer.contact_points.all())

    @property
    def may_reveal(self) -> bool:
        return may_see_contact_data(self.user) and not self.file_closed

    @property
    def file_closed(self) -> bool:
        """V3: the reader is named in another matter of this customer: their file is not there, contact data stays masked."""
        return getattr(self.ticket, "file_closed", False)

    @cached_property
    def neighbours(self) -> list[Ticket]:
        """I7: linked with it, or the same customer's or batch's of late; only what the reader may see."""
        return list(_neighbours(self.ticket, self.user))

    @property
    def files(self) -> list[story.File]:
        return [story.file_of(row) for row in self.rows.files]


def _neighbours(ticket: Ticket, user: User) -> Any:
    from django.db.models import Q

    near = Q(related=ticket) | Q(merged_into=ticket) | Q(customer_id=ticket.customer_id, item__open=True)
    if ticket.batch:
        near |= Q(batch=ticket.batch, product=ticket.product)
    if ticket.order_number:
        near |= Q(order_number=ticket.order_number)
    rows = Ticket.objects.visible_to(user).filter(near).exclude(pk=ticket.pk)
    return Ticket.objects.filter(pk__in=rows.values("pk")).select_related("item").order_by("-registered_at")[:5]


def _stands_in(step: NextStep, user: User, out: set[int]) -> bool:
    """V2: the backup of somebody who is away; whom the service lets tick it off beyond that, it decides itself."""
    return step.owner is not None and step.owner_id in out and step.owner.backup_id == user.pk


def _stands_of_remedies(entries: Sequence[Entry]) -> Collection[str]:
    """G4: where each remedy stands, by its last line of history."""
    return {entry.data["remedy"]: entry.target for entry in entries if "remedy" in entry.data}.values()


@dataclass(frozen=True)
class MeasureLine:
    """A measure in the table of the determination."""

    target: str
    terms: str
    clause: str
    reason: str
    state: str
    state_label: str
    objection: str
    answer: str


def measure_lines(measures: Sequence[Disposition]) -> list[MeasureLine]:
    return [MeasureLine(m.target, terms_of(m.kind, m.amount), m.clause, m.reason, m.state, m.get_state_display(), m.objection, m.answer) for m in measures]
