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

# Arrow passes DuckDB's errors on as its own. The class is found by the start of the message.
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
    """The rows of a running statement as batches; the session is busy until they are read."""

    def __init__(self, result: Any) -> None:
        self.columns = [Column(name, str(kind)) for name, kind, *_ in result.description]
        self.result_kind = str(result.return_type)
        self._reader: pa.RecordBatchReader = result.arrow_reader()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches; raise DuckDB's errors instead of Arrow's."""
        try:
            yield from self._reader
        except (OSError, pa.ArrowException) as error:
            kind, _, _ = str(error).partition(" Error: ")
            raise _ERRORS.get(kind.upper(), duckdb.InvalidInputException)(str(error)) from error

    @property
    def schema(self) -> pa.Schema:
        """Return the Arrow schema of the batches."""
        return self._reader.schema

    def close(self) -> None:
        """Discard the rows that have not been read."""
        self._reader.close()


def stream(
    con: Native, query: str, select_list: str, parameters: object, frame: FrameType
) -> pa.Table:
    """Return the rows of a query as an Arrow table; `select_list` holds expressions over them.

    Raises KeyboardInterrupt on Ctrl-C. The query runs in execute(), which Ctrl-C stops at once,
    although DuckDB then copies the rows once more than it does for a relation.
    """
    in_frame(frame, Native.execute, con, f"SELECT {select_list} FROM ({query}\n)", parameters)
    return fetch_arrow(con)
