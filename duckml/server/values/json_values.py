"""JSON, and DuckDB's nested types, which are sent as json.

JSON has no NaN and no infinities: they become null.
"""

from __future__ import annotations

import decimal
import json
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from duckml.server.values.field_bytes import FIELD

# Strings are matched too, so that a NaN inside of one stays.
_STRING_OR_SPECIAL = re.compile(r'"(?:[^"\\]|\\.)*"|-?(?:NaN|Infinity)')


def write_json(values: pa.Array) -> pa.Array:
    """Write JSON as DuckDB spells it, with null for NaN and the infinities."""
    if not pc.any(pc.match_substring_regex(values, "NaN|Infinity")).as_py():
        return values.cast(FIELD)
    texts = [
        None if text is None else _STRING_OR_SPECIAL.sub(_string_or_null, text).encode()
        for text in values.to_pylist()
    ]
    return pa.array(texts, FIELD)


def _string_or_null(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith('"') else "null"


def write_nested(values: pa.Array) -> pa.Array:
    """Write structs, maps, lists and all values without a writer of their own."""
    texts = [
        None if value is None else _dumped(_plain(value, values.type))
        for value in values.to_pylist()
    ]
    return pa.array(texts, pa.string()).cast(FIELD)


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _plain(value: Any, kind: pa.DataType) -> Any:
    """Return a nested value as types that JSON has."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, decimal.Decimal):
        is_whole = value == value.to_integral_value() and not kind.scale
        return int(value) if is_whole else float(value)
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if pa.types.is_struct(kind):
        return {name: _plain(item, kind.field(name).type) for name, item in value.items()}
    if pa.types.is_map(kind):
        # The keys of a JSON object are strings; those of a MAP can be of any type.
        return {str(key): _plain(item, kind.item_type) for key, item in value}
    if isinstance(value, list):
        return [_plain(item, kind.value_type) for item in value]
    return str(value)


def read_json_text(text: str) -> str:
    """Return JSON unchanged; raise ValueError if it isn't valid."""
    json.loads(text)
    return text


def read_jsonb_binary(value: bytes) -> str:
    """Read jsonb, whose first byte is the version of its format."""
    return value[1:].decode()
