"""Redaction of log lines: no secret, no token, no password, no whole e-mail address, no control character.

`Redactor` is the last step before a line is written, for our lines and for those of every library.
"""

import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

from config.masked_values import forms_of

SECRET_NAME = re.compile(r"pass|secret|token|authorization|cookie|signature|api_?key|session", re.IGNORECASE)
_TOKEN_IN_URL = re.compile(r"((?:token|password|key|sig|signature|code)=)[^&\s\"']+", re.IGNORECASE)
_TOKEN_IN_PATH = re.compile(r"(/[a-z]+-webhook/|/webhooks?/[a-z-]+/)[^/\s\"'?]+")
# Begins where a run of letters begins and nowhere within it, so that it looks at each letter once.
_ADDRESS = re.compile(r"(?<![A-Za-z0-9._%+'\-])([._%+'\-]*+[A-Za-z0-9])[A-Za-z0-9._%+'\-]*?(@|%40)([A-Za-z0-9.-]+)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u0085\u2028\u2029]")
MASK = "•••"
LONGEST = 10_000  # letters of a value in a line; a traceback fits


def mask(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` without secrets, tokens in URLs, whole e-mail addresses and control characters but new lines.

    At most LONGEST letters of it: it is cut after the secrets are gone, which half of one would survive, and before
    anything is searched.
    """
    for secret in secrets:
        text = text.replace(secret, MASK)
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}…"
    text = without_tokens(text)
    text = _ADDRESS.sub(rf"\g<1>{MASK}\g<2>\g<3>", text)
    return _CONTROL.sub("�", text)


def without_tokens(text: str) -> str:
    """Return `text` without the tokens in the paths and the queries of URLs."""
    text = _TOKEN_IN_URL.sub(rf"\g<1>{MASK}", text)
    return _TOKEN_IN_PATH.sub(rf"\g<1>{MASK}", text)


class Redactor:
    """A structlog processor that masks every value of a log line.

    `secrets` are the configured values themselves: they are removed wherever they stand, whatever they are called
    there and however they are encoded.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = forms_of(secrets)

    def __call__(self, logger: object, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for key, value in line.items():
            if key.startswith("_"):
                continue
            line[key] = self.value(key, value)
        return line

    def value(self, key: str, value: Any) -> Any:
        """Return a value as it may be written under this name."""
        if SECRET_NAME.search(key[:LONGEST]):
            return MASK
        if isinstance(value, Mapping):
            value = {str(key): self.value(str(key), item) for key, item in value.items()}
        if value is None or isinstance(value, bool | int | float):
            return value
        return mask(value if isinstance(value, str) else str(value), self._secrets)
