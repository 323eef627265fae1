"""Celery tasks of integrations; each is one call."""

from celery import shared_task

from core.queue import wakeup
from integrations.history import work
from integrations.history.files import ADVANCE_TASK as ADVANCE_HISTORY_TASK
from integrations.history.models import HistoryImport
from integrations.inbox import process, refresh
from integrations.inbox.models import ContactRefresh, InboxEvent
from integrations.inbox.receive import PROCESS_TASK
from integrations.inbox.refresh import REFRESH_TASK
from integrations.operations import alerts, notices
from integrations.operations.models import Notice
from integrations.operations.notices import POST_TASK
from integrations.outbox import deliver
from integrations.outbox.enqueue import WRITE_TASK
from integrations.outbox.models import OutgoingWrite
from integrations.reconcile import runs, syncs
from integrations.reconcile.models import SubscriptionSync, SyncRun
from integrations.reconcile.runs import ADVANCE_TASK
from integrations.reconcile.syncs import SYNC_TASK


@shared_task(name=PROCESS_TASK)
def process_events(event_ids: list[int]) -> None:
    wakeup.for_each(PROCESS_TASK, event_ids, process.process)


@shared_task(name="integrations.sweep_inbox")
def sweep_inbox() -> None:
    wakeup.wake(PROCESS_TASK, InboxEvent.objects.ring())


@shared_task(name=REFRESH_TASK)
def refresh_contacts(refresh_ids: list[int]) -> None:
    wakeup.for_each(REFRESH_TASK, refresh_ids, refresh.run)


@shared_task(name="integrations.sweep_readings")
def sweep_readings() -> None:
    wakeup.wake(REFRESH_TASK, ContactRefresh.objects.ring())


@shared_task(name=WRITE_TASK)
def deliver_writes(write_ids: list[int]) -> None:
    wakeup.for_each(WRITE_TASK, write_ids, deliver.deliver)


@shared_task(name="integrations.sweep_writes")
def sweep_writes() -> None:
    wakeup.wake(WRITE_TASK, OutgoingWrite.objects.ring())


@shared_task(name=ADVANCE_TASK)
def advance_runs(run_ids: list[int]) -> None:
    wakeup.for_each(ADVANCE_TASK, run_ids, runs.step)


@shared_task(name="integrations.sweep_runs")
def sweep_runs() -> None:
    wakeup.wake(ADVANCE_TASK, SyncRun.objects.ring())


@shared_task(name=SYNC_TASK)
def sync_subscriptions(sync_ids: list[int]) -> None:
    wakeup.for_each(SYNC_TASK, sync_ids, syncs.run)


@shared_task(name="integrations.sweep_syncs")
def sweep_syncs() -> None:
    wakeup.wake(SYNC_TASK, SubscriptionSync.objects.ring())


@shared_task(name=ADVANCE_HISTORY_TASK)
def advance_histories(history_ids: list[int]) -> None:
    wakeup.for_each(ADVANCE_HISTORY_TASK, history_ids, work.step)


@shared_task(name="integrations.sweep_histories")
def sweep_histories() -> None:
    wakeup.wake(ADVANCE_HISTORY_TASK, HistoryImport.objects.ring())


@shared_task(name="integrations.start_due_runs")
def start_due_runs() -> None:
    runs.start_due()


@shared_task(name=POST_TASK)
def post_notices(notice_ids: list[int]) -> None:
    wakeup.for_each(POST_TASK, notice_ids, notices.deliver)


@shared_task(name="integrations.sweep_notices")
def sweep_notices() -> None:
    wakeup.wake(POST_TASK, Notice.objects.ring())


@shared_task(name="integrations.evaluate_alerts")
def evaluate_alerts() -> None:
    alerts.evaluate()
