"""Pages for what is refused, not there, or broken."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import get_template


def forbidden(request: HttpRequest, exception: PermissionDenied) -> HttpResponse:
    """403 with the sentence of the refusal, if it has one."""
    return render(request, "403.html", {"because": str(exception)}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404, the same for what does not exist and what is not for this person to see."""
    return render(request, "404.html", status=404)


def broken(request: HttpRequest) -> HttpResponse:
    """500 in both languages; asks nothing of the database, the session or the translation."""
    return HttpResponse(get_template("500.html").template.source, status=500)  # type: ignore[attr-defined]
