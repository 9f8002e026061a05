from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

TOO_LONG = _("At most %(limit_value)d characters; these are %(show_value)d.")
"""Of every field of every form, the back office's too, that has no sentence of its own."""


class WorkplaceConfig(AppConfig):
    name = "feedback_desk.workplace"
    label = "workplace"
    verbose_name = _("Workplace")

    def ready(self) -> None:
        from django.core.validators import MaxLengthValidator

        from feedback_desk.records import naming
        from feedback_desk.workplace import counts, machinery, words

        counts.install()
        machinery.install()
        naming.teach(words.verbs_called, happened=words.title_of, attempt=words.attempt_of, state=words.state_of)
        MaxLengthValidator.message = TOO_LONG
