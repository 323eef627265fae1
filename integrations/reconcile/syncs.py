"""Syncs of one member's subscription that staff request: a row of the queue, done by a worker."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.people.models import User
from accounts.staff.audit import record
from core import phrases
from core.cause import Cause
from core.insert_once import insert_once
from core.queue.delivery import GRACE
from core.queue.outcomes import TryAgain
from core.queue.runner import JobKind
from core.queue.waiting import wait_for
from core.queue.wakeup import wake_on_commit
from integrations import registry
from integrations.contracts.exceptions import Permanent, Retryable, Unmatched
from integrations.contracts.provider import Provider
from integrations.reconcile import subscription_check
from integrations.reconcile.models import SubscriptionSync
from integrations.toolkit.failures import NotConfigured

Status, Outcome = SubscriptionSync.Status, SubscriptionSync.Outcome
MAX_FAILURES = 4  # about three minutes; then it is failed, and staff request it again


def request(user: User, *, provider: Provider, cause: Cause) -> SubscriptionSync:
    """Return the open sync of this member, created where there is none; a worker begins after the commit.

    Two requests at once share one sync (a constraint). A sync that backs off is due at once, with all its attempts.
    """
    syncs = SubscriptionSync.objects.filter(provider=provider.key, user=user, status=Status.PENDING)
    while True:  # the open one may be closed between the insert and the query
        row = SubscriptionSync(provider=provider.key, user=user, cause=cause.text[:200], staff=cause.staff)
        row.schedule_wake_up()
        with transaction.atomic():
            if insert_once(row):
                wake_on_commit(row)
                return row
            known: SubscriptionSync | None = syncs.first()
            if known is None:
                continue
            now = timezone.now()
            backing_off = syncs.filter(pk=known.pk, failures__gt=0, crashes=0)
            if backing_off.update(failures=0, next_attempt_at=now, wake_at=now + GRACE):
                wake_on_commit(known)
            return known


def wait(sync: SubscriptionSync) -> SubscriptionSync:
    """Wait for the end of a sync as long as a request may; return the row as it is then."""

    def refreshed() -> SubscriptionSync:
        sync.refresh_from_db()
        return sync

    return wait_for(refreshed, is_done=lambda row: row.status != Status.PENDING)


def failure_message(sync: SubscriptionSync) -> str:
    """Return, for people, why a sync failed and what to do. A failed sync changed nothing."""
    if sync.outcome in (Outcome.CONFLICT, Outcome.NOT_CONFIGURED):
        return phrases.shown(sync.last_error)  # it says what to do
    provider = registry.all_providers().get(sync.provider)
    texts = {"provider": provider.title if provider else sync.provider, "error": phrases.shown(sync.last_error)}
    if sync.outcome == Outcome.REFUSED:
        return (
            _("%(provider)s refused: %(error)s. Nothing was changed. Check its credentials and their rights.") % texts
        )
    return _("%(provider)s could not be reached: %(error)s. Nothing was changed. Try again in a few minutes.") % texts


def _sync(row: SubscriptionSync) -> None:
    """Read from the provider first; then apply and close the row in one transaction."""
    cause = Cause.by_staff(row.staff) if row.staff else Cause(text=row.cause)
    provider = registry.provider(row.provider)
    try:
        remote = subscription_check.read(row.user, provider=provider)
        with transaction.atomic():
            synced = subscription_check.make_equal(remote, cause=cause)
            has_differences = synced.verdict.recommended_action is not None
            record(
                "subscription.synced",
                actor=row.staff,
                target=row.user,
                before={"status": synced.old_status},
                after={"status": synced.new_status},
                provider=provider.key,
            )
            row.close(
                Status.DONE,
                outcome=Outcome.NO_PURCHASE if has_differences else Outcome.SYNCED,
                old_status=synced.old_status,
                new_status=synced.new_status,
            )
    except NotConfigured as error:
        row.close(Status.FAILED, error=str(error), outcome=Outcome.NOT_CONFIGURED)
    except Unmatched as error:
        row.close(Status.FAILED, error=str(error), outcome=Outcome.CONFLICT)
    except Permanent as error:
        row.close(Status.FAILED, error=str(error), outcome=Outcome.REFUSED)
    except Retryable as error:
        raise TryAgain(str(error), retry_after=getattr(error, "retry_after", None)) from error


JOBS = JobKind(model=SubscriptionSync, work=_sync, max_failures=MAX_FAILURES)
