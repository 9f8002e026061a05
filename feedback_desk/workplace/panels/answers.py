"""Points, progress, replies, meetings; how an outstanding or major matter goes on (C8, C11–C13, C17, C20, G3, T14)."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from complaints import guards, services
from complaints.forms import answers as asked
from complaints.models import ComplaintForm
from feedback_desk.workplace.doors import Door
from feedback_desk.workplace.matter import Matter
from feedback_desk.workplace.panels.parts import Panel, act_buttons, aside, signed
from feedback_desk.workplace.templatetags.desk import exact

DOORS = {
    "add_point": Door(services.add_point, asked.AddPointForm),
    "answer_points": Door(services.answer_points, asked.AnswerPointsForm),
    "record_meeting": Door(services.record_meeting, asked.MeetingForm),
    "write_progress": Door(services.write_progress, asked.ProgressForm),
    "reply_in_writing": Door(services.reply_in_writing, asked.FormalReplyForm),
    "reply_as_head": Door(services.reply_as_head, asked.FormalReplyForm),
    "draft_reply": Door(services.draft_reply, asked.DraftReplyForm),
    "send_reply": Door(services.send_reply, asked.SendReplyForm),
    "send_minor_reply": Door(services.send_minor_reply, asked.SendReplyForm),
    "ask_instruction": Door(services.ask_instruction, asked.AskInstructionForm),
    "write_instruction": Door(services.write_instruction, asked.InstructionForm),
    "remind_customer": Door(services.remind_customer, asked.RemindForm),
    "report_to_management": Door(services.report_to_management, asked.ManagementReportForm),
}


def points(matter: Matter) -> Panel | None:
    form = matter.form
    if form is None:
        return None
    told: dict[str, Any] = {
        "points": list(form.points.select_related("answered_by")), "meetings": list(form.meeting_rows.select_related("by").prefetch_related("people")),
        "owed": guards.meeting_was_held(form),
    }  # fmt: skip
    buttons = [b for b in act_buttons(matter, ["add_point", "answer_points", "record_meeting"]) if not b.missing]
    return Panel("points", _("What the customer asks for"), "list-check", "complaints/_points.html", told, buttons)


def replies(matter: Matter) -> Panel | None:
    form = matter.form
    if form is None:
        return None
    name = form.ticket.customer.masked_name
    told: dict[str, Any] = {
        "formal": list(form.formalreply_rows.select_related("by")), "progress": list(form.progressnote_rows.select_related("by")),
        "letters": [(row, row.letter(name)) for row in form.finalreply_rows.select_related("by", "sending__by")], "owed": guards.reply_owed(form),
    }  # fmt: skip
    sending = [] if guards.reply_to_send(form) else ["send_minor_reply" if guards.a_colleague_may_reply(form) is None else "send_reply"]
    sent = [] if guards.reply_sent(form) else ["draft_reply"]
    first = [] if told["formal"] else ["reply_in_writing", "reply_as_head"]
    buttons = act_buttons(matter, [*sending, *sent, *first, "write_progress"])
    if form.grade != "I" or any(b.name == "reply_in_writing" for b in buttons):
        buttons = [b for b in buttons if b.name != "reply_as_head"]
    return Panel("replies", _("Replies and progress"), "envelope-paper", "complaints/_replies.html", told, buttons)


def going_on(matter: Matter) -> Panel | None:
    """C8, C20: only where there is something of it."""
    form = matter.form
    if form is None:
        return None
    told = {
        "instructions": list(form.instruction_rows.select_related("by", "lead")), "reminders": list(form.reminder_rows.select_related("by")),
        "reports": list(form.managementreport_rows.select_related("by")),
    }  # fmt: skip
    names = ["write_instruction", "ask_instruction", "remind_customer", "report_to_management"]
    buttons = [b for b in act_buttons(matter, names) if not b.missing]
    if not buttons and not any(told.values()):
        return None
    return Panel("going-on", _("How it goes on"), "signpost-2", "complaints/_going_on.html", told, buttons)


def sheet(form: ComplaintForm, round: int) -> list[tuple[str, str]]:
    """What of it stands on the printed form."""
    rows = [(_("Point"), f"{p.text}\n{p.answer}") for p in form.points.filter(round=round)]
    rows += [(_("Internal meeting"), aside(m.solution, signed(m))) for m in form.meeting_rows.filter(round=round).select_related("by")]
    rows += [(_("Formal reply"), aside(r.text, signed(r))) for r in form.formalreply_rows.filter(round=round).select_related("by")]
    notes = form.progressnote_rows.filter(round=round).select_related("by")
    rows += [(_("Progress note"), aside(f"{n.situation}\n{n.progress}\n{n.customer_says}", signed(n))) for n in notes]
    reply = form.finalreply_rows.filter(round=round, sending__isnull=False).select_related("sending__by").last()
    if reply is not None:
        rows.append((_("Final reply"), aside(reply.letter(form.ticket.customer.masked_name), signed(reply.sending))))
    instructions = form.instruction_rows.filter(round=round).select_related("lead")
    rows += [(_("General manager's instruction"), aside(i.what, f"{i.lead} · {exact(i.until)}")) for i in instructions]
    rows += [(_("Customer reminded"), aside(r.changed, signed(r))) for r in form.reminder_rows.filter(round=round).select_related("by")]
    reports = form.managementreport_rows.filter(round=round).select_related("by")
    rows += [(_("Report to management"), aside(f"{r.report}\n{r.proposals}", signed(r))) for r in reports]
    return rows
