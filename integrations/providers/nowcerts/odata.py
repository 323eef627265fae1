"""Lists in OData, as NowCerts has them: filters as text, and pages in the order of change."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol
from uuid import UUID

from integrations.toolkit import changes
from integrations.toolkit.changes import Cursor
from integrations.toolkit.failures import Refused


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


def records_in(answer: Any, *, called: str) -> list[Mapping[str, Any]]:
    """The records of a list. Raises Refused where that is not what came."""
    records = answer.get("value") if isinstance(answer, dict) else None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise Refused(f'NowCerts: {called} was answered without a list under "value"', status=200, document=answer)
    return records


def changed_page(call: Call, path: str, cursor: Cursor) -> list[Mapping[str, Any]]:
    """The records of a list from where the cursor stands, in the order of their `changeDate`, at most a page."""
    query = {"$orderby": "changeDate", "$top": str(changes.PAGE_SIZE), "$skip": str(cursor.skip)}
    if cursor.since:
        query["$filter"] = f"(changeDate ge {cursor.since})"
    return records_in(call("GET", path, query=query), called=f"GET {path}")
