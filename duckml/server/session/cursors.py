"""The cursors of DECLARE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from duckml.server.errors import WireError
from duckml.server.session.result_spool import SpooledRows
from duckml.server.values.result_columns import ResultColumn


@dataclass
class Cursor:
    """A cursor of DECLARE; with `is_held` it outlives the transaction."""

    columns: Sequence[ResultColumn]
    rows: SpooledRows
    is_held: bool


class Cursors:
    """The cursors of a session by name."""

    def __init__(self) -> None:
        self._by_name: dict[str, Cursor] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def require_unused(self, name: str) -> None:
        """Raise WireError if there is a cursor of that name."""
        if name in self._by_name:
            raise WireError("42P03", f'cursor "{name}" already exists')

    def add(self, name: str, cursor: Cursor) -> None:
        """Open a cursor under a name that is unused."""
        self._by_name[name] = cursor

    def get(self, name: str) -> Cursor:
        """Return a cursor.

        Raises WireError if there is none of that name.
        """
        if name not in self._by_name:
            raise WireError("34000", f'cursor "{name}" does not exist')
        return self._by_name[name]

    def has_rows(self, rows: SpooledRows | None) -> bool:
        """Return whether these rows are those of a cursor."""
        return any(cursor.rows is rows for cursor in self._by_name.values())

    def close(self, name: str) -> None:
        """Close a cursor.

        Raises WireError if there is none of that name.
        """
        self.get(name).rows.close()
        del self._by_name[name]

    def close_all(self) -> None:
        """Close all cursors."""
        for name in list(self._by_name):
            self.close(name)

    def end_transaction(self, is_committed: bool) -> None:
        """Close the cursors that end with a transaction, and spool the rows of the others."""
        for name, cursor in list(self._by_name.items()):
            # DuckDB ends an open result together with its transaction.
            if cursor.is_held and is_committed:
                cursor.rows.spool()
            else:
                self.close(name)
