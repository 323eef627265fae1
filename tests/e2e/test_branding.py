"""A business with its own name, logo and a colour that is hard to read by itself: every page stays readable."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.visitor import LAYOUTS, Visitor
from tests.harness import Embedded, embedded

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]


def picture() -> bytes:
    """Return a PNG of 60 × 30 pixels of one colour."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = (b"\0" + b"\xf0\xb4\x29" * 60) * 30
    header = struct.pack(">IIBBBBB", 60, 30, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "logo.png").write_bytes(picture())
    own = {"SITE_NAME": "Harbor & Sons", "SITE_LOGO": str(folder / "logo.png")}
    with embedded(folder, **own, SITE_COLOR="#ffd400", SUPPORT_EMAIL="help@example.com") as started:
        yield started


@pytest.mark.parametrize(("language", "width"), LAYOUTS)
def test_pages_show_the_business_and_are_accessible(
    shop: Embedded, browser: Browser, screenshots: Path, language: str, width: int
) -> None:
    visitor = Visitor(browser, shop.url, language=language, width=width, screenshots=screenshots, name="branding")
    page = visitor.page
    for path in ("/sign-in", "/forgot-password"):
        visitor.open(path)
        expect(page.locator(".brand")).to_have_text("Harbor & Sons")
        expect(page.locator(".brand__logo")).to_have_js_property("naturalWidth", 60)
        expect(page.get_by_role("link", name="help@example.com")).to_be_visible()
        visitor.look_twice("member")
    visitor.sign_in()
    expect(page.locator("#site-name")).to_have_text("Harbor & Sons")
    expect(page.locator(".product")).to_have_text("Enlace")
    visitor.open("/admin/presentation/")
    visitor.look_twice("presentation")
    visitor.leave()
