"""Small forms of the workplace's own pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from complaints.models import Grade, QualityClass
from feedback_desk.people.models import Role
from tickets.forms import RegisterForm
from tickets.models import Type


class NotesForm(forms.Form):
    """C8: a note in one of the two ledgers; an empty field leaves that note as it is. `seen_…` names the note that the person read."""

    manager_note = forms.CharField(label=_("Manager's note"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
    service_note = forms.CharField(label=_("Customer service's note"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))

    seen_manager_note = forms.CharField(required=False, widget=forms.HiddenInput)
    seen_service_note = forms.CharField(required=False, widget=forms.HiddenInput)
    NOTES = ("manager_note", "service_note")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors and not any(cleaned.get(name) for name in self.NOTES):
            raise forms.ValidationError(_("Write a note first."))
        return cleaned

    def said(self) -> dict[str, Any]:
        """Keyword arguments of complaints.services.keep_note; a note that was sent without what was seen was not looked at."""
        words = {name: self.cleaned_data[name] for name in self.NOTES if self.cleaned_data[name]}
        return {**words, "seen": {name: self.cleaned_data[f"seen_{name}"] for name in words}}


class RevealForm(forms.Form):
    """V4: seeing contact data needs a reason, and is recorded."""

    why = forms.CharField(label=_("What do you need it for?"), max_length=200, help_text=_("Recorded with your name and the time."))


class RegisterItemForm(RegisterForm):
    """Registering at the desk: a complaint that one handles oneself may be graded at once (G1)."""

    grade = forms.ChoiceField(label=_("Grade"), required=False, choices=[("", _("later")), *Grade.choices], widget=forms.RadioSelect)
    grade_reason = forms.CharField(label=_("Why this grade"), max_length=300, required=False)
    quality_class = forms.TypedChoiceField(label=_("Quality class"), required=False, coerce=int, empty_value=None, choices=[("", "—"), *QualityClass.choices])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("type") != Type.COMPLAINT:
            cleaned["grade"] = ""
        if cleaned.get("grade") and cleaned.get("holder") != "me" and not self.user.has_role(Role.SUPERVISOR):
            self.add_error("grade", _("Only who handles it grades it: choose “I handle it myself”, or leave the grade for later."))
        return cleaned

    def grading(self) -> dict[str, Any]:
        """Keyword arguments of complaints.services.grade; empty when it is graded later."""
        said = self.cleaned_data
        return {"grade": said["grade"], "reason": said["grade_reason"], "quality_class": said["quality_class"]} if said["grade"] else {}
