"""The connection to Kajabi's API: the API key and its token, the site, and the ways of calling."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Self, TypedDict, Unpack
from urllib.parse import quote

from django.conf import settings

from integrations.providers.kajabi import json_api
from integrations.providers.kajabi.json_api import Document, Page, Resource
from integrations.toolkit.client import PATIENCE, READ_TIMEOUT, JsonClient
from integrations.toolkit.failures import NotConfigured
from integrations.toolkit.reading import text_at
from integrations.toolkit.signatures import secrets_in
from integrations.toolkit.tokens import Grant, SharedToken, client_credentials

_CREDENTIALS = "Check KAJABI_CLIENT_ID and KAJABI_CLIENT_SECRET (in Kajabi: Settings, Security, User API Keys)."
_MASKED_FROM = 6  # letters; what is shorter stands in ordinary words
_NAMES = ("title", "subdomain")
_PERMISSIONS = "Check what the API key may do in Kajabi, and that its user belongs to the site."


class Paging(TypedDict, total=False):
    """A part of a list: pages of `page_size` (100), beginning with `first_page` (1)."""

    page_size: int
    first_page: int


class SortedPaging(Paging, total=False):
    """`sort` is the name of an attribute, with `-` before it for the largest first."""

    sort: str


class KajabiConnection:
    """Calls in the name of the configured API key, for one thread."""

    def __init__(
        self,
        base_url: str,
        *,
        client_id: str,
        client_secret: str,
        site_id: str = "",
        site_name: str = "",
        webhook_tokens: Iterable[str] = (),
        patience: float = PATIENCE,
        read_timeout: float = READ_TIMEOUT,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        # Kajabi may quote the target of a hook when it refuses it.
        tokens = [token for token in webhook_tokens if len(token) >= _MASKED_FROM]
        secrets = (client_id, client_secret, *tokens, *(quote(token, safe="") for token in tokens))
        self._site_id, self._site_name = site_id, site_name
        client = partial(
            JsonClient,
            base_url,
            title="Kajabi",
            explain=json_api.explain,
            secrets=secrets,
            patience=patience,
            read_timeout=read_timeout,
            sleep=sleep,
        )
        token_http = client(hints={400: _CREDENTIALS, 401: _CREDENTIALS})

        # /v1/oauth/token: post
        def fetch() -> Grant:
            return client_credentials(token_http, "/v1/oauth/token", client_id=client_id, client_secret=client_secret)

        self._http = client(
            tokens=SharedToken("kajabi", identity=(base_url, client_id, client_secret), fetch=fetch),
            content_type=json_api.CONTENT_TYPE,
            hints={401: _CREDENTIALS, 403: _PERMISSIONS},
        )

    @classmethod
    def from_settings(cls, *, patience: float = PATIENCE, site_id: str = "") -> Self:
        """The client of this installation.

        `patience` is the seconds that one call may take with its repetitions: less than the lease where an event is
        being processed. `site_id` is the site's where it is known already. Raises NotConfigured with the variables that
        are not set.
        """
        missing = [name for name in ("KAJABI_CLIENT_ID", "KAJABI_CLIENT_SECRET") if not getattr(settings, name)]
        if missing:
            raise NotConfigured(f"Kajabi's API is not configured: set {' and '.join(missing)}")
        return cls(
            settings.KAJABI_API_BASE_URL,
            client_id=settings.KAJABI_CLIENT_ID,
            client_secret=settings.KAJABI_CLIENT_SECRET,
            site_id=settings.KAJABI_SITE_ID.strip() or site_id,
            site_name=settings.KAJABI_SITE_NAME.strip(),
            webhook_tokens=secrets_in("KAJABI_WEBHOOK_TOKEN"),
            patience=patience,
        )

    def site_id(self) -> str:
        """The id of the configured site: KAJABI_SITE_ID, else the site named KAJABI_SITE_NAME (its title, else its
        subdomain), else the only one there is.

        Asked for once a client. Raises NotConfigured, with the names that there are, where that is not exactly one.
        """
        if not self._site_id:
            sites = {site["id"]: site for page in self._pages("/v1/sites", filters={}) for site in page.resources}
            self._site_id = _chosen_site(list(sites.values()), name=self._site_name)
        return self._site_id

    def _pages(self, path: str, *, filters: Mapping[str, str], **paging: Unpack[SortedPaging]) -> Iterator[Page]:
        """The pages of a list. Empty filters are left out."""
        query = {f"filter[{name}]": value for name, value in filters.items() if value}
        if sort := paging.get("sort"):
            query["sort"] = sort
        yield from json_api.pages(
            self._http,
            path,
            query=query,
            page_size=paging.get("page_size", json_api.PAGE_SIZE),
            first_page=paging.get("first_page", 1),
        )

    def _site_pages(
        self, path: str, *, filters: Mapping[str, str] | None = None, **paging: Unpack[SortedPaging]
    ) -> Iterator[Page]:
        """The pages of a list of the configured site; Kajabi demands the filter where an account has several sites."""
        yield from self._pages(path, filters={"site_id": self.site_id(), **(filters or {})}, **paging)

    def _document(self, path: str, external_id: str, *, include: Iterable[str] = ()) -> Document:
        included = ",".join(include)
        answer = self._http.call("GET", one(path, external_id), query={"include": included} if included else {})
        return json_api.read_document(answer, called=f"GET {path}/{{id}}")

    def _relationship(
        self, method: str, contact_id: str, name: str, *, body: Mapping[str, Any] | None = None
    ) -> list[Resource]:
        """A contact's tags or offers after the call. Adding and removing them twice is the same as once."""
        path = f"{one('/v1/contacts', contact_id)}/relationships/{name}"
        answer = self._http.call(method, path, body=body, repeatable=True)
        return json_api.read_resources(answer, called=f"{method} /v1/contacts/{{id}}/relationships/{name}")


def one(path: str, external_id: str) -> str:
    """The path of one resource. Raises ValueError for an id that would lead elsewhere."""
    if not external_id.strip() or external_id in {".", ".."}:
        raise ValueError(f"{path}: an id is expected, {external_id!r} came")
    return f"{path}/{quote(external_id, safe='')}"


def _chosen_site(sites: list[Resource], *, name: str) -> str:
    """The id of the one site that is meant; raises NotConfigured with the names of those that there are."""
    wanted = name.casefold()
    meant = sites
    if wanted:
        by = {key: [site for site in sites if text_at(site, "attributes", key).casefold() == wanted] for key in _NAMES}
        meant = by["title"] or by["subdomain"]
    if len(meant) == 1:
        return text_at(meant[0], "id")
    known = ", ".join(f"{text_at(site, 'attributes', 'title')!r} (id {text_at(site, 'id')})" for site in sites)
    if not sites:
        problem = "the API key sees no site; check its permissions in Kajabi"
    elif not wanted:
        problem = f"the API key sees {len(sites)} sites; set KAJABI_SITE_ID or KAJABI_SITE_NAME to one of: {known}"
    elif meant:
        problem = f"{len(meant)} sites are named {name!r}; set KAJABI_SITE_ID to one of: {known}"
    else:
        problem = f"no site is named {name!r} (KAJABI_SITE_NAME); there are: {known}"
    raise NotConfigured(f"Kajabi: {problem}")
