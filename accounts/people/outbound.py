"""Changed contacts on their way out: every service that changes one returns a ChangedContact, its caller hands it over.

Handlers and the outbox call `integrations.outbox.enqueue` themselves. What starts within `accounts`, where nothing of
`integrations` is known, goes by `hand_over`. `integrations/outbox/tests/test_hand_over.py` finds callers that forget.
"""

from collections.abc import Callable
from dataclasses import dataclass

from accounts.people.models import Contact
from core.cause import Cause


@dataclass(frozen=True, kw_only=True)
class ChangedContact:
    """A contact that was reported by `provider`, or decided about by staff (""), to be enqueued in that transaction.

    `changed` are the names of the fields and tags that are different now, `new_ids` the provider's ids that were not
    known before; `is_stale`: a newer report was here before.
    """

    contact: Contact
    provider: str
    cause: Cause
    created: bool = False
    changed: tuple[str, ...] = ()
    new_ids: tuple[str, ...] = ()
    is_stale: bool = False


Enqueue = Callable[[ChangedContact], None]
_enqueue: Enqueue | None = None


def connect(enqueue: Enqueue) -> None:
    """Let `enqueue` take what is handed over; called once, when the applications are loaded."""
    global _enqueue
    _enqueue = enqueue


def hand_over(changed: ChangedContact) -> None:
    """Enqueue what must be written elsewhere; inside the transaction that changed the contact, whose row is held."""
    if _enqueue is None:
        raise RuntimeError("nothing is connected that enqueues changed contacts")
    _enqueue(changed)
