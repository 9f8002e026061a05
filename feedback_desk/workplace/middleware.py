"""How refusals and moves that came too late are answered, on a page and inside one (htmx)."""

from collections.abc import Callable
from contextlib import suppress

from django.core.exceptions import BadRequest, DisallowedHost, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from feedback_desk.people import access
from feedback_desk.people.access import NotNow, NotYou, record_refusal
from feedback_desk.people.models import User
from feedback_desk.workplace.finding import Unseen
from feedback_desk.workplace.views import drafts

WENT_THROUGH = (204, 302)
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class NoText(BadRequest):
    """What was sent holds a character that is no text."""


class AnswerMiddleware:
    """A form that went through loses its draft. NotYou, and whatever else is denied: recorded, 403. NotNow: 409 with who and when.

    To htmx the sentence alone, put where it is seen: what was typed stays.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if _has_null(request):
            raise NoText("A null character is no text.")
        response = self.get_response(request)
        if request.method == "POST" and response.status_code in WENT_THROUGH and request.content_type in FORMS and request.POST.get("draft"):
            drafts.remove(request.user, request.POST["draft"])
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, PermissionDenied) and isinstance(request.user, User):
            error = _not_you(request, request.user, error)
        if isinstance(error, NotYou):
            record_refusal(error)
            return answer(request, 403, error.because)
        if isinstance(error, NotNow):
            return answer(request, 409, error.because, error.missing)
        if isinstance(error, PermissionDenied) and _inside(request):
            return answer(request, 403, str(error) or _("This is not yours to see or do."))
        if isinstance(error, Unseen):
            _record_attempt(request, error)
        if isinstance(error, Http404) and _inside(request):
            return answer(request, 404, _("This does not exist, or it is not for you to see."))
        return None


def _not_you(request: HttpRequest, user: User, error: PermissionDenied) -> NotYou:
    """What a page of the back office or a library refuses is recorded like everything else: the answer says so."""
    if isinstance(error, NotYou):
        return error
    verb = "back office" if request.path.startswith(reverse("admin:index")) else "see"
    return NotYou(str(error) or _("This is not yours to see or do."), user=user, verb=verb)


def _has_null(request: HttpRequest) -> bool:
    """PostgreSQL keeps no null characters, and nobody types one."""
    if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
        return True
    sent = request.POST if request.method == "POST" and request.content_type in FORMS else {}
    return any("\0" in value for name in sent for value in request.POST.getlist(name))


def _record_attempt(request: HttpRequest, error: Unseen) -> None:
    """V3: refused and recorded, while the answer does not tell that there is anything."""
    if request.method != "POST" or error.item is None:
        return
    named = access.concerned(error.user, error.item)
    because = _("You are named in this matter and take no part in handling it.") if named else _("This does not exist, or it is not for you to see.")
    match = request.resolver_match
    verb = str(match.kwargs.get("move") or match.kwargs.get("act") or match.url_name) if match else ""
    record_refusal(NotYou(because, user=error.user, item=error.item, verb=verb))


def answer(request: HttpRequest, status: int, because: str, missing: list[str] | None = None) -> HttpResponse:
    """The page `<status>.html`, or for htmx the sentence as a toast line that stays until it is closed."""
    missing = [] if missing is None or " ".join(missing) == because else missing
    told = {
        "because": because,
        "missing": missing,
        "kept": _("What you typed is still here.") if request.method == "POST" else "",
        "back_url": _came_from(request),
    }
    if not _inside(request):
        return render(request, f"{status}.html", told, status=status)
    response = render(request, "parts/_refused.html", told, status=status)
    response["HX-Retarget"] = "#toasts"
    response["HX-Reswap"] = "beforeend"
    return response


def _came_from(request: HttpRequest) -> str:
    """The page the form was on, if it was one of ours."""
    came = request.headers.get("Referer", "")
    with suppress(DisallowedHost):
        if url_has_allowed_host_and_scheme(came, {request.get_host()}, require_https=request.is_secure()):
            return came
    return request.path


def _inside(request: HttpRequest) -> bool:
    return bool(getattr(request, "htmx", False)) and not request.htmx.boosted  # type: ignore[attr-defined]
