"""Dates and timestamps, with a time zone and without.

In binary, both count from 2000-01-01: a date in days, a timestamp in microseconds. The outermost
numbers are the infinities, in PostgreSQL, DuckDB and Arrow alike.
"""

from __future__ import annotations

import re
import struct
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from duckml.server.values.field_bytes import FIELD, Writer, fixed_width_fields
from duckml.server.values.times_of_day import without_trailing_zeros

# PostgreSQL's epoch, after that of DuckDB and Arrow, 1970.
_EPOCH_DAYS = 10_957
_EPOCH_MICROSECONDS = _EPOCH_DAYS * 86_400_000_000

_DATE_LIMIT = np.iinfo(np.int32).max
_TIMESTAMP_LIMIT = np.iinfo(np.int64).max

_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 1}


# Days or microseconds, with the infinities among them.
_Numbers = np.ndarray[Any, Any]


# Text


def write_date_text(values: pa.Array) -> pa.Array:
    """Write dates."""
    return _with_infinities(values, values.cast(pa.int32()), _DATE_LIMIT, _calendar_text)


def write_timestamp_text(values: pa.Array) -> pa.Array:
    """Write timestamps; those with a zone in local time, with its offset after them."""
    spell = _zoned_text if values.type.tz else _calendar_text
    return _with_infinities(values, values.cast(pa.int64()), _TIMESTAMP_LIMIT, spell)


def _with_infinities(values: pa.Array, numbers: pa.Array, limit: int, spell: Writer) -> pa.Array:
    """Write finite values with `spell`, and the outermost numbers as infinities."""
    is_high, is_low = pc.equal(numbers, limit), pc.equal(numbers, -limit)
    is_infinite = pc.or_(is_high, is_low)
    if not pc.any(is_infinite).as_py():
        return spell(values).cast(FIELD)
    # Arrow can't compute with the outermost numbers, so that others take their places.
    zero = pa.scalar(0, numbers.type).cast(values.type)
    finite = pc.if_else(is_infinite, zero, values)
    named = pc.if_else(is_high, "infinity", pc.if_else(is_low, "-infinity", spell(finite)))
    return named.cast(FIELD)


def _calendar_text(values: pa.Array) -> pa.Array:
    kind = values.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        # PostgreSQL has six digits of fractions.
        values = values.cast(pa.timestamp("us", kind.tz), safe=False)
    # One cast for the whole column: only odd values are spelled one by one.
    text = values.cast(pa.string())
    if pa.types.is_timestamp(values.type):
        text = without_trailing_zeros(text)
    # Arrow misspells years before 1, and reports far ones as out of range: <value out of range>.
    is_odd = pc.match_substring_regex(text, "^(?:-|0000|<)")
    return _respelled(values, text, is_odd) if pc.any(is_odd).as_py() else text


def _respelled(values: pa.Array, texts: pa.Array, is_odd: pa.Array) -> pa.Array:
    """Return the texts, with those that are odd spelled from the values."""
    unit = "D" if pa.types.is_date(values.type) else values.type.unit
    numbers = values.cast(pa.int32() if unit == "D" else pa.int64()).fill_null(0)
    moments = numbers.to_numpy(zero_copy_only=False).astype(f"datetime64[{unit}]")
    rows = zip(texts.to_pylist(), is_odd.to_pylist(), moments, strict=True)
    spelled = [_postgres_spelling(moment) if odd else text for text, odd, moment in rows]
    return pa.array(spelled, pa.string())


def _postgres_spelling(moment: np.datetime64) -> str:
    """Return a date or timestamp with BC at the end: 0045-03-15 10:00:00.5 BC."""
    day, clock, is_bc = _calendar_parts(moment)
    if "." in clock:
        clock = re.sub(r"\.?0*$", "", clock)
    return " ".join(part for part in (day, clock, "BC" * is_bc) if part)


def _duckdb_spelling(moment: np.datetime64) -> str:
    """Return a date or timestamp with BC after the date: 0045-03-15 (BC) 10:00:00.500000."""
    day, clock, is_bc = _calendar_parts(moment)
    return " ".join(part for part in (day, "(BC)" * is_bc, clock) if part)


def _calendar_parts(moment: np.datetime64) -> tuple[str, str, bool]:
    """Return the date, the time of day ('' for a date), and whether the year is BC.

    numpy counts years as astronomers do: year 0 is 1 BC, and -44 is 45 BC.
    """
    day, _, clock = str(moment).removeprefix("+").partition("T")
    year, rest = day.removeprefix("-").split("-", 1)
    is_bc = day.startswith("-") or not int(year)
    return (f"{int(year) + 1:04d}-{rest}" if is_bc else day), clock, is_bc


def _zoned_text(values: pa.Array) -> pa.Array:
    """Write local times with their offsets: 2024-01-01 09:00:00+09."""
    local = _calendar_text(pc.local_timestamp(values))
    seconds = values.cast(pa.timestamp("s", values.type.tz), safe=False)
    offset = pc.strftime(seconds, format="%z")
    # PostgreSQL leaves out minutes that are zero.
    offset = pc.replace_substring_regex(offset, r"^([+-]\d\d):?(\d\d)$", r"\1:\2")
    return pc.binary_join_element_wise(local, pc.replace_substring_regex(offset, r":00$", ""), "")


def read_date_text(text: str) -> str:
    """Return a date as DuckDB spells it."""
    if text.endswith("BC"):
        return read_timestamp_text(text)
    return text.strip().partition(" ")[0]  # JDBC sends 2024-01-01 +00


def read_timestamp_text(text: str) -> str:
    """Return a timestamp as DuckDB spells it, with BC after the date."""
    return re.sub(r"^(\S+)(.*) BC$", r"\1 (BC)\2", text.strip())


# Binary


def write_date_binary(values: pa.Array) -> pa.Array:
    """Write dates as days."""
    days = values.cast(pa.int32()).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    moved = _moved(days, days - _EPOCH_DAYS, _DATE_LIMIT)
    return fixed_width_fields(moved.astype(">i4"), values)


def write_timestamp_binary(values: pa.Array) -> pa.Array:
    """Write timestamps as microseconds."""
    raw = values.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    unit = values.type.unit
    microseconds = raw // 1000 if unit == "ns" else raw * _MICROSECONDS[unit]
    moved = _moved(raw, microseconds - _EPOCH_MICROSECONDS, _TIMESTAMP_LIMIT)
    return fixed_width_fields(moved.astype(">i8"), values)


def _moved(raw: _Numbers, moved: _Numbers, limit: int) -> _Numbers:
    """Return `moved`, with the infinities of `raw` as PostgreSQL has them."""
    low = np.where(raw == -limit, -limit - 1, moved)
    return np.where(raw == limit, limit, low)


def read_date_binary(value: bytes) -> str:
    """Read a date, as DuckDB spells it."""
    (days,) = struct.unpack("!i", value)
    moment = np.datetime64("2000-01-01", "D") + np.timedelta64(days, "D")
    return _infinity(days, _DATE_LIMIT) or _duckdb_spelling(moment)


def read_timestamp_binary(value: bytes) -> str:
    """Read a timestamp, as DuckDB spells it."""
    (microseconds,) = struct.unpack("!q", value)
    moment = np.datetime64("2000-01-01", "us") + np.timedelta64(microseconds, "us")
    return _infinity(microseconds, _TIMESTAMP_LIMIT) or _duckdb_spelling(moment)


def read_timestamptz_binary(value: bytes) -> str:
    """Read a timestamp in UTC, as DuckDB spells it."""
    return re.sub(r"(\d)$", r"\1+00", read_timestamp_binary(value))


def _infinity(number: int, limit: int) -> str:
    if number not in {limit, -limit - 1}:
        return ""
    return "infinity" if number > 0 else "-infinity"
