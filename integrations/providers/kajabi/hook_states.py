"""Hooks: what a provider keeps for us to know which events it posts where. Seen and changed by whoever operates Enlace.

Targets hold tokens, and those of strangers may too; so no target stands here whole, and none can be shown by mistake.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


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
