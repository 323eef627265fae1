"""Erased people: keyed digests of their addresses and ids, so that old records do not bring them back.

Only somebody who buys again gets a new account (docs/decisions/erasure.md).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.conf import settings
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.people.models.forgotten_key import ForgottenKey
from core.phrases import DAY, Phrase

_ERASED = Phrase("the person was erased on {day}; only a later purchase makes an account again", day=DAY)

_SALT = "accounts.people.forgotten"
Key = tuple[str, ...]  # ("email", address in its stored form) or ("id", provider, kind, id there)


class PersonForgotten(Exception):
    """The person was erased, and nothing that is older makes them known again. The message names nobody."""

    def __init__(self, since: datetime) -> None:
        super().__init__(_ERASED(day=f"{since:%Y-%m-%d}"))
        self.since = since


def note(keys: Iterable[Key]) -> datetime:
    """Store the digests of these keys, dated now, for `refuse` and `among`; return the date."""
    now = timezone.now()
    rows = [ForgottenKey(digest=digest, forgotten_at=now) for digest in sorted({_digests(key)[0] for key in keys})]
    ForgottenKey.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["digest"], update_fields=["forgotten_at"], batch_size=500
    )
    return now


def refuse(*, email: str, provider: str, identities: Mapping[str, str], bought_at: datetime | None = None) -> None:
    """Raise PersonForgotten where somebody with this address or one of these ids was erased and has not bought since.

    Called where nobody has them now and somebody is about to be made. `bought_at`: when they paid, for a payment.
    """
    keys: list[Key] = [("email", email)] if email else []
    keys += [("id", provider, kind, external_id) for kind, external_id in identities.items() if external_id]
    found = ForgottenKey.objects.filter(digest__in=[digest for key in keys for digest in _digests(key)])
    moment = found.order_by("-forgotten_at").values_list("forgotten_at", flat=True).first()
    if moment is not None and (bought_at is None or bought_at <= moment):
        raise PersonForgotten(moment)


def among(keys: Iterable[Key]) -> set[Key]:
    """Return those of `keys` that are of somebody erased, in one query for each 500."""
    by_digest = {digest: key for key in keys for digest in _digests(key)}
    digests = list(by_digest)
    found: set[Key] = set()
    for start in range(0, len(digests), 500):
        known = ForgottenKey.objects.filter(digest__in=digests[start : start + 500])
        found |= {by_digest[digest] for digest in known.values_list("digest", flat=True)}
    return found


def _digests(key: Key) -> list[str]:
    """Return the digest under the present SECRET_KEY, then under those before it."""
    secrets = [settings.SECRET_KEY, *settings.FORMER_SECRET_KEYS]
    return [salted_hmac(_SALT, ":".join(key), secret=secret, algorithm="sha256").hexdigest() for secret in secrets]
