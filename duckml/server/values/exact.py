"""Columns that Arrow can't carry as they are: DuckDB is asked for them as texts.

Over Arrow a time loses its zone, an interval beyond 292 years and a number beyond 128 bits their size, and what is
nested its exact numbers, its infinities and the JSON in it.
"""

from __future__ import annotations

from collections.abc import Sequence

from duckml.database import binding
from duckml.server.values import types

_AS_TEXT = frozenset({"TIME WITH TIME ZONE", "UHUGEINT", "INTERVAL", "BIGNUM", "BIT"})


def exactly(text: str, columns: Sequence[binding.Column]) -> str:
    """A query whose columns arrive as they are; the same text where they do anyway. Its rows keep their order."""
    wanted = [
        _expression(f"c{position}", column.sql_type) for position, column in enumerate(columns)
    ]
    names = [f"c{position}" for position in range(len(columns))]
    if wanted == names:
        return text
    return f"SELECT {', '.join(wanted)} FROM (\n{text}\n) AS pg_rows({', '.join(names)})"


def _expression(name: str, sql_type: str) -> str:
    if sql_type != "JSON" and types.column_of("", sql_type).pg_type is types.JSON:
        return f"CAST(system.main.to_json({name}) AS VARCHAR)"
    scalar = sql_type[: sql_type.rindex("[")] if sql_type.endswith("]") else sql_type
    if scalar in _AS_TEXT or scalar.startswith("GEOMETRY"):
        return f"CAST({name} AS VARCHAR{'[]' * (scalar is not sql_type)})"
    return name
