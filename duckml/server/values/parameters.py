"""Parameters of statements: of what types they are, as far as clients and DuckDB tell, and what their bytes mean.

DuckDB is given each value with its type, mostly as a text that it casts itself: so an interval keeps its months, a
number its digits, and a result has the type that was announced.
"""

from __future__ import annotations

import decimal
import functools
import itertools
import json
import re
import struct
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import duckdb
import numpy as np

from duckml.connection import Connection
from duckml.database import binding
from duckml.server.errors import WireError
from duckml.server.values import types
from duckml.server.values.types import PgType

# What they are

_NOTHING_TOLD = frozenset({"UNKNOWN", '"NULL"'})
_ARITHMETIC = ("DOUBLE", "BIGINT", "INTERVAL", "VARCHAR")
_GUESSES = (
    "VARCHAR",
    "DOUBLE",
    "BIGINT",
    "TIMESTAMP",
    "DATE",
    "INTERVAL",
    "BOOLEAN",
    "VARCHAR[]",
    "BIGINT[]",
)


def learn(con: Connection, text: str, declared: Sequence[int]) -> binding.BoundStatement:
    """What DuckDB says of a statement whose parameters have no values yet; those are in the order of their numbers.

    `declared` are the oids that the client gives the first of them, 0 for none. One of which nobody says anything is
    taken for a number beside + - * / %, else for a text, where that fits; where not, for the first that does.
    """
    told = _told(con, text)
    kinds = dict(told.parameters)
    count = max((int(name) for name in kinds if name.isdigit()), default=0)
    for position, oid in enumerate(declared[:count]):
        kinds[str(position + 1)] = types.sql_type(oid) or kinds.get(str(position + 1), "UNKNOWN")
    parameters = [(str(n + 1), kinds.get(str(n + 1), "UNKNOWN")) for n in range(count)]
    is_told = not any(kind in _NOTHING_TOLD for _, kind in parameters)
    if is_told and not any(declared) and told.result_kind:
        return binding.BoundStatement(
            told.columns, parameters, told.result_kind, told.writes, told.is_deferred
        )
    problem: Exception | None = None
    reckoned = {found[1] or found[2] for found in _RECKONED.finditer(text)}
    for number, guess in itertools.product(
        _ARITHMETIC if reckoned else ("",), ("",) if is_told else _GUESSES
    ):
        guesses = {name: number if name in reckoned else guess for name, _ in parameters}
        filled = [
            (name, guesses[name] if kind in _NOTHING_TOLD else kind) for name, kind in parameters
        ]
        try:
            typed = con.bound(text, [_sample(kind) for _, kind in filled])
        except (duckdb.Error, ValueError) as error:
            problem = problem or error
            continue
        if all(column.sql_type != "UNKNOWN" for column in typed.columns):
            return binding.BoundStatement(typed.columns, filled, typed.result_kind, typed.writes)
    if problem is not None and not told.result_kind:
        raise problem
    return binding.BoundStatement(told.columns, parameters, told.result_kind, told.writes)


_RECKONED = re.compile(r"(?<!-)[-+*/%]\s*\$(\d+)\b|\$(\d+)\s*[-+*/%](?![>-])")
_NUMBERED = re.compile(r"\$(\d{1,5})\b")


def _told(con: Connection, text: str) -> binding.BoundStatement:
    """What DuckDB says as it is; no answer where it has to know the types first, as of ANY($1)."""
    try:
        return con.bound(text)
    except duckdb.BinderException:
        numbers = {found[1] for found in _NUMBERED.finditer(text)}
        if not numbers:
            raise
        return binding.BoundStatement([], [(number, "UNKNOWN") for number in numbers], "", False)


def _sample(kind: str) -> Any:
    """A value of a type, from which DuckDB tells what a statement would answer."""
    scalar = kind.removesuffix("[]")
    text = _SAMPLES.get(scalar.partition("(")[0])
    if text is None:
        return None
    return duckdb.Value([text] if kind.endswith("[]") else text, _type(kind))


_SAMPLES = {
    **dict.fromkeys(
        ("BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT", "UBIGINT", "UINTEGER", "USMALLINT"),
        "1",
    ),
    **dict.fromkeys(("UTINYINT", "UHUGEINT", "DOUBLE", "FLOAT", "DECIMAL"), "1"),
    **{
        "VARCHAR": "",
        "JSON": "{}",
        "BOOLEAN": "true",
        "DATE": "2000-01-01",
        "TIME": "00:00:00",
        "BLOB": "",
    },
    **{"TIMESTAMP": "2000-01-01 00:00:00", "TIMESTAMP WITH TIME ZONE": "2000-01-01 00:00:00+00"},
    **{"TIME WITH TIME ZONE": "00:00:00+00", "INTERVAL": "1 day", "UUID": str(uuid.UUID(int=0))},
}


@functools.lru_cache(maxsize=4096)
def _type(name: str) -> Any:
    return duckdb.sqltype(name)


# What their bytes mean

_TRUE = frozenset({"t", "true", "y", "yes", "on", "1"})
_FALSE = frozenset({"f", "false", "n", "no", "off", "0"})
_MOST_DIGITS = 38  # of DuckDB's DECIMAL


def parameter(value: bytes | None, oid: int, is_binary: bool) -> Any:
    """The value of a parameter that a client has bound, in text or in binary; with its type, if that is known.

    Raises WireError when the bytes are none of the type.
    """
    if value is None:
        return None
    known, is_array = types.known_type(oid)
    try:
        if is_array:
            assert known is not None
            return _array(
                _array_from_binary(value) if is_binary else _array_from_text(value.decode(), known),
                known,
            )
        if known is None:
            return value.decode()
        return _typed(
            _from_binary(value, known) if is_binary else _from_text(value.decode(), known), known
        )
    except (ValueError, struct.error, IndexError, ArithmeticError) as error:
        name = str(oid) if known is None else known.name + "[]" * is_array
        raise WireError(
            "22P03" if is_binary else "22P02", f"A parameter is no value of type {name}."
        ) from error


def _typed(raw: Any, known: PgType) -> Any:
    if known is types.NUMERIC:
        return _numbers([raw], lambda texts: texts[0], "")
    return raw if known.sql == "VARCHAR" else duckdb.Value(raw, _type(known.sql))


def _numbers(
    numbers: Sequence[decimal.Decimal | None], shape: Callable[[list[str | None]], Any], suffix: str
) -> Any:
    """Numerics as DECIMAL of as many digits as they have; NaN and infinity, which that hasn't, as DOUBLE."""
    finite = [number for number in numbers if number is not None and number.is_finite()]
    if len(finite) < sum(number is not None for number in numbers):
        texts = [None if number is None else str(number) for number in numbers]
        return duckdb.Value(shape(texts), _type("DOUBLE" + suffix))
    parts = [number.as_tuple() for number in finite]
    scale = max((max(0, -int(part.exponent)) for part in parts), default=0)
    whole = max((len(part.digits) + int(part.exponent) for part in parts), default=1)
    width = max(1, max(0, whole) + scale)
    if width > _MOST_DIGITS:
        raise WireError(
            "22003",
            f"A number of {width} digits is more than DuckDB has; {_MOST_DIGITS} is the limit.",
        )
    texts = [None if number is None else format(number, "f") for number in numbers]
    return duckdb.Value(shape(texts), _type(f"DECIMAL({width},{scale}){suffix}"))


def _array(items: list[Any], known: PgType) -> Any:
    """A list of values, or of lists of them."""
    depth, inner = 1, items
    while inner and isinstance(inner[0], list):
        depth, inner = depth + 1, inner[0]
    if known is types.NUMERIC:
        if depth > 1:
            raise ValueError("numerics in more than one dimension")
        return _numbers(items, lambda texts: texts, "[]")
    return duckdb.Value(items, _type(known.sql + "[]" * depth))


def _from_text(text: str, known: PgType) -> Any:
    if known in {types.INT2, types.INT4, types.INT8, types.OID}:
        return _integer(int(_plain_number(text)), known)
    if known in {types.FLOAT4, types.FLOAT8}:
        return float(_plain_number(text))
    if known is types.NUMERIC:
        return decimal.Decimal(_plain_number(text))
    if known is types.BOOL:
        if text.strip().lower() not in _TRUE | _FALSE:
            raise ValueError(text)
        return text.strip().lower() in _TRUE
    if known is types.BYTEA:
        return _bytes(text)
    if known in {types.JSON, types.JSONB}:
        json.loads(text)
    if known is types.DATE and not text.endswith("BC"):
        return text.strip().partition(" ")[0]  # JDBC sends 2024-01-01 +00
    if known in {types.DATE, types.TIMESTAMP, types.TIMESTAMPTZ}:
        return re.sub(r"^(\S+)(.*) BC$", r"\1 (BC)\2", text.strip())  # as DuckDB has it
    return text


def _integer(number: int, known: PgType) -> int:
    bits = 8 * known.size
    least, most = (0, 1 << bits) if known is types.OID else (-(1 << bits - 1), 1 << bits - 1)
    if not least <= number < most:
        raise WireError("22003", f"{number} is out of the range of {known.name}.")
    return number


def _plain_number(text: str) -> str:
    if "_" in text or not text.isascii():
        raise ValueError(text)
    return text


def _bytes(text: str) -> bytes:
    r"""\x6162, or the older spelling with octal numbers: a\142."""
    if text.startswith("\\x"):
        return bytes.fromhex(text[2:])
    pieces = re.split(rb"\\([0-3][0-7]{2}|\\)", text.encode())
    if any(b"\\" in piece for piece in pieces[::2]):
        raise ValueError(text)
    escaped = [b"\\" if piece == b"\\" else bytes([int(piece, 8)]) for piece in pieces[1::2]]
    return b"".join(
        piece for pair in zip(pieces[::2], [*escaped, b""], strict=True) for piece in pair
    )


def _array_from_text(text: str, known: PgType) -> list[Any]:
    """The items of an array in PostgreSQL's spelling: {1,NULL,"a b"}, or {{1,2},{3,4}}."""
    text = text.strip()
    if not text.startswith("{") or not text.endswith("}"):
        raise ValueError(text)
    items, position = _items(text, 1, known)
    if position != len(text):
        raise ValueError(text)
    return items


_ITEM = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|((?:[^",{}\\\s]|\\.|\s+(?![,}\s]))+))\s*', re.DOTALL)


_SPACE = re.compile(r"\s*")


def _behind_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return position if found is None else found.end()


def _items(text: str, position: int, known: PgType) -> tuple[list[Any], int]:
    """The items from behind a brace on, and where what is behind the closing brace begins."""
    items: list[Any] = []
    position = _behind_space(text, position)
    if text.startswith("}", position):
        return items, position + 1
    while True:
        start = _behind_space(text, position)
        if text.startswith("{", start):
            inner, position = _items(text, start + 1, known)
            items.append(inner)
        else:
            found = _ITEM.match(text, position)
            if found is None:
                raise ValueError(text)
            quoted, plain = found.groups()
            item = re.sub(r"\\(.)", r"\1", quoted if quoted is not None else plain, flags=re.DOTALL)
            is_null = quoted is None and plain.upper() == "NULL"
            items.append(None if is_null else _from_text(item, known))
            position = found.end()
        position = _behind_space(text, position)
        if text.startswith("}", position):
            return items, position + 1
        if not text.startswith(",", position):
            raise ValueError(text)
        position += 1


def _from_binary(value: bytes, known: PgType) -> Any:
    if known in _BINARY:
        return _BINARY[known](value)
    return value.decode()


def _number(layout: str) -> Callable[[bytes], Any]:
    unpack = struct.Struct(layout).unpack
    return lambda value: unpack(value)[0]


def _calendar(number: int, limit: int, moment: np.datetime64) -> str:
    """A day or a moment as DuckDB spells it; the outermost numbers are infinities."""
    if number in {limit, -limit - 1}:
        return "infinity" if number > 0 else "-infinity"
    text = str(moment).replace("T", " ").removeprefix("+")
    if text.startswith("-") or text.startswith("0000"):
        year, rest = text.removeprefix("-").split("-", 1)
        day, _, clock = rest.partition(" ")
        text = f"{int(year) + 1:04d}-{day} (BC) {clock}".strip()
    return text


def _date_from_binary(value: bytes) -> str:
    (days,) = struct.unpack("!i", value)
    return _calendar(days, 2**31 - 1, np.datetime64("2000-01-01", "D") + np.timedelta64(days, "D"))


def _timestamp_from_binary(value: bytes) -> str:
    (microseconds,) = struct.unpack("!q", value)
    moment = np.datetime64("2000-01-01", "us") + np.timedelta64(microseconds, "us")
    return _calendar(microseconds, 2**63 - 1, moment)


def _clock(microseconds: int) -> str:
    seconds, fraction = divmod(microseconds, 1_000_000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{fraction:06d}"


def _timetz_from_binary(value: bytes) -> str:
    microseconds, west = struct.unpack("!qi", value)
    return f"{_clock(microseconds)}{'-' if west > 0 else '+'}{_clock(abs(west) * 1_000_000)[:8]}"


def _interval_from_binary(value: bytes) -> str:
    microseconds, days, months = struct.unpack("!qii", value)
    return f"{months} months {days} days {microseconds} microseconds"


def _numeric_from_binary(value: bytes) -> decimal.Decimal:
    """A numeric as PostgreSQL sends it: digits of base 10000, the weight of the first, a sign, digits to show."""
    count, weight, sign, scale = struct.unpack_from("!hhHh", value)
    if sign in {0xC000, 0xD000, 0xF000}:
        return decimal.Decimal({0xC000: "NaN", 0xD000: "Infinity", 0xF000: "-Infinity"}[sign])
    groups = struct.unpack_from(f"!{count}h", value, 8)
    digits = "".join(f"{group:04d}" for group in groups) or "0"
    exponent = 4 * (weight - count + 1)
    whole = decimal.Decimal((1 if sign else 0, tuple(map(int, digits)), exponent))
    return whole.quantize(decimal.Decimal(1).scaleb(-scale), context=decimal.Context(prec=100_000))


def _array_from_binary(value: bytes) -> list[Any]:
    dimensions, _, element = struct.unpack_from("!iiI", value)
    if not 0 <= dimensions <= 6:  # MAXDIM of PostgreSQL
        raise ValueError(dimensions)
    sizes = [struct.unpack_from("!i", value, 12 + 8 * n)[0] for n in range(dimensions)]
    known, _ = types.known_type(element)
    position = 12 + 8 * dimensions
    items: list[Any] = []
    while position < len(value):
        (length,) = struct.unpack_from("!i", value, position)
        position += 4
        part = value[position : position + max(length, 0)]
        if length < 0:
            items.append(None)
        else:
            items.append(part.decode() if known is None else _from_binary(part, known))
        position += max(length, 0)
    for size in reversed(sizes[1:]):
        if size <= 0 or len(items) % size:
            raise ValueError(sizes)
        items = [items[start : start + size] for start in range(0, len(items), size)]
    if sizes and len(items) != sizes[0]:
        raise ValueError(sizes)
    return items


_BINARY: dict[PgType, Callable[[bytes], Any]] = {
    types.BOOL: lambda value: value != b"\0",
    types.BYTEA: bytes,
    types.INT2: _number("!h"),
    types.INT4: _number("!i"),
    types.INT8: _number("!q"),
    types.OID: _number("!I"),
    types.FLOAT4: _number("!f"),
    types.FLOAT8: _number("!d"),
    types.NUMERIC: _numeric_from_binary,
    types.DATE: _date_from_binary,
    types.TIME: lambda value: _clock(struct.unpack("!q", value)[0]),
    types.TIMETZ: _timetz_from_binary,
    types.TIMESTAMP: _timestamp_from_binary,
    types.TIMESTAMPTZ: lambda value: re.sub(r"(\d)$", r"\1+00", _timestamp_from_binary(value)),
    types.INTERVAL: _interval_from_binary,
    types.UUID: lambda value: str(uuid.UUID(bytes=value)),
    types.JSONB: lambda value: value[1:].decode(),
}
