"""JSON:API as Kajabi speaks it: documents, lists and their pages.

A resource stays the received mapping (`id`, `type`, `attributes`, `relationships`), shaped as in a native hook.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.phrases import CODE, ERROR, Phrase
from integrations.toolkit.client import JsonClient
from integrations.toolkit.failures import TemporaryFailure
from integrations.toolkit.reading import text_at

_NO_RESOURCE = Phrase("Kajabi: {call} answered without a resource in `data`; {shape} came", call=ERROR, shape=CODE)
_NO_RESOURCES = Phrase(
    "Kajabi: {call} answered without a list of resources in `data`; {shape} came", call=ERROR, shape=CODE
)
_LEADS_BACK = Phrase("Kajabi: GET {path}: `links.next` of page {number} leads back to a page before it", path=ERROR)

CONTENT_TYPE = "application/vnd.api+json"
PAGE_SIZE = 100

Resource = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Document:
    """Resource, with those that were asked for by `include`."""

    resource: Resource
    included: list[Resource] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Page:
    """Part of a list. `number` is the `first_page` with which reading can resume at this page."""

    number: int
    resources: list[Resource]
    included: list[Resource] = field(default_factory=list)
    is_last: bool


def identifier(kind: str, external_id: str) -> dict[str, str]:
    """Return the identifier of a resource, as a request's body has it."""
    return {"type": kind, "id": external_id}


def related_ids(resource: Resource, name: str) -> tuple[str, ...]:
    """Return the ids in a to-one or to-many relationship; none where it is empty, or only a link."""
    relationships = resource.get("relationships")
    relationship = relationships.get(name) if isinstance(relationships, Mapping) else None
    linked = relationship.get("data") if isinstance(relationship, Mapping) else None
    items = linked if isinstance(linked, list) else [linked]
    return tuple(external_id for item in items if (external_id := text_at(item, "id")))


def read_document(answer: Any, *, called: str) -> Document:
    """Return the resource of an answer. Raises TemporaryFailure where there is none."""
    resource = answer.get("data") if isinstance(answer, Mapping) else None
    if not isinstance(resource, Mapping) or not _is_resource(resource):
        raise TemporaryFailure(_NO_RESOURCE(call=called, shape=_shape(answer)))
    return Document(resource=resource, included=_included(answer))


def read_resources(answer: Any, *, called: str) -> list[Resource]:
    """Return the resources of an answer. Raises TemporaryFailure where it holds anything else."""
    resources = answer.get("data") if isinstance(answer, Mapping) else None
    if not isinstance(resources, list) or not all(map(_is_resource, resources)):
        raise TemporaryFailure(_NO_RESOURCES(call=called, shape=_shape(answer)))
    return resources


def pages(
    http: JsonClient, path: str, *, query: Mapping[str, str], page_size: int = PAGE_SIZE, first_page: int = 1
) -> Iterator[Page]:
    """Yield the pages of a list, from `first_page` on, until one has no `links.next`.

    Nothing else is needed of the envelope, since `meta` varies or is missing. A list that changes while it is read may
    show a resource twice, or move one onto a page that was read already: readers must accept the first, and whoever
    needs everything reads again with an overlap. Raises Refused for a next page on another server, and TemporaryFailure
    for one that was read before.
    """
    address = path
    parameters: Mapping[str, str] = {**query, "page[number]": str(first_page), "page[size]": str(page_size)}
    current, number, seen = http.base_url + path, first_page, set[str]()
    while True:
        answer = http.call("GET", address, query=parameters)
        resources = read_resources(answer, called=f"GET {path}")
        link = _next_link(answer)
        yield Page(number=number, resources=resources, included=_included(answer), is_last=not link)
        if not link:
            return
        current = address = http.url_of(link, relative_to=current)
        if address in seen:
            raise TemporaryFailure(_LEADS_BACK(path=path, number=number))
        seen.add(address)
        parameters, number = {}, number + 1  # the link holds the whole query


def explain(document: Any) -> str:
    """Return the error message of Kajabi's API (a list of `errors`), or of its token endpoint (`error`)."""
    errors = document.get("errors") if isinstance(document, Mapping) else None
    if not isinstance(errors, list):
        return " ".join(filter(None, (text_at(document, "error"), text_at(document, "error_description"))))
    return "; ".join(filter(None, map(_error_text, errors[:5])))


def _error_text(error: Any) -> str:
    texts = [text_at(error, "title"), text_at(error, "detail")]
    where = text_at(error, "source", "pointer")
    return ": ".join(dict.fromkeys(filter(None, texts))) + (f" ({where})" if where else "")


def _next_link(answer: Mapping[str, Any]) -> str:
    """Return `links.next`: a text, or an object with `href`, which JSON:API allows; "" where there is none."""
    return text_at(answer, "links", "next") or text_at(answer, "links", "next", "href")


def _included(answer: Mapping[str, Any]) -> list[Resource]:
    included = answer.get("included")
    return list(filter(_is_resource, included)) if isinstance(included, list) else []


def _is_resource(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(text_at(value, "id")) and bool(text_at(value, "type"))


def _shape(answer: Any) -> str:
    return f"an object with {sorted(map(str, answer))[:8]}" if isinstance(answer, Mapping) else type(answer).__name__
