"""Calls with which a manifest lets staff try its API."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A call that tries a part of a provider's API and changes nothing there.

    `label` says what is tried. `call` gets the seconds that it may take, and returns what it saw in a few words of the
    reader's language, "" for nothing worth naming. It raises Retryable and Permanent, as every call does.
    """

    label: Any
    call: Callable[[float], str]
