"""Source rules: no code run from text, no pickle, nothing stored in browsers, no unlisted hash."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.utils.module_loading import import_string

ROOT = Path(settings.BASE_DIR)
FOLDERS = ("accounts", "config", "core", "integrations")
SCRIPTS = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*.js")
}
# Who starts other programs, none of them with a word from outside.
STARTS_PROGRAMS = {"integrations/management/commands/run.py", "core/tables/child.py", "config/reload.py"}
# Who reads the XML of an uploaded workbook by itself: events of expat, which resolves nothing from elsewhere.
READS_XML = {"core/tables/workbook.py"}
# The hash functions of the inventory in docs/security.md: in which file which one stands.
HASHES = {"sha256": None, "blake2b": None, "sha1": {"accounts/signin/password_rules.py"}}
SPREADS_LOAD = {"core/queue/delivery.py", "integrations/toolkit/retries.py"}
# The demo's people and what they do: the same for the same seed, on purpose. It makes no secret.
TELLS_A_STORY = {"integrations/demo/people.py", "integrations/demo/story.py"}


@cache
def sources() -> dict[str, ast.Module]:
    """Return the syntax tree of each file of the product; parsed by the first test, not by every collecting process."""
    return {
        str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8"))
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "tests" not in path.relative_to(ROOT).parts and "migrations" not in path.parts
    }


@cache
def nodes() -> list[tuple[str, ast.AST]]:
    """Return all nodes of the source, each with its file."""
    return [(path, node) for path, tree in sources().items() for node in ast.walk(tree)]


@cache
def calls() -> list[tuple[str, str, ast.Call]]:
    """Return each call in the source: its file, the callee as written, and the call."""
    return [(path, ast.unparse(node.func), node) for path, node in nodes() if isinstance(node, ast.Call)]


def imported() -> Iterator[tuple[str, str]]:
    """Yield each module that a file imports."""
    for path, node in nodes():
        if isinstance(node, ast.Import):
            yield from ((path, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield path, node.module or ""


def test_source_runs_no_code_or_command_from_text() -> None:
    names = {"eval", "exec", "compile", "__import__", "os.system", "os.popen"}
    assert [(path, name) for path, name, _call in calls() if name in names] == []
    programs = {path for path, module in imported() if module.split(".")[0] in ("subprocess", "pty", "commands")}
    assert programs <= STARTS_PROGRAMS
    shells = [path for path, _name, call in calls() if any(word.arg == "shell" for word in call.keywords)]
    assert shells == []


def test_only_json_is_deserialised() -> None:
    unsafe = {"pickle", "marshal", "shelve", "yaml", "dill", "jsonpickle", "xml"}
    used = {(path, module) for path, module in imported() if module.split(".")[0] in unsafe}
    assert {(path, module) for path, module in used if not (module == "xml.parsers" and path in READS_XML)} == set()
    assert settings.SESSION_SERIALIZER == "django.contrib.sessions.serializers.JSONSerializer"
    from config.celery import app

    assert set(app.conf.accept_content) == {"json"}
    assert app.conf.task_serializer == "json"


def test_every_hash_function_is_in_the_inventory() -> None:
    known = {"md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s", "new", "SHA1", "MD5"}
    for path, node in nodes():
        if isinstance(node, ast.Attribute) and node.attr in known and ast.unparse(node.value) == "hashlib":
            assert node.attr in HASHES, f"{path} uses {node.attr}"
            allowed = HASHES[node.attr]
            assert allowed is None or path in allowed, f"{path} uses {node.attr}"
        assert not (isinstance(node, ast.ImportFrom) and node.module == "hashlib"), path


def test_predictable_random_numbers_only_spread_load_or_tell_the_story_of_the_demo() -> None:
    assert {path for path, module in imported() if module == "random"} == SPREADS_LOAD | TELLS_A_STORY


def test_passwords_are_hashed_by_argon2_with_djangos_cost() -> None:
    assert import_string(settings.PASSWORD_HASHERS[0]) is Argon2PasswordHasher
    named = [path for path in sources() if "Argon2PasswordHasher" in (ROOT / path).read_text(encoding="utf-8")]
    assert named == ["config/parts/people.py"]


def test_source_never_disables_certificate_checks() -> None:
    off = [
        path
        for path, _name, call in calls()
        for word in call.keywords
        if word.arg in ("verify", "check_hostname")
        and isinstance(word.value, ast.Constant)
        and word.value.value is False
    ]
    assert off == []
    unverified = {"ssl._create_unverified_context", "urllib3.disable_warnings"}
    assert [path for path, name, _call in calls() if name in unverified or "CERT_NONE" in name] == []


def test_search_covers_scripts() -> None:
    assert len(SCRIPTS) >= 3
    assert len(sources()) > 100


@pytest.mark.parametrize("path", SCRIPTS)
def test_no_script_writes_markup(path: str) -> None:
    unsafe = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setTimeout\(\s*['\"]|\.srcdoc"
    )
    assert re.findall(unsafe, SCRIPTS[path]) == []
    assert re.findall(r"__proto__|\.prototype\b|addEventListener\(\s*['\"]message", SCRIPTS[path]) == []


@pytest.mark.parametrize("path", SCRIPTS)
def test_no_script_stores_anything(path: str) -> None:
    assert re.findall(r"localStorage|sessionStorage|indexedDB|document\.cookie|caches\.", SCRIPTS[path]) == []
