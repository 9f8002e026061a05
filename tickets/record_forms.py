"""What the composer of a ticket's page writes down: contacts (F1), replies, internal notes, files; and corrections."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback_desk.people.models import User
from feedback_desk.records.models import Item
from tickets.forms import FilesField
from tickets.models import Category, Channel, Ticket, Type, Urgency, Way
from tickets.move_forms import LocalTime, words_field
from tickets.promises import Promise
from tickets.services.common import empty
from tickets.services.contacts import no_date_told
from tickets.services.steps import comes_next, wrong_next

PURPOSES = [
    ("follow_up", gettext_lazy("Follow-up")),
    ("solution", gettext_lazy("Solution offered")),
    ("told_when", gettext_lazy("Told by when")),
    ("progress", gettext_lazy("Progress told")),
]
REACHED = [("yes", gettext_lazy("Reached")), ("no", gettext_lazy("Not reached"))]


class RecordForm(forms.Form):
    """Its fields get ids of their own per panel, so that three composers share a page."""

    files = FilesField(label=gettext_lazy("Files"), required=False)  # type: ignore[assignment]  # the form class gives its own attribute to the instance

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", f"{type(self).__name__.lower()}_%s")
        super().__init__(*args, **kwargs)

    def facts(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name != "files"}


class KeptField(forms.TypedMultipleChoiceField):
    """T16: promises that are over with a conversation. One that ended while it was written down is no error."""

    def __init__(self) -> None:
        label = gettext_lazy("Promises settled with this (kept, or another date given)")
        super().__init__(label=label, coerce=int, required=False, widget=forms.CheckboxSelectMultiple)

    def to_python(self, value: Any) -> list[str]:
        return [one for one in super().to_python(value) if self.valid_value(one)]


class PromisesFields(forms.Form):
    """T16: what was promised before. Nothing is asked where nothing is owed."""

    kept = KeptField()

    def offer_promises(self, promises: Iterable[Promise]) -> None:
        if found := list(promises):
            self.fields["kept"].choices = [(promise.pk, promise.text) for promise in found]  # type: ignore[attr-defined]
            self.fields["kept"].initial = [promise.pk for promise in found if promise.today]
        else:
            self.fields.pop("kept", None)

    def kept_with_it(self) -> list[int]:
        """None that was not ticked."""
        return list(self.cleaned_data.get("kept", []))


class NextStepFields(forms.Form):
    """F1: what comes next, who does it and by when; or, ticked, that nothing does and why. The service judges; its sentences come back to the fields."""

    next_step = forms.CharField(
        label=gettext_lazy("Next step"), max_length=200, required=False, widget=forms.TextInput(attrs={"placeholder": gettext_lazy("What is done next")})
    )
    next_by = forms.IntegerField(label=gettext_lazy("Who does it"), required=False, widget=forms.Select)
    next_at = forms.DateTimeField(label=gettext_lazy("By when"), widget=LocalTime, required=False)
    no_step = forms.BooleanField(label=gettext_lazy("No further step"), required=False)
    no_step_why = forms.CharField(
        label=gettext_lazy("Why no further step"),
        max_length=300,
        required=False,
        widget=forms.TextInput(attrs={"placeholder": gettext_lazy("Why nothing is left to do")}),
    )

    def offer(self, people: Iterable[User]) -> None:
        """Who may be named, oneself first."""
        self.fields["next_by"].widget.choices = [(person.pk, str(person)) for person in people]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("no_step") and not data.get("no_step_why"):
            self.add_error("no_step_why", _("Say why nothing is left to do."))
        return data

    def comes_next(self) -> dict[str, Any]:
        """Keyword arguments of the services; what stands beside the tick is not meant, what cannot be read is left out."""
        data = self.cleaned_data
        meant = {"no_step_why": "no_step_why"} if data.get("no_step") else {"next_step": "next_step", "next_by_id": "next_by", "next_at": "next_at"}
        return {word: data[name] for word, name in meant.items() if name in data}


NEXT = frozenset(NextStepFields.base_fields)


class ContactForm(PromisesFields, NextStepFields, RecordForm):
    """F1. `said`, `customer_says` and the dates are checked by the service; its sentences come back to the fields."""

    way = forms.ChoiceField(label=gettext_lazy("How"), choices=Way.choices)
    reached = forms.TypedChoiceField(label=gettext_lazy("Reached?"), choices=REACHED, coerce=lambda v: v != "no")
    purpose = forms.ChoiceField(label=gettext_lazy("Purpose"), choices=PURPOSES, required=False)
    at = forms.DateTimeField(label=gettext_lazy("When, if not now"), widget=LocalTime, required=False)
    said = forms.CharField(
        label=gettext_lazy("What was said"),
        max_length=4000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": gettext_lazy("What was said, how it was handled")}),
    )
    customer_says = forms.CharField(
        label=gettext_lazy("What the customer says to it"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 1, "placeholder": gettext_lazy("What the customer says to it")}),
    )
    promised_at = forms.DateTimeField(label=gettext_lazy("Promised to the customer for"), widget=LocalTime, required=False)
    finished = forms.TypedMultipleChoiceField(label=gettext_lazy("Done with this contact"), coerce=int, required=False, widget=forms.CheckboxSelectMultiple)

    late_reason = forms.CharField(label=gettext_lazy("Why it was late"), max_length=200, required=False)

    def written(self, item: Item, by: User, at: datetime) -> None:
        """Of which item, by whom and when: what comes next is judged with it."""
        self.about = (item, by, at)

    def offer_late(self, names: Iterable[str]) -> None:
        """T9: limits of the writer's that were missed and have no reason yet; with none the question is not asked."""
        if missed := list(names):
            self.fields["late_reason"].help_text = _("Passed without a reason: %(limits)s.") % {"limits": _(", ").join(missed)}
        else:
            self.fields.pop("late_reason", None)

    def offer_steps(self, steps: Iterable[tuple[int, str]]) -> None:
        """Open steps that this contact may have been."""
        self.fields["finished"].choices = list(steps)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """What is empty or missing is named with what else is wrong, not only once the service is asked."""
        data = super().clean()
        if self.errors:
            for name, sentence in (self._empty(data) | self._wrong_next(data)).items():
                if name not in self.errors:
                    self.add_error(name, sentence)
        return data

    def _empty(self, data: dict[str, Any]) -> dict[str, str]:
        reached = bool(data.get("reached"))
        answer = {"customer_says": data.get("customer_says", "")} if reached else {}
        untold = no_date_told(purpose=data.get("purpose", ""), reached=reached, promised_at=data.get("promised_at"))
        return untold | empty(said=data.get("said", ""), **answer)

    def _wrong_next(self, data: dict[str, Any]) -> dict[str, str]:
        """F1. A date that was promised is that of the next step, be it read or not."""
        if data.get("no_step") and not data.get("no_step_why"):
            return {}
        item, by, at = self.about
        wrong = wrong_next(item=item, now=at, **comes_next(by=by, promised_at=data.get("promised_at"), **self.comes_next()))
        return {name: sentence for name, sentence in wrong.items() if name != "next_at" or data.get("next_at") or "promised_at" not in self.errors}

    def facts(self) -> dict[str, Any]:
        said = {name: value for name, value in super().facts().items() if name not in NEXT}
        return {**said, **self.comes_next(), "purpose": self.purpose_said(), "kept": self.kept_with_it()}

    def purpose_said(self) -> str:
        return self.cleaned_data["purpose"] or "follow_up"


class ReplyForm(ContactForm):
    """G3: a formal reply that was given, on record."""

    way = forms.ChoiceField(label=gettext_lazy("How"), choices=[(w.value, w.label) for w in (Way.EMAIL, Way.LETTER, Way.CALL_OUT, Way.VISIT, Way.CHAT)])
    said = forms.CharField(
        label=gettext_lazy("The reply"),
        max_length=4000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": gettext_lazy("The reply as it was given: what was found, what was done, what prevents it")}),
    )
    purpose = None  # type: ignore[assignment]

    def purpose_said(self) -> str:
        return "formal_reply"


class NoteForm(RecordForm):
    text = forms.CharField(
        label=gettext_lazy("Internal note"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": gettext_lazy("For colleagues; the customer never sees it")}),
    )


class FinishStepForm(forms.Form):
    """F1: a step is done when it is said what came of it."""

    outcome = words_field(gettext_lazy("What came of it"), limit=500)


class FilesForm(RecordForm):
    def clean_files(self) -> list[Any]:
        if not self.cleaned_data["files"]:
            raise forms.ValidationError(_("Choose at least one file."))
        return list(self.cleaned_data["files"])


CORRECTED = (
    "type",
    "category",
    "urgency",
    "channel",
    "received_at",
    "received_by",
    "what_happened",
    "expectation",
    "happened_at",
    "happened_where",
    "witnesses",
    "outcome_so_far",
    "steps_to_reproduce",
    "order_number",
    "product",
    "model",
    "product_grade",
    "serial",
    "batch",
    "quantity",
    "bought_on",
    "proof_of_purchase",
    "remark",
    "complex",
)


class CorrectForm(forms.ModelForm):  # type: ignore[type-arg]
    """What was typed wrongly, with the reason; only what differs is handed on. It never saves by itself."""

    summary = forms.CharField(label=gettext_lazy("In one line"), max_length=200)
    reason = words_field(gettext_lazy("Why it is corrected"), rows=2, limit=500)
    seen_version = forms.IntegerField(widget=forms.HiddenInput)

    class Meta:
        model = Ticket
        fields = CORRECTED
        widgets = {
            "received_at": LocalTime,
            "bought_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "remark": forms.Textarea(attrs={"rows": 2}),
        }

    field_order = ("summary", *CORRECTED, "reason")

    def __init__(self, *args: Any, ticket: Ticket, **kwargs: Any) -> None:
        super().__init__(*args, instance=Ticket.objects.get(pk=ticket.pk), initial={"summary": ticket.item.title, "seen_version": ticket.version}, **kwargs)  # type: ignore[misc]
        self.fields["category"].queryset = Category.objects.filter(active=True) | Category.objects.filter(pk=ticket.category_id)  # type: ignore[attr-defined]
        self._offer_receivers(ticket)
        for name, choices in (("type", Type), ("urgency", Urgency), ("channel", Channel)):
            self.fields[name].choices = choices.choices  # type: ignore[attr-defined]

    def _offer_receivers(self, ticket: Ticket) -> None:
        """I2: people of the house whom the matter does not concern; who stands there already. Nobody only where nobody was named."""
        field: Any = self.fields["received_by"]
        house = User.objects.filter(is_active=True).exclude(concerns__item=ticket.item_id) | User.objects.filter(pk__in=[ticket.received_by_id])
        field.queryset, field.required = house.order_by("name"), ticket.received_by_id is not None

    def changes(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.changed_data if name in (*CORRECTED, "summary")}
