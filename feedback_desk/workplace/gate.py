"""Who may read what the machines say of themselves: this machine, or who has the token; everybody else is denied."""

from __future__ import annotations

import hmac
import ipaddress

from django.conf import settings
from django.http import HttpRequest

PASSED_ON = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_VIA")


def may_measure(request: HttpRequest) -> bool:
    """The token of DESK_METRICS_TOKEN as "Authorization: Bearer …", or a call from this machine that no proxy has passed on."""
    return _has_token(request) or _is_local(request)


def _has_token(request: HttpRequest) -> bool:
    kind, _space, token = request.headers.get("Authorization", "").partition(" ")
    wanted = settings.METRICS_TOKEN
    return bool(wanted) and kind.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), wanted.encode())


def _is_local(request: HttpRequest) -> bool:
    """Behind a proxy every call comes from its address: then only the token counts."""
    if settings.BEHIND_PROXY or any(name in request.META for name in PASSED_ON):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
