"""GHL_PIPELINES: in which pipeline, and at which of its stages, an opportunity for a line of business begins."""

import json
from collections.abc import Mapping

from django.core.exceptions import ImproperlyConfigured

_EXPECTED = 'GHL_PIPELINES is JSON like {"Auto": ["pipeline id", "stage id"], "*": ["pipeline id", "stage id"]}'


def read_pipelines(text: str) -> Mapping[str, tuple[str, str]]:
    """Line of business ("*": any other) → (pipeline id, stage id); empty for "".

    Raises ImproperlyConfigured, saying what is wrong, for anything else than such JSON.
    """
    if not text.strip():
        return {}
    try:
        given = json.loads(text)
    except ValueError as error:
        raise ImproperlyConfigured(f"{_EXPECTED}; it is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise ImproperlyConfigured(f"{_EXPECTED}; a {type(given).__name__} came")
    return {line.strip(): _stage(line, ids) for line, ids in given.items()}


def _stage(line: str, ids: object) -> tuple[str, str]:
    match ids:
        case [str(pipeline_id), str(stage_id)] if pipeline_id.strip() and stage_id.strip():
            return pipeline_id.strip(), stage_id.strip()
    raise ImproperlyConfigured(f"{_EXPECTED}; {line!r} has no two ids")
