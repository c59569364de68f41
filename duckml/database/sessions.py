"""Queries and statements of duckml's own on the user's session.

Reads go through `DuckDBPyConnection.sql`, which never discards a result that the user is still fetching. Methods are
taken from DuckDB's class, because a duckml connection overrides them.
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
    """The rows of a SELECT of ours, on the user's session."""
    return Native.sql(con, sql, params=parameters).fetchall()


def discard_result(con: Native) -> None:
    """Give up what is left of the result being fetched, as DuckDB's own execute() does before it runs anything."""
    Native.abort(con)


def finish_result(con: Native) -> None:
    """Run what is being fetched to its end and forget its rows, as DuckDB does with all statements but the last."""
    Native.complete(con)


def read_row(con: Native, sql: str, parameters: object) -> dict[str, Any]:
    """The one row of a SELECT of ours, by column."""
    relation = Native.sql(con, sql, params=parameters)
    [row] = relation.fetchall()
    return dict(zip(relation.columns, row, strict=True))


def unused_name() -> str:
    """A name that nothing in a database has: DuckDB prefers a table of a name to a variable of the user's program."""
    return f"__duckml_rows_{uuid.uuid4().hex}"


def write(con: Native, sql: str, parameters: object = None) -> None:
    """Run one statement of ours that returns nothing."""
    Native.execute(con, sql, parameters)


def new_session(con: Native) -> Native:
    """A session of its own on the same database: it sees what is committed, and disturbs nothing."""
    return Native.cursor(con)


@contextlib.contextmanager
def sibling_session(con: Native) -> Iterator[Native]:
    """A sibling session for a block, closed at its end."""
    session = new_session(con)
    try:
        yield session
    finally:
        session.close()


def catalog_version(con: Native) -> int | None:
    """A number that changes whenever this session runs something that may change what a name means.

    None when this DuckDB doesn't tell: then nothing may be remembered from one statement to the next.
    """
    ask = getattr(con, "_catalog_version", None)
    return None if ask is None else int(ask())


def fetch_arrow(con: Native) -> pa.Table:
    """The rest of the open result as Arrow."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # DuckDB says that it copies the rows
        return con.to_arrow_table()
