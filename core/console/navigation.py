"""Navigation by task on every page of the console: sections, and their pages one level deeper.

Which page belongs to which section is one table, which NAVIGATION names; who sees a page, the table of access says.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.apps import apps
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.module_loading import import_string
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from core.console import tools
from core.web import access


@dataclass(frozen=True, kw_only=True)
class Section:
    """A task of staff. `pages` are models ("accounts.contact") and the names of tools ("metrics"); the first of them
    that somebody may see is where the section's link leads.

    `addresses` are names of further URLs of the section without "admin:", which no link leads to.
    """

    key: str
    label: Any
    pages: Sequence[str] = ()
    addresses: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Link:
    """`current` is the value of aria-current: "page" on the page itself, "true" on one beneath it, "" elsewhere."""

    label: Any
    url: str
    current: str = ""


@dataclass(frozen=True, kw_only=True)
class Navigation:
    """The sections that somebody may see, and the pages of the one in which they are."""

    sections: Sequence[Link]
    pages: Sequence[Link]
    section: str

    @property
    def current(self) -> Any:
        """Return the label of the section in which somebody is; "" on a page of none."""
        return next((link.label for link in self.sections if link.current), "")


@cache
def sections() -> Sequence[Section]:
    """Return the table of this installation."""
    found: Sequence[Section] = import_string(settings.NAVIGATION)
    return found


def of_request(request: HttpRequest) -> Navigation:
    """Return the navigation for the user and the page of `request`."""
    name = (request.resolver_match.view_name if request.resolver_match else "").removeprefix("admin:")
    shown, pages, inside = [], [], ""
    for section in sections():
        seen = [page for page in section.pages if access.may(request.user, _address(page))]
        if not seen:
            continue
        is_here = name in section.addresses or any(_contains(page, name) for page in section.pages)
        first = reverse(_address(seen[0]))
        shown.append(
            Link(label=section.label, url=first, current=("page" if first == request.path else "true") * is_here)
        )
        if is_here:
            inside = section.key
            pages = [_link(page, name) for page in seen] if len(seen) > 1 else []
    return Navigation(sections=shown, pages=pages, section=inside)


def every_page() -> Iterator[str]:
    """Yield the pages of all sections, a page as often as it stands there."""
    for section in sections():
        yield from section.pages


def _address(page: str) -> str:
    return f"admin:{page.replace('.', '_')}_changelist" if "." in page else f"admin:{page}"


def _contains(page: str, name: str) -> bool:
    """Return whether the URL of this name is the page or, of a model, one of its pages."""
    return name.startswith(f"{page.replace('.', '_')}_") if "." in page else name == page


def _link(page: str, name: str) -> Link:
    address = _address(page)
    is_here = "page" if address == f"admin:{name}" else "true" if _contains(page, name) else ""
    return Link(label=_label(page), url=reverse(address), current=is_here)


def _label(page: str) -> Any:
    if "." in page:
        return capfirst(apps.get_model(page)._meta.verbose_name_plural)
    if page == "index":
        return _("Home")
    return next((tool.label for tool in tools.registered() if tool.name == page), page)
