"""Rows of a statement as Arrow."""

from __future__ import annotations

from collections.abc import Iterator
from types import FrameType
from typing import Any

import duckdb
import pyarrow as pa

from duckml.database.binding import Column
from duckml.database.frames import in_frame
from duckml.database.sessions import Native, fetch_arrow

# By the word before the text of an error.
_ERRORS: dict[str, type[duckdb.Error]] = {
    "INTERRUPT": duckdb.InterruptException,
    "CONVERSION": duckdb.ConversionException,
    "OUT OF RANGE": duckdb.OutOfRangeException,
    "OUT OF MEMORY": duckdb.OutOfMemoryException,
    "CONSTRAINT": duckdb.ConstraintException,
    "IO": duckdb.IOException,
    "NOT IMPLEMENTED": duckdb.NotImplementedException,
}


class RowStream:
    """The rows of a statement that is running, as batches; the session is busy until they are read or closed."""

    def __init__(self, result: Any) -> None:
        self.columns = [Column(name, str(kind)) for name, kind, *_ in result.description]
        self.result_kind = str(result.return_type)
        self._reader: pa.RecordBatchReader = result.arrow_reader()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """The batches; raises DuckDB's errors, which Arrow would pass on as its own."""
        try:
            yield from self._reader
        except (OSError, pa.ArrowException) as error:
            kind, _, _ = str(error).partition(" Error: ")
            raise _ERRORS.get(kind.upper(), duckdb.InvalidInputException)(str(error)) from error

    @property
    def schema(self) -> pa.Schema:
        """The columns in Arrow's words."""
        return self._reader.schema

    def close(self) -> None:
        """Give up what has not been read."""
        self._reader.close()


def stream(
    con: Native, query: str, select_list: str, parameters: object, frame: FrameType
) -> pa.Table:
    """The rows of a query as Arrow, each column put through an expression; read to the end before anything else.

    Raises KeyboardInterrupt on Ctrl-C. Run by execute(), which Ctrl-C stops at once, though DuckDB then copies the
    rows once more than a relation does.
    """
    in_frame(frame, Native.execute, con, f"SELECT {select_list} FROM ({query}\n)", parameters)
    return fetch_arrow(con)
