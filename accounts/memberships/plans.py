"""The plan that an offer sells. An offer that nobody mapped is never guessed."""

from collections.abc import Callable, Sequence

from django.conf import settings

from accounts.memberships.models import Plan, PlanOffer
from accounts.people.models import User

# Provider, plan, the setting with the ids of its offers.
FROM_SETTINGS = (User.AuthProvider.KAJABI, "nssa_annual", "NSSA_KAJABI_PRODUCT_ID")


Retry = Callable[[PlanOffer], int]
_retry: Retry | None = None


def connect(retry: Retry) -> None:
    """Let `retry` process what waited for an offer; called once, when the applications are loaded."""
    global _retry
    _retry = retry


def offer_mapped(offer: PlanOffer) -> int:
    """Process the purchases that waited for a plan of this offer; return how many. In the transaction that maps it."""
    if _retry is None:
        raise RuntimeError("nothing is connected that processes what waited for an offer")
    return _retry(offer)


def sold_by(offers: Sequence[str], *, provider: str) -> Plan | None:
    """The plan of the first of `offers` that is mapped, in the console or by NSSA_KAJABI_PRODUCT_ID, or None."""
    mapped = {
        row.external_id: row.plan
        for row in PlanOffer.objects.filter(provider=provider, external_id__in=offers).select_related("plan")
    }
    settings_provider, code, setting = FROM_SETTINGS
    for offer in offers:
        if offer in mapped:
            return mapped[offer]
        if provider == settings_provider and offer in getattr(settings, setting, ()):
            return Plan.objects.filter(code=code).first()
    return None


def offers_in_settings(plan: Plan) -> list[str]:
    """Return the offers that a setting maps to `plan`, beside its rows."""
    _provider, code, setting = FROM_SETTINGS
    return sorted(getattr(settings, setting, ())) if plan.code == code else []


def only_one() -> Plan | None:
    """The plan, where exactly one exists: what an event means that names no offer."""
    plans = list(Plan.objects.all()[:2])
    return plans[0] if len(plans) == 1 else None
