"""Intervals: months, days and microseconds.

Over Arrow an interval has up to 292 years, so that longer ones arrive as DuckDB spells them.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

import pyarrow as pa

from duckml.server.values.field_bytes import FIELD

_DUCKDB_SPELLING = re.compile(
    r"(?:(-?\d+) years? ?)?(?:(-?\d+) months? ?)?(?:(-?\d+) days? ?)?"
    r"(?:(-?)(\d+):(\d\d):(\d\d)(?:\.(\d+))?)?"
)

_LAYOUT = struct.Struct("!qii")  # microseconds, days, months


def write_interval_text(values: pa.Array) -> pa.Array:
    """Write intervals as PostgreSQL spells them."""
    parts = [None if part is None else _spelled(*part) for part in _interval_parts(values)]
    return pa.array(parts, FIELD)


def _spelled(months: int, days: int, microseconds: int) -> bytes:
    """Return an interval in PostgreSQL's style (EncodeInterval, utils/adt/datetime.c).

    After a negative part, a positive one has a plus.
    """
    # Toward zero, as in C: -14 months are -1 year and -2 months.
    years = int(months / 12)
    months -= 12 * years
    words: list[str] = []
    is_after_negative = False
    for number, unit in ((years, "year"), (months, "mon"), (days, "day")):
        if number:
            sign = "+" if is_after_negative and number > 0 else ""
            words.append(f"{sign}{number} {unit}{'' if number == 1 else 's'}")
            is_after_negative = number < 0
    if microseconds or not words:
        sign = "-" if microseconds < 0 else "+" if is_after_negative else ""
        words.append(sign + _clock(abs(microseconds)))
    return " ".join(words).encode()


def _clock(microseconds: int) -> str:
    seconds, fraction = divmod(microseconds, 1_000_000)
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return clock + (f".{fraction:06d}".rstrip("0") if fraction else "")


def write_interval_binary(values: pa.Array) -> pa.Array:
    """Write intervals as microseconds, days and months."""
    pack = _LAYOUT.pack
    parts = [
        None if part is None else pack(part[2], part[1], part[0])
        for part in _interval_parts(values)
    ]
    return pa.array(parts, FIELD)


def _interval_parts(values: pa.Array) -> Iterator[tuple[int, int, int] | None]:
    """Yield the months, days and microseconds of each interval."""
    for value in values.to_pylist():
        if value is None:
            yield None
        elif isinstance(value, str):
            yield _parsed(value)
        else:
            yield value.months, value.days, value.nanoseconds // 1000


def _parsed(text: str) -> tuple[int, int, int]:
    found = _DUCKDB_SPELLING.fullmatch(text)
    assert found is not None, f"an unknown spelling of an interval: {text}"
    years, months, days, sign, hours, minutes, seconds, fraction = found.groups()
    clock = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    microseconds = clock * 1_000_000 + int((fraction or "0").ljust(6, "0"))
    total_months = 12 * int(years or 0) + int(months or 0)
    return total_months, int(days or 0), -microseconds if sign else microseconds


def read_interval_binary(value: bytes) -> str:
    """Read an interval, as a text that DuckDB casts."""
    microseconds, days, months = _LAYOUT.unpack(value)
    return f"{months} months {days} days {microseconds} microseconds"
