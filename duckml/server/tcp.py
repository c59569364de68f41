"""The TCP server: listening, TLS, signals, and an orderly end."""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import signal
import ssl
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from duckml.server.client_connection import ClientConnection, ServerState
from duckml.server.client_stream import ClientStream
from duckml.server.http import Health, HttpEndpoints
from duckml.server.monitoring import ServerMonitor
from duckml.server.protocol.authentication import UsersFile
from duckml.server.served_file import ServedFile
from duckml.server.server_options import ServerOptions
from duckml.server.session_opening import SessionOpener
from duckml.server.workers import WorkerThreads

_SPARE_THREADS = 4  # to close the sessions of clients that disconnect
_LOGIN_THREADS = 4
_LAST_WAIT = 5.0  # seconds between the end of the drain limit and a forced exit
_POLL = 0.02  # seconds
_HTTP_HOST = "127.0.0.1"  # /metrics has no password and no TLS, so only this machine may read it


class Server:
    """A file served to PostgreSQL clients until `stop`."""

    def __init__(self, options: ServerOptions, monitor: ServerMonitor | None = None) -> None:
        options.check()
        self._options = options
        self._monitor = monitor or ServerMonitor()
        # Blocked work cannot be cancelled, so each active client may need a thread.
        most_threads = options.limits.connections + _SPARE_THREADS
        statement_workers = WorkerThreads("duckml", os.cpu_count() or 1, most_threads)
        login_workers = WorkerThreads("duckml-login", _LOGIN_THREADS, _LOGIN_THREADS)
        self._file = ServedFile(
            options.path,
            self._monitor.log.write,
            is_read_only=not options.is_read_write,
            device=options.device,
            engine=options.engine,
        )
        self._users = UsersFile(options.users, self._monitor.log.write)
        self._state = ServerState(
            options,
            self._monitor,
            SessionOpener(self._file, self._users),
            _tls_context(options),
            statement_workers,
            login_workers,
        )
        self._pids = itertools.count(1)
        self._is_draining = False
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Serve until `stop` is called or the process receives SIGTERM or SIGINT.

        Raises ValueError if the users file has no users or an address cannot be used.
        """
        if self._users.read().has_no_users:
            raise ValueError(
                f"'{self._options.users}' has no users. Add one with "
                "duckml user add NAME --role ROLE --users FILE."
            )
        server = await self._listen()
        http = await self._listen_http()
        self._handle_signals()
        self._log_start(server, http)
        await self._stopped.wait()
        server.close()
        await self._drain()
        if http is not None:
            http.close()
        self._state.login_workers.close()
        self._state.statement_workers.close()
        self._file.close()
        self._monitor.log.write("stopped")

    def stop(self) -> None:
        """Accept no more clients, wait for running statements, then end."""
        self._is_draining = True
        self._stopped.set()

    async def _listen(self) -> asyncio.Server:
        options = self._options
        starting = asyncio.get_running_loop().create_server(
            self._accept, options.host, options.port
        )
        return await _listening(starting, f"{options.host}:{options.port}")

    async def _listen_http(self) -> asyncio.Server | None:
        port = self._options.http_port
        if port is None:
            return None
        endpoints = HttpEndpoints(
            self._monitor.metrics.exposition, self._health, self._options.limits.startup
        )
        starting = asyncio.start_server(endpoints.serve, _HTTP_HOST, port)
        return await _listening(starting, f"{_HTTP_HOST}:{port}")

    def _accept(self) -> ClientStream:
        return ClientConnection(self._state, next(self._pids)).stream

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            # Signal handlers need a main thread, and Windows has none.
            with suppress(NotImplementedError, ValueError, RuntimeError):
                loop.add_signal_handler(number, self.stop)

    def _log_start(self, server: asyncio.Server, http: asyncio.Server | None) -> None:
        self._monitor.log.write(
            "serving",
            file=str(self._file.path),
            database=self._file.name,
            host=self._options.host,
            port=_port(server),
            http_port=_port(http) if http is not None else None,
            read_only=self._file.is_read_only,
            tls=self._state.tls is not None,
            passwords=self._options.users is not None,
        )

    def _health(self) -> Health:
        status = "ok"
        if self._is_draining:
            status = "draining"
        elif self._file.problem:
            status = "file unreadable"
        return Health(status, len(self._state.clients))

    async def _drain(self) -> None:
        """Wait for the connections to end, and abort those that do not end in time."""
        clients = self._state.clients
        for client in list(clients.values()):
            client.drain()
        await self._wait_for_clients(self._options.limits.drain)
        for client in list(clients.values()):
            client.abort()
        await self._wait_for_clients(_LAST_WAIT)
        if clients:
            # Not all work of DuckDB can be interrupted. Uncommitted changes are lost.
            self._monitor.log.write("stopped", abandoned=len(clients))
            os._exit(1)

    async def _wait_for_clients(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self._state.clients and time.monotonic() < deadline:
            await asyncio.sleep(_POLL)


def _port(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


async def _listening(starting: Coroutine[Any, Any, asyncio.Server], address: str) -> asyncio.Server:
    """Return a server that has started; raise ValueError if its address cannot be used."""
    try:
        return await starting
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        message = f"Cannot listen on {address}: {reason}."
        if error.errno == errno.EADDRINUSE:
            message += " --port 0 selects a free port."
        raise ValueError(message) from error


def _tls_context(options: ServerOptions) -> ssl.SSLContext | None:
    if options.certificate is None or options.key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(options.certificate, options.key)
    except ssl.SSLError as error:
        raise ValueError(
            f"'{options.certificate}' and '{options.key}' are not a certificate chain and its "
            f"key in PEM: {error.reason}."
        ) from error
    return context
