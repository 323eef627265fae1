"""Bodies of deliveries: compression, character sets, forms and batches → JSON objects, one for each event.

Senders and the relays in front of them differ in how they write the same content. Read are JSON and forms, compressed
once by gzip or deflate, in the character sets below. Every step is bounded before it works: what a body inflates to,
the fields of a form, the events of a batch.
"""

import json
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl

from django.core.exceptions import SuspiciousOperation
from django.http import QueryDict
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.utils.http import parse_header_parameters

from core import strict_json
from core.phrases import CODE, ERROR, QUOTED, TEXT, Phrase
from core.strict_json import InvalidJson
from core.text import ENTRIES, storable
from core.web.charsets import ONE_BYTE, UTF_16
from integrations.contracts.webhook import Payload, WebhookRequest

_ENCODING = Phrase("Content-Encoding {name} is not read: one of gzip and deflate is", name=QUOTED)
_NO_STREAM = Phrase("the body is no {kind} stream: {error}", kind=CODE, error=ERROR)
_ENDS_EARLY = Phrase("the {kind} stream ends early", kind=CODE)
_MORE = Phrase("more than one body, or something else, stands after the {kind} stream", kind=CODE)
_BATCH = Phrase("a batch of 1 to {limit} events was expected, one of {count} came", limit=CODE)
_NOT_THIS = Phrase("the body is not {charset}: byte {place} is {byte}", charset=CODE)
_FIELD_NOT_THIS = Phrase("a field of the form is not {charset}: {error}", charset=CODE, error=ERROR)
_NO_FORM = Phrase("the form cannot be read: {error}", error=ERROR)
_FIELD = Phrase("the field {name} of the form: {error}", name=QUOTED, error=TEXT)

MAX_BATCH = 500  # events in one body
_MAX_MEMBERS = 16  # gzip streams one after the other, which count as one
_GZIP, _ZLIB, _RAW = 31, 15, -15  # zlib's `wbits` of each format
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))  # of the byte order
_FORM, _MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
_WRAPPERS = ("payload", "data")  # fields of forms that hold JSON
# contact[email], tags[], items[0][id]; no name of a field is longer, and none costs more than its letters
_BRACKETED = re.compile(r"[^\[\]]{1,99}(?=\[)(?:\[[^\[\]]{1,99}\]){0,8}(?:\[\])?")
_KEY = re.compile(r"\[([^\[\]]*)\]")


class TooLong(Exception):
    """A compressed body holds more than is read; it was inflated no further."""


class Compressed(Exception):
    """A body that cannot be inflated: another Content-Encoding, several of them, or a broken stream; it says which."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One event of a body: its bytes as they are stored, and its JSON object, or the `error` why there is none.

    `place` is its number in a batch, from 1; 0 for a body that is one event.
    """

    body: bytes
    payload: Payload | None = None
    error: str = ""
    place: int = 0


def inflate(body: bytes, encoding: str, *, limit: int) -> bytes | None:
    """Return a body without its Content-Encoding; None where it has none.

    At most one byte more than `limit` is inflated. Raises TooLong, Compressed.
    """
    names = [name for part in encoding.split(",") if (name := part.strip().lower()) not in ("", "identity")]
    if not names:
        return None
    if names not in (["gzip"], ["x-gzip"], ["deflate"]):
        raise Compressed(_ENCODING(name=encoding.strip()[:60]))
    if names == ["deflate"]:  # by its definition with zlib's header, by some senders without
        has_header = len(body) > 1 and body[0] & 15 == 8 and int.from_bytes(body[:2], "big") % 31 == 0
        formats = _ZLIB if has_header else _RAW
    else:
        formats = _GZIP
    inflated, rest = b"", body
    for _member in range(_MAX_MEMBERS):
        stream = zlib.decompressobj(formats)
        try:
            inflated += stream.decompress(rest, limit + 1 - len(inflated))
        except zlib.error as error:
            raise Compressed(_NO_STREAM(kind=names[0], error=error)) from error
        if len(inflated) > limit:
            raise TooLong
        if not stream.eof:
            raise Compressed(_ENDS_EARLY(kind=names[0]))
        rest = stream.unused_data
        if not rest:
            return inflated
    raise Compressed(_MORE(kind=names[0]))


def read(
    request: WebhookRequest, *, split: Callable[[Payload], Sequence[Payload]] = lambda payload: (payload,)
) -> list[Part]:
    """Return the events of a body: one, those of a JSON array, or those that `split` makes of an object.

    What cannot be read is a part with its error.
    """
    if request.problem:
        return [Part(body=request.body, error=request.problem)]
    try:
        value = _value(request.content, request.headers.get("content-type", ""))
        values = value if isinstance(value, list) else [value]
        events = [event for one in values for event in (split(one) if isinstance(one, dict) else (one,))]
        if isinstance(value, list) or len(events) > 1:
            return list(_batch(events))
        if not isinstance(value, dict):
            raise InvalidJson(strict_json.NO_OBJECT(type=type(value).__name__))
    except InvalidJson as error:
        return [Part(body=request.content, error=str(error))]
    return [Part(body=request.content, payload=events[0])]


def _batch(values: Sequence[Any]) -> Iterator[Part]:
    """Yield the events of a batch. Raises InvalidJson for one that is empty or too long."""
    if not 0 < len(values) <= MAX_BATCH:
        raise InvalidJson(_BATCH(limit=MAX_BATCH, count=len(values)))
    for place, value in enumerate(values, start=1):
        body = json.dumps(storable(value), ensure_ascii=False).encode()
        if isinstance(value, dict):
            yield Part(body=body, payload=value, place=place)
        else:
            error = f"event {place} of the batch: a JSON object was expected, a {type(value).__name__} came"
            yield Part(body=body, error=error, place=place)


def _value(body: bytes, content_type: str) -> Any:
    """Return the JSON value of a body, or what a form stands for. Raises InvalidJson.

    What begins as JSON is JSON: many senders declare a form and send none.
    """
    kind, options = parse_header_parameters(content_type)
    charset = options.get("charset", "").strip().lower()
    if kind == _MULTIPART and body.lstrip().startswith(b"--"):
        return _unwrapped(_nested(_multipart(body, content_type, charset)))
    text = _text(body, charset)
    if kind == _FORM and text.strip() and not text.lstrip().startswith(("{", "[")):
        return _unwrapped(_nested(_form(text, charset)))
    return strict_json.parse(text)


def _text(body: bytes, charset: str) -> str:
    """Return a body as text. Raises InvalidJson.

    A mark of the byte order decides, then UTF-16 where it is declared, then UTF-8. A declared set of one byte a letter
    comes last, since many senders declare one and send UTF-8, and what it is for is hardly ever valid UTF-8.
    """
    marked = next((encoding for mark, encoding in _MARKS if body.startswith(mark)), UTF_16.get(charset))
    for encoding in (marked,) if marked else ("utf-8", ONE_BYTE.get(charset)):
        try:
            if encoding:
                return body.decode(encoding)
        except UnicodeDecodeError as error:
            failure = error
    named = "UTF-8" if failure.encoding == "utf-8" else failure.encoding
    raise InvalidJson(_NOT_THIS(charset=named, place=failure.start, byte=f"0x{body[failure.start]:02x}")) from failure


def _form(text: str, charset: str) -> dict[str, Any]:
    """Return the fields of a form, a list for each that stands several times. Raises InvalidJson."""
    encodings = ("utf-8", ONE_BYTE.get(charset))
    for encoding in filter(None, encodings):
        try:
            pairs = parse_qsl(
                text.strip(), keep_blank_values=True, max_num_fields=ENTRIES, encoding=encoding, errors="strict"
            )
        except UnicodeDecodeError as error:
            problem = _FIELD_NOT_THIS(charset=encoding, error=error.reason)
        except ValueError as error:
            problem = _NO_FORM(error=error)
        else:
            fields: dict[str, list[str]] = {}
            for name, value in pairs:
                fields.setdefault(name, []).append(value)
            return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}
    raise InvalidJson(problem)


def _multipart(body: bytes, content_type: str, charset: str) -> dict[str, Any]:
    """Return the fields of a form in parts, as `_form` does; files are left out. Raises InvalidJson."""
    meta = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(len(body))}
    try:
        encoding = ONE_BYTE.get(charset, "utf-8")
        fields: QueryDict = MultiPartParser(meta, BytesIO(body), [], encoding).parse()[0]
    except (MultiPartParserError, SuspiciousOperation, ValueError) as error:
        raise InvalidJson(_NO_FORM(error=error)) from error
    return {name: values[0] if len(values) == 1 else values for name, values in fields.lists()}


def _unwrapped(form: dict[str, Any]) -> Any:
    """Return the JSON in the field `payload`, or in `data` alone; else the form, with that field parsed."""
    for name in _WRAPPERS:
        text = form.get(name)
        if not isinstance(text, str) or not text.lstrip().startswith(("{", "[")):
            continue
        try:
            value = strict_json.parse(text)
        except InvalidJson as error:
            raise InvalidJson(_FIELD(name=name, error=error)) from error
        if name == "payload" or len(form) == 1:
            return value
        return form | {name: value}
    return form


def _nested(form: dict[str, Any]) -> dict[str, Any]:
    """Return a form with objects and lists for the fields that name their place: `contact[email]`, `tags[]`,
    `items[0][id]`. Where a place is taken the field stays under its whole name.
    """
    result = {name: value for name, value in form.items() if not _BRACKETED.fullmatch(name)}
    for name in [name for name in form if name not in result]:
        value, keys = form[name], [name.partition("[")[0], *_KEY.findall(name)]
        if not keys[-1]:
            value = value if isinstance(value, list) else [value]
            keys.pop()
        place: Any = result
        for key in keys[:-1]:
            place = place.setdefault(key, {}) if isinstance(place, dict) else None
        is_free = isinstance(place, dict) and keys[-1] not in place
        (place if is_free else result)[keys[-1] if is_free else name] = value
    return {name: value if name in form else _with_lists(value) for name, value in result.items()}


def _with_lists(value: Any) -> Any:
    """Return a value with a list for each object whose keys are 0, 1, 2 …"""
    if not isinstance(value, dict):
        return value
    values = {key: _with_lists(one) for key, one in value.items()}
    return list(values.values()) if [*values] == [str(number) for number in range(len(values))] else values
