"""/admin/machinery/: how the desk's processes are, what failed, and the buttons for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from feedback_desk import clock
from feedback_desk.people.models import User
from feedback_desk.people.office import configures, may_enter
from feedback_desk.workplace import failures, front_page, incidents, waiting


def for_the_office(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """V1: open to those who enter the back office."""

    @wraps(view)
    @login_required
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not may_enter(request.user):
            raise PermissionDenied(_("The back office is not open to your role."))
        return view(request, *args, **kwargs)

    return guarded


@never_cache
@require_safe
@for_the_office
def show(request: HttpRequest) -> HttpResponse:
    """The parts, every process by name, what failed with its buttons, the last incidents."""
    user = waiting.person(request)
    told = front_page.panel(user) | {
        "title": _("State of the machinery"), "processes": incidents.processes(), "incidents": incidents.latest(),
        "failures": failures.listed(user) if configures(user) else None,
    }  # fmt: skip
    return render(request, "admin/machinery.html", {**admin.site.each_context(request), **told})


@never_cache
@require_safe
@for_the_office
def panel(request: HttpRequest) -> HttpResponse:
    """The panel of the front page, as it asks for itself."""
    return render(request, "admin/_machinery_panel.html", front_page.panel(waiting.person(request)))


@require_POST
@for_the_office
def again(request: HttpRequest, kind: str) -> HttpResponse:
    """One row (pk) or all of a kind, tried again."""
    chosen = failures.KINDS.get(kind)
    if chosen is None:
        raise Http404
    done = failures.try_again(chosen, by=_me(request), at=clock.now(), pk=_row(request))
    said = ngettext("%(n)d is tried again.", "%(n)d are tried again.", done) % {"n": done}
    return _back(request, done, said)


@require_POST
@for_the_office
def let_be(request: HttpRequest) -> HttpResponse:
    """A failed notice, or all of them, that nobody needs any more."""
    done = failures.let_be(by=_me(request), pk=_row(request))
    said = ngettext("%(n)d notice is let be.", "%(n)d notices are let be.", done) % {"n": done}
    return _back(request, done, said)


@require_POST
@for_the_office
def forget(request: HttpRequest) -> HttpResponse:
    """A worker or beat that is not coming back."""
    done = incidents.forget(request.POST.get("name", ""), by=_me(request))
    return _back(request, done, _("It is not missed any more."))


def _me(request: HttpRequest) -> User:
    return waiting.person(request)


def _row(request: HttpRequest) -> int | None:
    """The row meant; None for all of them. 404 for what is no number."""
    given = request.POST.get("pk", "")
    if given and not (given.isascii() and given.isdigit() and len(given) < 18):
        raise Http404
    return int(given) if given else None


def _back(request: HttpRequest, done: int, said: str) -> HttpResponse:
    if done:
        messages.success(request, said)
    else:
        messages.warning(request, _("Nothing to do: somebody was faster, or it has gone by itself."))
    return redirect("office:machinery")
