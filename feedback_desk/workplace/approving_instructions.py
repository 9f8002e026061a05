"""Grade I complaints that cannot be determined (C8): in the list of approvals until the general manager has written how they go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from complaints import acts
from complaints.lifecycle import State
from complaints.models import ComplaintForm
from feedback_desk.people import standing
from feedback_desk.people.models import Role, User
from feedback_desk.people.one_look import one_look
from feedback_desk.records.models import Entry
from feedback_desk.workplace.finding import WITH_TICKET


@dataclass(frozen=True)
class InstructionWaiting:
    form: ComplaintForm
    in_short: str

    @property
    def url(self) -> str:
        """Where it is written."""
        return reverse("workplace:form", args=[self.form.item.number]) + "?tab=handling#going-on"

    @property
    def asks(self) -> str:
        return _("How it goes on")

    @property
    def title(self) -> Any:
        return self.form.ticket.item.title


def instructions_for(user: User) -> list[InstructionWaiting]:
    """Asked for longest first; by role, or for a general manager they stand in for (V2), never their own matters (V3)."""
    if Role.GENERAL_MANAGER not in user.roles | {m.role for m in standing.backed_by(user)}:
        return []
    asked = ComplaintForm.objects.untouched_by(user).filter(instruction_asked_at__isnull=False, state__in=(State.GRADED, State.DETERMINING))
    rows = asked.select_related("instruction_asked_by", *WITH_TICKET).order_by("instruction_asked_at", "pk")
    with one_look():
        forms = [form for form in rows if acts.open_acts(form, user, ["write_instruction"])]
    lines = Entry.objects.filter(item__in=[f.item_id for f in forms], verb="ask_instruction").select_related("words").order_by("pk")
    words = {line.item_id: line.words.text for line in lines}
    return [InstructionWaiting(form, words.get(form.item_id, "")) for form in forms]
