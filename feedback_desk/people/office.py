"""Who may do what in the back office (V1): roles decide; Django's groups, permissions and staff flag are not asked.

Administrators configure. Management looks at lists that hold no unmasked data (V4). Everything else is denied. People named in a matter do not
find it in any list, administrators and superusers included (V3).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import or_
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Exists, Model, OuterRef, Q, QuerySet, UniqueConstraint
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from feedback_desk.people.models import Concern, Role, User
from feedback_desk.records import naming
from feedback_desk.records.models import Item, Kind

READS = frozenset({Role.CS_MANAGER, Role.GENERAL_MANAGER, Role.OFFICE, Role.SUPERVISOR, Role.ANALYST})
KEEPS_WATCH = frozenset({Role.CS_MANAGER, Role.GENERAL_MANAGER})
"""Those who look at who read personal data, who was refused, and what was configured."""
NOBODY: frozenset[str] = frozenset()
AGAIN, LET_BE = gettext_noop("Tried again."), gettext_noop("Let be: not needed any more.")
"""What the log of the back office says of rows that failed."""


def configures(user: Any) -> bool:
    return isinstance(user, User) and user.is_active and (user.is_superuser or user.has_role(Role.ADMINISTRATOR))


def may_enter(user: Any) -> bool:
    """Has the person anything to do or to see in the back office?"""
    return configures(user) or (isinstance(user, User) and user.has_role(*READS))


def put_on_record(user: Any, rows: QuerySet[Any], what: str) -> None:
    """One line for each row in the log that keeps who changed what here."""
    LogEntry.objects.log_actions(user.pk, rows, CHANGE, what)


class ByRole:
    """Permissions of pages and of the tables inside them. `readers`: who beside the administrators may look; `editors`: who may change, too."""

    readers: frozenset[str] = READS
    editors: frozenset[str] = NOBODY
    adds = changes = deletes = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return configures(request.user) or (isinstance(request.user, User) and bool(self.readers) and request.user.has_role(*self.readers))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def _edits(self, user: Any) -> bool:
        return configures(user) or (isinstance(user, User) and bool(self.editors) and user.has_role(*self.editors))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.adds and self._edits(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.changes and self._edits(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.deletes and self._edits(request.user)


class OfficeAdmin(ByRole, admin.ModelAdmin[Any]):
    """A page of the back office, read-only unless it says otherwise. `matter`: the way to the root item of the row's matter, for V3."""

    matter = ""
    list_per_page = 50
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return untouched_by(rows, request.user, self.matter) if self.matter else rows


class Configured(OfficeAdmin):
    """Rows that administrators add and change; Django's log keeps who changed what. Rows in use are switched off, not deleted."""

    adds = changes = True


class LedByASupervisor(Configured):
    """What supervisors set for their desk themselves (T6): who can do what, where which items go."""

    editors = frozenset({Role.SUPERVISOR})


class FoundByName:
    """Rows with an `item` and a `verb`, searched as they are read: each typed word in one of the `search_fields` or in the name of the verb."""

    verb_is = "happened"
    search_fields: ClassVar[Any] = ()

    def get_search_results(self, request: HttpRequest, rows: QuerySet[Any], typed: str) -> tuple[QuerySet[Any], bool]:
        for word in typed.split():
            rows = rows.filter(reduce(or_, (Q(**{f"{field}__icontains": word}) for field in self.search_fields), self._called(word)))
        return rows, False

    def _called(self, word: str) -> Q:
        verbs = {kind: naming.called(self.verb_is, kind, word) for kind in ("", *Kind.values)}
        of_items = (Q(item__kind=kind, verb__in=verbs[kind]) for kind in Kind.values)
        return reduce(or_, of_items, Q(item=None, verb__in=verbs[""]))


class OneOfEach(BaseInlineFormSet):  # type: ignore[type-arg]  # generic in the stubs only
    """Two rows that may not be alike are a sentence at the second: Django leaves the page that they stand on out of what it compares."""

    model: type[Model]

    def clean(self) -> None:
        super().clean()
        rows = [form for form in self.forms if form.is_valid() and (form.instance.pk or form.has_changed())]
        gone = [form.instance.pk for form in rows if form.cleaned_data.get("DELETE") and form.instance.pk]
        for names in _alike(self.model):
            self._compare(names, [form for form in rows if not form.cleaned_data.get("DELETE")], gone)

    def _compare(self, names: list[str], rows: list[Any], gone: list[Any]) -> None:
        seen: list[dict[str, Any]] = []
        for form in rows:
            key = {name: getattr(form.instance, name) for name in names}
            others = self.model._default_manager.filter(**key).exclude(pk__in=[*gone, form.instance.pk or 0])
            if key in seen or (form.has_changed() and self.instance.pk and others.exists()):
                form.add_error(None, _("This stands there already."))
            seen.append(key)


def _alike(model: type[Model]) -> Iterator[list[str]]:
    """The columns of which no two rows may have the same."""
    for constraint in model._meta.constraints:
        if isinstance(constraint, UniqueConstraint) and constraint.condition is None:
            names = [*constraint.fields, *(getattr(part, "name", "") for part in constraint.expressions)]
            yield [str(getattr(model._meta.get_field(name), "attname", name)) for name in names]


class Table(ByRole, admin.TabularInline[Any, Any]):
    """Rows inside the page of another; changed with it."""

    formset = OneOfEach
    adds = changes = deletes = True
    extra = 0


def untouched_by(rows: QuerySet[Any], user: Any, matter: str) -> QuerySet[Any]:
    """V3: without rows of matters that the person is named in."""
    return rows.exclude(Exists(Concern.objects.filter(item_id=OuterRef(matter), user=user)))


class OnTheDesk:
    """A column that leads from a row to its matter's page at the desk, where all of it stands for those who may see it."""

    item_path = "item"

    @admin.display(description=_("at the desk"))
    def at_the_desk(self, row: Any) -> str:
        item: Any = row
        for name in self.item_path.split("__"):
            item = getattr(item, name)
        return desk_link(item)


def desk_link(item: Item | None) -> str:
    """The number, linked to the page at the desk where there is one."""
    pages = {Kind.TICKET: "workplace:ticket", Kind.FORM: "workplace:form", Kind.ACTION: "workplace:action"}
    if item is None:
        return "–"
    if item.kind not in pages:
        return item.number
    return format_html('<a href="{}">{}</a>', reverse(pages[Kind(item.kind)], args=[item.number]), item.number)
