"""django-import-export over our models: its fields and widgets clean every cell of an import, whichever way the rows are written.

The desk writes in bulk (`writing`); `import_data` of these resources is the library's own row-by-row path, kept for the shell, as the plain twin in
tests, and as what the benchmark measures against.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _
from import_export import fields, resources, widgets

from feedback_desk import clock
from feedback_desk.deadlines.models import Rule
from feedback_desk.people.models import User
from tickets.imports import building, rowwise, values
from tickets.imports import columns as kinds
from tickets.imports.plan import Known, Plan
from tickets.imports.records import Fault, Faults, Record, customer_record, ticket_record
from tickets.models import Category, Customer, Ticket

READERS = {"text": values.text, "number": values.number, "phone": values.phone, "email": values.email}
PATHS = {
    "title": "item__title",
    "department": "item__department_id",
    "received_by": "received_by_id",
    "category": "category_id",
    "due_at": "promised_due_at",
    "customer_name": "customer__name",
    "customer_external_id": "customer__external_id",
    "customer_phone": None,
    "customer_email": None,
    "phone": None,
    "email": None,
    "address": None,
}
"""Where a target stands on the model, if not under its own name."""


class CellWidget(widgets.Widget):  # type: ignore[misc]
    """Text, numbers, phones: read by one function."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.read = READERS[kind]

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        return self.read(value)


class InstantWidget(widgets.Widget):  # type: ignore[misc]
    """An instant of the zone and in the order of day and month chosen."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.order, self.zone = plan.order, plan.zone_info

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        return values.instant(value, self.order, self.zone)


class MeaningWidget(widgets.Widget):  # type: ignore[misc]
    """One of our values, as decided for each of theirs."""

    def __init__(self, target: kinds.Target, plan: Plan) -> None:
        super().__init__()
        self.meanings = plan.values.get(target.key, {})

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        said = values.text(value)
        if said and said not in self.meanings:
            raise UnknownValue(said)
        return self.meanings.get(said, "")


class CategoryWidget(widgets.Widget):  # type: ignore[misc]
    """A category by code or name; unknown ones are made when that was chosen."""

    def __init__(self, plan: Plan, known: Known) -> None:
        super().__init__()
        self.plan, self.known, self.meanings = plan, known, plan.values.get("category", {})

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        said = values.text(value)
        if not said:
            return ""
        slug = self.meanings.get(said) or self.known.category(said, create=self.plan.new_categories)
        if slug is None:
            raise UnknownValue(said)
        return slug


class NamedWidget(widgets.Widget):  # type: ignore[misc]
    """A department or a person by name; one that the desk does not have stays empty and is kept in the remark."""

    def __init__(self, known: Mapping[str, int]) -> None:
        super().__init__()
        self.known = known

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> int | None:
        return self.known.get(values.same(values.text(value)))


class UnknownValue(ValueError):
    """A value that has no meaning yet; the page asks for it."""

    def __init__(self, said: str) -> None:
        super().__init__(_("It is not said yet what “%(value)s” means here.") % {"value": said[:80]})
        self.said = said


class CleanedResource(resources.ModelResource):  # type: ignore[misc]
    """Fields made from the plan: one per column that has a target."""

    kind = ""

    def __init__(self, plan: Plan, known: Known | None = None, by: User | None = None) -> None:
        super().__init__()
        self.plan, self.known, self.by, self.at = plan, known or Known.read(), by, clock.now()
        self.fields = {key: self._field(plan.targets[key], column) for key, column in plan.columns.items()}
        self.unknown: dict[str, dict[str, int]] = {}
        """Values without a meaning met so far, with how often."""

    def _field(self, target: kinds.Target, column: str) -> fields.Field:
        return fields.Field(attribute=PATHS.get(target.key, target.key), column_name=column, widget=self._widget(target))

    def _widget(self, target: kinds.Target) -> widgets.Widget:
        if target.kind == "time":
            return InstantWidget(self.plan)
        if target.kind == "choice":
            return MeaningWidget(target, self.plan)
        if target.kind == "category":
            return CategoryWidget(self.plan, self.known)
        if target.kind == "department":
            return NamedWidget(self.known.departments)
        if target.kind == "person":
            return NamedWidget(self.known.people)
        return CellWidget(target.kind)

    def get_import_order(self) -> list[str]:
        return list(self.fields)

    def get_import_id_fields(self) -> list[str]:
        """None when the file has no numbers of its own: then every row is new to the library."""
        return [key for key in self._meta.import_id_fields if key in self.fields]

    def cells(self, row: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """Every mapped cell, cleaned, and what did not fit into its place and goes to the remark. Raises Faults with all that is wrong."""
        found: dict[str, Any] = {}
        faults: list[Fault] = []
        over: list[str] = []
        for key, field in self.fields.items():
            try:
                cleaned = field.widget.clean(row[field.column_name])
            except ValueError as error:
                faults.append(self._fault(key, row[field.column_name], error))
                continue
            longest = self.plan.targets[key].longest
            if longest and cleaned and len(cleaned) > longest:
                cleaned = self._cut(self.plan.targets[key], cleaned, over, faults)
            if cleaned not in ("", None):
                found[key] = cleaned
        if faults:
            raise Faults(faults)
        return found, over

    def _fault(self, key: str, value: Any, error: ValueError) -> Fault:
        if isinstance(error, UnknownValue):
            seen = self.unknown.setdefault(key, {})
            seen[error.said] = seen.get(error.said, 0) + 1
        return Fault(key, str(value)[:200], str(error))

    def _cut(self, target: kinds.Target, words: str, over: list[str], faults: list[Fault]) -> str:
        """History keeps the whole of what is too long in the remark; what identifies must fit."""
        if self.kind == kinds.CUSTOMERS or target.kind != "text":
            faults.append(Fault(target.key, words[:200], _("This is longer than %(longest)s characters.") % {"longest": target.longest}))
            return words
        if target.key != "title" or "what_happened" in self.plan.columns:
            over.append(f"{target.label}: {words}")
        return f"{words[: target.longest - 1]}…"

    def record(self, row: Mapping[str, Any]) -> Record:
        """The row as it would be imported. Raises Faults."""
        raise NotImplementedError


class CustomerResource(CleanedResource):
    """The customer file."""

    kind = kinds.CUSTOMERS

    class Meta:
        model = Customer
        fields: tuple[str, ...] = ()
        import_id_fields = ("external_id",)
        use_transactions = True
        skip_unchanged = True

    def record(self, row: Mapping[str, Any]) -> Record:
        cells, _over = self.cells(row)
        return customer_record(cells, self.at)

    def import_instance(self, instance: Customer, row: Mapping[str, Any], **kwargs: Any) -> None:
        rowwise.fill_customer(instance, self.record(row))

    def do_instance_save(self, instance: Customer, is_create: bool) -> None:
        rowwise.save_customer(instance, is_create=is_create)


class HistoricTicketResource(CleanedResource):
    """Tickets of the past. They start no deadlines, open no forms and tell nobody."""

    kind = kinds.TICKETS

    class Meta:
        model = Ticket
        fields: tuple[str, ...] = ()
        import_id_fields = ("external_id",)
        use_transactions = True
        skip_unchanged = True

    @cached_property
    def categories(self) -> dict[str, Category]:
        return {}

    @cached_property
    def rule(self) -> Rule:
        return building.imported_rule()

    def record(self, row: Mapping[str, Any]) -> Record:
        return self.made(self.read(row))

    def read(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The cleaned cells with what is said about the row as a whole; rows of one ticket can be merged in this form."""
        cells, over = self.cells(row)
        self._dates_only(cells, row)
        self._named_category(cells, row)
        return cells | {"rest": [*over, *self._rest(row, cells)], "digest": digest_of(row)}

    def made(self, cells: Mapping[str, Any]) -> Record:
        return ticket_record({**self.plan.constants, **cells}, self.plan, self.at)

    def _dates_only(self, cells: dict[str, Any], row: Mapping[str, Any]) -> None:
        """A limit that is a day ends with the day."""
        column = self.plan.columns.get("due_at")
        if column and not (isinstance(row[column], str) and ":" in row[column]):
            cells["dates_only"] = ("due_at",)

    def _named_category(self, cells: dict[str, Any], row: Mapping[str, Any]) -> None:
        column = self.plan.columns.get("category")
        cells["category_words"] = values.text(row[column]) if column else ""

    def _rest(self, row: Mapping[str, Any], cells: Mapping[str, Any]) -> list[str]:
        """Columns without a target, and a department or a person that the desk does not have."""
        named = set(self.plan.columns.values())
        rest = [column for column in row if column not in named] if self.plan.keep_rest else []
        rest += [self.plan.columns[key] for key in ("department", "received_by") if key in self.plan.columns and cells.get(key) is None]
        return [f"{column}: {words}" for column in rest if (words := _readable(row[column]))]

    def init_instance(self, row: Any = None) -> Ticket:
        return Ticket.as_it_was(state="pending")

    def import_instance(self, instance: Ticket, row: Mapping[str, Any], **kwargs: Any) -> None:
        rowwise.fill_ticket(instance, self.record(row), self.known, self.categories)

    def do_instance_save(self, instance: Ticket, is_create: bool) -> None:
        rowwise.save_ticket(instance, is_create=is_create, by=self.by, at=self.at, rule=self.rule)


def _readable(cell: Any) -> str:
    try:
        return values.text(cell)
    except ValueError:
        return str(cell)


def digest_of(row: Mapping[str, Any]) -> str:
    """The same for the same row, always; stands in for the number where a file has none."""
    return hashlib.sha256("\x1f".join(f"{column}\x1e{_readable(cell)}" for column, cell in row.items()).encode()).hexdigest()[:32]


RESOURCES: dict[str, type[CleanedResource]] = {kinds.CUSTOMERS: CustomerResource, kinds.TICKETS: HistoricTicketResource}
