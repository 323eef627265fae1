"""Other people's bytes as text that can be looked at; the whole body can be downloaded."""

from accounts.admin.showing import SHOWN

HEX_LINE = 16  # bytes


def readable(body: bytes) -> str:
    """`body` as text where it is UTF-8, else as lines of hex with what is printable beside them; cut at SHOWN."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = "\n".join(_hex_line(body, start) for start in range(0, min(len(body), SHOWN // 4), HEX_LINE))
    # Control characters would be invisible, and a terminal that the text is pasted into obeys them.
    return "".join(_visible(letter) for letter in text[:SHOWN])[:SHOWN]


def _visible(letter: str) -> str:
    return letter if letter.isprintable() or letter in "\n\t" else f"\\u{ord(letter):04x}"


def _hex_line(body: bytes, start: int) -> str:
    part = body[start : start + HEX_LINE]
    letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
    return f"{start:08x}  {part.hex(' '):<{HEX_LINE * 3}} {letters}"
