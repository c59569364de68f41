"""What may follow what between a client and its session: messages in, bytes out. No sockets, no threads.

`greet` is the beginning, until the client is let in; `converse` all that follows. Both are generators of bytes to send,
and read from the inbox what is there: where it holds no whole message they end, and are called again when it does.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from pygwire import messages
from pygwire.constants import ConnectionPhase as Phase
from pygwire.constants import StartupRequestCode
from pygwire.messages import PGMessage

from duckml.server.errors import Report, WireError, report
from duckml.server.protocol import messages as protocol
from duckml.server.protocol.messages import Inbox
from duckml.server.session.client_statement import ClientStatement, split_statements
from duckml.server.session.command_result import CommandResult
from duckml.server.session.commands import TRANSACTION_COMMANDS
from duckml.server.session.prepared import Portal, PreparedStatement
from duckml.server.session.session import Session
from duckml.server.users import MECHANISM, Exchange, Gate
from duckml.server.values.copy_format import (
    COPY_BINARY_HEADER,
    COPY_BINARY_TRAILER,
    copy_header,
    copy_rows,
)
from duckml.server.values.format_codes import binary_flags
from duckml.server.values.rows import data_rows


class Observer(Protocol):
    """Who is told of what goes on, for logs and metrics."""

    def statement(
        self,
        session: Session,
        statement: ClientStatement,
        seconds: float,
        rows: int,
        sqlstate: str,
    ) -> None:
        """A statement has ended, with an SQLSTATE of '00000' where it went well."""

    def failure(self, session: Session | None, error: BaseException) -> None:
        """Something broke that is the server's own fault."""


@dataclass(frozen=True)
class Greeting:
    """How a greeting ended: with a session, with a wish to cancel another's statement, or with TLS to be begun."""

    session: Session | None = None
    cancel: tuple[int, bytes] | None = None
    starts_tls: bool = False
    ends: bool = False


class Doorman:
    """The beginning of a connection: TLS, who is there, the password, and what the client is told at first."""

    def __init__(
        self,
        inbox: Inbox,
        find_gate: Callable[[], Gate],
        open_session: Callable[[str, dict[str, str], int, bytes], Session],
        offers_tls: bool,
        requires_tls: bool,
        pid: int,
    ) -> None:
        self._inbox = inbox
        self._find_gate = find_gate
        self._open_session = open_session
        self._offers_tls = offers_tls
        self._requires_tls = requires_tls
        self._is_encrypted = False
        self._pid = pid
        self._startup: messages.StartupMessage | None = None
        self._exchange: Exchange | None = None
        self.outcome = Greeting()

    @property
    def user(self) -> str:
        """Who says to be there, '' before that."""
        return self._startup.params.get("user", "") if self._startup is not None else ""

    def encrypted(self) -> None:
        """Note that everything is encrypted from now on."""
        self._is_encrypted = True
        self.outcome = Greeting()

    def greet(self) -> Iterator[bytes]:
        """Go on with the greeting as far as the inbox allows; `outcome` says whether it is over.

        Raises WireError where the client isn't let in.
        """
        while self.outcome == Greeting() and (message := self._inbox.take()) is not None:
            yield from self._answer(message)

    def _answer(self, message: PGMessage) -> Iterator[bytes]:
        match message:
            case messages.SSLRequest():
                if len(self._inbox):
                    # What came in the clear behind it would be taken for encrypted (CVE-2021-23214).
                    raise WireError(
                        "08P01",
                        "Something was sent in the clear behind the request for TLS.",
                        "",
                        True,
                    )
                if self._offers_tls and not self._is_encrypted:
                    self.outcome = Greeting(starts_tls=True)
                    yield b"S"
                else:
                    yield b"N"
            case messages.GSSEncRequest():
                yield b"N"
            case messages.CancelRequest():
                self.outcome = Greeting(cancel=(message.process_id, bytes(message.secret_key)))
            case messages.StartupMessage():
                yield from self._begin(message)
            case messages.SASLInitialResponse() if self._exchange is not None:
                if message.mechanism != MECHANISM:
                    raise WireError("28000", f"The password is proved by {MECHANISM}.", "", True)
                self._inbox.phase = Phase.AUTHENTICATING_SASL_CONTINUE
                yield protocol.sasl_continue(self._exchange.first(bytes(message.data)))
            case messages.SASLResponse() if self._exchange is not None:
                yield protocol.sasl_final(self._exchange.final(bytes(message.data)))
                yield from self._let_in()
            case messages.Terminate():
                self.outcome = Greeting(ends=True)
            case _:
                raise WireError(
                    "08P01", f"{type(message).__name__} can't come before the login.", "", True
                )

    def _begin(self, message: messages.StartupMessage) -> Iterator[bytes]:
        if self._startup is not None:
            raise WireError("08P01", "A second startup message.", "", True)
        self._startup = message
        options = [name for name in message.params if name.startswith("_pq_.")]
        if message.protocol_version != StartupRequestCode.V3_0 or options:
            yield protocol.negotiate_version(options)
        if not self.user:
            raise WireError("28000", "No user was named.", "", True)
        if self._requires_tls and not self._is_encrypted:
            raise WireError("28000", "This server is reached by TLS only.", "sslmode=require", True)
        gate = self._find_gate()
        if gate.is_open:
            yield from self._let_in()
            return
        self._exchange = gate.exchange(self.user)
        self._inbox.phase = Phase.AUTHENTICATING_SASL_INITIAL
        yield protocol.sasl_mechanisms([MECHANISM])

    def _let_in(self) -> Iterator[bytes]:
        assert self._startup is not None
        secret = secrets.token_bytes(4)
        session = self._open_session(self.user, dict(self._startup.params), self._pid, secret)
        self._inbox.phase = Phase.READY
        self.outcome = Greeting(session)
        yield protocol.AUTHENTICATION_OK
        for name, value in session.reported_settings():
            yield protocol.parameter_status(name, value)
        yield protocol.backend_key(self._pid, secret)
        yield protocol.ready("I")


class Dialogue:
    """The talk with a client that has been let in."""

    def __init__(self, inbox: Inbox, session: Session, observer: Observer) -> None:
        self._inbox = inbox
        self._session = session
        self._observer = observer
        self._answer_at_hand: CommandResult | None = None
        self._skips = False  # after an error everything up to the next Sync is passed over
        self.has_ended = False

    def converse(self) -> Iterator[bytes]:
        """Answer the messages of the inbox.

        Raises WireError for what is no message: then the connection has to end.
        """
        while not self.has_ended:
            self._inbox.pass_over_copies()
            kind = self._inbox.next_kind
            try:
                message = self._inbox.take()
            except WireError as error:
                if error.is_fatal:
                    raise
                yield from self._unreadable(kind, error)
                continue
            if message is None:
                return
            yield from self._answer(message)

    def _unreadable(self, kind: bytes, error: WireError) -> Iterator[bytes]:
        if kind in {b"Q", b"F"}:
            yield from self._failed(error, "")
            yield from self._end_implicit()
            yield protocol.ready(self._session.status)
        elif not self._skips:
            yield from self._failed(error, "")
            self._skips = True

    def _answer(self, message: PGMessage) -> Iterator[bytes]:
        match message:
            case messages.Terminate():
                self.has_ended = True
            case messages.Query():
                yield from self._simple(message.query_string)
            case messages.Sync():
                yield from self._sync()
            case _ if self._skips:
                pass
            case messages.Flush():
                pass  # everything is sent as soon as it is there
            case (
                messages.Parse()
                | messages.Bind()
                | messages.Describe()
                | messages.Execute()
                | messages.Close()
            ):
                try:
                    yield from self._extended(message)
                except Exception as error:
                    yield from self._failed(error, self._sql_of(message))
                    self._skips = True
            case _:
                raise WireError(
                    "08P01", f"{type(message).__name__} isn't understood here.", "", True
                )

    # The simple protocol

    def _simple(self, sql: str) -> Iterator[bytes]:
        session = self._session
        session.close_portal("")
        session.close_prepared_statement("")
        try:
            parts = split_statements(sql)
            commands = [part.command for part in parts]
            if not parts:
                yield protocol.EMPTY_QUERY
            # Several statements sent together are one transaction, unless they say themselves what is one.
            if len(parts) > 1 and not any(
                isinstance(wanted, TRANSACTION_COMMANDS) for wanted in commands
            ):
                session.begin_implicit()
            for part in parts:
                yield from self._timed(part, session.interruptible(self._whole(part)))
                yield from self._changes()
            session.end_implicit()
        except Exception as error:
            yield from self._failed(error, sql)
            yield from self._end_implicit()
        yield from self._changes()
        yield protocol.ready(session.status)

    def _whole(self, statement: ClientStatement) -> Iterator[bytes]:
        """A command from its columns to its tag."""
        answer = self._session.run(statement)
        self._answer_at_hand = answer
        if answer.columns is not None and answer.copy is None:
            yield protocol.row_description(answer.columns, [False] * len(answer.columns))
        yield from self._rows(answer, [False] * len(answer.columns or ()), None)
        yield protocol.complete(answer.full_tag)

    def _rows(
        self, answer: CommandResult, binary: list[bool], count: int | None
    ) -> Iterator[bytes]:
        if answer.rows is None or answer.columns is None:
            answer.is_done = True
            return
        if answer.copy is not None:
            yield from self._copied(answer)
            return
        for batch in answer.batches(count):
            yield data_rows(batch, answer.columns, binary)

    def _copied(self, answer: CommandResult) -> Iterator[bytes]:
        """COPY … TO STDOUT; in binary the header comes in one message with the first row, as clients expect it."""
        assert answer.copy is not None
        assert answer.columns is not None
        is_binary = answer.copy.format == "binary"
        yield protocol.copy_out(is_binary, len(answer.columns))
        before = COPY_BINARY_HEADER if is_binary else b""
        if answer.copy.header and not is_binary:
            yield copy_header(answer.columns, answer.copy)
        for batch in answer.batches():
            yield protocol.with_prefix(copy_rows(batch, answer.columns, answer.copy), before)
            before = b""
        if is_binary:
            yield protocol.copy_data(before + COPY_BINARY_TRAILER)
        yield protocol.COPY_DONE

    # The extended protocol

    def _extended(self, message: PGMessage) -> Iterator[bytes]:
        session = self._session
        match message:
            case messages.Parse(name, sql, oids):
                session.prepare(name, sql, oids)
                yield protocol.PARSE_COMPLETE
            case messages.Bind():
                self._bind(message)
                yield protocol.BIND_COMPLETE
            case messages.Describe("S", name):
                prepared = session.prepared_statement(name)
                yield from session.interruptible(self._describe_statement(prepared))
            case messages.Describe("P", name):
                yield from session.interruptible(self._describe_portal(name))
            case messages.Execute(name, count):
                portal = session.portal(name)
                yield from self._timed(
                    portal.statement, session.interruptible(self._execute(portal, count))
                )
            case messages.Close("S", name):
                session.close_prepared_statement(name)
                yield protocol.CLOSE_COMPLETE
            case messages.Close("P", name):
                session.close_portal(name)
                yield protocol.CLOSE_COMPLETE
            case _:
                raise WireError(
                    "08P01", "Describe and Close are of a statement (S) or a portal (P)."
                )

    def _bind(self, message: messages.Bind) -> None:
        session = self._session
        session.bind(
            message.portal,
            session.prepared_statement(message.statement),
            message.param_values,
            message.param_formats,
            message.result_formats,
        )

    def _describe_statement(self, prepared: PreparedStatement) -> Iterator[bytes]:
        oids, columns = self._session.describe(prepared)
        yield protocol.parameter_description(oids)
        yield (
            protocol.NO_DATA
            if columns is None
            else protocol.row_description(columns, [False] * len(columns))
        )

    def _describe_portal(self, name: str) -> Iterator[bytes]:
        """The columns of a portal, or of a cursor of DECLARE, and their formats."""
        columns, formats = self._session.describe_portal(name)
        if columns is None:
            yield protocol.NO_DATA
        else:
            yield protocol.row_description(columns, binary_flags(formats, len(columns)))

    def _execute(self, portal: Portal, count: int) -> Iterator[bytes]:
        session = self._session
        if portal.result is None:
            if portal.statement.is_empty:
                yield protocol.EMPTY_QUERY
                return
            is_transaction = isinstance(portal.statement.command, TRANSACTION_COMMANDS)
            if not self._ends_alone() and not is_transaction:
                session.begin_implicit()
        answer = session.execute(portal)
        self._answer_at_hand = answer
        binary = (
            binary_flags(portal.result_formats, len(answer.columns or ()))
            if answer.copy is None
            else []
        )
        if portal.columns is not None and answer.columns is not None and answer.copy is None:
            # As it was announced, should a parameter without a type have made something else of it.
            announced, found = (
                [column.layout for column in known] for known in (portal.columns, answer.columns)
            )
            if announced != found and any(binary):
                raise WireError("0A000", "cached plan must not change result type")
        before = answer.sent
        if not answer.is_done:
            yield from self._rows(answer, binary, count or None)
        if answer.is_done:
            tag = answer.full_tag if before == 0 else f"{answer.tag} {answer.sent - before}"
            yield protocol.complete(tag if answer.counts else answer.tag)
        else:
            yield protocol.PORTAL_SUSPENDED

    def _ends_alone(self) -> bool:
        """Whether Sync is what follows: then a statement can be a transaction of its own."""
        return self._inbox.next_kind == b"S"

    def _sync(self) -> Iterator[bytes]:
        self._skips = False
        session = self._session
        try:
            session.end_implicit()
        except Exception as error:
            yield from self._failed(error, "")
            yield from self._end_implicit()
        if session.status == "I":
            session.close_portals()
        yield from self._changes()
        yield protocol.ready(session.status)

    # Both

    def _timed(self, statement: ClientStatement, work: Iterator[bytes]) -> Iterator[bytes]:
        """Let `work` go on, and tell the observer how it went."""
        begun, sqlstate = time.perf_counter(), "00000"
        self._answer_at_hand = None
        try:
            yield from work
        except GeneratorExit:
            sqlstate = "08006"  # the client has gone
            raise
        except BaseException as error:
            sqlstate = report(error).sqlstate
            raise
        finally:
            answer = self._answer_at_hand
            rows = answer.sent if answer is not None else 0
            self._observer.statement(
                self._session, statement, time.perf_counter() - begun, rows, sqlstate
            )

    def _failed(self, error: Exception, sql: str) -> Iterator[bytes]:
        self._session.note_failure()
        told = report(error, sql)
        if told.sqlstate == "XX000":
            self._observer.failure(self._session, error)
        yield protocol.error(told)

    def _end_implicit(self) -> Iterator[bytes]:
        try:
            self._session.end_implicit()
        except Exception as error:
            yield protocol.error(report(error))

    def _changes(self) -> Iterator[bytes]:
        """Tell the client of the settings that have changed, those of which it is told."""
        for name, value in self._session.take_reported_changes():
            yield protocol.parameter_status(name, value)

    def _sql_of(self, message: PGMessage) -> str:
        """The text that an error of a message is about."""
        if isinstance(message, messages.Parse):
            return message.query
        name = getattr(message, "statement", None)
        if isinstance(message, messages.Execute):
            portal = self._session.find_portal(message.portal)
            return portal.statement.text if portal is not None else ""
        prepared = self._session.find_prepared_statement(
            name if name is not None else getattr(message, "name", "")
        )
        return prepared.statement.text if prepared is not None else ""


def farewell(error: BaseException) -> bytes:
    """What a client is told before its connection ends."""
    told = report(error)
    return protocol.error(Report(told.sqlstate, told.message, told.hint, 0, "FATAL"))
