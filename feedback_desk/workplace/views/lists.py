"""My work, the queue, what a search finds, and the matters set aside: rows of tickets, next limit first. At most eight queries a page."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from complaints.models import CorrectiveAction
from feedback_desk import clock
from feedback_desk.deadlines.models import Rule
from feedback_desk.people.access import Changed, NotNow, NotYou, record_refusal
from feedback_desk.people.models import Role, User
from feedback_desk.records.items import PREFIX
from feedback_desk.workplace import counts, filters, next_steps, presence, rows, waiting
from feedback_desk.workplace import search as searching
from feedback_desk.workplace.forms import NotesForm
from tickets import services as tickets
from tickets.models import Ticket


@dataclass
class Tab:
    """我的 / 本组: whose work is shown, and how much it is."""

    key: str
    label: str
    url: str
    current: bool
    count: int = 0


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def work(request: HttpRequest) -> HttpResponse:
    """Everything that waits for me, or for my team; next limit first."""
    user, at = waiting.person(request), clock.now()
    if request.method == "POST":
        return _assign_ticked(request, user)
    team = request.GET.get("of", "team" if user.has_role(Role.SUPERVISOR) else "mine") == "team"
    scope = waiting.of_team(user) if team else waiting.for_me(user, at)
    here = reverse("workplace:work")
    tabs = [Tab("work", _("Mine"), f"{here}?of=mine", not team), Tab("team", _("My team"), f"{here}?of=team", team)]
    empty = {
        "title": _("Nothing waits in your team.") if team else _("Nothing waits for you."),
        "text": _("New items appear here by themselves. You can take one from the queue."),
        "action_url": reverse("workplace:queue") + "?holder=none",
        "action_label": _("To be taken"),
        "action_icon": "inbox",
    }
    if user.has_role(Role.DEPARTMENT_HEAD, Role.GENERAL_MANAGER):
        empty |= {"text": _("What you decide stands under approvals."), "action_url": reverse("workplace:approvals")}
        empty |= {"action_label": _("Waiting for my approval"), "action_icon": "check2-square"}
    steps = None if team else next_steps.my_steps(counts.pulse(user, steps=next_steps.of_person(user, at))["steps"], user, at)
    return _list(request, user, at, scope, title=_("My work"), tabs=tabs, empty=empty, steps=steps)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def queue(request: HttpRequest) -> HttpResponse:
    """All open tickets this person sees, by filters in the address; `holder=none` is what is to be taken."""
    user, at = waiting.person(request), clock.now()
    if request.method == "POST":
        return _assign_ticked(request, user)
    title = _queue_title(request)
    narrowed = bool(set(request.GET) & set(filters.FILTERS))
    empty = {
        "title": _("Nothing here fits the filters.") if narrowed else _("No ticket is open."),
        "text": _("Take a filter away to see more.") if narrowed else _("What is registered appears here by itself."),
        "action_url": reverse("workplace:queue") if narrowed else "",
        "action_label": _("Show all open tickets"),
    }
    return _list(request, user, at, None, title=title, tabs=[], empty=empty)


def _queue_title(request: HttpRequest) -> str:
    from tickets.models import Type

    if request.GET.get("holder") == "none":
        return _("To be taken")
    return str(dict(Type.choices).get(request.GET.get("type", ""), _("Open tickets")))


def _list(request: HttpRequest, user: User, at: datetime, scope: Any, *, title: str, tabs: list[Tab], empty: dict[str, str], **more: Any) -> HttpResponse:
    people = list(presence.people(at))
    asked = filters.read(request.GET, people, presence.departments_of(people))
    seen = waiting.seen_by(user).unfinished()
    found = asked.narrow(seen.filter(scope) if scope is not None else seen, at)
    sort = request.GET.get("sort", "limit") if request.GET.get("sort") in rows.SORTS else "limit"
    listing = rows.listing(found, user, at, sort=sort, page=_page(request))
    leads = user.has_role(*waiting.LEADS, Role.DEPARTMENT_HEAD)
    for tab in tabs:
        tab.count = counts.of_nav(user)[tab.key]
    return render(
        request,
        "workplace/list.html",
        {
            "title": title,
            "today": timezone.localtime(at),
            "listing": listing,
            "asked": asked,
            "tabs": tabs,
            "empty": empty,
            "sort": sort,
            "sorts": rows.SORT_NAMES,
            "may_assign": leads,
            "assignable": [(p.pk, presence.named(p)) for p in presence.assignable(people)] if leads else [],
            "presence": presence.Strip(people, user) if user.has_role(*waiting.LEADS) else None,
            "me": user,
            **more,
        },
    )


def _page(request: HttpRequest) -> int:
    text = request.GET.get("page", "1")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1


def _is_key(text: str) -> bool:
    """A number that a row's key can be: not "²", not longer than the database counts."""
    return text.isascii() and text.isdigit() and len(text) < 19


def _assign_ticked(request: HttpRequest, user: User) -> HttpResponse:
    """Assign what is ticked, each in a transaction of its own and as the row was seen; what cannot be done says why, the rest is done (T6)."""
    ticked = [(key, seen) for key, _colon, seen in (value.partition(":") for value in request.POST.getlist("item")) if _is_key(key)]
    keys = {int(key): int(seen) if _is_key(seen) else None for key, seen in ticked[: rows.PAGE]}
    assignee, reason = request.POST.get("assignee", ""), request.POST.get("reason", "").strip()
    if not keys or not _is_key(assignee) or not User.objects.filter(pk=assignee).exists():
        messages.warning(request, _("Tick what is to be assigned and choose a person."))
        return redirect(request.get_full_path())
    done, refused = 0, []
    for ticket in waiting.seen_by(user).filter(item_id__in=keys.keys()).select_related("item"):
        if sentence := _assign_one(ticket, user, int(assignee), reason, keys[ticket.item_id]):
            refused.append(f"{ticket.item.number}{_(': ')}{sentence}")
        else:
            done += 1
    if done:
        messages.success(request, ngettext("%(n)d ticket assigned.", "%(n)d tickets assigned.", done) % {"n": done})
    if refused:
        messages.error(request, " ".join(refused))
    return redirect(request.get_full_path())


def _assign_one(ticket: Ticket, user: User, assignee: int, reason: str, seen: int | None) -> str:
    """The sentence why not; nothing when it is done. What somebody works on already is handed over with a reason."""
    try:
        if ticket.state == "pending":
            tickets.assign(ticket_id=ticket.pk, by=user, assignee_id=assignee, seen_version=seen)
        elif not reason:
            return _("somebody works on it already; give a reason for handing it over.")
        else:
            tickets.reassign(ticket_id=ticket.pk, by=user, assignee_id=assignee, reason=reason, seen_version=seen)
    except NotYou as error:
        record_refusal(error)
        return error.because
    except NotNow as error:
        return error.because
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


NOTHING_FOUND = {
    "title": gettext_lazy("Nothing found."),
    "text": gettext_lazy("Try the last digits of the number, the order, or fewer words. A phone number is found when it is whole, or by its last four digits."),
}


@login_required
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """By number, number elsewhere, customer, order, serial or batch, words of the title; only what this person may see."""
    user, at = waiting.person(request), clock.now()
    words = request.GET.get("q", "").strip()[:100]
    seen = waiting.seen_by(user)
    if number := searching.exact_number(seen, words):
        return redirect("workplace:ticket", number=number)
    if words[:2].upper() == PREFIX["action"] and CorrectiveAction.objects.visible_to(user).filter(item__number=words.upper()).exists():
        return redirect("workplace:action", number=words.upper())
    found = seen.filter(searching.condition(words, user)) if words else seen.none()
    listing = rows.listing(found, user, at, sort="changed", page=_page(request)) if words else None
    return render(request, "workplace/search.html", {"words": words, "search_words": words, "listing": listing, "me": user, "nothing": NOTHING_FOUND})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def outstanding(request: HttpRequest) -> HttpResponse:
    """C8: two ledgers of the same rows: the manager's own (`view=manager`), of those under them, and customer service's of all; each with its own notes."""
    from complaints import services as complaints

    user, at = waiting.person(request), clock.now()
    manager, here = waiting.manages(user, at), reverse("workplace:outstanding")
    view, matters = "service", waiting.outstanding(user)
    if manager is not None and request.GET.get("view", "manager") == "manager":
        view, matters = "manager", waiting.outstanding_under(user, manager)
    form, status = NotesForm(request.POST or None), 200
    if request.method == "POST":
        matter = get_object_or_404(matters, pk=request.POST["form"] if _is_key(request.POST.get("form", "")) else 0)
        status = 422
        try:
            if form.is_valid():
                complaints.keep_note(form_id=matter.pk, by=user, **form.said())
                messages.success(request, _("Note kept."))
                return redirect(f"{here}?view={view}")
        except Changed as late:
            status = 409
            form.add_error(None, late.because)
    shown = matters.select_related("item", "ticket__item", "ticket__customer", "ticket__assignee").prefetch_related("reminder_rows__by").order_by("parked_at")
    limits = _spoken_limits({m.item.next_limit_code for m in shown})
    names = {"manager": _("Manager's ledger"), "service": _("Customer service's ledger")}
    ledgers = {key: Tab(key, name, f"{here}?view={key}", key == view) for key, name in names.items()}
    return render(
        request,
        "workplace/outstanding.html",
        {
            "matters": [Matter(m, at, user, view, limits) for m in shown],
            "tabs": ledgers.values() if manager else [],
            "ledger": ledgers[view],
            "form": form,
            "typed": request.POST.get(f"{view}_note", ""),
            "open_form": request.POST.get("form", ""),
            "me": user,
        },
        status=status,
    )


def _spoken_limits(codes: Collection[str]) -> dict[str, str]:
    """What the rules of these codes are called, the one that holds before those that did."""
    return {rule.code: rule.spoken for rule in Rule.objects.filter(code__in=codes).order_by("active", "version", "-pk")}


class Matter:
    """One line of a ledger: `note` is the name of the note that is kept in it, `limits` the rules' names by code."""

    def __init__(self, form: Any, at: datetime, user: User, view: str, limits: dict[str, str]) -> None:
        from complaints.services import note_seen
        from feedback_desk.deadlines.chips import chip_of_item

        self.form, self.item, self.ticket, self.customer = form, form.item, form.ticket, form.ticket.customer
        self.chip = chip_of_item(form.item, at, limits)
        self.days = (at - form.parked_at).days if form.parked_at else None
        self.note = f"{view}_note"
        self.words = getattr(form, self.note)
        self.seen = note_seen(self.words)
        self.reminder = next(iter(list(form.reminder_rows.all())[-1:]), None)
        self.may_note = bool(user.roles - {Role.ADMINISTRATOR, Role.ANALYST})
