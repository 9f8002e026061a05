"""The story of a matter: history, contacts, notes, files and settled limits merged into lines that read as sentences, oldest first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from feedback_desk import clock
from feedback_desk.deadlines.chips import Chip, chip_of_ended, iso
from feedback_desk.deadlines.models import Deadline, DeadlineState
from feedback_desk.records import history
from feedback_desk.records.models import Attachment, Entry, Item
from feedback_desk.records.spoken import words as in_words
from feedback_desk.workplace.next_steps import NextLine
from feedback_desk.workplace.templatetags.desk import icon_of_verb
from feedback_desk.workplace.words import DRAWN_FROM_ROWS, PURPOSES, sentence
from tickets.models import Contact, Note, Ticket, Way

NEAR = timedelta(seconds=2)
"""A contact and what it settles carry the same instant; files of one upload may follow it."""


@dataclass
class Line:
    """What parts/_timeline_entry.html draws."""

    at: datetime
    title: str
    icon: str
    id: str = ""
    who: str = ""
    why: str = ""
    words: str = ""
    kind: str = ""
    """theirs, ours, internal, or a plain line."""
    tone: str = ""
    theirs: bool = False
    """Part of the dealings with the customer, as against what happens inside."""
    item_id: int = 0
    by_id: int | None = None
    chips: list[Chip] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    day: str = ""
    passed: bool = False
    """A limit that passed; nothing was done with it."""
    next: NextLine | None = None

    @property
    def at_iso(self) -> str:
        return iso(self.at)

    @property
    def at_exact(self) -> str:
        return date_format(timezone.localtime(self.at), "Y-m-d H:i:s")

    @property
    def at_text(self) -> str:
        return f"{timezone.localtime(self.at):%H:%M}"


@dataclass(frozen=True)
class File:
    url: str
    name: str
    size_text: str
    picture_url: str
    icon: str


def file_of(row: Attachment) -> File:
    from django.template.defaultfilters import filesizeformat

    url = reverse("workplace:file", args=[row.token])
    icon = "play-circle" if row.content_type.startswith("video/") else "mic" if row.content_type.startswith("audio/") else "file-earmark-text"
    return File(url, row.name, filesizeformat(row.size), url if row.is_picture else "", icon)


@dataclass
class Rows:
    """All the rows a story is made of; `read` gets them in as many queries at one contact as at fifty."""

    entries: list[Entry]
    contacts: list[Contact]
    notes: list[Note]
    files: list[Attachment]


def read(ticket: Ticket) -> Rows:
    """Four queries."""
    root: Item = ticket.item
    entries = list(Entry.objects.filter(root_id=root.pk).select_related("item", "by", "in_place_of", "words").order_by("at", "pk"))
    contacts = list(Contact.objects.filter(item_id=root.pk).select_related("by", "next_by", "visit", "step__owner", "step__ended_by"))
    notes = list(Note.objects.filter(item_id=root.pk).select_related("by"))
    files = list(Attachment.objects.filter(Q(item_id=root.pk) | Q(item__root_id=root.pk)).select_related("uploaded_by"))
    return Rows(entries, contacts, notes, files)


def tell(ticket: Ticket, rows: Rows, deadlines: Sequence[Deadline], steps: Mapping[int, NextLine]) -> list[Line]:
    """The lines in order, limits on the line that settled them, the day named where a new one starts. `steps`: by contact, what was to come next (F1)."""
    limits = {d.code: d.rule.spoken for d in deadlines}
    lines = [_beginning(ticket), *(_entry_line(e, limits) for e in _worth_a_line(rows.entries, deadlines))]
    lines += [_contact_line(c, steps.get(c.pk)) for c in rows.contacts] + [_note_line(n) for n in rows.notes]
    lines.sort(key=lambda line: line.at)
    _hang_files(lines, rows.files, ticket)
    for deadline in deadlines:
        _hang_limit(lines, deadline)
    lines.sort(key=lambda line: line.at)
    _name_days(lines)
    return lines


def of_item(item: Item, deadlines: Sequence[Deadline]) -> list[Line]:
    """The lines of one item alone (an action, C14), with its limits on the line that settled them. One query."""
    entries = list(Entry.objects.filter(item=item).select_related("item", "by", "in_place_of", "words").order_by("at", "pk"))
    limits = {d.code: d.rule.spoken for d in deadlines}
    lines = [_entry_line(e, limits) for e in _worth_a_line(entries, deadlines)]
    for deadline in deadlines:
        _hang_limit(lines, deadline)
    lines.sort(key=lambda line: line.at)
    _name_days(lines)
    return lines


def _worth_a_line(entries: Sequence[Entry], deadlines: Sequence[Deadline]) -> list[Entry]:
    ended = {deadline.pk: deadline.ended_at for deadline in deadlines}
    verbs = {entry.verb for entry in entries}
    return [e for e in entries if e.verb not in DRAWN_FROM_ROWS and not (e.verb == history.LIMIT_PASSED and _silent(e.data, ended, verbs))]


def _silent(step: Mapping[str, Any], ended: Mapping[int, datetime | None], verbs: Collection[str]) -> bool:
    """A limit that passed: it told nobody, or what it did has its own line, or an answer given in time has overtaken it since (decision 4)."""
    end = ended.get(step["deadline"])
    return not step["told"] or step["act"] in verbs or (end is not None and end <= datetime.fromisoformat(step["at"]))


def _beginning(ticket: Ticket) -> Line:
    """I1, I9: how it came in, in the customer's words."""
    received = _("received by %(who)s") % {"who": ticket.received_by} if ticket.received_by else ""
    spoken = ticket.channel in ("phone", "vip_line")
    return Line(
        at=ticket.received_at,
        title=_("The customer called") if spoken else _("The customer wrote"),
        icon="telephone-inbound" if spoken else "chat-left-text",
        id="beginning",
        who=" · ".join(filter(None, [ticket.get_channel_display(), received])),
        words=ticket.what_happened,
        kind="theirs",
        theirs=True,
    )


def _entry_line(entry: Entry, limits: Mapping[str, str]) -> Line:
    title, detail = sentence(entry.item.kind, entry.verb, entry.data, limits)
    words = getattr(entry, "words", None)
    return Line(
        at=entry.at,
        title=title,
        icon=ICONS.get(entry.verb) or icon_of_verb(entry.verb),
        id=f"e{entry.pk}",
        who=" · ".join(filter(None, [_who(entry), detail])),
        why=in_words(words.text) if words and entry.verb not in SAYS_WHAT and not _on_its_contact(entry) else "",
        words=in_words(words.text) if words and entry.verb in SAYS_WHAT else "",
        tone="late" if entry.verb in LATE_VERBS else "",
        item_id=entry.item_id,
        by_id=entry.by_id,
        passed=entry.verb == history.LIMIT_PASSED,
        theirs=entry.actor == "customer" or entry.verb in WITH_CUSTOMER,
    )


ICONS = {
    "open_form": "file-earmark-plus",
    "determine": "pencil-square",
    "named_concerned": "person-slash",
    "no_longer_concerned": "person",
    "propose": "clipboard-plus",
    "review_passed": "check2-all",
    "carry_out": "check-square",
    "write_case_summary": "journal-text",
    "correct": "pencil",
    "confirm_result": "check2-circle",
    "end_with_form": "check2-circle",
    "taken_away": "person-slash",
    "merged_here": "intersect",
    "ask_extension": "calendar-plus",
    "grant_extension": "calendar-check",
    "refuse_extension": "calendar-x",
    "extension_fell": "calendar-minus",
    "deadline_extended": "calendar-plus",
    "deadline_lengthened": "calendar-plus",
    "deadline_set_earlier": "calendar-minus",
    "late_reason": "exclamation-triangle",
    history.LIMIT_PASSED: "alarm",
    "answer": "chat-left-text",
    "grade_it": "bar-chart-steps",
    "write_root_cause": "diagram-2",
    "draft_action": "clipboard-plus",
    "try_again": "clipboard-plus",
    "approve": "check-lg",
    "report_done": "check-square",
    "confirm_effective": "patch-check",
    "find_ineffective": "x-circle",
    "recur": "arrow-counterclockwise",
    "action_recurred": "arrow-counterclockwise",
    "cancel": "x-lg",
    "revise": "pencil",
    "propose_major": "bar-chart-steps",
    "propose_grade": "bar-chart-steps",
    "raise_grade": "bar-chart-steps",
    "lower_grade": "bar-chart-steps",
    "check_facts": "clipboard-check",
    "write_first_plan": "journal-text",
    "decide_handling": "signpost-2",
    "sign_decision": "pen",
    "write_first_analysis": "search",
    "name_analysing": "diagram-3",
    "write_cause": "file-earmark-text",
    "approve_cause": "check2-circle",
    "change_quality_class": "tag",
    "leave_quality": "tag",
    "report_to_police": "shield-exclamation",
    "find_at_fault": "search",
    "second_wanted": "exclamation-triangle",
    "second_follow_up": "telephone-plus",
    "open_negotiation": "people",
    "ask_parking": "hourglass",
    "ask_abnormal": "exclamation-octagon",
    "step_done": "check2-square",
    "add_point": "list-check",
    "write_progress": "megaphone",
    "reply_in_writing": "envelope",
    "draft_reply": "envelope-paper",
    "send_reply": "send",
    "answer_point": "list-check",
    "record_meeting": "people",
    "remind_customer": "bell",
    "keep_note": "journal-text",
    "ask_instruction": "question-circle",
    "write_instruction": "pen",
    "report_to_management": "file-earmark-text",
}
SAYS_WHAT = {"reassign", "second_line", "step_done", "draft_action", "try_again", "report_done", "confirm_effective", "find_ineffective", "write_root_cause"}
"""Their words are no reason but what came of it, or what whoever has it next has to know (T15)."""
LATE_VERBS = {"late_reason", history.LIMIT_PASSED, "not_solved", "not_accepted", "unsolved"}
WITH_CUSTOMER = {
    "register", "ask_customer", "customer_answered", "offer_result", "not_solved", "confirm_result", "withdraw", "reopen",
    "write_progress", "reply_in_writing", "send_reply",
    "accept_offer", "decline_offer",
}  # fmt: skip


def _on_its_contact(entry: Entry) -> bool:
    """The question that a person asked stands on the contact that came with it; parking leaves none."""
    return entry.verb == "ask_customer" and "until" in entry.data


def _who(entry: Entry) -> str:
    if entry.by is None:
        return _("the customer") if entry.actor == "customer" else _("by itself")
    return _("%(who)s for %(primary)s") % {"who": entry.by, "primary": entry.in_place_of} if entry.in_place_of else str(entry.by)


def _contact_line(contact: Contact, step: NextLine | None) -> Line:
    way = Way(contact.way)
    incoming = way == Way.CALL_IN
    reached = "" if way not in (Way.CALL_OUT, Way.VISIT) and contact.reached else _("reached") if contact.reached else _("not reached")
    purpose = str(PURPOSES.get(contact.purpose, ""))
    visit = getattr(contact, "visit", None)
    return Line(
        at=contact.at,
        title=_("%(way)s: %(purpose)s") % {"way": way.label, "purpose": purpose} if purpose else str(way.label),
        icon=icon_of_verb(contact.way),
        id=f"c{contact.pk}",
        who=" · ".join(filter(None, [str(contact.by or ""), reached, _scores(visit) if visit else ""])),
        words=_contact_words(contact, step),
        next=step,
        kind="theirs" if incoming else "ours",
        tone="" if contact.reached else "late",
        theirs=True,
        by_id=contact.by_id,
    )


def _scores(visit: Any) -> str:
    """F3, on the line of the visit."""
    if not visit.reached:
        return ""
    marks = [(_("speed"), visit.speed), (_("solution"), visit.solution), (_("attitude"), visit.attitude)]
    said = [_("%(what)s %(score)s") % {"what": what, "score": score} for what, score in marks if score]
    if visit.accepted is not None:
        said.append(_("accepted") if visit.accepted else _("not accepted"))
    return _(", ").join(said)


def _contact_words(contact: Contact, step: NextLine | None) -> str:
    parts = [contact.said]
    if contact.customer_says:
        parts.append(_("The customer: %(words)s") % {"words": contact.customer_says})
    if contact.no_step_why:
        parts.append(_("No further step: %(why)s") % {"why": in_words(contact.no_step_why)})
    if contact.next_step and step is None:
        step_of = [in_words(contact.next_step), str(contact.next_by or ""), _moment(contact.next_at)]
        parts.append(_("Next: %(step)s") % {"step": " · ".join(filter(None, step_of))})
    return "\n".join(parts)


def _moment(at: datetime | None) -> str:
    from feedback_desk.records.spoken import when

    return when(at) if at else ""


def _note_line(note: Note) -> Line:
    return Line(at=note.at, title=str(note.by or ""), icon="lock", id=f"n{note.pk}", words=note.text, kind="internal", by_id=note.by_id)


def _hang_files(lines: list[Line], files: Iterable[Attachment], ticket: Ticket) -> None:
    """A file stands with what it came with: the beginning, a contact or note of the same person at the same time; else on a line of its own."""
    for row in files:
        line = _home_of(lines, row, ticket)
        if line is None:
            line = Line(at=row.uploaded_at, title=_("File added"), icon="paperclip", id=f"f{row.pk}", who=str(row.uploaded_by or ""), by_id=row.uploaded_by_id)
            lines.append(line)
        line.files.append(file_of(row))


def _home_of(lines: list[Line], row: Attachment, ticket: Ticket) -> Line | None:
    if abs(row.uploaded_at - ticket.registered_at) <= NEAR:
        return lines[0]
    near = [line for line in lines if line.by_id == row.uploaded_by_id and abs(line.at - row.uploaded_at) <= NEAR and (line.kind or line.id.startswith("f"))]
    return near[0] if near else None


def _hang_limit(lines: list[Line], deadline: Deadline) -> None:
    """A limit met or missed stands on the line that settled it; a missed one with its reason."""
    ended = deadline.ended_at
    if ended is None or deadline.state != DeadlineState.SETTLED:
        return
    chip = chip_of_ended(deadline)
    named = Chip(**{**chip.__dict__, "text": _("%(limit)s: %(how)s") % {"limit": deadline.rule.spoken, "how": chip.text}})
    same = [line for line in lines if line.at == ended and line.id != "beginning" and not line.passed]
    line = next((x for x in same if x.kind in ("ours", "theirs")), None) or (same[-1] if same else None)
    if line is None:
        line = Line(
            at=ended,
            title=deadline.rule.spoken,
            icon="exclamation-triangle" if deadline.late else "check2-circle",
            id=f"d{deadline.pk}",
            tone="late" if deadline.late else "ok",
        )
        lines.append(line)
    line.chips.append(named)
    if deadline.late and deadline.why and not line.why:
        line.why = in_words(deadline.why)


def _name_days(lines: list[Line]) -> None:
    today, last = timezone.localtime(clock.now()).date(), None
    for line in lines:
        day = timezone.localtime(line.at).date()
        if day != last:
            line.day, last = _day(day, (today - day).days), day


def _day(day: Any, ago: int) -> str:
    named = _("%(weekday)s, %(day)s") % {"weekday": date_format(day, "l"), "day": date_format(day, "DATE_FORMAT")}
    near = _("today") if ago == 0 else _("yesterday") if ago == 1 else ""
    return f"{named} · {near}" if near else named
