"""The Celery app and everything that runs by the clock, on one screen.

A message is a wake-up that holds primary keys; the truth is the row. So a lost, doubled or late message is harmless,
and nothing here needs a result backend, an ETA or a retry of Celery's own.
"""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_process_init, worker_process_shutdown

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("enlace")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["core.queue"])

# Two schedulers at once are harmless: each of these tasks only moves rows that are still to be moved.
app.conf.beat_schedule = {
    "wake workers for rows that are due": {"task": "core.sweep_jobs", "schedule": 5.0},
    "start the reconciliations that are due": {"task": "integrations.start_due_runs", "schedule": 60.0},
    "index what new events contain": {"task": "integrations.index_events", "schedule": 10.0},
    "count the figures of the home page": {"task": "integrations.count_figures", "schedule": 60.0},
    "process events whose conflict was settled": {"task": "integrations.retry_settled_claims", "schedule": 120.0},
    "ask whether the hooks of providers lead here": {"task": "integrations.check_hooks", "schedule": 1800.0},
    "close the days of each provider": {"task": "integrations.close_days", "schedule": 600.0},
    "look whether a provider is silent": {"task": "integrations.check_silence", "schedule": 180.0},
    "learn the structure of new events": {"task": "integrations.learn_structures", "schedule": 60.0},
    "look whether staff must be alerted": {"task": "integrations.evaluate_alerts", "schedule": 60.0},
    "close the circuits that nothing needs any more": {"task": "integrations.close_circuits", "schedule": 3600.0},
    "expire subscriptions that ended": {"task": "accounts.expire_subscriptions", "schedule": 60.0},
    "award completions whose member is known by now": {"task": "accounts.match_completions", "schedule": 60.0},
    "give the points of learning paths that staff changed": {"task": "accounts.award_paths", "schedule": 60.0},
    # It sends one mail a day, whenever it runs.
    "tell staff of completions that wait": {"task": "accounts.tell_of_waiting_completions", "schedule": 1800.0},
    "remove what is past its time": {"task": "accounts.prune", "schedule": 3600.0},
}


@setup_logging.connect
def keep_our_logging(**kwargs: Any) -> None:
    """Celery leaves logging alone when somebody listens to this signal: settings.LOGGING holds for workers too."""


@worker_process_init.connect
def forget_inherited_pools(**kwargs: Any) -> None:
    """A forked worker child must not share its parent's PostgreSQL sockets."""
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        connection.connection = None
        pools = getattr(type(connection), "_connection_pools", None)
        if pools is not None:
            pools.pop(connection.alias, None)


@worker_process_shutdown.connect
def flush_counts(**kwargs: Any) -> None:
    """A worker's child, which is replaced now and then, ends without Python's own hooks for the end."""
    from integrations.toolkit import counting

    counting.flush_at_exit()
