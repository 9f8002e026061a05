"""What the customer is told, and when (C11–C13, C17, G3, T14): points, progress notes, formal and final reply, internal meeting."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from complaints import acts, guards, letters
from complaints.lifecycle import State
from complaints.models import ComplaintForm, FinalReply, FormalReply, Meeting, Point, ProgressNote, ReplySending, ReplyTemplate
from complaints.services.common import facts, locked, start
from feedback_desk import clock
from feedback_desk.deadlines import services as deadlines
from feedback_desk.deadlines.models import DeadlineState
from feedback_desk.notices import outbox
from feedback_desk.people import receivers
from feedback_desk.people.access import concerned
from feedback_desk.people.actors import Actor, person
from feedback_desk.people.models import Role, User
from feedback_desk.records import history
from feedback_desk.records.models import Entry
from tickets.models import Channel, Contact, Way
from tickets.services.common import need, responsible, tell
from tickets.services.contacts import check_promise, promise
from tickets.services.told import keep_promises, told

WORKING = acts.OPEN - {State.OUTSTANDING}
ADD_POINT = acts.declare("add_point", label=gettext_lazy("Add a point"), who=("handler", "supervisor", "cs_manager"))
ANSWER_POINTS = acts.declare(
    "answer_points", label=gettext_lazy("Answer the points"), who=("handler", "supervisor", "cs_manager"), guards=(guards.points_open,),
    done=guards.points_were_answered,
)  # fmt: skip
RECORD_MEETING = acts.declare("record_meeting", label=gettext_lazy("Internal meeting"), who=("handler", "supervisor", "cs_manager"))
WRITE_PROGRESS = acts.declare("write_progress", label=gettext_lazy("Progress note"), who=("handler", "supervisor", "cs_manager"))
REPLY_IN_WRITING = acts.declare(
    "reply_in_writing", label=gettext_lazy("Formal reply in writing"), who=("supervisor", "cs_manager"), guards=(guards.meeting_was_held,)
)
REPLY_AS_HEAD = acts.declare(
    "reply_as_head", label=gettext_lazy("Formal reply in writing"), who=("line_head",), guards=(guards.is_major_complaint, guards.meeting_was_held)
)
DRAFT_REPLY = acts.declare(
    "draft_reply", label=gettext_lazy("Draw up the final reply"), who=("handler", "supervisor", "cs_manager"),
    guards=(guards.meeting_was_held, guards.every_point_answered),
)  # fmt: skip
READY = (guards.reply_to_send, guards.meeting_was_held, guards.every_point_answered, guards.letter_is_current)
SEND_REPLY = acts.declare(
    "send_reply", label=gettext_lazy("Send the final reply"), who=("supervisor", "cs_manager", "line_head"), guards=(*READY, guards.cause_approved),
    primary=True, done=guards.reply_was_sent,
)  # fmt: skip
SEND_MINOR_REPLY = acts.declare(
    "send_minor_reply", label=gettext_lazy("Send the final reply"), who=("handler",), guards=(guards.a_colleague_may_reply, *READY), primary=True,
    done=guards.reply_was_sent,
)  # fmt: skip

FROM_ABOVE = (Channel.GROUP, Channel.FORUM)
"""C11: handed down by the group, or from a public forum: told in agreed wording. For whom D25 runs is its rule's to say."""


def start_answering(form: ComplaintForm, *, at: datetime, since: datetime | None = None) -> None:
    """D13, D27 from the receipt (or `since`), D24 from now, D25 where its rule fits (what came from above); the customer's expectation is the first point.

    Nothing is asked for again that was answered already.
    """
    owner, since = responsible(form.ticket, at), since or form.ticket.received_at
    if not guards.reply_sent(form):
        if not form.formalreply_rows.exists() and not form.item.deadlines.filter(code="D13", state="settled").exists():
            start(form, "D13", at=at, owner=owner, start_at=since)
        start_progress(form, at=at)
        start(form, "D27", at=at, owner=owner, start_at=since)
    if form.ticket.expectation.strip() and not form.points.exists():
        Point.objects.create(form=form, round=form.round, text=form.ticket.expectation.strip(), by=form.ticket.registered_by, at=at)


def start_progress(form: ComplaintForm, *, at: datetime) -> None:
    """C11: D24, and D25 once a round where its rule fits; nothing while the matter is set aside."""
    if form.state == State.OUTSTANDING:
        return
    start(form, "D24", at=at, owner=responsible(form.ticket, at))
    _start_report(form, at=at)


def refitted(form: ComplaintForm, *, at: datetime) -> None:
    """C11, decision 34: what D25 is chosen by changed, and it fits only now: it begins when progress began to be owed, if its rule was there then (E5)."""
    since = _progress_owed_since(form)
    if since and deadlines.would_be_due("D25", at=since, facts=facts(form), department=form.item.department):
        _start_report(form, at=at, since=since)


def _start_report(form: ComplaintForm, *, at: datetime, since: datetime | None = None) -> None:
    if not form.item.deadlines.filter(code="D25", state=DeadlineState.SETTLED, round=form.round).exists():
        start(form, "D25", at=at, owner=responsible(form.ticket, at), start_at=since)


def _progress_owed_since(form: ComplaintForm) -> datetime | None:
    """None while none is owed. Each note ends one D24 and begins the next; what is set aside, or was answered, begins anew."""
    rows = form.item.deadlines.filter(code="D24", round=form.round).order_by("-pk").values_list("state", "start_at")
    since = None
    for state, start_at in rows:
        if state != (DeadlineState.SETTLED if since else DeadlineState.RUNNING):
            break
        since = start_at
    return since


def graded(form: ComplaintForm, *, at: datetime) -> None:
    """G3: whose reply is awaited; and what was said or offered before the grade let a colleague answer is the answer now, as of then."""
    refitted(form, at=at)
    hand_reply(form, at=at)
    if guards.a_colleague_may_reply(form) is not None:
        return
    spoken = form.ticket.item.contacts.filter(purpose="formal_reply", reached=True).order_by("at").first()
    if spoken is not None and guards.meeting_was_held(form) is None:
        deadlines.settle(form.item, "D13", at=max(spoken.at, form.opened_at), by=spoken.by)
    if form.ticket.result and form.ticket.state in ("confirming", "completed"):
        offered = Entry.objects.filter(item_id=form.ticket.item_id, verb="offer_result").order_by("-pk")[0]
        _result_answers(form, at=offered.at, by=offered.by)


def hand_reply(form: ComplaintForm, *, at: datetime) -> None:
    """G3: D13 is whose reply is awaited: a supervisor's where the grade is answered in writing, else the assignee's."""
    written = bool(form.grade) and guards.grade_rule(form).written_reply
    supervisor = receivers.pick(Role.SUPERVISOR, department=form.ticket.item.department, root=form.item.root, at=at) if written else None
    deadlines.reown(form.item, "D13", owner=supervisor or responsible(form.ticket, at))


def answer_again(form: ComplaintForm, *, missing: str, by: Actor, at: datetime) -> None:
    """Not solved (C10, C15): what is missing is a point of its own, progress is told again and a final reply is owed again."""
    if missing.strip():
        Point.objects.create(form=form, round=form.round, text=missing.strip(), by=person(by), at=at)
    deadlines.void(form.item, "D24", at=at, why=gettext_noop("not solved"))
    start_progress(form, at=at)
    start(form, "D27", at=at, owner=responsible(form.ticket, at))


def contacted(form: ComplaintForm, contact: Contact) -> None:
    """A conversation can be the formal reply where none in writing is asked for (G3), and a progress note (C11)."""
    if not contact.reached:
        return
    happened = max(contact.at, form.opened_at)
    if contact.purpose == "formal_reply" and guards.a_colleague_may_reply(form) is None and guards.meeting_was_held(form) is None:
        deadlines.settle(form.item, "D13", at=happened, by=contact.by)
    if contact.purpose == "progress":
        renew_progress(form, at=happened, by=contact.by)


def result_offered(form: ComplaintForm, *, result: str, by: Actor, at: datetime) -> None:
    """The result answers the one point that is left, and what progress there was; where no written reply is asked for it is the answer itself."""
    left = list(form.points.filter(answer=""))
    if len(left) == 1 and result.strip():
        _answer(left[0], result, by=person(by), at=at)
    deadlines.void(form.item, "D24", "D25", at=at, why=gettext_noop("the result was offered"))
    if guards.a_colleague_may_reply(form) is None:
        _result_answers(form, at=at, by=person(by))


def _result_answers(form: ComplaintForm, *, at: datetime, by: User | None) -> None:
    """Where a colleague may answer, the result is the formal reply, and the final one unless an association is answered too (C13)."""
    deadlines.settle(form.item, "D13", *(() if guards.letter_due(form) else ("D27",)), at=at, by=by)


def renew_progress(form: ComplaintForm, *, at: datetime, by: User | None) -> None:
    """D24 ends with a note and begins again, as long as one was owed; a call of before the last note, recorded now, changes nothing."""
    if deadlines.settle(form.item, "D24", at=at, by=by, begun=True):
        start(form, "D24", at=at, owner=responsible(form.ticket, at))


# ---- points (C17) ----


@transaction.atomic
def add_point(*, form_id: int, by: User, text: str) -> Point:
    at = clock.now()
    need(text=text)
    form = locked(form_id)
    acts.demand(form, ADD_POINT, by=by)
    point = Point.objects.create(form=form, round=form.round, text=text.strip(), by=by, at=at)
    history.record(form.item, "add_point", by=by, at=at, reason=text)
    return point


@transaction.atomic
def answer_points(*, form_id: int, by: User, answers: Mapping[int, str]) -> ComplaintForm:
    """`answers` by the point's key; an empty one leaves its point open. Raises ValidationError when none says anything."""
    at = clock.now()
    form = locked(form_id)
    acts.demand(form, ANSWER_POINTS, by=by)
    given = [(point, words) for point in form.points.filter(answer="") if (words := answers.get(point.pk, "").strip())]
    if not given:
        raise ValidationError(_("Answer at least one point."))
    for point, words in given:
        _answer(point, words, by=by, at=at)
        history.record(form.item, "answer_point", by=by, at=at, reason=words, data={"point": point.text[:200]})
    return form


def _answer(point: Point, words: str, *, by: User | None, at: datetime) -> None:
    point.answer, point.answered_by, point.answered_at = words.strip(), by, at
    point.save(update_fields=["answer", "answered_by", "answered_at"])


# ---- meeting and progress (T14, C11) ----


@transaction.atomic
def record_meeting(*, form_id: int, by: User, people_ids: Collection[int], solution: str) -> Meeting:
    """T14: nobody named in the matter was there (V3)."""
    at = clock.now()
    need(solution=solution)
    form = locked(form_id)
    acts.demand(form, RECORD_MEETING, by=by)
    people = list(User.objects.filter(pk__in=people_ids, is_active=True))
    if len(people) < 2:
        raise ValidationError({"people": _("Choose at least two who came.")})
    if out := [p for p in people if concerned(p, form.item)]:
        raise ValidationError({"people": _("%(who)s is named in this matter and takes no part.") % {"who": _(", ").join(map(str, out))}})
    row = Meeting.objects.create(form=form, round=form.round, by=by, at=at, solution=solution.strip())
    row.people.set(people)
    history.record(form.item, "record_meeting", by=by, at=at, reason=solution, data={"with": "、".join(map(str, people))})
    return row


@transaction.atomic
def write_progress(
    *, form_id: int, by: User, situation: str, progress: str, customer_says: str, way: str, wording: str = "", to_group: str = "",
    promised_at: datetime | None = None,
) -> ProgressNote:  # fmt: skip
    """C11. Ends D24 and begins the next; with the agreed wording and the group told, D25. By e-mail it leaves from here.

    `promised_at` (T16): when the customer hears again.
    """
    at = clock.now()
    check_promise(promised_at, at)
    need(situation=situation, progress=progress, customer_says=customer_says)
    form = locked(form_id)
    acts.demand(form, WRITE_PROGRESS, by=by)
    if form.ticket.channel in FROM_ABOVE:
        need(wording=wording, **({"to_group": to_group} if form.ticket.channel == Channel.GROUP else {}))
    texts = {"situation": situation.strip(), "progress": progress.strip(), "customer_says": customer_says.strip()}
    above = {"wording": wording.strip(), "to_group": to_group.strip()[:200]}
    row = ProgressNote.objects.create(form=form, round=form.round, by=by, at=at, way=_way(way), **texts, **above)
    entry = history.record(form.item, "write_progress", by=by, at=at, reason=progress, data={"way": str(Way(way).label)})
    renew_progress(form, at=at, by=by)
    deadlines.settle(form.item, "D25", at=at, by=by)
    _told(form, by=by, at=at, until=promised_at, part=f"n{row.pk}")
    _mail(form, row.wording or f"{row.situation}\n\n{row.progress}", way=way, key=f"progress:{row.pk}", entry=entry)
    return row


def _told(form: ComplaintForm, *, by: User, at: datetime, part: str, solution: bool = False, until: datetime | None = None) -> None:
    """T1, T11, T16: what was sent settles of the ticket's limits, and what it promises in turn."""
    told(form.ticket, by=by, at=at, solution=solution, until=until)
    keep_promises(form.ticket, by=by, at=at)
    promise(form.ticket, by=by, at=at, until=until, part=part, renews=True)


def _way(value: str) -> str:
    if value not in Way.values:
        raise ValidationError({"way": _("Choose how it was told.")})
    return value


# ---- replies (G3, C12, C13) ----


@transaction.atomic
def reply_in_writing(*, form_id: int, by: User, text: str, way: str, promised_at: datetime | None = None) -> FormalReply:
    """G3. Settles D13; an e-mail leaves from here. `promised_at` (T16): a date that the reply names."""
    return _reply(form_id, REPLY_IN_WRITING, by=by, text=text, way=way, promised_at=promised_at)


@transaction.atomic
def reply_as_head(*, form_id: int, by: User, text: str, way: str, promised_at: datetime | None = None) -> FormalReply:
    """G3: of grade I, where needed, by the head of the department."""
    return _reply(form_id, REPLY_AS_HEAD, by=by, text=text, way=way, promised_at=promised_at)


def _reply(form_id: int, act: acts.Act, *, by: User, text: str, way: str, promised_at: datetime | None) -> FormalReply:
    at = clock.now()
    check_promise(promised_at, at)
    need(text=text)
    form = locked(form_id)
    acts.demand(form, act, by=by)
    row = FormalReply.objects.create(form=form, round=form.round, by=by, at=at, text=text.strip(), way=_way(way))
    deadlines.settle(form.item, "D13", at=at, by=by)
    entry = history.record(form.item, "reply_in_writing", by=by, at=at, reason=text, data={"way": str(Way(way).label)})
    _told(form, by=by, at=at, until=promised_at, part=f"f{row.pk}")
    _mail(form, row.text, way=way, key=f"formal:{row.pk}", entry=entry)
    return row


@transaction.atomic
def draft_reply(*, form_id: int, by: User, template_id: int, found: str, done: str, prevented: str, apology: str = "") -> FinalReply:
    """C13, C17: the letter from a template, with the answer to each point; where somebody of ours was found responsible it apologises."""
    at = clock.now()
    form = locked(form_id)
    acts.demand(form, DRAFT_REPLY, by=by)
    ours = not form.no_fault and bool(guards.named(form))
    need(found=found, done=done, prevented=prevented, **({"apology": apology} if ours else {}))
    template = ReplyTemplate.objects.filter(pk=template_id, active=True).first()
    if template is None:
        raise ValidationError({"template": _("Choose a letter.")})
    said = {"found": found.strip(), "done": done.strip(), "prevented": prevented.strip(), "apology": apology.strip()}
    try:
        text = letters.final(form, template, said, at=at)
    except ValueError as wrong:
        raise ValidationError({"template": str(wrong)}) from wrong
    row = FinalReply.objects.create(form=form, round=form.round, by=by, at=at, text=text, **said)
    entry = history.record(form.item, "draft_reply", by=by, at=at, reason=found)
    if guards.a_colleague_may_reply(form) is not None:
        supervisor = receivers.pick(Role.SUPERVISOR, department=form.ticket.item.department, root=form.item.root, at=at)
        tell(supervisor, "approval_wanted", entry=entry, item=form.item, what=gettext_noop("Final reply to be sent"))
    return row


@transaction.atomic
def send_reply(
    *, form_id: int, by: User, seen: int, way: str, to_association: str = "", promised_at: datetime | None = None,
) -> ReplySending:  # fmt: skip
    """G3: grades answered in writing. Settles D27 and what was left of D13, D24, D25. `promised_at` (T16): a date that the letter names."""
    return _send(form_id, SEND_REPLY, by=by, seen=seen, way=way, to_association=to_association, promised_at=promised_at)


@transaction.atomic
def send_minor_reply(
    *, form_id: int, by: User, seen: int, way: str, to_association: str = "", promised_at: datetime | None = None,
) -> ReplySending:  # fmt: skip
    """As `send_reply`, by the handler, where the grade lets a colleague answer."""
    return _send(form_id, SEND_MINOR_REPLY, by=by, seen=seen, way=way, to_association=to_association, promised_at=promised_at)


def _send(
    form_id: int, act: acts.Act, *, by: User, seen: int, way: str, to_association: str, promised_at: datetime | None,
) -> ReplySending:  # fmt: skip
    at = clock.now()
    check_promise(promised_at, at)
    form = locked(form_id)
    acts.demand(form, act, by=by)
    reply = guards.reply_of(form)
    assert reply is not None
    acts.check_read(reply, seen, _("%(who)s drew up another letter %(when)s. Read it first."))
    if form.ticket.channel == Channel.ASSOCIATION:
        need(to_association=to_association)
    row = ReplySending.objects.create(reply=reply, by=by, at=at, way=_way(way), to_association=to_association.strip()[:300])
    deadlines.settle(form.item, "D13", "D25", "D27", at=at, by=by)
    deadlines.void(form.item, "D24", at=at, why=gettext_noop("the final reply was sent"), by=by)
    data = {"way": str(Way(way).label), **({"association": row.to_association} if row.to_association else {})}
    entry = history.record(form.item, "send_reply", by=by, at=at, data=data)
    _told(form, by=by, at=at, solution=True, until=promised_at, part=f"l{row.pk}")
    _mail(form, reply.letter(form.ticket.customer.name), way=way, key=f"final:{reply.pk}", entry=entry)
    return row


def _mail(form: ComplaintForm, text: str, *, way: str, key: str, entry: Entry) -> None:
    """By e-mail it leaves from the desk; every other way is the sender's own, and on record."""
    if way != Way.EMAIL:
        return
    point = form.ticket.customer.email_point()
    if point is None:
        raise ValidationError({"way": _("There is no e-mail address on the customer's file.")})
    outbox.tell_customer(
        key=key, cause=f"entry:{entry.pk}", item=form.ticket.item, contact_point_id=point.pk, template="reply",
        data={"number": form.ticket.item.number, "text": text}, at=entry.at,
    )  # fmt: skip
