"""The register of personal data: one declaration a model, which retention, export and erasure all work by.

`accounts.privacy.declarations` declares the models of accounts and of Django, `integrations.operations.personal_data`
those of integrations; each app registers its own in AppConfig.ready. A test fails for a model that is not declared.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.people.mentions import Mentions
from accounts.people.person import Person

DELETED = "deleted"
CONFIGURATION = "what staff configure; holds nobody"
AS_LONG_AS_KNOWN = "as long as the person is known"
LEDGER = "for ever: access, points and money are computed from it; without a name once the person is erased"
# Columns that hold words of ours or of a protocol, and never anybody's.
_CODES = frozenset(
    {"provider", "kind", "channel", "currency", "language", "endpoint", "event_type", "state", "status", "outcome"}
    | {"operation", "stage", "step", "rule", "action", "target_type", "password", "body_digest", "content_digest"}
    | {"digest", "auth_provider"}
)


@dataclass(frozen=True, kw_only=True)
class Retention:
    """The time for which rows keep their contents: `kept_for` (RETENTION_DAYS where it is None) after the date in
    `since`.

    Only `rows` are touched: what is finished. Then they get `becomes`, and `pruned_at` says when; without it they are
    deleted. `first` is called with the keys of a batch before, in its transaction. `delete` is for a model that deletes
    by its own rule: called with the date, it returns how many rows.
    """

    since: str
    rows: Q = field(default_factory=Q)
    becomes: Mapping[str, Any] | None = None
    kept_for: timedelta | None = None
    first: Callable[[Sequence[int]], None] | None = None
    delete: Callable[[datetime], int] | None = None

    def cutoff(self) -> datetime | None:
        """Return the date before which contents are removed; None where they are kept for ever."""
        if self.kept_for is None and not settings.RETENTION_DAYS:
            return None
        return timezone.now() - (self.kept_for or timedelta(days=settings.RETENTION_DAYS))


@dataclass(frozen=True, kw_only=True)
class Holding:
    """The personal data that one model holds.

    `holds` says what, and `retention` for how long, in words where rows stay. `own` finds a person's own rows: by a
    condition, or as a set of keys; without it a row is nobody's. An own row is deleted, or gets `becomes` (values, or
    functions of the row) and loses what names the person in its other texts. `erase` is for a model with rules of its
    own: called with the row, the patterns and whether it is an own row, it returns the columns that change, or DELETED;
    without `becomes` nothing else of the row changes then. With `scans` the texts of all other rows are searched for
    the person's values too.

    `anchors` are rows by which the person is found: they go last, so that an erasure that died is done again.
    `secret` columns are not exported. `exports` makes the exported row of a model whose rows may be about several
    people; rows that only name the person are exported too then.

    `attempts`: what becomes of attempts at rows of a queue that are under way. "waited for": the person's own, which do
    something that cannot be taken back, such as a mail. "voided": all of them, which only write rows; they are made
    again.
    """

    model: type[models.Model]
    holds: str
    retention: Retention | str
    own: Callable[[Person], Q | set[Any]] | None = None
    becomes: Mapping[str, Any] | None = None
    erase: Callable[[Any, Mentions, bool], "Mapping[str, Any] | str"] | None = None
    scans: bool = True
    anchors: bool = False
    secret: frozenset[str] = frozenset()
    exports: Callable[[Any, Person, Mentions], Mapping[str, Any]] | None = None
    attempts: Literal["", "waited for", "voided"] = ""

    @property
    def label(self) -> str:
        return self.model._meta.label

    @property
    def rows(self) -> "models.QuerySet[Any]":
        """Return all rows, past managers that leave some out or refuse changes."""
        return models.QuerySet(self.model)

    @property
    def texts(self) -> list[str]:
        """Return the columns in which anything may stand."""
        return [column.attname for column in self.model._meta.concrete_fields if _is_text(column)]

    def own_keys(self, person: Person) -> set[Any]:
        found = self.own(person) if self.own else set()
        return set(self.rows.filter(found).values_list("pk", flat=True)) if isinstance(found, Q) else found


_holdings: dict[type[models.Model], Holding] = {}


def register(holdings: Iterable[Holding]) -> None:
    """Declare models; a later declaration of the same model replaces the earlier one."""
    _holdings.update({holding.model: holding for holding in holdings})


def all_holdings() -> list[Holding]:
    """Return every declaration, in the order in which they were made."""
    return list(_holdings.values())


def _is_text(column: "models.Field[Any, Any]") -> bool:
    if column.primary_key or column.is_relation or column.choices or column.name in _CODES:
        return False
    return isinstance(column, models.CharField | models.TextField | models.JSONField | models.BinaryField)
