"""One-dimensional arrays as results, and arrays of up to six dimensions as parameters."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from duckml.server.values import types
from duckml.server.values.field_bytes import FIELD, fixed_width_fields, length_prefixes
from duckml.server.values.numbers import LAYOUTS
from duckml.server.values.types import PgType

_NEVER_QUOTED = frozenset({*LAYOUTS, types.BOOL, types.NUMERIC})
_HEADER = [
    ("dimensions", ">i4"),
    ("has_nulls", ">i4"),
    ("element", ">u4"),
    ("length", ">i4"),
    ("lower_bound", ">i4"),
]
_MOST_DIMENSIONS = 6  # MAXDIM of PostgreSQL


def is_list(kind: pa.DataType) -> bool:
    """Return whether a type of Arrow is one of its types of lists."""
    return bool(
        pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind) or pa.types.is_large_list(kind)
    )


# Writing


def write_array_text(values: pa.Array, items: pa.Array, element: PgType) -> pa.Array:
    """Write lists as {1,NULL,"a b"}; `items` are the fields of all their items."""
    quoted = _quoted_items(items, element)
    joined = pc.binary_join(_regrouped(values, quoted), b",")
    fields = pc.binary_join_element_wise(b"{", joined, b"}", b"")
    return _with_nulls(values, fields)


def write_vector_text(values: pa.Array, items: pa.Array, element: PgType) -> pa.Array:
    """Write lists as the catalogs' int2vector and oidvector: 1 2."""
    joined = pc.binary_join(_regrouped(values, _quoted_items(items, element)), b" ")
    return _with_nulls(values, joined)


def write_array_binary(values: pa.Array, items: pa.Array, element: PgType) -> pa.Array:
    """Write lists as a header, then each item after its length."""
    prefixes, _ = length_prefixes(items)
    written = pc.binary_join_element_wise(prefixes, items.fill_null(b""), b"")
    joined = pc.binary_join(_regrouped(values, written), b"")
    fields = pc.binary_join_element_wise(_array_headers(values, element), joined, b"")
    return _with_nulls(values, fields)


def _lengths(values: pa.Array) -> np.ndarray[Any, Any]:
    lengths = pc.list_value_length(values).fill_null(0)
    return lengths.to_numpy(zero_copy_only=False).astype(np.int64)


def _regrouped(values: pa.Array, items: pa.Array) -> pa.Array:
    """Return lists of `items` with the lengths of the lists of `values`."""
    # Those of `values` differ in a slice, and where a NULL has items.
    offsets = np.concatenate([[0], np.cumsum(_lengths(values))])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), items)


def _with_nulls(values: pa.Array, fields: pa.Array) -> pa.Array:
    return pc.if_else(values.is_valid(), fields, None) if values.null_count else fields


def _quoted_items(items: pa.Array, element: PgType) -> pa.Array:
    """Return the items of arrays in text, quoted where they could be misread."""
    text = items.cast(pa.string())
    if element not in _NEVER_QUOTED:
        is_empty_or_null = pc.or_(pc.equal(text, ""), pc.equal(pc.utf8_lower(text), "null"))
        must_quote = pc.or_(pc.match_substring_regex(text, r'[{}",\\\s]'), is_empty_or_null)
        escaped = pc.replace_substring_regex(text, r'(["\\])', r"\\\1")
        quoted = pc.binary_join_element_wise('"', escaped, '"', "")
        text = pc.if_else(must_quote, quoted, text)
    return text.fill_null("NULL").cast(FIELD)


def _array_headers(values: pa.Array, element: PgType) -> pa.Array:
    lengths = _lengths(values)
    packed = np.zeros(len(values), dtype=_HEADER)
    packed["dimensions"] = 1
    packed["has_nulls"] = int(values.flatten().null_count > 0)
    packed["element"] = element.oid
    packed["length"] = lengths
    packed["lower_bound"] = 1
    # An empty array has no dimensions.
    empty = np.array([(0, 0, element.oid)], dtype=_HEADER[:3]).tobytes()
    return pc.if_else(pa.array(lengths > 0), fixed_width_fields(packed), empty)


# Reading

_ITEM = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|((?:[^",{}\\\s]|\\.|\s+(?![,}\s]))+))\s*', re.DOTALL)
_SPACE = re.compile(r"\s*")

# A function that reads one item from its text.
_ReadItem = Callable[[str], Any]


def read_array_text(text: str, read_item: _ReadItem) -> list[Any]:
    """Read an array from PostgreSQL's spelling: {1,NULL,"a b"}, or {{1,2},{3,4}}."""
    text = text.strip()
    if not text.startswith("{") or not text.endswith("}"):
        raise ValueError(text)
    items, position = _items(text, 1, read_item)
    if position != len(text):
        raise ValueError(text)
    return items


def _items(text: str, position: int, read_item: _ReadItem) -> tuple[list[Any], int]:
    """Return the items up to a closing brace, and the position after it."""
    items: list[Any] = []
    position = _after_space(text, position)
    if text.startswith("}", position):
        return items, position + 1
    while True:
        start = _after_space(text, position)
        if text.startswith("{", start):
            inner, position = _items(text, start + 1, read_item)
            items.append(inner)
        else:
            item, position = _item(text, position, read_item)
            items.append(item)
        position = _after_space(text, position)
        if text.startswith("}", position):
            return items, position + 1
        if not text.startswith(",", position):
            raise ValueError(text)
        position += 1


def _item(text: str, position: int, read_item: _ReadItem) -> tuple[Any, int]:
    found = _ITEM.match(text, position)
    if found is None:
        raise ValueError(text)
    quoted, plain = found.groups()
    if quoted is None and plain.upper() == "NULL":
        return None, found.end()
    escaped = plain if quoted is None else quoted
    item = re.sub(r"\\(.)", r"\1", escaped, flags=re.DOTALL)
    return read_item(item), found.end()


def _after_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return position if found is None else found.end()


def read_array_binary(
    value: bytes, item_reader: Callable[[int], Callable[[bytes], Any]]
) -> list[Any]:
    """Read an array; `item_reader` returns the reader for the object id of the items' type."""
    dimensions, _, element = struct.unpack_from("!iiI", value)
    if not 0 <= dimensions <= _MOST_DIMENSIONS:
        raise ValueError(dimensions)
    sizes = [struct.unpack_from("!i", value, 12 + 8 * n)[0] for n in range(dimensions)]
    read_item = item_reader(element)
    position = 12 + 8 * dimensions
    items: list[Any] = []
    while position < len(value):
        (length,) = struct.unpack_from("!i", value, position)
        position += 4
        end = position + max(length, 0)
        items.append(None if length < 0 else read_item(value[position:end]))
        position = end
    return _nested(items, sizes)


def _nested(items: list[Any], sizes: Sequence[int]) -> list[Any]:
    """Return the items in lists of lists of the given sizes; raise ValueError if they don't fit."""
    for size in reversed(sizes[1:]):
        if size <= 0 or len(items) % size:
            raise ValueError(sizes)
        # From the innermost dimension outwards.
        items = [items[start : start + size] for start in range(0, len(items), size)]
    if sizes and len(items) != sizes[0]:
        raise ValueError(sizes)
    return items
