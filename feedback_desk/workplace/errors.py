"""Pages for what is refused, not there, or broken."""

from contextlib import suppress

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat
from django.template.loader import get_template
from django.utils.translation import gettext as _

from feedback_desk.workplace.middleware import NoText, answer


def unreadable(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 with what is wrong with what was sent; inside a page the sentence alone, and what was typed stays there."""
    if isinstance(exception, RequestDataTooBig) and request.user.is_authenticated:
        _read_to_the_end(request)
    return answer(request, 400, _because(exception))


READ_AT_MOST = 10
"""So many times the limit: more text than that nobody typed."""


def _read_to_the_end(request: HttpRequest) -> None:
    """A browser reads the answer when it has sent everything; where it is cut off before, it says that the connection broke.

    Reading holds a thread of the server: only for people who are signed in.
    """
    left = READ_AT_MOST * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0)
    with suppress(UnreadablePostError):
        while left > 0 and (block := request.read(1 << 16)):
            left -= len(block)


def _because(exception: Exception) -> str:
    match exception:
        case RequestDataTooBig():
            limit = filesizeformat(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
            return _("What was sent is too large: at most %(limit)s of text at once. Shorten it, or attach it as a file.") % {"limit": limit}
        case TooManyFieldsSent():
            return _("What was sent has too many fields: at most %(limit)s at once.") % {"limit": settings.DATA_UPLOAD_MAX_NUMBER_FIELDS}
        case TooManyFilesSent():
            return _("These are too many files: at most %(limit)s at once.") % {"limit": settings.DATA_UPLOAD_MAX_NUMBER_FILES}
        case NoText():
            return _("What was sent holds a character that is no text. Take it out, it is often pasted along unseen, and send it again.")
    return _("What was sent cannot be read. Go back, load the page anew and send it again.")


def forbidden(request: HttpRequest, exception: PermissionDenied) -> HttpResponse:
    """403 with the sentence of the refusal, if it has one."""
    return render(request, "403.html", {"because": str(exception)}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404, the same for what does not exist and what is not for this person to see."""
    return render(request, "404.html", status=404)


def broken(request: HttpRequest) -> HttpResponse:
    """500 in both languages; asks nothing of the database, the session or the translation."""
    return HttpResponse(get_template("500.html").template.source, status=500)  # type: ignore[attr-defined]
