"""Queries and statements of duckml on the user's session.

Queries use `DuckDBPyConnection.sql`, which never discards a result that the user is fetching.
Methods are called on DuckDB's class, because a duckml connection overrides them.
"""

from __future__ import annotations

import contextlib
import uuid
import warnings
from collections.abc import Iterator
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

Native = duckdb.DuckDBPyConnection
T = TypeVar("T")


def read(con: Native, sql: str, parameters: object = None) -> list[tuple[Any, ...]]:
    """Return the rows of a SELECT on the user's session."""
    return Native.sql(con, sql, params=parameters).fetchall()


def read_row(con: Native, sql: str, parameters: object) -> dict[str, Any]:
    """Return the one row of a SELECT by column."""
    relation = Native.sql(con, sql, params=parameters)
    [row] = relation.fetchall()
    return dict(zip(relation.columns, row, strict=True))


def write(con: Native, sql: str, parameters: object = None) -> None:
    """Run one statement that returns no rows."""
    Native.execute(con, sql, parameters)


def discard_result(con: Native) -> None:
    """Discard the rest of the open result, as DuckDB's execute() does before it runs anything."""
    Native.abort(con)


def finish_result(con: Native) -> None:
    """Run the open result to its end without its rows, as DuckDB does in scripts."""
    Native.complete(con)


def fetch_arrow(con: Native) -> pa.Table:
    """Return the rest of the open result as Arrow."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # DuckDB warns that it copies the rows
        return con.to_arrow_table()


def unused_name() -> str:
    """Return a name that no table has: DuckDB prefers a table to a variable of that name."""
    return f"__duckml_rows_{uuid.uuid4().hex}"


def new_session(con: Native) -> Native:
    """Open a session on the same database; it sees committed data only."""
    return Native.cursor(con)


@contextlib.contextmanager
def sibling_session(con: Native) -> Iterator[Native]:
    """Open a session on the same database for a block."""
    session = new_session(con)
    try:
        yield session
    finally:
        session.close()


def catalog_version(con: Native) -> int | None:
    """Return a number that changes with each statement that can change what a name refers to.

    It is None if this DuckDB has no such number. Nothing may be cached between statements then.
    """
    ask = getattr(con, "_catalog_version", None)
    return None if ask is None else int(ask())
