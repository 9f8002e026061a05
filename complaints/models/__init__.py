"""The rows of complaints (sections 4 and 5 of the process book). States and moves: `complaints/lifecycle/`."""

from complaints.models.actions import ActionKind, CauseCategory, CorrectiveAction, Recurrence, RootCause
from complaints.models.answers import FinalReply, FormalReply, Meeting, Point, ProgressNote, ReplySending, ReplyTemplate
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
from complaints.models.outstanding import Instruction, ManagementReport, Reminder
from complaints.models.remedies import DefaultRemedy, Remedy, RemedyKind, RemedyLimit
from complaints.models.texts import DecisionText

__all__ = [
    "AbnormalGround",
    "ActionKind",
    "AnalysisRule",
    "Batch",
    "CauseApproval",
    "CauseCategory",
    "ComplaintForm",
    "CorrectiveAction",
    "DecisionSide",
    "DecisionSignature",
    "DecisionText",
    "DefaultRemedy",
    "Disposition",
    "DispositionKind",
    "DispositionPolicy",
    "FactsCheck",
    "FinalReply",
    "FirstAnalysis",
    "FirstPlan",
    "FormAct",
    "FormalReply",
    "Grade",
    "GradeProposal",
    "GradeRule",
    "GradingCriterion",
    "GradingRule",
    "HandlingDecision",
    "Inspection",
    "Instruction",
    "ManagementReport",
    "Meeting",
    "ParkingReason",
    "Point",
    "PoliceReport",
    "ProgressNote",
    "ProposalCause",
    "QualityClass",
    "Recurrence",
    "Remedy",
    "RemedyKind",
    "RemedyLimit",
    "Reminder",
    "ReplySending",
    "ReplyTemplate",
    "Responsibility",
    "RootCause",
    "Signature",
    "WrittenCause",
]
