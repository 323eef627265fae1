from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntegrationsConfig(AppConfig):
    """Messages: providers translate, the inbox remembers, handlers decide."""

    name = "integrations"
    verbose_name = _("Integrations")

    def ready(self) -> None:
        from accounts.commerce.policies import policy_told
        from accounts.people.contact_changes import contact_told
        from integrations import checks
        from integrations.operations import personal_data
        from integrations.outbox import enqueue

        checks.register()
        personal_data.register_all()
        contact_told.connect(enqueue.when_told, dispatch_uid="integrations.outbox.contacts")
        policy_told.connect(enqueue.when_policy_told, dispatch_uid="integrations.outbox.policies")
