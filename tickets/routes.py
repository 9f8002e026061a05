"""T6: where the items of a type and category go: the most specific rule of assignment."""

from __future__ import annotations

from collections.abc import Iterable

from tickets.models import Category, Route


def read() -> list[Route]:
    """Every rule, in one statement; there are tens."""
    return list(Route.objects.select_related("department").order_by("pk"))


def best(routes: Iterable[Route], *, type: str, category_id: int, parent_id: int | None) -> Route | None:
    """A rule for the category goes before one for the category above it, that before one for all; of two alike the one that names the type."""
    level = {category_id: 2, parent_id: 1, None: 0}
    fitting = [r for r in routes if r.type in ("", type) and (r.category_id is None or r.category_id in (category_id, parent_id))]
    return max(fitting, key=lambda r: (level[r.category_id] if r.category_id else 0, bool(r.type)), default=None)


def of(type: str, category: Category) -> Route | None:
    return best(read(), type=type, category_id=category.pk, parent_id=category.parent_id)
