"""/admin/imports/: upload, columns, meanings, preview, confirm; and the way out, export."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from feedback_desk import clock
from feedback_desk.people.models import User
from tickets.imports import exporting, permissions, services, tasks
from tickets.imports import pages as shown
from tickets.imports.files import WrongFile
from tickets.imports.forms import ColumnsForm, ExportForm, MeaningsForm, ReadingForm, UploadForm
from tickets.models import ImportRun

TYPES = {"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "csv": "text/csv; charset=utf-8"}


def for_importers(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    @wraps(view)
    @login_required
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        permissions.demand(_me(request))
        return view(request, *args, **kwargs)

    return guarded


def _me(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _page(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    return render(request, f"imports/{template}.html", {**admin.site.each_context(request), **context}, status=status)


def _run(pk: int) -> ImportRun:
    return get_object_or_404(ImportRun.objects.select_related("uploaded_by"), pk=pk)


@for_importers
def index(request: HttpRequest) -> HttpResponse:
    """All imports, and a new one."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        content = form.cleaned_data["file"]
        try:
            run = services.upload(by=_me(request), kind=form.cleaned_data["kind"], name=content.name, content=content)
        except WrongFile as error:
            form.add_error("file", error.sentence)
        else:
            return redirect("imports:columns", run.pk)
    runs = ImportRun.objects.select_related("uploaded_by")[:50]
    return _page(request, "index", {"title": _("Import"), "form": form, "runs": runs, "may_export": True}, 422 if form.errors else 200)


@for_importers
def columns(request: HttpRequest, pk: int) -> HttpResponse:
    """Which column is what."""
    run = _run(pk)
    if run.state in (ImportRun.State.DONE, ImportRun.State.IMPORTING, ImportRun.State.CHECKING) or "kind" not in run.settings:
        return redirect("imports:run", pk)
    form = ColumnsForm(request.POST or None, run=run)
    if request.method == "POST" and form.is_valid():
        services.choose(run_id=pk, by=_me(request), settings=form.settings())
        return redirect("imports:meanings", pk)
    return _page(request, "columns", {"title": run.name, "run": run, "form": form, "reading": ReadingForm(run=run)}, 422 if form.errors else 200)


@for_importers
@require_POST
def reread(request: HttpRequest, pk: int) -> HttpResponse:
    """Another encoding, separator or sheet."""
    form = ReadingForm(request.POST, run=_run(pk))
    if form.is_valid():
        try:
            services.reread(run_id=pk, by=_me(request), chosen=form.cleaned_data)
        except WrongFile as error:
            messages.error(request, error.sentence)
    return redirect("imports:columns", pk)


@for_importers
def meanings(request: HttpRequest, pk: int) -> HttpResponse:
    """What their values mean here; skipped when nothing is to be said."""
    run = _run(pk)
    if run.state not in (ImportRun.State.UPLOADED, ImportRun.State.FAULTY, ImportRun.State.READY, ImportRun.State.FAILED) or "kind" not in run.settings:
        return redirect("imports:run", pk)
    form = MeaningsForm(request.POST or None, run=run, found=services.values_of(run))
    if not form.places or (request.method == "POST" and form.is_valid()):
        services.choose(run_id=pk, by=_me(request), settings={"values": form.values() if form.places else {}})
        return _start(request, pk, "check")
    return _page(request, "meanings", {"title": run.name, "run": run, "form": form}, 422 if form.errors else 200)


def _start(request: HttpRequest, pk: int, what: str, **settings: Any) -> HttpResponse:
    """Ask for it, then send the message; without a broker the run waits and says so."""
    ask = services.ask_check if what == "check" else services.ask_import
    ask(run_id=pk, by=_me(request), **settings)
    if not tasks.announce(pk, what):
        messages.warning(request, _("The machinery does not answer just now. The file is kept; it goes on by itself as soon as it answers."))
    return redirect("imports:run", pk)


@for_importers
@require_POST
def check(request: HttpRequest, pk: int) -> HttpResponse:
    """Once more."""
    return _start(request, pk, "check")


@for_importers
@require_POST
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Import what the preview showed."""
    return _start(request, pk, "import", leave_out="leave_out" in request.POST)


@for_importers
@require_POST
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the message again for what waits."""
    run = _run(pk)
    asked = run.settings.get("asked")
    if asked and not tasks.announce(pk, asked):
        messages.warning(request, _("The machinery still does not answer. It goes on by itself as soon as it does."))
    return redirect("imports:run", pk)


@for_importers
@require_POST
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    _run(pk)
    services.discard(run_id=pk, by=_me(request))
    messages.success(request, _("The file is removed. Nothing was imported from it."))
    return redirect("imports:index")


@for_importers
@require_GET
def run(request: HttpRequest, pk: int) -> HttpResponse:
    """Progress, preview, result: what this run is at. Asked every second while somebody works on it."""
    found = _run(pk)
    context = {"title": found.name, "run": found, "view": shown.RunPage(found, clock.now())}
    if getattr(request, "htmx", False):
        return render(request, "imports/_run.html", context)
    return _page(request, "run", context)


@for_importers
@require_GET
def errors(request: HttpRequest, pk: int) -> HttpResponseBase:
    """All errors, as CSV."""
    path = services.errors_path(_run(pk))
    if path is None:
        raise Http404
    return FileResponse(path.open("rb"), as_attachment=True, filename=f"errors-{pk}.csv", content_type=TYPES["csv"])


@for_importers
def export(request: HttpRequest) -> HttpResponseBase:
    """Customers or tickets as a file."""
    me = _me(request)
    form = ExportForm(request.POST or None, may_plain=permissions.may_export_plain(me))
    if request.method == "POST" and form.is_valid():
        file = exporting.export(by=me, **form.cleaned_data)
        kind = form.cleaned_data["form"]
        return FileResponse(file, as_attachment=True, filename=f"{form.cleaned_data['what']}.{kind}", content_type=TYPES[kind])
    return _page(request, "export", {"title": _("Export"), "form": form}, 422 if form.errors else 200)
