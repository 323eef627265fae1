"""Periodic Celery tasks of integrations; each is one call.

Subscription syncs, events, writes to providers and the rest are done by the one task of the queue, `core.run_jobs`: it
does every kind of job that integrations/apps.py registers.
"""

from celery import shared_task

from accounts.staff import dismissals
from integrations.inbox import body_index, claims
from integrations.operations import alerts, closing, figures, issue_states, silence
from integrations.operations.drift import sweep
from integrations.outbox import circuits
from integrations.reconcile import missing_plans, runs


@shared_task(name="integrations.start_due_runs")
def start_due_runs() -> None:
    missing_plans.read_again()  # first, for it reads more than a run that is due
    runs.start_due()


@shared_task(name="integrations.count_figures")
def count_figures() -> None:
    figures.count()


@shared_task(name="integrations.index_events")
def index_events() -> None:
    body_index.index_events()


@shared_task(name="integrations.retry_settled_claims")
def retry_settled_claims() -> None:
    claims.retry_settled()


@shared_task(name="integrations.check_hooks")
def check_hooks() -> None:
    figures.check_hooks()


@shared_task(name="integrations.close_days")
def close_days() -> None:
    closing.tick()


@shared_task(name="integrations.check_silence")
def check_silence() -> None:
    silence.check()


@shared_task(name="integrations.learn_structures")
def learn_structures() -> None:
    sweep.sweep()


@shared_task(name="integrations.evaluate_alerts")
def evaluate_alerts() -> None:
    alerts.evaluate()
    issue_states.follow()
    dismissals.lapse()


@shared_task(name="integrations.close_circuits")
def close_circuits() -> None:
    circuits.close_unneeded()
