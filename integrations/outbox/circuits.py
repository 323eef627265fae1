"""Circuit breakers, one for each provider, shared by all workers."""

from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from core.insert_once import insert_once
from core.queue.delivery import LEASE
from integrations.outbox.models import Circuit, OutgoingWrite

OPENS_AFTER = 5  # failures in a row
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=10)
PAUSED_RETRY = timedelta(minutes=5)  # how often rows look at a circuit that staff paused


def open_until(provider: str) -> datetime | None:
    """Return until when the provider must not be called; None where the caller may call it.

    With an open circuit whose pause is over the caller is its one trial: others wait until that ended, or was lost.
    """
    circuit = Circuit.objects.filter(provider=provider).exclude(opened_at=None).first()
    if circuit is None:
        return None
    now = timezone.now()
    if circuit.trial_at is None:
        return now + PAUSED_RETRY
    if circuit.trial_at > now:
        return circuit.trial_at
    is_ours = Circuit.objects.filter(pk=circuit.pk, trial_at=circuit.trial_at).update(trial_at=now + LEASE)
    return None if is_ours else now + LEASE


def succeeded(provider: str) -> None:
    """Close the circuit of a provider that answered, and make due what waited for that."""
    was_open = Circuit.objects.filter(provider=provider).exclude(opened_at=None)
    if was_open.update(opened_at=None, trial_at=None, failures=0, changed_at=timezone.now()):
        _release(provider)
    else:
        Circuit.objects.filter(provider=provider, failures__gt=0).update(failures=0)


def failed(provider: str, error: str) -> bool:
    """Count a failure of the provider or of its credentials; True where that opened the circuit.

    A trial that failed doubles the pause.
    """
    insert_once(Circuit(provider=provider))
    circuits = Circuit.objects.filter(provider=provider)
    circuits.update(failures=F("failures") + 1, last_error=error[:2000])
    now = timezone.now()
    circuit = circuits.get()
    if circuit.failures < OPENS_AFTER:
        return False
    if circuit.opened_at is None:
        return bool(circuits.filter(opened_at=None).update(opened_at=now, trial_at=now + FIRST_PAUSE, changed_at=now))
    if circuit.trial_at is not None:
        doublings = min(circuit.failures - OPENS_AFTER, 10)
        circuits.filter(trial_at=circuit.trial_at).update(trial_at=now + min(FIRST_PAUSE * 2**doublings, LONGEST_PAUSE))
    return False


def pause(circuit: Circuit) -> bool:
    """Open the circuit until staff close it; False where it is paused already."""
    now = timezone.now()
    not_paused = Circuit.objects.filter(pk=circuit.pk).exclude(opened_at__isnull=False, trial_at=None)
    return bool(not_paused.update(opened_at=circuit.opened_at or now, trial_at=None, changed_at=now))


def close(circuit: Circuit) -> bool:
    """Close the circuit and make due what waited for that; False where it is closed already."""
    is_open = Circuit.objects.filter(pk=circuit.pk).exclude(opened_at=None)
    if not is_open.update(opened_at=None, trial_at=None, failures=0, changed_at=timezone.now()):
        return False
    _release(circuit.provider)
    return True


def _release(provider: str) -> None:
    """Make due what waited for the circuit, but not what backs off after a failure of its own or is being written."""
    now = timezone.now()
    waiting = OutgoingWrite.objects.filter(provider=provider, status="pending", crashes=0, failures=0)
    waiting.filter(next_attempt_at__gt=now).update(next_attempt_at=now, wake_at=now)
