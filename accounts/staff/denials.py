"""Record refusals of signed-in people, as traces of attempts."""

from typing import Any

from django.http import HttpRequest

from accounts.staff import audit
from core.web import limits

MOST = 5  # entries a minute for one person and address: a script that is refused asks again and again


def record(request: HttpRequest, user: Any) -> None:
    """Record that `user` was refused the address of `request`."""
    address = request.resolver_match.view_name if request.resolver_match else ""
    if limits.retry_after("permission.denied", f"{user.pk} {address}", limit=MOST, seconds=limits.MINUTE):
        return
    audit.record(
        "permission.denied", actor=user, request=request, outcome=audit.DENIED, address=address, method=request.method
    )
