"""Translation of queries on PostgreSQL's catalogs to DuckDB's SQL, with sqlglot.

Only queries with one of PostgreSQL's own names in them are translated. DuckDB receives all other
statements as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from duckml.server.pg_catalog.casts import cast
from duckml.server.pg_catalog.column_names import name_columns
from duckml.server.pg_catalog.functions import (
    bare_call_or_column,
    called_macro,
    current_schemas,
    current_value,
    pattern_search,
    without_schema,
)
from duckml.server.pg_catalog.operators import (
    any_of_array,
    comparison,
    escaped_like,
    item_of_vector,
    named_operator,
    without_collation,
)
from duckml.server.pg_catalog.tables import catalog_table, keep_column_order, replace_tableoids

_CATALOG_NAME = re.compile(
    r"\bpg_|\binformation_schema\b|\breg(?:class|type|proc|namespace|role|oper)"
    r"|::\s*(?:oid|name|\"char\"|xid|int2vector)\b"
    r"|\bversion\s*\(|\bcurrent_(?:schema|setting|user|role|catalog|database)"
    r"|\bsession_user\b|\buser\b|_privilege\b|_description\s*\(|\bset_config\b|\bformat_type\b"
    r"|\bto_reg|\bgetdatabaseencoding\b|\bquote_nullable\b",
    re.IGNORECASE,
)

# sqlglot doesn't read arrays of PostgreSQL's own types, and SELECT as the name of a column.
_ARRAY_TYPE = re.compile(
    r"::\s*(?:pg_catalog\.)?\"?(oid|regtype|regclass|name|char)\"?\[\]", re.IGNORECASE
)
_KEYWORD_ALIAS = re.compile(
    r"\bas\s+(select|update|insert|delete)\b(?=\s*(?:,|\n\s*from\b|$))", re.IGNORECASE
)

_Rule = Callable[..., exp.Expression]

# Nodes that only some versions of sqlglot have, and PostgreSQL's functions that they are.
_VERSION_DEPENDENT_NODES = (
    ("CurrentCatalog", current_value("current_catalog")),
    ("SessionUser", current_value("session_user")),
    ("CurrentRole", current_value("current_role")),
    ("CurrentVersion", current_value("version")),
    ("Version", current_value("version")),
    ("CurrentSchemas", current_schemas),
)

# A rule returns the node for DuckDB, or the same node. The first rule whose class fits is applied.
_RULES: tuple[tuple[type[exp.Expression], _Rule], ...] = (
    (exp.Table, catalog_table),
    (exp.Anonymous, called_macro),
    (exp.Dot, without_schema),
    (exp.Column, bare_call_or_column),
    (exp.Cast, cast),
    (exp.Operator, named_operator),
    (exp.Collate, without_collation),
    (exp.Any, any_of_array),
    (exp.Bracket, item_of_vector),
    (exp.Substring, pattern_search),
    (exp.Like, escaped_like),
    (exp.ILike, escaped_like),
    (exp.EQ, comparison),
    (exp.NEQ, comparison),
    (exp.CurrentSchema, current_value("current_schema")),
    (exp.CurrentUser, current_value("current_user")),
    (exp.CurrentDatabase, current_value("current_database")),
    *((getattr(exp, name), rule) for name, rule in _VERSION_DEPENDENT_NODES if hasattr(exp, name)),
)


def translated(sql: str) -> str:
    """Return a query on PostgreSQL's catalogs in DuckDB's SQL, other statements unchanged."""
    return _translated_query(sql) if _CATALOG_NAME.search(sql) else sql


def _translated_query(sql: str) -> str:
    try:
        tree = sqlglot.parse_one(_readable(sql), read="postgres")
    except (SqlglotError, RecursionError):
        # DuckDB reports the error of a query that sqlglot can't read.
        return sql
    if not isinstance(tree, exp.Query):
        return sql
    name_columns(tree)
    keep_column_order(tree)
    count = replace_tableoids(tree)
    tree, changed = _apply_rules(tree)
    # One of PostgreSQL's names may also be a column, or part of a string: then nothing has changed.
    if not count + changed:
        return sql
    # All names are quoted, because some are keywords of DuckDB, such as at.
    return str(tree.sql(dialect="duckdb", comments=False, identify=True))


def _readable(sql: str) -> str:
    sql = _ARRAY_TYPE.sub(_duckdb_array_type, sql)
    return _KEYWORD_ALIAS.sub(r'as "\1"', sql)


def _duckdb_array_type(found: re.Match[str]) -> str:
    return "::UINTEGER[]" if found[1].lower() == "oid" else "::TEXT[]"


def _apply_rules(tree: exp.Expression) -> tuple[exp.Expression, int]:
    """Return the tree with the rules applied, and the number of nodes that have changed."""
    changed = 0
    # From the leaves up: a rule finds the nodes below its own translated.
    for node in reversed(list(tree.dfs())):
        new = _translated_node(node)
        if new is node:
            continue
        changed += 1
        if node is tree:
            tree = new
        else:
            node.replace(new)
    return tree, changed


def _translated_node(node: exp.Expression) -> exp.Expression:
    for kind, rule in _RULES:
        if isinstance(node, kind):
            return rule(node)
    return node
