from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntegrationsConfig(AppConfig):
    """Messages: providers translate, the inbox remembers, handlers decide."""

    name = "integrations"
    verbose_name = _("Integrations")

    def ready(self) -> None:
        from accounts.services.contact_changes import contact_told
        from accounts.services.policies import policy_told
        from integrations import checks
        from integrations.operations import personal_data
        from integrations.outbox import owing

        checks.register()
        personal_data.register_all()
        contact_told.connect(owing.when_told, dispatch_uid="integrations.outbox.contacts")
        policy_told.connect(owing.when_policy_told, dispatch_uid="integrations.outbox.policies")
