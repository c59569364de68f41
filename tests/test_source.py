"""Claims that the source makes about itself and that import-linter can't check."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "duckml"


def modules_that_mention(name: str, owner: str) -> set[str]:
    """Return the modules in which `owner.name` appears, by their path in the package."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_attribute = isinstance(node, ast.Attribute) and node.attr == name
            if is_attribute and isinstance(node.value, ast.Name) and node.value.id == owner:
                found.add(path.relative_to(PACKAGE).as_posix())
            if isinstance(node, ast.ImportFrom) and node.module == owner:
                assert name not in {alias.name for alias in node.names}, path
    return found


def test_one_module_calls_the_lexer_of_duckdb() -> None:
    assert modules_that_mention("tokenize", "duckdb") == {"language/tokens.py"}
