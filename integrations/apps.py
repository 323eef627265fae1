from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntegrationsConfig(AppConfig):
    """Messages: providers translate, the inbox remembers, handlers decide."""

    name = "integrations"
    verbose_name = _("Integrations")

    def ready(self) -> None:
        from accounts.memberships import plans
        from accounts.people import outbound
        from core import provider_names
        from core.queue import runner
        from integrations import checks, registry
        from integrations.history import work as history
        from integrations.inbox import missing_plans, process, refresh
        from integrations.inbox.replays import work as replays
        from integrations.operations import notices, personal_data
        from integrations.outbox import deliver, enqueue
        from integrations.reconcile import first_sync, runs, syncs
        from integrations.reconcile import missing_plans as listed

        provider_names.connect(registry.titles)
        checks.register()
        personal_data.register_all()
        runner.register(process.JOBS, refresh.JOBS, deliver.JOBS, syncs.JOBS, notices.JOBS, runs.JOBS, history.JOBS)
        runner.register(first_sync.JOBS, replays.JOBS)
        outbound.connect(enqueue.contact_changed)
        plans.connect(missing_plans.offer_mapped, listed.offers)
