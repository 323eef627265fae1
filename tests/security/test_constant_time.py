"""S20: secrets, signatures and tokens are compared in constant time everywhere in the source."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
SOURCES = [
    path
    for folder in ("accounts", "config", "core", "integrations")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "tests" not in path.relative_to(ROOT).parts and "migrations" not in path.parts
]
SECRET = re.compile(
    r"(?:^|_)(?:secrets?|tokens?|passwords?|signatures?|signed|hmac|proofs?|otp|api_?keys?|credentials?|mac)(?:$|_)",
    re.IGNORECASE,
)
# Comparisons that protect nothing: no operand comes from an attacker.
HARMLESS = {
    ("deliver.py", "error.status in _CREDENTIALS"),  # status numbers
    # names of permissions
    ("next_step.py", "circuit.permission == CREDENTIALS"),
    ("circuits.py", "circuit.permission in {CREDENTIALS, *(permission.name for permission in proved)}"),
    ("reading.py", "secret in name"),  # names of headers
    ("tokens.py", "stored.token == refused"),  # both are access tokens that we were given
    ("tokens.py", "self._own.token == refused"),
    ("export.py", "name not in holding.secret"),  # names of columns
    ("secret_settings.py", "name in _SECRET_ADDRESSES"),  # names of settings
    ("secret_settings.py", "unquote(password) != password"),  # both are ours
    ("hooks.py", "first not in self._tokens"),  # an address that the provider lists, to be shown without our token
}


def secret_names(node: ast.AST) -> list[str]:
    """Return the names in an operand that look like a secret: `self.token` does, `token.scopes` does not."""
    if isinstance(node, ast.Name | ast.Attribute):
        name = node.id if isinstance(node, ast.Name) else node.attr
        return [name] if SECRET.search(name) else []
    return [name for part in ast.iter_child_nodes(node) for name in secret_names(part)]


def is_constant(node: ast.expr) -> bool:
    """Return whether an operand is a constant: comparing with it reveals nothing about a secret."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return all(is_constant(item) or (isinstance(item, ast.Attribute) and item.attr.isupper()) for item in node.elts)
    return isinstance(node, ast.Constant)


def plain_comparisons(source: str) -> Iterator[str]:
    """Yield each comparison by ==, !=, in, startswith or endswith of a name that looks like a secret."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and any(
            isinstance(one, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for one in node.ops
        ):
            operands = [node.left, *node.comparators]
            compared = [one for one in operands if not isinstance(one, ast.Call) and secret_names(one)]
            if compared and not any(is_constant(one) for one in operands):
                yield ast.unparse(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            by_its_beginning = node.func.attr in ("startswith", "endswith", "__eq__") and secret_names(node.func.value)
            if by_its_beginning and not all(is_constant(one) or one_name(one).isupper() for one in node.args):
                yield ast.unparse(node)


def one_name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def test_no_secret_is_compared_in_variable_time() -> None:
    found = {(path.name, one) for path in SOURCES for one in plain_comparisons(path.read_text(encoding="utf-8"))}
    assert {one for one in found if one not in HARMLESS} == set()


@pytest.mark.parametrize(
    "source",
    [
        "given == secret",
        "self.token != token",
        "signature in accepted",
        "given in self.tokens",
        "request.password == settings.WEBHOOK_PASSWORD",
        "digest(body) == signature",
        "secret.startswith(given)",
    ],
)
def test_variable_time_comparison_is_found(source: str) -> None:
    assert list(plain_comparisons(source))


@pytest.mark.parametrize(
    "source",
    [
        "token == ''",
        "secret is None",
        "name == 'token'",
        "len(token) == 3",
        "a == b",
        "token.scope in scopes",
        "who in (Who.TOKEN, Who.SECRET)",
    ],
)
def test_comparison_with_a_constant_is_not_reported(source: str) -> None:
    assert not list(plain_comparisons(source))
