"""Circuit breakers, one for each resource at a provider and one for the whole of it, shared by all workers.

What needs several resources needs all their circuits closed, and that of the provider. A refusal for want of a
permission opens the circuit of its resource at once, wrong credentials that of the provider: nothing is wrong with the
row then, and it waits.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.mail import questions
from core.insert_once import insert_once
from core.queue.delivery import LEASE, PENDING
from core.queue.wakeup import make_due
from integrations import registry
from integrations.inbox.models import ContactRefresh, InboxEvent
from integrations.outbox.models import Circuit, OutgoingWrite
from integrations.reconcile.models import SyncRun
from integrations.toolkit.failures import NotPermitted
from integrations.toolkit.permissions import Permission

OPENS_AFTER = 5  # failures in a row
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=10)
PAUSED_RETRY = timedelta(minutes=5)  # how often rows look at a circuit that staff paused
UNNEEDED_AFTER = timedelta(days=1)  # longer than lists are left alone, so that one that may not be read stays named
WHOLE = ""  # the resource of a provider's own circuit
CREDENTIALS = "credentials"  # what is missing where a provider refuses every call
Kind = OutgoingWrite.Kind


def resources_of(provider: str, kind: str) -> tuple[str, ...]:
    """Return the resources that a kind of write needs, the one that it is about first."""
    manifest = registry.provider(provider)
    side = manifest.deals if kind == Kind.OPPORTUNITY else manifest.mirror
    return (side.resources if side is not None else ()) or (WHOLE,)


def open_until(provider: str, resources: Collection[str] = ()) -> datetime | None:
    """Return until when what needs these resources must not be called; None where the caller may call it.

    With open circuits whose pause is over the caller is their one trial: others wait until that ended, or was lost.
    """
    now = timezone.now()
    circuits = Circuit.objects.filter(provider=provider, resource__in={WHOLE, *resources}).exclude(opened_at=None)
    is_open = list(circuits)
    if any(circuit.trial_at is None for circuit in is_open):
        return now + PAUSED_RETRY
    if waits := [circuit.trial_at for circuit in is_open if circuit.trial_at and circuit.trial_at > now]:
        return max(waits)
    for circuit in is_open:
        is_ours = Circuit.objects.filter(pk=circuit.pk, trial_at=circuit.trial_at).update(trial_at=now + LEASE)
        if not is_ours:
            return now + LEASE
    return None


def succeeded(provider: str, resources: Collection[str]) -> None:
    """Close the circuits of resources that failed before and answered now, and make due what waited for them.

    One that staff paused stays so, and so does one for want of a permission, which only `permitted` closes.
    """
    circuits = Circuit.objects.filter(provider=provider, resource__in={WHOLE, *resources}, permission="")
    for circuit in circuits.filter(opened_at__isnull=False, trial_at__isnull=False):
        close(circuit)
    circuits.filter(failures__gt=0, opened_at=None).update(failures=0)


def permitted(provider: str, proved: Collection[Permission]) -> None:
    """Close the circuits of permissions that were missing, and are `proved` by calls that need them."""
    for circuit in Circuit.objects.filter(provider=provider, trial_at__isnull=False).exclude(permission=""):
        if proved and circuit.permission in {CREDENTIALS, *(permission.name for permission in proved)}:
            close(circuit)


def failed(provider: str, resource: str, error: str) -> bool:
    """Count a failure of a resource; True where that opened its circuit. A trial that failed doubles the pause."""
    circuit = _counted(provider, resource, error)
    if circuit.failures < OPENS_AFTER:
        return False
    return _open(circuit)


def denied(provider: str, error: NotPermitted) -> datetime:
    """Open the circuit of the resource that a call was refused for want of a permission, or that of the provider.

    Returns when it is tried again. Staff get one mail for each permission that is missing, until it is given.
    """
    missing = error.permission or Permission(WHOLE, CREDENTIALS)
    with transaction.atomic():
        circuit = _counted(provider, missing.resource, str(error))
        is_news = circuit.opened_at is None or circuit.permission != missing.name
        failures = max(circuit.failures, OPENS_AFTER)  # one refusal is enough: it will be refused again
        Circuit.objects.filter(pk=circuit.pk).update(permission=missing.name, failures=failures)
        _open(circuit)
        circuit.refresh_from_db()
        if is_news and circuit.opened_at is not None:
            questions.ask(
                "missing_permission",
                key=f"missing-permission:{circuit.pk}:{missing.name}:{circuit.opened_at:%Y-%m-%dT%H:%M:%S}",
                provider=provider,
                details=[missing.name, str(error)[:500]],
                admin_path=f"/admin/integrations/circuit/{circuit.pk}/change/",
                list_path="/admin/integrations/circuit/",
            )
    return circuit.trial_at or timezone.now() + PAUSED_RETRY


def pause(circuit: Circuit) -> bool:
    """Open the circuit until staff close it; False where it is paused already."""
    now = timezone.now()
    not_paused = Circuit.objects.filter(pk=circuit.pk).exclude(opened_at__isnull=False, trial_at=None)
    return bool(not_paused.update(opened_at=circuit.opened_at or now, trial_at=None, changed_at=now))


def close(circuit: Circuit) -> bool:
    """Close the circuit and make due what waited for that; False where it is closed already."""
    is_open = Circuit.objects.filter(pk=circuit.pk).exclude(opened_at=None)
    changed = {"opened_at": None, "trial_at": None, "failures": 0, "permission": "", "changed_at": timezone.now()}
    if not is_open.update(**changed):
        return False
    _release(circuit)
    return True


def close_unneeded() -> int:
    """Close the circuits that nothing waits for and nothing was tried with for a day; return how many.

    Whether what was refused is still refused nobody knows then: the write that needed it was skipped, say, or is equal
    by now. The next call that is refused opens the circuit again.
    """
    quiet = Circuit.objects.filter(opened_at__isnull=False, trial_at__lt=timezone.now() - UNNEEDED_AFTER)
    return sum(close(circuit) for circuit in quiet if not any(rows.exists() for rows in _waiting(circuit)))


def _counted(provider: str, resource: str, error: str) -> Circuit:
    """Return the circuit of a resource with one failure more, its row held where the caller is in a transaction."""
    insert_once(Circuit(provider=provider, resource=resource))
    circuits = Circuit.objects.filter(provider=provider, resource=resource)
    circuits.update(failures=F("failures") + 1, last_error=error[:2000])
    return circuits.get()


def _open(circuit: Circuit) -> bool:
    """Open a circuit, or let it pause for longer; True where it was closed."""
    now, circuits = timezone.now(), Circuit.objects.filter(pk=circuit.pk)
    if circuit.opened_at is None:
        return bool(circuits.filter(opened_at=None).update(opened_at=now, trial_at=now + FIRST_PAUSE, changed_at=now))
    if circuit.trial_at is not None:
        doublings = max(min(circuit.failures - OPENS_AFTER, 10), 0)
        circuits.filter(trial_at=circuit.trial_at).update(trial_at=now + min(FIRST_PAUSE * 2**doublings, LONGEST_PAUSE))
    return False


def _release(circuit: Circuit) -> None:
    """Make due what waited for the circuit, but not what backs off after a failure of its own or is being written."""
    for rows in _waiting(circuit):
        make_due(rows.filter(crashes=0, failures=0, next_attempt_at__gt=timezone.now()))


def _waiting(circuit: Circuit) -> list[QuerySet[Any]]:
    """Return the pending rows of each kind that may wait for the circuit."""
    waiting = {"provider": circuit.provider, "status": PENDING}
    kinds = [
        kind
        for kind in Kind.values
        if circuit.resource == WHOLE or circuit.resource in resources_of(circuit.provider, kind)
    ]
    writes: list[QuerySet[Any]] = [OutgoingWrite.objects.filter(**waiting, kind__in=kinds)]
    # What reads waits with an error that says for what.
    readers = (InboxEvent, ContactRefresh, SyncRun)
    return [*writes, *(model.objects.filter(**waiting).exclude(last_error="") for model in readers)]
