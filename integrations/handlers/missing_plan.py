"""The reason of an event whose offer no plan sells: written by the handler, read back by the console."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from core.phrases import Phrase, found_in

BEGINNING = "no plan for offer "
REASON = Phrase.worded(
    "no plan for offer {offers}; map it to a plan, then retry", _("Offer “{offers}” has no plan: choose one")
)
REASON_WITH_TITLE = Phrase.worded(
    "no plan for offer {offers} ({title}); map it to a plan, then retry", _("Offer “{title}” has no plan: choose one")
)


@dataclass(frozen=True, kw_only=True)
class MissingPlan:
    """The ids of an offer (its own, its product's), the first of which is mapped, and its title."""

    offers: Sequence[str]
    title: str = ""

    def __str__(self) -> str:
        return f"{self.offers[0]} ({self.title})" if self.title else self.offers[0]

    @property
    def named(self) -> str:
        """All ids and the title, as staff's mail names them."""
        return f"{', '.join(self.offers)}{f' ({self.title})' if self.title else ''}"

    @property
    def reason(self) -> str:
        offers = ", ".join(self.offers)
        return REASON_WITH_TITLE(offers=offers, title=self.title) if self.title else REASON(offers=offers)

    @classmethod
    def from_reason(cls, reason: str) -> "MissingPlan | None":
        """Return what a reason says; None where it is about something else."""
        found = next((one for one in found_in(reason) if one.phrase in (REASON, REASON_WITH_TITLE)), None)
        if found is None:
            return None
        return cls(offers=tuple(found.values["offers"].split(", ")), title=found.values.get("title", ""))
