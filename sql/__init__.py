"""The database side of duckml: the registry's schema and the named queries, as SQL files that ship with the package.

A block starts with `-- name: <name>` and runs to the next one. Names of databases and schemas are written
`{database}`, which the room that asks replaces, quoted; values are parameters.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def blocks(file: str) -> dict[str, str]:
    """The named blocks of one of the SQL files of this package, in their order."""
    parts = _NAME.split(
        resources.files(__name__).joinpath(f"{file}.sql").read_text(encoding="utf-8")
    )
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}
