"""Queries for values that Arrow can't hold: DuckDB casts those columns to strings.

In Arrow, a time has no zone, an interval has up to 292 years, and a number up to 128 bits. Nested
values lose exact numbers, infinities and the JSON inside.
"""

from __future__ import annotations

from collections.abc import Sequence

from duckml.database import binding
from duckml.server.values import types
from duckml.server.values.result_columns import result_column

_CAST_TO_STRINGS = frozenset({"TIME WITH TIME ZONE", "UHUGEINT", "INTERVAL", "BIGNUM", "BIT"})


def exact_query(text: str, columns: Sequence[binding.Column]) -> str:
    """Return a query with the same rows in the same order, whose values Arrow can hold.

    Returns the same text if that is true already.
    """
    names = [f"c{position}" for position in range(len(columns))]
    expressions = [
        _expression(name, column.sql_type) for name, column in zip(names, columns, strict=True)
    ]
    if expressions == names:
        return text
    return f"SELECT {', '.join(expressions)} FROM (\n{text}\n) AS pg_rows({', '.join(names)})"


def _expression(name: str, sql_type: str) -> str:
    # to_json in DuckDB keeps the digits of numbers, which Python's floats would lose.
    if sql_type != "JSON" and result_column("", sql_type).pg_type is types.JSON:
        return f"CAST(system.main.to_json({name}) AS VARCHAR)"
    is_list = sql_type.endswith("]")
    scalar = sql_type[: sql_type.rindex("[")] if is_list else sql_type
    if scalar in _CAST_TO_STRINGS or scalar.startswith("GEOMETRY"):
        return f"CAST({name} AS VARCHAR{'[]' * is_list})"
    return name
