"""Connection to Kajabi's API: the API key and its token, the site, and calls of lists and documents."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Self, TypedDict, Unpack
from urllib.parse import quote

from django.conf import settings

from core.phrases import QUOTED, Phrase
from integrations.providers.kajabi import json_api
from integrations.providers.kajabi.json_api import Document, Page, Resource
from integrations.toolkit.client import PATIENCE, READ_TIMEOUT, JsonClient
from integrations.toolkit.failures import NotConfigured, require_settings
from integrations.toolkit.reading import text_at
from integrations.toolkit.signatures import secrets_in
from integrations.toolkit.tokens import Grant, SharedToken, client_credentials

_NO_SITE = Phrase("Kajabi: the API key sees no site; check its permissions in Kajabi")
_SEVERAL_SITES = Phrase(
    "Kajabi: the API key sees {count} sites; set KAJABI_SITE_ID or KAJABI_SITE_NAME to one of: {choices}"
)
_SAME_SITES = Phrase("Kajabi: {count} sites are named {name}; set KAJABI_SITE_ID to one of: {choices}", name=QUOTED)
_OTHER_SITES = Phrase("Kajabi: no site is named {name} (KAJABI_SITE_NAME); there are: {choices}", name=QUOTED)

_CREDENTIALS = Phrase(
    "Check KAJABI_CLIENT_ID and KAJABI_CLIENT_SECRET (in Kajabi: Settings, Security, User API Keys)."
)()
_MASKED_FROM = 6  # letters; what is shorter stands in ordinary words
_NAMES = ("title", "subdomain")
_PERMISSIONS = Phrase("Check what the API key may do in Kajabi, and that its user belongs to the site.")()


class Paging(TypedDict, total=False):
    """Part of a list: pages of `page_size` (100), beginning with `first_page` (1)."""

    page_size: int
    first_page: int


class SortedPaging(Paging, total=False):
    """`sort` is the name of an attribute, with `-` before it for the largest first."""

    sort: str


class KajabiConnection:
    """Calls with the configured API key, for one thread."""

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
        """Return the client of this installation.

        `patience` is the seconds that one call may take with its repetitions: less than the lease where an event is
        being processed. `site_id` is given where it is known already. Raises NotConfigured with the variables that
        are not set.
        """
        require_settings(("KAJABI_CLIENT_ID", "KAJABI_CLIENT_SECRET"), provider="Kajabi")
        return cls(
            settings.KAJABI_API_BASE_URL,
            client_id=settings.KAJABI_CLIENT_ID,
            client_secret=settings.KAJABI_CLIENT_SECRET,
            site_id=settings.KAJABI_SITE_ID.strip() or site_id,
            site_name=settings.KAJABI_SITE_NAME.strip(),
            webhook_tokens=secrets_in("KAJABI_WEBHOOK_TOKEN"),
            patience=patience,
        )

    # /v1/sites: get
    def sites(self, **paging: Unpack[SortedPaging]) -> Iterator[Page]:
        return self._pages("/v1/sites", filters={}, **paging)

    def site_id(self) -> str:
        """Return the id of the configured site: KAJABI_SITE_ID, else the site named KAJABI_SITE_NAME (its title,
        else its subdomain), else the only one.

        Asked for once a client. Raises NotConfigured, with the names that there are, where that is not exactly one.
        """
        if not self._site_id:
            sites = {site["id"]: site for page in self.sites() for site in page.resources}
            self._site_id = _chosen_site(list(sites.values()), name=self._site_name)
        return self._site_id

    def _pages(self, path: str, *, filters: Mapping[str, str], **paging: Unpack[SortedPaging]) -> Iterator[Page]:
        """Yield the pages of a list. Empty filters are left out."""
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
        """Yield the pages of a list of the configured site; Kajabi needs the filter for accounts with several sites."""
        yield from self._pages(path, filters={"site_id": self.site_id(), **(filters or {})}, **paging)

    def _document(self, path: str, external_id: str, *, include: Iterable[str] = ()) -> Document:
        included = ",".join(include)
        answer = self._http.call(
            "GET", resource_path(path, external_id), query={"include": included} if included else {}
        )
        return json_api.read_document(answer, called=f"GET {path}/{{id}}")


def resource_path(path: str, external_id: str) -> str:
    """Return the path of a resource. Raises ValueError for an id that would lead elsewhere."""
    if not external_id.strip() or external_id in {".", ".."}:
        raise ValueError(f"{path}: an id is expected, {external_id!r} came")
    return f"{path}/{quote(external_id, safe='')}"


def _chosen_site(sites: list[Resource], *, name: str) -> str:
    """Return the id of the only matching site. Raises NotConfigured with the names of all sites."""
    wanted = name.casefold()
    matches = sites
    if wanted:
        by = {key: [site for site in sites if text_at(site, "attributes", key).casefold() == wanted] for key in _NAMES}
        matches = by["title"] or by["subdomain"]
    if len(matches) == 1:
        return text_at(matches[0], "id")
    choices = ", ".join(f"{text_at(site, 'attributes', 'title')!r} (id {text_at(site, 'id')})" for site in sites)
    if not sites:
        problem = _NO_SITE()
    elif not wanted:
        problem = _SEVERAL_SITES(count=len(sites), choices=choices)
    elif matches:
        problem = _SAME_SITES(count=len(matches), name=name, choices=choices)
    else:
        problem = _OTHER_SITES(name=name, choices=choices)
    raise NotConfigured(problem)
