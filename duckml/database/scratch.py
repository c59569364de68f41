"""Computations on Arrow tables in a database of their own, so that no setting of the user's changes them."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pyarrow as pa

from duckml.names import quote


def hash_rows(table: pa.Table, seed: int) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """A 64-bit hash per row, and one that depends on `seed` too, in the order of the table.

    DuckDB's own hash, computed in a database of its own, so that no setting of the user's can change it.
    """
    columns = ", ".join(quote(name) for name in table.column_names)
    with duckdb.connect() as con:
        con.register("__rows", table)
        answer = con.sql(
            f"SELECT h, hash(h, CAST($seed AS BIGINT)) FROM (SELECT hash({columns}) AS h FROM __rows)",
            params={"seed": seed},
        ).to_arrow_table()
    return answer.column(0), answer.column(1)


def compute(table: pa.Table, expressions: Mapping[str, str]) -> pa.Table:
    """The table with some columns replaced by expressions over its columns, computed in a database of its own."""
    if not expressions or not len(table):
        return table
    replaced = ", ".join(
        f"({expression}) AS {quote(name)}" for name, expression in expressions.items()
    )
    with duckdb.connect() as con:
        con.register("__rows", table)
        answer: pa.Table = con.sql(f"SELECT * REPLACE ({replaced}) FROM __rows").to_arrow_table()
    return answer
