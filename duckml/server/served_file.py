"""The served file: opened without access to anything else, and opened again after a replacement.

Each DuckDB instance starts in memory with PostgreSQL's catalogs, and the file is attached to it. A
read-only file that was replaced by a rename is opened for new sessions at once; the old one is
closed with its last session. A writable file cannot be open twice, because its write-ahead log is
found by name.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

import duckml
from duckml.connection import Connection
from duckml.database import sessions
from duckml.names import literal, quote
from duckml.server.errors import WireError
from duckml.server.pg_catalog.setup import install_catalog

# Settings that clients may change, because each session has its own. All others are locked.
_SESSION_SETTINGS = ["TimeZone", "search_path", "schema"]
_RESERVED_NAMES = frozenset({"memory", "system", "temp"})


@dataclass
class OpenFile:
    """A DuckDB instance with one version of the file, and the number of its sessions."""

    con: Connection
    identity: tuple[int, int]
    temporary: str
    sessions: int = 0

    def close(self) -> None:
        """Close the instance and delete its temporary files."""
        self.con.close()
        shutil.rmtree(self.temporary, ignore_errors=True)


class ServedFile:
    """The file of a server, open for any number of sessions.

    `log` receives the events of replacements. `problem` is the reason why a replacement cannot be
    opened, or ''.
    """

    def __init__(
        self,
        path: str,
        log: Callable[..., None],
        *,
        is_read_only: bool,
        device: str = "auto",
        engine: str = "auto",
    ) -> None:
        self.path = Path(path)
        self.is_read_only = is_read_only
        # A database cannot have the name of one of DuckDB's own.
        is_reserved = self.path.stem in _RESERVED_NAMES
        self.name = f"{self.path.stem}_database" if is_reserved else self.path.stem
        self._device = device
        self._engine = engine
        self.problem = ""
        self._log = log
        self._lock = threading.Lock()
        self._current = self._open()

    def open_session(self) -> tuple[Connection, OpenFile]:
        """Return a connection to the current file, and the instance to pass to `close_session`.

        Raises WireError if the file was replaced and the new one cannot be opened yet.
        """
        with self._lock:
            if self._identity() not in {None, self._current.identity}:
                self._replace()
            opened = self._current
            opened.sessions += 1
            return opened.con.cursor(), opened

    def close_session(self, opened: OpenFile) -> None:
        """Record the end of a session, and close a replaced file after its last one."""
        with self._lock:
            opened.sessions -= 1
            if opened is not self._current and not opened.sessions:
                opened.close()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._current.close()

    def _replace(self) -> None:
        if not self.is_read_only:
            if self._current.sessions:
                message = (
                    "The file was replaced. The new one is opened when the sessions on the old "
                    "one have ended."
                )
                raise WireError("57P03", message, is_fatal=True)
            self._current.close()
        try:
            opened = self._open()
        except (duckdb.Error, OSError, ValueError) as error:
            self.problem = str(error)
            self._log("file unreadable", problem=self.problem)
            message = "The file was replaced by one that can't be opened; see the server's log."
            raise WireError("57P03", message, is_fatal=True) from error
        self.problem = ""
        self._log("file replaced")
        old, self._current = self._current, opened
        if self.is_read_only and not old.sessions:
            old.close()

    def _identity(self) -> tuple[int, int] | None:
        """Return the device and inode of the file; None if there is none at the moment."""
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _open(self) -> OpenFile:
        identity = self._identity()
        if identity is None:
            raise FileNotFoundError(f"There is no file '{self.path}'.")
        temporary = tempfile.mkdtemp(prefix="duckml-serve-")
        # With python_enable_replacements clients could read Python variables by their names.
        config = {"temp_directory": temporary, "python_enable_replacements": "false"}
        con = duckml.connect(":memory:", config=config, device=self._device, engine=self._engine)
        try:
            self._attach(con)
            _lock_configuration(con)
        except BaseException:
            con.close()
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        return OpenFile(con, identity, temporary)

    def _attach(self, con: Connection) -> None:
        options = " (READ_ONLY)" if self.is_read_only else ""
        sessions.write(con, f"ATTACH {literal(str(self.path))} AS {quote(self.name)}{options}")
        install_catalog(con, self.name)


def _lock_configuration(con: Connection) -> None:
    allowed = ", ".join(literal(name) for name in _SESSION_SETTINGS)
    sessions.write(con, "SET enable_external_access = false")
    sessions.write(con, f"SET allowed_configs = [{allowed}]")
    sessions.write(con, "SET lock_configuration = true")
