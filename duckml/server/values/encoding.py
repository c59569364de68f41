"""Record batches → the bytes of rows on the wire, a column at a time.

Every value becomes the bytes of its field, in text or in binary, as an Arrow array; then all fields of all rows are
joined in one go, lengths and message headers between them. Python sees columns, never values, but for nested types.
"""

from __future__ import annotations

import decimal
import json
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from duckml.server.values import types
from duckml.server.values.types import EPOCH_DAYS, EPOCH_MICROSECONDS, Column, PgType

_BINARY = pa.binary()
_NO_VALUE = b"\xff\xff\xff\xff"  # the length of NULL, -1
_PIECE = 1 << 20  # bytes of a batch that are encoded at a time

# Encodes an array as the bytes of its fields.
_Encode = Callable[[pa.Array], pa.Array]


def data_rows(batch: pa.RecordBatch, columns: Sequence[Column], binary: Sequence[bool]) -> bytes:
    """The DataRow messages of a batch, one behind the other; `binary` says which columns go in binary."""
    return _framed(b"D", batch, columns, binary)


def pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """A batch in pieces of about a megabyte, so that wide rows don't make huge messages of it."""
    size = batch.nbytes
    if size <= _PIECE:
        yield batch
        return
    rows = max(1, batch.num_rows * _PIECE // size)
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)


# COPY


@dataclass(frozen=True)
class CopyFormat:
    """How COPY … TO STDOUT writes rows: `format` is 'text', 'csv' or 'binary'; the rest is of text and csv."""

    format: str = "text"
    delimiter: str = "\t"
    null: str = "\\N"
    header: bool = False
    quote: str = '"'
    escape: str = '"'
    force_quote: bool = False


COPY_BINARY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_BINARY_TRAILER = b"\xff\xff"


def copy_rows(batch: pa.RecordBatch, columns: Sequence[Column], how: CopyFormat) -> bytes:
    """The CopyData messages of a batch, a message for each row, as PostgreSQL sends them."""
    if how.format == "binary":
        return _framed(b"d", batch, columns, [True] * len(columns))
    texts = [
        _copied(_field(column, told, False), how)
        for column, told in zip(batch.columns, columns, strict=True)
    ]
    parts: list[Any] = [texts[0]] if texts else [pa.array([b""] * batch.num_rows, _BINARY)]
    for text in texts[1:]:
        parts += [how.delimiter.encode(), text]
    lines = pc.binary_join_element_wise(*parts, b"\n", b"")
    lengths = pc.binary_length(lines).to_numpy(zero_copy_only=False).astype(np.int64)
    headers = np.zeros(batch.num_rows, dtype=[("kind", "S1"), ("length", ">i4")])
    headers["kind"], headers["length"] = b"d", lengths + 4
    return _joined([_fixed(headers), lines])


def copy_header(columns: Sequence[Column], how: CopyFormat) -> bytes:
    """The first line of a COPY with HEADER."""
    names = pa.record_batch(
        [pa.array([column.name]) for column in columns], [str(i) for i in range(len(columns))]
    )
    return copy_rows(names, [Column(column.name, types.TEXT) for column in columns], how)


def _copied(text: pa.Array, how: CopyFormat) -> pa.Array:
    """Fields as COPY writes them, with what must not stand there escaped."""
    text = text.cast(pa.string())
    if how.format == "text":
        for found, written in (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
            text = pc.replace_substring(text, found, written)
        if how.delimiter != "\t":
            text = pc.replace_substring(text, how.delimiter, "\\" + how.delimiter)
        return text.fill_null(how.null).cast(_BINARY)
    in_quotes = pc.binary_join_element_wise(
        how.quote,
        pc.replace_substring(
            pc.replace_substring(text, how.escape, how.escape * 2)
            if how.escape != how.quote
            else text,
            how.quote,
            how.escape + how.quote,
        ),
        how.quote,
        "",
    )
    if not how.force_quote:
        needs = pc.equal(text, how.null)  # an empty text, which would otherwise read as NULL
        for special in (how.delimiter, how.quote, "\n", "\r"):
            needs = pc.or_(needs, pc.match_substring(text, special))
        in_quotes = pc.if_else(needs, in_quotes, text)
    return in_quotes.fill_null(how.null).cast(_BINARY)


# Rows


def _framed(
    kind: bytes, batch: pa.RecordBatch, columns: Sequence[Column], binary: Sequence[bool]
) -> bytes:
    """Rows as messages: kind, length, number of fields, then each field with its length before it."""
    count = batch.num_rows
    if count <= _FEW and not any(binary) and all(map(_is_plain, batch.columns, columns)):
        return _few_rows(kind, batch)
    total = np.full(count, 6, dtype=np.int64)  # the length itself and the number of fields
    parts: list[pa.Array] = []
    for values, told, is_binary in zip(batch.columns, columns, binary, strict=True):
        field = _field(values, told, is_binary)
        sizes, lengths = _lengths(field)
        total += lengths + 4
        parts += [sizes, field.fill_null(b"") if field.null_count else field]
    headers = np.zeros(count, dtype=[("kind", "S1"), ("length", ">i4"), ("fields", ">i2")])
    headers["kind"], headers["length"], headers["fields"] = kind, total, len(parts) // 2
    return _joined([_fixed(headers), *parts])


_FEW = 8  # rows that are quicker written one by one


def _is_plain(values: pa.Array, told: Column) -> bool:
    """Whether Python's spelling of the values is PostgreSQL's."""
    return bool(
        pa.types.is_integer(values.type)
        or (pa.types.is_string(values.type) and told.pg_type not in _FROM_TEXT)
    )


def _few_rows(kind: bytes, batch: pa.RecordBatch) -> bytes:
    """The same for a few rows of numbers without fractions and texts, as short answers to short questions are."""
    data = bytearray()
    for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
        fields = bytearray()
        for value in row:
            text = None if value is None else str(value).encode()
            fields += _NO_VALUE if text is None else struct.pack("!i", len(text)) + text
        data += kind + struct.pack("!ih", 6 + len(fields), len(row)) + fields
    return bytes(data)


def _lengths(field: pa.Array) -> tuple[pa.Array, np.ndarray[Any, Any]]:
    """The four bytes before each field, and the bytes behind them; NULL has -1 and none."""
    lengths = pc.binary_length(field)
    if not field.null_count:
        plain = lengths.to_numpy(zero_copy_only=False)
        return _fixed(plain.astype(">i4")), plain
    plain = lengths.fill_null(0).to_numpy(zero_copy_only=False)
    return _fixed(lengths.fill_null(-1).to_numpy(zero_copy_only=False).astype(">i4")), plain


def _joined(parts: Sequence[pa.Array]) -> bytes:
    """The bytes of the parts, row by row."""
    joined = pc.binary_join_element_wise(*parts, b"")
    start = int.from_bytes(
        memoryview(joined.buffers()[1])[joined.offset * 4 : joined.offset * 4 + 4], "little"
    )
    data = joined.buffers()[2]
    if data is None:
        return b""
    return bytes(memoryview(data)[start : start + sum_of_lengths(joined)])


def sum_of_lengths(array: pa.Array) -> int:
    """The bytes of all values of a binary array."""
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int32, count=array.offset + len(array) + 1)
    return int(offsets[array.offset + len(array)] - offsets[array.offset])


def _fixed(values: np.ndarray[Any, Any], valid: pa.Array | None = None) -> pa.Array:
    """An array of binary values that all have the size of the items of `values`; NULL where `valid` says so."""
    width, count = values.dtype.itemsize, len(values)
    offsets = (
        np.arange(0, (count + 1) * width, width, dtype=np.int32)
        if width
        else np.zeros(count + 1, np.int32)
    )
    data = np.ascontiguousarray(values)
    array = pa.Array.from_buffers(_BINARY, count, [None, pa.py_buffer(offsets), pa.py_buffer(data)])
    return (
        array
        if valid is None or not valid.null_count
        else pc.if_else(valid.is_valid(), array, None)
    )


def _field(values: pa.Array, told: Column, is_binary: bool) -> pa.Array:
    """The bytes of every value of a column, without their lengths."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if isinstance(values, pa.ExtensionArray):
        values = values.storage if told.pg_type is not types.NUMERIC else _bignum(values.storage)
    if pa.types.is_null(values.type):
        return pa.nulls(len(values), _BINARY)
    if told.element is not None and _is_list(values.type):
        return _list_field(values, told.element, is_binary, told.pg_type in types.VECTORS)
    encode = _binary_encoder(told.pg_type, values.type) if is_binary else _text_encoder(values.type)
    if pa.types.is_string(values.type) and told.pg_type in _FROM_TEXT:
        encode = _FROM_TEXT[told.pg_type][is_binary]
    elif told.pg_type is types.TEXT and pa.types.is_binary(values.type):
        encode = _bits
    elif told.pg_type is types.BYTEA:
        encode = _same if is_binary else _hex
    elif told.pg_type is types.TIMETZ and not is_binary:
        return pc.binary_join_element_wise(_time_text(values), "+00", "").cast(_BINARY)
    return encode(values)


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind) or pa.types.is_large_list(kind)
    )


# Text: the spellings of PostgreSQL


def _text_encoder(kind: pa.DataType) -> _Encode:
    for fits, encode in _TEXT:
        if fits(kind):
            return encode
    return _json_text


def _same(values: pa.Array) -> pa.Array:
    return values.cast(_BINARY)


def _plain_text(values: pa.Array) -> pa.Array:
    return values.cast(pa.string()).cast(_BINARY)


def _bool_text(values: pa.Array) -> pa.Array:
    return pc.if_else(values, b"t", b"f")


def _float_text(values: pa.Array) -> pa.Array:
    text = values.cast(pa.string())
    odd = pc.invert(pc.is_finite(values))
    if pc.any(odd).as_py():
        named = pc.if_else(
            pc.is_nan(values), "NaN", pc.if_else(pc.greater(values, 0.0), "Infinity", "-Infinity")
        )
        text = pc.if_else(odd, named, text)
    return text.cast(_BINARY)


def _decimal_text(values: pa.Array) -> pa.Array:
    text = values.cast(pa.string())
    if pc.any(pc.match_substring(text, "E")).as_py():  # Arrow's spelling of small numbers
        text = pa.array(
            [None if value is None else format(value, "f") for value in values.to_pylist()],
            pa.string(),
        )
    return text.cast(_BINARY)


def _date_text(values: pa.Array) -> pa.Array:
    return _named_infinities(values, values.cast(pa.int32()), np.iinfo(np.int32).max, _calendar)


def _timestamp_text(values: pa.Array) -> pa.Array:
    limit = np.iinfo(np.int64).max
    return _named_infinities(
        values, values.cast(pa.int64()), limit, _zoned if values.type.tz else _calendar
    )


def _calendar(values: pa.Array) -> pa.Array:
    if (
        pa.types.is_timestamp(values.type) and values.type.unit == "ns"
    ):  # six digits is what PostgreSQL has
        values = values.cast(pa.timestamp("us", values.type.tz), safe=False)
    text = values.cast(pa.string())
    if pa.types.is_timestamp(values.type):
        text = _short_seconds(text)
    odd = pc.match_substring_regex(text, "^(?:-|0000|<)")  # before the year 1, or too far for Arrow
    return _far(values, text, odd) if pc.any(odd).as_py() else text


def _short_seconds(text: pa.Array) -> pa.Array:
    return (
        pc.replace_substring_regex(text, r"\.?0*$", "")
        if pc.any(pc.match_substring(text, ".")).as_py()
        else text
    )


def _far(values: pa.Array, texts: pa.Array, odd: pa.Array) -> pa.Array:
    """The texts, but where they are odd by numpy: of the astronomer's year -44, PostgreSQL's 0045-03-15 BC."""
    unit = "D" if pa.types.is_date(values.type) else values.type.unit
    moments = (
        values.cast(pa.int32() if unit == "D" else pa.int64())
        .fill_null(0)
        .to_numpy(zero_copy_only=False)
    )
    moments = moments.astype(f"datetime64[{unit}]")

    def spelt(moment: np.datetime64) -> str:
        day, _, clock = str(moment).removeprefix("+").partition("T")
        clock = re.sub(r"\.?0*$", "", clock) if "." in clock else clock
        year, rest = day.removeprefix("-").split("-", 1)
        is_bc = day.startswith("-") or not int(year)
        day = f"{int(year) + 1:04d}-{rest}" if is_bc else day
        return " ".join(part for part in (day, clock, "BC" * is_bc) if part)

    pairs = zip(texts.to_pylist(), odd.to_pylist(), moments, strict=True)
    return pa.array(
        [spelt(moment) if is_odd else text for text, is_odd, moment in pairs], pa.string()
    )


def _zoned(values: pa.Array) -> pa.Array:
    """Local time with the offset behind it: 2024-01-01 09:00:00+09."""
    local = _calendar(pc.local_timestamp(values))
    offset = pc.strftime(values.cast(pa.timestamp("s", values.type.tz), safe=False), format="%z")
    offset = pc.replace_substring_regex(offset, r"^([+-]\d\d):?(\d\d)$", r"\1:\2")
    return pc.binary_join_element_wise(local, pc.replace_substring_regex(offset, r":00$", ""), "")


def _named_infinities(values: pa.Array, numbers: pa.Array, limit: int, spell: _Encode) -> pa.Array:
    """What `spell` says, and for DuckDB's infinities, the outermost numbers, their names."""
    high, low = pc.equal(numbers, limit), pc.equal(numbers, -limit)
    if not pc.any(pc.or_(high, low)).as_py():
        return spell(values).cast(_BINARY)
    finite = pc.if_else(pc.or_(high, low), pa.scalar(0, numbers.type).cast(values.type), values)
    named = pc.if_else(high, "infinity", pc.if_else(low, "-infinity", spell(finite)))
    return named.cast(_BINARY)


def _time_text(values: pa.Array) -> pa.Array:
    text = _short_seconds(values.cast(pa.string()))
    late = pc.starts_with(text, "<")  # 24:00:00, which Arrow hasn't
    return pc.if_else(late, "24:00:00", text) if pc.any(late).as_py() else text


def _interval_text(values: pa.Array) -> pa.Array:
    return pa.array(
        [None if parts is None else _spelt(*parts) for parts in _interval_parts(values)], _BINARY
    )


def _spelt(months: int, days: int, microseconds: int) -> bytes:
    """An interval as PostgreSQL spells it (EncodeInterval): behind what is negative, what isn't has a plus."""
    years, months = int(months / 12), months - 12 * int(months / 12)
    words: list[str] = []
    is_behind_negative = False
    for number, unit in ((years, "year"), (months, "mon"), (days, "day")):
        if number:
            sign = "+" if is_behind_negative and number > 0 else ""
            words.append(f"{sign}{number} {unit}{'' if number == 1 else 's'}")
            is_behind_negative = number < 0
    if microseconds or not words:
        sign = "-" if microseconds < 0 else "+" if is_behind_negative else ""
        seconds, fraction = divmod(abs(microseconds), 1_000_000)
        clock = f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        words.append(clock + (f".{fraction:06d}".rstrip("0") if fraction else ""))
    return " ".join(words).encode()


_INTERVAL = re.compile(
    r"(?:(-?\d+) years? ?)?(?:(-?\d+) months? ?)?(?:(-?\d+) days? ?)?(?:(-?)(\d+):(\d\d):(\d\d)(?:\.(\d+))?)?"
)


def _interval_parts(values: pa.Array) -> Iterator[tuple[int, int, int] | None]:
    """Months, days and microseconds of each interval, from DuckDB's spelling or from Arrow's value."""
    for value in values.to_pylist():
        if value is None or not isinstance(value, str):
            yield None if value is None else (value.months, value.days, value.nanoseconds // 1000)
            continue
        found = _INTERVAL.fullmatch(value)
        assert found is not None, "DuckDB spells intervals in another way"
        years, months, days, sign, hours, minutes, seconds, fraction = found.groups()
        clock = (int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)) * 1_000_000
        clock += int((fraction or "0").ljust(6, "0"))
        yield 12 * int(years or 0) + int(months or 0), int(days or 0), -clock if sign else clock


def _hex(values: pa.Array) -> pa.Array:
    return pa.array(
        [None if value is None else b"\\x" + value.hex().encode() for value in values.to_pylist()],
        _BINARY,
    )


def _bits(values: pa.Array) -> pa.Array:
    """DuckDB's BIT: a byte with the number of bits to leave out, then the bits."""
    return pa.array(
        [
            None if value is None else "".join(f"{byte:08b}" for byte in value[1:])[value[0] :]
            for value in values.to_pylist()
        ],
        pa.string(),
    ).cast(_BINARY)


def _bignum(values: pa.Array) -> pa.Array:
    """DuckDB's BIGNUM as text: a header of three bytes with the sign, then the number, all inverted below zero."""

    def number(value: bytes | None) -> str | None:
        if value is None:
            return None
        positive = bool(value[0] & 0x80)
        digits = value[3:] if positive else bytes(255 - byte for byte in value[3:])
        return str(int.from_bytes(digits, "big") * (1 if positive else -1))

    return pa.array([number(value) for value in values.to_pylist()], pa.string())


def _json_text(values: pa.Array) -> pa.Array:
    """Nested values as JSON; NaN and infinity, which JSON doesn't have, as null."""
    return pa.array(
        [
            None
            if value is None
            else json.dumps(_plain(value, values.type), ensure_ascii=False, allow_nan=False)
            for value in values.to_pylist()
        ],
        pa.string(),
    ).cast(_BINARY)


def _plain(value: Any, kind: pa.DataType) -> Any:
    """A nested value in what JSON has."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() and not kind.scale else float(value)
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if pa.types.is_struct(kind):
        return {name: _plain(item, kind.field(name).type) for name, item in value.items()}
    if pa.types.is_map(kind):
        return {str(key): _plain(item, kind.item_type) for key, item in value}
    if isinstance(value, list):
        return [_plain(item, kind.value_type) for item in value]
    return str(value)


_TEXT: tuple[tuple[Callable[[pa.DataType], bool], _Encode], ...] = (
    (pa.types.is_string, _same),
    (pa.types.is_large_string, _same),
    (pa.types.is_integer, _plain_text),
    (pa.types.is_boolean, _bool_text),
    (pa.types.is_floating, _float_text),
    (pa.types.is_decimal, _decimal_text),
    (pa.types.is_date, _date_text),
    (pa.types.is_timestamp, _timestamp_text),
    (pa.types.is_time, lambda values: _time_text(values).cast(_BINARY)),
    (pa.types.is_interval, _interval_text),
    (pa.types.is_binary, _hex),
)


# Binary


def _binary_encoder(pg_type: PgType, kind: pa.DataType) -> _Encode:
    if pg_type in _WIDTHS:
        return _numbers(_WIDTHS[pg_type])
    if pg_type is types.NUMERIC:
        return (
            _numeric
            if pa.types.is_decimal(kind) and kind.precision <= _QUICK_DIGITS
            else _any_numeric
        )
    return _BINARIES.get(pg_type, _text_encoder(kind))


def _numbers(layout: str) -> _Encode:
    def encode(values: pa.Array) -> pa.Array:
        filled = values.fill_null(0) if values.null_count else values
        return _fixed(filled.to_numpy(zero_copy_only=False).astype(layout), values)

    return encode


_WIDTHS = {
    types.INT2: ">i2",
    types.INT4: ">i4",
    types.INT8: ">i8",
    types.FLOAT4: ">f4",
    types.FLOAT8: ">f8",
    types.OID: ">u4",
}


def _bool_binary(values: pa.Array) -> pa.Array:
    return _fixed(values.fill_null(False).to_numpy(zero_copy_only=False).astype(np.uint8), values)


def _date_binary(values: pa.Array) -> pa.Array:
    days = values.cast(pa.int32()).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    limit = np.iinfo(np.int32).max
    moved = np.where(days == limit, limit, np.where(days == -limit, -limit - 1, days - EPOCH_DAYS))
    return _fixed(moved.astype(">i4"), values)


def _timestamp_binary(values: pa.Array) -> pa.Array:
    raw = values.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    limit = np.iinfo(np.int64).max
    scale = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 1}[values.type.unit]
    microseconds = raw // 1000 if values.type.unit == "ns" else raw * scale
    moved = np.where(
        raw == limit, limit, np.where(raw == -limit, -limit - 1, microseconds - EPOCH_MICROSECONDS)
    )
    return _fixed(moved.astype(">i8"), values)


def _time_binary(values: pa.Array) -> pa.Array:
    raw = values.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    return _fixed((raw // 1000 if values.type == pa.time64("ns") else raw).astype(">i8"), values)


_ZONE = re.compile(r"(.*)([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?")


def _timetz_from_text(values: pa.Array) -> pa.Array:
    """A time with its zone, as the microseconds of the day and the seconds to the west."""

    def packed(text: str | None) -> bytes | None:
        found = None if text is None else _ZONE.fullmatch(text)
        if found is None:
            return None
        clock, sign, *zone = found.groups()
        hours, minutes, seconds = clock.split(":")
        whole, _, fraction = seconds.partition(".")
        microseconds = (int(hours) * 3600 + int(minutes) * 60 + int(whole)) * 1_000_000 + int(
            fraction.ljust(6, "0")
        )
        west = sum(int(part or 0) * unit for part, unit in zip(zone, (3600, 60, 1), strict=True))
        return struct.pack("!qi", microseconds, -west if sign == "+" else west)

    return pa.array([packed(text) for text in values.to_pylist()], _BINARY)


def _timetz_binary(values: pa.Array) -> pa.Array:
    raw = values.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    packed = np.zeros(len(values), dtype=[("time", ">i8"), ("zone", ">i4")])
    packed["time"] = raw
    return _fixed(packed, values)


def _interval_binary(values: pa.Array) -> pa.Array:
    pack = struct.Struct("!qii").pack
    parts = [
        None if part is None else pack(part[2], part[1], part[0])
        for part in _interval_parts(values)
    ]
    return pa.array(parts, _BINARY)


def _uuid_binary(values: pa.Array) -> pa.Array:
    return pa.array(
        [
            None if value is None else bytes.fromhex(value.replace("-", ""))
            for value in values.to_pylist()
        ],
        _BINARY,
    )


def _jsonb_binary(values: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(b"\x01", _text_encoder(values.type)(values), b"")


_QUICK_DIGITS = 18  # what fits an int64


def _numeric(values: pa.Array) -> pa.Array:
    """Decimals of up to 18 digits: as many digits of base 10000 for every row as the type can need.

    PostgreSQL's layout (numeric_send): number of digits, weight of the first, sign, digits to show, the digits. Zeros
    behind are allowed there.
    """
    scale = values.type.scale
    words = np.frombuffer(values.buffers()[1], dtype="<i8", count=2 * (len(values) + values.offset))
    raw = words[2 * values.offset :: 2]
    size = np.abs(raw)
    whole, fraction = np.divmod(size, 10**scale)
    before = max(1, -(-(values.type.precision - scale) // 4))
    behind = -(-scale // 4)
    layout = [("count", ">i2"), ("weight", ">i2"), ("sign", ">u2"), ("scale", ">i2")]
    layout += [(f"d{i}", ">i2") for i in range(before + behind)]
    packed = np.zeros(len(values), dtype=layout)
    packed["count"], packed["weight"], packed["scale"] = before + behind, before - 1, scale
    packed["sign"] = np.where(raw < 0, 0x4000, 0)
    for i in range(before - 1, -1, -1):
        whole, packed[f"d{i}"] = np.divmod(whole, 10_000)
    left = scale
    for i in range(behind):
        left -= 4
        if left >= 0:
            packed[f"d{before + i}"], fraction = np.divmod(fraction, 10**left)
        else:
            packed[f"d{before + i}"] = fraction * 10**-left
    return _without_leading_zeros(packed, before + behind, values)


def _without_leading_zeros(packed: np.ndarray[Any, Any], groups: int, values: pa.Array) -> pa.Array:
    """Numerics without the groups of zeros before them, which not every client passes over."""
    digits = np.stack([packed[f"d{i}"] for i in range(groups)], axis=1)
    leading = np.where(digits.any(axis=1), (digits != 0).argmax(axis=1), groups)
    packed["count"] -= leading.astype(packed["count"].dtype)
    packed["weight"] -= leading.astype(packed["weight"].dtype)
    heads = _fixed(
        np.ascontiguousarray(packed[["count", "weight", "sign", "scale"]]).astype(_NUMERIC_HEAD)
    )
    parts = [
        pc.if_else(pa.array(leading <= i), _fixed(np.ascontiguousarray(packed[f"d{i}"])), b"")
        for i in range(groups)
    ]
    fields = pc.binary_join_element_wise(heads, *parts, b"")
    return pc.if_else(values.is_valid(), fields, None) if values.null_count else fields


_NUMERIC_HEAD = np.dtype([("count", ">i2"), ("weight", ">i2"), ("sign", ">u2"), ("scale", ">i2")])


def _any_numeric(values: pa.Array) -> pa.Array:
    """Numbers of any length as numeric, one by one."""

    def encoded(value: Any) -> bytes | None:
        if value is None:
            return None
        number = decimal.Decimal(value)
        sign, digits, exponent = number.as_tuple()
        if not isinstance(exponent, int):
            return bytes.fromhex("00000000c0000000")
        scale = max(0, -exponent)
        text = "".join(map(str, digits)) + "0" * max(0, exponent)
        whole, fraction = (text[:-scale], text[-scale:].rjust(scale, "0")) if scale else (text, "")
        whole = whole.rjust(-(-max(1, len(whole)) // 4) * 4, "0")
        fraction = fraction.ljust(-(-len(fraction) // 4) * 4, "0")
        groups = [int((whole + fraction)[i : i + 4]) for i in range(0, len(whole + fraction), 4)]
        head = np.array(
            [len(groups), len(whole) // 4 - 1, 0x4000 if sign else 0, scale], dtype=">u2"
        )
        return head.tobytes() + np.array(groups, dtype=">i2").tobytes()

    return pa.array([encoded(value) for value in values.to_pylist()], _BINARY)


_NO_JSON = re.compile(r'"(?:[^"\\]|\\.)*"|-?(?:NaN|Infinity)')


def _valid_json(values: pa.Array) -> pa.Array:
    """JSON as DuckDB writes it; NaN and infinity, which JSON doesn't have, as null."""
    if not pc.any(pc.match_substring_regex(values, "NaN|Infinity")).as_py():
        return values.cast(_BINARY)
    texts = [
        None
        if text is None
        else _NO_JSON.sub(lambda found: found[0] if found[0][0] == '"' else "null", text).encode()
        for text in values.to_pylist()
    ]
    return pa.array(texts, _BINARY)


# What arrives as a text that DuckDB has made (exact.py), in text and in binary.
_FROM_TEXT: dict[PgType, tuple[_Encode, _Encode]] = {
    types.TIMETZ: (_same, _timetz_from_text),
    types.INTERVAL: (_interval_text, _interval_binary),
    types.NUMERIC: (_same, _any_numeric),
    types.JSON: (_valid_json, _valid_json),
}

_BINARIES: dict[PgType, _Encode] = {
    types.BOOL: _bool_binary,
    types.DATE: _date_binary,
    types.TIMESTAMP: _timestamp_binary,
    types.TIMESTAMPTZ: _timestamp_binary,
    types.TIME: _time_binary,
    types.TIMETZ: _timetz_binary,
    types.INTERVAL: _interval_binary,
    types.UUID: _uuid_binary,
    types.JSONB: _jsonb_binary,
}


# Lists


def _list_field(values: pa.Array, element: PgType, is_binary: bool, is_vector: bool) -> pa.Array:
    """One-dimensional arrays, in text {1,NULL,"a b"}, in binary with a header and a length before each item."""
    if pa.types.is_fixed_size_list(values.type):
        values = values.cast(pa.list_(values.type.value_type))
    counts = (
        pc.list_value_length(values).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    )
    items = _field(values.flatten(), Column("", element), is_binary)
    if is_binary:
        sizes, _ = _lengths(items)
        written = pc.binary_join_element_wise(sizes, items.fill_null(b""), b"")
    else:
        written = _array_items(items, element)
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
    separator = b"" if is_binary else b" " if is_vector else b","
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, written), separator)
    if is_binary:
        fields = pc.binary_join_element_wise(_array_headers(values, counts, element), joined, b"")
    else:
        fields = joined if is_vector else pc.binary_join_element_wise(b"{", joined, b"}", b"")
    return pc.if_else(values.is_valid(), fields, None) if values.null_count else fields


def _array_items(items: pa.Array, element: PgType) -> pa.Array:
    """The items of an array in text, quoted where they must be."""
    text = items.cast(pa.string())
    if element not in _WIDTHS and element not in {types.BOOL, types.NUMERIC}:
        odd = pc.or_(
            pc.match_substring_regex(text, r'[{}",\\\s]'),
            pc.or_(pc.equal(text, ""), pc.equal(pc.utf8_lower(text), "null")),
        )
        escaped = pc.replace_substring_regex(text, r'(["\\])', r"\\\1")
        text = pc.if_else(odd, pc.binary_join_element_wise('"', escaped, '"', ""), text)
    return text.fill_null("NULL").cast(_BINARY)


def _array_headers(values: pa.Array, counts: np.ndarray[Any, Any], element: PgType) -> pa.Array:
    """Dimensions, whether there are NULLs, the element's type, and the length and first index of the dimension."""
    layout = [
        ("dimensions", ">i4"),
        ("nulls", ">i4"),
        ("element", ">u4"),
        ("length", ">i4"),
        ("first", ">i4"),
    ]
    packed = np.zeros(len(values), dtype=layout)
    packed["dimensions"], packed["element"], packed["length"], packed["first"] = (
        1,
        element.oid,
        counts,
        1,
    )
    packed["nulls"] = int(values.flatten().null_count > 0)
    full = _fixed(packed)
    empty = np.array([(0, 0, element.oid)], dtype=layout[:3]).tobytes()
    return pc.if_else(pa.array(counts > 0), full, empty)
