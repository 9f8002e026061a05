from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ComplaintsConfig(AppConfig):
    name = "complaints"
    verbose_name = _("Complaints")

    def ready(self) -> None:
        from complaints import partner, permissions
        from complaints.models import Grade
        from complaints.services.actions import take_actions_away
        from complaints.services.common import take_form_away
        from feedback_desk.deadlines import facts
        from feedback_desk.people.services import on_concern

        permissions.install()
        partner.install()
        facts.register("grade", _("grade of the complaint"), lambda: list(Grade.choices), order=30)
        on_concern(take_form_away)
        on_concern(take_actions_away)
