"""Hooks: what a provider keeps for us to know which events it posts where. Seen and changed by whoever operates Enlace.

Targets hold tokens, and those of strangers may too; so no target stands here whole, and none can be shown by mistake.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Standing(StrEnum):
    """State of a hook: right, ours but wrong, or somebody else's."""

    CURRENT = "current"
    OUTDATED = "outdated"
    FOREIGN = "foreign"


class Result(StrEnum):
    """Result for a hook. `removed`: one of ours beside the right one."""

    CREATED = "created"
    KEPT = "kept"
    REPLACED = "replaced"
    REMOVED = "removed"
    FOREIGN = "foreign"


@dataclass(frozen=True, kw_only=True)
class Hook:
    """A hook as it may be shown: `target` is masked."""

    external_id: str
    event: str
    target: str
    standing: Standing


@dataclass(frozen=True, kw_only=True)
class HookOutcome:
    """Result for one hook, `target` masked."""

    external_id: str
    event: str
    target: str
    result: Result


class HooksIncomplete(Exception):
    """Configuring broke off; `outcomes` is what was done until then. Doing it again goes on from there."""

    def __init__(self, message: str, *, outcomes: Sequence[HookOutcome]) -> None:
        super().__init__(message)
        self.outcomes = tuple(outcomes)


class HookKeeper(Protocol):
    """A provider's hooks for us. Every method may raise Retryable or Permanent with what went wrong."""

    events: Sequence[str]

    def listed(self) -> list[Hook]:
        """The hooks that there are."""

    def configure(self) -> list[HookOutcome]:
        """One hook for each of `events`, to the right target; raises HooksIncomplete where it broke off."""

    def create(self, event: str, *, target_url: str = "") -> HookOutcome:
        """A hook to `target_url`, or to ours; kept where it is there. Raises ValueError for what makes no sense."""

    def delete(self, hook_id: str) -> bool:
        """Return whether it was there. Raises ValueError for what cannot be an id."""


def missing_events(keeper: HookKeeper, hooks: Sequence[Hook]) -> list[str]:
    """The events for which none of `hooks` is as it should be."""
    covered = {hook.event for hook in hooks if hook.standing is Standing.CURRENT}
    return [event for event in keeper.events if event not in covered]
