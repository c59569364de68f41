"""The server's log: lines of JSON on standard error, without values of statements or rows."""

from __future__ import annotations

import datetime
import json
import logging
import sys
import threading
import traceback
from typing import IO, Any

_ENCODER = json.JSONEncoder(ensure_ascii=False)
_FRAMES = 8  # of a traceback


class ServerLog:
    """The log of one server."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream or sys.stderr
        self._lock = threading.Lock()

    def write(self, event: str, **values: Any) -> None:
        """Write one line."""
        at = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        line = _ENCODER.encode({"at": at, "event": event, **values}) + "\n"
        with self._lock:
            self._stream.write(line)
            self._stream.flush()

    def write_failure(self, pid: int, error: BaseException) -> None:
        """Write the type of an error and its traceback, but not its message.

        The message may hold values of a statement.
        """
        where = [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)
        ]
        self.write("failure", pid=pid, error=type(error).__name__, where=where[-_FRAMES:])

    def log_library_warnings(self) -> None:
        """Write a line for each warning of a library, without its text.

        The text may hold values of a statement.
        """
        handler = LibraryLogHandler(self)
        logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
        logging.captureWarnings(True)


class LibraryLogHandler(logging.Handler):
    """A handler that writes the source of each log record, without its text."""

    def __init__(self, log: ServerLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line for a record."""
        where = f"{record.filename}:{record.lineno}"
        self._log.write("library", name=record.name, level=record.levelname, where=where)
