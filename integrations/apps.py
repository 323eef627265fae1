from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntegrationsConfig(AppConfig):
    """Messages: providers translate, the inbox remembers, handlers decide."""

    name = "integrations"
    verbose_name = _("Integrations")

    def ready(self) -> None:
        from accounts.people import outbound
        from integrations import checks
        from integrations.operations import personal_data
        from integrations.outbox import enqueue

        checks.register()
        personal_data.register_all()
        outbound.connect(enqueue.contact_changed)
