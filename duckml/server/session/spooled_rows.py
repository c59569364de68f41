"""The rows of a portal or cursor: taken piece by piece, and set aside on disk when the session is needed meanwhile.

DuckDB has one open result a session, and PostgreSQL as many as there are portals. The rest of a result that is in the
way goes to a temporary file, so that memory stays bounded whatever its size.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import pyarrow as pa

from duckml.database import streams
from duckml.server.errors import WireError
from duckml.server.values.rows import split_batch

_MOST_ASIDE = 10 << 30  # bytes of one result on disk
_HINT = "Read a result to its end, or CLOSE it, before the next statement; or use another connection for that."


class Source:
    """Rows that are read forward, some at a time; `is_streaming` while they still come from the session."""

    def __init__(self, rows: streams.RowStream) -> None:
        self.schema = rows.schema
        self._rows: streams.RowStream | None = rows
        self._batches = iter(rows)
        self._left: pa.RecordBatch | None = None
        self._problem: BaseException | None = None
        self._file: tempfile._TemporaryFileWrapper[bytes] | None = None

    @property
    def is_streaming(self) -> bool:
        """Whether the session is busy with these rows."""
        return self._rows is not None

    def take(self, count: int | None) -> Iterator[pa.RecordBatch]:
        """The next `count` rows, or all that are left, in pieces of about a megabyte at most."""
        if self._problem is not None:
            raise WireError(
                "55000", "The rows that were left could not be put aside.", _HINT
            ) from self._problem
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
            yield from split_batch(batch)

    def _next(self) -> pa.RecordBatch | None:
        batch = next(self._batches, None)
        if batch is None:
            self.close()
        return batch

    def set_aside(self) -> None:
        """Write what is left to a temporary file, so that the session is free."""
        if self._rows is None:
            return
        self._file = tempfile.NamedTemporaryFile(prefix="duckml-rows-")  # noqa: SIM115 - lives as long as the rows
        try:
            with pa.ipc.new_stream(self._file, self.schema) as writer:
                for batch in self._batches:
                    writer.write_batch(batch)
                    if self._file.tell() > _MOST_ASIDE:
                        raise WireError(
                            "53400",
                            f"What is left of a result is more than {_MOST_ASIDE >> 30} GB.",
                            _HINT,
                        )
            self._file.flush()
        except BaseException as error:
            self.close()
            self._problem = error
            if isinstance(error, OSError):
                raise WireError(
                    "53100",
                    f"What is left of a result can't be put aside: {error.strerror}.",
                    _HINT,
                ) from error
            raise
        self._file.seek(0)
        self._rows = None
        self._batches = iter(pa.ipc.open_stream(self._file))

    def close(self) -> None:
        """Give up what is left."""
        rows, self._rows = self._rows, None
        if rows is not None:
            rows.close()
        if self._file is not None:
            self._file.close()
        self._batches = iter(())
        self._left = None
