"""The transactions of a session: explicit, implicit and read-only ones, and savepoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import duckdb

from duckml.database import transactions
from duckml.server.errors import Report, WireError
from duckml.server.session.applied_settings import AppliedSettings
from duckml.server.session.commands import Command, Commit, Rollback, RollbackTo
from duckml.server.session.cursors import Cursors
from duckml.server.session.duckdb_session import DuckdbSession
from duckml.server.session.prepared import Portals


@dataclass
class _Transaction:
    """An open transaction; `savepoints` are their names, each with the writes before it."""

    is_implicit: bool = False
    is_read_only: bool = False
    has_failed: bool = False
    writes: int = 0
    savepoints: list[tuple[str, int]] = field(default_factory=list)


class TransactionControl:
    """The transaction of a session, and what begins and ends with it."""

    def __init__(
        self,
        db: DuckdbSession,
        settings: AppliedSettings,
        portals: Portals,
        cursors: Cursors,
        notify: Callable[[Report], None],
        only_reads: bool,
    ) -> None:
        self._db = db
        self._settings = settings
        self._portals = portals
        self._cursors = cursors
        self._notify = notify
        self._only_reads = only_reads
        self._current: _Transaction | None = None

    @property
    def status(self) -> str:
        """Return 'I' outside a transaction, 'T' inside one and 'E' inside a failed one."""
        if self._current is None or self._current.is_implicit:
            return "I"
        return "E" if self._current.has_failed else "T"

    @property
    def is_open(self) -> bool:
        """Return whether an explicit or implicit transaction is open."""
        return self._current is not None

    @property
    def is_read_only(self) -> bool:
        """Return whether a transaction is open in which DuckDB refuses to write."""
        return self._current is not None and self._current.is_read_only

    def require_usable(self, command: Command) -> None:
        """Raise WireError for a command that a failed transaction does not run."""
        if self.status == "E" and not isinstance(command, Rollback | Commit | RollbackTo):
            raise WireError(
                "25P02",
                "current transaction is aborted, commands ignored until end of transaction block",
            )

    def note_write(self) -> None:
        """Count a statement that writes, for the savepoints before it."""
        if self._current is not None:
            self._current.writes += 1

    def note_failure(self) -> None:
        """Let the open transaction do nothing but roll back, and discard the open rows."""
        has_cursor = self._cursors.has_rows(self._db.open_rows)
        # Outside a transaction a held cursor keeps its rows after the failure of a statement.
        if self._current is not None or not has_cursor:
            self._db.discard_open_rows()
        if self._current is not None:
            self._current.has_failed = True

    # Beginning

    def begin(self, read_only: bool) -> None:
        """Begin an explicit transaction; an implicit one becomes explicit."""
        if self._current is None:
            self._open(is_read_only=read_only)
        elif self._current.is_implicit:
            self._current.is_implicit = False
        else:
            message = "There is already a transaction in progress."
            self._notify(Report("25001", message, severity="WARNING"))

    def begin_implicit(self, read_only: bool = False) -> None:
        """Begin the transaction around statements that are sent together, if none is open."""
        if self._current is None:
            self._open(is_implicit=True, is_read_only=read_only)

    def _open(self, is_implicit: bool = False, is_read_only: bool = False) -> _Transaction:
        # Where nothing may be written, DuckDB itself refuses what the permissions have missed.
        is_read_only = is_read_only or self._only_reads
        self._run("BEGIN TRANSACTION READ ONLY" if is_read_only else "BEGIN TRANSACTION")
        self._current = _Transaction(is_implicit, is_read_only)
        self._settings.begin_transaction()
        return self._current

    # Ending

    def end_implicit(self) -> None:
        """Commit the implicit transaction, or roll it back if a statement in it has failed."""
        if self._current is not None and self._current.is_implicit:
            self.end("COMMIT")

    def end(self, command: str) -> str:
        """Run COMMIT or ROLLBACK; return the command that was run: a failed one is rolled back."""
        if self._current is None:
            message = "There is no transaction in progress."
            self._notify(Report("25P01", message, severity="WARNING"))
            return command
        if self._current.has_failed:
            command = "ROLLBACK"
        self._cursors.end_transaction(is_committed=command == "COMMIT")
        self._portals.discard_results()
        self._db.forget_open_rows()
        self._current = None
        try:
            self._run(command)
        except duckdb.Error:
            # After most failures of COMMIT, but not all, DuckDB has rolled back.
            if transactions.in_transaction(self._db.con):
                self._run("ROLLBACK")
            raise
        finally:
            self._settings.end_transaction(is_rolled_back=command == "ROLLBACK")
        return command

    def _run(self, sql: str) -> None:
        try:
            self._db.execute(sql)
        except duckdb.TransactionException:
            # DuckDB itself ends a transaction after some errors: then there is none to roll back.
            if sql != "ROLLBACK":
                raise

    # Savepoints

    def savepoint(self, name: str) -> None:
        """Run SAVEPOINT."""
        if self._current is None:
            raise WireError("25P01", "SAVEPOINT can only be used in transaction blocks.")
        self._current.savepoints.append((name, self._current.writes))

    def release(self, name: str) -> None:
        """Run RELEASE SAVEPOINT."""
        transaction, position = self._find_savepoint(name)
        del transaction.savepoints[position:]

    def rollback_to(self, name: str) -> None:
        """Run ROLLBACK TO SAVEPOINT.

        DuckDB rolls back whole transactions, so this raises WireError if something was written
        before the savepoint and the transaction has written or failed since.
        """
        transaction, position = self._find_savepoint(name)
        writes_before = transaction.savepoints[position][1]
        if transaction.has_failed or transaction.writes != writes_before:
            if writes_before:
                transaction.has_failed = True
                raise WireError(
                    "0A000",
                    f'Rolling back to savepoint "{name}" is not supported: something was written '
                    "before it, and DuckDB rolls back whole transactions.",
                    "ROLLBACK, and run the statements before the savepoint again.",
                )
            self._cursors.close_all()
            self._run("ROLLBACK")
            savepoints = transaction.savepoints
            transaction = self._open(transaction.is_implicit, transaction.is_read_only)
            transaction.savepoints = savepoints
        del transaction.savepoints[position + 1 :]

    def _find_savepoint(self, name: str) -> tuple[_Transaction, int]:
        """Return the transaction and the position of its last savepoint of that name."""
        transaction = self._current
        names = [] if transaction is None else [known for known, _ in transaction.savepoints]
        if transaction is None or name not in names:
            raise WireError("3B001", f'savepoint "{name}" does not exist')
        return transaction, len(names) - 1 - names[::-1].index(name)
