"""The dialogue with an authenticated client: which messages may follow which, and their responses.

Responses are generators of bytes. They end when the buffer has no complete message, and the caller
starts them again after it has fed more bytes.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

from pygwire import messages
from pygwire.messages import PGMessage

from duckml.server.errors import Report, WireError, report
from duckml.server.protocol import messages as responses
from duckml.server.protocol.extended_query import ExtendedQuery
from duckml.server.protocol.message_buffer import MessageBuffer
from duckml.server.protocol.simple_query import SimpleQuery
from duckml.server.protocol.statement_responses import StatementObserver, StatementResponses
from duckml.server.session.session import Session

_SIMPLE_TYPES = frozenset({b"Q", b"F"})  # Query and FunctionCall


class Dialogue:
    """The dialogue of one session, from the startup handshake to Terminate."""

    def __init__(
        self, received: MessageBuffer, session: Session, observer: StatementObserver
    ) -> None:
        self._received = received
        self._session = session
        self._shared = StatementResponses(session, observer)
        self._simple = SimpleQuery(session, self._shared)
        self._extended = ExtendedQuery(received, session, self._shared)
        # After an error in the extended protocol, messages are skipped up to the next Sync.
        self._skips_to_sync = False
        self.has_ended = False

    def process_messages(self) -> Generator[bytes, None, None]:
        """Yield the responses to the received messages.

        Raises a fatal WireError for malformed bytes; the connection then has to end.
        """
        while not self.has_ended:
            self._received.discard_copy_messages()
            message_type = self._received.next_type
            try:
                message = self._received.next_message()
            except WireError as error:
                if error.is_fatal:
                    raise
                yield from self._refuse(message_type, error)
                continue
            if message is None:
                return
            yield from self._process(message)

    def _process(self, message: PGMessage) -> Iterator[bytes]:
        match message:
            case messages.Terminate():
                self.has_ended = True
            case messages.Query():
                yield from self._simple.process(message.query_string)
            case messages.Sync():
                self._skips_to_sync = False
                yield from self._extended.sync()
            case _ if self._skips_to_sync:
                pass
            case messages.Flush():
                pass  # responses are not held back, so there is nothing to flush
            case (
                messages.Parse()
                | messages.Bind()
                | messages.Describe()
                | messages.Execute()
                | messages.Close()
            ):
                try:
                    yield from self._extended.process(message)
                except Exception as error:
                    yield from self._shared.error(error, self._extended.sql_of(message))
                    self._skips_to_sync = True
            case _:
                text = f"{type(message).__name__} is not supported."
                raise WireError("08P01", text, is_fatal=True)

    def _refuse(self, message_type: bytes, error: WireError) -> Iterator[bytes]:
        """Yield the responses to a message that was read but cannot be decoded."""
        if message_type in _SIMPLE_TYPES:
            yield from self._shared.error(error)
            yield from self._shared.end_failed_transaction()
            yield responses.ready_for_query(self._session.status)
        elif not self._skips_to_sync:
            yield from self._shared.error(error)
            self._skips_to_sync = True


def fatal_error(error: BaseException) -> bytes:
    """Return the ErrorResponse that ends a connection."""
    found = report(error)
    fatal = Report(found.sqlstate, found.message, found.hint, severity="FATAL")
    return responses.error_response(fatal)
