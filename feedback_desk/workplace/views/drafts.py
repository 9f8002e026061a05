"""Drafts: what is typed and not sent, by person and place. Sealed at rest: somebody writes a phone number anywhere (V4)."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from feedback_desk import clock
from feedback_desk.people.models import User
from feedback_desk.workplace.models import Draft, sealed

LARGEST = 200_000
UNKEPT = ("csrfmiddlewaretoken", "password")


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def keep(request: HttpRequest) -> HttpResponse:
    """POST {"place", "data"}: kept, or removed when everything is empty. 204; 400 for anything else. GET ?place=: the data as sent, 204 for none."""
    if request.method == "GET":
        data = _read(request.user, request.GET.get("place", ""))
        return HttpResponse(status=204) if data is None else JsonResponse(data)
    try:
        sent: Any = json.loads(request.body) if len(request.body) <= LARGEST else None
        place, data = sent["place"], sent["data"]
    except (ValueError, TypeError, KeyError):
        place, data = "", None
    if not isinstance(place, str) or not 0 < len(place) <= 80 or "\0" in place or not isinstance(data, dict):
        return JsonResponse({"error": _("This draft cannot be kept.")}, status=400)
    write(request.user, place, data)
    return HttpResponse(status=204)


def write(user: Any, place: str, data: dict[str, Any]) -> None:
    data = {name: value for name, value in data.items() if name not in UNKEPT}
    if not any(_filled(value) for value in data.values()):
        return remove(user, place)
    Draft.objects.update_or_create(user=user, place=place, defaults={"data": sealed(data), "saved_at": clock.now()})
    return None


def _filled(value: Any) -> bool:
    return any(map(_filled, value)) if isinstance(value, list) else bool(value)


def kept(user: User, place: str) -> dict[str, Any]:
    """The values as typed: one string for a field, a list where there were several."""
    found = _read(user, place) or {}
    return {name: value[0] if isinstance(value, list) and len(value) == 1 else value for name, value in found.items()}


def _read(user: Any, place: str) -> dict[str, Any] | None:
    row = Draft.objects.filter(user=user, place=place).first() if "\0" not in place else None
    return row.typed if row is not None else None


def remove(user: Any, place: str) -> None:
    """What was sent is no draft any more."""
    Draft.objects.filter(user=user, place=place).delete()
