"""Functions in queries on the catalogs, and the macros that they are in DuckDB."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from duckml.names import fold
from duckml.server.pg_catalog.catalog_names import (
    CATALOG_SCHEMAS,
    is_bare_call,
    macro_call,
    prefixed_macros,
    without,
)


def called_macro(node: exp.Anonymous) -> exp.Expression:
    """Replace a function by its macro, if it has one with the prefix _pg_."""
    if not isinstance(node.this, str):
        return node
    name = fold(node.this)
    return macro_call(name, node.expressions) if name in prefixed_macros() else node


def without_schema(node: exp.Dot) -> exp.Expression:
    """Replace pg_catalog.f(…) by f(…)."""
    if isinstance(node.this, exp.Identifier) and fold(node.this.name) in CATALOG_SCHEMAS:
        return node.expression
    return node


def bare_call_or_column(node: exp.Column) -> exp.Expression:
    """Replace session_user by a call, and pg_catalog.pg_class.oid by pg_class.oid."""
    if is_bare_call(node):
        return macro_call(fold(node.name), [])
    if fold(node.db) in CATALOG_SCHEMAS:
        return without(node, "db")
    return node


def current_schemas(node: exp.Expression) -> exp.Expression:
    """Replace sqlglot's node for current_schemas."""
    return macro_call("current_schemas", [node.this or exp.true()])


def current_value(name: str) -> Callable[[exp.Expression], exp.Expression]:
    """Return the rule that replaces a node of sqlglot by a call without arguments."""
    return lambda node: macro_call(name, [])


def pattern_search(node: exp.Substring) -> exp.Expression:
    """Replace substring(text, 'pattern'), which is a search in PostgreSQL.

    Its result is the first group of the pattern if it has one, and NULL if nothing matches.
    """
    start = node.args.get("start")
    if not isinstance(start, exp.Literal) or not start.is_string:
        return node
    group = exp.Literal.number(1 if "(" in start.name else 0)
    found = exp.Anonymous(this="regexp_extract", expressions=[node.this, start, group])
    return exp.Anonymous(this="nullif", expressions=[found, exp.Literal.string("")])
