"""The tables and columns that a training query reads, and the libraries that trained a model.

Lineage is stored for information. A query that sqlglot or DuckDB can't read has none.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import duckdb

from duckml.database import catalog, search_path, sessions
from duckml.database.sessions import Native
from duckml.names import fold

if TYPE_CHECKING:
    from sqlglot import exp

_LIBRARIES = ("duckml", "duckdb", "scikit-learn", "skl2onnx", "onnx", "onnxruntime", "numpy")

# Database, schema and name of a table, folded.
TableKey = tuple[str, str, str]


def library_versions() -> dict[str, str]:
    """Return the installed versions of the libraries that a model depends on."""
    versions = {}
    for library in _LIBRARIES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[library] = importlib.metadata.version(library)
    return versions


def source_tables(con: Native, query: str) -> list[str]:
    """Return the tables that a query reads, qualified; an empty list if DuckDB can't parse it."""
    # An error would abort the user's transaction, so that this is asked on another session.
    with contextlib.suppress(duckdb.Error), sessions.sibling_session(con) as session:
        return sorted(Native.get_table_names(session, query, qualified=True))
    return []


def source_columns(con: Native, query: str) -> list[str]:
    """Return the columns that a query reads, as database.schema.table.column, as far as known."""
    from sqlglot.errors import SqlglotError

    resolver = _TableResolver(con)
    found: set[str] = set()
    # sqlglot raises any of these for SQL that it doesn't know. Then columns are missing.
    with contextlib.suppress(
        SqlglotError, RecursionError, ValueError, KeyError, AttributeError, TypeError
    ):
        for column in _columns_read(query, resolver):
            found.add(column)
    return sorted(found)


class _TableResolver:
    """The tables of all databases, found by the names that a query uses for them."""

    def __init__(self, con: Native) -> None:
        self.tables: dict[TableKey, Sequence[str]] = {}
        for database, schema, table, columns in catalog.columns_by_table(con):
            self.tables[database, schema, table] = columns
        self._search = [(place.database, place.schema) for place in search_path.search_path(con)]

    def find(self, table: exp.Table) -> TableKey | None:
        """Return the table that a name means, along the search path, or None."""
        name, schema, database = fold(table.name), fold(table.db), fold(table.catalog)
        if database:
            places = [(database, schema)]
        else:
            nearby = [(place, schema or default) for place, default in self._search]
            # In DuckDB, `a.t` can also be the table t of the database a.
            places = [*nearby, (schema, "main")]
        for place in places:
            key = (fold(place[0]), fold(place[1]), name)
            if key in self.tables:
                return key
        return None


def _columns_read(query: str, resolver: _TableResolver) -> Iterator[str]:
    from sqlglot import exp, parse_one
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import traverse_scope

    tree = parse_one(query, dialect="duckdb")
    places = _rename_tables(tree, resolver)
    schema = {
        plain: dict.fromkeys(resolver.tables[key], "unknown") for plain, key in places.items()
    }
    tree = qualify(
        tree,
        schema=schema,
        dialect="duckdb",
        validate_qualify_columns=False,
        quote_identifiers=False,
    )
    for scope in traverse_scope(tree):
        for column in scope.columns:
            source = scope.sources.get(column.table)
            if not isinstance(source, exp.Table) or source.name not in places:
                continue
            key = places[source.name]
            spelling = {fold(name): name for name in resolver.tables[key]}
            if fold(column.name) in spelling:
                yield ".".join([*key, spelling[fold(column.name)]])


def _rename_tables(tree: exp.Expression, resolver: _TableResolver) -> Mapping[str, TableKey]:
    """Give every known table a name without schema and database; return the tables by that name.

    sqlglot would need one nesting of names for all of them.
    """
    from sqlglot import exp

    places: dict[str, TableKey] = {}
    for node in list(tree.find_all(exp.Table)):
        key = resolver.find(node)
        if key is not None:
            plain = f"t{len(places)}"
            places[plain] = key
            alias = node.alias or node.name
            node.replace(exp.alias_(exp.to_table(plain), alias, table=True))
    return places
