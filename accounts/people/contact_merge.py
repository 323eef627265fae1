"""Three-way merge of a contact's values: ours, the remote ones and the last synced ones. No database.

The base is what the reporting record had when it was last told. What changed there since is taken over; where ours was
changed as well, by somebody else, the two are in conflict, and the newer word holds, unless one of the two has the
authority for that value. An empty value counts only where exactly that was emptied which we have.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from accounts.people.contact_report import EMPTY, moment, news

AT, BY = "at", "by"
Origins = Mapping[str, Mapping[str, str]]  # name → when our value became true there (`moment`), and where


@dataclass(frozen=True, kw_only=True)
class Merged:
    """`taken` is to be written over ours; `won` are those of it that were in conflict. `lost` is what was not taken.

    `agreed` are the names of what they changed to just what we have: it is their word from now on, if that is the newer
    one. Otherwise the order in which three words arrive would decide which of them holds.
    """

    taken: Mapping[str, Any] = field(default_factory=dict)
    won: frozenset[str] = frozenset()
    lost: Mapping[str, Any] = field(default_factory=dict)
    agreed: frozenset[str] = frozenset()

    def without(self, names: frozenset[str]) -> "Merged":
        return Merged(
            taken={name: value for name, value in self.taken.items() if name not in names},
            won=self.won - names,
            lost={name: value for name, value in self.lost.items() if name not in names},
            agreed=self.agreed,
        )


def merge(
    ours: Mapping[str, Any],
    told: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    *,
    origins: Origins,
    provider: str,
    changed_at: datetime,
    authorities: Mapping[str, str],
) -> Merged:
    """Return what of `told`, by `provider`'s record that was changed at `changed_at`, is to be written over `ours`.

    `authorities`: name → the provider whose word holds in a conflict about it.
    """
    taken, lost, won = {}, {}, set()
    for name, value in news(ours, told, before).items():
        if not _is_conflict(name, ours.get(name), before, origins):
            taken[name] = value
        elif _prevails(name, origins.get(name, {}), provider, moment(changed_at), authorities):
            taken[name] = value
            won.add(name)
        else:
            lost[name] = value
    agreed = {
        name
        for name, value in told.items()
        if value not in EMPTY
        and value == ours.get(name)
        and (before is None or before.get(name) != value)
        and origins.get(name, {}).get(BY) != provider
        and _prevails(name, origins.get(name, {}), provider, moment(changed_at), authorities)
    }
    return Merged(taken=taken, won=frozenset(won), lost=lost, agreed=frozenset(agreed))


def originated(names: Any, *, provider: str, at: datetime) -> dict[str, dict[str, str]]:
    """Return what is added to a contact's origins for values that `provider` has had since `at`."""
    return {name: {AT: moment(at), BY: provider} for name in names}


def _is_conflict(name: str, mine: Any, before: Mapping[str, Any] | None, origins: Origins) -> bool:
    """Return whether ours was changed, too, since that record last agreed with it.

    Nobody knows who filled in what is old.
    """
    if name not in origins or (mine in EMPTY and (before is None or name not in before)):
        return False
    return before is None or name not in before or before[name] != mine


def _prevails(
    name: str, origin: Mapping[str, str], provider: str, changed_at: str, authorities: Mapping[str, str]
) -> bool:
    """Return whether the newcomer's word holds.

    At one moment the name of the provider decides, so that order cannot.
    """
    authority = authorities.get(name, "")
    if origin.get(BY) == provider or authority == provider:
        return True
    if authority and authority == origin.get(BY):
        return False
    return (changed_at, provider) > (origin.get(AT, ""), origin.get(BY, ""))
