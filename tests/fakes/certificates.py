"""Certificates as minimal PDF files."""

import zlib
from collections.abc import Iterable


def pdf(*pages: str) -> bytes:
    """Return a PDF with a line of text on each page."""
    return pdf_of(_drawn(page) for page in pages)


def pdf_of(contents: Iterable[bytes], *, packed: bool = False) -> bytes:
    """Return a PDF whose pages draw these contents; `packed`: they are compressed already."""
    drawn = list(contents)
    kids = " ".join(f"{4 + 2 * place} 0 R" for place in range(len(drawn)))
    objects: list[bytes] = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(drawn)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for place, content in enumerate(drawn):
        resources = "/Resources << /Font << /F1 3 0 R >> >>"
        page = f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 792 612] /Contents {5 + 2 * place} 0 R {resources} >>"
        filters = " /Filter /FlateDecode" if packed else ""
        objects += [
            page.encode(),
            f"<< /Length {len(content)}{filters} >>\nstream\n".encode() + content + b"\nendstream",
        ]
    body, places = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, start=1):
        places.append(len(body))
        body += f"{number} 0 obj\n".encode() + one + b"\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    trailer = f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return body + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}".encode() + trailer.encode()


def bomb(megabytes: int) -> bytes:
    """Return a small PDF with a page that is this large once it is unpacked."""
    packer = zlib.compressobj(9)
    block = b" " * 1024 * 1024
    packed = b"".join(packer.compress(block) for _ in range(megabytes)) + packer.flush()
    return pdf_of([packed], packed=True)


def _drawn(text: str) -> bytes:
    escaped = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return f"BT /F1 32 Tf 80 400 Td ({escaped}) Tj ET".encode("cp1252")
