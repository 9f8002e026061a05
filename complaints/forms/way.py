"""What the dialogs of the form's and the measures' moves ask for; determination; ruling."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import guards, texts
from complaints.grading import Proposal
from complaints.models import DEDUCTIONS, AbnormalGround, ComplaintForm, Disposition, DispositionKind, Grade, Inspection, ParkingReason, QualityClass
from complaints.services import grading
from complaints.services.common import keep_text
from feedback_desk import clock
from feedback_desk.people.models import Department, User
from tickets.move_forms import MoveForm, SeenForm, promise_field, words_field

RANKED = [Grade.MINOR, Grade.SERIOUS, Grade.MAJOR]
YES_NO = [("yes", gettext_lazy("Yes")), ("no", gettext_lazy("No"))]


class SeenTextForm(SeenForm):
    """Carries the text that the person saw, too; what changed since is shown and asks for a new decision."""

    RENEWED = ("seen_version", "seen_text")
    seen_text = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def prepare(self) -> None:
        super().prepare()
        self._carry_text()

    def _carry_text(self) -> None:
        text = texts.latest(getattr(self.subject, "form", self.subject))
        self.fields["seen_text"].initial = text.pk if text else None

    def look_again(self) -> None:
        """What changed without a service, as a file that was added, is part of the text from now on."""
        keep_text(getattr(self.subject, "form", self.subject).pk)
        self._carry_text()
        super().look_again()


class GradeForm(MoveForm):
    """G1, G6: what the rules propose is chosen already, with the reasons; a person decides. G5: product quality carries a class."""

    proposal: Proposal

    grade = forms.ChoiceField(label=gettext_lazy("Grade"), choices=[(g.value, g.label) for g in reversed(RANKED)], widget=forms.RadioSelect)
    quality_class = forms.TypedChoiceField(label=gettext_lazy("Quality class"), choices=[("", "–"), *QualityClass.choices], coerce=int, empty_value=None)
    visit_marked = forms.BooleanField(label=gettext_lazy("Visit the customer within 24 hours"), required=False, initial=True)
    reason = forms.CharField(
        label=gettext_lazy("Why this grade"), max_length=300, required=False,
        help_text=gettext_lazy("Needed where it is not the grade proposed; a lower one is a supervisor's to choose."),
    )  # fmt: skip

    def prepare(self) -> None:
        if not self.subject.ticket.category.quality:
            del self.fields["quality_class"]
        self.proposal = grading.current(self.subject, at=clock.now())
        self.fields["grade"].initial = self.proposal.grade or None


class ChangeGradeForm(MoveForm):
    """G6. `up` says which way the move goes."""

    up = True
    grade = forms.ChoiceField(label=gettext_lazy("New grade"), widget=forms.RadioSelect)
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=300, widget=forms.Textarea(attrs={"rows": 3}))

    @classmethod
    def offered(cls, form: ComplaintForm) -> list[Grade]:
        """None above the highest, none below the lowest."""
        here = RANKED.index(Grade(form.grade)) if form.grade else -1
        return RANKED[here + 1 :] if cls.up else RANKED[: max(here, 0)]

    def prepare(self) -> None:
        offered = self.offered(self.subject)
        field = self.fields["grade"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(g.value, g.label) for g in offered]
        field.initial = offered[0].value if len(offered) == 1 else None


class LowerGradeForm(ChangeGradeForm):
    up = False


class OnTheSpotForm(MoveForm):
    lead = gettext_lazy("Only where the customer is content or has the remedy, and nobody is to be held responsible.")
    how = words_field(gettext_lazy("How it was handled"), help_text=gettext_lazy("What was done, and what the customer said to it."))


class ParkingForm(MoveForm):
    """C2, C8: one of four reasons, and whom the customer turns to meanwhile."""

    lead = gettext_lazy("The general manager has to agree. Until then the limit for the determination runs on.")
    parking_reason = forms.ChoiceField(
        label=gettext_lazy("Why responsibility cannot be determined now"), choices=ParkingReason.choices, widget=forms.RadioSelect
    )
    contact = forms.CharField(label=gettext_lazy("Whom the customer turns to"), max_length=120)
    reason = words_field(gettext_lazy("Reason"))
    promised_at = promise_field()


class SeenReasonForm(SeenTextForm):
    reason = words_field(gettext_lazy("Reason"))


class SplitForm(SeenTextForm):
    lead = gettext_lazy("Both opinions go to the general manager.")
    reason = words_field(gettext_lazy("What both sides say"), rows=5)


class SendBackForm(SeenTextForm):
    lead = gettext_lazy("Responsibility is determined again; signatures fall.")
    reason = words_field(gettext_lazy("Reason"))


class ConfirmNoFaultForm(SeenTextForm):
    words = words_field(gettext_lazy("Words of the ruling"), required=False)


class CheckForm(MoveForm):
    """C9: the inspector's marks."""

    timely = forms.TypedChoiceField(label=gettext_lazy("Was it handled in time?"), choices=YES_NO, widget=forms.RadioSelect, coerce=lambda v: v == "yes")
    severity = forms.ChoiceField(label=gettext_lazy("Severity of the measures"), widget=forms.RadioSelect)
    faults = words_field(gettext_lazy("Remarks"), required=False)
    passed = True

    def prepare(self) -> None:
        super().prepare()
        field = self.fields["severity"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = list(Inspection._meta.get_field("severity").choices or [])

    def facts(self) -> dict[str, Any]:
        return {**self.cleaned_data, "passed": self.passed}


class SummaryFields(MoveForm):
    """C20: the case summary, and which one was read: a colleague's is not overwritten unread."""

    RENEWED = ("seen",)
    case_summary = words_field(gettext_lazy("Case summary"), rows=4, help_text=gettext_lazy("Cause, course, and whether the solution was right."))
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def prepare(self) -> None:
        super().prepare()
        self.fields["seen"].initial = texts.summary_now(self.subject)


class FileForm(CheckForm, SummaryFields):
    """C9, C20: checked and filed in one go, with the case summary where there is none yet."""

    field_order = ("timely", "severity", "faults", "case_summary")

    def prepare(self) -> None:
        super().prepare()
        if self.subject.case_summary and not self.data.get("case_summary"):
            del self.fields["case_summary"], self.fields["seen"]


class ReturnForm(CheckForm):
    lead = gettext_lazy("The department determines responsibility for the faults and hands over again within 8 business hours.")
    faults = words_field(gettext_lazy("Faults found"))
    passed = False


class AcceptForm(SummaryFields):
    """C10, C20."""

    def prepare(self) -> None:
        super().prepare()
        self.fields["case_summary"].initial = self.subject.case_summary


class CaseSummaryForm(forms.Form):
    """C20, written on the form's page as soon as the matter is done, by whoever works on it. `seen`: which one was read."""

    seen = forms.IntegerField(widget=forms.HiddenInput)
    text = words_field(gettext_lazy("Case summary"), rows=4, help_text=gettext_lazy("Cause, course, and whether the solution was right."))


class NotAcceptedForm(MoveForm):
    lead = gettext_lazy("A new round begins: responsibility is determined again.")
    reason = words_field(gettext_lazy("What is missing"))


class AbnormalForm(MoveForm):
    """C10: one of two grounds."""

    lead = gettext_lazy("The customer-service manager rules within two working days, never the one who asked.")
    ground = forms.ChoiceField(label=gettext_lazy("Ground"), choices=AbnormalGround.choices, widget=forms.RadioSelect)
    words = words_field(gettext_lazy("Clause or decision quoted, or the three attempts"), rows=4)

    def prepare(self) -> None:
        """C10: counted from the visit records."""
        days = guards.failed_visit_days(self.subject, clock.now())
        self.fields["ground"].help_text = _("Failed visits in a row within a month, each on its own day: %(days)d of %(wanted)d.") % {
            "days": days, "wanted": guards.VISITS_IN_VAIN,
        }  # fmt: skip


OBJECTIONS = [
    ("facts", gettext_lazy("The facts are not so")),
    ("share", gettext_lazy("The shares do not fit")),
    ("severity", gettext_lazy("Too severe or too mild")),
    ("clause", gettext_lazy("The clause does not apply")),
]


class ObjectForm(SeenTextForm):
    """C4: an objection has a kind and words; both stay as they were written."""

    lead = gettext_lazy("The office convenes customer service and your department; the four hours run on.")
    about = forms.ChoiceField(label=gettext_lazy("What you object to"), choices=OBJECTIONS, widget=forms.RadioSelect)
    reason = words_field(gettext_lazy("Reason"), limit=500, rows=4)

    def facts(self) -> dict[str, Any]:
        about = dict(OBJECTIONS)[self.cleaned_data["about"]]
        words = _("%(about)s: %(words)s") % {"about": about, "words": self.cleaned_data["reason"]}
        return {"reason": words, "seen_version": self.cleaned_data["seen_version"], "seen_text": self.cleaned_data["seen_text"]}


class CarryOutForm(MoveForm):
    """C6: the talk with the person, date and words."""

    talk_on = forms.DateField(label=gettext_lazy("Date of the talk"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    talk_words = words_field(gettext_lazy("What was said in the talk"), help_text=gettext_lazy("What was explained, and what the person said to it."))

    def prepare(self) -> None:
        from django.utils import timezone

        self.fields["talk_on"].initial = timezone.localdate(clock.now())

    def clean_talk_on(self) -> Any:
        from django.utils import timezone

        day = self.cleaned_data["talk_on"]
        if day > timezone.localdate(clock.now()):
            raise forms.ValidationError(_("The talk cannot lie in the future."))
        return day


class AnswerForm(forms.Form):
    """C7: the answer of the person concerned."""

    words = words_field(gettext_lazy("My answer"), rows=5)


class TermsForm(forms.Form):
    """Kind, amount and clause of a measure, as they are proposed, negotiated or ruled."""

    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=DispositionKind.choices)
    amount = forms.DecimalField(label=gettext_lazy("Percent or amount"), required=False, max_digits=10, decimal_places=2, min_value=Decimal(0))
    clause = forms.CharField(label=gettext_lazy("Policy clause"), max_length=200)
    reason = words_field(gettext_lazy("Reason"), rows=2)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("kind") in DEDUCTIONS and data.get("amount") is None and "amount" not in self.errors:
            self.add_error("amount", _("A deduction needs its percentage or amount."))
        return data


class ReviseForm(TermsForm):
    """C4: a new text in the negotiation; both sides sign the same version."""

    seen_version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, disposition: Disposition, **kwargs: Any) -> None:
        terms = {name: getattr(disposition, name) for name in ("kind", "amount", "clause", "reason")}
        super().__init__(*args, initial={**terms, "seen_version": disposition.version}, **kwargs)  # type: ignore[misc]


class RulingTermsForm(TermsForm):
    """C5: one measure within the ruling: confirmed as it stands, changed, or struck out."""

    clause = forms.CharField(label=gettext_lazy("Policy clause"), max_length=200, required=False)
    reason = words_field(gettext_lazy("Why it was changed or struck out"), rows=2, required=False)
    struck = forms.BooleanField(label=gettext_lazy("Strike out"), required=False)

    def __init__(self, *args: Any, disposition: Disposition, **kwargs: Any) -> None:
        self.disposition = disposition
        self.terms = {name: getattr(disposition, name) for name in ("kind", "amount", "clause")}
        super().__init__(*args, initial=self.terms, prefix=f"measure-{disposition.pk}", **kwargs)  # type: ignore[misc]

    @property
    def touched(self) -> bool:
        """Something was typed here, right or wrong: it comes back in sight."""
        return self.is_bound and (bool(self.errors) or self.has_changed())

    @property
    def changes(self) -> bool:
        return any(self.cleaned_data.get(name) != was for name, was in self.terms.items())

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if (data.get("struck") or self.changes) and not data.get("reason"):
            self.add_error("reason", _("A change needs its reason."))
        return data


class RuleForm(SeenTextForm):
    """C5: the ruling over all measures of the round at once."""

    words = words_field(gettext_lazy("Words of the ruling"), required=False)

    def prepare(self) -> None:
        super().prepare()
        rows = self.subject.dispositions.filter(round=self.subject.round, state__in=("agreed", "negotiated", "objected")).select_related("user", "department")
        self.measure_forms = [RulingTermsForm(self.data if self.is_bound else None, disposition=row) for row in rows]

    def is_valid(self) -> bool:
        return all([super().is_valid(), *(m.is_valid() for m in self.measure_forms)])

    def facts(self) -> dict[str, Any]:
        struck = {m.disposition.pk: m.cleaned_data["reason"] for m in self.measure_forms if m.cleaned_data["struck"]}
        changed = [m for m in self.measure_forms if not m.cleaned_data["struck"] and m.changes]
        changes = {m.disposition.pk: {name: m.cleaned_data[name] for name in ("kind", "amount", "clause", "reason")} for m in changed}
        return {**self.cleaned_data, "changes": changes, "struck": struck}


class FindingsForm(forms.Form):
    findings = words_field(
        gettext_lazy("What was found"), required=False, rows=5, limit=5000, help_text=gettext_lazy("Facts, cause, what the departments say.")
    )
    why_not_spoken = forms.CharField(label=gettext_lazy("If nobody spoke with the customer: why not"), max_length=300, required=False)
    seen_version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, form: ComplaintForm, **kwargs: Any) -> None:
        super().__init__(*args, initial={"findings": form.findings, "why_not_spoken": form.why_not_spoken, "seen_version": form.version}, **kwargs)  # type: ignore[misc]


class TargetForm(forms.Form):
    """A person, or a department as a whole."""

    user = forms.ModelChoiceField(
        label=gettext_lazy("Person"), queryset=User.objects.none(), required=False, empty_label=gettext_lazy("the department as a whole")
    )
    department = forms.ModelChoiceField(
        label=gettext_lazy("Department"), queryset=Department.objects.none(), required=False, empty_label="–"
    )

    def __init__(self, *args: Any, people: Any, departments: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["user"].queryset = people  # type: ignore[attr-defined]
        self.fields["department"].queryset = departments  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """A person's own department is taken where none was chosen."""
        data = super().clean() or {}
        if not (self.initial or self.has_changed()) or data.get("department"):
            return data
        person = data.get("user")
        if person is not None and person.department is not None:
            data["department"] = person.department
        elif "department" not in self.errors:
            self.add_error("department", _("Say which department."))
        return data

    def target(self) -> dict[str, Any]:
        person = self.cleaned_data.get("user")
        return {"user_id": person.pk if person else None, "department_id": self.cleaned_data["department"].pk}


class HandOverForm(MoveForm):
    """C6; C9: back from the inspector, it says who is responsible for the faults. Whoever decided on the complaint is not offered (V3, V8)."""

    person = forms.ModelChoiceField(
        label=gettext_lazy("Responsible for the faults"), queryset=User.objects.none(), required=False, empty_label=gettext_lazy("the department as a whole"),
    )
    department = forms.ModelChoiceField(label=gettext_lazy("Department"), queryset=Department.objects.none(), required=False, empty_label="–")
    words = words_field(gettext_lazy("How the faults came about, and what was put right"))

    def prepare(self) -> None:
        returned = guards.faults_to_answer(self.subject)
        if returned is None:
            self.fields.clear()
            return
        self.lead = _("The inspector found: %(faults)s") % {"faults": returned.faults}
        parts = [user_id for _kind, user_id in self.subject.parts_taken()]
        people = User.objects.filter(is_active=True).exclude(pk__in=[*parts, self.user.pk]).select_related("department")
        self.fields["person"].queryset = people.order_by("department__name", "name")  # type: ignore[attr-defined]
        self.fields["department"].queryset = Department.objects.filter(active=True)  # type: ignore[attr-defined]

    def facts(self) -> dict[str, Any]:
        if not self.fields:
            return {}
        person, department = self.cleaned_data.get("person"), self.cleaned_data.get("department")
        return {"user_id": person.pk if person else None, "department_id": department.pk if department else None, "words": self.cleaned_data["words"]}


class ResponsibilityForm(TargetForm):
    """C3."""

    share = forms.IntegerField(label=gettext_lazy("Share %"), min_value=1, max_value=100)
    because = forms.CharField(label=gettext_lazy("Because"), max_length=300)

    def row(self) -> dict[str, Any]:
        return {**self.target(), "share": self.cleaned_data["share"], "because": self.cleaned_data["because"]}


class MeasureForm(TargetForm, TermsForm):
    """C7. A row whose kind was not chosen is an empty row."""

    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=[("", "–"), *DispositionKind.choices])
    clause = forms.CharField(label=gettext_lazy("Policy clause"), max_length=200, required=False)

    def row(self) -> dict[str, Any]:
        return {**self.target(), **{name: self.cleaned_data[name] for name in ("kind", "amount", "clause", "reason")}}


class RowFormSet(forms.BaseFormSet):  # type: ignore[type-arg]
    """Rows that count: there before or filled in now, and not ticked for removal."""

    def rows(self) -> list[dict[str, Any]]:
        return [f.row() for f in self.forms if (f.initial or f.has_changed()) and not (self.can_delete and f.cleaned_data.get("DELETE"))]

    def is_filled(self) -> int:
        return sum(1 for f in self.forms if f.initial)


ResponsibilityFormSet = forms.formset_factory(ResponsibilityForm, formset=RowFormSet, extra=2, can_delete=True, max_num=20)
MeasureFormSet = forms.formset_factory(MeasureForm, formset=RowFormSet, extra=2, can_delete=True, max_num=20)
