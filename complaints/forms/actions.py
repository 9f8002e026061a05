"""Root cause, corrective and preventive action (C14): what the dialogs of acts and moves ask for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import guards
from complaints.forms.early import ColleagueField, offer
from complaints.models import ActionKind, CauseCategory, CorrectiveAction
from complaints.models.actions import WHYS
from feedback_desk import clock
from feedback_desk.deadlines import wording
from feedback_desk.people.models import Department
from tickets.move_forms import MoveForm, SeenForm, words_field


def day_field(label: Any, **more: Any) -> forms.DateField:
    return forms.DateField(label=label, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **more)


class RootCauseForm(MoveForm):
    """5 why: the first answer is needed, the others as far as they go."""

    lead = gettext_lazy("Ask why until the answer is something that can be removed.")
    category = forms.ModelChoiceField(label=gettext_lazy("Category of the cause"), queryset=CauseCategory.objects.none())
    why_1 = words_field(gettext_lazy("Why did it happen?"), rows=2)
    why_2 = words_field(gettext_lazy("Why that? (2)"), rows=2, required=False)
    why_3 = words_field(gettext_lazy("Why that? (3)"), rows=2, required=False)
    why_4 = words_field(gettext_lazy("Why that? (4)"), rows=2, required=False)
    why_5 = words_field(gettext_lazy("Why that? (5)"), rows=2, required=False)
    conclusion = words_field(gettext_lazy("Conclusion"), help_text=gettext_lazy("What has to be removed so that it does not happen again."))

    def prepare(self) -> None:
        field: Any = self.fields["category"]
        rows = CauseCategory.objects.filter(active=True).exclude(parent__active=False).select_related("parent")
        field.queryset = rows.order_by("parent__order", "order", "name")
        by_top: dict[str, list[tuple[int, str]]] = {}
        for row in rows.order_by("order", "name"):
            by_top.setdefault((row.parent or row).spoken, []).append((row.pk, row.spoken))
        field.choices = [("", _("Choose one of the categories.")), *by_top.items()]

    def facts(self) -> dict[str, Any]:
        given = self.cleaned_data
        whys = [given[f"why_{n}"] for n in range(1, WHYS + 1)]
        return {"category_id": given["category"].pk, "whys": whys, "conclusion": given["conclusion"]}


class ActionTextForm(MoveForm):
    """What is decided on. `subject`: the complaint form, or the action whose draft is changed."""

    kind = forms.ChoiceField(label=gettext_lazy("Kind of action"), choices=ActionKind.choices, widget=forms.RadioSelect, initial=ActionKind.CORRECTIVE)
    what = words_field(gettext_lazy("What is done"), rows=4, limit=5000, help_text=gettext_lazy("The first line is its title."))
    owner = ColleagueField(gettext_lazy("Who carries it out"))
    department = forms.ModelChoiceField(
        label=gettext_lazy("Department"), queryset=Department.objects.none(), empty_label=gettext_lazy("Choose a department")
    )
    due_on = day_field(gettext_lazy("To be carried out by"))
    effect_on = day_field(gettext_lazy("Effect checked on"))

    def prepare(self) -> None:
        offer(self.fields["owner"], self.subject)
        self.fields["department"].queryset = Department.objects.filter(active=True)  # type: ignore[attr-defined]  # of its kind of field

    def facts(self) -> dict[str, Any]:
        given = {name: value for name, value in self.cleaned_data.items() if name not in ("owner", "department")}
        return {**given, "owner_id": self.cleaned_data["owner"].pk, "department_id": self.cleaned_data["department"].pk}


class DraftActionForm(ActionTextForm):
    lead: Any = gettext_lazy("Quality or customer service submits it; the management representative or the general manager approves it.")

    def prepare(self) -> None:
        super().prepare()
        self.fields["department"].initial = self.subject.analysis_department_id or self.subject.item.department_id
        if cause := self.subject.rootcause_rows.select_related("category__parent").last():
            self.lead = f"{cause.category}{_(': ')}{cause.conclusion}"


class ReviseActionForm(ActionTextForm):
    """Carries the version of the text that was changed."""

    seen_version = forms.IntegerField(widget=forms.HiddenInput)

    def prepare(self) -> None:
        super().prepare()
        action: CorrectiveAction = self.subject
        values = {"kind": action.kind, "what": action.what, "owner": action.owner_id, "department": action.department_id, "seen_version": action.version}
        for name, value in {**values, "due_on": action.due_on, "effect_on": action.effect_on}.items():
            self.fields[name].initial = value


class TryAgainForm(ReviseActionForm):
    lead = gettext_lazy("The earlier try, and what was found, stays in the history.")

    def prepare(self) -> None:
        super().prepare()
        self.fields["due_on"].initial = self.fields["effect_on"].initial = None


class SeenActionForm(SeenForm):
    """Submit, approve: on the text that was read."""

    def prepare(self) -> None:
        super().prepare()
        action: CorrectiveAction = self.subject
        about = {"what": action.what, "owner": action.owner or "–", "due": f"{action.due_on:%Y-%m-%d}", "effect": f"{action.effect_on:%Y-%m-%d}"}
        self.lead = _("%(what)s (%(owner)s, by %(due)s; effect checked on %(effect)s)") % about


class ApproveActionForm(SeenActionForm):
    words = words_field(gettext_lazy("Remark"), required=False, rows=2)


class SendBackActionForm(SeenActionForm):
    reason = words_field(gettext_lazy("What is to be changed"))


class ReportDoneForm(MoveForm):
    done = words_field(gettext_lazy("What was carried out"), rows=4, limit=5000)
    effect_on = day_field(gettext_lazy("Effect checked on"), help_text=gettext_lazy("The planned date is over: name another one."))

    def prepare(self) -> None:
        self.lead = self.subject.what
        if self.subject.effect_on >= timezone.localdate(clock.now()):
            del self.fields["effect_on"]


class EvidenceForm(MoveForm):
    evidence = words_field(gettext_lazy("Evidence"), rows=4, limit=5000, help_text=gettext_lazy("What was looked at, how many, and what was found."))

    def prepare(self) -> None:
        self.lead = self.subject.done


class RecurForm(MoveForm):
    """By hand, with the number of the complaint in which it came again; the panel of that complaint fills it in."""

    lead = gettext_lazy("It is to be carried out anew, with dates of its own.")
    complaint = forms.CharField(label=gettext_lazy("Number of the new complaint"), max_length=24)
    reason = words_field(gettext_lazy("What came again"))
    due_on = day_field(gettext_lazy("To be carried out by"))
    effect_on = day_field(gettext_lazy("Effect checked on"))


class AskActionTimeForm(MoveForm):
    """T9: the date that runs, later."""

    until = day_field(gettext_lazy("New date"))
    reason = words_field(gettext_lazy("Why more time is needed"))

    def prepare(self) -> None:
        if limit := guards.extendable_of(self.subject):
            self.lead = _("%(limit)s, until %(until)s") % {"limit": limit.rule.spoken, "until": wording.exact(limit.due_at)}


class AnswerActionTimeForm(MoveForm):
    def prepare(self) -> None:
        if asked := guards.time_asked_for(self.subject):
            request = _("%(limit)s, until %(until)s") % {"limit": asked.deadline.rule.spoken, "until": wording.exact(asked.wanted)}
            about = {"who": asked.asked_by, "why": asked.reason, "due": wording.exact(asked.deadline.due_at), "request": request}
            self.lead = _("%(who)s asks for %(request)s (now %(due)s): %(why)s") % about


class GrantActionTimeForm(AnswerActionTimeForm):
    words = words_field(gettext_lazy("Remark"), required=False, rows=2)


class RefuseActionTimeForm(AnswerActionTimeForm):
    reason = words_field(gettext_lazy("Reason"))
