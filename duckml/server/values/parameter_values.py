"""Values of parameters: the bytes that a client has sent, as typed values of DuckDB.

Most are strings that DuckDB casts to the type itself. An interval keeps its months that way, and a
result has the type that was described to the client.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import duckdb

from duckml.server.errors import WireError
from duckml.server.values import types
from duckml.server.values.arrays import read_array_binary, read_array_text
from duckml.server.values.binary_strings import read_bytea_text, read_uuid_binary
from duckml.server.values.dates import (
    read_date_binary,
    read_date_text,
    read_timestamp_binary,
    read_timestamp_text,
    read_timestamptz_binary,
)
from duckml.server.values.intervals import read_interval_binary
from duckml.server.values.json_values import read_json_text, read_jsonb_binary
from duckml.server.values.numbers import (
    integer_reader,
    number_reader,
    read_bool_binary,
    read_bool_text,
    read_float_text,
)
from duckml.server.values.numeric import (
    decimal_list_value,
    decimal_value,
    read_numeric_binary,
    read_numeric_text,
)
from duckml.server.values.times_of_day import read_time_binary, read_timetz_binary
from duckml.server.values.types import PgType

# Types without a reader are read as strings.
_TEXT_READERS: dict[PgType, Callable[[str], Any]] = {
    types.BOOL: read_bool_text,
    types.BYTEA: read_bytea_text,
    types.INT2: integer_reader(types.INT2),
    types.INT4: integer_reader(types.INT4),
    types.INT8: integer_reader(types.INT8),
    types.OID: integer_reader(types.OID),
    types.FLOAT4: read_float_text,
    types.FLOAT8: read_float_text,
    types.NUMERIC: read_numeric_text,
    types.DATE: read_date_text,
    types.TIMESTAMP: read_timestamp_text,
    types.TIMESTAMPTZ: read_timestamp_text,
    types.JSON: read_json_text,
    types.JSONB: read_json_text,
}

_BINARY_READERS: dict[PgType, Callable[[bytes], Any]] = {
    types.BOOL: read_bool_binary,
    types.BYTEA: bytes,
    types.INT2: number_reader("!h"),
    types.INT4: number_reader("!i"),
    types.INT8: number_reader("!q"),
    types.OID: number_reader("!I"),
    types.FLOAT4: number_reader("!f"),
    types.FLOAT8: number_reader("!d"),
    types.NUMERIC: read_numeric_binary,
    types.DATE: read_date_binary,
    types.TIME: read_time_binary,
    types.TIMETZ: read_timetz_binary,
    types.TIMESTAMP: read_timestamp_binary,
    types.TIMESTAMPTZ: read_timestamptz_binary,
    types.INTERVAL: read_interval_binary,
    types.UUID: read_uuid_binary,
    types.JSONB: read_jsonb_binary,
}


def parameter_value(value: bytes | None, oid: int, is_binary: bool) -> Any:
    """Return the value of a parameter with its type, or as a string if the type is unknown.

    Raises WireError if the bytes are not a value of the type.
    """
    if value is None:
        return None
    known, is_array = types.known_type(oid)
    try:
        if known is None:
            return value.decode()
        if is_array:
            return _typed_array(_read_array(value, known, is_binary), known)
        return _typed(_read(value, known, is_binary), known)
    except (ValueError, struct.error, IndexError, ArithmeticError) as error:
        name = str(oid) if known is None else known.name + "[]" * is_array
        raise WireError(
            "22P03" if is_binary else "22P02", f"A parameter is not a valid value of type {name}."
        ) from error


def _decoded(value: bytes) -> str:
    return value.decode()


def _read(value: bytes, known: PgType, is_binary: bool) -> Any:
    if is_binary:
        return _BINARY_READERS.get(known, _decoded)(value)
    return _TEXT_READERS.get(known, str)(value.decode())


def _read_array(value: bytes, known: PgType, is_binary: bool) -> list[Any]:
    if is_binary:
        return read_array_binary(value, _item_reader)
    return read_array_text(value.decode(), _TEXT_READERS.get(known, str))


def _item_reader(oid: int) -> Callable[[bytes], Any]:
    """Return the reader of the items of an array, whose type is in its header."""
    known, _ = types.known_type(oid)
    return _decoded if known is None else _BINARY_READERS.get(known, _decoded)


def _typed(raw: Any, known: PgType) -> Any:
    if known is types.NUMERIC:
        return decimal_value(raw)
    return raw if known.sql == "VARCHAR" else duckdb.Value(raw, types.native_type(known.sql))


def _typed_array(items: list[Any], known: PgType) -> Any:
    """Return a list of values, or a list of lists of them."""
    depth, inner = 1, items
    while inner and isinstance(inner[0], list):
        depth, inner = depth + 1, inner[0]
    if known is types.NUMERIC:
        if depth > 1:
            raise ValueError("numerics in more than one dimension")
        return decimal_list_value(items)
    return duckdb.Value(items, types.native_type(known.sql + "[]" * depth))
