"""JSON bodies of the API: the rules of `core.strict_json`, and 400 for what breaks them."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from core import strict_json


class StrictJSONParser(JSONParser):
    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the document. Raises ParseError."""
        try:
            return strict_json.read(stream.read())
        except strict_json.InvalidJson as error:
            raise ParseError(str(error)) from error
