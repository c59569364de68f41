"""One client's session: its settings, transaction, prepared statements, portals and cursors. It knows no messages.

Everything here runs on a thread of its own, one call at a time; only `cancel` comes from elsewhere.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from duckml.connection import Connection
from duckml.database import binding, sessions, transactions
from duckml.estimators.model_warnings import ModelWarning
from duckml.names import literal, quote
from duckml.registry import authors
from duckml.server.caches import SHORT
from duckml.server.errors import Report, WireError
from duckml.server.pg_catalog import translation as catalog
from duckml.server.session import roles
from duckml.server.session.commands import (
    Begin,
    CloseCursor,
    Command,
    Commit,
    CopyOut,
    Deallocate,
    DeclareCursor,
    Discard,
    Fetch,
    Nothing,
    Release,
    ResetParameter,
    Rollback,
    RollbackTo,
    Savepoint,
    SetParameter,
    ShowParameter,
    Sql,
    command,
)
from duckml.server.session.roles import Role
from duckml.server.session.settings import Settings
from duckml.server.session.spooled_rows import Source
from duckml.server.values import types
from duckml.server.values.copy_format import CopyFormat
from duckml.server.values.exact import exact_query
from duckml.server.values.parameter_types import bind_without_values
from duckml.server.values.parameter_values import parameter_value
from duckml.server.values.result_columns import (
    ResultColumn,
    catalog_column,
    parameter_oid,
    result_column,
)
from duckml.training.fit import Progress
from duckml.training.progress import Listener


@dataclass
class Answer:
    """What a command answers: rows or none, and how it is called when it is done.

    `tag` is PostgreSQL's name of the command; `counts` says that the number of rows stands behind it.
    """

    tag: str
    columns: Sequence[ResultColumn] | None = None
    source: Source | None = None
    limit: int | None = None
    counts: bool = False
    copy: CopyFormat | None = None
    sent: int = 0
    is_done: bool = False

    def take(self, count: int | None = None) -> Iterator[pa.RecordBatch]:
        """The next rows; `is_done` afterwards unless `count` kept some back."""
        assert self.source is not None
        wanted = count
        if self.limit is not None:
            left = self.limit - self.sent
            wanted = left if count is None else min(left, count)
        taken = 0
        for batch in self.source.take(wanted):
            taken += batch.num_rows
            self.sent += batch.num_rows
            yield batch
        self.is_done = (
            count is None or taken < count or (self.limit is not None and self.sent >= self.limit)
        )

    @property
    def full_tag(self) -> str:
        """The tag with the number of rows."""
        return f"{self.tag} {self.sent}" if self.counts else self.tag

    def close(self) -> None:
        """Give up the rows that are left, unless they are those of a cursor, which keeps them."""
        if self.source is not None and self.limit is None and self.tag not in {"FETCH", "MOVE"}:
            self.source.close()


@dataclass
class Prepared:
    """A statement that a client has prepared; `oids` are the types that it declares of its parameters.

    `told` are the columns that the client knows from a description.
    """

    sql: str
    command: Command
    oids: tuple[int, ...] = ()
    told: Sequence[ResultColumn] | None = None


@dataclass
class Portal:
    """A prepared statement with its parameters, and what it answers once it runs."""

    prepared: Prepared
    values: list[Any]
    result_formats: list[int]
    columns: Sequence[ResultColumn] | None = None
    is_described: bool = False
    bound: binding.BoundStatement | None = None
    answer: Answer | None = None


@dataclass
class Cursor:
    """A cursor of DECLARE; `is_held` outlives the transaction."""

    columns: Sequence[ResultColumn]
    source: Source
    is_held: bool


@dataclass
class _Transaction:
    """Where a transaction stands: `savepoints` are the names, each with the number of writes when it was made."""

    is_implicit: bool = False
    is_read_only: bool = False
    has_failed: bool = False
    writes: int = 0
    savepoints: list[tuple[str, int]] = field(default_factory=list)


class Session:
    """A client at work on a database."""

    def __init__(
        self,
        con: Connection,
        database: str,
        user: str,
        role: Role,
        is_read_only: bool,
        settings: Settings,
        pid: int,
        tell: Callable[[Report], None],
    ) -> None:
        self.con = con
        self.pid = pid
        self.database = database
        self.user = user
        self.role = role
        self.is_read_only = is_read_only
        self.settings = settings
        self._tell = tell
        self.prepared: dict[str, Prepared] = {}
        self.portals: dict[str, Portal] = {}
        self.cursors: dict[str, Cursor] = {}
        self.changed: list[str] = []  # settings that the client is to be told of
        self._transaction: _Transaction | None = None
        self._streaming: Source | None = None
        self._known: dict[
            str, tuple[int, binding.BoundStatement]
        ] = {}  # by text, each with the state of the catalog
        self._stopped = ""  # why the statement at hand was stopped
        self._is_busy = False
        self._told_at = 0.0  # when the client was told of a training last
        con.listen(Listener(self._on_iteration, self._on_warning))
        self._look_in(settings["search_path"])
        self._set_time_zone(settings["TimeZone"])
        catalog.begin_session(con, pid)
        self._publish_settings()

    # From other threads

    def cancel(self, reason: str = "user request") -> None:
        """Stop the statement that is running, if one is."""
        if self._is_busy:
            self._stopped = reason
            self.con.interrupt()

    def tell(self, notice: Report) -> None:
        """Tell the client something on the side, unless it wants to hear less."""
        wanted = self.settings["client_min_messages"].lower()
        if wanted in {"error", "fatal", "panic"} or (
            wanted == "warning" and notice.severity == "NOTICE"
        ):
            return
        self._tell(notice)

    # Transactions

    @property
    def status(self) -> str:
        """'I' outside a transaction, 'T' inside one, 'E' inside one that has failed."""
        if self._transaction is None or self._transaction.is_implicit:
            return "I"
        return "E" if self._transaction.has_failed else "T"

    def failed(self) -> None:
        """Note that something went wrong: a transaction can then only be rolled back."""
        is_held = any(cursor.source is self._streaming for cursor in self.cursors.values())
        if self._streaming is not None and not (is_held and self._transaction is None):
            self._streaming.close()
            self._streaming = None
        if self._transaction is not None:
            self._transaction.has_failed = True

    def begin_implicit(self) -> None:
        """Begin the transaction that PostgreSQL has around several statements sent together."""
        if self._transaction is None:
            self._open(is_implicit=True)

    def end_implicit(self) -> None:
        """End it: committed, or rolled back when something in it has failed."""
        if self._transaction is not None and self._transaction.is_implicit:
            self._end("ROLLBACK" if self._transaction.has_failed else "COMMIT")

    def _begin(self, wanted: Begin) -> Answer:
        if self._transaction is not None and not self._transaction.is_implicit:
            self.tell(
                Report("25001", "There is already a transaction in progress.", severity="WARNING")
            )
        elif self._transaction is not None:
            self._transaction.is_implicit = False
        else:
            self._open(is_read_only=wanted.read_only)
        return Answer("BEGIN")

    def _open(self, is_implicit: bool = False, is_read_only: bool = False) -> _Transaction:
        """Begin a transaction; who may write nothing at all has DuckDB's own word for it."""
        is_read_only = is_read_only or self.is_read_only or self.role is Role.READ
        self._run_plain("BEGIN TRANSACTION READ ONLY" if is_read_only else "BEGIN TRANSACTION")
        self._transaction = _Transaction(is_implicit, is_read_only)
        self.settings.begin_transaction()
        return self._transaction

    def _only_read(self, bound: binding.BoundStatement, verb: str) -> None:
        """See to it that a statement can write nothing, if it mustn't, or if only running it tells what it does."""
        is_unknown = bound.is_deferred and verb in roles.QUERY_VERBS
        if self._transaction is None:
            if is_unknown or (self.role < Role.ADMIN and not self.is_read_only):
                self._open(is_implicit=True, is_read_only=True)
        elif is_unknown and self.role < Role.ADMIN and not self._transaction.is_read_only:
            raise WireError(
                "0A000",
                "What a PIVOT without its values does is known when it has run, which isn't for a transaction that may "
                "write.",
                "Name the values, as in PIVOT t ON kind IN ('a', 'b'), or run it outside a transaction.",
            )

    def _end(self, how: str) -> Answer:
        if self._transaction is None:
            self.tell(Report("25P01", "There is no transaction in progress.", severity="WARNING"))
            return Answer(how)
        if self._transaction.has_failed:
            how = "ROLLBACK"
        for name, cursor in list(self.cursors.items()):
            if cursor.is_held and how == "COMMIT":
                cursor.source.set_aside()
            else:
                cursor.source.close()
                del self.cursors[name]
        for portal in self.portals.values():
            if portal.answer is not None:
                portal.answer.close()
        self._streaming = None
        self._transaction = None
        try:
            self._run_plain(how)
        except duckdb.Error:
            # DuckDB has rolled back what it can't commit, unless it hasn't.
            self._rolled_back()
            raise
        finally:
            if changed := self.settings.end_transaction(how == "ROLLBACK"):
                self.changed += changed
                self._apply_settings()
        return Answer(how)

    def _rolled_back(self) -> None:
        if transactions.in_transaction(self.con):
            self._run_plain("ROLLBACK")

    def _run_plain(self, sql: str) -> None:
        self._make_room()
        try:
            sessions.write(self.con, sql)
        except duckdb.TransactionException:
            # DuckDB ends a transaction itself when something has gone badly wrong in it.
            if sql != "ROLLBACK":
                raise

    def _savepoint(self, name: str) -> Answer:
        if self._transaction is None:
            raise WireError("25P01", "SAVEPOINT can only be used in transaction blocks.")
        self._transaction.savepoints.append((name, self._transaction.writes))
        return Answer("SAVEPOINT")

    def _known_savepoint(self, name: str) -> tuple[_Transaction, int]:
        transaction = self._transaction
        known = [] if transaction is None else [known for known, _ in transaction.savepoints]
        if transaction is None or name not in known:
            raise WireError("3B001", f'savepoint "{name}" does not exist')
        return transaction, len(known) - 1 - known[::-1].index(name)

    def _release(self, name: str) -> Answer:
        transaction, position = self._known_savepoint(name)
        del transaction.savepoints[position:]
        return Answer("RELEASE")

    def _rollback_to(self, name: str) -> Answer:
        """DuckDB undoes a transaction as a whole, which is the same where nothing was written before the savepoint."""
        transaction, position = self._known_savepoint(name)
        before = transaction.savepoints[position][1]
        if transaction.has_failed or transaction.writes != before:
            if before:
                transaction.has_failed = True
                raise WireError(
                    "0A000",
                    f'It can\'t be rolled back to savepoint "{name}": something was written before it, and '
                    "DuckDB undoes a transaction as a whole.",
                    "ROLLBACK, and run the statements before the savepoint again.",
                )
            for cursor in self.cursors.values():
                cursor.source.close()
            self.cursors.clear()
            self._run_plain("ROLLBACK")
            self._open(
                transaction.is_implicit, transaction.is_read_only
            ).savepoints = transaction.savepoints
        del transaction.savepoints[position + 1 :]
        return Answer("ROLLBACK")

    # Statements

    def prepare(self, name: str, sql: str, parts: Sequence[str], oids: Sequence[int]) -> None:
        """Remember a statement under a name, '' for the unnamed one; `parts` are the statements of the text."""
        if len(parts) > 1:
            raise WireError("42601", "cannot insert multiple commands into a prepared statement")
        if name and name in self.prepared:
            raise WireError("42P05", f'prepared statement "{name}" already exists')
        self.prepared[name] = Prepared(sql, command(sql), tuple(oids))

    def statement(self, name: str) -> Prepared:
        """A prepared statement; raises WireError when there is none of that name."""
        if name not in self.prepared:
            raise WireError("26000", f'prepared statement "{name}" does not exist')
        return self.prepared[name]

    def portal(self, name: str) -> Portal:
        """A portal; raises WireError when there is none of that name."""
        if name not in self.portals:
            raise WireError("34000", f'portal "{name}" does not exist')
        return self.portals[name]

    def open_portal(self, name: str, portal: Portal) -> None:
        """Put a portal under a name, the unnamed one in the place of the one before."""
        if name and name in self.portals:
            raise WireError("42P03", f'cursor "{name}" already exists')
        self.close_portal(name)
        self.portals[name] = portal

    def close_portal(self, name: str) -> None:
        """Forget a portal, if it is there."""
        portal = self.portals.pop(name, None)
        if portal is not None and portal.answer is not None:
            portal.answer.close()

    def describe_portal(self, portal: Portal) -> Sequence[ResultColumn] | None:
        """The columns of a portal, None for no rows; nothing runs but a PIVOT whose columns are values."""
        if not portal.is_described:
            wanted = portal.prepared.command
            if isinstance(wanted, Sql):
                self._make_room()
                text = _understood(wanted)
                portal.bound = self.con.bound(text, portal.values or None)
                if portal.bound.is_deferred:
                    if wanted.verb in roles.QUERY_VERBS:
                        portal.answer = self.run(wanted, portal.values)
                        portal.columns = portal.answer.columns
                elif portal.bound.result_kind == "query_result":
                    portal.columns = _columns(wanted, text, portal.bound.columns)
            else:
                _, portal.columns = self.describe(portal.prepared, portal.values)
            portal.is_described = True
        return portal.columns

    def describe(
        self, prepared: Prepared, values: list[Any] | None
    ) -> tuple[list[int], Sequence[ResultColumn] | None]:
        """The types of a statement's parameters, and its columns, None for no rows; nothing runs but such a PIVOT."""
        match prepared.command:
            case Sql():
                return self._describe_sql(prepared, prepared.command, values)
            case CopyOut() | DeclareCursor():
                oids, _ = self._describe_sql(
                    prepared, Sql(prepared.command.query, "select"), values
                )
                return oids, None
            case Fetch(name, _, is_move):
                portal = None if name in self.cursors else self.portals.get(name)
                columns = (
                    self._cursor(name).columns if portal is None else self.describe_portal(portal)
                )
                return [], None if is_move else columns
            case ShowParameter(name):
                return [], _setting_columns(self.settings, name)
            case SetParameter(is_query=True):
                return [], [ResultColumn("set_config", types.TEXT)]
        return [], None

    def _describe_sql(
        self, prepared: Prepared, sql: Sql, values: list[Any] | None
    ) -> tuple[list[int], Sequence[ResultColumn] | None]:
        self._make_room()
        text = _understood(sql)
        bound = (
            self.con.bound(text, values or None)
            if values is not None
            else bind_without_values(self.con, text, prepared.oids)
        )
        declared = [*prepared.oids, *[0] * len(bound.parameters)]
        oids = [
            oid or parameter_oid(kind, text is not sql.text)
            for oid, (_, kind) in zip(declared, bound.parameters, strict=False)
        ]
        if bound.is_deferred and sql.verb in roles.QUERY_VERBS:
            answer = self._run_sql(sql, values, bound)
            answer.close()
            return [], answer.columns
        if bound.result_kind != "query_result" or bound.is_deferred:
            return oids, None
        return oids, _columns(sql, text, bound.columns)

    def parameters(
        self, prepared: Prepared, raw: Sequence[bytes | None], binary: Sequence[bool]
    ) -> list[Any]:
        """The values of parameters as a client has bound them."""
        oids = list(prepared.oids) + [0] * (len(raw) - len(prepared.oids))
        if not all(oids) or len(oids) != len(raw):
            told, _ = self.describe(prepared, None)
            if len(told) != len(raw) or len(oids) != len(raw):
                raise WireError(
                    "08P01", f"{len(raw)} parameters were given, and the statement has {len(told)}."
                )
            oids = [oid or known for oid, known in zip(oids, told, strict=True)]
        return [parameter_value(v, oid, b) for v, oid, b in zip(raw, oids, binary, strict=True)]

    def run(
        self,
        wanted: Command,
        values: list[Any] | None = None,
        bound: binding.BoundStatement | None = None,
    ) -> Answer:
        """Run a command; what it answers, whose rows may still be on their way.

        `bound` is what DuckDB has said of it already, if it has been asked.

        Raises WireError, duckml's errors and DuckDB's.
        """
        if self.status == "E" and not isinstance(wanted, Rollback | Commit | RollbackTo):
            raise WireError(
                "25P02",
                "current transaction is aborted, commands ignored until end of transaction block",
            )
        match wanted:
            case Sql():
                return self._run_sql(wanted, values, bound)
            case Begin():
                return self._begin(wanted)
            case Commit():
                return self._end("COMMIT")
            case Rollback():
                return self._end("ROLLBACK")
            case Savepoint(name):
                return self._savepoint(name)
            case Release(name):
                return self._release(name)
            case RollbackTo(name):
                return self._rollback_to(name)
            case SetParameter():
                return self._set(wanted)
            case ShowParameter(name):
                return self._show(name)
            case ResetParameter(name):
                return self._reset(name)
            case Discard(what):
                return self._discard(what)
            case DeclareCursor():
                return self._declare(wanted, values)
            case Fetch():
                return self._fetch(wanted)
            case CloseCursor(name):
                return self._close_cursor(name)
            case CopyOut():
                answer = self._run_sql(Sql(wanted.query, "select"), values)
                return Answer("COPY", answer.columns, answer.source, None, True, wanted.how)
            case Deallocate(name):
                return self._deallocate(name)
            case Nothing(tag):
                return Answer(tag)

    def _run_sql(
        self, sql: Sql, values: list[Any] | None, bound: binding.BoundStatement | None = None
    ) -> Answer:
        self._make_room()
        values = (
            values or None
        )  # what DuckDB makes several statements of takes no list, be it empty
        text = _understood(sql)
        ours = roles.model_statement(text)
        # DuckDB says what a query would do; of a statement of ours its class says it.
        exact = text
        if ours is not None:
            writes = roles.changes_models(ours)
        else:
            if bound is None or sql.verb in roles.CHANGEABLE_VERBS:
                bound = self._foreseen(text, values, sql.verb)
            writes = bound.writes
            if sql.verb in _PLAIN_QUERIES and not writes and not bound.is_deferred:
                exact = exact_query(text, bound.columns)
        roles.check(self.role, Sql(text, sql.verb), ours, writes, self.is_read_only)
        if ours is None and bound is not None:
            self._only_read(bound, sql.verb)
        if writes and self._transaction is not None:
            self._transaction.writes += 1
        rows = self.con.stream(exact, values)
        if ours is not None and (tag := roles.tag_without_rows(ours)):
            rows.close()
            return Answer(tag)
        source = Source(rows)
        if rows.result_kind == "query_result":
            self._streaming = source
            found = rows.columns if exact is text or bound is None else bound.columns
            columns = _columns(sql, text, found)
            return Answer(_COUNTED.get(sql.verb, "SELECT"), columns, source, counts=True)
        count = sum(
            batch.column(0)[0].as_py() or 0 for batch in source.take(None) if batch.num_columns
        )
        return Answer(_tag(sql, count))

    def _foreseen(self, text: str, values: list[Any] | None, verb: str) -> binding.BoundStatement:
        """What DuckDB says of a statement; it isn't asked again while the catalog is as it was."""
        version = sessions.catalog_version(self.con)
        is_changeable = (
            verb in roles.CHANGEABLE_VERBS or values is not None or "getvariable" in text.lower()
        )
        known = None if is_changeable else self._known.get(text)
        if known is not None and known[0] == version:
            return known[1]
        bound = self.con.bound(text, values)
        if version is not None and not is_changeable and len(text) < SHORT:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[text] = (version, bound)
        return bound

    def _make_room(self) -> None:
        """Free the session of the rows that are still being read from it."""
        if self._streaming is not None and self._streaming.is_streaming:
            self._streaming.set_aside()
        self._streaming = None

    # Settings

    def _set(self, wanted: SetParameter) -> Answer:
        if self.settings.shown(wanted.name) == "TimeZone" and wanted.value is not None:
            self._set_time_zone(wanted.value)
        value = self.settings.change(wanted.name, wanted.value, wanted.is_local)
        if wanted.name == "search_path":
            self._look_in(value)
        elif wanted.value is None and self.settings.shown(wanted.name) == "TimeZone":
            self._set_time_zone(value)
        self.changed.append(wanted.name)
        self._publish_settings()
        if not wanted.is_query:
            return Answer("SET")
        return self._values([ResultColumn("set_config", types.TEXT)], [[value]])

    def _show(self, name: str) -> Answer:
        every = [[shown, value, ""] for shown, value in self.settings]
        rows = every if name == "all" else [[self.settings[name]]]
        answer = self._values(_setting_columns(self.settings, name), rows)
        answer.tag, answer.counts = "SHOW", False
        return answer

    def _reset(self, name: str) -> Answer:
        if name == "all":
            self.changed += self.settings.reset()
            self._apply_settings()
        else:
            self._set(SetParameter(name, None))
        return Answer("RESET")

    def _discard(self, what: str) -> Answer:
        if what == "all":
            if self._transaction is not None and not self._transaction.is_implicit:
                raise WireError("25001", "DISCARD ALL cannot run inside a transaction block")
            self._reset("all")
            self._close_cursor(None)
            self.prepared.clear()
        if what in {"all", "temp", "temporary"}:
            for (table,) in sessions.read(
                self.con, "SELECT table_name FROM duckdb_tables() WHERE temporary AND NOT internal"
            ):
                sessions.write(self.con, f"DROP TABLE temp.{quote(table)}")
        return Answer("DISCARD " + what.upper())

    def _apply_settings(self) -> None:
        """Let DuckDB have those that are its own, too."""
        self._set_time_zone(self.settings["TimeZone"])
        self._look_in(self.settings["search_path"])
        self._publish_settings()

    def _look_in(self, search_path: str) -> None:
        """Look for names in the schemas of a search path, then among those that PostgreSQL brings."""
        self._make_room()
        self._known.clear()
        places = catalog.places(self.con, self.database, search_path)
        sessions.write(self.con, f"SET search_path = {literal(places)}")

    def _set_time_zone(self, zone: str) -> None:
        self._make_room()
        try:
            sessions.write(self.con, f"SET TimeZone = {literal(zone)}")
        except duckdb.Error as error:
            raise WireError("22023", f"There is no time zone '{zone}'.") from error

    def _publish_settings(self) -> None:
        """Let queries read the settings, as current_setting() of the catalog does."""
        self._make_room()
        pairs = ", ".join(
            f"{literal(name.lower())}: {literal(value)}" for name, value in self.settings
        )
        sessions.write(self.con, f"SET VARIABLE {catalog.SETTINGS} = MAP {{{pairs}}}")
        sessions.write(self.con, f"SET VARIABLE {catalog.USER} = {literal(self.user)}")

    def _values(self, columns: Sequence[ResultColumn], rows: Sequence[Sequence[str]]) -> Answer:
        """An answer of texts that the session itself knows."""
        self._make_room()
        values = ", ".join("(" + ", ".join(literal(value) for value in row) + ")" for row in rows)
        source = Source(self.con.stream(f"SELECT * FROM (VALUES {values})"))
        self._streaming = source
        return Answer("SELECT", columns, source, counts=True)

    # Cursors

    def _cursor(self, name: str) -> Cursor:
        """A cursor, or a portal, which FETCH and MOVE take as well."""
        portal = self.portals.get(name)
        if portal is not None and name not in self.cursors:
            if portal.answer is None:
                portal.answer = self.run(portal.prepared.command, portal.values)
            if portal.answer.source is not None and portal.answer.columns is not None:
                return Cursor(portal.answer.columns, portal.answer.source, False)
        if name not in self.cursors:
            raise WireError("34000", f'cursor "{name}" does not exist')
        return self.cursors[name]

    def _declare(self, wanted: DeclareCursor, values: list[Any] | None) -> Answer:
        if self._transaction is None and not wanted.is_held:
            raise WireError("25P01", "DECLARE CURSOR can only be used in transaction blocks")
        if wanted.name in self.cursors:
            raise WireError("42P03", f'cursor "{wanted.name}" already exists')
        answer = self._run_sql(Sql(wanted.query, "select"), values)
        if answer.source is None or answer.columns is None:
            raise WireError("42601", "A cursor is declared for a query.")
        self.cursors[wanted.name] = Cursor(answer.columns, answer.source, wanted.is_held)
        return Answer("DECLARE CURSOR")

    def _fetch(self, wanted: Fetch) -> Answer:
        cursor = self._cursor(wanted.name)
        if wanted.is_move:
            moved = sum(batch.num_rows for batch in cursor.source.take(wanted.count))
            return Answer(f"MOVE {moved}")
        return Answer("FETCH", cursor.columns, cursor.source, wanted.count, counts=True)

    def _close_cursor(self, name: str | None) -> Answer:
        for found in list(self.cursors) if name is None else [name]:
            cursor = self._cursor(found)
            cursor.source.close()
            del self.cursors[found]
        return Answer("CLOSE CURSOR" if name is not None else "CLOSE CURSOR ALL")

    def _deallocate(self, name: str | None) -> Answer:
        if name is None:
            self.prepared.clear()
        elif name in self.prepared:
            del self.prepared[name]
        else:
            self._run_plain(f"DEALLOCATE {quote(name)}")
        return Answer("DEALLOCATE ALL" if name is None else "DEALLOCATE")

    # While a statement runs

    def guarded(self, work: Iterator[bytes]) -> Iterator[bytes]:
        """Let `work` go on with the time limit of statements over it, and on behalf of the user."""
        limit = self.settings.seconds("statement_timeout")
        timer = threading.Timer(limit, self.cancel, ["statement timeout"]) if limit else None
        if timer is not None:
            timer.daemon = True
            timer.start()
        self._stopped, self._is_busy = "", True
        token = authors.acting_for.set(self.user)
        try:
            yield from work
        except duckdb.InterruptException as error:
            raise self._why_stopped() from error
        finally:
            self._is_busy = False
            if timer is not None:
                timer.cancel()
            try:
                authors.acting_for.reset(token)
            except ValueError:  # the rest ran on another thread, which has a context of its own
                authors.acting_for.set(None)

    def _why_stopped(self) -> WireError:
        return WireError("57014", f"canceling statement due to {self._stopped or 'user request'}")

    def _on_iteration(self, progress: Progress) -> None:
        if self._stopped:
            raise self._why_stopped()
        now = time.monotonic()
        if now - self._told_at < _BETWEEN_NOTICES and progress.iteration < progress.max_iter:
            return
        self._told_at = now
        losses = f"loss {progress.loss:.4f}"
        if progress.eval_loss is not None:
            losses += f", validation {progress.eval_loss:.4f}"
        message = f"training: pass {progress.iteration} of at most {progress.max_iter}, {losses}"
        self.tell(Report("00000", message, severity="NOTICE"))

    def _on_warning(self, model: str, warning: ModelWarning) -> None:
        self.tell(
            Report("01000", f"{model}: {warning.message} [{warning.code}]", severity="WARNING")
        )

    def close(self) -> None:
        """End the session: what is open is rolled back and forgotten."""
        for cursor in self.cursors.values():
            cursor.source.close()
        for portal in self.portals.values():
            if portal.answer is not None:
                portal.answer.close()
        self.con.close()


_BETWEEN_NOTICES = 1.0  # seconds
_REMEMBERED = 256  # statements of a session
_PLAIN_QUERIES = frozenset({"select", "from", "with", "values", "("})


def _understood(sql: Sql) -> str:
    """What DuckDB is given for a statement; raises WireError for a function that isn't for clients."""
    text = catalog.understood(sql.text)
    roles.check_functions(sql.text, text)
    return text


def _columns(sql: Sql, text: str, columns: Sequence[binding.Column]) -> list[ResultColumn]:
    """The columns of a query; one on the catalogs has been put into other words, and has types of its own."""
    column_of = result_column if text is sql.text else catalog_column
    return [column_of(column.name, column.sql_type) for column in columns]


_COUNTED = {"insert": "INSERT 0", "update": "UPDATE", "delete": "DELETE", "merge": "MERGE"}


def _setting_columns(settings: Settings, name: str) -> list[ResultColumn]:
    if name == "all":
        return [ResultColumn(title, types.TEXT) for title in ("name", "setting", "description")]
    settings[name]  # raises when there is none of that name
    return [ResultColumn(settings.shown(name), types.TEXT)]


def _tag(sql: Sql, count: int) -> str:
    """How PostgreSQL calls a statement without rows, with the number of rows that it has changed."""
    if sql.verb in _COUNTED:
        return f"{_COUNTED[sql.verb]} {count}"
    if sql.verb == "truncate":
        return "TRUNCATE TABLE"
    words = [word.upper() for word in sql.text.replace("(", " ").split()[:6]]
    words = [
        word
        for word in words
        if word not in {"OR", "REPLACE", "TEMP", "TEMPORARY", "UNIQUE", "RECURSIVE"}
    ]
    return " ".join(words[:2]) if sql.verb in {"create", "drop", "alter"} else sql.verb.upper()
