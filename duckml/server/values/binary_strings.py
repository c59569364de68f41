"""Strings of bytes and bits: bytea, DuckDB's BIT and uuid."""

from __future__ import annotations

import re
import uuid

import pyarrow as pa

from duckml.server.values.field_bytes import FIELD

_ESCAPED = re.compile(rb"\\([0-3][0-7]{2}|\\)")


def write_bytea_text(values: pa.Array) -> pa.Array:
    r"""Write bytes in hexadecimal, as \x6162."""
    spelled = [
        None if value is None else b"\\x" + value.hex().encode() for value in values.to_pylist()
    ]
    return pa.array(spelled, FIELD)


def read_bytea_text(text: str) -> bytes:
    r"""Read bytes from \x6162, or from the older spelling with octal numbers: a\142."""
    if text.startswith("\\x"):
        return bytes.fromhex(text[2:])
    # Plain bytes and escaped ones alternate, and plain ones come first and last.
    pieces = _ESCAPED.split(text.encode())
    # A backslash outside of an escape is an error.
    if any(b"\\" in piece for piece in pieces[::2]):
        raise ValueError(text)
    pieces[1::2] = [b"\\" if piece == b"\\" else bytes([int(piece, 8)]) for piece in pieces[1::2]]
    return b"".join(pieces)


def write_bit_text(values: pa.Array) -> pa.Array:
    """Write DuckDB's BIT as digits.

    Its first byte is the number of bits to leave out of the second.
    """
    spelled = [
        None if value is None else "".join(f"{byte:08b}" for byte in value[1:])[value[0] :]
        for value in values.to_pylist()
    ]
    return pa.array(spelled, pa.string()).cast(FIELD)


def write_uuid_binary(values: pa.Array) -> pa.Array:
    """Write UUIDs as their 16 bytes."""
    packed = [
        None if value is None else bytes.fromhex(value.replace("-", ""))
        for value in values.to_pylist()
    ]
    return pa.array(packed, FIELD)


def read_uuid_binary(value: bytes) -> str:
    """Read a UUID from its 16 bytes."""
    return str(uuid.UUID(bytes=value))
