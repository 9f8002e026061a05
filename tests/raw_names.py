"""What the back office would show without a Chinese name: models, columns, fields, explanations, choices.

`makemessages` sees only what is marked. A field without `verbose_name` is not: Django makes a label of its Python name, in English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets, get_fields_from_path, label_for_field
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model
from django.test import RequestFactory
from django.utils import translation

from feedback_desk.people.models import User

OWN_NAMES = frozenset({"App", "English", "VIP"})
"""Said like this in Chinese, too."""
HAN = re.compile(r"[\u4e00-\u9fff]")


def found(site: admin.AdminSite | None = None) -> list[str]:
    """A line for each, sorted; none when everything has its name."""
    office = site or admin.site
    with translation.override("zh-hans"):
        lines = set(_of_models(_ours()))
        for page in office._registry.values():
            lines.update(_of_page(page, page.model))
            for table in page.inlines:
                lines.update(_of_page(table(page.model, office), table.model))
    return sorted(lines)


def _ours() -> list[type[Model]]:
    rooms = ("feedback_desk.", "tickets.", "complaints.", "followups.", "reports.")
    return [model for model in apps.get_models() if f"{model.__module__}.".startswith(rooms)]


def _of_models(models: list[type[Model]]) -> Iterator[str]:
    """The log of the back office names them all."""
    for model in models:
        for name in ("verbose_name", "verbose_name_plural"):
            yield from _raw(f"{model._meta.label}.Meta.{name}", getattr(model._meta, name))


def _of_page(page: Any, model: type[Model]) -> Iterator[str]:
    """Columns, filters and fields of a page of the back office, or of a table in one; what a row itself is called."""
    if model.__str__ is Model.__str__ and model in page.admin_site._registry:
        yield f"no Chinese name in the back office: {model._meta.label}.__str__: '{model.__name__} object'"
    for name in sorted(_shown(page)):
        place = f"{model._meta.label}.{name}"
        yield from _raw(place, _label(name, page, model))
        field = _field(name, model)
        yield from _raw(f"{place} (help_text)", getattr(field, "help_text", ""))
        for value, label in getattr(field, "flatchoices", None) or ():
            yield from _raw(f"{place} (choice {value!r})", label)


def _shown(page: Any) -> set[str]:
    request = RequestFactory().get("/admin/")
    request.user = User(username="-", is_superuser=True)
    names = {*flatten_fieldsets(page.get_fieldsets(request)), *page.get_readonly_fields(request), *getattr(page, "list_display", ())}
    filters = [each[0] if isinstance(each, tuple) else each for each in getattr(page, "list_filter", ())]
    return {name for name in (*names, *filters) if isinstance(name, str)} - {"__str__", "action_checkbox"}


def _label(name: str, page: Any, model: type[Model]) -> Any:
    if "__" in name:
        return get_fields_from_path(model, name)[-1].verbose_name
    if name in page.form.base_fields:  # the form's own
        return page.form.base_fields[name].label or ""
    try:
        return label_for_field(name, model, page)
    except AttributeError:  # of a form that is made for the request
        return ""


def _field(name: str, model: type[Model]) -> Any:
    try:
        return get_fields_from_path(model, name)[-1]
    except FieldDoesNotExist:
        return None


def _raw(place: str, text: Any) -> Iterator[str]:
    said = str(text)
    if re.search("[A-Za-z]{2}", said) and not HAN.search(said) and said not in OWN_NAMES:
        yield f"no Chinese name in the back office: {place}: {said!r}"
