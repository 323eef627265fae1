"""Three-way merge of a contact's values: ours, the remote ones and the last synced ones. No database.

The base is what the reporting record had when it was last synced. What changed at the provider since is taken over;
where ours was changed as well, by somebody else, the two are in conflict, and the newer change holds, unless one of the
two has the authority for that value. An empty value counts only where exactly that was emptied which we have.

A list of words in one text has no conflict, unless a provider has the authority for it: a word that was added on either
side is in it, and one that was removed on either side is not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from accounts.people.contact_report import AT, BY, EMPTY, timestamp
from core import word_lists

Origins = Mapping[str, Mapping[str, str]]  # name → the origin of our value


@dataclass(kw_only=True)
class Merged:
    """`taken` is to be written over ours; `won` are those of it that were in conflict. `lost` is what was not taken.

    `agreed` are the names of what they changed to just what we have: it is of that provider from now on, if its change
    is the newer one. Otherwise the order in which three reports arrive would decide which of them holds.
    """

    taken: dict[str, Any] = field(default_factory=dict)
    won: set[str] = field(default_factory=set)
    lost: dict[str, Any] = field(default_factory=dict)
    agreed: set[str] = field(default_factory=set)


def merge(
    ours: Mapping[str, Any],
    remote: Mapping[str, Any],
    base: Mapping[str, Any] | None,
    *,
    origins: Origins,
    provider: str,
    changed_at: datetime,
    authorities: Mapping[str, str],
    lists: Mapping[str, Callable[[Any], str]] = MappingProxyType({}),
) -> Merged:
    """Return what of `remote`, from `provider`'s record that was changed at `changed_at`, is to be written over `ours`.

    `base` is what that record had when it was last synced. What did not change there changes nothing here. Without a
    record (`base` is None) only what is missing is filled in. `authorities`: name → the provider that wins a conflict.
    `lists`: name → what brings a value of ours to the stored form that reported ones have, for lists of words.
    """
    merged = Merged()
    for name, value in remote.items():
        mine, origin = ours.get(name), origins.get(name, {})
        is_synced = base is not None and name in base
        last = base[name] if base is not None and is_synced else None
        if parse := lists.get(name):
            mine, last = parse(mine), parse(last)
        if is_synced and value == last:
            continue
        if value == mine:
            by_another = value not in EMPTY and origin.get(BY) != provider
            if by_another and _prevails(origin, provider, changed_at, authorities.get(name, "")):
                merged.agreed.add(name)
            continue
        if parse and not authorities.get(name):
            combined = _combined(mine, value, last)
            merged.taken |= {name: combined} if combined != mine else {}
            continue
        if value in EMPTY:
            # What somebody else filled in is not taken away by a provider that never had it.
            if last in EMPTY or last != mine:
                continue
        elif base is None and mine not in EMPTY:
            continue
        # Ours was changed, too, since the record last agreed with it. Nobody knows who filled in what has no origin.
        has_both_changed = last != mine if is_synced else mine not in EMPTY
        if name not in origins or not has_both_changed:
            merged.taken[name] = value
        elif _prevails(origin, provider, changed_at, authorities.get(name, "")):
            merged.taken[name] = value
            merged.won.add(name)
        else:
            merged.lost[name] = value
    return merged


def _combined(mine: Any, there: Any, last: Any) -> str:
    """Return our list of words with those that were added there since `last`, without those removed there."""
    ours, now, before = map(word_lists.parse, (mine, there, last))
    return word_lists.join((ours | (now - before)) - (before - now))


def _prevails(origin: Mapping[str, str], provider: str, changed_at: datetime, authority: str) -> bool:
    """Return whether the reported value wins a conflict.

    At one moment the name of the provider decides, so that order cannot.
    """
    if origin.get(BY) == provider or authority == provider:
        return True
    if authority and authority == origin.get(BY):
        return False
    return (timestamp(changed_at), provider) > (origin.get(AT, ""), origin.get(BY, ""))
