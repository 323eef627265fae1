"""The reason of an event whose offer no plan sells: written by the handler, read back by the console."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

BEGINNING = "no plan for offer "
_FORM = BEGINNING + r"(?P<offers>(?:(?!; map it).)+?){title}; map it to a plan, then retry"
REASON = re.compile(_FORM.format(title=r"(?: \((?P<title>.*?)\))?"))
REASON_WITH_TITLE = re.compile(_FORM.format(title=r" \((?P<title>.+?)\)"))


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
        return f"{BEGINNING}{self.named}; map it to a plan, then retry"

    @classmethod
    def from_reason(cls, reason: str) -> "MissingPlan | None":
        """Return what a reason says; None where it is about something else."""
        found = REASON.search(reason)
        return cls(offers=tuple(found["offers"].split(", ")), title=found["title"] or "") if found else None
