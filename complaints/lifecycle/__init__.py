"""The lives of complaints (machines.md): one module per machine, one method per move. The pictures in docs/ are drawn from here."""

from complaints.lifecycle.action import ENDED_ACTIONS, RUNNING_ACTIONS, ActionMoves, ActionState
from complaints.lifecycle.disposition import DispositionMoves, DispositionState
from complaints.lifecycle.form import BEFORE_REVIEW, ENDED, GRADED_AND_OPEN, MAJOR, WAY, FormMoves, State
from complaints.lifecycle.remedy import RemedyMoves, RemedyState

__all__ = [
    "BEFORE_REVIEW", "ENDED", "ENDED_ACTIONS", "GRADED_AND_OPEN", "MAJOR", "RUNNING_ACTIONS", "WAY", "ActionMoves", "ActionState", "DispositionMoves",
    "DispositionState", "FormMoves", "RemedyMoves", "RemedyState", "State",
]  # fmt: skip
