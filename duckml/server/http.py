"""The HTTP endpoints /health and /metrics."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass

_READ_ERRORS = (
    OSError,
    TimeoutError,
    asyncio.IncompleteReadError,
    asyncio.LimitOverrunError,
    IndexError,
)


@dataclass(frozen=True)
class Health:
    """The state that /health reports; `status` is 'ok' or a problem."""

    status: str
    sessions: int


@dataclass(frozen=True)
class _Response:
    status: str
    content_type: str
    body: bytes

    def encode(self) -> bytes:
        head = (
            f"HTTP/1.1 {self.status}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            "Connection: close",
        )
        return "\r\n".join(head).encode() + b"\r\n\r\n" + self.body


class HttpEndpoints:
    """The responses to GET requests, one request per connection."""

    def __init__(
        self, metrics: Callable[[], bytes], health: Callable[[], Health], timeout: float
    ) -> None:
        self._metrics = metrics
        self._health = health
        self._timeout = timeout

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read a request, write the response and close the connection."""
        try:
            async with asyncio.timeout(self._timeout):
                request = await reader.readuntil(b"\r\n\r\n")
            writer.write(self._response(_path(request)).encode())
            await writer.drain()
        except _READ_ERRORS:
            # The client has gone or speaks no HTTP, so there is nobody to send an error to.
            pass
        finally:
            writer.close()

    def _response(self, path: bytes) -> _Response:
        if path == b"/metrics":
            return _Response("200 OK", "text/plain; version=0.0.4", self._metrics())
        if path == b"/health":
            health = self._health()
            status = "200 OK" if health.status == "ok" else "503 Service Unavailable"
            state = {"status": health.status, "sessions": health.sessions}
            return _Response(status, "application/json", json.dumps(state).encode())
        return _Response("404 Not Found", "text/plain", b"There are /health and /metrics.\n")


def _path(request: bytes) -> bytes:
    if not request.startswith(b"GET "):
        return b""
    return request.split(b" ", 2)[1].split(b"?")[0]
