"""Where the rows of a model came from: the tables and columns that its training query reads.

Only told, never acted on: a query that can't be read gives an empty answer. The one place besides the SQL export and
the BigQuery dialect that reads SQL with sqlglot; nothing is regenerated.
"""

from __future__ import annotations

import contextlib
import importlib.metadata

import duckdb

from duckml.database import catalog, search_path, sessions
from duckml.database.sessions import Native
from duckml.names import fold

_LIBRARIES = ("duckml", "duckdb", "scikit-learn", "skl2onnx", "onnx", "onnxruntime", "numpy")


def library_versions() -> dict[str, str]:
    """The libraries that make a model what it is, as far as they are installed under these names."""
    versions = {}
    for library in _LIBRARIES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[library] = importlib.metadata.version(library)
    return versions


def source_tables(con: Native, query: str) -> list[str]:
    """The tables that a query reads, as DuckDB names them; none when it can't tell.

    Asked on a session of its own: an error would abort the user's transaction.
    """
    with contextlib.suppress(duckdb.Error), sessions.sibling_session(con) as session:
        return sorted(Native.get_table_names(session, query, qualified=True))
    return []


def source_columns(con: Native, query: str) -> list[str]:
    """The columns that a query reads, as database.schema.table.column, where tables and columns can be told."""
    from sqlglot import exp, parse_one
    from sqlglot.errors import SqlglotError
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import traverse_scope

    found: set[str] = set()
    tables = {}
    for database, schema, table, columns in catalog.columns_by_table(con):
        tables[database, schema, table] = columns
    search = [(place.database, place.schema) for place in search_path.search_path(con)]

    def found_at(table: exp.Table) -> tuple[str, str, str] | None:
        name, schema, database = fold(table.name), fold(table.db), fold(table.catalog)
        nearby = [(place, schema or default) for place, default in search]
        for place in [(database, schema)] if database else [*nearby, (schema, "main")]:
            key = (fold(place[0]), fold(place[1]), name)
            if key in tables:
                return key
        return None

    # Whatever sqlglot can't read, or trips over, leaves the lineage of columns unknown.
    with contextlib.suppress(
        SqlglotError, RecursionError, ValueError, KeyError, AttributeError, TypeError
    ):
        tree = parse_one(query, dialect="duckdb")
        known: dict[str, object] = {}
        places: dict[str, tuple[str, str, str]] = {}
        for node in list(tree.find_all(exp.Table)):
            key = found_at(node)
            if key is not None:
                # Every table under a plain name of its own, so that names of databases and schemas don't matter.
                plain = f"t{len(places)}"
                places[plain] = key
                known[plain] = dict.fromkeys(tables[key], "unknown")
                node.replace(exp.alias_(exp.to_table(plain), node.alias or node.name, table=True))
        tree = qualify(
            tree,
            schema=known,
            dialect="duckdb",
            validate_qualify_columns=False,
            quote_identifiers=False,
        )
        for scope in traverse_scope(tree):
            for column in scope.columns:
                source = scope.sources.get(column.table)
                if isinstance(source, exp.Table) and source.name in places:
                    names = places[source.name]
                    spelt = {fold(name): name for name in tables[names]}
                    if fold(column.name) in spelt:
                        found.add(".".join([*names, spelt[fold(column.name)]]))
    return sorted(found)
