"""The byte stream of one client: flow control in both directions, and TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

_WRITE_BUFFER = 1 << 19  # bytes kept for a slow client before writing pauses
_READ_BUFFER = 1 << 20  # bytes received before reading pauses


class ClientStream(asyncio.Protocol):
    """The bytes from and to one client."""

    def __init__(self, connected: Callable[[], None], disconnected: Callable[[], None]) -> None:
        self.address = ""
        self.is_disconnected = False
        self._connected = connected
        self._disconnected = disconnected
        self._transport: asyncio.Transport | None = None
        self._received: list[bytes] = []
        self._received_size = 0
        self._wakeup = asyncio.Event()
        self._can_write = asyncio.Event()
        self._can_write.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the connection."""
        self._set_transport(cast(asyncio.Transport, transport))
        self.address = str((transport.get_extra_info("peername") or ("",))[0])
        self._connected()

    def data_received(self, data: bytes) -> None:
        """Keep received bytes, and pause reading if there are too many."""
        self._received.append(data)
        self._received_size += len(data)
        if self._received_size > _READ_BUFFER and self._transport is not None:
            self._transport.pause_reading()
        self._wakeup.set()

    def pause_writing(self) -> None:
        """Pause writing while the client reads more slowly than the server writes."""
        self._can_write.clear()

    def resume_writing(self) -> None:
        """Continue writing."""
        self._can_write.set()

    def eof_received(self) -> bool:
        """Treat the end of the client's data as the end of the connection."""
        self._disconnect()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """End the connection."""
        self._disconnect()

    def take_received(self) -> list[bytes]:
        """Remove and return the received bytes."""
        received, self._received, self._received_size = self._received, [], 0
        return received

    async def wait(self) -> None:
        """Wait for more bytes, for the end of the connection, or for a call of `wake`."""
        self._wakeup.clear()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        await self._wakeup.wait()

    def wake(self) -> None:
        """End a running `wait`."""
        self._wakeup.set()

    def write(self, data: bytes) -> None:
        """Write bytes unless the connection is closing."""
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def wait_until_writable(self) -> None:
        """Wait until the client has read most of what was written."""
        await self._can_write.wait()

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Switch to TLS; raise OSError if the client does not."""
        assert self._transport is not None
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(self._transport, self, context, server_side=True)
        except ssl.SSLError as error:
            raise OSError("The TLS handshake failed.") from error
        if transport is None:
            raise OSError("The client disconnected during the TLS handshake.")
        self._set_transport(transport)

    def close(self) -> None:
        """Close the connection after everything has been sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def _set_transport(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        transport.set_write_buffer_limits(high=_WRITE_BUFFER)

    def _disconnect(self) -> None:
        self.is_disconnected = True
        self._wakeup.set()
        self._can_write.set()
        self._disconnected()
