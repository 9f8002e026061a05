"""/healthz for whoever watches the desk from outside, /metrics for Prometheus."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from feedback_desk import clock
from feedback_desk.workplace import failures, health, measuring, metrics
from feedback_desk.workplace.gate import may_measure


@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when web, database, broker, queues and beat are alive, limits are looked at in time and no worker is missing; else 503 and what is not.

    Names of machines and figures only for those who may read /metrics; nothing of people or matters for anybody (V7).
    """
    named = may_measure(request)
    broker = health.broker_answers()
    parts = {"web": "alive", "broker": "alive" if broker else "dead"}
    more: dict[str, Any] = {}
    try:
        signs = health.everybody()
        sweep = measuring.sweep()
        parts["database"], parts["limits"] = "alive", "behind" if sweep.behind else "alive"
        more = _figures(sweep, signs) if named else {}
    except DatabaseError:
        signs = [health.Sign(name, None) for name in (health.BEAT, *health.WORKERS)]
        parts["database"], parts["limits"] = "dead", "unknown"
    words = health.judged(signs, broker=broker, answering=health.workers_that_answer)
    parts |= {s.name: words[s.name] for s in signs if not s.is_process}
    if parts["database"] == "dead":
        parts[health.BEAT] = "unknown"
    processes = {s.node: words[s.name] for s in signs if s.is_process}
    failing = sorted(name for name, word in (parts | processes).items() if word not in health.WELL)
    told = {"ok": not failing, "failing": failing if named else sorted({name.partition("@")[0] for name in failing}), "parts": parts}
    return JsonResponse(told | ({"processes": processes, **more} if named else {}), status=503 if failing else 200)


def _figures(sweep: measuring.Sweep, signs: list[health.Sign]) -> dict[str, Any]:
    here, at = clock.of_this_machine(), measuring.instant()
    skew = {name: round(seconds, 1) for name, seconds in measuring.ahead(signs, here, at).items()}
    return {"sweep": sweep.as_json(), "outbox": measuring.outbox(at).as_json(), "failures": failures.counted(), "clock_skew_seconds": skew}


@never_cache
@require_safe
def show_metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text; for this machine or with the token, 403 for everybody else. Numbers only, nothing of people or matters."""
    if not may_measure(request):
        raise PermissionDenied
    return HttpResponse(metrics.text(), content_type=metrics.CONTENT_TYPE)
