"""Choice of the writer of a column, by PostgreSQL's type and by the type of Arrow's array."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from duckml.server.values import types
from duckml.server.values.arrays import (
    is_list,
    write_array_binary,
    write_array_text,
    write_vector_text,
)
from duckml.server.values.binary_strings import (
    write_bit_text,
    write_bytea_text,
    write_uuid_binary,
)
from duckml.server.values.dates import (
    write_date_binary,
    write_date_text,
    write_timestamp_binary,
    write_timestamp_text,
)
from duckml.server.values.field_bytes import FIELD, Writer, as_fields
from duckml.server.values.intervals import write_interval_binary, write_interval_text
from duckml.server.values.json_values import write_json, write_nested
from duckml.server.values.numbers import (
    LAYOUTS,
    number_writer,
    write_bool_binary,
    write_bool_text,
    write_float_text,
    write_integer_text,
)
from duckml.server.values.numeric import (
    bignum_digits,
    write_decimal_text,
    write_numeric_binary,
)
from duckml.server.values.result_columns import ResultColumn
from duckml.server.values.times_of_day import (
    write_time_binary,
    write_time_text,
    write_timetz_binary,
    write_utc_time_binary,
    write_utc_time_text,
)
from duckml.server.values.types import PgType

# In text, Arrow's type selects the writer of most types. The first that fits is taken.
_TEXT: tuple[tuple[Callable[[pa.DataType], bool], Writer], ...] = (
    (pa.types.is_string, as_fields),
    (pa.types.is_large_string, as_fields),
    (pa.types.is_integer, write_integer_text),
    (pa.types.is_boolean, write_bool_text),
    (pa.types.is_floating, write_float_text),
    (pa.types.is_decimal, write_decimal_text),
    (pa.types.is_date, write_date_text),
    (pa.types.is_timestamp, write_timestamp_text),
    (pa.types.is_time, write_time_text),
    (pa.types.is_interval, write_interval_text),
    (pa.types.is_binary, write_bytea_text),
)

# Arrow has one type for times of day, and several for bytes.
_TEXT_BY_TYPE: dict[PgType, Writer] = {
    types.BYTEA: write_bytea_text,
    types.TIMETZ: write_utc_time_text,
}

_BINARY: dict[PgType, Writer] = {
    **{pg_type: number_writer(layout) for pg_type, layout in LAYOUTS.items()},
    types.BOOL: write_bool_binary,
    types.BYTEA: as_fields,
    types.NUMERIC: write_numeric_binary,
    types.DATE: write_date_binary,
    types.TIMESTAMP: write_timestamp_binary,
    types.TIMESTAMPTZ: write_timestamp_binary,
    types.TIME: write_time_binary,
    types.TIMETZ: write_utc_time_binary,
    types.INTERVAL: write_interval_binary,
    types.UUID: write_uuid_binary,
}

# The types that arrive as strings, which DuckDB has cast them to (see exact.py).
_FROM_STRINGS: dict[PgType, tuple[Writer, Writer]] = {
    types.TIMETZ: (as_fields, write_timetz_binary),
    types.INTERVAL: (write_interval_text, write_interval_binary),
    types.NUMERIC: (as_fields, write_numeric_binary),
    types.JSON: (write_json, write_json),
}


def write_fields(values: pa.Array, column: ResultColumn, is_binary: bool) -> pa.Array:
    """Return the fields of a column, in text or in binary."""
    values = _plain_array(values, column.pg_type)
    if pa.types.is_null(values.type):
        return pa.nulls(len(values), FIELD)
    if column.element is not None and is_list(values.type):
        return _write_lists(values, column, column.element, is_binary)
    return _writer(column.pg_type, values.type, is_binary)(values)


def is_written_by_str(values: pa.Array, column: ResultColumn) -> bool:
    """Return whether Python's str gives the fields of a column in text."""
    if pa.types.is_integer(values.type):
        return True
    return bool(pa.types.is_string(values.type)) and column.pg_type not in _FROM_STRINGS


def _plain_array(values: pa.Array, pg_type: PgType) -> pa.Array:
    """Return the values without dictionaries (of ENUM) and without Arrow's extension types."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if isinstance(values, pa.ExtensionArray):
        is_bignum = pg_type is types.NUMERIC
        values = bignum_digits(values.storage) if is_bignum else values.storage
    return values


def _write_lists(
    values: pa.Array, column: ResultColumn, element: PgType, is_binary: bool
) -> pa.Array:
    if pa.types.is_fixed_size_list(values.type):
        values = values.cast(pa.list_(values.type.value_type))
    items = write_fields(values.flatten(), ResultColumn("", element), is_binary)
    if is_binary:
        return write_array_binary(values, items, element)
    if column.pg_type in types.VECTORS:
        return write_vector_text(values, items, element)
    return write_array_text(values, items, element)


def _writer(pg_type: PgType, kind: pa.DataType, is_binary: bool) -> Writer:
    if pa.types.is_string(kind) and pg_type in _FROM_STRINGS:
        return _FROM_STRINGS[pg_type][is_binary]
    if pg_type is types.TEXT and pa.types.is_binary(kind):
        return write_bit_text
    if is_binary and pg_type in _BINARY:
        return _BINARY[pg_type]
    if not is_binary and pg_type in _TEXT_BY_TYPE:
        return _TEXT_BY_TYPE[pg_type]
    return next((writer for fits, writer in _TEXT if fits(kind)), write_nested)
