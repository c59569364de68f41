"""The rows of a portal or cursor: taken piece by piece, and set aside on disk when the session is needed meanwhile.

DuckDB has one open result a session, and PostgreSQL as many as there are portals. The rest of a result that is in the
way goes to a temporary file, so that memory stays bounded whatever its size.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import pyarrow as pa

from duckml import engine
from duckml.server.encoding import pieces


class Source:
    """Rows that are read forward, some at a time; `is_streaming` while they still come from the session."""

    def __init__(self, rows: engine.Rows) -> None:
        self.schema = rows.schema
        self._rows: engine.Rows | None = rows
        self._batches = iter(rows)
        self._left: pa.RecordBatch | None = None
        self._file: tempfile._TemporaryFileWrapper[bytes] | None = None

    @property
    def is_streaming(self) -> bool:
        """Whether the session is busy with these rows."""
        return self._rows is not None

    def take(self, count: int | None) -> Iterator[pa.RecordBatch]:
        """The next `count` rows, or all that are left, in pieces of about a megabyte at most."""
        missing = count
        while missing is None or missing > 0:
            batch = self._left if self._left is not None else self._next()
            self._left = None
            if batch is None:
                return
            if missing is not None and batch.num_rows > missing:
                batch, self._left = batch.slice(0, missing), batch.slice(missing)
            if missing is not None:
                missing -= batch.num_rows
            yield from pieces(batch)

    def _next(self) -> pa.RecordBatch | None:
        batch = next(self._batches, None)
        if batch is None:
            self.close()
        return batch

    def set_aside(self) -> None:
        """Write what is left to a temporary file, so that the session is free."""
        if self._rows is None:
            return
        file = tempfile.NamedTemporaryFile(prefix="duckml-rows-")  # noqa: SIM115 - lives as long as the rows
        with pa.ipc.new_stream(file, self.schema) as writer:
            for batch in self._batches:
                writer.write_batch(batch)
        file.flush()
        file.seek(0)
        self._rows, self._file = None, file
        self._batches = iter(pa.ipc.open_stream(file))

    def close(self) -> None:
        """Give up what is left."""
        rows, self._rows = self._rows, None
        if rows is not None:
            rows.close()
        if self._file is not None:
            self._file.close()
        self._batches = iter(())
        self._left = None
