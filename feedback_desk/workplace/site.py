"""The back office (/admin/): configuration, people, summaries, import, the state of the machinery."""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback_desk.people.access import NotYou
from feedback_desk.people.models import User
from feedback_desk.people.office import may_enter
from feedback_desk.workplace import front_page


class BackOffice(AdminSite):
    """V1: open to those whose role has something to do or to see here."""

    site_title = gettext_lazy("Feedback Desk")
    site_header = gettext_lazy("Feedback Desk")
    index_title = gettext_lazy("Back office")
    site_url = "/desk/"

    def has_permission(self, request: HttpRequest) -> bool:
        return may_enter(request.user)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Where an administrator starts the day."""
        assert isinstance(request.user, User)
        return super().index(request, {**front_page.front(request.user), **(extra_context or {})})

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The desk has one door; who is in already and may not enter here is told so, on record."""
        wanted = request.GET.get("next") or reverse("admin:index")
        if isinstance(request.user, User) and not may_enter(request.user):
            raise NotYou(_("The back office is not open to your role."), user=request.user, verb="back office")
        return redirect_to_login(wanted)
