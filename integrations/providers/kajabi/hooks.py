"""Hooks that Kajabi has for us: listed, created, deleted, and all six configured at once.

A hook is *ours* where its target is `/kajabi-webhook` on FRONTEND_URL's host, or holds a token of ours (of any host:
Enlace may have moved). Everything else is foreign and is left alone. Kajabi has no way to change a hook: a new one is
made first and the old one deleted then, so that no event is lost; what both deliver is one event of the inbox.
"""

import re
from collections.abc import Sequence
from typing import Self
from urllib.parse import SplitResult, quote, unquote, urlsplit

from django.conf import settings

from core.phrases import Phrase
from core.text import storable
from integrations.contracts.exceptions import Permanent, Retryable
from integrations.providers.kajabi.client import KajabiClient
from integrations.providers.kajabi.hook_states import Hook, HookOutcome, HookResult, HooksIncomplete, HookState
from integrations.providers.kajabi.json_api import Resource, related_ids
from integrations.toolkit.failures import NotConfigured
from integrations.toolkit.reading import text_at
from integrations.toolkit.signatures import equals_any, secrets_in

_NO_TOKEN = Phrase("Kajabi's hooks need a token in their URL: set KAJABI_WEBHOOK_TOKEN")
_SLASH = Phrase("the first KAJABI_WEBHOOK_TOKEN holds a slash, which a URL takes apart: use another")
_NOT_HTTPS = Phrase("Kajabi must reach Enlace by https: set FRONTEND_URL to its public address, https://…; it is {url}")

EVENTS = ("purchase", "payment_succeeded", "order_created", "form_submission", "tag_added", "tag_removed")
PATH = "/kajabi-webhook"
PATIENCE = 12.0  # seconds for one call to Kajabi: somebody sits and waits
_MASK = "•••"
_LONGEST_URL = 2000  # characters
_PLAIN_WORD = re.compile(r"[a-z]+(-[a-z]+)*", re.IGNORECASE)
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class KajabiHooks:
    """Hooks of the configured site. `tokens` are the live ones: new hooks use the first, all are known as ours."""

    def __init__(self, client: KajabiClient, *, frontend_url: str, tokens: Sequence[str]) -> None:
        self._client = client
        self._frontend_url = frontend_url.rstrip("/")
        self._tokens = list(tokens)

    @classmethod
    def from_settings(cls, *, patience: float = PATIENCE) -> Self:
        """Return the hooks of this installation. Raises NotConfigured where the API's credentials are missing."""
        client = KajabiClient.from_settings(patience=patience)
        return cls(client, frontend_url=settings.FRONTEND_URL, tokens=secrets_in("KAJABI_WEBHOOK_TOKEN"))

    def listed(self) -> list[Hook]:
        """Return the site's hooks, ours and foreign ones, oldest first."""
        return [
            Hook(
                external_id=text_at(hook, "id"),
                event=_event_of(hook),
                target=self._masked(_target_of(hook)),
                state=self._state(hook),
            )
            for hook in self._hooks()
        ]

    def configure(self) -> list[HookOutcome]:
        """Leave one hook of ours for each event, and no other of ours; repeated, it changes nothing.

        Two runs at once may both make what is missing: the next one removes what is there twice. Raises NotConfigured
        before anything is done, HooksIncomplete where Kajabi failed on the way.
        """
        target = self._own_target()
        hooks = self._hooks()
        done: list[HookOutcome] = []
        for event in EVENTS:
            try:
                self._configure_event(event, [hook for hook in hooks if _event_of(hook) == event], target, done)
            except (Retryable, Permanent) as error:
                raise HooksIncomplete(f"{event}: {error}", outcomes=done) from error
        done += [self._outcome(hook, HookResult.FOREIGN) for hook in hooks if not self._is_to_be_managed(hook)]
        return done

    def create(self, event: str, *, target_url: str = "") -> HookOutcome:
        """Create a hook for `event` to `target_url`, or to our own address; an existing one is kept.

        Raises ValueError for an unknown event and for anything but an https address.
        """
        if event not in EVENTS:
            raise ValueError(f"the event {event[:60]!r} is unknown; there are: {', '.join(EVENTS)}")
        target = _checked_target(target_url) if target_url else self._own_target()
        for hook in self._hooks():
            if _event_of(hook) == event and _target_of(hook) == target and not _is_limited(hook):
                return self._outcome(hook, HookResult.KEPT)
        return self._outcome(self._client.create_hook(event, target_url=target), HookResult.CREATED)

    def delete(self, hook_id: str) -> bool:
        """Delete any hook that the API key reaches; False where there was none."""
        if not _ID.fullmatch(hook_id):
            raise ValueError(f"the id of a hook is expected, {hook_id[:60]!r} came")
        return self._client.delete_hook(hook_id)

    def _configure_event(self, event: str, hooks: Sequence[Resource], target: str, done: list[HookOutcome]) -> None:
        ours = [hook for hook in hooks if self._is_ours(_target_of(hook))]
        right = [hook for hook in ours if self._state(hook) is HookState.CURRENT]
        old = [hook for hook in ours if hook not in right]
        if right:
            done.append(self._outcome(right[0], HookResult.KEPT))
        else:
            created = self._client.create_hook(event, target_url=target)
            done.append(self._outcome(created, HookResult.REPLACED if old else HookResult.CREATED))
        for hook in [*old, *right[1:]]:
            self._client.delete_hook(text_at(hook, "id"))
            if right:
                done.append(self._outcome(hook, HookResult.REMOVED))

    def _hooks(self) -> list[Resource]:
        """Return each hook of the site once, ordered by id, so that two runs at once keep the same one of two.

        Kajabi lists the hooks of every site that the API key sees; one without a site counts as the site's.
        """
        site_id = self._client.site_id()
        hooks = {text_at(hook, "id"): hook for page in self._client.hooks() for hook in page.resources}
        of_the_site = [hook for hook in hooks.values() if related_ids(hook, "site") in ((site_id,), ())]
        return sorted(of_the_site, key=lambda hook: (len(text_at(hook, "id")), text_at(hook, "id")))

    def _own_target(self) -> str:
        """Return the URL to which Kajabi shall post. Raises NotConfigured with the setting to change."""
        if not self._tokens:
            raise NotConfigured(_NO_TOKEN())
        if "/" in self._tokens[0]:
            raise NotConfigured(_SLASH())
        frontend = _split(self._frontend_url)
        if frontend is None or frontend.scheme != "https" or not frontend.hostname:
            raise NotConfigured(_NOT_HTTPS(url=self._frontend_url))
        return f"{self._frontend_url}{PATH}/{quote(self._tokens[0], safe='')}"

    def _state(self, hook: Resource) -> HookState:
        if not self._is_to_be_managed(hook):
            return HookState.FOREIGN
        try:
            right = equals_any(_target_of(hook), [self._own_target()])
        except NotConfigured:
            right = False
        return HookState.CURRENT if right and not _is_limited(hook) else HookState.OUTDATED

    def _is_to_be_managed(self, hook: Resource) -> bool:
        """Return whether a hook is ours and for one of the six events; any other is left to whoever made it."""
        return _event_of(hook) in EVENTS and self._is_ours(_target_of(hook))

    def _is_ours(self, target: str) -> bool:
        parts, frontend = _split(target), _split(self._frontend_url)
        if parts is None or frontend is None:
            return False
        path = parts.path.rstrip("/")
        _before, separator, token = path.rpartition(f"{PATH}/")
        if separator and equals_any(unquote(token), self._tokens):
            return True
        own = f"{frontend.path}{PATH}"
        return _server(parts) == _server(frontend) and (path == own or path.startswith(f"{own}/"))

    def _outcome(self, hook: Resource, result: HookResult) -> HookOutcome:
        return HookOutcome(
            external_id=text_at(hook, "id"),
            event=_event_of(hook),
            target=self._masked(_target_of(hook)),
            result=result,
        )

    def _masked(self, target: str) -> str:
        """Mask a target: only the server, and the first part of the path if it is a plain word, stay."""
        parts = _split(target)
        if parts is None or not parts.hostname:
            return _MASK
        first, _slash, rest = parts.path.removeprefix("/").partition("/")
        plain = first if _PLAIN_WORD.fullmatch(first) and len(first) <= 30 and first not in self._tokens else _MASK
        path = f"/{plain}" if first else ""
        port = f":{parts.port}" if parts.port else ""
        masked = f"{parts.scheme}://{parts.hostname}{port}{path}{f'/{_MASK}' if rest else ''}"
        return f"{masked}?{_MASK}" if parts.query else masked


def missing_events(hooks: Sequence[Hook]) -> list[str]:
    """Return the events for which none of `hooks` is as it should be."""
    covered = {hook.event for hook in hooks if hook.state is HookState.CURRENT}
    return [event for event in EVENTS if event not in covered]


def _event_of(hook: Resource) -> str:
    return str(storable(text_at(hook, "attributes", "event")))


def _target_of(hook: Resource) -> str:
    return str(storable(text_at(hook, "attributes", "target_url")))


def _is_limited(hook: Resource) -> bool:
    """Return whether a hook is limited to one resource, for example to one tag."""
    return bool(text_at(hook, "attributes", "resource_id"))


def _checked_target(url: str) -> str:
    parts = _split(url.strip())
    if parts is None or parts.scheme != "https" or not parts.hostname or parts.username is not None:
        raise ValueError("the URL of a hook is an https address without a user: https://host/path")
    if len(url) > _LONGEST_URL or not url.strip().isprintable() or " " in url.strip():
        raise ValueError(f"the URL of a hook has at most {_LONGEST_URL} characters, and no spaces")
    return url.strip()


def _split(url: str) -> SplitResult | None:
    """Return the parts of a URL; None where it is none, for example with letters as its port."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _server(parts: SplitResult) -> tuple[str, int | None]:
    """Return host and port. http and https without a port are one server: the first redirects to the second."""
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.hostname or "", None if parts.port in (None, default) else parts.port
