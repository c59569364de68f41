"""The rows of a portal or cursor, spooled to disk when the session needs DuckDB for something else.

DuckDB has one open result per session, and PostgreSQL one per portal. The rest of a result goes to
a temporary file, so that the memory that it needs does not depend on its size.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import pyarrow as pa

from duckml.database import streams
from duckml.server.errors import WireError
from duckml.server.values.rows import split_batch

_MAX_BYTES = 10 << 30  # of one result on disk
_HINT = (
    "Read a result to its end, or CLOSE it, before the next statement; "
    "or use another connection for that."
)


class SpooledRows:
    """Rows that are read forward, from the session of DuckDB or from a temporary file."""

    def __init__(self, rows: streams.RowStream) -> None:
        self.columns = rows.columns
        self.has_rows = rows.result_kind == "query_result"
        self._schema = rows.schema
        self._rows: streams.RowStream | None = rows
        self._batches = iter(rows)
        self._rest: pa.RecordBatch | None = None
        self._problem: BaseException | None = None
        self._file: tempfile._TemporaryFileWrapper[bytes] | None = None

    @property
    def is_streaming(self) -> bool:
        """Return whether the rows still come from the session of DuckDB."""
        return self._rows is not None

    def batches(self, count: int | None) -> Iterator[pa.RecordBatch]:
        """Yield the next `count` rows, or all that are left, in pieces of about a megabyte."""
        if self._problem is not None:
            message = "The rest of the rows could not be written to disk."
            raise WireError("55000", message, _HINT) from self._problem
        missing = count
        while missing is None or missing > 0:
            batch = self._rest if self._rest is not None else self._next_batch()
            self._rest = None
            if batch is None:
                return
            # The rest of a batch is kept for the next call.
            if missing is not None and batch.num_rows > missing:
                batch, self._rest = batch.slice(0, missing), batch.slice(missing)
            if missing is not None:
                missing -= batch.num_rows
            yield from split_batch(batch)

    def _next_batch(self) -> pa.RecordBatch | None:
        batch = next(self._batches, None)
        if batch is None:
            self.close()
        return batch

    def spool(self) -> None:
        """Write the rest of the rows to a temporary file, so that the session is free."""
        if self._rows is None:
            return
        # The file lives as long as the rows.
        self._file = tempfile.NamedTemporaryFile(prefix="duckml-rows-")  # noqa: SIM115
        try:
            self._write_batches()
        except BaseException as error:
            # The next statement runs all the same; reading these rows later reports the problem.
            self.close()
            self._problem = error
            if isinstance(error, OSError):
                message = f"The rest of a result can't be written to disk: {error.strerror}."
                raise WireError("53100", message, _HINT) from error
            raise
        self._file.seek(0)
        self._rows = None
        self._batches = iter(pa.ipc.open_stream(self._file))

    def _write_batches(self) -> None:
        assert self._file is not None
        with pa.ipc.new_stream(self._file, self._schema) as writer:
            for batch in self._batches:
                writer.write_batch(batch)
                if self._file.tell() > _MAX_BYTES:
                    message = f"The rest of a result is larger than {_MAX_BYTES >> 30} GB."
                    raise WireError("53400", message, _HINT)
        self._file.flush()

    def close(self) -> None:
        """Discard the rest of the rows."""
        rows, self._rows = self._rows, None
        if rows is not None:
            rows.close()
        if self._file is not None:
            self._file.close()
        self._batches = iter(())
        self._rest = None
