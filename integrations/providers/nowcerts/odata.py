"""Lists in OData, as NowCerts has them: filters as text, and pages that miss nothing while records change."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from integrations.toolkit.failures import Refused
from integrations.toolkit.reading import text_at

PAGE_SIZE = 100


class Call(Protocol):
    def __call__(self, method: str, path: str, *, query: Mapping[str, str]) -> Any: ...


def equal(name: str, value: str, *, quoted: bool = True) -> str:
    """The condition `name eq value`; a quote within a text is doubled, and guids stand unquoted."""
    doubled = value.replace("'", "''")
    return f"({name} eq '{doubled}')" if quoted else f"({name} eq {value})"


def any_of(conditions: Iterable[str]) -> str:
    return " or ".join(conditions)


def guid(text: str) -> str:
    """The id as it may stand in a filter. Raises Refused for what is no guid, since it would be part of the filter."""
    try:
        return str(UUID(text.strip()))
    except ValueError:
        raise Refused(f"NowCerts: {text[:60]!r} is no id of theirs (a guid is expected)", status=404) from None


def date_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def records_in(answer: Any, *, called: str) -> list[Mapping[str, Any]]:
    """The records of a list. Raises Refused where that is not what came."""
    records = answer.get("value") if isinstance(answer, dict) else None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise Refused(f'NowCerts: {called} was answered without a list under "value"', status=200, document=answer)
    return records


def pages(call: Call, path: str, *, since: str) -> Iterator[list[Mapping[str, Any]]]:
    """Pages of the records whose `changeDate` is `since` or later, the oldest first.

    Each request begins at the newest date of the page before and leaves out what that page had: a record that changes
    while the list is read moves to the end and comes again, where counting from the beginning would lose another one.
    """
    skip, seen = 0, set[str]()
    while True:
        query = {
            "$filter": f"(changeDate ge {since})",
            "$orderby": "changeDate",
            "$top": str(PAGE_SIZE),
            "$skip": str(skip),
        }
        page = records_in(call("GET", path, query=query), called=f"GET {path}")
        if fresh := [record for record in page if text_at(record, "id") not in seen]:
            yield fresh
        if len(page) < PAGE_SIZE:
            return
        newest = text_at(page[-1], "changeDate")
        if not newest:
            raise Refused(f"NowCerts: GET {path} gave records without a changeDate", status=200)
        if newest == since:  # more than a page has this one date
            skip += PAGE_SIZE
        else:
            skip, since = 0, newest
            seen = {text_at(record, "id") for record in page if text_at(record, "changeDate") == newest}
