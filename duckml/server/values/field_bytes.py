"""Arrow arrays of fields: the bytes of each value, before they are joined to messages.

Writers turn a whole column into such an array at once. NULL stays NULL: messages mark it by its
length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

FIELD = pa.binary()

# A function that writes the values of a column as an array of fields.
Writer = Callable[[pa.Array], pa.Array]


def as_fields(values: pa.Array) -> pa.Array:
    """Return strings or binary values as fields, unchanged."""
    return values.cast(FIELD)


def fixed_width_fields(values: np.ndarray[Any, Any], valid: pa.Array | None = None) -> pa.Array:
    """Return fields of the bytes of each item of `values`; NULL where `valid` is NULL."""
    width, count = values.dtype.itemsize, len(values)
    if width:
        offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32)
    else:
        offsets = np.zeros(count + 1, np.int32)
    # Arrow shares numpy's memory, which has to be in one piece.
    data = np.ascontiguousarray(values)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    array = pa.Array.from_buffers(FIELD, count, buffers)
    if valid is None or not valid.null_count:
        return array
    return pc.if_else(valid.is_valid(), array, None)


def length_prefixes(fields: pa.Array) -> tuple[pa.Array, np.ndarray[Any, Any]]:
    """Return the four bytes before each field, and the length of each field.

    The prefix of NULL is -1, and its length is 0.
    """
    lengths = pc.binary_length(fields)
    if not fields.null_count:
        plain = lengths.to_numpy(zero_copy_only=False)
        return fixed_width_fields(plain.astype(">i4")), plain
    plain = lengths.fill_null(0).to_numpy(zero_copy_only=False)
    prefixes = lengths.fill_null(-1).to_numpy(zero_copy_only=False)
    return fixed_width_fields(prefixes.astype(">i4")), plain


def joined_bytes(parts: Sequence[pa.Array]) -> bytes:
    """Return the bytes of all parts, row by row."""
    joined = pc.binary_join_element_wise(*parts, b"")
    # The buffers are read directly: a Python object for each row would take most of the time.
    _, offsets, data = joined.buffers()
    if data is None:
        return b""
    first = memoryview(offsets)[joined.offset * 4 : joined.offset * 4 + 4]
    start = int.from_bytes(first, "little")
    return bytes(memoryview(data)[start : start + _total_length(joined)])


def _total_length(array: pa.Array) -> int:
    count = array.offset + len(array)
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int32, count=count + 1)
    return int(offsets[count] - offsets[array.offset])
