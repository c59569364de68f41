"""The table functions that clients may not call: they read more than tables and catalogs."""

from __future__ import annotations

import functools
import itertools

import duckdb

from duckml.language.tokens import Tokens
from duckml.names import fold, unquote

# DuckDB limits these to the files that it has open itself: the database, and its temporary files.
_PERMITTED = frozenset(
    {
        "duckdb_columns",
        "duckdb_constraints",
        "duckdb_dependencies",
        "duckdb_extensions",
        "duckdb_functions",
        "duckdb_indexes",
        "duckdb_keywords",
        "duckdb_memory",
        "duckdb_schemas",
        "duckdb_sequences",
        "duckdb_settings",
        "duckdb_tables",
        "duckdb_types",
        "duckdb_variables",
        "duckdb_views",
        "generate_series",
        "histogram",
        "histogram_values",
        "icu_calendar_names",
        "json_each",
        "json_tree",
        "pg_timezone_names",
        "pragma_show",
        "pragma_storage_info",
        "pragma_table_info",
        "pragma_version",
        "query_table",
        "range",
        "repeat",
        "repeat_row",
        "show",
        "summary",
        "test_all_types",
        "unnest",
        "version",
    }
)
# A name before a bracket after one of these words is a table's: INSERT INTO range (a) …
_BEFORE_TABLE_NAMES = frozenset({"into", "with", "recursive"})


def forbidden_function(tokens: Tokens) -> str:
    """Return the first table function in a statement that clients may not call, '' if none."""
    previous = ""
    for token, following in itertools.pairwise(tokens):
        if following.text == "(" and previous not in _BEFORE_TABLE_NAMES:
            name = _function_name(token.text)
            if name in _forbidden_functions():
                return name
        previous = token.word
    return ""


def _function_name(text: str) -> str:
    return fold(unquote(text) if text.startswith('"') else text)


@functools.cache
def _forbidden_functions() -> frozenset[str]:
    # A name that scalar functions have as well is permitted: tokens do not tell the two apart.
    query = (
        "SELECT function_name FROM duckdb_functions() WHERE database_name = 'system' "
        "GROUP BY ALL HAVING bool_and(function_type IN ('table', 'table_macro', 'pragma'))"
    )
    with duckdb.connect() as con:
        names = {name for (name,) in con.execute(query).fetchall()}
    return frozenset(names) - _PERMITTED
