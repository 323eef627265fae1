"""Celery tasks of accounts; each is one call."""

from celery import shared_task

from accounts.courses import certificate_pages, completions, paths, progress
from accounts.courses.certificates import CHECK_TASK
from accounts.courses.models import CertificateCheck
from accounts.mail import deliver
from accounts.mail.emails import SEND_TASK
from accounts.mail.models import EmailMessage
from accounts.memberships import subscriptions
from accounts.people import provision
from accounts.people.models import ProvisioningStep
from accounts.people.provisioning import PROVISION_TASK
from accounts.privacy import prune as pruning
from accounts.signin import password_links
from accounts.signin.models import LinkRequest
from accounts.signin.password_links import ISSUE_TASK
from core.queue import wakeup
from core.queue.limits import HOUSEKEEPING_HARD_SECONDS, HOUSEKEEPING_SOFT_SECONDS

PRUNE_SECONDS = 20.0


@shared_task(name=SEND_TASK)
def send_emails(message_ids: list[int]) -> None:
    wakeup.for_each(SEND_TASK, message_ids, deliver.deliver)


@shared_task(name=ISSUE_TASK)
def issue_links(request_ids: list[int]) -> None:
    wakeup.for_each(ISSUE_TASK, request_ids, password_links.issue)


@shared_task(name="accounts.sweep_emails")
def sweep_emails() -> None:
    wakeup.wake(SEND_TASK, EmailMessage.objects.ring())


@shared_task(name="accounts.sweep_link_requests")
def sweep_link_requests() -> None:
    wakeup.wake(ISSUE_TASK, LinkRequest.objects.ring())


@shared_task(name=PROVISION_TASK)
def provision_companies(step_ids: list[int]) -> None:
    wakeup.for_each(PROVISION_TASK, step_ids, provision.run)


@shared_task(name="accounts.sweep_provisioning")
def sweep_provisioning() -> None:
    wakeup.wake(PROVISION_TASK, ProvisioningStep.objects.ring())


@shared_task(name=CHECK_TASK)
def check_certificates(check_ids: list[int]) -> None:
    wakeup.for_each(CHECK_TASK, check_ids, certificate_pages.check)


@shared_task(name="accounts.sweep_certificates")
def sweep_certificates() -> None:
    wakeup.wake(CHECK_TASK, CertificateCheck.objects.ring())


@shared_task(name="accounts.expire_subscriptions")
def expire_subscriptions() -> None:
    subscriptions.expire_ended()


@shared_task(name="accounts.match_completions")
def match_completions() -> None:
    completions.match_waiting()
    progress.match_waiting()


@shared_task(name="accounts.award_paths")
def award_paths() -> None:
    paths.sweep()


@shared_task(name="accounts.tell_of_waiting_completions")
def tell_of_waiting_completions() -> None:
    completions.owe_digest()


@shared_task(name="accounts.prune", soft_time_limit=HOUSEKEEPING_SOFT_SECONDS, time_limit=HOUSEKEEPING_HARD_SECONDS)
def prune() -> None:
    """Remove what is past its time; what a run does not get to is the next one's."""
    pruning.prune(seconds=PRUNE_SECONDS)
