"""Settings that hold secrets, found by their names, so that those of a new provider cannot be forgotten.

Two use this list: the log redactor removes every value, wherever it stands, and `check --deploy` asks that those which
we choose ourselves are long enough.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

SHORTEST = 16  # characters of a secret that we choose
# The last word of a name says what it holds: a TOKEN_PATH, PASSWORD_HASHERS and PUBLIC_KEYS are no secrets.
_SECRET = re.compile(r"(?:^|_)(?:SECRET|TOKEN|PASSWORD|PASSPHRASE|(?<!PUBLIC_)KEY)S?(?:_FALLBACKS)?$")
# Addresses that open something to whoever knows them.
_SECRET_ADDRESSES = ("SLACK_WEBHOOK_URL", "SENTRY_DSN")
# Given by somebody else, at a length of theirs: vendors' keys, accounts at a vendor, databases and mail servers.
_GIVEN = re.compile(
    r"_(?:CLIENT_SECRET|API_KEY|ACCESS_KEY|PLATFORM_TOKEN|ACCESS_TOKEN|SERVER_TOKEN)S?$"
    r"|^(?!ANYMAIL\.WEBHOOK_SECRET$).*\.|_(?:URL|DSN)$"
    r"|^SECRET_KEY(?:_FALLBACKS)?$"  # ours, and Django has a stricter check of its own (security.W009)
)


def configured_secrets(settings: Any) -> dict[str, list[str]]:
    """Return every secret that is set, by the name of its setting; a value inside a mapping as `SETTING.KEY`.

    `settings` is Django's settings, or the mapping that a settings module is. Passwords in URLs (a broker, a database)
    are found whatever the setting is called.
    """
    if isinstance(settings, Mapping):
        items = {name: value for name, value in settings.items() if name.isupper()}
    else:
        items = {name: getattr(settings, name) for name in dir(settings) if name.isupper()}
    found: dict[str, list[str]] = {}
    for name, value in _flat(items):
        texts = [text for text in _texts(value) if text]
        is_secret = _SECRET.search(name.rpartition(".")[2]) or name in _SECRET_ADDRESSES
        values = texts if is_secret else [password for text in texts for password in _password_in(text)]
        if values:
            found.setdefault(name, []).extend(values)
    return found


def chosen_secrets(settings: Any) -> dict[str, list[str]]:
    """Return those of `configured_secrets` that we choose, without what is known or constant of a value.

    That is everything that is not listed as given by others: a new setting is ours until somebody says otherwise.
    """
    names = set(settings if isinstance(settings, Mapping) else dir(settings))
    found = configured_secrets(settings).items()
    ours = {name: values for name, values in found if not _GIVEN.search(name) and not _is_account(name, names)}
    return {name: [_chosen_part(name, value) for value in values] for name, values in ours.items()}


def _is_account(name: str, names: set[str]) -> bool:
    """Return whether a password is of an account at somebody else's: the user's name is a setting beside it."""
    prefix, _underscore, last = name.rpartition("_")
    return last == "PASSWORD" and not names.isdisjoint({f"{prefix}_USER", f"{prefix}_USERNAME"})


def _chosen_part(name: str, value: str) -> str:
    if name == "ANYMAIL.WEBHOOK_SECRET":  # user:password
        return value.partition(":")[2]
    return value.removeprefix("whsec_")


def _flat(items: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in items.items():
        if isinstance(value, Mapping):
            yield from _flat({str(key): item for key, item in value.items()}, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list | tuple | set) else []


def _password_in(text: str) -> Iterator[str]:
    """Return the password of a URL, as written and decoded."""
    if "://" not in text:
        return
    try:
        password = urlsplit(text).password
    except ValueError:
        return
    if password:
        yield password
        if unquote(password) != password:
            yield unquote(password)
