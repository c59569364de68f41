"""Databases, schemas, tables, functions and macros, as DuckDB's catalog lists them."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass

import duckdb

from duckml.database.search_path import Place
from duckml.database.sessions import Native, read, sibling_session
from duckml.errors import ReadOnlyError
from duckml.names import fold

OURS = "duckml: "  # how the comments on the macros of models begin


def function_kinds(con: Native) -> dict[str, set[str]]:
    """The functions that aren't plain ones, by name in lower case: 'aggregate', 'macro' and 'volatile'.

    Macros are those of the user; volatile is what answers something else at another time, or in another session,
    whatever it is given: DuckDB 2.0.1 says of year() and + that they aren't stable for a TIMESTAMP WITH TIME ZONE.
    """
    rows = read(
        con,
        "SELECT lower(function_name) AS name, 'aggregate' FROM duckdb_functions() WHERE function_type = 'aggregate' "
        "UNION SELECT lower(function_name), 'macro' FROM duckdb_functions() "
        "WHERE function_type = 'macro' AND NOT internal "
        "UNION SELECT lower(function_name), 'volatile' FROM duckdb_functions() "
        "WHERE function_type NOT IN ('aggregate', 'macro') GROUP BY ALL "
        "HAVING bool_and(stability <> 'CONSISTENT') "
        "OR lower(function_name) IN ('getvariable', 'current_setting', 'getenv')",
    )
    kinds: dict[str, set[str]] = {}
    for name, kind in rows:
        kinds.setdefault(name, set()).add(kind)
    return kinds


def is_type(con: Native, sql_type: str) -> bool:
    """Whether a text is the name of a type as DuckDB writes it, and nothing else."""
    with contextlib.suppress(duckdb.Error), sibling_session(con) as session:
        [(answer,)] = read(
            session, "SELECT json_serialize_sql($sql)", {"sql": f"SELECT CAST(NULL AS {sql_type})"}
        )
        tree = json.loads(answer)
        if tree["error"] or len(tree["statements"]) != 1:
            return False
        node = tree["statements"][0]["node"]
        plain = (
            node["from_table"]["type"] == "EMPTY"
            and not node["modifiers"]
            and node["where_clause"] is None
        )
        if plain and len(node["select_list"]) == 1 and node["select_list"][0]["class"] == "CAST":
            # As DuckDB itself writes it, so that nothing else can stand in it.
            return bool(read(session, f"SELECT typeof(CAST(NULL AS {sql_type}))")[0][0] == sql_type)
    return False


def can_read(con: Native, sql: str) -> bool:
    """Whether a SELECT of ours can be run, asked on a session of its own."""
    with contextlib.suppress(duckdb.Error), sibling_session(con) as session:
        read(session, sql)
        return True
    return False


def built_in_functions(con: Native) -> set[str]:
    """The functions that DuckDB itself brings, in lower case, and that `system.main.` may stand before."""
    rows = read(
        con,
        "SELECT DISTINCT lower(function_name) FROM duckdb_functions() "
        "WHERE database_name = 'system' AND schema_name = 'main' AND internal AND function_type IN ('scalar', 'macro')",
    )
    return {name for (name,) in rows}


def columns_by_table(con: Native) -> list[tuple[str, str, str, list[str]]]:
    """Database, schema and name of every table and view, folded, and its columns as they are spelt."""
    rows = read(
        con,
        "SELECT database_name, schema_name, table_name, list(column_name ORDER BY column_index) FROM duckdb_columns() "
        "WHERE NOT internal GROUP BY ALL",
    )
    return [
        (fold(database), fold(schema), fold(table), columns)
        for database, schema, table, columns in rows
    ]


def databases(con: Native) -> dict[str, bool]:
    """The attached databases, and whether each is read-only."""
    return dict(
        read(con, "SELECT database_name, readonly FROM duckdb_databases() WHERE NOT internal")
    )


def is_in_memory(con: Native, database: str) -> bool:
    """Whether a database ends with the process."""
    rows = read(
        con, "SELECT path FROM duckdb_databases() WHERE database_name = $name", {"name": database}
    )
    return not rows or rows[0][0] is None


def existing_schema(con: Native, place: Place) -> Place | None:
    """A schema as the catalog spells it, or None when it isn't there."""
    rows = read(
        con,
        "SELECT schema_name FROM duckdb_schemas() WHERE database_name = $name",
        {"name": place.database},
    )
    return next(
        (Place(place.database, name) for (name,) in rows if fold(name) == fold(place.schema)), None
    )


def require_writable(con: Native, database: str, doing: str) -> None:
    """Raise ReadOnlyError when a database can't be written."""
    if databases(con).get(database, False):
        raise ReadOnlyError.database(database, doing)


@dataclass(frozen=True)
class Macro:
    """A macro of the catalog: `kind` is 'macro' or 'table_macro', `is_ours` whether a model made it."""

    schema: str
    name: str
    kind: str
    is_ours: bool


def macros(con: Native, database: str) -> list[Macro]:
    """The macros of a database, the users' and those of models."""
    rows = read(
        con,
        # By what they do too: a comment can be changed, and EXPORT DATABASE leaves it out.
        "SELECT schema_name, function_name, function_type, bool_or(coalesce(starts_with(comment, $ours), false) "
        "OR regexp_matches(macro_definition, $call) OR (starts_with(function_name, 'model_version_') "
        "AND starts_with(macro_definition, concat($quote, schema_name, '.')) "
        "AND regexp_full_match(macro_definition, $version))) FROM duckdb_functions() "
        "WHERE database_name = $database AND function_type IN ('macro', 'table_macro') AND NOT internal GROUP BY ALL",
        {
            "database": database,
            "ours": OURS,
            "quote": "'",
            "call": "main.duckml_predict_doubles?[(]'[0-9a-f]{64}'",
            "version": "'.+@[0-9]+'",
        },
    )
    return [Macro(*row) for row in rows]


def function_exists(con: Native, name: str) -> bool:
    """Whether any function or macro of that name can be called without a schema before it."""
    query = "SELECT 1 FROM duckdb_functions() WHERE lower(function_name) = $name LIMIT 1"
    return bool(read(con, query, {"name": name}))
