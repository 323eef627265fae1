"""Values that the log and Sentry never show: every configured secret, in each form in which it may be written."""

import html
import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from math import ceil
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

from config.secret_settings import configured_secrets

_DIGIT = re.compile(r"\d")
_ENCODED = re.compile("%..")

SHORTEST = 8  # characters; what is shorter stands in ordinary words
_CLIENT_ID = re.compile(r"_CLIENT_ID$")  # half of what opens an API
_ADDRESS_NAME = re.compile(r"(?:^|_)(?:DSN|WEBHOOK_URL)S?$")  # who knows such an address may post there
# Words that a variable may be set to where a secret is expected; masking them would make lines unreadable.
_ORDINARY = frozenset({"required", "optional", "disabled", "enabled", "localhost", "postgres", "password", "undefined"})


def values_to_mask(settings: Any, environ: Mapping[str, str]) -> set[str]:
    """Return the secrets among settings (Django's, or a settings module's mapping) and environment variables.

    They are found by the words in their names, so that a new provider's are covered by what they are called. The
    environment too: a library may read a variable that is no setting (a proxy's URL with its password, a cloud's key).
    """
    variables = {name.upper(): value for name, value in environ.items()}
    found: set[str] = set()
    for source in (settings, variables):
        for name, values in configured_secrets(source).items():
            for value in values:
                found |= {value, value.removeprefix("whsec_")}
                if source is variables:
                    found.update(part.strip() for part in value.split(","))  # a list, as settings read it
                if name.endswith("WEBHOOK_SECRET"):
                    found.add(value.partition(":")[2])  # user:password
        for value in _texts(source, named=_ADDRESS_NAME):
            found |= _parts(value)
        found.update(_texts(source, named=_CLIENT_ID))
    return {value for value in found if len(value) >= SHORTEST and value.lower() not in _ORDINARY}


def _texts(settings: Any, *, named: re.Pattern[str]) -> Iterator[str]:
    names = settings if isinstance(settings, Mapping) else dir(settings)
    for name in list(names):
        if name.isupper() and named.search(name):
            value = settings[name] if isinstance(settings, Mapping) else getattr(settings, name)
            yield from [value] if isinstance(value, str) else (item for item in value or [] if isinstance(item, str))


def _parts(address: str) -> set[str]:
    """Return the whole address, and its user and path by themselves where they look like a key; never its host."""
    try:
        parts = urlsplit(address)
        looks = [parts.username or "", parts.path.strip("/")]
    except ValueError:
        return {address}
    return {address, *(part for part in looks if len(part) >= 16 and _DIGIT.search(part))}


def forms_of(secrets: Iterable[str]) -> list[str]:
    """Return every form of these secrets, the longest first."""
    found = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
    return sorted((form for form in found if len(form) >= SHORTEST), key=len, reverse=True)


def _forms(secret: str) -> Iterator[str]:
    yield secret
    for encoded in (quote(secret), quote(secret, safe=""), quote_plus(secret)):
        yield encoded
        yield _ENCODED.sub(lambda match: match.group().lower(), encoded)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    yield html.escape(secret)
    for line in secret.splitlines():
        if len(line) >= 16 and not line.startswith("-----"):  # of a key in PEM
            yield line
    # In base64 (Basic authentication, with whatever user name before it) it looks different at each of three places.
    data = secret.encode("utf-8", "replace")
    for place in range(3):
        encoded = b64encode(b"\0" * place + data).decode()
        core = encoded[ceil(place * 8 / 6) : (place + len(data)) * 8 // 6]
        yield core
        yield core.replace("+", "-").replace("/", "_")
