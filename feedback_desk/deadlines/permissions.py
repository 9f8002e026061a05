"""Who tries rules and replays periods: who configures them, and the customer-service manager, who may look at all of it (V1). Nothing is changed by it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from feedback_desk.people.access import NotYou
from feedback_desk.people.models import Role, User
from feedback_desk.people.office import configures, may_enter


def may_try(user: Any) -> bool:
    return configures(user) or (isinstance(user, User) and user.has_role(Role.CS_MANAGER))


def for_those_who_configure(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """E5: whoever may change rules and calendars; 403, recorded, for everybody else."""

    @wraps(view)
    @login_required
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not configures(request.user):
            assert isinstance(request.user, User)
            raise NotYou(_("Changing limits that run is for administrators."), user=request.user, verb="change limits")
        return view(request, *args, **kwargs)

    return guarded


def for_those_who_look(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Whoever has something to see in the back office; 403, recorded, for everybody else."""

    @wraps(view)
    @login_required
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not may_enter(request.user):
            assert isinstance(request.user, User)
            raise NotYou(_("The back office is not open to your role."), user=request.user, verb="back office")
        return view(request, *args, **kwargs)

    return guarded


def for_those_who_try(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """403, recorded, for everybody else."""

    @wraps(view)
    @login_required
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not may_try(request.user):
            assert isinstance(request.user, User)
            raise NotYou(_("Trying rules is for administrators and customer-service managers."), user=request.user, verb="try a rule")
        return view(request, *args, **kwargs)

    return guarded
