"""Files, tests and functions of the project that a document names."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATH = re.compile(r"`([\w.][\w./-]*/[\w.-]*|[\w.-]+\.(?:py|txt|md|toml|yaml))(?:::(\w+))?`")


def named_in(text: str) -> list[tuple[str, str]]:
    """Return each path in the document with the name that it is said to hold, "" where none is."""
    return sorted({(match[1], match[2] or "") for match in PATH.finditer(text)})


@cache
def functions_in(path: str) -> frozenset[str]:
    """Return the names of the functions and classes of a file of the project."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef))


def assert_exists(path: str, function: str) -> None:
    """Raise AssertionError where the file, or the function in it, does not exist."""
    assert (ROOT / path).exists(), f"{path} does not exist"
    if function:
        assert function in functions_in(path), f"{path} holds no {function}"
