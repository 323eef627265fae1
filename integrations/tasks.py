"""What workers do for integrations; each task is one call, or one for each row."""

from celery import shared_task

from accounts import wakeup
from integrations import inbox
from integrations.inbox import PROCESS_TASK
from integrations.models import InboxEvent


@shared_task(name=PROCESS_TASK)
def process_events(event_ids: list[int]) -> None:
    for event_id in event_ids:
        inbox.process(event_id)


@shared_task(name="integrations.sweep_inbox")
def sweep_inbox() -> None:
    wakeup.wake(PROCESS_TASK, InboxEvent.objects.ring())
