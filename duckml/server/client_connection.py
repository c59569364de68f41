"""The connection of one client: the startup handshake, then the dialogue, until one side ends it.

Each connection is one asyncio task. DuckDB works on threads, one step of the responses at a time:
a step ends after some bytes, and the next one starts when the client has read them.
"""

from __future__ import annotations

import asyncio
import hmac
import ssl
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from functools import partial

from duckml.server.client_stream import ClientStream
from duckml.server.errors import Report, WireError
from duckml.server.monitoring import ServerMonitor
from duckml.server.protocol import messages
from duckml.server.protocol.dialogue import Dialogue, fatal_error
from duckml.server.protocol.message_buffer import MessageBuffer
from duckml.server.protocol.startup import StartupHandshake, TlsPolicy
from duckml.server.server_options import ServerOptions
from duckml.server.session.session import Session
from duckml.server.session_opening import OpenedSession, SessionOpener
from duckml.server.throttling import TOO_MANY_CLIENTS, HalfOpenLimit, LoginThrottle
from duckml.server.workers import WorkerThreads

_STEP = 1 << 18  # bytes of responses that are made before they are sent


@dataclass
class ServerState:
    """The objects that the connections of a server share."""

    options: ServerOptions
    monitor: ServerMonitor
    opener: SessionOpener
    tls: ssl.SSLContext | None
    statement_workers: WorkerThreads
    login_workers: WorkerThreads
    login_throttle: LoginThrottle = field(default_factory=LoginThrottle)
    half_open: HalfOpenLimit = field(default_factory=HalfOpenLimit)
    clients: dict[int, ClientConnection] = field(default_factory=dict)

    @property
    def session_count(self) -> int:
        """Return the number of clients that have logged in."""
        # This runs on login threads while the event loop adds and removes clients.
        return sum(client.has_session for client in list(self.clients.values()))

    def cancel(self, pid: int, secret: bytes) -> None:
        """Cancel the statement of a client if the secret is that of its session."""
        client = self.clients.get(pid)
        if client is not None:
            client.cancel_statement(secret)


class ClientConnection:
    """The connection of one client."""

    def __init__(self, state: ServerState, pid: int) -> None:
        self.pid = pid
        self._state = state
        self._secret = b""
        self._opened: OpenedSession | None = None
        self._stream = ClientStream(self._start, self._cancel_after_disconnect)
        self._received = MessageBuffer(state.options.limits.message)
        self._is_draining = False
        self._idle_since: float | None = None  # set while the next message is awaited
        self._has_idled = False
        self._idle_check: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def stream(self) -> ClientStream:
        """Return asyncio's protocol for this connection."""
        return self._stream

    @property
    def has_session(self) -> bool:
        """Return whether the client has logged in."""
        return self._opened is not None

    def cancel_statement(self, secret: bytes) -> None:
        """Cancel the running statement if the secret is that of this session."""
        session = self._session
        if session is not None and hmac.compare_digest(self._secret, secret):
            session.cancel()

    def drain(self) -> None:
        """End the connection after the running statement or transaction."""
        self._is_draining = True
        self._stream.wake()

    def abort(self) -> None:
        """Cancel the running statement and end the connection."""
        if self._session is not None:
            self._session.cancel("the end of the server")
        self._is_draining = True
        self._stream.wake()
        self._stream.abort()

    @property
    def _session(self) -> Session | None:
        return self._opened.session if self._opened is not None else None

    @property
    def _is_in_transaction(self) -> bool:
        return self._session is not None and self._session.status != "I"

    # From the start of the connection to its end

    def _start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._serve())

    async def _serve(self) -> None:
        state = self._state
        state.clients[self.pid] = self
        try:
            with state.half_open.handshake():
                async with asyncio.timeout(state.options.limits.startup):
                    dialogue = await self._handshake()
            if dialogue is not None:
                await self._serve_dialogue(dialogue)
        except TimeoutError:
            error = WireError("08006", "The login took too long.", is_fatal=True)
            self._stream.write(fatal_error(error))
        except WireError as error:
            self._stream.write(fatal_error(error))
        except (OSError, asyncio.CancelledError):
            # The connection is broken, so the client cannot receive an error.
            pass
        except Exception as error:
            state.monitor.failure(self._session, error)
            self._stream.write(fatal_error(error))
        finally:
            await self._close()

    async def _close(self) -> None:
        state = self._state
        if self._idle_check is not None:
            self._idle_check.cancel()
        if self._opened is not None:
            session = self._opened.session
            await state.statement_workers.run(session.close)
            state.monitor.logout(session)
            state.opener.close(self._opened)
        self._stream.close()
        state.clients.pop(self.pid, None)

    def _cancel_after_disconnect(self) -> None:
        if self._session is not None:
            self._session.cancel("lost connection")

    # Startup

    async def _handshake(self) -> Dialogue | None:
        """Return the dialogue with the client, or None if the client needs none or has gone."""
        state = self._state
        tls = TlsPolicy(is_offered=state.tls is not None, is_required=not state.options.is_local)
        users = state.opener.users
        handshake = StartupHandshake(
            self._received, users.read_for_client, self._open_session, tls, self.pid
        )
        try:
            return await self._complete(handshake)
        except WireError as error:
            address = self._stream.address
            if error.sqlstate == "28P01":
                state.login_throttle.record_failure(handshake.user, address)
            if error.sqlstate.startswith("28"):
                state.monitor.refused_login(handshake.user, address, error.sqlstate)
            raise

    async def _complete(self, handshake: StartupHandshake) -> Dialogue | None:
        state = self._state
        address = self._stream.address
        while True:
            await self._wait_for_message()
            if self._stream.is_disconnected or self._is_draining:
                return None
            if handshake.user:
                state.login_throttle.check(handshake.user, address)
            # Logins have threads of their own, because they must not wait for statements.
            await self._respond(handshake.process_messages(), state.login_workers)
            outcome = handshake.outcome
            if outcome.cancel is not None:
                state.cancel(*outcome.cancel)
                return None
            if outcome.is_terminated:
                return None
            if outcome.starts_tls:
                assert state.tls is not None
                await self._stream.start_tls(state.tls)
                handshake.continue_encrypted()
            if outcome.session is not None:
                state.monitor.login(outcome.session, address)
                return Dialogue(self._received, outcome.session, state.monitor)

    def _open_session(
        self, user: str, parameters: dict[str, str], pid: int, secret: bytes
    ) -> Session:
        """Open the session of an authenticated client; runs on a login thread."""
        state = self._state
        if state.session_count >= state.options.limits.connections:
            raise WireError("53300", TOO_MANY_CLIENTS, is_fatal=True)
        self._opened = state.opener.open(user, parameters, pid, self._send_notice)
        self._secret = secret
        return self._opened.session

    def _send_notice(self, notice: Report) -> None:
        """Send a notice at once; called on the thread that works for this client."""
        if self._task is not None:
            message = messages.notice_response(notice)
            self._task.get_loop().call_soon_threadsafe(self._stream.write, message)

    # Dialogue

    async def _serve_dialogue(self, dialogue: Dialogue) -> None:
        self._check_idleness()
        while not dialogue.has_ended and not self._stream.is_disconnected:
            if self._is_draining and not self._is_in_transaction:
                message = "terminating connection due to administrator command"
                raise WireError("57P01", message, is_fatal=True)
            self._idle_since = time.monotonic()
            await self._wait_for_message()
            if self._has_idled:
                message = "terminating connection due to idle-session timeout"
                raise WireError("57P05", message, is_fatal=True)
            self._idle_since = None
            if not self._stream.is_disconnected:
                await self._respond(dialogue.process_messages(), self._state.statement_workers)

    def _check_idleness(self) -> None:
        """End the connection if it has been idle for too long; otherwise check again later."""
        # One timer for each connection is cheaper than one for each message.
        limit = self._state.options.limits.idle
        left = limit
        if self._idle_since is not None:
            left = self._idle_since + limit - time.monotonic()
        if left > 0:
            loop = asyncio.get_running_loop()
            self._idle_check = loop.call_later(left, self._check_idleness)
        else:
            self._has_idled = True
            self._stream.wake()

    async def _wait_for_message(self) -> None:
        """Wait until a message is complete, or until there is a reason not to wait for one."""
        while True:
            for data in self._stream.take_received():
                self._received.feed(data)
            if self._received.has_message or self._stream.is_disconnected or self._has_idled:
                return
            if self._is_draining and not self._is_in_transaction:
                return
            await self._stream.wait()

    async def _respond(
        self, responses: Generator[bytes, None, None], workers: WorkerThreads
    ) -> None:
        """Make responses on worker threads and send them, step by step."""
        is_done = False
        while not is_done:
            data, is_done = await workers.run(partial(_next_step, responses))
            if self._stream.is_disconnected:
                await workers.run(responses.close)
                return
            self._stream.write(data)
            await self._stream.wait_until_writable()


def _next_step(responses: Iterator[bytes]) -> tuple[bytes, bool]:
    """Return the next responses, about _STEP bytes, and whether they are the last ones."""
    data = bytearray()
    for piece in responses:
        data += piece
        if len(data) >= _STEP:
            return bytes(data), False
    return bytes(data), True
