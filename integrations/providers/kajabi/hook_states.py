"""State of Kajabi's hooks, and results of changing them.

Targets hold tokens, and those of strangers may too; so every target here is masked, and none can be shown by mistake.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class HookState(StrEnum):
    """State of a hook: right, ours but outdated, or foreign."""

    CURRENT = "current"
    OUTDATED = "outdated"
    FOREIGN = "foreign"


class HookResult(StrEnum):
    """Result for a hook. `removed`: one of ours beside the right one."""

    CREATED = "created"
    KEPT = "kept"
    REPLACED = "replaced"
    REMOVED = "removed"
    FOREIGN = "foreign"


@dataclass(frozen=True, kw_only=True)
class Hook:
    """Hook as it may be shown: `target` is masked."""

    external_id: str
    event: str
    target: str
    state: HookState


@dataclass(frozen=True, kw_only=True)
class HookOutcome:
    """Result for one hook, `target` masked."""

    external_id: str
    event: str
    target: str
    result: HookResult


class HooksIncomplete(Exception):
    """Configuring broke off; `outcomes` were done until then. Configuring again continues from there."""

    def __init__(self, message: str, *, outcomes: Sequence[HookOutcome]) -> None:
        super().__init__(message)
        self.outcomes = tuple(outcomes)
