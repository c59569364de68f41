"""Running DECLARE, FETCH, MOVE and CLOSE."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from duckml.server.errors import WireError
from duckml.server.session.command_result import CommandResult
from duckml.server.session.commands import CloseCursor, DeclareCursor, Fetch
from duckml.server.session.cursors import Cursor, Cursors
from duckml.server.session.prepared import Portal, Portals
from duckml.server.session.sql_runner import SqlRunner
from duckml.server.session.transaction_control import TransactionControl


class CursorCommands:
    """The commands of a session about its cursors."""

    def __init__(
        self,
        cursors: Cursors,
        portals: Portals,
        transaction: TransactionControl,
        runner: SqlRunner,
        execute: Callable[[Portal], CommandResult],
    ) -> None:
        self._cursors = cursors
        self._portals = portals
        self._transaction = transaction
        self._runner = runner
        self._execute = execute

    def declare(self, command: DeclareCursor, values: list[Any] | None) -> CommandResult:
        """Run DECLARE name CURSOR FOR query."""
        if not self._transaction.is_open and not command.is_held:
            raise WireError("25P01", "DECLARE CURSOR can only be used in transaction blocks")
        self._cursors.require_unused(command.name)
        result = self._runner.run(command.query, values)
        if result.rows is None or result.columns is None:
            raise WireError("42601", "DECLARE CURSOR requires a query.")
        cursor = Cursor(result.columns, result.rows, command.is_held)
        self._cursors.add(command.name, cursor)
        return CommandResult("DECLARE CURSOR")

    def fetch(self, command: Fetch) -> CommandResult:
        """Run FETCH, or MOVE, which skips the rows."""
        cursor = self._cursor_or_portal(command.name)
        if command.is_move:
            moved = sum(batch.num_rows for batch in cursor.rows.batches(command.count))
            return CommandResult(f"MOVE {moved}")
        return CommandResult("FETCH", cursor.columns, cursor.rows, command.count, counts=True)

    def _cursor_or_portal(self, name: str) -> Cursor:
        # In PostgreSQL portals and cursors are the same: FETCH reads from a portal as well.
        portal = None if name in self._cursors else self._portals.find(name)
        if portal is not None:
            result = self._execute(portal)
            if result.rows is not None and result.columns is not None:
                return Cursor(result.columns, result.rows, is_held=False)
        return self._cursors.get(name)

    def close(self, command: CloseCursor) -> CommandResult:
        """Run CLOSE name, or CLOSE ALL."""
        if command.name is None:
            self._cursors.close_all()
            return CommandResult("CLOSE CURSOR ALL")
        self._cursors.close(command.name)
        return CommandResult("CLOSE CURSOR")
