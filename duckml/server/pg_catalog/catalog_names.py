"""Names of the views and macros in the memory database of the server."""

from __future__ import annotations

import functools
import re

from sqlglot import exp

from duckml.names import fold
from duckml.sql import blocks

HOME = "memory"  # the database of the views and macros

CATALOG_SCHEMAS = frozenset({"pg_catalog", "information_schema"})

# PostgreSQL's functions that are called without parentheses, and that look like columns.
_BARE_CALLS = frozenset({"session_user", "user", "current_role"})


@functools.cache
def catalog_views() -> dict[str, str]:
    """Return the queries of the views by name, in the order in which they can be created."""
    files = ("pg_catalog", "pg_catalog_empty", "information_schema")
    return {name: query for file in files for name, query in blocks(file).items()}


@functools.cache
def prefixed_macros() -> frozenset[str]:
    """Return the functions that have a macro with the prefix _pg_.

    DuckDB has another function of the same name, which keeps its meaning in other queries.
    """
    text = "".join(blocks("pg_functions").values())
    return frozenset(re.findall(r"CREATE MACRO _pg_(\w+)\(", text))


def macro_call(name: str, arguments: list[exp.Expression]) -> exp.Expression:
    """Return a call of the macro for one of PostgreSQL's functions."""
    macro = f"_pg_{name}" if name in prefixed_macros() else name
    return exp.Anonymous(this=macro, expressions=arguments)


def is_bare_call(node: exp.Expression) -> bool:
    """Return whether an apparent column is a function that is called without parentheses."""
    if not isinstance(node, exp.Column) or node.table or node.this.quoted:
        return False
    return fold(node.name) in _BARE_CALLS


def without(node: exp.Expression, argument: str) -> exp.Expression:
    """Return a copy of a node without one of its arguments."""
    changed = node.copy()
    changed.set(argument, None)
    return changed
