"""The text of documents, and of those that are made to hurt whoever reads them."""

import resource
from contextlib import suppress
from typing import Any

import pytest

from core.documents.child import CANNOT, SECONDS, Unreadable, text_of
from core.documents.reading import BROKEN, LOCKED, MOST_LETTERS
from core.tables import child
from core.text import words
from tests.fakes.certificates import bomb, pdf, pdf_of


def read(content: bytes | str, kind: str = "html", **options: Any) -> list[str]:
    return words(text_of(content.encode() if isinstance(content, str) else content, kind=kind, **options))


def test_pdf_is_read_with_its_accents() -> None:
    assert read(pdf("This certifies that", "José Ñandú López"), "pdf") == [
        *("this", "certifies", "that"), *("jose", "nandu", "lopez"),
    ]  # fmt: skip


def test_pdf_with_an_empty_password_is_read_and_with_another_is_not() -> None:
    assert "rivera" in read(locked(""), "pdf")
    with pytest.raises(Unreadable, match=LOCKED):
        read(locked("secret"), "pdf")


def locked(password: str) -> bytes:
    import io

    from pypdf import PdfReader, PdfWriter

    writer, content = PdfWriter(PdfReader(io.BytesIO(pdf("Jane Rivera")))), io.BytesIO()
    writer.encrypt(password, "owner", algorithm="AES-256")
    writer.write(content)
    return content.getvalue()


def seconds_of_readers() -> float:
    """Return the seconds of a processor that all ended readers have taken, however busy the machine is."""
    taken = resource.getrusage(resource.RUSAGE_CHILDREN)
    return taken.ru_utime + taken.ru_stime


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.4",
        b"%PDF-1.4\n" + b"\x00" * 1000,
        pdf("Jane Rivera")[:300],
        pdf("Jane Rivera").replace(b"/Pages 2 0 R", b"/Pages 1 0 R"),
        pdf("Jane Rivera").replace(b"/Kids [4 0 R]", b"/Kids [2 0 R]"),
        b"%PDF-1.4\n1 0 obj\n" + b"[" * 200_000,
        pdf_of([b"q " * 10 + b"BT /F1 1 Tf (" + b"(" * 100_000]),
    ],
    ids=["head alone", "zeros", "cut off", "no pages", "pages in a circle", "nested", "open brackets"],
)
def test_broken_pdf_is_refused_or_empty_and_never_hangs(content: bytes) -> None:
    before, said = seconds_of_readers(), ""
    try:
        said = " ".join(read(content, "pdf"))
    except Unreadable as error:
        said = str(error)
    assert said in (BROKEN, CANNOT, "")
    assert seconds_of_readers() - before < SECONDS + 2


def test_pdf_that_grows_without_end_is_refused() -> None:
    content = bomb(700)
    assert len(content) < 1024 * 1024
    with pytest.raises(Unreadable):
        read(content, "pdf")


def test_first_pages_of_ten_thousand_are_read() -> None:
    found = read(pdf_of([b"BT /F1 12 Tf 80 400 Td (Jane Rivera) Tj ET"] * 10_000), "pdf", seconds=20.0)
    assert found == ["jane", "rivera"] * 5


def test_reader_is_ended_where_it_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unreadable, match=CANNOT):
        read(pdf("Jane Rivera"), "pdf", seconds=0.001)
    assert child._AT_A_TIME._value == 2, "its place is free again"


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ("<h1>Jane Rivera</h1>", ["jane", "rivera"]),
        ("<p><span>Ja</span><b>ne</b> R<i>ive</i>ra", ["jane", "rivera"]),
        ("<div>Jane</div><div>Rivera</div>", ["jane", "rivera"]),
        ("Jane<br/>Rivera", ["jane", "rivera"]),
        ("Jos&eacute; &Ntilde;and&#250;", ["jose", "nandu"]),
        ("Jose\u0301&nbsp;N\u0303andu\u0301", ["jose", "nandu"]),
        ("<title>A</title><style>b</style><script>var c = '<p>d'</script><p>e", ["a", "e"]),
        ("<template><p>Jane <template>x</template> Rivera</template>f", ["f"]),
        ("<textarea>Jane Rivera</textarea>g <!-- Jane Rivera --> h", ["g", "h"]),
        ("<img alt='Jane Rivera'><input value='Jane Rivera'>", []),
        ("<style>Jane Rivera", []),
        ("O’Brien O'Brien Jean-Luc Łukasz Straße", ["obrien", "obrien", "jean", "luc", "lukasz", "strasse"]),
        ("one. two", ["one", "", "two"]),
        ("Jane M. Rivera", ["jane", "m", "rivera"]),
        ("", []),
    ],
)
def test_page_is_read_as_people_read_it(page: str, found: list[str]) -> None:
    assert read(page) == found


@pytest.mark.parametrize(
    ("content", "charset"),
    [
        ("José".encode("iso-8859-1"), "ISO-8859-1"),
        ('<meta charset="windows-1252">José'.encode("cp1252"), ""),
        ("José".encode(), ""),
        ("José".encode("utf-16"), "utf-16"),
        ("José".encode(), "no-such; --charset"),
        ("José".encode(), "zlib"),
        ("José".encode(), "x" * 10_000),
    ],
)
def test_page_is_read_in_its_encoding(content: bytes, charset: str) -> None:
    assert read(content, charset=charset)[-1] == "jose"


@pytest.mark.parametrize(
    "page",
    ["<" * 1_000_000, "<!--" * 300_000, "<a " * 400_000, "&" * 1_500_000, "<p>" * 600_000, "<![CDATA[" * 200_000],
    ids=["brackets", "comments", "attributes", "ampersands", "elements", "sections"],
)
def test_page_that_is_made_to_keep_its_reader_busy_ends(page: str) -> None:
    before = seconds_of_readers()
    with suppress(Unreadable):
        read(page, seconds=1.5)
    assert seconds_of_readers() - before < 1.5 + 2


def test_page_that_is_too_large_is_refused_and_a_long_one_cut() -> None:
    with pytest.raises(Unreadable, match="too large"):
        read("x" * 3_000_000)
    assert len(text_of(b"x " * 900_000, kind="html")) == MOST_LETTERS
