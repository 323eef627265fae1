"""How pages and mails present the business: SITE_NAME, SITE_LOGO, SITE_COLOR and SUPPORT_EMAIL.

A value that cannot be used is named by `manage.py check`, and the built-in one is shown in its place.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.templatetags.static import static
from django.urls import reverse

from core.web.colours import BLACK, WHITE, mixed, normalised, readable

PRODUCT = "Enlace"
LONGEST_NAME = 60
LARGEST_LOGO = 256 * 1024  # bytes
# Pictures that browsers and mail programs show and that hold no script, by how they begin.
_TYPES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
# Backgrounds of enlace.css and of mails, in light and dark.
_LIGHT, _DARK = ("#ffffff", "#f5f7f8", "#eaeef1"), ("#10161b", "#182027", "#26313a")


@dataclass(frozen=True, kw_only=True)
class Accent:
    """The accent colour of one scheme: of links and buttons, stronger for the pointer, and the text on it."""

    accent: str
    strong: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Palette:
    light: Accent
    dark: Accent


@dataclass(frozen=True, kw_only=True)
class Logo:
    content: bytes
    content_type: str


@dataclass(frozen=True, kw_only=True)
class Branding:
    """The business as pages and mails show it; `stylesheet` is "" where the built-in colours hold."""

    name: str
    support: str
    palette: Palette
    stylesheet: str
    logo: Logo | None
    logo_url: str

    @property
    def product(self) -> str:
        """Return the name of the software where the business has one of its own, else ""."""
        return PRODUCT if self.name != PRODUCT else ""


BUILT_IN = Palette(
    light=Accent(accent="#0b6a70", strong="#08525a", text=WHITE),
    dark=Accent(accent="#63c7ca", strong="#8bdadc", text="#06282a"),
)


@lru_cache(maxsize=2)
def palette_of(colour: str) -> Palette:
    """Return the accents made of one colour, each readable as a link on its backgrounds and beneath its own text."""
    light = readable(colour, on=_LIGHT, towards=BLACK)
    dark = readable(colour, on=_DARK, towards=WHITE)
    return Palette(
        light=Accent(accent=light, strong=mixed(light, BLACK, 0.25), text=WHITE),
        dark=Accent(accent=dark, strong=mixed(dark, WHITE, 0.3), text=mixed(dark, BLACK, 0.9)),
    )


def current() -> Branding:
    """Return what the settings say; what cannot be used of them is left out."""
    name, colour = _name(settings.SITE_NAME) or PRODUCT, _colour(settings.SITE_COLOR)
    support = settings.SUPPORT_EMAIL if _is_address(settings.SUPPORT_EMAIL) else ""
    try:
        logo = _read(settings.SITE_LOGO) if settings.SITE_LOGO else None
    except ValueError:
        logo = None
    built_in = static("accounts/favicon.svg")
    return Branding(
        name=name,
        support=support,
        palette=palette_of(colour) if colour else BUILT_IN,
        stylesheet=f"{reverse('site_colours')}?v={colour[1:]}" if colour else "",
        logo=logo,
        logo_url=f"{reverse('site_logo')}?v={_digest(logo.content)}" if logo else built_in,
    )


def problems() -> Iterator[tuple[str, str]]:
    """Yield the name of each setting that cannot be used, and why."""
    if settings.SITE_NAME and not _name(settings.SITE_NAME):
        yield "SITE_NAME", f"it is a line of at most {LONGEST_NAME} characters, without control characters or < and >"
    if settings.SITE_COLOR and not _colour(settings.SITE_COLOR):
        yield "SITE_COLOR", "it is a colour in hexadecimal digits, such as #0b6a70"
    if settings.SUPPORT_EMAIL and not _is_address(settings.SUPPORT_EMAIL):
        yield "SUPPORT_EMAIL", "it is one e-mail address"
    if settings.SITE_LOGO:
        try:
            _read(settings.SITE_LOGO)
        except ValueError as error:
            yield "SITE_LOGO", str(error)


def stylesheet(palette: Palette) -> str:
    """Return the style sheet that puts a palette in the place of the built-in accents."""
    light, dark = (
        f"--accent:{one.accent};--accent-strong:{one.strong};--on-accent:{one.text}"
        for one in (palette.light, palette.dark)
    )
    return f":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


def _name(text: str) -> str:
    is_line = len(text) <= LONGEST_NAME and text.isprintable() and not {"<", ">"} & set(text)
    return text.strip() if is_line else ""


def _colour(text: str) -> str:
    try:
        return normalised(text)
    except ValueError:
        return ""


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def _read(text: str) -> Logo:
    """Return the picture of a file. Raises ValueError where it cannot be shown."""
    path = Path(text)
    if not path.is_absolute():
        path = Path(settings.BASE_DIR) / path
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise ValueError(f"the file cannot be read ({error.strerror})") from error
    return _read_once(path, changed)


@lru_cache(maxsize=2)
def _read_once(path: Path, changed: int) -> Logo:
    """Return the picture of a file as it was `changed`; a page does not read it again."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_LOGO + 1)
    except OSError as error:
        raise ValueError(f"the file cannot be read ({error.strerror})") from error
    if len(content) > LARGEST_LOGO:
        raise ValueError(f"the file is larger than {LARGEST_LOGO // 1024} KiB")
    found = next((kind for start, kind in _TYPES.items() if content.startswith(start)), "")
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        found = "image/webp"
    if not found:
        raise ValueError("the file is no PNG, JPEG or WebP picture")
    return Logo(content=content, content_type=found)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
