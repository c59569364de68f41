"""Booleans, integers and floating-point numbers."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from duckml.server.errors import WireError
from duckml.server.values import types
from duckml.server.values.field_bytes import FIELD, Writer, fixed_width_fields
from duckml.server.values.types import PgType

# numpy's names of the layouts in binary.
LAYOUTS = {
    types.INT2: ">i2",
    types.INT4: ">i4",
    types.INT8: ">i8",
    types.FLOAT4: ">f4",
    types.FLOAT8: ">f8",
    types.OID: ">u4",
}

# The spellings of booleans in PostgreSQL (boolin, utils/adt/bool.c).
_TRUE = frozenset({"t", "true", "y", "yes", "on", "1"})
_FALSE = frozenset({"f", "false", "n", "no", "off", "0"})


def write_bool_text(values: pa.Array) -> pa.Array:
    """Write booleans as t and f."""
    return pc.if_else(values, b"t", b"f")


def write_bool_binary(values: pa.Array) -> pa.Array:
    """Write booleans as a byte, 1 or 0."""
    bits = values.fill_null(False).to_numpy(zero_copy_only=False)
    return fixed_width_fields(bits.astype(np.uint8), values)


def read_bool_text(text: str) -> bool:
    """Read a boolean; raise ValueError for any other word."""
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(text)
    return word in _TRUE


def read_bool_binary(value: bytes) -> bool:
    """Read a boolean from its byte."""
    return value != b"\0"


def write_integer_text(values: pa.Array) -> pa.Array:
    """Write integers as their digits."""
    return values.cast(pa.string()).cast(FIELD)


def write_float_text(values: pa.Array) -> pa.Array:
    """Write floating-point numbers with PostgreSQL's names of NaN and the infinities."""
    text = values.cast(pa.string())
    is_special = pc.invert(pc.is_finite(values))
    # Arrow writes nan and inf.
    if pc.any(is_special).as_py():
        infinity = pc.if_else(pc.greater(values, 0.0), "Infinity", "-Infinity")
        named = pc.if_else(pc.is_nan(values), "NaN", infinity)
        text = pc.if_else(is_special, named, text)
    return text.cast(FIELD)


def number_writer(layout: str) -> Writer:
    """Return the writer of numbers in binary in a layout of numpy."""

    def write(values: pa.Array) -> pa.Array:
        # numpy has no NULL among integers. The zeros are replaced by NULL again at the end.
        filled = values.fill_null(0) if values.null_count else values
        numbers = filled.to_numpy(zero_copy_only=False)
        return fixed_width_fields(numbers.astype(layout), values)

    return write


def integer_reader(pg_type: PgType) -> Callable[[str], int]:
    """Return the reader of an integer type from text.

    The reader raises WireError for a number out of the range of the type.
    """
    bits = 8 * pg_type.size
    if pg_type is types.OID:
        least, limit = 0, 1 << bits
    else:
        least, limit = -(1 << bits - 1), 1 << bits - 1

    def read(text: str) -> int:
        number = int(plain_number(text))
        if not least <= number < limit:
            raise WireError("22003", f"{number} is out of range for type {pg_type.name}.")
        return number

    return read


def read_float_text(text: str) -> float:
    """Read a floating-point number, or the name of a special one."""
    return float(plain_number(text))


def number_reader(layout: str) -> Callable[[bytes], Any]:
    """Return the reader of numbers in binary in a layout of the module struct."""
    unpack = struct.Struct(layout).unpack
    return lambda value: unpack(value)[0]


def plain_number(text: str) -> str:
    """Return the text; raise ValueError where Python reads a number that PostgreSQL refuses.

    Python also reads underscores between digits and the digits of other scripts.
    """
    if "_" in text or not text.isascii():
        raise ValueError(text)
    return text
