"""What workers do for accounts; each task is one call, or one for each row."""

from celery import shared_task

from accounts import emails, provisioning, wakeup
from accounts.models import EmailMessage, LinkRequest, ProvisioningStep
from accounts.people import pruning
from accounts.services import completions, password_links, subscriptions
from accounts.services.emails import SEND_TASK
from accounts.services.password_links import ISSUE_TASK
from accounts.services.provisioning import PROVISION_TASK

PRUNE_SECONDS = 20.0


@shared_task(name=SEND_TASK)
def send_emails(message_ids: list[int]) -> None:
    for message_id in message_ids:
        emails.deliver(message_id)


@shared_task(name=ISSUE_TASK)
def issue_links(request_ids: list[int]) -> None:
    for request_id in request_ids:
        password_links.issue(request_id)


@shared_task(name="accounts.sweep_emails")
def sweep_emails() -> None:
    wakeup.wake(SEND_TASK, EmailMessage.objects.ring())


@shared_task(name="accounts.sweep_link_requests")
def sweep_link_requests() -> None:
    wakeup.wake(ISSUE_TASK, LinkRequest.objects.ring())


@shared_task(name=PROVISION_TASK)
def provision_companies(step_ids: list[int]) -> None:
    for step_id in step_ids:
        provisioning.run(step_id)


@shared_task(name="accounts.sweep_provisioning")
def sweep_provisioning() -> None:
    wakeup.wake(PROVISION_TASK, ProvisioningStep.objects.ring())


@shared_task(name="accounts.expire_subscriptions")
def expire_subscriptions() -> None:
    subscriptions.expire_ended()


@shared_task(name="accounts.match_completions")
def match_completions() -> None:
    completions.match_waiting()


@shared_task(name="accounts.tell_of_waiting_completions")
def tell_of_waiting_completions() -> None:
    completions.owe_digest()


@shared_task(name="accounts.prune")
def prune() -> None:
    """Remove what is past its time; what a run does not get to is the next one's."""
    pruning.prune(seconds=PRUNE_SECONDS)
