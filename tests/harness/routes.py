"""Addresses of the URLconf, for tests that request all of them."""

import re
from collections.abc import Iterator, Mapping

from django.urls import URLPattern, URLResolver, get_resolver


def routes(*, values: Mapping[str, str] | None = None) -> list[str]:
    """Return every address of the URLconf, an example value in the place of each variable part.

    `values` names others than "1" for numbers and "x" for texts: {"int": …, "text": …}.
    """
    chosen = {"int": "1", "text": "x"} | dict(values or {})
    return [_example(pattern, chosen) for pattern in _patterns(get_resolver())]


def _patterns(resolver: URLResolver, before: str = "") -> Iterator[str]:
    for entry in resolver.url_patterns:
        pattern = before + str(entry.pattern).removeprefix("^")
        if isinstance(entry, URLResolver):
            yield from _patterns(entry, pattern)
        elif isinstance(entry, URLPattern):
            yield pattern


def _example(pattern: str, chosen: Mapping[str, str]) -> str:
    number, text = chosen["int"], chosen["text"]
    path = re.sub(r"<int:[^>]+>", number, pattern)
    path = re.sub(r"<[a-z]+:[^>]+>|(?<!\?P)<[a-z_]+>", text, path)
    path = path.replace(r"(?:/(?P<token>[^/]+))?", f"/{text}")
    path = re.sub(r"\(\?P<[a-z_]+>\[0-9\][^)]*\)", number, path)
    path = re.sub(r"\(\?P<[^>]+>[^)]*\)", text, path)
    return "/" + path.replace("/?$", "").replace("$", "").replace("^", "").replace("\\.", ".")
