from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WorkplaceConfig(AppConfig):
    name = "feedback_desk.workplace"
    label = "workplace"
    verbose_name = _("Workplace")

    def ready(self) -> None:
        from feedback_desk.workplace import counts, machinery

        counts.install()
        machinery.install()
