"""Signing in and out, passwords, language: Django's views with our pages. One's own absence."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import check_for_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views import i18n
from django.views.decorators.http import require_http_methods, require_POST

from feedback_desk import clock
from feedback_desk.people import forms, services
from feedback_desk.people.models import Presence, User


class SignIn(auth.LoginView):
    """The language chosen at the door stays; without a choice the person's own applies."""

    template_name = "people/sign_in.html"
    authentication_form = forms.SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        user, chosen = form.get_user(), self.request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)
        if chosen and _known(chosen):
            _keep_language(user, chosen)
        else:
            response.set_cookie(settings.LANGUAGE_COOKIE_NAME, user.language, max_age=365 * 24 * 3600, samesite="Lax", secure=settings.HTTPS)
        return response


class SignOut(auth.LogoutView):
    """By POST only."""


class PasswordChange(auth.PasswordChangeView):
    template_name = "people/password_change.html"
    form_class = forms.ChangePasswordForm
    success_url = reverse_lazy("workplace:work")

    def form_valid(self, form: Any) -> HttpResponse:
        messages.success(self.request, _("Your password is changed. You stay signed in here; other places have to sign in again."))
        return super().form_valid(form)


class PasswordReset(auth.PasswordResetView):
    """The link carries the desk's own address, never the one a request claims."""

    template_name = "people/password_reset.html"
    form_class = forms.AskResetForm
    email_template_name = "people/password_reset_email.txt"
    subject_template_name = "people/password_reset_subject.txt"
    success_url = reverse_lazy("people:password_reset_done")
    extra_email_context = {"desk_url": settings.DESK_URL}  # noqa: RUF012 - Django's own attribute


class PasswordResetSent(auth.PasswordResetDoneView):
    template_name = "people/password_reset_sent.html"


class PasswordResetConfirm(auth.PasswordResetConfirmView):
    template_name = "people/password_reset_confirm.html"
    form_class = forms.NewPasswordForm
    success_url = reverse_lazy("people:password_reset_complete")


class PasswordResetComplete(auth.PasswordResetCompleteView):
    template_name = "people/password_reset_complete.html"


@require_POST
def set_language(request: HttpRequest) -> HttpResponseBase:
    """Switch for this browser and, signed in, for the person's notices."""
    wanted = request.POST.get("language", "")
    if request.user.is_authenticated and _known(wanted):
        _keep_language(request.user, wanted)
    return i18n.set_language(request)


def _known(language: str) -> bool:
    return language in dict(settings.LANGUAGES) and check_for_language(language)


def _keep_language(user: User, language: str) -> None:
    if user.language != language:
        user.language = language
        user.save(update_fields=["language"])


@login_required
@require_http_methods(["GET", "POST"])
def absence(request: HttpRequest) -> HttpResponse:
    """V2: one's own leave, with its dates and the backup."""
    user = request.user
    assert isinstance(user, User)
    form = forms.AbsenceForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid():
        services.record_absence(user, **form.cleaned_data)
        messages.success(request, _("Your absence is recorded. %(backup)s stands in for you.") % {"backup": form.cleaned_data["backup"]})
        return redirect("people:absence")
    rows = user.absences.filter(ends_at__gt=clock.now()).order_by("starts_at")
    return render(request, "people/absence.html", {"form": form, "absences": rows}, status=422 if form.errors else 200)


@login_required
@require_POST
def back_early(request: HttpRequest, pk: int) -> HttpResponse:
    """End one's own absence, or take it out before it begins."""
    assert isinstance(request.user, User)
    services.end_absence(get_object_or_404(request.user.absences, pk=pk), at=clock.now())
    messages.success(request, _("The absence is taken out. Work and notices come to you again."))
    return redirect("people:absence")


SAID = {
    Presence.HERE: gettext_lazy("You are at the desk. New tickets may come to you."),
    Presence.BREAK: gettext_lazy("You are on a break. The desk gives you nothing by itself meanwhile."),
    Presence.GONE: gettext_lazy("You are off duty. Nobody can give you work."),
}


@login_required
@require_POST
def presence(request: HttpRequest) -> HttpResponse:
    """T6: at the desk, on a break, off duty; of oneself."""
    assert isinstance(request.user, User)
    said = request.POST.get("presence", "")
    if said not in Presence.values:
        raise BadRequest("No such presence.")
    services.set_presence(user_id=request.user.pk, presence=said, by=request.user)
    messages.success(request, SAID[Presence(said)])
    there = request.POST.get("next", "")
    ours = there.startswith("/") and url_has_allowed_host_and_scheme(there, {request.get_host()}, require_https=request.is_secure())
    return redirect(there if ours else "workplace:work")
