"""One client's session, which runs the client's commands.

One thread at a time runs commands. Other threads can cancel the running one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from duckml.connection import Connection
from duckml.database import binding
from duckml.names import quote
from duckml.registry import authors
from duckml.server.errors import Report, WireError
from duckml.server.pg_catalog.setup import begin_session
from duckml.server.session import commands
from duckml.server.session.applied_settings import AppliedSettings
from duckml.server.session.client_statement import ClientStatement
from duckml.server.session.command_result import CommandResult
from duckml.server.session.cursor_commands import CursorCommands
from duckml.server.session.cursors import Cursors
from duckml.server.session.description import Description, Descriptions
from duckml.server.session.duckdb_session import DuckdbSession
from duckml.server.session.interruption import Interruption
from duckml.server.session.prepared import Portal, Portals, PreparedStatement, PreparedStatements
from duckml.server.session.roles import Role
from duckml.server.session.setting_commands import SettingCommands
from duckml.server.session.settings import Settings
from duckml.server.session.sql_runner import SqlRunner
from duckml.server.session.sql_statement import SqlStatement
from duckml.server.session.training_notices import TrainingNotices
from duckml.server.session.transaction_control import TransactionControl
from duckml.server.values.format_codes import binary_flags
from duckml.server.values.result_columns import ResultColumn
from duckml.training.progress import Listener

_SILENT_LEVELS = frozenset({"error", "fatal", "panic"})
_TEMPORARY_TABLES = "SELECT table_name FROM duckdb_tables() WHERE temporary AND NOT internal"


class Session:
    """A client's session on a database."""

    def __init__(
        self,
        con: Connection,
        database: str,
        user: str,
        role: Role,
        is_read_only: bool,
        settings: Settings,
        pid: int,
        send_notice: Callable[[Report], None],
    ) -> None:
        self.pid = pid
        self.user = user
        self._send_notice = send_notice
        self._db = DuckdbSession(con)
        self._prepared = PreparedStatements()
        self._portals = Portals()
        self._cursors = Cursors()
        self._interruption = Interruption(con)
        notices = TrainingNotices(self.notify, self._interruption)
        con.listen(Listener(notices.on_iteration, notices.on_warning))
        begin_session(con, pid)
        self._settings = settings
        self._applied_settings = AppliedSettings(settings, self._db, database, user)
        self._setting_commands = SettingCommands(self._applied_settings, self._db)
        self._transaction = TransactionControl(
            self._db,
            self._applied_settings,
            self._portals,
            self._cursors,
            self.notify,
            only_reads=is_read_only or role is Role.READ,
        )
        self._runner = SqlRunner(self._db, self._transaction, role, is_read_only)
        self._cursor_commands = CursorCommands(
            self._cursors, self._portals, self._transaction, self._runner, self.execute
        )
        self._descriptions = Descriptions(
            self._db,
            self._runner,
            self._transaction,
            self._setting_commands,
            self._portals,
            self._cursors,
        )

    # Stopping, and messages while a statement runs

    def cancel(self, reason: str = "user request") -> None:
        """Stop the running statement, if there is one. Can be called from any thread."""
        self._interruption.cancel(reason)

    def interruptible(self, work: Iterator[bytes]) -> Iterator[bytes]:
        """Yield from `work` under the time limit of statements, on behalf of the user."""
        limit = self._settings.seconds("statement_timeout")
        token = authors.acting_for.set(self.user)
        try:
            yield from self._interruption.interruptible(work, limit)
        finally:
            try:
                authors.acting_for.reset(token)
            except ValueError:  # the work ended on another thread, which has its own context
                authors.acting_for.set(None)

    def notify(self, notice: Report) -> None:
        """Send the client a notice, unless client_min_messages excludes it."""
        level = self._settings["client_min_messages"].lower()
        is_excluded = level == "warning" and notice.severity == "NOTICE"
        if level not in _SILENT_LEVELS and not is_excluded:
            self._send_notice(notice)

    # Transactions

    @property
    def status(self) -> str:
        """Return 'I' outside a transaction, 'T' inside one and 'E' inside a failed one."""
        return self._transaction.status

    def begin_implicit(self) -> None:
        """Begin the transaction that PostgreSQL has around statements sent together."""
        self._transaction.begin_implicit()

    def end_implicit(self) -> None:
        """Commit that transaction, or roll it back if a statement in it has failed."""
        self._transaction.end_implicit()

    def note_failure(self) -> None:
        """Let the open transaction do nothing but roll back."""
        self._transaction.note_failure()

    # Settings

    def setting(self, name: str) -> str:
        """Return the value of a setting.

        Raises WireError if there is none of that name.
        """
        return self._settings[name]

    def reported_settings(self) -> list[tuple[str, str]]:
        """Return the settings that a client receives at the beginning of a session."""
        return self._applied_settings.reported()

    def take_reported_changes(self) -> list[tuple[str, str]]:
        """Return the settings that a client receives because they changed since the last call."""
        return self._applied_settings.take_reported_changes()

    # Prepared statements and portals

    def prepare(self, name: str, text: str, oids: Sequence[int]) -> None:
        """Prepare a statement under a name, '' for the unnamed one.

        Raises WireError for several statements, for a name that exists and for a misspelt command.
        """
        self._prepared.add(name, text, oids)

    def prepared_statement(self, name: str) -> PreparedStatement:
        """Return a prepared statement.

        Raises WireError if there is none of that name.
        """
        return self._prepared.get(name)

    def find_prepared_statement(self, name: str) -> PreparedStatement | None:
        """Return a prepared statement, None if there is none of that name."""
        return self._prepared.find(name)

    def close_prepared_statement(self, name: str) -> None:
        """Remove a prepared statement, if there is one of that name."""
        self._prepared.remove(name)

    def bind(
        self,
        portal_name: str,
        prepared: PreparedStatement,
        raw_values: Sequence[bytes | None],
        value_formats: Sequence[int],
        result_formats: Sequence[int],
    ) -> None:
        """Open a portal with the parameters that a client has sent.

        Raises WireError in a failed transaction, for wrong parameters and for a name that exists.
        """
        if not isinstance(prepared.statement.command, commands.TRANSACTION_COMMANDS):
            self._transaction.require_usable(prepared.statement.command)
        is_binary = binary_flags(value_formats, len(raw_values))
        values = self._descriptions.parameter_values(prepared, raw_values, is_binary)
        columns = prepared.described_columns
        self._portals.add(portal_name, Portal(prepared, values, result_formats, columns))

    def portal(self, name: str) -> Portal:
        """Return a portal.

        Raises WireError if there is none of that name.
        """
        return self._portals.get(name)

    def find_portal(self, name: str) -> Portal | None:
        """Return a portal, None if there is none of that name."""
        return self._portals.find(name)

    def close_portal(self, name: str) -> None:
        """Close a portal, if there is one of that name."""
        self._portals.close(name)

    def close_portals(self) -> None:
        """Close all portals, as the end of a transaction does."""
        self._portals.close_all()

    def describe(self, prepared: PreparedStatement) -> Description:
        """Return the types of a prepared statement's parameters, and its columns."""
        description = self._descriptions.describe(prepared, None)
        _, prepared.described_columns = description
        return description

    def describe_portal(self, name: str) -> tuple[Sequence[ResultColumn] | None, Sequence[int]]:
        """Return the columns of a portal, None for no rows, and the formats of their values.

        A cursor of DECLARE is described, too.
        """
        portal = self._portals.find(name)
        if portal is None and name in self._cursors:
            return self._cursors.get(name).columns, []
        portal = self._portals.get(name)
        return self._descriptions.portal_columns(portal), portal.result_formats

    def execute(self, portal: Portal) -> CommandResult:
        """Run the statement of a portal, unless it runs already; return its result."""
        if portal.result is None:
            portal.result = self.run(portal.statement, portal.values, portal.bound)
        return portal.result

    # Running commands

    def run(
        self,
        statement: ClientStatement,
        values: list[Any] | None = None,
        bound: binding.BoundStatement | None = None,
    ) -> CommandResult:
        """Run a statement; its rows may still be read from DuckDB afterwards.

        `bound` is the statement as DuckDB has bound it before, if it has. Raises WireError, and the
        errors of duckml and DuckDB.
        """
        command = statement.command
        self._transaction.require_usable(command)
        match command:
            case SqlStatement():
                return self._runner.run(command, values, bound)
            case commands.CopyOut(query, how):
                result = self._runner.run(query, values)
                return CommandResult("COPY", result.columns, result.rows, counts=True, copy=how)
            case commands.SetParameter():
                return self._setting_commands.set(command)
            case commands.ShowParameter():
                return self._setting_commands.show(command)
            case commands.ResetParameter():
                return self._setting_commands.reset(command)
            case commands.DeclareCursor():
                return self._cursor_commands.declare(command, values)
            case commands.Fetch():
                return self._cursor_commands.fetch(command)
            case commands.CloseCursor():
                return self._cursor_commands.close(command)
            case _:
                return CommandResult(self._run_without_rows(command))

    def _run_without_rows(self, command: commands.Command) -> str:
        """Run a command that never returns rows; return its tag."""
        match command:
            case commands.Begin(read_only):
                self._transaction.begin(read_only)
                return "BEGIN"
            case commands.Commit():
                return self._transaction.end("COMMIT")
            case commands.Rollback():
                return self._transaction.end("ROLLBACK")
            case commands.Savepoint(name):
                self._transaction.savepoint(name)
                return "SAVEPOINT"
            case commands.Release(name):
                self._transaction.release(name)
                return "RELEASE"
            case commands.RollbackTo(name):
                self._transaction.rollback_to(name)
                return "ROLLBACK"
            case commands.Discard(what):
                return self._discard(what)
            case commands.Deallocate(name):
                return self._deallocate(name)
            case commands.NoOperation(tag):
                return tag
        raise AssertionError(command)

    def _discard(self, what: str) -> str:
        if what == "all":
            if self._transaction.status != "I":
                raise WireError("25001", "DISCARD ALL cannot run inside a transaction block")
            self._applied_settings.reset()
            self._cursors.close_all()
            self._prepared.clear()
        if what in {"all", "temp", "temporary"}:
            for (table,) in self._db.read(_TEMPORARY_TABLES):
                self._db.execute(f"DROP TABLE temp.{quote(table)}")
        return f"DISCARD {what.upper()}"

    def _deallocate(self, name: str | None) -> str:
        if name is None:
            self._prepared.clear()
            return "DEALLOCATE ALL"
        if not self._prepared.remove(name):
            # A statement of PREPARE, which DuckDB runs.
            self._db.execute(f"DEALLOCATE {quote(name)}")
        return "DEALLOCATE"

    def close(self) -> None:
        """End the session: discard all results and roll back the open transaction."""
        self._cursors.close_all()
        self._portals.discard_results()
        self._db.close()
