"""The rows of complaints (sections 4 and 5 of the process book). States and moves: `complaints/lifecycle/`."""

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
from complaints.models.grading import Batch, GradeProposal, GradingCriterion, GradingRule, ProposalCause
from complaints.models.measures import Disposition, DispositionKind, DispositionPolicy, Signature
from complaints.models.texts import DecisionText

__all__ = [
    "AbnormalGround",
    "AnalysisRule",
    "Batch",
    "CauseApproval",
    "ComplaintForm",
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
    "GradeProposal",
    "GradeRule",
    "GradingCriterion",
    "GradingRule",
    "HandlingDecision",
    "Inspection",
    "ParkingReason",
    "PoliceReport",
    "ProposalCause",
    "QualityClass",
    "Responsibility",
    "Signature",
    "WrittenCause",
]
