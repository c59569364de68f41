"""The file that is served: opened, shut off from everything else, and opened anew when it has been replaced.

Each instance of DuckDB begins in memory with the catalogs for clients, and the file is attached to it. A read-only file
that has been replaced by rename is opened for new sessions at once, beside the old one, which is closed with its last
session. A file that is written can't be open twice: its write-ahead log is found by name.
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

# What a session may still set: each is its own. Everything else is locked.
_ALLOWED = ["TimeZone", "search_path", "schema"]
_OWN_NAMES = frozenset({"memory", "system", "temp"})


@dataclass
class _Instance:
    """A database that is open: which file it is of, and how many sessions it has."""

    con: Connection
    identity: tuple[int, int]
    temporary: str
    sessions: int = 0

    def close(self) -> None:
        self.con.close()
        shutil.rmtree(self.temporary, ignore_errors=True)


class Database:
    """A file, open for as many sessions as are wanted.

    `tell` is told when the file has been replaced. `problem` is why the new one can't be opened, '' when it can.
    """

    def __init__(
        self,
        path: str,
        tell: Callable[..., None],
        *,
        is_read_only: bool,
        device: str = "auto",
        engine: str = "auto",
    ) -> None:
        self.path = Path(path)
        self.is_read_only = is_read_only
        self.name = (
            self.path.stem if self.path.stem not in _OWN_NAMES else f"{self.path.stem}_database"
        )
        self._device = device
        self._engine = engine
        self.problem = ""
        self._tell = tell
        self._lock = threading.Lock()
        self._current = self._open()

    def open_session(self) -> tuple[Connection, object]:
        """A session on the file as it is now, and what `close_session` must be given.

        Raises WireError when the file has been replaced and can't be opened yet.
        """
        with self._lock:
            if self._identity() not in {None, self._current.identity}:
                self._replace()
            instance = self._current
            instance.sessions += 1
            return instance.con.cursor(), instance

    def close_session(self, instance: object) -> None:
        """Note that a session has been closed; the last one of a file that was replaced closes it."""
        assert isinstance(instance, _Instance)
        with self._lock:
            instance.sessions -= 1
            if instance is not self._current and not instance.sessions:
                instance.close()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._current.close()

    def _replace(self) -> None:
        if not self.is_read_only and self._current.sessions:
            raise WireError(
                "57P03",
                "The file has been replaced, and it is opened when the sessions on the old one have ended.",
                "",
                True,
            )
        if not self.is_read_only:
            self._current.close()
        try:
            opened = self._open()
        except (duckdb.Error, OSError, ValueError) as error:
            self.problem = str(error)
            self._tell("file unreadable", problem=self.problem)
            message = "The file has been replaced by one that can't be opened; the server's log says more."
            raise WireError("57P03", message, "", True) from error
        self.problem = ""
        self._tell("file replaced")
        old, self._current = self._current, opened
        if self.is_read_only and not old.sessions:
            old.close()

    def _identity(self) -> tuple[int, int] | None:
        """Which file is there; None when there is none for a moment."""
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _open(self) -> _Instance:
        identity = self._identity()
        if identity is None:
            raise FileNotFoundError(f"There is no file '{self.path}'.")
        temporary = tempfile.mkdtemp(prefix="duckml-serve-")
        # python_enable_replacements: no client may read a variable of this program by its name.
        config = {"temp_directory": temporary, "python_enable_replacements": "false"}
        con = duckml.connect(":memory:", config=config, device=self._device, engine=self._engine)
        try:
            options = " (READ_ONLY)" if self.is_read_only else ""
            sessions.write(con, f"ATTACH {literal(str(self.path))} AS {quote(self.name)}{options}")
            install_catalog(con, self.name)
            sessions.write(con, "SET enable_external_access = false")
            sessions.write(
                con, f"SET allowed_configs = [{', '.join(literal(name) for name in _ALLOWED)}]"
            )
            sessions.write(con, "SET lock_configuration = true")
        except BaseException:
            con.close()
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        return _Instance(con, identity, temporary)
