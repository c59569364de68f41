"""Sockets, TLS, threads and limits: clients come in here, and their dialogues go on from here.

One task of asyncio a client; DuckDB works on a pool of threads, one step of a dialogue at a time. A step ends with so
many bytes to send, and the next begins when the client has taken them.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hmac
import ipaddress
import itertools
import json
import os
import signal
import ssl
import time
from collections import defaultdict, deque
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from duckml.names import nearest
from duckml.server.errors import Report, WireError
from duckml.server.logs import Watch
from duckml.server.protocol import messages as protocol
from duckml.server.protocol.dialogue import Dialogue, Doorman, farewell
from duckml.server.protocol.messages import Inbox
from duckml.server.served_file import Database
from duckml.server.session.session import Session
from duckml.server.session.settings import Settings
from duckml.server.users import Gate, read_users
from duckml.server.workers import Workers

_STEP = 1 << 18  # bytes that are made before they are sent
_UNREAD = 1 << 20  # bytes of a client that are kept before it has to wait
_SPARE_THREADS = 4  # for clients that leave
_DOOR_THREADS = 4  # for logins, which mustn't wait for statements
_LAST_WAIT = 5.0
_HALF_OPEN = 1000  # connections that haven't logged in
_LOGIN_FAILURES, _LOGIN_WINDOW = (
    10,
    60.0,
)  # so many in so many seconds, of one user from one address


@dataclass(frozen=True)
class Limits:
    """What a client may use; times in seconds, sizes in bytes."""

    connections: int = 100
    message: int = 64 << 20
    startup: float = 10.0
    idle: float = 8 * 3600.0
    drain: float = 30.0


@dataclass(frozen=True)
class Options:
    """What is served, where and to whom.

    `users` is the file of users, without which everybody is let in as admin, for which the host must be this machine's
    own. `http_port` is where /health and /metrics are, None for nowhere.
    """

    path: str
    host: str = "127.0.0.1"
    port: int = 5432
    users: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    is_read_write: bool = False
    http_port: int | None = None
    device: str = "auto"
    engine: str = "auto"
    limits: Limits = Limits()

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def check(self) -> None:
        """Raise ValueError for what isn't safe."""
        if (self.certificate is None) != (self.key is None):
            raise ValueError("TLS needs both a certificate and its key: --tls-cert and --tls-key.")
        missing = [
            what
            for what, there in (
                ("passwords (--users)", self.users),
                ("TLS (--tls-cert, --tls-key)", self.certificate),
            )
            if there is None
        ]
        for option, file in (
            ("users", self.users),
            ("tls-cert", self.certificate),
            ("tls-key", self.key),
        ):
            if file is not None and not file.is_file():
                made = (
                    " duckml user add NAME --role ROLE --users FILE makes one."
                    if option == "users"
                    else ""
                )
                raise ValueError(f"There is no file '{file}' (--{option}).{made}")
        if not self.is_local and missing:
            raise ValueError(
                f"{self.host} can be reached from other machines, which needs {' and '.join(missing)}."
            )


class Server:
    """A file, served to clients of PostgreSQL until `stop`."""

    def __init__(self, options: Options, watch: Watch | None = None) -> None:
        options.check()
        self.options = options
        self.watch = watch or Watch()
        self.clients: dict[int, _Client] = {}
        self.half_open = 0
        self.is_draining = False
        self.port = 0
        self.http_port = 0
        # A thread for each client, should all be at work: what waits can't be cancelled.
        self.pool = Workers(
            "duckml", os.cpu_count() or 1, options.limits.connections + _SPARE_THREADS
        )
        self.door = Workers("duckml-login", _DOOR_THREADS, _DOOR_THREADS)
        self.database = Database(
            options.path,
            self.watch.log,
            is_read_only=not options.is_read_write,
            device=options.device,
            engine=options.engine,
        )
        self.tls = _tls(options)
        self._pids = itertools.count(1)
        self._gate = Gate(None)
        self._gate_made: tuple[
            int, ...
        ] = ()  # which file it is of: when it was written, how long it is, its number
        self._failures: defaultdict[tuple[str, str], deque[float]] = defaultdict(
            lambda: deque(maxlen=_LOGIN_FAILURES)
        )
        self._stopped = asyncio.Event()

    def gate(self) -> Gate:
        """Who is let in, as the file of users says now.

        Raises OSError or ValueError when it can't be read: then nobody is.
        """
        if self.options.users is not None:
            found = self.options.users.stat()
            made = (found.st_mtime_ns, found.st_size, found.st_ino)
            if made != self._gate_made:
                self._gate, self._gate_made = Gate(read_users(self.options.users)), made
        return self._gate

    def gate_now(self) -> Gate:
        """The same for a client: raises WireError, and the log has the problem."""
        try:
            return self.gate()
        except (OSError, ValueError) as error:
            self.watch.log("users unreadable", problem=str(error))
            raise WireError(
                "57P03", "The file of users can't be read; the server's log says more.", "", True
            ) from error

    async def run(self) -> None:
        """Serve until `stop` is called, or the process is asked to end."""
        loop = asyncio.get_running_loop()
        if self.gate().is_empty:
            raise ValueError(
                f"'{self.options.users}' has no users: duckml user add NAME --role ROLE --users FILE."
            )
        server = await _listening(
            loop.create_server(
                lambda: _Client(self, next(self._pids)), self.options.host, self.options.port
            ),
            f"{self.options.host}:{self.options.port}",
        )
        self.port = server.sockets[0].getsockname()[1]
        http = None
        if self.options.http_port is not None:
            # Without a password and in the clear, so for this machine only.
            http = await _listening(
                asyncio.start_server(self._http, "127.0.0.1", self.options.http_port),
                f"127.0.0.1:{self.options.http_port}",
            )
            self.http_port = http.sockets[0].getsockname()[1]
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
                loop.add_signal_handler(number, self.stop)
        self.watch.log(
            "serving",
            file=str(self.database.path),
            database=self.database.name,
            host=self.options.host,
            port=self.port,
            http_port=self.http_port or None,
            read_only=self.database.is_read_only,
            tls=self.tls is not None,
            passwords=self.options.users is not None,
        )
        await self._stopped.wait()
        server.close()
        await self._drain()
        if http is not None:
            http.close()
        self.door.close()
        self.pool.close()
        self.database.close()
        self.watch.log("stopped")

    def stop(self) -> None:
        """Take no more clients, let statements that are running end, then end."""
        self.is_draining = True
        self._stopped.set()

    async def _drain(self) -> None:
        for client in list(self.clients.values()):
            client.drain()
        deadline = time.monotonic() + self.options.limits.drain
        while self.clients and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        for client in list(self.clients.values()):
            client.abandon()
        end = time.monotonic() + _LAST_WAIT
        while self.clients:
            if time.monotonic() > end:
                # DuckDB is at work on something that nothing interrupts; what isn't committed is not kept.
                self.watch.log("stopped", abandoned=len(self.clients))
                os._exit(1)
            await asyncio.sleep(0.02)

    def cancel(self, pid: int, secret: bytes) -> None:
        """Stop what a client is running, if the secret is its own."""
        client = self.clients.get(pid)
        if (
            client is not None
            and client.session is not None
            and hmac.compare_digest(client.secret, secret)
        ):
            client.session.cancel()

    def check_failures(self, user: str, address: str) -> None:
        """Raise WireError when a user has failed too often of late."""
        failures = self._failures[user, address]
        if len(failures) == _LOGIN_FAILURES and time.monotonic() - failures[0] < _LOGIN_WINDOW:
            raise WireError(
                "28000", f'Too many failed logins as "{user}": try again in a minute.', "", True
            )

    def note_failure(self, user: str, address: str) -> None:
        """Note that a login has failed."""
        if len(self._failures) > 10_000:  # of names that somebody makes up
            self._failures.clear()
        self._failures[user, address].append(time.monotonic())

    async def _http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """GET /health and GET /metrics."""
        try:
            async with asyncio.timeout(self.options.limits.startup):
                request = await reader.readuntil(b"\r\n\r\n")
            path = request.split(b" ", 2)[1].split(b"?")[0] if request.startswith(b"GET ") else b""
            if path == b"/metrics":
                status, kind, body = "200 OK", "text/plain; version=0.0.4", self.watch.metrics()
            elif path == b"/health":
                word = (
                    "draining"
                    if self.is_draining
                    else "file unreadable"
                    if self.database.problem
                    else "ok"
                )
                state = {"status": word, "sessions": len(self.clients)}
                status = "200 OK" if word == "ok" else "503 Service Unavailable"
                kind, body = "application/json", json.dumps(state).encode()
            else:
                status, kind, body = (
                    "404 Not Found",
                    "text/plain",
                    b"There are /health and /metrics.\n",
                )
            head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
        except (
            OSError,
            TimeoutError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
            IndexError,
        ):
            pass
        finally:
            writer.close()


async def _listening(starting: Coroutine[Any, Any, asyncio.Server], address: str) -> asyncio.Server:
    try:
        return await starting
    except OSError as error:
        free = " --port 0 takes a free one." if error.errno == errno.EADDRINUSE else ""
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise ValueError(f"{address} can't be listened on: {reason}.{free}") from error


def _tls(options: Options) -> ssl.SSLContext | None:
    if options.certificate is None or options.key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(options.certificate, options.key)
    except ssl.SSLError as error:
        files = f"'{options.certificate}' and '{options.key}'"
        raise ValueError(
            f"{files} are no certificate chain and its key, in PEM: {error.reason}."
        ) from error
    return context


def _step(work: Iterator[bytes]) -> tuple[bytes, bool]:
    """What a dialogue says next, up to a size, and whether that is all for now."""
    data = bytearray()
    for piece in work:
        data += piece
        if len(data) >= _STEP:
            return bytes(data), False
    return bytes(data), True


class _Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, server: Server, pid: int) -> None:
        self.pid = pid
        self.secret = b""
        self.session: Session | None = None
        self._server = server
        self._instance: object = None
        self._transport: asyncio.Transport | None = None
        self._inbox = Inbox(server.options.limits.message)
        self._arrived: list[bytes] = []
        self._waiting = 0
        self._news = asyncio.Event()
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._is_gone = False
        self._is_draining = False
        self._idle_since: float | None = None  # while the next message is waited for
        self._has_idled = False
        self._idle_check: asyncio.TimerHandle | None = None
        self._address = ""
        self._task: asyncio.Task[None] | None = None

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected, or its connection is encrypted now."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=2 * _STEP)
        if self._task is None:
            self._address = str((transport.get_extra_info("peername") or ("",))[0])
            self._task = asyncio.get_running_loop().create_task(self._serve())

    def data_received(self, data: bytes) -> None:
        """Bytes have come; they wait for the dialogue to take them."""
        self._arrived.append(data)
        self._waiting += len(data)
        if self._waiting > _UNREAD and self._transport is not None:
            self._transport.pause_reading()
        self._news.set()

    def pause_writing(self) -> None:
        """The client doesn't read as quickly as is written."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """The client has read."""
        self._may_write.set()

    def eof_received(self) -> bool:
        """The client sends nothing more."""
        self._gone()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is no more."""
        self._gone()

    def _gone(self) -> None:
        self._is_gone = True
        self._news.set()
        self._may_write.set()
        if self.session is not None:
            self.session.cancel("lost connection")

    # From the server

    def drain(self) -> None:
        """End when what is running has ended."""
        self._is_draining = True
        self._news.set()

    def abandon(self) -> None:
        """End now."""
        if self.session is not None:
            self.session.cancel("the end of the server")
        self._is_draining = True
        self._news.set()
        if self._transport is not None:
            self._transport.abort()

    # The connection from beginning to end

    async def _serve(self) -> None:
        server = self._server
        server.clients[self.pid] = self
        server.half_open += 1
        is_half_open = True
        try:
            if server.half_open > _HALF_OPEN:
                raise WireError("53300", "sorry, too many clients already", "", True)
            async with asyncio.timeout(server.options.limits.startup):
                dialogue = await self._greeted()
            server.half_open -= 1
            is_half_open = False
            if dialogue is not None:
                await self._talk(dialogue)
        except TimeoutError:
            self._write(farewell(WireError("08006", "The login took too long.", "", True)))
        except WireError as error:
            self._write(farewell(error))
        except (OSError, asyncio.CancelledError):
            pass
        except Exception as error:
            server.watch.failure(self.session, error)
            self._write(farewell(error))
        finally:
            server.half_open -= is_half_open
            await self._end()

    async def _greeted(self) -> Dialogue | None:
        """Let the client in; None when it only wanted something cancelled, or has gone."""
        server, options = self._server, self._server.options
        doorman = Doorman(
            self._inbox,
            server.gate_now,
            self._open_session,
            server.tls is not None,
            not options.is_local,
            self.pid,
        )
        try:
            while True:
                await self._next()
                if self._is_gone or self._is_draining:
                    return None
                if doorman.user:
                    server.check_failures(doorman.user, self._address)
                await self._work(doorman.greet(), server.door)
                outcome = doorman.outcome
                if outcome.cancel is not None:
                    server.cancel(*outcome.cancel)
                if outcome.cancel is not None or outcome.ends:
                    return None
                if outcome.starts_tls:
                    await self._start_tls()
                    doorman.encrypted()
                if outcome.session is not None:
                    self._log_login(outcome.session)
                    return Dialogue(self._inbox, outcome.session, server.watch)
        except WireError as error:
            if error.sqlstate == "28P01":
                server.note_failure(doorman.user, self._address)
            if error.sqlstate[:2] == "28":
                server.watch.refused(doorman.user, self._address, error.sqlstate)
            raise

    def _log_login(self, session: Session) -> None:
        name = session.setting("application_name")
        self._server.watch.sessions.inc()
        self._server.watch.log(
            "connected", pid=self.pid, user=session.user, address=self._address, application=name
        )

    async def _start_tls(self) -> None:
        assert self._transport is not None
        assert self._server.tls is not None
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(
                self._transport, self, self._server.tls, server_side=True
            )
        except ssl.SSLError as error:
            raise OSError("the client speaks no TLS") from error
        if transport is None:
            raise OSError("the client has gone")
        self._transport = transport
        self._transport.set_write_buffer_limits(high=2 * _STEP)

    def _open_session(
        self, user: str, parameters: dict[str, str], pid: int, secret: bytes
    ) -> Session:
        """A session for a client that has been let in; on a thread of the pool."""
        server = self._server
        if (
            sum(client.session is not None for client in list(server.clients.values()))
            >= server.options.limits.connections
        ):
            raise WireError("53300", "sorry, too many clients already", "", True)
        wanted = parameters.get("database") or user
        name = server.database.name
        if wanted not in {name, user, "postgres"}:
            hint = (
                f'Did you mean "{name}"?'
                if nearest(wanted, [name])
                else f'This server has "{name}".'
            )
            raise WireError("3D000", f'database "{wanted}" does not exist', hint, True)
        con, self._instance = server.database.open_session()
        try:
            settings = Settings({"session_authorization": user, **_startup_settings(parameters)})
            self.session = Session(
                con,
                name,
                user,
                server.gate_now().role_of(user),
                server.database.is_read_only,
                settings,
                pid,
                self._tell,
            )
        except BaseException:
            con.close()
            server.database.close_session(self._instance)
            self._instance = None
            raise
        self.secret = secret
        return self.session

    async def _talk(self, dialogue: Dialogue) -> None:
        self._look_for_idleness()
        while not dialogue.has_ended and not self._is_gone:
            if self._is_draining and not self._in_transaction():
                raise WireError(
                    "57P01", "terminating connection due to administrator command", "", True
                )
            self._idle_since = time.monotonic()
            await self._next()
            if self._has_idled:
                raise WireError(
                    "57P05", "terminating connection due to idle-session timeout", "", True
                )
            self._idle_since = None
            if not self._is_gone:
                await self._work(dialogue.converse(), self._server.pool)

    def _look_for_idleness(self) -> None:
        """Look now and then whether the client has been idle for too long: cheaper than a timer for each message."""
        limit = self._server.options.limits.idle
        left = limit if self._idle_since is None else self._idle_since + limit - time.monotonic()
        if left > 0:
            self._idle_check = asyncio.get_running_loop().call_later(left, self._look_for_idleness)
        else:
            self._has_idled = True
            self._news.set()

    def _in_transaction(self) -> bool:
        return self.session is not None and self.session.status != "I"

    async def _next(self) -> None:
        """Wait until the inbox holds a whole message, or there will be none."""
        while True:
            arrived, self._arrived, self._waiting = self._arrived, [], 0
            for data in arrived:
                self._inbox.feed(data)
            if self._inbox.has_message or self._is_gone or self._has_idled:
                return
            if self._is_draining and not self._in_transaction():
                return
            self._news.clear()
            if self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()
            await self._news.wait()

    async def _work(self, work: Iterator[bytes], pool: Workers) -> None:
        """Let a dialogue go on, step by step, and send what it says."""
        is_done = False
        while not is_done:
            data, is_done = await pool.run(partial(_step, work))
            if self._is_gone:
                await pool.run(cast(Any, work).close)
                return
            self._write(data)
            await self._may_write.wait()

    def _write(self, data: bytes) -> None:
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _tell(self, notice: Report) -> None:
        """Send a notice at once; called on the thread that works for this client."""
        loop = self._task.get_loop() if self._task is not None else None
        if loop is not None:
            loop.call_soon_threadsafe(self._write, protocol.notice(notice))

    async def _end(self) -> None:
        server = self._server
        if self._idle_check is not None:
            self._idle_check.cancel()
        if self.session is not None:
            session = self.session
            await server.pool.run(session.close)
            server.watch.sessions.dec()
            server.watch.log("disconnected", pid=self.pid, user=session.user)
        if self._instance is not None:
            server.database.close_session(self._instance)
        if self._transport is not None:
            self._transport.close()
        server.clients.pop(self.pid, None)


def _startup_settings(parameters: dict[str, str]) -> dict[str, str]:
    """The settings that a client has sent with its name."""
    wanted = {
        name: value
        for name, value in parameters.items()
        if name not in {"user", "database", "replication"}
    }
    words = wanted.pop("options", "").replace("\\ ", "\0").split()
    for index, word in enumerate(words):
        text = (
            words[index + 1]
            if word == "-c" and index + 1 < len(words)
            else word.removeprefix("-c").removeprefix("--")
        )
        if word.startswith("-") and "=" in text:
            name, _, value = text.partition("=")
            wanted[name.replace("-", "_")] = value.replace("\0", " ")
    checked = Settings({})
    answer = {}
    for name, value in wanted.items():
        if name.startswith("_pq_."):
            continue
        with contextlib.suppress(WireError):
            answer[name] = checked.change(name, value.strip("'"))
    return answer
