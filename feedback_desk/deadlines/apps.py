from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeadlinesConfig(AppConfig):
    name = "feedback_desk.deadlines"
    label = "deadlines"
    verbose_name = _("Deadlines")

    def ready(self) -> None:
        from feedback_desk.deadlines import calendars, explain, facts  # noqa: F401 - calendars registers the check of years without holidays
        from feedback_desk.notices import wording

        wording.EXPLAINS |= {"deadline_step": explain.of_notice, "administrator_note": explain.as_kept}
        facts.register("department", _("department of the limit"), facts.departments, order=70)
