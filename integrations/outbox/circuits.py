"""Circuit breakers, one a provider, shared by all workers: what fails again and again is left alone for a while."""

from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from core.insert_once import insert_once
from core.queue.delivery import LEASE
from integrations.outbox.models import Circuit, OutgoingWrite

OPENS_AFTER = 5  # failures in a row
FIRST_REST, LONGEST_REST = timedelta(seconds=30), timedelta(minutes=10)
LOOK_AGAIN = timedelta(minutes=5)  # how often rows look at a circuit that staff paused


def rests_until(provider: str) -> datetime | None:
    """Until when nobody may write to the provider; None where the caller may.

    With an open circuit whose rest is over the caller is its one trial: others wait until that ended, or was lost.
    """
    circuit = Circuit.objects.filter(provider=provider).exclude(opened_at=None).first()
    if circuit is None:
        return None
    now = timezone.now()
    if circuit.trial_at is None:
        return now + LOOK_AGAIN
    if circuit.trial_at > now:
        return circuit.trial_at
    is_ours = Circuit.objects.filter(pk=circuit.pk, trial_at=circuit.trial_at).update(trial_at=now + LEASE)
    return None if is_ours else now + LEASE


def succeeded(provider: str) -> None:
    """The provider answered: its circuit is closed, and what waited for that is due."""
    was_open = Circuit.objects.filter(provider=provider).exclude(opened_at=None)
    if was_open.update(opened_at=None, trial_at=None, failures=0, changed_at=timezone.now()):
        _release(provider)
    else:
        Circuit.objects.filter(provider=provider, failures__gt=0).update(failures=0)


def failed(provider: str, error: str) -> bool:
    """Count a failure that was the provider's, or its credentials'; whether that opened the circuit.

    A trial that failed lets it rest twice as long as before.
    """
    insert_once(Circuit(provider=provider))
    circuits = Circuit.objects.filter(provider=provider)
    circuits.update(failures=F("failures") + 1, last_error=error[:2000])
    now = timezone.now()
    circuit = circuits.get()
    if circuit.failures < OPENS_AFTER:
        return False
    if circuit.opened_at is None:
        return bool(circuits.filter(opened_at=None).update(opened_at=now, trial_at=now + FIRST_REST, changed_at=now))
    if circuit.trial_at is not None:
        doublings = min(circuit.failures - OPENS_AFTER, 10)
        circuits.filter(trial_at=circuit.trial_at).update(trial_at=now + min(FIRST_REST * 2**doublings, LONGEST_REST))
    return False


def pause(circuit: Circuit) -> bool:
    """Let everything rest until staff close the circuit; False where it is paused already."""
    now = timezone.now()
    open_ones = Circuit.objects.filter(pk=circuit.pk).exclude(opened_at__isnull=False, trial_at=None)
    return bool(open_ones.update(opened_at=circuit.opened_at or now, trial_at=None, changed_at=now))


def close(circuit: Circuit) -> bool:
    """Let everything that waits be tried at once; False where the circuit is closed."""
    is_open = Circuit.objects.filter(pk=circuit.pk).exclude(opened_at=None)
    if not is_open.update(opened_at=None, trial_at=None, failures=0, changed_at=timezone.now()):
        return False
    _release(circuit.provider)
    return True


def _release(provider: str) -> None:
    """Make due what was put off, but not what backs off after a failure of its own or is being written now."""
    now = timezone.now()
    waiting = OutgoingWrite.objects.filter(provider=provider, status="pending", crashes=0, failures=0)
    waiting.filter(next_attempt_at__gt=now).update(next_attempt_at=now, wake_at=now)
