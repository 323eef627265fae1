from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    """Messages: providers translate, the inbox remembers, handlers decide."""

    name = "integrations"
    verbose_name = "Integrations"

    def ready(self) -> None:
        from integrations import checks

        checks.register()
