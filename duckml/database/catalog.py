"""Databases, schemas, tables, functions and macros, as DuckDB's catalog lists them."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import Any

import duckdb

from duckml.database.search_path import Place
from duckml.database.sessions import Native, read, sibling_session
from duckml.errors import ReadOnlyError
from duckml.names import fold

OURS = "duckml: "  # the start of the comments on the macros of models

# DuckDB 2.0.1 reports that year() and + aren't consistent for a TIMESTAMP WITH TIME ZONE, so a
# function is volatile only if all of its forms are.
_FUNCTION_KINDS = """
    SELECT lower(function_name) AS name, 'aggregate'
    FROM duckdb_functions() WHERE function_type = 'aggregate'
    UNION
    SELECT lower(function_name), 'macro'
    FROM duckdb_functions() WHERE function_type = 'macro' AND NOT internal
    UNION
    SELECT lower(function_name), 'volatile'
    FROM duckdb_functions() WHERE function_type NOT IN ('aggregate', 'macro')
    GROUP BY ALL
    HAVING bool_and(stability <> 'CONSISTENT')
        OR lower(function_name) IN ('getvariable', 'current_setting', 'getenv')
"""

# Macros of models are recognized by their definition too: a comment can be changed, and EXPORT
# DATABASE leaves it out.
_MACROS = """
    SELECT schema_name, function_name, function_type, bool_or(
        coalesce(starts_with(comment, $ours), false)
        OR regexp_matches(macro_definition, $call)
        OR (starts_with(function_name, 'model_version_')
            AND starts_with(macro_definition, concat($quote, schema_name, '.'))
            AND regexp_full_match(macro_definition, $version)))
    FROM duckdb_functions()
    WHERE database_name = $database AND function_type IN ('macro', 'table_macro') AND NOT internal
    GROUP BY ALL
"""


def function_kinds(con: Native) -> dict[str, set[str]]:
    """Return the kinds of the functions that aren't plain ones, by name in lower case.

    A kind is 'aggregate', 'macro' for a macro of the user, or 'volatile' for a function whose
    result can differ between calls or sessions for the same arguments.
    """
    kinds: dict[str, set[str]] = {}
    for name, kind in read(con, _FUNCTION_KINDS):
        kinds.setdefault(name, set()).add(kind)
    return kinds


def is_type(con: Native, sql_type: str) -> bool:
    """Return whether a string is exactly the name of a type, as DuckDB writes it."""
    cast = f"CAST(NULL AS {sql_type})"
    with contextlib.suppress(duckdb.Error), sibling_session(con) as session:
        query = "SELECT json_serialize_sql($sql)"
        [(serialized,)] = read(session, query, {"sql": f"SELECT {cast}"})
        if not _is_one_cast(json.loads(serialized)):
            return False
        # Compared with DuckDB's own spelling, so that the string can't contain anything else.
        return bool(read(session, f"SELECT typeof({cast})")[0][0] == sql_type)
    return False


def _is_one_cast(tree: dict[str, Any]) -> bool:
    """Return whether a serialized script is one SELECT of one CAST and nothing else."""
    if tree["error"] or len(tree["statements"]) != 1:
        return False
    node = tree["statements"][0]["node"]
    is_plain = (
        node["from_table"]["type"] == "EMPTY"
        and not node["modifiers"]
        and node["where_clause"] is None
    )
    items = node["select_list"]
    return is_plain and len(items) == 1 and items[0]["class"] == "CAST"


def can_read(con: Native, sql: str) -> bool:
    """Return whether a SELECT runs without an error, in a separate session."""
    with contextlib.suppress(duckdb.Error), sibling_session(con) as session:
        read(session, sql)
        return True
    return False


def built_in_functions(con: Native) -> set[str]:
    """Return DuckDB's functions in `system.main`, in lower case."""
    rows = read(
        con,
        "SELECT DISTINCT lower(function_name) FROM duckdb_functions() "
        "WHERE database_name = 'system' AND schema_name = 'main' AND internal "
        "AND function_type IN ('scalar', 'macro')",
    )
    return {name for (name,) in rows}


def columns_by_table(con: Native) -> list[tuple[str, str, str, list[str]]]:
    """Return the folded database, schema and name of each table and view, and its columns."""
    rows = read(
        con,
        "SELECT database_name, schema_name, table_name, list(column_name ORDER BY column_index) "
        "FROM duckdb_columns() WHERE NOT internal GROUP BY ALL",
    )
    return [
        (fold(database), fold(schema), fold(table), columns)
        for database, schema, table, columns in rows
    ]


def databases(con: Native) -> dict[str, bool]:
    """Return the attached databases, and whether each is read-only."""
    query = "SELECT database_name, readonly FROM duckdb_databases() WHERE NOT internal"
    return dict(read(con, query))


def is_in_memory(con: Native, database: str) -> bool:
    """Return whether a database has no file."""
    query = "SELECT path FROM duckdb_databases() WHERE database_name = $name"
    rows = read(con, query, {"name": database})
    return not rows or rows[0][0] is None


def existing_schema(con: Native, place: Place) -> Place | None:
    """Return a schema as the catalog spells it, or None if it doesn't exist."""
    query = "SELECT schema_name FROM duckdb_schemas() WHERE database_name = $name"
    for (name,) in read(con, query, {"name": place.database}):
        if fold(name) == fold(place.schema):
            return Place(place.database, name)
    return None


def require_writable(con: Native, database: str, doing: str) -> None:
    """Raise ReadOnlyError if a database is open read-only."""
    if databases(con).get(database, False):
        raise ReadOnlyError.database(database, doing)


@dataclass(frozen=True)
class Macro:
    """A macro of the catalog; `is_ours` is true for a macro of a model.

    `kind` is 'macro' or 'table_macro'.
    """

    schema: str
    name: str
    kind: str
    is_ours: bool


def macros(con: Native, database: str) -> list[Macro]:
    """Return the macros of a database, those of users and those of models."""
    parameters = {
        "database": database,
        "ours": OURS,
        "quote": "'",
        "call": "main.duckml_predict_doubles?[(]'[0-9a-f]{64}'",
        "version": "'.+@[0-9]+'",
    }
    return [Macro(*row) for row in read(con, _MACROS, parameters)]


def function_exists(con: Native, name: str) -> bool:
    """Return whether a function or macro of that name can be called without a schema."""
    query = "SELECT 1 FROM duckdb_functions() WHERE lower(function_name) = $name LIMIT 1"
    return bool(read(con, query, {"name": name}))
