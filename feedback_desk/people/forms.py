"""The forms of signing in, of passwords, and of one's own absence, in our words."""

from typing import Any

from axes.utils import reset
from django import forms
from django.contrib.auth.forms import AdminPasswordChangeForm, AuthenticationForm, PasswordChangeForm, PasswordResetForm, SetPasswordForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from feedback_desk import ahead, clock
from feedback_desk.people.models import Absence, User


class SignInForm(AuthenticationForm):
    """One sentence for every failure: whether the account exists is not said."""

    error_messages = {  # noqa: RUF012 - Django's own attribute
        "invalid_login": _("Account and password do not match. Mind capitals; after several failures the account is locked for a while."),
        "inactive": _("Account and password do not match. Mind capitals; after several failures the account is locked for a while."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("Account")
        self.fields["password"].label = _("Password")


class ChangePasswordForm(PasswordChangeForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name_new_passwords(self.fields)
        self.fields["old_password"].label = _("Present password")


class AskResetForm(PasswordResetForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("Your e-mail address at work")


class Unlocks:
    """A new password that came by the person's own mail, or from an administrator, ends the lock that wrong ones brought."""

    def save(self, commit: bool = True) -> Any:
        user = super().save(commit)  # type: ignore[misc]  # of the form beside it
        reset(username=user.get_username())
        return user


class OfficePasswordForm(Unlocks, AdminPasswordChangeForm):  # type: ignore[type-arg]  # generic in the stubs only
    """As the administrator sets it in the back office."""


class NewPasswordForm(Unlocks, SetPasswordForm):  # type: ignore[type-arg]  # generic in the stubs only
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name_new_passwords(self.fields)


def _name_new_passwords(fields: dict[str, forms.Field]) -> None:
    fields["new_password1"].label = _("New password")
    fields["new_password1"].help_text = _("At least 10 characters, not only digits, not your name.")
    fields["new_password2"].label = _("New password once more")
    fields["new_password2"].help_text = ""


class AbsenceForm(forms.Form):
    """V2: one's own leave and who stands in; times in the desk's zone."""

    starts_at = forms.DateTimeField(label=_("From"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"))
    ends_at = forms.DateTimeField(
        label=_("Until"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"), validators=[ahead.within_reach]
    )  # fmt: skip
    backup = forms.ModelChoiceField(User.objects.none(), label=_("Backup"), help_text=_("Gets your work and notices while you are away. Limits do not move."))
    reason = forms.CharField(label=_("Reason"), max_length=100, required=False)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        choice = self.fields["backup"]
        assert isinstance(choice, forms.ModelChoiceField)
        choice.initial = user.backup_id
        choice.queryset = User.objects.filter(is_active=True).exclude(pk=user.pk)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        starts, ends = given.get("starts_at"), given.get("ends_at")
        if starts and ends:
            if ends <= starts:
                raise ValidationError({"ends_at": gettext("The absence must end after it starts.")})
            if ends <= clock.now():
                raise ValidationError({"ends_at": gettext("This absence is over already.")})
            if Absence.objects.filter(user=self.user, starts_at__lt=ends, ends_at__gt=starts).exists():
                raise ValidationError({"starts_at": gettext("You have recorded an absence at that time already.")})
        return given
