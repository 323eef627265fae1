"""Permissions that an account of NowCerts needs for a call.

The vendor names no scopes: an agent's role allows pages and lists. Wrong credentials get no token at all, so a refusal
(401, 403) of a call with a fresh token is about what is called.
"""

from core.phrases import CODE, Phrase
from integrations.toolkit.permissions import Permission, Permissions

INSUREDS, POLICIES, DELETED = "insureds", "policies", "deleted insureds"
_LISTS = {"InsuredDetailList()": INSUREDS, "PolicyDetailList()": POLICIES, "DeletedInsuredList()": DELETED}
_WRITTEN = {"Insured": INSUREDS, "Policy": POLICIES, "Quote": POLICIES}


def _needed_by(method: str, path: str) -> Permission | None:
    parts = path.strip("/").split("/")
    if resource := _LISTS.get(parts[-1]):
        return Permission(resource, f"read {resource}")
    written = next((_WRITTEN[part] for part in parts if part in _WRITTEN), None)
    return Permission(written, f"write {written}") if written else None


PERMISSIONS = Permissions(
    needed_by=_needed_by,
    advice=Phrase(
        "The account of NOWCERTS_USERNAME lacks a permission ({name}): an administrator of the agency can give it.",
        name=CODE,
    ),
)
