"""What the dialogs of answers ask for: points, meeting, progress, replies; reminders and instructions beside them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import guards
from complaints.forms.early import ColleagueField, SeenRowForm, offer
from complaints.models import ReplyTemplate
from complaints.services.answers import FROM_ABOVE
from feedback_desk.people.models import User
from feedback_desk.records.many import ManyRows
from tickets.models import Channel, Way
from tickets.move_forms import LocalTime, MoveForm, promise_field, words_field

WRITTEN = [(Way.EMAIL.value, Way.EMAIL.label), (Way.LETTER.value, Way.LETTER.label), (Way.CHAT.value, Way.CHAT.label), (Way.VISIT.value, Way.VISIT.label)]
FITS = {
    Channel.EMAIL: Way.EMAIL, Channel.LETTER: Way.LETTER, Channel.CHAT: Way.CHAT, Channel.WECHAT: Way.CHAT, Channel.APP: Way.CHAT,
    Channel.IN_PERSON: Way.VISIT,
}  # fmt: skip
"""On the channel the customer used (G3)."""


def way_field(choices: Any = None) -> forms.ChoiceField:
    return forms.ChoiceField(label=gettext_lazy("How"), choices=choices or WRITTEN, widget=forms.RadioSelect)


def _suggest(form: MoveForm, otherwise: str = "") -> None:
    """The customer's own channel; by e-mail only where there is an address."""
    ticket = form.subject.ticket
    has_email = ticket.customer.email_point() is not None
    field: Any = form.fields["way"]
    field.initial = FITS.get(ticket.channel, otherwise or (Way.EMAIL if has_email else Way.LETTER))
    if not has_email:
        field.choices = [c for c in field.choices if c[0] != Way.EMAIL]
        field.help_text = _("There is no e-mail address on the customer's file.")


class AddPointForm(MoveForm):
    lead = gettext_lazy("One thing the customer asks for; it is answered before the complaint closes.")
    text = words_field(gettext_lazy("Point"))


class AnswerPointsForm(MoveForm):
    """A field per point that is open."""

    def prepare(self) -> None:
        for point in self.subject.points.filter(answer=""):
            self.fields[f"point_{point.pk}"] = words_field(point.text[:200], required=False)

    def facts(self) -> dict[str, Any]:
        return {"answers": {int(name.removeprefix("point_")): words for name, words in self.cleaned_data.items() if name.startswith("point_")}}


class MeetingForm(MoveForm):
    lead = gettext_lazy("Until one solution is agreed on inside, no substantive reply leaves.")
    people = ManyRows(label=gettext_lazy("Who came"), queryset=User.objects.none(), widget=forms.SelectMultiple(attrs={"size": 8}))
    solution = words_field(gettext_lazy("Agreed solution"), rows=4, limit=5000)

    def prepare(self) -> None:
        root = self.subject.item.root_id or self.subject.item_id
        people = User.objects.filter(is_active=True).exclude(concerns__item=root).order_by("department__name", "name")
        self.fields["people"].queryset = people  # type: ignore[attr-defined]  # of its kind of field

    def facts(self) -> dict[str, Any]:
        return {"people_ids": [p.pk for p in self.cleaned_data["people"]], "solution": self.cleaned_data["solution"]}


class ProgressForm(MoveForm):
    lead = gettext_lazy("At least every two working days; the next one is due two working days after this one.")
    situation = words_field(
        gettext_lazy("Situation"),
        help_text=gettext_lazy("By e-mail this and the progress leave at once as they stand here; where wording was agreed, that alone."),
    )
    progress = words_field(gettext_lazy("Progress"))
    customer_says = words_field(gettext_lazy("What the customer says"))
    way = way_field(Way.choices)
    promised_at = promise_field()
    wording = words_field(gettext_lazy("Agreed wording"), required=False)
    to_group = forms.CharField(label=gettext_lazy("Whom in the group was told, and how"), max_length=200, required=False)

    def prepare(self) -> None:
        _suggest(self, Way.CALL_OUT)
        channel = self.subject.ticket.channel
        if channel not in FROM_ABOVE:
            del self.fields["wording"]
        if channel != Channel.GROUP:
            del self.fields["to_group"]


class FormalReplyForm(MoveForm):
    lead = gettext_lazy("In writing, within 24 hours of receipt. By e-mail it leaves at once.")
    text = words_field(gettext_lazy("Text"), rows=8, limit=20000)
    way = way_field()
    promised_at = promise_field()

    def prepare(self) -> None:
        _suggest(self)


class DraftReplyForm(MoveForm):
    """C13: found, done, prevented, and an apology where it was our fault. What was typed for the last draft stands here again."""

    lead = gettext_lazy("You see the letter before it leaves; the answers to the points go into it.")
    template = forms.ModelChoiceField(label=gettext_lazy("Letter"), queryset=ReplyTemplate.objects.none(), empty_label=None)
    found = words_field(gettext_lazy("What was found"), limit=20000)
    done = words_field(gettext_lazy("What was done"), limit=20000)
    prevented = words_field(gettext_lazy("What prevents it from happening again"), limit=20000)
    apology = words_field(gettext_lazy("Apology"), required=False)

    def prepare(self) -> None:
        form, field = self.subject, self.fields["template"]
        field.queryset = ReplyTemplate.offered()  # type: ignore[attr-defined]  # of its kind of field
        if last := guards.reply_of(form):
            for name in ("found", "done", "prevented", "apology"):
                self.fields[name].initial = getattr(last, name)
            return
        self.fields["found"].initial, self.fields["done"].initial = form.findings, form.ticket.result
        if not form.no_fault and guards.named(form):
            self.fields["apology"].required = True
            self.fields["apology"].initial = _("We are sorry for the trouble this has caused you.")

    def facts(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {"template_id": data["template"].pk, **{name: data[name] for name in ("found", "done", "prevented", "apology")}}


class SendReplyForm(SeenRowForm):
    way = way_field()
    promised_at = promise_field()
    to_association = forms.CharField(label=gettext_lazy("Whom at the association was answered, and how"), max_length=300, required=False)

    def seen_row(self) -> Any:
        reply = guards.reply_of(self.subject)
        self.lead = reply.letter(self.subject.ticket.customer.masked_name) if reply else ""
        return reply

    def prepare(self) -> None:
        super().prepare()
        _suggest(self)
        if self.subject.ticket.channel != Channel.ASSOCIATION:
            del self.fields["to_association"]
        else:
            self.fields["to_association"].required = True


class AskInstructionForm(MoveForm):
    lead = gettext_lazy("Grade I is not set aside: the general manager writes how it goes on.")
    words = words_field(gettext_lazy("Why it cannot be determined yet"))


class InstructionForm(MoveForm):
    lead_person = ColleagueField(gettext_lazy("Lead"))
    what = words_field(gettext_lazy("How it goes on"), rows=4, limit=5000)
    until = forms.DateTimeField(label=gettext_lazy("By when"), widget=LocalTime)

    def prepare(self) -> None:
        offer(self.fields["lead_person"], self.subject)

    def facts(self) -> dict[str, Any]:
        return {"lead_id": self.cleaned_data["lead_person"].pk, "what": self.cleaned_data["what"], "until": self.cleaned_data["until"]}


class RemindForm(MoveForm):
    lead = gettext_lazy("By the 4th every customer of an outstanding matter has been reminded.")
    customer_says = words_field(gettext_lazy("What the customer says"))
    changed = words_field(gettext_lazy("What has changed"))
    promised_at = promise_field()


class ManagementReportForm(MoveForm):
    lead = gettext_lazy("The general manager gets it; grade I does not close without it.")
    report = words_field(gettext_lazy("Report"), rows=6, limit=20000)
    proposals = words_field(gettext_lazy("Proposals"), limit=5000)
