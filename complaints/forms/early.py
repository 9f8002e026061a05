"""The first hours: verification, first plan, handling decision, analysis, cause, police."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import guards
from complaints.forms.way import YES_NO
from complaints.models import QualityClass
from feedback_desk.people.models import Department, User
from feedback_desk.records.many import ManyRows
from tickets.move_forms import LocalTime, MoveForm, words_field


class ColleagueField(forms.ModelChoiceField[User]):
    """A colleague who is not named in the matter (V3). Answers the row; `facts` hands on its id."""

    def __init__(self, label: Any) -> None:
        super().__init__(queryset=User.objects.none(), label=label, empty_label=gettext_lazy("Choose a person"))

    def offer(self, form: Any) -> None:
        root = form.item.root_id or form.item_id
        people = User.objects.filter(is_active=True).exclude(concerns__item=root).select_related("department")
        self.queryset = people.order_by("department__name", "name")


class CheckFactsForm(MoveForm):
    lead = gettext_lazy("Within an hour, with the business colleague responsible.")
    colleague = ColleagueField(gettext_lazy("Checked with"))
    found = words_field(gettext_lazy("What was found"), limit=5000)
    on_site = forms.TypedChoiceField(
        label=gettext_lazy("Is an inspection on site needed?"), choices=YES_NO, widget=forms.RadioSelect, coerce=lambda v: v == "yes"
    )

    def prepare(self) -> None:
        offer(self.fields["colleague"], self.subject)

    def facts(self) -> dict[str, Any]:
        return {"colleague_id": self.cleaned_data["colleague"].pk, "found": self.cleaned_data["found"], "on_site": self.cleaned_data["on_site"]}


def offer(field: Any, form: Any) -> None:
    assert isinstance(field, ColleagueField)
    field.offer(form)


class FirstPlanForm(MoveForm):
    lead = gettext_lazy("Within two hours, with what the customer said about it.")
    text = words_field(gettext_lazy("First plan"), rows=5, limit=5000)


class DecideHandlingForm(MoveForm):
    """G2. A new text drops the signatures under the old one."""

    lead_person = ColleagueField(gettext_lazy("Lead"))
    departments = ManyRows(
        label=gettext_lazy("Departments"), queryset=Department.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )
    reply = forms.CharField(label=gettext_lazy("Who replies, and how"), max_length=300)
    measures = words_field(gettext_lazy("Immediate measures"))

    def prepare(self) -> None:
        offer(self.fields["lead_person"], self.subject)
        self.fields["departments"].queryset = Department.objects.filter(active=True)  # type: ignore[attr-defined]  # of its kind of field
        if decision := guards.decision_of(self.subject):
            self.fields["lead_person"].initial = decision.lead_id
            self.fields["departments"].initial = [d.pk for d in decision.departments.all()]
            self.fields["reply"].initial, self.fields["measures"].initial = decision.reply, decision.measures
            self.lead = gettext_lazy("A changed text has to be signed anew by both.")
        else:
            self.fields["lead_person"].initial = self.subject.ticket.assignee_id

    def facts(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {"lead_id": data["lead_person"].pk, "department_ids": [d.pk for d in data["departments"]], "reply": data["reply"], "measures": data["measures"]}


class SeenRowForm(MoveForm):
    """Carries which row was read; its text stands above the fields."""

    RENEWED = ("seen",)
    seen = forms.IntegerField(widget=forms.HiddenInput)

    def seen_row(self) -> Any:
        raise NotImplementedError

    def prepare(self) -> None:
        row = self.seen_row()
        self.fields["seen"].initial = row.pk if row else None


class SignDecisionForm(SeenRowForm):
    def seen_row(self) -> Any:
        decision = guards.decision_of(self.subject)
        self.lead = "\n".join(f"{name}{_(': ')}{words}" for name, words in decision.terms) if decision else ""
        return decision


class ApproveCauseForm(SeenRowForm):
    def seen_row(self) -> Any:
        cause = self.subject.writtencause_rows.last()
        self.lead = cause.cause if cause else ""
        return cause


class FirstAnalysisForm(MoveForm):
    lead = gettext_lazy("Within 48 hours of receipt.")
    what = words_field(gettext_lazy("What it is about"), limit=5000)
    cause = words_field(gettext_lazy("Likely cause"), limit=5000)
    solution = words_field(gettext_lazy("Proposed solution"), limit=5000)
    may_be_told = forms.BooleanField(label=gettext_lazy("May go to the customer"), required=False)


class WriteCauseForm(MoveForm):
    cause = words_field(gettext_lazy("Cause"), rows=6, limit=20000)
    evidence = forms.CharField(label=gettext_lazy("Samples, photos taken on site"), max_length=300, required=False)


class NameAnalysingForm(MoveForm):
    department = forms.ModelChoiceField(
        label=gettext_lazy("Department"), queryset=Department.objects.none(), empty_label=gettext_lazy("Choose a department")
    )
    reason = words_field(gettext_lazy("Reason"))

    def prepare(self) -> None:
        self.fields["department"].queryset = Department.objects.filter(active=True).exclude(pk=self.subject.analysis_department_id)  # type: ignore[attr-defined]

    def facts(self) -> dict[str, Any]:
        return {"department_id": self.cleaned_data["department"].pk, "reason": self.cleaned_data["reason"]}


class QualityClassForm(MoveForm):
    quality_class = forms.TypedChoiceField(label=gettext_lazy("Quality class"), choices=QualityClass.choices, coerce=int, widget=forms.RadioSelect)
    reason = words_field(gettext_lazy("Reason"))

    def prepare(self) -> None:
        self.fields["quality_class"].initial = self.subject.quality_class


class PoliceForm(MoveForm):
    lead = gettext_lazy("Station, number and time of the report come together; they can be added later.")
    suspicion = words_field(gettext_lazy("What is suspected (loss, theft …)"))
    station = forms.CharField(label=gettext_lazy("Police station"), max_length=120, required=False)
    number = forms.CharField(label=gettext_lazy("Number of the report"), max_length=60, required=False)
    reported_at = forms.DateTimeField(label=gettext_lazy("Reported"), widget=LocalTime, required=False)
