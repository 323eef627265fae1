"""What runs by the clock for integrations. Syncs of subscriptions, events, writes to providers and the rest are jobs:
`core.run_jobs` does them, of the kinds that integrations/apps.py registers.
"""

from celery import shared_task

from integrations.operations import alerts
from integrations.reconcile import runs


@shared_task(name="integrations.start_due_runs")
def start_due_runs() -> None:
    runs.start_due()


@shared_task(name="integrations.evaluate_alerts")
def evaluate_alerts() -> None:
    alerts.evaluate()
