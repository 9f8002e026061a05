"""What the dialog of each move asks for. A form hands `facts()` to the service: keyword arguments beside id and person."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from feedback_desk import clock
from feedback_desk.deadlines import extensions, wording
from feedback_desk.deadlines.models import Deadline, Extension, ExtensionState
from feedback_desk.people.models import Presence, Role, User
from tickets import candidates, promises
from tickets.candidates import ASSIGNEES
from tickets.choosing import choose, in_words
from tickets.models import Ticket
from tickets.services.triage import HANDED_OVER


class Words(forms.CharField):
    """Too long a text comes back whole, with the desk's sentence: the browser would cut what is pasted, without a word."""

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        attrs: dict[str, Any] = super().widget_attrs(widget)
        attrs.pop("maxlength", None)
        return attrs


def words_field(label: Any, *, required: bool = True, help_text: Any = "", rows: int = 3, limit: int = 2000) -> forms.CharField:
    return Words(label=label, required=required, help_text=help_text, max_length=limit, widget=forms.Textarea(attrs={"rows": rows}))


class LocalTime(forms.DateTimeInput):
    """Date and time in the desk's zone, with the browser's own picker."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


def promise_field() -> forms.DateTimeField:
    """T16: a date told to the customer."""
    return forms.DateTimeField(
        label=gettext_lazy("Promised to the customer for"), widget=LocalTime, required=False,
        help_text=gettext_lazy("Only if a date was named; it is a limit of yours."),
    )  # fmt: skip


class WithBarred(forms.Select):
    """Shows the values in `barred` without letting them be chosen."""

    barred: Collection[str] = ()

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        if str(value) in self.barred:
            option["attrs"]["disabled"] = True
        return option


class PersonField(forms.TypedChoiceField):
    """Whom the ticket may be assigned to (T6): on duty, never concerned (V3); presence and load of each, those with the skill first. Answers an id."""

    widget = WithBarred

    def __init__(self, *, label: Any, roles: tuple[str, ...] = ASSIGNEES) -> None:
        super().__init__(label=label, coerce=int)
        self.roles = roles

    def offer(self, ticket: Ticket) -> None:
        people = candidates.for_hand(ticket, clock.now(), self.roles)
        needed = _(" or ").join(skill.spoken for skill in candidates.skills_for(ticket.category))
        there = ticket.item.department_id
        able = [_person(p, there) for p in people if p.skill is not None]
        others = [_person(p, there) for p in people if p.skill is None and p.department_id == there]
        groups = [(_("With the skill %(skill)s") % {"skill": needed}, able)] if needed and able else able
        if others:
            groups = [*groups, (_("Without the skill %(skill)s: cannot be assigned") % {"skill": needed}, others)]
        self.choices = [("", _("Choose a person")), *groups]
        widget: Any = self.widget
        widget.barred = {str(pk) for pk, _label in others}
        self.help_text = _advice(ticket)


def _person(person: Any, department_id: int | None) -> tuple[int, str]:
    """ "Lin · on a break · 3 in hand, 2 waiting"; of another department than the ticket's, with its name."""
    away = (_("on leave, %(backup)s stands in") % {"backup": person.backup}) if person.away else ""
    waiting = person.load - person.in_hand
    load = ngettext("%(n)d in hand", "%(n)d in hand", person.in_hand) % {"n": person.in_hand}
    if waiting > 0:
        load += pgettext("between clauses", ", ") + ngettext("%(n)d waiting", "%(n)d waiting", waiting) % {"n": waiting}
    elsewhere = person.department.spoken if person.department and person.department_id != department_id else ""
    return person.pk, " · ".join(filter(None, [str(person), elsewhere, away or (str(Presence.BREAK.label) if person.on_break else ""), load]))


def _advice(ticket: Ticket) -> str:
    """Whom the desk itself would choose now, and why; never who has it."""
    needed = [skill.pk for skill in candidates.skills_for(ticket.category)]
    item, owner_id = ticket.item, ticket.customer.owner_id
    free = candidates.free_for(clock.now(), needed=needed, department_id=item.department_id, owner_id=owner_id, customer_id=ticket.customer_id)
    choice = choose(free, owner_id=owner_id, barred=(ticket.assignee_id or 0,))
    name = next((c.name for c in free if choice and c.user_id == choice.user_id), "")
    return _("The desk would choose %(name)s: %(why)s.") % {"name": name, "why": in_words(choice.because)} if choice else ""


class MoveForm(forms.Form):
    """A move without words. `subject` is the ticket, form or measure that moves.

    `RENEWED`: fields that carry what was seen, and carry what is there now once the person was told what changed: they decide again, about that.
    """

    RENEWED: tuple[str, ...] = ()

    lead: Any = ""
    """One sentence above the fields: what this move does."""

    def __init__(self, *args: Any, subject: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.subject, self.user = subject, user
        for field in self.fields.values():
            if isinstance(field, PersonField):
                field.offer(subject)
        self.prepare()

    def prepare(self) -> None:
        """Fields and first values that depend on the subject."""

    def facts(self) -> dict[str, Any]:
        return dict(self.cleaned_data)

    def look_again(self) -> None:
        carry(self, **{name: self.fields[name].initial for name in self.RENEWED if name in self.fields})


def carry(form: forms.Form, **values: Any) -> None:
    """A form that goes back to the page as it was typed carries these instead of what was sent."""
    sent: Any = form.data
    data = sent.copy()
    for name, value in values.items():
        data[name] = "" if value is None else value
    form.data = data


class SeenForm(MoveForm):
    """Carries the version of the text that the person saw (machines.md: "the version seen")."""

    seen_version = forms.IntegerField(widget=forms.HiddenInput)

    def prepare(self) -> None:
        self.fields["seen_version"].initial = self.subject.version


class ReasonForm(MoveForm):
    reason = words_field(gettext_lazy("Reason"))


class SeenHolderForm(SeenForm):
    """On who had it: a colleague who gave it to somebody meanwhile is not overruled without knowing."""

    RENEWED = ("seen_version",)


class AssignForm(SeenHolderForm):
    """T6: to whom, and if it has to be done sooner than D26 asks, until when."""

    assignee = PersonField(label=gettext_lazy("To whom"))
    due_at = forms.DateTimeField(label=gettext_lazy("To be completed earlier, by"), widget=LocalTime, required=False)

    field_order: tuple[str, ...] = ("assignee", "reason", "due_at")

    def prepare(self) -> None:
        super().prepare()
        due = Deadline.objects.filter(item_id=self.subject.item_id, code="D26", state__in=("running", "paused")).values_list("due_at", flat=True).first()
        if due is None:
            del self.fields["due_at"]
        else:
            self.fields["due_at"].help_text = _("Empty leaves it at %(due)s.") % {"due": wording.exact(due)}

    def facts(self) -> dict[str, Any]:
        return {**{k: v for k, v in self.cleaned_data.items() if k != "assignee"}, "assignee_id": self.cleaned_data["assignee"]}


class ReassignForm(AssignForm):
    """T15: the hand-over note."""

    reason = words_field(
        gettext_lazy("Hand-over note"),
        rows=5,
        help_text=gettext_lazy("What the customer wants, why it came to this, what was done, what was promised and by when."),
    )


class SecondLineForm(AssignForm):
    """T15: four things that the second line has to know, each of them said; what the desk knows of them stands there already."""

    lead = gettext_lazy("Say each of the four; where there is nothing, write “none”.")
    assignee = PersonField(label=gettext_lazy("To whom"), roles=(Role.SECOND_LINE,))
    expectation = words_field(HANDED_OVER["expectation"])
    cause = words_field(HANDED_OVER["cause"])
    course = words_field(HANDED_OVER["course"])
    promised = words_field(HANDED_OVER["promised"], rows=2)

    field_order = ("assignee", *HANDED_OVER, "due_at")

    def prepare(self) -> None:
        super().prepare()
        owed = [_("to come back to the customer by %(due)s") % {"due": wording.exact(row.due_at)} for row in promises.owed(self.subject.item)]
        self.fields["expectation"].initial, self.fields["promised"].initial = self.subject.expectation, "\n".join(owed)


class HandUpForm(SeenHolderForm):
    reason = words_field(gettext_lazy("Reason"), required=False)


class AskCustomerForm(MoveForm):
    question = words_field(gettext_lazy("What we asked the customer"))
    until = forms.DateTimeField(label=gettext_lazy("Answer expected by"), widget=LocalTime)
    promised_at = promise_field()


class AnsweredForm(MoveForm):
    words = words_field(gettext_lazy("What the customer answered"))


class OfferResultForm(MoveForm):
    """T12: the agreement comes with the result; T9: what was missed needs its reason."""

    result = words_field(gettext_lazy("Result"), rows=4, help_text=gettext_lazy("Answer every point the customer raised."))
    agreement = forms.CharField(
        label=gettext_lazy("The customer's agreement"), max_length=300, help_text=gettext_lazy("Who agreed, when and how.")
    )  # fmt: skip
    promised_at = promise_field()
    late_reason = words_field(gettext_lazy("Why it was late"), rows=2, limit=200)

    def prepare(self) -> None:
        from tickets.guards import unexplained_late

        late = unexplained_late(self.subject)
        if late:
            self.fields["late_reason"].help_text = _("Passed without a reason: %(limits)s.") % {"limits": late}
        else:
            del self.fields["late_reason"]
        self.fields["result"].initial = self.subject.result


class NotSolvedForm(MoveForm):
    reason = words_field(gettext_lazy("What is missing"))


class ConfirmResultForm(MoveForm):
    words = words_field(gettext_lazy("The customer's words"))


class WithdrawForm(MoveForm):
    lead = gettext_lazy("Everything still open ends with this.")
    reason = words_field(gettext_lazy("The customer's words"))


class InvalidForm(MoveForm):
    """I4: explained to the customer first."""

    reason = words_field(gettext_lazy("Why it is no valid request"))
    explanation = words_field(gettext_lazy("What was explained to the customer"), help_text=gettext_lazy("When, how, and what advice was given."))


class MergeForm(MoveForm):
    """I7."""

    lead = gettext_lazy("Only the same matter of the same customer is merged. The other ticket stays and keeps the earlier receipt.")
    into_number = forms.CharField(label=gettext_lazy("Number of the ticket that stays"), max_length=24)
    reason = words_field(gettext_lazy("Remark"), required=False, rows=2)

    def clean_into_number(self) -> str:
        from tickets.models import Ticket

        number = self.cleaned_data["into_number"].strip().upper()
        if number == self.subject.number:
            raise forms.ValidationError(_("This is the ticket itself."))
        if not Ticket.objects.visible_to(self.user).filter(item__number=number).exists():
            raise forms.ValidationError(_("There is no ticket with this number."))
        return str(number)


class LimitField(forms.ModelChoiceField):  # type: ignore[type-arg]  # cannot be subscripted at run time
    """One of the matter's limits, with the time at which it ends."""

    def label_from_instance(self, limit: Any) -> str:
        return _("%(limit)s, until %(until)s") % {"limit": limit.rule.spoken, "until": wording.exact(limit.due_at)}


class AskExtensionForm(MoveForm):
    """T9: which limit, until when, why. One whose limit passed is not offered: that asks for its reason."""

    lead = gettext_lazy("A supervisor grants or refuses it; until then the limit runs on.")
    deadline = LimitField(queryset=Deadline.objects.none(), label=gettext_lazy("Limit"))
    until = forms.DateTimeField(label=gettext_lazy("New date"), widget=LocalTime)
    reason = words_field(gettext_lazy("Why more time is needed"))

    def prepare(self) -> None:
        from tickets.guards import extendable

        rows = extendable(self.subject)
        field: Any = self.fields["deadline"]
        wanted = self.data.get("deadline") or self.initial.get("deadline") or (rows[0].pk if rows else None)
        offered = [row.pk for row in rows] + [row.deadline_id for row in extensions.asked(self.subject.item) if str(row.deadline_id) == str(wanted)]
        field.queryset = Deadline.objects.filter(pk__in=offered).select_related("rule").order_by("due_at", "pk")
        field.empty_label = None
        field.initial = wanted

    def facts(self) -> dict[str, Any]:
        given = self.cleaned_data
        return {"deadline_id": given["deadline"].pk, "until": given["until"], "reason": given["reason"]}


class AnswerExtensionForm(MoveForm):
    """Which request; hidden while there is only one. One that was answered meanwhile is kept: the service says by whom."""

    extension = forms.ModelChoiceField(queryset=Extension.objects.none(), label=gettext_lazy("Request"), empty_label=None)

    def prepare(self) -> None:
        every = list(extensions.of(self.subject.item))
        rows = [row for row in every if row.state == ExtensionState.ASKED] or every[:1]
        named = self.data.get("extension") or self.initial.get("extension")
        self.chosen = next((row for row in every if str(row.pk) == str(named)), rows[0] if len(rows) == 1 else None)
        field: Any = self.fields["extension"]
        offered = [row.pk for row in rows] + ([self.chosen.pk] if self.chosen else [])
        field.queryset = Extension.objects.filter(pk__in=offered).select_related("deadline__rule")
        field.label_from_instance = self._named
        if self.chosen is not None:
            field.initial, field.widget = self.chosen.pk, forms.HiddenInput()
            self.lead = self._said(self.chosen)

    def _named(self, extension: Extension) -> str:
        return _("%(limit)s, until %(until)s") % {"limit": extension.deadline.rule.spoken, "until": wording.exact(extension.wanted)}

    def _said(self, extension: Extension) -> str:
        about = {"who": extension.asked_by, "why": extension.reason, "due": wording.exact(extension.deadline.due_at)}
        return _("%(who)s asks for %(request)s (now %(due)s): %(why)s") % {**about, "request": self._named(extension)}

    def facts(self) -> dict[str, Any]:
        return {**{k: v for k, v in self.cleaned_data.items() if k != "extension"}, "extension_id": self.cleaned_data["extension"].pk}


class GrantExtensionForm(AnswerExtensionForm):
    until = forms.DateTimeField(label=gettext_lazy("Granted until"), widget=LocalTime, required=False, help_text=gettext_lazy("Empty: the date asked for."))
    promised_at = promise_field()
    words = words_field(gettext_lazy("Remark"), required=False, rows=2)

    def prepare(self) -> None:
        from tickets.services.extensions import TELLS_FIRST

        super().prepare()
        self.fields["until"].initial = self.chosen.wanted if self.chosen else None
        if self.chosen and self.chosen.deadline.code not in TELLS_FIRST:
            del self.fields["promised_at"]
        else:
            self.fields["promised_at"].help_text = _("Only if the customer was told a date; it is a limit of whoever asked for the time.")


class RefuseExtensionForm(AnswerExtensionForm):
    reason = words_field(gettext_lazy("Reason"))
