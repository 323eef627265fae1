"""Periodic Celery tasks of integrations; each is one call.

Subscription syncs, events, writes to providers and the rest are done by the one task of the queue, `core.run_jobs`: it
does every kind of job that integrations/apps.py registers.
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
