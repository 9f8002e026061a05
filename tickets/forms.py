"""What is asked when an item is registered, a customer opened or corrected (I2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback_desk import clock
from feedback_desk.people.models import User
from feedback_desk.records import attachments
from feedback_desk.records.many import ManyRows
from tickets.models import Category, Channel, Customer, CustomerKind, Industry, Level, Type, Urgency
from tickets.services.registering import DETAILS


class ReceivedField(forms.DateTimeField):
    """Date and time in the desk's zone. As the browser's picker writes it, as people write it (2026/11/3 8:52, 11-03 08:52), or a time of today."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    default_error_messages = {"invalid": gettext_lazy("Write it like 2026-11-03 08:52, or 08:52 for today.")}
    FULL = ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y.%m.%d %H:%M", "%Y年%m月%d日 %H:%M")
    OF_YEAR = ("%m-%d %H:%M", "%m/%d %H:%M", "%m月%d日 %H:%M")
    OF_DAY = ("%H:%M", "%H%M")

    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values or isinstance(value, datetime):
            return super().to_python(value)
        text = " ".join(str(value).replace("：", ":").split())
        today = timezone.localtime(clock.now())
        for layouts, prefix in ((self.FULL, ""), (self.OF_YEAR, f"{today:%Y} "), (self.OF_DAY, f"{today:%Y-%m-%d} ")):
            for layout in layouts:
                if found := _read(prefix + text, ("" if not prefix else "%Y " if layouts is self.OF_YEAR else "%Y-%m-%d ") + layout):
                    return found
        raise ValidationError(self.error_messages["invalid"], code="invalid")


YEARS = range(1970, 2200)
"""What can be meant; other years are slips of the keyboard that no clock can count with."""


def _read(text: str, layout: str) -> datetime | None:
    try:
        naive = datetime.strptime(text, layout)  # noqa: DTZ007 - made aware in the desk's zone on the next line
    except ValueError:
        return None
    return timezone.make_aware(naive) if naive.year in YEARS else None


class ManyFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of files, each checked by its content; each refused one says why, by its name, the empty ones too."""

    widget = ManyFiles
    MOST = 20

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        uploads = [upload for upload in (data if isinstance(data, list | tuple) else [data]) if upload]
        if len(uploads) > self.MOST:
            raise ValidationError(_("At most %(n)s files at once."), params={"n": self.MOST})
        errors: list[ValidationError] = []
        for upload in uploads:
            try:
                attachments.check(upload)
            except ValidationError as error:
                errors.append(error)
        if errors:
            raise ValidationError(errors)
        return uploads


def industry_choices() -> list[tuple[str, str]]:
    return [("", "—"), *((section.value, f"{section.value} {section.label}") for section in Industry)]


def industry_field() -> forms.ChoiceField:
    """GB/T 4754."""
    return forms.ChoiceField(label=gettext_lazy("Industry"), required=False, choices=industry_choices)


class CustomerForm(forms.Form):
    """A new customer file. A nickname will do; everything else may be asked later."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=80, help_text=gettext_lazy("A nickname will do."))
    kind = forms.ChoiceField(label=gettext_lazy("Person or company"), choices=CustomerKind.choices, initial=CustomerKind.PERSON)
    level = forms.ChoiceField(label=gettext_lazy("Level"), choices=Level.choices, initial=Level.ORDINARY)
    phone = forms.CharField(
        label=gettext_lazy("Phone"), max_length=40, required=False, widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"})
    )
    email = forms.EmailField(label=gettext_lazy("E-mail"), required=False, widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    contact_name = forms.CharField(label=gettext_lazy("Contact person and form of address"), max_length=60, required=False)
    area = forms.CharField(label=gettext_lazy("Area"), max_length=60, required=False)
    industry = industry_field()
    address = forms.CharField(label=gettext_lazy("Address"), max_length=200, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def facts(self) -> dict[str, Any]:
        return dict(self.cleaned_data)


class CorrectCustomerForm(forms.Form):
    """What was typed wrongly, with the reason. Contact data is never shown: an empty field leaves it as it is."""

    POINTS = ("phone", "email", "address")
    PLAIN = ("name", "kind", "level", "contact_name", "area", "industry", "remark")

    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    kind = forms.ChoiceField(label=gettext_lazy("Person or company"), choices=CustomerKind.choices)
    level = forms.ChoiceField(label=gettext_lazy("Level"), choices=Level.choices)
    contact_name = forms.CharField(label=gettext_lazy("Contact person and form of address"), max_length=60, required=False)
    area = forms.CharField(label=gettext_lazy("Area"), max_length=60, required=False)
    industry = industry_field()
    phone = forms.CharField(label=gettext_lazy("New phone"), max_length=40, required=False, help_text=gettext_lazy("Empty leaves it as it is."))
    email = forms.EmailField(label=gettext_lazy("New e-mail"), required=False, help_text=gettext_lazy("Empty leaves it as it is."))
    address = forms.CharField(label=gettext_lazy("New address"), max_length=200, required=False, help_text=gettext_lazy("Empty leaves it as it is."))
    remark = forms.CharField(label=gettext_lazy("Remark"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    reason = forms.CharField(label=gettext_lazy("Why is it corrected?"), max_length=200)

    def __init__(self, *args: Any, customer: Customer, sees_contact_data: bool, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {field: getattr(customer, field) for field in self.PLAIN})
        super().__init__(*args, **kwargs)
        self.customer = customer
        if customer.industry and customer.industry not in Industry.values:
            self.fields["industry"].choices = [*industry_choices(), (customer.industry, customer.industry)]  # type: ignore[attr-defined]
        if not sees_contact_data:
            for point in self.POINTS:
                del self.fields[point]

    def changes(self) -> dict[str, Any]:
        said = self.cleaned_data
        plain = {field: said[field] for field in self.PLAIN if said[field] != getattr(self.customer, field)}
        return plain | {point: said[point] for point in self.POINTS if said.get(point)}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors and not self.changes():
            raise ValidationError(_("Nothing was changed."))
        return cleaned


class RegisterForm(forms.Form):
    """One item as it comes in (I1, I2). The customer is chosen beside the form; `customer` is the number."""

    HIDDEN = ("customer",)
    WHAT = ("order_number", "product", "model", "serial", "batch", "quantity")
    MORE = ("received_by", "witnesses", "outcome_so_far", "steps_to_reproduce", "product_grade", "bought_on", "proof_of_purchase", "about", "complex", "remark")

    customer = forms.CharField(label=gettext_lazy("Customer"), max_length=24, required=False, widget=forms.HiddenInput)
    type = forms.ChoiceField(label=gettext_lazy("Type"), choices=Type.choices, initial=Type.CONSULTATION, widget=forms.RadioSelect)
    channel = forms.ChoiceField(label=gettext_lazy("Channel"), choices=Channel.choices, initial=Channel.PHONE)
    summary = forms.CharField(
        label=gettext_lazy("In one line"),
        max_length=200,
        error_messages={"max_length": gettext_lazy("At most 200 characters; the rest belongs into “What happened”.")},
    )
    what_happened = forms.CharField(label=gettext_lazy("What happened"), max_length=8000, widget=forms.Textarea(attrs={"rows": 6}))
    category = forms.TypedChoiceField(label=gettext_lazy("Category"), coerce=int)
    urgency = forms.ChoiceField(label=gettext_lazy("Urgency"), choices=Urgency.choices, initial=Urgency.NORMAL)
    received_at = ReceivedField(label=gettext_lazy("Received at"))
    received_by = forms.ModelChoiceField(
        label=gettext_lazy("Received by"), required=False, queryset=User.objects.none(), empty_label=gettext_lazy("I received it myself")
    )
    happened_at = forms.CharField(label=gettext_lazy("Happened when"), max_length=60, required=False)
    happened_where = forms.CharField(label=gettext_lazy("Happened where"), max_length=120, required=False)
    expectation = forms.CharField(label=gettext_lazy("What the customer expects"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 3}))
    order_number = forms.CharField(label=gettext_lazy("Order or account"), max_length=60, required=False)
    product = forms.CharField(label=gettext_lazy("Product"), max_length=80, required=False)
    model = forms.CharField(label=gettext_lazy("Model"), max_length=60, required=False)
    serial = forms.CharField(label=gettext_lazy("Serial or plate number"), max_length=60, required=False)
    batch = forms.CharField(label=gettext_lazy("Batch number"), max_length=40, required=False)
    quantity = forms.CharField(label=gettext_lazy("Quantity"), max_length=30, required=False)
    uploads = FilesField(label=gettext_lazy("Attachments"), required=False)
    witnesses = forms.CharField(label=gettext_lazy("Who was there"), max_length=120, required=False)
    outcome_so_far = forms.CharField(label=gettext_lazy("Outcome so far"), max_length=300, required=False)
    steps_to_reproduce = forms.CharField(label=gettext_lazy("Steps to reproduce"), max_length=4000, required=False, widget=forms.Textarea(attrs={"rows": 3}))
    product_grade = forms.CharField(label=gettext_lazy("Product grade"), max_length=30, required=False)
    bought_on = forms.DateField(label=gettext_lazy("Purchase date"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    proof_of_purchase = forms.CharField(label=gettext_lazy("Proof of purchase"), max_length=80, required=False)
    about = ManyRows(
        label=gettext_lazy("Colleagues the customer names"),
        required=False,
        queryset=User.objects.none(),
        widget=forms.SelectMultiple(attrs={"size": 4}),
        help_text=gettext_lazy("They take no part in handling it and do not see it."),
    )
    complex = forms.BooleanField(label=gettext_lazy("Complex: several departments have to agree first"), required=False)
    remark = forms.CharField(label=gettext_lazy("Remark"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    holder = forms.ChoiceField(label=gettext_lazy("Who handles it"), required=False)

    def __init__(self, *args: Any, user: User, people: Sequence[tuple[int, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self._field("category").choices = [("", _("Choose a category")), *category_choices()]
        house = User.objects.filter(is_active=True).select_related("department").order_by("name")
        self._field("about").queryset = house
        self._field("received_by").queryset = house.exclude(pk=user.pk)
        self._field("holder").choices = [
            ("", _("As the rules of assignment say")),
            ("me", _("I handle it myself")),
            *((str(pk), words) for pk, words in people if pk != user.pk),
        ]
        self.fields["received_at"].widget.attrs["max"] = f"{timezone.localtime(clock.now()):%Y-%m-%dT%H:%M}"

    def _field(self, name: str) -> Any:
        return self.fields[name]

    def clean_received_at(self) -> datetime:
        """Received ≤ now. Minutes are all a form can say, so this very minute is fine."""
        said: datetime = self.cleaned_data["received_at"]
        now = clock.now()
        if said > now:
            raise ValidationError(_("It cannot have been received later than now."))
        return said

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.files and self.errors and not self.has_error("uploads"):
            names = _(", ").join(upload.name or "" for upload in _uploads(self.files, self.add_prefix("uploads")))
            if names:
                self.add_error("uploads", _("A browser does not keep chosen files: choose them again: %(names)s.") % {"names": names})
        return cleaned

    def facts(self) -> dict[str, Any]:
        """Keyword arguments of tickets.services.register, without customer and person."""
        said = self.cleaned_data
        holder = {"me": self.user.pk}.get(said["holder"]) or (int(said["holder"]) if said["holder"] else None)
        details = {name: said[name] for name in DETAILS if name in said and said[name] not in (None, "", False)}
        plain = {name: said[name] for name in ("summary", "type", "urgency", "channel", "received_at", "what_happened")}
        receiver = said["received_by"]
        plain["received_by_id"] = receiver.pk if receiver else None
        return {**plain, **details, "files": said["uploads"], "category_id": said["category"], "assignee_id": holder, "about": list(said["about"])}


def _uploads(files: MultiValueDict[str, UploadedFile[Any]], name: str) -> list[UploadedFile[Any]]:
    return [upload for upload in files.getlist(name) if upload]


def category_choices() -> list[tuple[Any, Any]]:
    """The tree as groups: a parent stands first in its own group, for what fits none of its parts. One query."""
    rows = list(Category.objects.filter(active=True))
    parts: dict[int | None, list[Category]] = defaultdict(list)
    for row in rows:
        parts[row.parent_id].append(row)
    choices: list[tuple[Any, Any]] = []
    for top in parts[None]:
        inside = [(top.pk, top.spoken), *((part.pk, f"{top.spoken} / {part.spoken}") for part in parts[top.pk])]
        choices.append((top.spoken, inside) if parts[top.pk] else (top.pk, top.spoken))
    return choices


def first_values() -> dict[str, Any]:
    """An empty form: received now."""
    return {"received_at": timezone.localtime(clock.now()).replace(second=0, microsecond=0)}
