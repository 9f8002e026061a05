"""The rows of complaints (sections 4 and 5 of the process book). States and moves: `complaints/lifecycle/`."""

from complaints.models.actions import ActionKind, CauseCategory, CorrectiveAction, Recurrence, RootCause
from complaints.models.early import (
    AnalysisRule,
    CauseApproval,
    DecisionSide,
    DecisionSignature,
    FactsCheck,
    FirstAnalysis,
    FirstPlan,
    HandlingDecision,
    PoliceReport,
    WrittenCause,
)
from complaints.models.form import (
    AbnormalGround,
    ComplaintForm,
    FormAct,
    Grade,
    GradeRule,
    Inspection,
    ParkingReason,
    QualityClass,
    Responsibility,
)
from complaints.models.measures import Disposition, DispositionKind, DispositionPolicy, Signature
from complaints.models.texts import DecisionText

__all__ = [
    "AbnormalGround",
    "ActionKind",
    "AnalysisRule",
    "CauseApproval",
    "CauseCategory",
    "ComplaintForm",
    "CorrectiveAction",
    "DecisionSide",
    "DecisionSignature",
    "DecisionText",
    "Disposition",
    "DispositionKind",
    "DispositionPolicy",
    "FactsCheck",
    "FirstAnalysis",
    "FirstPlan",
    "FormAct",
    "Grade",
    "GradeRule",
    "HandlingDecision",
    "Inspection",
    "ParkingReason",
    "PoliceReport",
    "QualityClass",
    "Recurrence",
    "Responsibility",
    "RootCause",
    "Signature",
    "WrittenCause",
]
