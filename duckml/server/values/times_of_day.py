"""Times of day, with a time zone and without: time and timetz.

In binary, a time is its microseconds since midnight. A timetz also has the seconds of its zone to
the west of Greenwich.
"""

from __future__ import annotations

import re
import struct

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from duckml.server.values.field_bytes import FIELD, fixed_width_fields

_ZONED = re.compile(r"(.*)([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?")
_ZONE_UNITS = (3600, 60, 1)  # seconds


def write_time_text(values: pa.Array) -> pa.Array:
    """Write times of day."""
    return _time_text(values).cast(FIELD)


def write_utc_time_text(values: pa.Array) -> pa.Array:
    """Write times of day with the zone of UTC after them."""
    return pc.binary_join_element_wise(_time_text(values), "+00", "").cast(FIELD)


def _time_text(values: pa.Array) -> pa.Array:
    text = without_trailing_zeros(values.cast(pa.string()))
    is_midnight = pc.starts_with(text, "<")  # 24:00:00, which Arrow reports as out of range
    return pc.if_else(is_midnight, "24:00:00", text) if pc.any(is_midnight).as_py() else text


def without_trailing_zeros(text: pa.Array) -> pa.Array:
    """Remove the zeros at the end of fractions of seconds, as PostgreSQL does."""
    if not pc.any(pc.match_substring(text, ".")).as_py():
        return text
    return pc.replace_substring_regex(text, r"\.?0*$", "")


def write_time_binary(values: pa.Array) -> pa.Array:
    """Write times of day as microseconds."""
    raw = values.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    microseconds = raw // 1000 if values.type == pa.time64("ns") else raw
    return fixed_width_fields(microseconds.astype(">i8"), values)


def read_time_binary(value: bytes) -> str:
    """Read a time of day, as DuckDB spells it."""
    return _spelled(struct.unpack("!q", value)[0])


def write_utc_time_binary(values: pa.Array) -> pa.Array:
    """Write times of day as timetz in the zone of UTC."""
    raw = values.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    packed = np.zeros(len(values), dtype=[("time", ">i8"), ("zone", ">i4")])
    packed["time"] = raw
    return fixed_width_fields(packed, values)


def write_timetz_binary(values: pa.Array) -> pa.Array:
    """Write timetz from the strings that DuckDB casts its values to."""
    return pa.array([_packed_timetz(text) for text in values.to_pylist()], FIELD)


def _packed_timetz(text: str | None) -> bytes | None:
    found = None if text is None else _ZONED.fullmatch(text)
    if found is None:
        return None
    clock, sign, *zone = found.groups()
    hours, minutes, seconds = clock.split(":")
    whole, _, fraction = seconds.partition(".")
    total_seconds = int(hours) * 3600 + int(minutes) * 60 + int(whole)
    microseconds = total_seconds * 1_000_000 + int(fraction.ljust(6, "0"))
    east = sum(int(part or 0) * unit for part, unit in zip(zone, _ZONE_UNITS, strict=True))
    return struct.pack("!qi", microseconds, -east if sign == "+" else east)


def read_timetz_binary(value: bytes) -> str:
    """Read a time of day with its zone, as DuckDB spells it."""
    microseconds, west = struct.unpack("!qi", value)
    zone = _spelled(abs(west) * 1_000_000)[:8]
    return f"{_spelled(microseconds)}{'-' if west > 0 else '+'}{zone}"


def _spelled(microseconds: int) -> str:
    seconds, fraction = divmod(microseconds, 1_000_000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{fraction:06d}"
