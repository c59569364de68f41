"""Rows as COPY … TO STDOUT sends them, in the formats text, csv and binary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from duckml.server.values import types
from duckml.server.values.field_bytes import FIELD, fixed_width_fields, joined_bytes
from duckml.server.values.result_columns import ResultColumn
from duckml.server.values.rows import row_messages
from duckml.server.values.writers import write_fields

COPY_BINARY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_BINARY_TRAILER = b"\xff\xff"

# The backslash is first, because the others bring backslashes of their own.
_TEXT_ESCAPES = (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"))


@dataclass(frozen=True)
class CopyFormat:
    """Options of COPY … TO STDOUT.

    `format` is 'text', 'csv' or 'binary'. The other options are those of text and csv.
    """

    format: str = "text"
    delimiter: str = "\t"
    null: str = "\\N"
    header: bool = False
    quote: str = '"'
    escape: str = '"'
    force_quote: bool = False


def copy_rows(batch: pa.RecordBatch, columns: Sequence[ResultColumn], options: CopyFormat) -> bytes:
    """Return the CopyData messages of a batch, one for each row as PostgreSQL sends them."""
    if options.format == "binary":
        return row_messages(b"d", batch, columns, [True] * len(columns))
    escape = _text_fields if options.format == "text" else _csv_fields
    texts = [
        escape(write_fields(values, column, False).cast(pa.string()), options)
        for values, column in zip(batch.columns, columns, strict=True)
    ]
    parts: list[Any] = [texts[0]] if texts else [pa.array([b""] * batch.num_rows, FIELD)]
    for text in texts[1:]:
        parts += [options.delimiter.encode(), text]
    lines = pc.binary_join_element_wise(*parts, b"\n", b"")
    lengths = pc.binary_length(lines).to_numpy(zero_copy_only=False).astype(np.int64)
    headers = np.zeros(batch.num_rows, dtype=[("kind", "S1"), ("length", ">i4")])
    headers["kind"], headers["length"] = b"d", lengths + 4
    return joined_bytes([fixed_width_fields(headers), lines])


def copy_header(columns: Sequence[ResultColumn], options: CopyFormat) -> bytes:
    """Return the first line of a COPY with HEADER, which has the names of the columns."""
    arrays = [pa.array([column.name]) for column in columns]
    # The names of a batch must be different, those of a result need not be.
    names = pa.record_batch(arrays, [str(i) for i in range(len(columns))])
    return copy_rows(names, [ResultColumn(column.name, types.TEXT) for column in columns], options)


def _text_fields(text: pa.Array, options: CopyFormat) -> pa.Array:
    for found, written in _TEXT_ESCAPES:
        text = pc.replace_substring(text, found, written)
    if options.delimiter != "\t":
        text = pc.replace_substring(text, options.delimiter, "\\" + options.delimiter)
    return text.fill_null(options.null).cast(FIELD)


def _csv_fields(text: pa.Array, options: CopyFormat) -> pa.Array:
    quote, escape = options.quote, options.escape
    escaped = text
    if escape != quote:
        escaped = pc.replace_substring(escaped, escape, escape * 2)
    escaped = pc.replace_substring(escaped, quote, escape + quote)
    fields = pc.binary_join_element_wise(quote, escaped, quote, "")
    if not options.force_quote:
        must_quote = pc.equal(text, options.null)  # otherwise it would be read as NULL
        for special in (options.delimiter, quote, "\n", "\r"):
            must_quote = pc.or_(must_quote, pc.match_substring(text, special))
        fields = pc.if_else(must_quote, fields, text)
    return fields.fill_null(options.null).cast(FIELD)
