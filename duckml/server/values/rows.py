"""Rows as DataRow messages: each field after its length, all rows of a batch in one byte string.

Fields are joined column by column with Arrow. Python computes with columns, and with single values
for a few types and for short results only.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from duckml.server.values.field_bytes import (
    fixed_width_fields,
    joined_bytes,
    length_prefixes,
)
from duckml.server.values.result_columns import ResultColumn
from duckml.server.values.writers import is_written_by_str, write_fields

_NULL_LENGTH = b"\xff\xff\xff\xff"  # -1
_BATCH_BYTES = 1 << 20
_FEW_ROWS = 8  # a loop is faster for so few rows


def data_rows(
    batch: pa.RecordBatch, columns: Sequence[ResultColumn], binary: Sequence[bool]
) -> bytes:
    """Return the DataRow messages of a batch; `binary` has a flag for each column."""
    return row_messages(b"D", batch, columns, binary)


def split_batch(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Yield a batch in slices of about a megabyte, so that wide rows don't need too much memory."""
    size = batch.nbytes
    if size <= _BATCH_BYTES:
        yield batch
        return
    rows = max(1, batch.num_rows * _BATCH_BYTES // size)
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)


def row_messages(
    kind: bytes, batch: pa.RecordBatch, columns: Sequence[ResultColumn], binary: Sequence[bool]
) -> bytes:
    """Return rows as messages of a kind: kind, length, number of fields, and the fields."""
    count = batch.num_rows
    is_short = count <= _FEW_ROWS and not any(binary)
    if is_short and all(map(is_written_by_str, batch.columns, columns)):
        return _few_row_messages(kind, batch)
    total = np.full(count, 6, dtype=np.int64)  # the length itself and the number of fields
    parts: list[pa.Array] = []
    for values, column, is_binary in zip(batch.columns, columns, binary, strict=True):
        fields = write_fields(values, column, is_binary)
        prefixes, lengths = length_prefixes(fields)
        total += lengths + 4
        parts += [prefixes, fields.fill_null(b"") if fields.null_count else fields]
    headers = np.zeros(count, dtype=[("kind", "S1"), ("length", ">i4"), ("fields", ">i2")])
    headers["kind"], headers["length"], headers["fields"] = kind, total, len(parts) // 2
    return joined_bytes([fixed_width_fields(headers), *parts])


def _few_row_messages(kind: bytes, batch: pa.RecordBatch) -> bytes:
    """Return the same messages for a few rows of integers and strings."""
    data = bytearray()
    for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
        fields = bytearray()
        for value in row:
            if value is None:
                fields += _NULL_LENGTH
            else:
                text = str(value).encode()
                fields += struct.pack("!i", len(text)) + text
        data += kind + struct.pack("!ih", 6 + len(fields), len(row)) + fields
    return bytes(data)
