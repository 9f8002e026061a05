"""The pages' forms: upload, columns, meanings of values, export."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback_desk import ahead
from tickets.imports import columns as kinds
from tickets.imports import files
from tickets.imports.plan import Known
from tickets.imports.values import same
from tickets.models import Category, Channel, ImportRun, Type, Urgency

KINDS = [(kinds.TICKETS, gettext_lazy("Historic tickets")), (kinds.CUSTOMERS, gettext_lazy("Customers"))]
ORDERS = [
    ("ymd", gettext_lazy("year, month, day: 2026-02-13")),
    ("mdy", gettext_lazy("month, day, year: 02/13/2026")),
    ("dmy", gettext_lazy("day, month, year: 13/02/2026")),
]
ENCODINGS = [
    ("utf-8-sig", "UTF-8"),
    ("gb18030", gettext_lazy("GBK, GB18030 (Chinese Windows)")),
    ("big5", gettext_lazy("Big5 (traditional Chinese)")),
    ("utf-16", "UTF-16"),
    ("utf-16-le", "UTF-16 LE"),
    ("utf-16-be", "UTF-16 BE"),
    ("cp1252", gettext_lazy("Western European (Windows)")),
    ("shift_jis", gettext_lazy("Shift JIS (Japanese)")),
]
DELIMITERS = [(",", gettext_lazy("comma")), (";", gettext_lazy("semicolon")), ("\t", gettext_lazy("tab")), ("|", gettext_lazy("bar |"))]


class UploadForm(forms.Form):
    kind = forms.ChoiceField(label=gettext_lazy("What is in the file?"), choices=KINDS, widget=forms.RadioSelect, initial=kinds.TICKETS)
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy("CSV in any usual encoding, or an Excel workbook (.xlsx), up to 100 MB."),
        allow_empty_file=True,
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,.tsv,.xlsx"}),
    )


class ReadingForm(forms.Form):
    """How the file is read at all; another choice reads it again."""

    encoding = forms.ChoiceField(label=gettext_lazy("Encoding"), choices=ENCODINGS)
    delimiter = forms.ChoiceField(label=gettext_lazy("Columns are separated by"), choices=DELIMITERS)
    sheet = forms.ChoiceField(label=gettext_lazy("Worksheet"))

    def __init__(self, *args: Any, run: ImportRun, **kwargs: Any) -> None:
        kwargs.setdefault("initial", run.settings)
        super().__init__(*args, **kwargs)
        if run.settings["kind"] == "csv":
            del self.fields["sheet"]
        else:
            del self.fields["encoding"], self.fields["delimiter"]
            self._field("sheet").choices = [(name, name) for name in files.sheets_of(Path(run.file.path))]

    def _field(self, name: str) -> forms.ChoiceField:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        return field


class ColumnsForm(forms.Form):
    """Which column goes where; how dates are written; what stands for rows that say nothing."""

    order = forms.ChoiceField(label=gettext_lazy("Dates are written as"), choices=ORDERS, required=False)
    zone = forms.ChoiceField(label=gettext_lazy("Times are of the time zone"), choices=lambda: [(name, name) for name in sorted(available_timezones())])
    type = forms.ChoiceField(label=gettext_lazy("Type, where a row has none"), choices=[("", "—"), *Type.choices], required=False, initial=Type.PROBLEM)
    channel = forms.ChoiceField(label=gettext_lazy("Channel, where a row has none"), choices=[("", "—"), *Channel.choices], required=False)
    urgency = forms.ChoiceField(label=gettext_lazy("Urgency, where a row has none"), choices=Urgency.choices, required=False, initial=Urgency.NORMAL)
    category = forms.ChoiceField(label=gettext_lazy("Category, where a row has none"), required=False)
    fallback_name = forms.CharField(
        label=gettext_lazy("Customer of rows that name none"),
        max_length=80,
        help_text=gettext_lazy("One customer of this name stands for all of them."),
    )
    new_categories = forms.BooleanField(label=gettext_lazy("Make categories that the desk does not have"), required=False)
    keep_rest = forms.BooleanField(label=gettext_lazy("Keep columns without a place in the remark"), required=False, initial=True)
    merge = forms.BooleanField(
        label=gettext_lazy("Rows with the same number are events of one ticket"),
        required=False,
        help_text=gettext_lazy("For event logs: received with the first row, otherwise as the last one says."),
    )

    def __init__(self, data: Any = None, *, run: ImportRun) -> None:
        settings = run.settings
        initial = {**settings, **settings.get("constants", {}), "order": settings["order"]}
        initial.setdefault("fallback_name", _("Customer not named"))
        initial.update(
            {self.name_of(place): target for place, column in enumerate(run.columns) for target, chosen in settings["columns"].items() if chosen == column}
        )
        super().__init__(data, initial=initial)
        self.run, self.targets = run, kinds.targets_by_key(run.kind)
        for place, column in enumerate(run.columns):
            self.fields[self.name_of(place)] = forms.ChoiceField(
                label=column, required=False, choices=[("", "—"), *((t.key, t.label) for t in self.targets.values())]
            )
        self._for_kind()

    @staticmethod
    def name_of(place: int) -> str:
        return f"column_{place}"

    def _for_kind(self) -> None:
        if self.run.kind == kinds.CUSTOMERS:
            for name in ("type", "channel", "urgency", "category", "fallback_name", "new_categories", "keep_rest", "merge"):
                del self.fields[name]
            return
        category = self.fields["category"]
        assert isinstance(category, forms.ChoiceField)
        category.choices = [("", "—"), *((row.slug, row.spoken) for row in Category.objects.filter(active=True))]
        if self.run.settings.get("ask_order"):
            order = self.fields["order"]
            assert isinstance(order, forms.ChoiceField)
            order.choices = [("", _("please say")), *ORDERS]

    @property
    def column_rows(self) -> list[tuple[forms.BoundField, list[str]]]:
        """Each column with its select and examples of its cells."""
        return [(self[self.name_of(place)], [row[place] for row in self.run.sample if row[place]][:3]) for place in range(len(self.run.columns))]

    @property
    def other_fields(self) -> list[forms.BoundField]:
        return [field for field in self.visible_fields() if not field.name.startswith("column_")]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        chosen: dict[str, str] = {}
        for place, column in enumerate(self.run.columns):
            target = cleaned.get(self.name_of(place))
            if target and target in chosen:
                self.add_error(self.name_of(place), _("The column %(column)s goes there already.") % {"column": chosen[target]})
            elif target:
                chosen[target] = column
        self._complete(chosen, cleaned)
        cleaned["columns"] = chosen
        return cleaned

    def _complete(self, chosen: dict[str, str], cleaned: dict[str, Any]) -> None:
        needed = ["name"] if self.run.kind == kinds.CUSTOMERS else ["received_at"]
        missing = [str(self.targets[key].label) for key in needed if key not in chosen]
        if missing:
            raise ValidationError(_("Say which column is: %(columns)s.") % {"columns": _(", ").join(missing)})
        if any(self.targets[key].kind == "time" for key in chosen) and not cleaned.get("order"):
            self.add_error("order", _("The dates can be read in more than one way: say which."))
        if self.run.kind == kinds.TICKETS:
            for key in ("type", "channel", "category"):
                if key not in chosen and not cleaned.get(key):
                    self.add_error(key, _("No column says it, so choose one for all rows."))

    def settings(self) -> dict[str, Any]:
        """What goes to services.choose."""
        cleaned = self.cleaned_data
        found = {"columns": cleaned["columns"], "order": cleaned.get("order") or "ymd", "zone": cleaned["zone"], "ask_order": False}
        if self.run.kind == kinds.TICKETS:
            found |= {name: cleaned[name] for name in ("new_categories", "keep_rest", "merge", "fallback_name")}
            found["constants"] = {name: cleaned[name] for name in ("type", "channel", "urgency", "category") if cleaned[name]}
        return found


class MeaningsForm(forms.Form):
    """What each value of a column means here; guesses are filled in."""

    def __init__(self, *args: Any, run: ImportRun, found: dict[str, list[str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.places: list[tuple[str, str, str]] = []
        targets = kinds.targets_by_key(run.kind)
        known = Known.read()
        for key, said in found.items():
            before = run.settings.get("values", {}).get(key, {})
            if targets[key].kind == "category":
                self._categories(said, before, known, new=bool(run.settings.get("new_categories")))
            else:
                for words in said:
                    self._ask(key, words, targets[key].choices, before.get(words) or kinds.guess_meaning(targets[key], words), str(targets[key].label))

    def _categories(self, said: list[str], before: dict[str, str], known: Known, *, new: bool) -> None:
        """Only those that the desk does not have, and only if they are not to be made."""
        unknown = [words for words in said if same(words) not in known.categories]
        if unknown and not new:
            choices = [(row.slug, row.spoken) for row in Category.objects.filter(active=True)]
            for words in unknown:
                self._ask("category", words, choices, before.get(words, ""), str(kinds.targets_by_key(kinds.TICKETS)["category"].label))

    def _ask(self, key: str, words: str, choices: Any, initial: str, label: str) -> None:
        name = f"value_{len(self.places)}"
        self.places.append((key, words, label))
        self.fields[name] = forms.ChoiceField(
            label=words,
            choices=[("", "—"), *choices],
            initial=initial,
            error_messages={"required": _("Say what this means here.")},
        )

    @property
    def groups(self) -> dict[str, list[forms.BoundField]]:
        """Per target the values to give a meaning to."""
        found: dict[str, list[forms.BoundField]] = {}
        for number, (_key, _words, label) in enumerate(self.places):
            found.setdefault(label, []).append(self[f"value_{number}"])
        return found

    def values(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for number, (key, words, _label) in enumerate(self.places):
            found.setdefault(key, {})[words] = self.cleaned_data[f"value_{number}"]
        return found


class ExportForm(forms.Form):
    what = forms.ChoiceField(label=gettext_lazy("Contents"), choices=KINDS[::-1], widget=forms.RadioSelect, initial=kinds.CUSTOMERS)
    form = forms.ChoiceField(
        label=gettext_lazy("As"), choices=[("xlsx", gettext_lazy("Excel (.xlsx)")), ("csv", "CSV (UTF-8)")], widget=forms.RadioSelect, initial="xlsx"
    )
    received_from = forms.DateField(label=gettext_lazy("Received from"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    received_to = forms.DateField(
        label=gettext_lazy("to, that day included"), required=False, widget=forms.DateInput(attrs={"type": "date"}), validators=[ahead.within_reach]
    )  # fmt: skip
    plain = forms.BooleanField(
        label=gettext_lazy("With readable names and contact data"), required=False, help_text=gettext_lazy("Recorded for every customer: who, when and why.")
    )
    why = forms.CharField(label=gettext_lazy("Why"), max_length=200, required=False)

    def __init__(self, *args: Any, may_plain: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_plain:
            del self.fields["plain"], self.fields["why"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("plain") and not (cleaned.get("why") or "").strip():
            self.add_error("why", _("Say why the contact data is needed."))
        first, last = cleaned.get("received_from"), cleaned.get("received_to")
        if first and last and last < first:
            self.add_error("received_to", _("This lies before the first day."))
        return cleaned
