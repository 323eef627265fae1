"""The status of an opportunity by the status of its policy or quote: staff's rules, else the defaults."""

import re
from collections.abc import Iterator

from integrations.fields.models import PolicyStatusRule
from integrations.toolkit.fields import loose

OPEN, WON, LOST = "open", "won", "lost"
# Words of NowCerts and of agencies, as `loose` compares them. What is not here leaves an opportunity as it is: an
# expired policy was won, and whether it is lost now depends on what follows it.
POLICIES = {
    **dict.fromkeys(("active", "bound", "inforce", "issued", "reinstated", "renewed", "renewal"), WON),
    **dict.fromkeys(("canceled", "cancelled", "declined", "lapsed", "lost", "nonrenewal", "nonrenewed"), LOST),
    **dict.fromkeys(("notrenewed", "nottaken", "rejected", "terminated"), LOST),
}
QUOTES = {
    **dict.fromkeys(("new", "open", "pending", "proposed", "quote", "quoted", "submitted"), OPEN),
    **dict.fromkeys(("accepted", "bound", "issued", "sold", "won"), WON),
    **dict.fromkeys(("canceled", "cancelled", "declined", "expired", "lost", "notbound", "nottaken"), LOST),
    **dict.fromkeys(("rejected", "withdrawn"), LOST),
}
_REMARK = re.compile(r" [-–] |[(:/,]")  # what follows explains the status: "Canceled - Non-Payment"


def opportunity_status(policy_status: str, *, is_quote: bool) -> str:
    """Return open, won, lost or abandoned; "" where the status says nothing about an opportunity."""
    if not policy_status:
        return ""
    stored = PolicyStatusRule.objects.values_list("policy_status", "opportunity_status")
    rules = {loose(status): result for status, result in stored}
    kind, defaults = ("quote", QUOTES) if is_quote else ("policy", POLICIES)
    for key in _keys(policy_status):
        for name in (f"{kind}{key}", key):
            if name in rules:
                return rules[name]
        if key in defaults:
            return defaults[key]
    return ""


def _keys(policy_status: str) -> Iterator[str]:
    """Yield a status as it is compared, then without the remark that follows it."""
    yield loose(policy_status)
    yield loose(_REMARK.split(policy_status)[0])
