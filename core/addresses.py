"""E-mail addresses in a column of a foreign system, where people type lists, labels and "N/A"."""

import re
from urllib.parse import unquote

from core.phrases import QUOTED, Phrase
from core.text import LINE, InvalidAddress, Parsed, is_placeholder, normalise_email

_TOO_LONG = Phrase("{text}… is far longer than an address", text=QUOTED)
_NOT_USABLE = Phrase("{texts}: not usable as an e-mail address")

_SEPARATORS = re.compile(r"[;,|\n\r\t/]|\s(?:or|and|und|y|o|e|ou|&)\s", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"<([^<>]*)>")
_REMARK = re.compile(r"\([^()]*\)")
_LABEL = re.compile(r"[^\s@:]{1,30}:")
_NOT_APPLICABLE = re.compile(r"\bn/a\b", re.IGNORECASE)
_AT = re.compile(r"\s?@\s?")
# Around an address: quotes, brackets, and the letters without a width that copying leaves there. Within one they stay,
# and are refused: they make look-alikes.
_AROUND = " \u00a0\"'<>()[]{}.,;:\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff"
_NO_ADDRESS = frozenset(
    {"no", "na", "n.a", "none", "null", "x", "xx", "xxx", "0", "unknown", "ninguno", "ninguna", "no tiene"}
    | {"no email", "no e-mail", "noemail", "sin correo", "sin email", "no correo", "no aplica", "not applicable"}
)
# Local parts that stand where a form demands an address, whatever the domain; and those that do at their own name.
_MADE_UP = frozenset({"noemail", "no-email", "no.email", "no_email", "nomail", "sincorreo", "sinemail"})
_MADE_UP_AT_ITSELF = _MADE_UP | {"none", "na", "no", "nobody", "unknown", "null", "noaplica"}


def parse(raw: str) -> Parsed:
    """Return the addresses in a text that should be one: "Ana <ana@example.com>; b@example.com", "mailto:…", "N/A".

    A word beside an address may be a piece of it ("juan perez@example.com" is not perez@example.com), so an address
    counts only where nothing but separators, a label, brackets or another address stands beside it. "none@none.com" is
    left out: hundreds of people would have it. Capitals stay as they are written.
    """
    if len(raw) > LINE:
        return Parsed(left_out=_TOO_LONG(text=raw[:40]))
    text = raw.strip(_AROUND)
    if _is_none(text) or is_placeholder(raw):
        return Parsed()
    found: dict[str, str] = {}
    left_out: list[str] = []
    pieces = [text] if _address(text) else _pieces(raw)
    for piece in pieces:
        address = _address(piece)
        # Half of "ana@example,com" is an address on a closed network.
        is_half = "." not in address.partition("@")[2] and not all("@" in other for other in pieces)
        if address and not is_half and not _is_made_up(address):
            found.setdefault(address, piece if piece.lower() == address else address)
        elif not _is_none(piece):
            left_out.append(repr(piece[:80]))
    return Parsed(tuple(found.values()), _NOT_USABLE(texts=", ".join(left_out)) if left_out else "")


def _pieces(text: str) -> list[str]:
    """Return the parts of a text that may be an address each."""
    pieces = []
    has_names = False  # beside their addresses, in brackets: "Pérez, Ana <ana@example.com>"
    for part in _SEPARATORS.split(_REMARK.sub(" ", _NOT_APPLICABLE.sub(" ", text))):
        bracketed = _IN_BRACKETS.findall(part)
        has_names = has_names or bool(bracketed)
        for candidate in bracketed or [part]:
            plain = _AT.sub("@", candidate.strip(_AROUND))
            unlabelled = _LABEL.sub("", plain, count=1).strip(_AROUND)
            if plain.casefold().startswith("mailto:"):
                unlabelled = unquote(unlabelled.partition("?")[0])
            words = unlabelled.split()
            pieces += words if len(words) > 1 and all("@" in word for word in words) else [unlabelled]
    return [piece for piece in pieces if piece and ("@" in piece or not has_names)]


def _address(text: str) -> str:
    """Return the address that a text is, "" for anything else."""
    try:
        return normalise_email(text.strip(_AROUND))
    except InvalidAddress:
        return ""


def _is_none(text: str) -> bool:
    return not text or is_placeholder(text) or text.casefold() in _NO_ADDRESS


def _is_made_up(address: str) -> bool:
    local, _at, domain = address.partition("@")
    return local in _MADE_UP or (local in _MADE_UP_AT_ITSELF and domain.partition(".")[0] == local)
