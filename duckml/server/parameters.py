"""The types of parameters, as far as the client declares and DuckDB tells them, and values that come as texts."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Sequence
from typing import Any

import duckdb

from duckml import engine
from duckml.connection import Connection
from duckml.names import literal
from duckml.server import types
from duckml.server.errors import WireError

_NOTHING_TOLD = frozenset({"UNKNOWN", '"NULL"'})
_GUESSES = ("VARCHAR", "BIGINT", "DOUBLE", "TIMESTAMP", "DATE", "INTERVAL", "BOOLEAN")  # text where that fits


def learn(con: Connection, text: str, declared: Sequence[int]) -> engine.Bound:
    """What DuckDB says of a statement whose parameters have no values yet; those are in the order of their numbers.

    `declared` are the oids that the client gives the first of them, 0 for none. One of which nobody says anything is
    taken for what fits.
    """
    told = con.bound(text)
    kinds = dict(told.parameters)
    count = max((int(name) for name in kinds if name.isdigit()), default=0)
    for position, oid in enumerate(declared[:count]):
        kinds[str(position + 1)] = types.sql_type(oid) or kinds.get(str(position + 1), "UNKNOWN")
    names = [str(position + 1) for position in range(count)]
    told = engine.Bound(told.columns, [(name, kinds.get(name, "UNKNOWN")) for name in names], told.answers, told.writes)
    is_told = not any(kind in _NOTHING_TOLD for _, kind in told.parameters)
    if is_told and not any(declared):
        return told
    for guess in [""] if is_told else _GUESSES:
        filled = [(name, guess if kind in _NOTHING_TOLD else kind) for name, kind in told.parameters]
        try:
            typed = con.bound(text, [_SAMPLES.get(kind.partition("(")[0]) for _, kind in filled])
        except (duckdb.Error, ValueError):
            continue
        if all(column.sql_type != "UNKNOWN" for column in typed.columns):
            return engine.Bound(typed.columns, filled, typed.answers, typed.writes)
    return told


def value_of(con: Connection, time_zone: str, text: str, sql_type: str) -> Any:
    """What a text is as a value of a type, by DuckDB's own rules; raises WireError when it is none."""
    try:
        with engine.beside(con) as session:
            engine.write(session, f"SET TimeZone = {literal(time_zone)}")
            return engine.read(session, f"SELECT CAST(CAST($text AS VARCHAR) AS {sql_type})", {"text": text})[0][0]
    except duckdb.Error as error:
        if sql_type == "DATE" and (day := text.partition(" ")[0]) != text:
            return value_of(con, time_zone, day, sql_type)  # JDBC sends 2024-01-01 +00
        raise WireError("22P02", f"'{text[:60]}' is no {sql_type}.") from error


# A value of each type, from which DuckDB tells what a statement would answer.
_SAMPLES: dict[str, Any] = {
    "VARCHAR": "",
    "JSON": "{}",
    "BIGINT": 1 << 40,
    "INTEGER": 1 << 20,
    "SMALLINT": 1,
    "UINTEGER": 1 << 31,
    "DOUBLE": 1.5,
    "FLOAT": 1.5,
    "DECIMAL": decimal.Decimal("1.500"),
    "BOOLEAN": True,
    "DATE": datetime.date(2000, 1, 1),
    "TIME": datetime.time(),
    "TIMESTAMP": datetime.datetime(2000, 1, 1),
    "TIMESTAMP WITH TIME ZONE": datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC),
    "INTERVAL": datetime.timedelta(days=1),
    "UUID": uuid.UUID(int=0),
    "BLOB": b"",
}
_SAMPLES |= {f"{name}[]": [value] for name, value in _SAMPLES.items()}
