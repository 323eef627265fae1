"""The plan that an offer sells. An offer that nobody mapped is never guessed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import ngettext

from accounts.memberships.models import Plan, PlanOffer
from accounts.people.models import User
from core.provider_names import provider_title

# Provider, plan, the setting with the ids of its offers.
FROM_SETTINGS = (User.AuthProvider.KAJABI, "nssa_annual", "NSSA_KAJABI_PRODUCT_ID")


@dataclass(frozen=True, kw_only=True)
class WaitingOffer:
    """An offer that no plan sells, and how many purchases, read from its provider's lists, wait for one."""

    provider: str
    offer: str
    purchases: int

    def __str__(self) -> str:
        text = ngettext(
            "%(provider)s: offer %(offer)s, %(count)d purchase",
            "%(provider)s: offer %(offer)s, %(count)d purchases",
            self.purchases,
        )
        return text % {"provider": provider_title(self.provider), "offer": self.offer, "count": self.purchases}


Retry = Callable[[PlanOffer], int]
_retry: Retry | None = None
_waiting: Callable[[], Sequence[WaitingOffer]] = list


def connect(retry: Retry, waiting: Callable[[], Sequence[WaitingOffer]]) -> None:
    """Let `retry` process what waited for an offer, and `waiting` name the offers that no plan sells.

    Called once, when the applications are loaded.
    """
    global _retry, _waiting
    _retry, _waiting = retry, waiting


def waiting_offers() -> Sequence[WaitingOffer]:
    """Return the offers that no plan sells while listed purchases wait; they are read again once one does."""
    return _waiting()


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


def is_sold() -> Q:
    """Return the condition that a plan sells the offer that a row's `provider` and `offer` name, as `sold_by` says."""
    provider, code, setting = FROM_SETTINGS
    in_console = PlanOffer.objects.filter(provider=OuterRef("provider"), external_id=OuterRef("offer"))
    in_settings = Q(provider=provider.value, offer__in=getattr(settings, setting, ()))
    return Q(Exists(in_console)) | in_settings & Q(Exists(Plan.objects.filter(code=code)))


def offers_in_settings(plan: Plan) -> list[str]:
    """Return the offers that a setting maps to `plan`, beside its rows."""
    _provider, code, setting = FROM_SETTINGS
    return sorted(getattr(settings, setting, ())) if plan.code == code else []


def only_one() -> Plan | None:
    """The plan, where exactly one exists: what an event means that names no offer."""
    plans = list(Plan.objects.all()[:2])
    return plans[0] if len(plans) == 1 else None
