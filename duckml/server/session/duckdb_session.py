"""A session of DuckDB, which reads one result at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from duckml.connection import Connection
from duckml.database import binding, sessions
from duckml.names import literal
from duckml.server.session.client_statement import KEPT_CHARACTERS
from duckml.server.session.result_spool import SpooledRows
from duckml.server.session.sql_statement import SqlStatement

_KEPT_BINDINGS = 256


class DuckdbSession:
    """A session of DuckDB with the result that is being read from it.

    The rest of that result is spooled before the next statement runs.
    """

    def __init__(self, con: Connection) -> None:
        self.con = con
        self._open_rows: SpooledRows | None = None
        # By text, each with the version of the catalog that it was bound in.
        self._bindings: dict[str, tuple[int, binding.BoundStatement]] = {}

    @property
    def open_rows(self) -> SpooledRows | None:
        """Return the rows that were last kept open, None if they have been spooled since."""
        return self._open_rows

    def keep_open(self, rows: SpooledRows) -> None:
        """Mark rows as those that are spooled before the next statement."""
        self._open_rows = rows

    def release(self) -> None:
        """Spool the open rows, so that a statement can run."""
        if self._open_rows is not None and self._open_rows.is_streaming:
            self._open_rows.spool()
        self._open_rows = None

    def forget_open_rows(self) -> None:
        """Stop spooling the open rows: their cursor or portal has closed them."""
        self._open_rows = None

    def discard_open_rows(self) -> None:
        """Close the open rows."""
        if self._open_rows is not None:
            self._open_rows.close()
            self._open_rows = None

    def execute(self, sql: str) -> None:
        """Run a statement of the server's own that returns nothing."""
        self.release()
        sessions.write(self.con, sql)

    def read(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query of the server's own."""
        return sessions.read(self.con, sql)

    def stream(self, sql: str, values: list[Any] | None = None) -> SpooledRows:
        """Run a statement and return its rows, which are read as they are needed."""
        return SpooledRows(self.con.stream(sql, values))

    def constant_rows(self, rows: Sequence[Sequence[str]]) -> SpooledRows:
        """Return rows of strings that the server knows."""
        self.release()
        tuples = ("(" + ", ".join(literal(value) for value in row) + ")" for row in rows)
        stream = self.stream(f"SELECT * FROM (VALUES {', '.join(tuples)})")
        self.keep_open(stream)
        return stream

    def bind(self, sql: SqlStatement, values: list[Any] | None) -> binding.BoundStatement:
        """Return a statement's columns and parameters, as DuckDB finds them now."""
        return self.con.bound(sql.translated, values)

    def kept_binding(self, sql: SqlStatement, values: list[Any] | None) -> binding.BoundStatement:
        """Return what `bind` does, from memory while the catalog is unchanged."""
        text = sql.translated
        version = sessions.catalog_version(self.con)
        # Parameters, variables and prepared statements change columns without a new catalog.
        is_changeable = sql.is_changeable or values is not None or "getvariable" in text.lower()
        if is_changeable or version is None:
            return self.bind(sql, values)
        kept = self._bindings.get(text)
        if kept is not None and kept[0] == version:
            return kept[1]
        bound = self.bind(sql, values)
        if len(text) < KEPT_CHARACTERS:
            # Clearing everything is rare, and cheaper than tracking which was used last.
            if len(self._bindings) >= _KEPT_BINDINGS:
                self._bindings.clear()
            self._bindings[text] = (version, bound)
        return bound

    def forget_bindings(self) -> None:
        """Bind all statements again: their names may now mean other tables."""
        self._bindings.clear()

    def close(self) -> None:
        """End the session."""
        self.con.close()
