"""SQL files that ship with the package: the registry's schema, queries, and PostgreSQL's catalogs.

A block begins with `-- name: <name>` and ends where the next one begins. Callers replace
`{database}` in it by a quoted name or a literal. Values are parameters.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def blocks(file: str) -> dict[str, str]:
    """Return the blocks of an SQL file of this package by name, in their order."""
    path = resources.files(__name__).joinpath(f"{file}.sql")
    parts = _NAME.split(path.read_text(encoding="utf-8"))
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}
