"""Make, revoke and use API tokens."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from accounts.staff import audit
from accounts.staff.models import ApiToken
from core.web import access, limits
from core.web.client_address import client_key

USE_IS_NOTED_EACH = timedelta(minutes=1)
_USES = limits.FirstOfWindow("token.used", seconds=24 * 3600)


def make(
    owner: Any, *, name: str, scopes: Iterable[str], expiry: datetime | None = None, request: HttpRequest | None = None
) -> tuple[ApiToken, str]:
    """Return a new token and its text, which is stored nowhere. Raises ValueError for an unknown scope."""
    wanted = set(scopes)
    if not wanted or not wanted <= access.table().scopes.keys():
        raise ValueError(f"scopes are one or more of {', '.join(access.table().scopes)}, not {sorted(wanted)}")
    with transaction.atomic():
        token, text = ApiToken.objects.create(
            owner,
            expiry=(expiry or default_expiry()) - timezone.now(),
            name=name,
            scopes=[scope for scope in access.table().scopes if scope in wanted],
            owner_seal=owner.get_session_auth_hash(),
        )
        audit.record("token.created", request=request, target=token, **_facts(token))
    return token, text


def default_expiry() -> datetime:
    return timezone.now() + timedelta(days=settings.API_TOKEN_DAYS)


def revoke(token: ApiToken, *, by: Any = None, because: str = "") -> bool:
    """Delete the token; False where somebody else did so before."""
    with transaction.atomic():
        if not ApiToken.objects.filter(pk=token.pk).delete()[0]:
            return False
        facts = _facts(token) | ({"because": because} if because else {})
        audit.record("token.revoked", actor=by, target=token, **facts)
    return True


def revoke_all_of(owner: Any, *, by: Any = None, because: str = "") -> None:
    """Delete the tokens of somebody who is no active member of staff any more."""
    for token in ApiToken.objects.filter(user=owner).select_related("user"):
        revoke(token, by=by, because=because)


def note_use(token: ApiToken, *, request: HttpRequest) -> None:
    """Write down that the token is used now: when, at most once a minute; from where, once a day for each address."""
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at <= now - USE_IS_NOTED_EACH:
        due = Q(last_used_at=None) | Q(last_used_at__lte=now - USE_IS_NOTED_EACH)
        ApiToken.objects.filter(due, pk=token.pk).update(last_used_at=now)
    use = f"{token.pk} {client_key(request.META)}"
    if _USES.is_first(use):
        audit.record("token.used", actor=token.user, request=request, target=token, **_facts(token))


def _facts(token: ApiToken) -> dict[str, Any]:
    """Return the facts that identify a token in a log that outlives it."""
    return {"beginning": token.token_key, "label": token.name, "scopes": token.scopes}
