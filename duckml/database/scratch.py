"""Computations on Arrow tables in a separate database, which the user's settings don't affect."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pyarrow as pa

from duckml.names import quote


def hash_rows(table: pa.Table, seed: int) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Return DuckDB's 64-bit hash of each row, and a second hash that also depends on `seed`."""
    columns = ", ".join(quote(name) for name in table.column_names)
    hashes = f"SELECT hash({columns}) AS h FROM __rows"
    query = f"SELECT h, hash(h, CAST($seed AS BIGINT)) FROM ({hashes})"
    with duckdb.connect() as con:
        con.register("__rows", table)
        result = con.sql(query, params={"seed": seed}).to_arrow_table()
    return result.column(0), result.column(1)


def compute(table: pa.Table, expressions: Mapping[str, str]) -> pa.Table:
    """Return the table with some columns replaced by SQL expressions over its columns."""
    if not expressions or not len(table):
        return table
    replaced = ", ".join(
        f"({expression}) AS {quote(name)}" for name, expression in expressions.items()
    )
    with duckdb.connect() as con:
        con.register("__rows", table)
        result: pa.Table = con.sql(f"SELECT * REPLACE ({replaced}) FROM __rows").to_arrow_table()
    return result
