"""Periodic Celery tasks of accounts; each is one call.

E-mails, those with the password set-up link among them, are sent by the one task of the queue, `core.run_jobs`: it does
every kind of job that accounts/apps.py registers.
"""

from celery import shared_task

from accounts.courses import completions, decisions, paths, progress
from accounts.memberships import notices, subscriptions
from accounts.privacy import prune as pruning
from core.queue.limits import HOUSEKEEPING_HARD_SECONDS, HOUSEKEEPING_SOFT_SECONDS

PRUNE_SECONDS = 20.0


@shared_task(name="accounts.expire_subscriptions")
def expire_subscriptions() -> None:
    subscriptions.advance()
    notices.enqueue_ends_soon()


@shared_task(name="accounts.match_completions")
def match_completions() -> None:
    completions.match_pending()
    progress.match_pending()


@shared_task(name="accounts.award_paths")
def award_paths() -> None:
    paths.sweep()


@shared_task(name="accounts.tell_of_waiting_completions")
def notify_of_waiting_completions() -> None:
    decisions.enqueue_digest()


@shared_task(name="accounts.prune", soft_time_limit=HOUSEKEEPING_SOFT_SECONDS, time_limit=HOUSEKEEPING_HARD_SECONDS)
def prune() -> None:
    """Remove what is past its time; what a run does not get to is the next one's."""
    pruning.prune(seconds=PRUNE_SECONDS)
