"""Lists in the order of change, a page a request, so that no record is missed that changes meanwhile.

Counting pages from the beginning loses a record for each one that changes during the run: it moves to the end, and
the one after the page moves onto it. So each request begins at the newest date of the page before.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Self

from core.phrases import Phrase
from integrations.toolkit import answers
from integrations.toolkit.failures import Refused
from integrations.toolkit.reading import read_moment, text_at

PAGE_SIZE = 100
EPOCH = "1970-01-01T00:00:00.000Z"
LAG = timedelta(minutes=1)
UNSURE = Phrase(
    "{title} did not list {what} by their last change: they were counted. What changed meanwhile may be missing;"
    " an audit (--full) finds it."
)
_ROUNDED = timedelta(seconds=1)  # a date may be shown with less digits than it is compared with
_UNDATED = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """Start of the next request: records changed at `since` ("": at any time), without the first `skip`.

    `since` is as the provider wrote it. `seen` are ids that were read already. With `counts` the list does not do what
    was asked of it (another order, or older records): it is read from its beginning to its end by counting alone.
    """

    since: str
    skip: int = 0
    seen: tuple[str, ...] = ()
    counts: bool = False

    @classmethod
    def at(cls, text: str, *, since: datetime | None, earliest: str = "") -> Self:
        """Return the cursor in `text`; without one, that of a run which begins at `since`, else at `earliest`."""
        if text:
            values = json.loads(text)
            return cls(**(values | {"seen": tuple(values["seen"])}))
        return cls(since=date_time(since) if since else earliest)

    @property
    def text(self) -> str:
        return json.dumps(asdict(self))

    def unread(self, page: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return the records of a page that were not on the page before."""
        return [record for record in page if text_at(record, "id") not in self.seen]

    def after(
        self, page: Sequence[Mapping[str, Any]], *, dated_by: str, title: str, short_is_last: bool = False
    ) -> "Cursor | None":
        """Return the cursor of the request after this page; None where nothing on it was unread.

        A short page may be followed by more, since a provider may give less at once than it is asked for; with
        `short_is_last` it is the end. Raises Refused where the list gives the same page again, which would never end.
        `title` names the list.
        """
        ids = tuple(text_at(record, "id") for record in page)
        if self.skip and ids and ids == self.seen:
            raise Refused(answers.TWICE(provider=title), status=200)
        if not self.unread(page) or (short_is_last and len(page) < PAGE_SIZE):
            return None
        dates = [text_at(record, dated_by) for record in page]
        moments = [read_moment(text) or _UNDATED for text in dates]
        began = read_moment(self.since) or _UNDATED
        is_sorted = all(earlier <= later for earlier, later in pairwise(moments))
        keeps_to_since = not self.since or moments[0] >= began - _ROUNDED
        if self.counts or not is_sorted or not keeps_to_since:
            return replace(self, skip=self.skip + len(page), seen=ids, counts=True)
        if moments[-1] == began:  # more than a page may have this one date
            return replace(self, skip=self.skip + len(page), seen=ids)
        if moments[0] == moments[-1]:
            return Cursor(since=dates[-1], skip=len(page), seen=ids)
        newest = tuple(id_ for id_, moment in zip(ids, moments, strict=True) if moment == moments[-1])
        return Cursor(since=dates[-1], seen=newest)


def date_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def true_at(changed_at: datetime | None, *, asked_at: datetime) -> datetime:
    """Return when what a list says of a record was surely so: since it changed last, and a moment before it was asked
    for.

    Indexes lag behind by seconds: what was written meanwhile, by us too, is not undone by what they still say.
    """
    settled = asked_at - LAG
    return settled if changed_at is None else min(asked_at, max(changed_at, settled))
