"""Views and macros of PostgreSQL's catalogs, in the memory database of the server's instance.

The views are those of sql/pg_catalog.sql and its neighbours, the macros those of
sql/pg_functions.sql. The served file is attached next to them, and nothing is stored in it.
"""

from __future__ import annotations

from duckml.connection import Connection
from duckml.database import sessions
from duckml.database.sessions import Native
from duckml.names import fold, literal, quote, unquote
from duckml.server.pg_catalog.catalog_names import HOME, catalog_views
from duckml.server.pg_catalog.catalog_types import filled_macros
from duckml.server.pg_catalog.date_patterns import create_pattern_macros
from duckml.server.pg_catalog.object_ids import id_type
from duckml.sql import blocks

# The variables of a session that the views read.
SETTINGS = "__pg_settings"
USER = "__pg_user"
PROCESS_ID = "__pg_pid"


def install_catalog(con: Connection, database: str) -> None:
    """Create the views and macros for a served database of that name."""
    macros = blocks("pg_functions")
    sessions.write(con, f"USE {HOME}.main")
    _run_all(con, macros["before_views"])
    _run_all(con, filled_macros(macros["types"]))
    for name, query in catalog_views().items():
        _create_view(con, name, query.replace("{database}", literal(database)))
    # Macros with queries in them are bound when they are created, after their views.
    _run_all(con, macros["after_views"].replace("{database}", literal(database)))
    create_pattern_macros(con)


def _create_view(con: Native, name: str, query: str) -> None:
    """Create a view whose object ids have unsigned types, as result columns expect."""
    sessions.write(con, f"CREATE VIEW {quote(name)} AS {query}")
    if name.startswith(("_pg_", "information_schema")):
        return
    # DuckDB finds out the types of the columns, so that the files needn't repeat them.
    columns = sessions.read(con, f"DESCRIBE {quote(name)}")
    kinds = {column: id_type(column, kind) for column, kind, *_ in columns}
    casts = ", ".join(
        f"CAST({quote(column)} AS {kind}) AS {quote(column)}"
        for column, kind in kinds.items()
        if kind is not None
    )
    if casts:
        replaced = f"SELECT * REPLACE ({casts}) FROM ({query})"
        sessions.write(con, f"CREATE OR REPLACE VIEW {quote(name)} AS {replaced}")


def _run_all(con: Native, text: str) -> None:
    for statement in text.split(";\n"):
        sessions.write(con, statement)


def begin_session(con: Connection, process_id: int) -> None:
    """Store the process id of a session for its queries on the catalogs."""
    sessions.write(con, f"SET VARIABLE {PROCESS_ID} = {process_id}")


def duckdb_search_path(con: Native, database: str, search_path: str) -> str:
    """Return DuckDB's search path for one of PostgreSQL's.

    It has the schemas that exist, main if none does, and then the schema of the macros.
    """
    rows = sessions.read(
        con,
        "SELECT schema_name FROM duckdb_schemas() WHERE database_name = $name",
        {"name": database},
    )
    known = {fold(name): name for (name,) in rows}
    wanted = [unquote(part.strip()) for part in search_path.split(",")]
    found = [
        known[fold(name)] for name in wanted if fold(name) in known and not name.startswith("pg_")
    ]
    schemas = [f"{quote(database)}.{quote(name)}" for name in found or ["main"]]
    return ",".join([*schemas, f"{HOME}.main"])
