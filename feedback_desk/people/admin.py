"""People, departments, roles, absence, concern, refusals (V1–V3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback_desk import clock
from feedback_desk.people import services
from feedback_desk.people.forms import OfficePasswordForm
from feedback_desk.people.models import Absence, Concern, Department, Membership, Presence, PresenceChange, Refusal, User
from feedback_desk.people.office import KEEPS_WATCH, ByRole, Configured, FoundByName, OfficeAdmin, OnTheDesk, Table, desk_link, untouched_by
from feedback_desk.records import naming
from feedback_desk.records.models import Item
from feedback_desk.records.spoken import in_brackets

admin.site.unregister(Group)  # V1: rights follow the roles of Membership; a group would look as if it granted something.


class MembershipTable(Table):
    model = Membership
    verbose_name_plural = gettext_lazy("roles")


class AbsenceTable(Table):
    model = Absence
    verbose_name_plural = gettext_lazy("absences")


@admin.register(User)
class PersonAdmin(ByRole, UserAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    """People are never deleted: the history names them. Who leaves is set inactive."""

    adds = changes = True
    inlines = (MembershipTable, AbsenceTable)
    add_form_template = "admin/person_add.html"
    change_password_form = OfficePasswordForm
    list_display = ("username", "name", "department", "roles_in_words", "backup", "superior", "on_duty", "on_break", "is_active", "last_login")
    list_filter = ("memberships__role", "department", "on_duty", "is_active")
    list_select_related = ("department", "backup", "superior")
    search_fields = ("username", "name", "email")
    ordering = ("username",)
    autocomplete_fields = ("backup", "superior")
    filter_horizontal = ()
    actions = ("put_on_duty", "take_off_duty")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (gettext_lazy("Particulars"), {"fields": ("name", "email", "language")}),
        (gettext_lazy("Place in the house"), {"fields": ("department", "superior", "backup", "on_duty")}),
        (gettext_lazy("Access"), {"fields": ("is_active", "last_login", "date_joined")}),
    )
    readonly_fields = ("last_login", "date_joined")
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("username", "name", "email", "department", "usable_password", "password1", "password2")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("memberships__department")

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Those who only look see no password field, not even its digest."""
        shown = super().get_fieldsets(request, obj)
        return shown if self.has_change_permission(request, obj) else (((None, {"fields": ("username",)})), *shown[1:])

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """T6: the tick "on duty" goes through the service, which keeps since when."""
        said = obj.on_duty if change and "on_duty" in form.changed_data else None
        if said is not None:
            obj.on_duty = not said
        super().save_model(request, obj, form, change)
        if said is not None:
            assert isinstance(request.user, User)
            services.set_presence(user_id=obj.pk, presence=Presence.HERE if said else Presence.GONE, by=request.user)

    @admin.display(description=gettext_lazy("roles"))
    def roles_in_words(self, user: User) -> str:
        return _(", ").join(in_brackets(m.get_role_display(), m.department.spoken if m.department else "") for m in user.memberships.all())

    @admin.action(description=gettext_lazy("Put on duty"), permissions=["change"])
    def put_on_duty(self, request: HttpRequest, people: QuerySet[User]) -> None:
        self._on_duty(request, people, True)

    @admin.action(description=gettext_lazy("Take off duty"), permissions=["change"])
    def take_off_duty(self, request: HttpRequest, people: QuerySet[User]) -> None:
        self._on_duty(request, people, False)

    def _on_duty(self, request: HttpRequest, people: QuerySet[User], on_duty: bool) -> None:
        assert isinstance(request.user, User)
        for user in people.exclude(on_duty=on_duty):
            services.set_presence(user_id=user.pk, presence=Presence.HERE if on_duty else Presence.GONE, by=request.user)
            self.log_change(request, user, [{"changed": {"fields": [_("on duty")]}}])


@admin.register(Department)
class DepartmentAdmin(Configured):
    list_display = ("name", "name_en", "head", "active")
    list_filter = ("active",)
    list_select_related = ("head",)
    search_fields = ("name", "name_en")
    autocomplete_fields = ("head",)


@admin.register(Absence)
class AbsenceAdmin(Configured):
    deletes = True
    list_display = ("user", "starts_at", "ends_at", "reason")
    list_filter = ("user__department", "starts_at")
    list_select_related = ("user",)
    search_fields = ("user__name", "user__username")
    autocomplete_fields = ("user",)


@admin.register(PresenceChange)
class PresenceChangeAdmin(OfficeAdmin):
    """T6: who was at the desk when, and who said so."""

    list_display = ("at", "user", "presence", "by")
    list_filter = ("presence", "at", "user__department")
    list_select_related = ("user", "by")
    search_fields = ("user__name", "user__username")
    fields = ("at", "user", "presence", "by")


class ConcernForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """By number, as people read it out; a number that does not exist and one that is not for this person get the same answer."""

    number = forms.CharField(label=gettext_lazy("Number"), max_length=24, help_text=gettext_lazy("Of the ticket or of the complaint form."))
    viewer: User

    class Meta:
        model = Concern
        fields = ("number", "user", "because")

    def clean_number(self) -> str:
        number = str(self.cleaned_data["number"]).strip().upper()
        item = untouched_by(Item.objects.filter(number=number).select_related("root"), self.viewer, "root").first()
        if item is None:
            raise ValidationError(_("There is no item %(number)s."), params={"number": number})
        self.instance.item = item.root or item
        return number


@admin.register(Concern)
class ConcernAdmin(OnTheDesk, OfficeAdmin):
    """V3. The services write it down in the matter's history; Django's log, which everybody here reads, does not get the number."""

    adds = deletes = True
    matter = "item"
    form = ConcernForm
    list_display = ("user", "at_the_desk", "because", "since")
    list_select_related = ("user", "item")
    search_fields = ("user__name", "user__username", "item__number")
    autocomplete_fields = ("user",)
    actions = ("take_back",)

    def get_form(self, request: HttpRequest, obj: Concern | None = None, change: bool = False, **kwargs: Any) -> Any:
        if change or obj is not None:
            return super().get_form(request, obj, change, form=forms.ModelForm, **kwargs)
        form = super().get_form(request, obj, change, **kwargs)
        return type("ConcernForm", (form,), {"viewer": request.user})

    def get_fields(self, request: HttpRequest, obj: Concern | None = None) -> Any:
        return ("item", "user", "because", "since") if obj else ("number", "user", "because")

    def save_model(self, request: HttpRequest, obj: Concern, form: Any, change: bool) -> None:
        by, at = request.user, clock.now()
        assert isinstance(by, User)
        kept = services.name_concerned(obj.item, obj.user, because=obj.because, by=by, at=at)
        obj.pk, obj.since = kept.pk, kept.since

    def delete_model(self, request: HttpRequest, obj: Concern) -> None:
        assert isinstance(request.user, User)
        because = _("taken back in the back office; was: %(because)s") % {"because": obj.because}
        services.no_longer_concerned(obj.item, obj.user, because=because, by=request.user, at=clock.now())

    @admin.action(description=gettext_lazy("Take the naming back"), permissions=["delete"])
    def take_back(self, request: HttpRequest, concerns: QuerySet[Concern]) -> None:
        for concern in concerns:
            self.delete_model(request, concern)

    def get_actions(self, request: HttpRequest) -> Any:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        return None


class ByAttempt(admin.FieldListFilter):
    """What was refused, by its name: one choice for all the verbs that are called the same."""

    def __init__(self, field: Any, request: HttpRequest, params: Any, model: Any, model_admin: Any, field_path: str) -> None:
        self.asked = f"{field_path}__in"
        self.chosen = params.get(self.asked, [""])[-1]
        self.verbs: dict[str, list[str]] = {}
        for verb in model_admin.get_queryset(request).order_by(field_path).values_list(field_path, flat=True).distinct():
            self.verbs.setdefault(naming.attempt("", verb), []).append(verb)
        super().__init__(field, request, params, model, model_admin, field_path)

    def expected_parameters(self) -> list[str | None]:
        return [self.asked]

    def get_facet_counts(self, pk_attname: str, filtered_qs: QuerySet[Any]) -> dict[str, Any]:
        return {f"{i}__c": Count(pk_attname, filter=Q(**{self.asked: verbs})) for i, verbs in enumerate(self.verbs.values())}

    def choices(self, changelist: Any) -> Iterator[Any]:
        counts = self.get_facet_queryset(changelist) if changelist.add_facets else {}
        yield {"selected": not self.chosen, "query_string": changelist.get_query_string(remove=[self.asked]), "display": _("All")}
        for i, (name, verbs) in enumerate(self.verbs.items()):
            value = self.list_separator.join(verbs)
            display = f"{name} ({counts[f'{i}__c']})" if counts else name
            yield {"selected": self.chosen == value, "query_string": changelist.get_query_string({self.asked: value}), "display": display}


@admin.register(Refusal)
class RefusalAdmin(FoundByName, OfficeAdmin):
    readers = KEEPS_WATCH
    verb_is = "attempt"
    matter = "item__root"
    list_display = ("at", "user", "wanted", "number", "because")
    list_filter = ("at", ("verb", ByAttempt))
    list_select_related = ("user", "item")
    search_fields = ("user__name", "user__username", "item__number")
    fields = ("at", "user", "wanted", "number", "because")
    readonly_fields = ("wanted", "number")

    @admin.display(description=gettext_lazy("what was tried"), ordering="verb")
    def wanted(self, row: Refusal) -> str:
        return naming.attempt(row.item.kind if row.item else "", row.verb)

    @admin.display(description=gettext_lazy("item"))
    def number(self, row: Refusal) -> str:
        return desk_link(row.item)
