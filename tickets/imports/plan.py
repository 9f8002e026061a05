"""What was decided on the mapping page, and what the desk knows by name: how a file is to be read."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings as django_settings
from django.utils.text import slugify
from pypinyin import lazy_pinyin

from feedback_desk.people.models import Department, User
from tickets.imports import columns as kinds
from tickets.imports.values import same
from tickets.models import Category, PriorityRule


@dataclass(frozen=True)
class Plan:
    """`columns`: target → column; `constants`: target → the value for every row; `values`: target → value there → value here."""

    kind: str
    columns: dict[str, str]
    constants: dict[str, str] = field(default_factory=dict)
    order: str = "ymd"
    zone: str = ""
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    new_categories: bool = False
    keep_rest: bool = False
    fallback_name: str = ""
    merge: bool = False
    """Rows of one number are events of one ticket."""

    @classmethod
    def of(cls, kind: str, settings: dict[str, Any]) -> Plan:
        return cls(
            kind=kind,
            columns=dict(settings.get("columns", {})),
            constants=dict(settings.get("constants", {})),
            order=settings.get("order") or "ymd",
            zone=settings.get("zone") or django_settings.TIME_ZONE,
            values=dict(settings.get("values", {})),
            new_categories=bool(settings.get("new_categories")),
            keep_rest=bool(settings.get("keep_rest")),
            fallback_name=settings.get("fallback_name", ""),
            merge=bool(settings.get("merge")),
        )

    @cached_property
    def zone_info(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @cached_property
    def targets(self) -> dict[str, kinds.Target]:
        return kinds.targets_by_key(self.kind)


@dataclass
class Known:
    """Categories, departments, people and priorities by name, read once per run; `fresh` collects categories that are to be made: slug → name."""

    categories: dict[str, str]
    departments: dict[str, int]
    priorities: dict[tuple[str, str], str]
    people: dict[str, int] = field(default_factory=dict)
    fresh: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls) -> Known:
        categories: dict[str, str] = {}
        for slug, name, name_en in Category.objects.order_by("-active", "pk").values_list("slug", "name", "name_en"):
            for words in (slug, name, name_en):
                categories.setdefault(same(words), slug)
        departments = {same(words): pk for pk, *names in Department.objects.values_list("pk", "name", "name_en") for words in names if words}
        priorities = {(urgency, level): priority for urgency, level, priority in PriorityRule.objects.values_list("urgency", "level", "priority")}
        return cls(categories, departments, priorities, _people())

    def category(self, words: str, *, create: bool) -> str | None:
        """The slug of a category by code or name; made up and remembered when it may be created."""
        plain = same(words)
        if plain not in self.categories and create:
            slug = slug_for(words)
            self.categories[plain] = slug
            self.fresh[slug] = words
        return self.categories.get(plain)


def _people() -> dict[str, int]:
    """By account or name, whoever has left since too; a name that two people have is nobody's."""
    rows = list(User.objects.values_list("pk", "username", "name"))
    names = Counter(same(name) for _pk, _account, name in rows)
    return {same(name): pk for pk, _account, name in rows if names[same(name)] == 1} | {same(account): pk for pk, account, _name in rows}


def slug_for(name: str) -> str:
    """The same code for the same name, always: readable where the name is, with a digest where letters were lost."""
    plain = slugify(" ".join(lazy_pinyin(name)))
    if plain and len(plain) <= 60 and name.isascii():
        return plain
    digest = hashlib.sha256(same(name).encode()).hexdigest()[:8]
    return f"{plain[:50]}-{digest}".strip("-")
