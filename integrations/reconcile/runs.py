"""Start, stop and resume sync runs. A run is a row of the queue; one attempt is one page."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.mail import emails
from accounts.mail.models.email_message import EmailMessage
from core.cause import SCHEDULE, Cause
from core.insert_once import insert_once
from core.queue.runner import Failure, JobKind
from core.queue.wakeup import wake_on_commit
from integrations import registry
from integrations.contracts.provider import Provider
from integrations.contracts.pull import RunKind
from integrations.reconcile import pages
from integrations.reconcile.models import SyncRun
from integrations.reconcile.models.sync_run import OPEN, RunStatus
from integrations.reconcile.sources import source_of

OVERLAP = timedelta(hours=1)  # read twice, for changes during the last run and for clocks that differ


class AlreadyOpen(Exception):
    """A run of this provider is open already."""

    def __init__(self, run: SyncRun | None) -> None:
        name, state = (str(run), run.get_status_display()) if run else ("another one", "open")
        super().__init__(f"a reconciliation is open already: {name} ({state})")
        self.run = run


def start(
    provider: Provider,
    *,
    cause: Cause,
    kind: RunKind | None = None,
    since: datetime | None = None,
    from_the_start: bool = False,
    wake: bool = True,
) -> SyncRun:
    """Start a run of `kind`; by default an incremental one, or the first time a backfill.

    If the last run failed and was of that kind, it continues where it failed, except `from_the_start`. With `since` an
    incremental run reads what changed after that, if that is earlier than what the next run would read. Raises
    AlreadyOpen, also for the second of two at once; Permanent where the provider has no lists or its API is not
    configured.
    """
    source = source_of(provider)
    if not provider.is_connected():
        source.puller()  # raises Permanent with what is missing
    runs = SyncRun.objects.filter(provider=provider.key)
    kind = kind or next_kind(provider)
    newest = runs.order_by("-pk").first()
    try:
        with transaction.atomic():
            is_resumed = newest is not None and newest.status == RunStatus.FAILED and newest.kind == kind
            if newest is not None and is_resumed and not from_the_start and not _begins_later(newest, since):
                newest.requeue()
                run = newest
            else:
                run = new_run(provider, kind=kind, cause=cause)
                if _begins_later(run, since):
                    run.window_from = since
                if not insert_once(run):
                    raise AlreadyOpen(runs.filter(status__in=OPEN).first())
            if wake:
                wake_on_commit(run)
    except IntegrityError as error:
        raise AlreadyOpen(runs.filter(status__in=OPEN).first()) from error
    return run


def _begins_later(run: SyncRun, since: datetime | None) -> bool:
    return since is not None and run.window_from is not None and run.window_from > since


def next_kind(provider: Provider) -> RunKind:
    """Return the kind of a run that is started without one."""
    return RunKind.INCREMENTAL if _last_done(provider) else RunKind.BACKFILL


def new_run(provider: Provider, *, kind: RunKind, cause: Cause) -> SyncRun:
    """Return the row of a new run, not saved: at its first page, with its window."""
    last = _last_done(provider)
    place = source_of(provider).first_place(kind)
    run = SyncRun(
        provider=provider.key,
        kind=kind,
        window_from=last.window_to - OVERLAP if last and kind is RunKind.INCREMENTAL else None,
        window_to=timezone.now(),
        stage=place.stage,
        page=place.page,
        cursor=place.cursor,
        cause=cause.text[:200],
        staff=cause.staff,
    )
    run.schedule_wake_up()
    return run


def start_due() -> list[SyncRun]:
    """Start the scheduled runs that are due. A run that staff stopped stays stopped, and no other starts beside it.

    The first sync of contacts that are mirrored at another provider is started by staff, who have seen a dry run: it
    may write to thousands of remote records.
    """
    started = []
    for provider in registry.all_providers().values():
        minutes = int(getattr(settings, provider.pulls.interval_setting)) if provider.pulls else 0
        if provider.pulls is None or minutes <= 0 or not provider.is_connected():
            continue
        last = SyncRun.objects.filter(provider=provider.key).exclude(kind=RunKind.AUDIT).order_by("-pk").first()
        if last is not None and max(last.started_at, last.finished_at or last.started_at) > (
            timezone.now() - timedelta(minutes=minutes)
        ):
            continue
        if needs_manual_start(provider):
            continue
        try:
            started.append(start(provider, cause=SCHEDULE))
        except AlreadyOpen:
            continue
    return started


def needs_manual_start(provider: Provider) -> bool:
    """Return whether a provider was never synced and its first sync must be started by staff."""
    return provider in started_by_staff() and not earlier(provider).exists()


def started_by_staff() -> list[Provider]:
    """Return the providers whose first sync is started by staff: those whose contacts are written to."""
    providers = registry.all_providers().values()
    return [one for one in providers if one.pulls is not None and one.mirror is not None and one.is_connected()]


def earlier(provider: Provider) -> QuerySet[SyncRun]:
    """Return the runs that synced with a provider."""
    return SyncRun.objects.filter(provider=provider.key).exclude(kind=RunKind.AUDIT)


def stop(run: SyncRun) -> bool:
    """Stop a run; False where it is not running. The page that is being read will not be applied."""
    return bool(
        SyncRun.objects.filter(pk=run.pk, status=RunStatus.PENDING).update(
            status=RunStatus.STOPPED, next_attempt_at=None, wake_at=None
        )
    )


def resume(run: SyncRun, *, wake: bool = True) -> bool:
    """Resume a stopped or failed run at its page; False where it is neither.

    Raises AlreadyOpen where another run was started since it failed.
    """
    if run.status not in (RunStatus.STOPPED, RunStatus.FAILED):
        return False
    try:
        with transaction.atomic():
            run.requeue()
            if wake:
                wake_on_commit(run)
    except IntegrityError as error:
        raise AlreadyOpen(SyncRun.objects.filter(provider=run.provider, status__in=OPEN).first()) from error
    return True


def _notify_of_failure(run: SyncRun, failure: Failure) -> None:
    """Notify staff of a failed run, once until a run succeeds."""
    if not failure.is_last:
        return
    last = _last_done(registry.provider(run.provider))
    emails.notify_staff(
        EmailMessage.Kind.STAFF_RUN_FAILED,
        key=f"run-failed:{run.provider}:{last.pk if last else 0}",
        context=lambda: {
            "provider": run.provider,
            "kind": str(RunKind(run.kind).label),
            "run_id": run.pk,
            "error": failure.error[:500],
            "admin_path": f"/admin/integrations/syncrun/{run.pk}/change/",
        },
    )


def _last_done(provider: Provider) -> SyncRun | None:
    done = SyncRun.objects.filter(provider=provider.key, status=RunStatus.DONE).exclude(kind=RunKind.AUDIT)
    return done.order_by("-window_to").first()


JOBS = JobKind(model=SyncRun, work=pages.advance, on_failure=_notify_of_failure)
