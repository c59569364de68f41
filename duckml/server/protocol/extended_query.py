"""The extended query protocol: Parse, Bind, Describe, Execute, Close and Sync."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pygwire import messages
from pygwire.messages import PGMessage

from duckml.server.errors import WireError
from duckml.server.protocol import messages as responses
from duckml.server.protocol.message_buffer import MessageBuffer
from duckml.server.protocol.statement_responses import StatementResponses
from duckml.server.session.command_result import CommandResult
from duckml.server.session.commands import TRANSACTION_COMMANDS
from duckml.server.session.prepared import Portal, PreparedStatement
from duckml.server.session.session import Session
from duckml.server.values.format_codes import binary_flags
from duckml.server.values.result_columns import ResultColumn

_SYNC = b"S"


class ExtendedQuery:
    """The extended query protocol of one session."""

    def __init__(
        self, received: MessageBuffer, session: Session, shared: StatementResponses
    ) -> None:
        self._received = received
        self._session = session
        self._shared = shared

    def process(self, message: PGMessage) -> Iterator[bytes]:
        """Yield the responses to one message; raises what the statement raises."""
        session = self._session
        match message:
            case messages.Parse(name, sql, oids):
                session.prepare(name, sql, oids)
                yield responses.PARSE_COMPLETE
            case messages.Bind():
                self._bind(message)
                yield responses.BIND_COMPLETE
            case messages.Describe("S", name):
                prepared = session.prepared_statement(name)
                yield from session.interruptible(self._describe_statement(prepared))
            case messages.Describe("P", name):
                yield from session.interruptible(self._describe_portal(name))
            case messages.Execute(name, count):
                portal = session.portal(name)
                work = session.interruptible(self._execute(portal, count))
                yield from self._shared.observed(portal.statement, work)
            case messages.Close("S", name):
                session.close_prepared_statement(name)
                yield responses.CLOSE_COMPLETE
            case messages.Close("P", name):
                session.close_portal(name)
                yield responses.CLOSE_COMPLETE
            case _:
                text = "Expected S (statement) or P (portal) in Describe or Close."
                raise WireError("08P01", text)

    def sync(self) -> Iterator[bytes]:
        """End the implicit transaction and yield the responses to Sync."""
        session = self._session
        try:
            session.end_implicit()
        except Exception as error:
            yield from self._shared.error(error)
            yield from self._shared.end_failed_transaction()
        if session.status == "I":
            session.close_portals()
        yield from self._shared.changed_settings()
        yield responses.ready_for_query(session.status)

    def sql_of(self, message: PGMessage) -> str:
        """Return the statement that an error of a message is about, or '' if there is none."""
        match message:
            case messages.Parse():
                return message.query
            case messages.Execute():
                portal = self._session.find_portal(message.portal)
                return portal.statement.text if portal is not None else ""
            case messages.Bind():
                name = message.statement
            case _:
                name = getattr(message, "name", "")
        prepared = self._session.find_prepared_statement(name)
        return prepared.statement.text if prepared is not None else ""

    def _bind(self, message: messages.Bind) -> None:
        prepared = self._session.prepared_statement(message.statement)
        self._session.bind(
            message.portal,
            prepared,
            message.param_values,
            message.param_formats,
            message.result_formats,
        )

    def _describe_statement(self, prepared: PreparedStatement) -> Iterator[bytes]:
        oids, columns = self._session.describe(prepared)
        yield responses.parameter_description(oids)
        if columns is None:
            yield responses.NO_DATA
        else:
            # The result formats are not known before Bind.
            yield responses.text_row_description(columns)

    def _describe_portal(self, name: str) -> Iterator[bytes]:
        columns, formats = self._session.describe_portal(name)
        if columns is None:
            yield responses.NO_DATA
        else:
            yield responses.row_description(columns, binary_flags(formats, len(columns)))

    def _execute(self, portal: Portal, count: int) -> Iterator[bytes]:
        if portal.result is None:
            if portal.statement.is_empty:
                yield responses.EMPTY_QUERY
                return
            self._begin_implicit_transaction(portal)
        result = self._session.execute(portal)
        self._shared.result = result
        binary: list[bool] = []
        if result.copy is None:
            binary = binary_flags(portal.result_formats, len(result.columns or ()))
            _check_described_columns(portal.columns, result.columns, binary)
        sent_before = result.sent
        if not result.is_done:
            yield from self._shared.rows(result, binary, count or None)
        if result.is_done:
            yield responses.command_complete(_tag(result, sent_before))
        else:
            yield responses.PORTAL_SUSPENDED

    def _begin_implicit_transaction(self, portal: Portal) -> None:
        # A statement followed by Sync can be a transaction of its own.
        is_alone = self._received.next_type == _SYNC
        if not is_alone and not isinstance(portal.statement.command, TRANSACTION_COMMANDS):
            self._session.begin_implicit()


def _check_described_columns(
    described: Sequence[ResultColumn] | None,
    found: Sequence[ResultColumn] | None,
    binary: Sequence[bool],
) -> None:
    """Raise WireError if binary columns differ from the ones that the client expects.

    They can differ when a parameter was described without its type.
    """
    if described is None or found is None or not any(binary):
        return
    expected_layouts = [column.layout for column in described]
    if expected_layouts != [column.layout for column in found]:
        raise WireError("0A000", "cached plan must not change result type")


def _tag(result: CommandResult, sent_before: int) -> str:
    """Return the command tag, with the number of rows that this Execute has sent."""
    if not result.counts:
        return result.tag
    return result.full_tag if sent_before == 0 else f"{result.tag} {result.sent - sent_before}"
