"""Phrases: all that is stored for people to read is one, and each is complete in every language."""

import ast
import gettext
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation

from core import phrases
from core.phrases import Phrase
from core.phrases.kinds import ANYTHING

ROOT = Path(settings.BASE_DIR)
SOURCES = [
    path
    for folder in ("core", "accounts", "integrations")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not {"tests", "migrations"} & set(path.parts)
]
# Their messages are stored on rows and shown to staff.
ERRORS = {
    *("Unmatched", "UnknownContact", "PersonErased", "Unreadable", "NeedsStaff", "Unidentified"),
    *("OwnedByAnotherContact", "AmbiguousPolicy", "InvalidAddress", "InvalidDate", "AmbiguousDate", "InvalidJson"),
    *("Permanent", "TryAgain", "Wait", "wait_until", "TemporaryFailure", "TooManyCalls", "NotFound", "NotPermitted"),
    *("NotConfigured", "NotFoundYet", "Gone", "CannotProvision", "NotNeeded", "Compressed", "Obsolete", "Withdrawn"),
    *("CannotUndo",),
}
# What is stored of these calls under these names is read by staff, too.
STORED = {
    "Change": {"description", "review"},
    "PulledRecord": {"problem"},
    "PulledPage": {"note"},
    "flag": {"reason"},
    "Found": {"reason"},
    "close": {"error", "reason", "skipped"},
    "back_off": {"error"},
    "ReportedCompletion": {"question", "refusal"},
}
NO_PHRASES = {
    # Answers to a request, which nothing stores: their texts are translated where the page shows them.
    "core/tables",
    "core/documents",
    "core/web",
    "integrations/outbox/api",
}


@pytest.fixture(autouse=True, scope="module")
def _every_module() -> None:
    """Import all that could declare a phrase."""
    for package in ("core", "accounts", "integrations"):
        for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            if not {"tests", "migrations"} & set(module.name.split(".")):
                import_module(module.name)


def _declared() -> Iterator[tuple[Path, int, str]]:
    for path in SOURCES:
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in ("Phrase", "Phrase.worded"):
                yield path, call.lineno, ast.literal_eval(call.args[0])


def test_every_declared_phrase_is_known_to_the_console() -> None:
    known = {phrase.source for phrase in phrases.known()}
    missing = [f"{path}:{line}" for path, line, source in _declared() if source not in known]
    assert missing == []


def test_every_phrase_has_its_values_in_spanish() -> None:
    catalog = gettext.translation("django", ROOT / "locale", languages=["es"])
    wrong = []
    for phrase in phrases.known():
        if phrase.wording is not None:
            with translation.override("en"):
                source = str(phrase.wording)
            with translation.override("es"):
                spanish = str(phrase.wording)
        else:
            source, spanish = phrase.source, catalog.gettext(phrase.source)
        words = re.sub(r"\{\w+\}|\W", "", source)
        names = set(re.findall(r"\{(\w+)\}", source))
        if names != set(re.findall(r"\{(\w+)\}", spanish)) or not names <= set(phrase.names):
            wrong.append(f"{phrase.source!r}: other values in {spanish!r}")
        elif words and source not in catalog._catalog:  # type: ignore[attr-defined]
            wrong.append(f"{phrase.source!r}: no Spanish")
    assert wrong == []


def _sample(phrase: Phrase, name: str) -> object:
    samples = {
        phrases.NUMBER: "7",
        phrases.DAY: "2027-03-04",
        phrases.MOMENT: "2027-03-04 05:06 UTC",
        phrases.KNOWN: "contact created",
        phrases.PROVIDER: "gohighlevel",
    }
    return samples.get(phrase.kinds[name], f"ñ-{name}")


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ("left out: phone: '12' is no date", "Omitido: teléfono: '12' no es una fecha"),
        (
            "phone +1 was left out: Mary (id 7 there) has it, and only one contact may; eMail b was left out: 'b':"
            " not usable as an e-mail address",
            "teléfono +1 se omitió: lo tiene Mary (id 7 allí), y solo un contacto puede tenerlo; eMail b se omitió:"
            " 'b': no sirve como dirección de correo",
        ),
        (
            "no plan for offer 1; map it to a plan, then retry; said by nobody",
            "La oferta «1» no tiene plan: elige uno; said by nobody",
        ),
        ("contact changed: first_name, phone, shoe_size", "Contacto cambiado: nombre, teléfono, shoe_size"),
        (
            "contact changed: city, shoe_size (city: nothing → Houston; shoe_size: 9 → nothing)",
            "Contacto cambiado: ciudad: – → Houston; shoe_size: 9 → –",
        ),
        ("company changed: name, administrators", "Empresa cambiada: nombre, administradores"),
        ("quote changed: premium, expires_on", "Cotización cambiada: prima, vence"),
        ("left out: postalCode: 'x' is no date", "Omitido: código postal: 'x' no es una fecha"),
        ("custom_fields.shoe_size 9 was left out: contact created", "shoe_size 9 se omitió: contacto creado"),
        ("Timeout: the socket said no; contact created", "Timeout: the socket said no; contacto creado"),
    ],
    ids=[
        *("phrase in a phrase", "several", "phrase with a semicolon"),
        *("names of a contact", "values", "names of a company", "names of a quote", "name there", "custom field"),
        "words of others",
    ],
)
def test_text_of_several_phrases_is_said_in_spanish(stored: str, said: str) -> None:
    with translation.override("es"):
        assert phrases.shown(stored) == said


HOSTILE = [
    "; ".join("x" * 900),
    "; ".join(["contact created"] * 300),
    "contact " * 600,
    " has it, and only one contact may" * 150,
    "left out: " * 490,
    ": " * 2400,
    "left out: a: " * 20 + "; left out: b: " * 19,
    "x" * 100_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_shown_as_it_is(text: str) -> None:
    assert phrases.shown(text)[:100].casefold() == text[:100].casefold()
    assert phrases.general(text)


def test_every_phrase_is_found_again_by_its_text_with_its_values() -> None:
    wrong = []
    for phrase in phrases.known():
        values = {name: _sample(phrase, name) for name in phrase.names}
        text = phrase(**values)
        (found,) = phrases.found_in(text)
        if found.phrase is None or found.phrase.source != phrase.source:
            wrong.append(f"{text!r} is taken for {found.phrase!r}")
        elif [found.values[name] for name in phrase.names] != [
            phrase.kinds[name].written(value) for name, value in values.items()
        ]:
            wrong.append(f"{text!r} has the values {found.values!r}")
    assert wrong == []


def test_every_group_of_failures_is_shown_as_its_phrase() -> None:
    wrong = []
    for phrase in phrases.known():
        general = phrases.general(phrase(**{name: _sample(phrase, name) for name in phrase.names}))
        (found,) = phrases.found_in(general)
        if found.phrase is None or found.phrase.source != phrase.source:
            wrong.append(f"{general!r} is taken for {found.phrase!r}, not for {phrase!r}")
    assert wrong == []
    assert ANYTHING in phrases.general("contact gc10 was deleted there; ours stays")


def _is_plain(text: ast.expr) -> bool:
    """Return whether an expression writes English letters itself, outside of a phrase."""
    if isinstance(text, ast.Constant):
        return isinstance(text.value, str) and bool(re.search(r"[a-z]{2}", text.value))
    if isinstance(text, ast.JoinedStr):
        return any(isinstance(part, ast.Constant) and _is_plain(part) for part in text.values)
    if isinstance(text, ast.BinOp):
        return _is_plain(text.left) or _is_plain(text.right)
    if isinstance(text, ast.IfExp):
        return _is_plain(text.body) or _is_plain(text.orelse)
    if isinstance(text, ast.BoolOp):
        return any(map(_is_plain, text.values))
    return False


def _plain_texts() -> Iterator[str]:
    for path in SOURCES:
        place = path.relative_to(ROOT).as_posix()
        if place.startswith(tuple(NO_PHRASES)):
            continue
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call):
                continue
            name = ast.unparse(call.func).rpartition(".")[2]
            texts = [call.args[1 if name == "wait_until" else 0]] if name in ERRORS and call.args else []
            texts += [one.value for one in call.keywords if one.arg in STORED.get(name, ())]
            for text in texts:
                if _is_plain(text):
                    yield f"{place}:{call.lineno} {ast.unparse(text)}"


def test_no_text_that_is_stored_for_people_is_plain_english() -> None:
    assert list(_plain_texts()) == []
