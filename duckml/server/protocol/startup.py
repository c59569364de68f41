"""The startup handshake of a connection: TLS, cancel requests, authentication."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

from pygwire import messages
from pygwire.constants import ConnectionPhase as Phase
from pygwire.constants import StartupRequestCode
from pygwire.messages import PGMessage

from duckml.server.errors import WireError
from duckml.server.protocol import messages as responses
from duckml.server.protocol.authentication import Authenticator
from duckml.server.protocol.message_buffer import MessageBuffer
from duckml.server.protocol.scram import ScramExchange
from duckml.server.session.session import Session
from duckml.server.users import MECHANISM

_SECRET_BYTES = 4  # of a cancel key in version 3.0 of the protocol


@dataclass(frozen=True)
class TlsPolicy:
    """Whether clients can use TLS, and whether they have to."""

    is_offered: bool
    is_required: bool


@dataclass(frozen=True)
class StartupOutcome:
    """The end of a handshake: a session, a cancel request, a switch to TLS, or termination."""

    session: Session | None = None
    cancel: tuple[int, bytes] | None = None
    starts_tls: bool = False
    is_terminated: bool = False


PENDING = StartupOutcome()


class StartupHandshake:
    """The startup handshake of one connection.

    `open_session` receives the user, the parameters of the startup message, and the process id
    and the secret of a cancel key.
    """

    def __init__(
        self,
        received: MessageBuffer,
        authenticator: Callable[[], Authenticator],
        open_session: Callable[[str, dict[str, str], int, bytes], Session],
        tls: TlsPolicy,
        pid: int,
    ) -> None:
        self._received = received
        self._authenticator = authenticator
        self._open_session = open_session
        self._tls = tls
        self._is_encrypted = False
        self._pid = pid
        self._startup: messages.StartupMessage | None = None
        self._exchange: ScramExchange | None = None
        self.outcome = PENDING

    @property
    def user(self) -> str:
        """Return the user name that the client has sent, or '' before the startup message."""
        return self._startup.params.get("user", "") if self._startup is not None else ""

    def continue_encrypted(self) -> None:
        """Continue the handshake after the connection has switched to TLS."""
        self._is_encrypted = True
        self.outcome = PENDING

    def process_messages(self) -> Generator[bytes, None, None]:
        """Yield responses to the received messages until `outcome` is set or none is left.

        Raises WireError if the client cannot log in.
        """
        while self.outcome == PENDING and (message := self._received.next_message()) is not None:
            yield from self._process(message)

    def _process(self, message: PGMessage) -> Iterator[bytes]:
        match message:
            case messages.SSLRequest():
                yield self._tls_response()
            case messages.GSSEncRequest():
                yield responses.ENCRYPTION_REFUSED
            case messages.CancelRequest():
                key = (message.process_id, bytes(message.secret_key))
                self.outcome = StartupOutcome(cancel=key)
            case messages.StartupMessage():
                yield from self._start(message)
            case messages.SASLInitialResponse() if self._exchange is not None:
                yield self._first_sasl_response(self._exchange, message)
            case messages.SASLResponse() if self._exchange is not None:
                yield responses.sasl_final(self._exchange.final_response(bytes(message.data)))
                yield from self._finish()
            case messages.Terminate():
                self.outcome = StartupOutcome(is_terminated=True)
            case _:
                text = f"{type(message).__name__} is not allowed before the login."
                raise WireError("08P01", text, is_fatal=True)

    def _tls_response(self) -> bytes:
        if len(self._received):
            # Bytes sent before TLS would be treated as encrypted (CVE-2021-23214).
            message = "Unencrypted data was received after the request for TLS."
            raise WireError("08P01", message, is_fatal=True)
        if not self._tls.is_offered or self._is_encrypted:
            return responses.ENCRYPTION_REFUSED
        self.outcome = StartupOutcome(starts_tls=True)
        return responses.TLS_ACCEPTED

    def _start(self, message: messages.StartupMessage) -> Iterator[bytes]:
        if self._startup is not None:
            raise WireError("08P01", "A second startup message was received.", is_fatal=True)
        self._startup = message
        options = [name for name in message.params if name.startswith("_pq_.")]
        if message.protocol_version != StartupRequestCode.V3_0 or options:
            yield responses.negotiate_version(options)
        if not self.user:
            raise WireError("28000", "The startup message has no user name.", is_fatal=True)
        if self._tls.is_required and not self._is_encrypted:
            text = "This server accepts TLS connections only."
            raise WireError("28000", text, "Connect with sslmode=require.", is_fatal=True)
        authenticator = self._authenticator()
        if not authenticator.requires_password:
            yield from self._finish()
            return
        self._exchange = authenticator.start_exchange(self.user)
        self._received.phase = Phase.AUTHENTICATING_SASL_INITIAL
        yield responses.sasl_mechanisms([MECHANISM])

    def _first_sasl_response(
        self, exchange: ScramExchange, message: messages.SASLInitialResponse
    ) -> bytes:
        if message.mechanism != MECHANISM:
            text = f"Expected the SASL mechanism {MECHANISM}, found '{message.mechanism}'."
            raise WireError("28000", text, is_fatal=True)
        self._received.phase = Phase.AUTHENTICATING_SASL_CONTINUE
        return responses.sasl_continue(exchange.first_response(bytes(message.data)))

    def _finish(self) -> Iterator[bytes]:
        assert self._startup is not None
        secret = secrets.token_bytes(_SECRET_BYTES)
        parameters = dict(self._startup.params)
        session = self._open_session(self.user, parameters, self._pid, secret)
        self._received.phase = Phase.READY
        self.outcome = StartupOutcome(session)
        yield responses.AUTHENTICATION_OK
        for name, value in session.reported_settings():
            yield responses.parameter_status(name, value)
        yield responses.backend_key_data(self._pid, secret)
        yield responses.ready_for_query("I")
