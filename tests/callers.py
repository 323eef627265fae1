"""Find the functions of this project that its source calls in exactly one place."""

import ast
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("core", "accounts", "integrations", "config")
Place = tuple[str, int]  # path from the root, line


def is_source(path: Path) -> bool:
    """Return whether `path`, from the root, is the project's own source: no tests, no migrations."""
    return path.parts[0] in PACKAGES and not {"tests", "migrations"} & set(path.parts)


@cache
def called_once() -> dict[Place, tuple[int, str]]:
    """Return the lines and the caller ("path:line") of each function that is only ever called, in one place.

    Python cannot know what `x.name` is. So a function counts by its name alone: left out is whatever shares its name
    with another function, is decorated, or is named anywhere else than in that call (as a value, or in a string).
    """
    defined: dict[str, list[tuple[Place, int]]] = defaultdict(list)
    named: Counter[str] = Counter()
    called: dict[str, str] = {}
    for path in sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py")):
        relative = path.relative_to(ROOT)
        if not is_source(relative):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.FunctionDef(name=name, decorator_list=decorators):
                    defined[name].append(((relative.as_posix(), node.lineno), _lines(node)))
                    named[name] += len(decorators)
                case ast.Name(id=name) | ast.Attribute(attr=name):
                    named[name] += 1
                case ast.Constant(value=str(text)):
                    named[text.rpartition(".")[2]] += 1
                case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                    called[name] = f"{relative.as_posix()}:{node.lineno}"
    return {
        definitions[0][0]: (definitions[0][1], called[name])
        for name, definitions in defined.items()
        if len(definitions) == 1 and named[name] == 1 and name in called
    }


def _lines(node: ast.FunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1
