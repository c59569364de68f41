"""Numbers with exact digits: numeric, which is DuckDB's DECIMAL and its integers over 64 bits.

In binary, a numeric is four numbers of 16 bits and then its digits in base 10000. The four are the
count of these digits, the weight of the first, the sign, and the number of decimals to show
(numeric_send, utils/adt/numeric.c).
"""

from __future__ import annotations

import decimal
import struct
from collections.abc import Callable, Sequence
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from duckml.server.errors import WireError
from duckml.server.values.field_bytes import FIELD, fixed_width_fields
from duckml.server.values.numbers import plain_number
from duckml.server.values.types import native_type

_MOST_DIGITS = 38  # of DuckDB's DECIMAL
_FAST_DIGITS = 18  # these fit an int64

_NEGATIVE = 0x4000
_SPECIAL = {0xC000: "NaN", 0xD000: "Infinity", 0xF000: "-Infinity"}
_HEAD = [("count", ">i2"), ("weight", ">i2"), ("sign", ">u2"), ("scale", ">i2")]


def write_decimal_text(values: pa.Array) -> pa.Array:
    """Write decimals without exponents."""
    text = values.cast(pa.string())
    if pc.any(pc.match_substring(text, "E")).as_py():  # Arrow's spelling of small numbers
        digits = [None if value is None else format(value, "f") for value in values.to_pylist()]
        text = pa.array(digits, pa.string())
    return text.cast(FIELD)


def bignum_digits(values: pa.Array) -> pa.Array:
    """Return DuckDB's BIGNUM as strings of digits.

    A BIGNUM has a header of three bytes with the sign, then the number. All bytes are inverted
    where it is negative.
    """

    def digits(value: bytes | None) -> str | None:
        if value is None:
            return None
        is_positive = bool(value[0] & 0x80)
        number = value[3:] if is_positive else bytes(255 - byte for byte in value[3:])
        return str(int.from_bytes(number, "big") * (1 if is_positive else -1))

    return pa.array([digits(value) for value in values.to_pylist()], pa.string())


def write_numeric_binary(values: pa.Array) -> pa.Array:
    """Write integers, decimals or strings of digits as numeric."""
    kind = values.type
    if pa.types.is_decimal(kind) and kind.precision <= _FAST_DIGITS:
        return _write_short_decimals(values)
    return pa.array([_packed(value) for value in values.to_pylist()], FIELD)


def _write_short_decimals(values: pa.Array) -> pa.Array:
    """Write decimals of up to 18 digits, with the same number of groups for all rows.

    PostgreSQL's layout allows zeros after the last digit.
    """
    scale = values.type.scale
    # A decimal128 has 16 bytes, and the lower 8 hold all of these numbers.
    words = np.frombuffer(values.buffers()[1], dtype="<i8", count=2 * (len(values) + values.offset))
    raw = words[2 * values.offset :: 2]
    whole, fraction = np.divmod(np.abs(raw), 10**scale)
    before = max(1, -(-(values.type.precision - scale) // 4))
    after = -(-scale // 4)
    layout = [*_HEAD, *((f"d{i}", ">i2") for i in range(before + after))]
    packed = np.zeros(len(values), dtype=layout)
    packed["count"], packed["weight"], packed["scale"] = before + after, before - 1, scale
    packed["sign"] = np.where(raw < 0, _NEGATIVE, 0)
    # Groups of four digits, from the decimal point to the left.
    for i in range(before - 1, -1, -1):
        whole, packed[f"d{i}"] = np.divmod(whole, 10_000)
    # The last group has zeros after the scale's last digit.
    left = scale
    for i in range(after):
        left -= 4
        if left >= 0:
            packed[f"d{before + i}"], fraction = np.divmod(fraction, 10**left)
        else:
            packed[f"d{before + i}"] = fraction * 10**-left
    return _without_leading_zeros(packed, before + after, values)


def _without_leading_zeros(packed: np.ndarray[Any, Any], groups: int, values: pa.Array) -> pa.Array:
    """Remove the groups of zeros before the first digit, which some clients misread."""
    digits = np.stack([packed[f"d{i}"] for i in range(groups)], axis=1)
    leading = np.where(digits.any(axis=1), (digits != 0).argmax(axis=1), groups)
    packed["count"] -= leading.astype(packed["count"].dtype)
    packed["weight"] -= leading.astype(packed["weight"].dtype)
    head = packed[[name for name, _ in _HEAD]]
    heads = fixed_width_fields(np.ascontiguousarray(head).astype(np.dtype(_HEAD)))
    parts = []
    for i in range(groups):
        group = fixed_width_fields(np.ascontiguousarray(packed[f"d{i}"]))
        parts.append(pc.if_else(pa.array(leading <= i), group, b""))
    fields = pc.binary_join_element_wise(heads, *parts, b"")
    return pc.if_else(values.is_valid(), fields, None) if values.null_count else fields


def _packed(value: Any) -> bytes | None:
    """Return one number of any length in PostgreSQL's layout."""
    if value is None:
        return None
    number = decimal.Decimal(value)
    sign, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        return bytes.fromhex("00000000c0000000")  # NaN
    scale = max(0, -exponent)
    text = "".join(map(str, digits)) + "0" * max(0, exponent)
    whole, fraction = (text[:-scale], text[-scale:].rjust(scale, "0")) if scale else (text, "")
    whole = whole.rjust(-(-max(1, len(whole)) // 4) * 4, "0")
    fraction = fraction.ljust(-(-len(fraction) // 4) * 4, "0")
    all_digits = whole + fraction
    groups = [int(all_digits[i : i + 4]) for i in range(0, len(all_digits), 4)]
    head = [len(groups), len(whole) // 4 - 1, _NEGATIVE if sign else 0, scale]
    return np.array(head, dtype=">u2").tobytes() + np.array(groups, dtype=">i2").tobytes()


def read_numeric_text(text: str) -> decimal.Decimal:
    """Read a number from its digits."""
    return decimal.Decimal(plain_number(text))


def read_numeric_binary(value: bytes) -> decimal.Decimal:
    """Read a number from PostgreSQL's layout."""
    count, weight, sign, scale = struct.unpack_from("!hhHh", value)
    if sign in _SPECIAL:
        return decimal.Decimal(_SPECIAL[sign])
    groups = struct.unpack_from(f"!{count}h", value, 8)
    digits = "".join(f"{group:04d}" for group in groups) or "0"
    exponent = 4 * (weight - count + 1)
    number = decimal.Decimal((1 if sign else 0, tuple(map(int, digits)), exponent))
    # Numbers of PostgreSQL have up to 147,455 digits; the default context has 28.
    context = decimal.Context(prec=100_000)
    return number.quantize(decimal.Decimal(1).scaleb(-scale), context=context)


def decimal_value(number: decimal.Decimal) -> Any:
    """Return a number as a DECIMAL of DuckDB; raise WireError if it has too many digits."""
    return _decimals([number], lambda texts: texts[0], "")


def decimal_list_value(numbers: Sequence[decimal.Decimal | None]) -> Any:
    """Return numbers as a list of DECIMAL; raise WireError if one has too many digits."""
    return _decimals(numbers, lambda texts: texts, "[]")


def _decimals(
    numbers: Sequence[decimal.Decimal | None], shape: Callable[[list[str | None]], Any], suffix: str
) -> Any:
    """Return numbers as DECIMAL with the digits that they have.

    DECIMAL has no NaN and no infinities: then the value is of type DOUBLE.
    """
    given = [number for number in numbers if number is not None]
    finite = [number for number in given if number.is_finite()]
    if len(finite) < len(given):
        texts = [None if number is None else str(number) for number in numbers]
        return duckdb.Value(shape(texts), native_type("DOUBLE" + suffix))
    parts = [number.as_tuple() for number in finite]
    scale = max((max(0, -int(part.exponent)) for part in parts), default=0)
    whole = max((len(part.digits) + int(part.exponent) for part in parts), default=1)
    width = max(1, max(0, whole) + scale)
    if width > _MOST_DIGITS:
        raise WireError(
            "22003",
            f"A number of {width} digits is not supported: DuckDB has up to {_MOST_DIGITS}.",
        )
    texts = [None if number is None else format(number, "f") for number in numbers]
    return duckdb.Value(shape(texts), native_type(f"DECIMAL({width},{scale}){suffix}"))
