"""What the form's page shows under "Handling": one module per subject, with its panel (a function and a template) and the doors of its acts."""

from __future__ import annotations

from collections.abc import Callable

from complaints.models import ComplaintForm
from feedback_desk.workplace.doors import Door
from feedback_desk.workplace.matter import Matter
from feedback_desk.workplace.panels import actions, answers, checks, early, grading, remedies
from feedback_desk.workplace.panels.parts import Panel

PANELS: tuple[Callable[[Matter], Panel | None], ...] = (
    grading.grading, early.verification, early.decision, answers.points, remedies.remedies, answers.replies, early.cause, actions.causes_and_actions,
    answers.going_on, early.police, checks.checks,
)  # fmt: skip
"""In the order of the page."""
SHEETS: tuple[Callable[[ComplaintForm, int], list[tuple[str, str]]], ...] = (grading.sheet, early.sheet, answers.sheet, remedies.sheet, actions.sheet)
"""What each subject puts on the printed form of a round: rows of label and text, none while there is nothing."""
ACT_DOORS: dict[str, Door] = {**early.DOORS, **answers.DOORS, **remedies.DOORS, **actions.DOORS}
"""By the name of the act (complaints.acts): what its dialog asks and the service it calls."""


def of(matter: Matter) -> list[Panel]:
    return [panel for draw in PANELS if (panel := draw(matter))]
