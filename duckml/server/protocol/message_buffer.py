"""The bytes that a client has sent, cut into protocol messages.

pygwire decodes the messages. Its state machine is not used, because after COPY … TO STDOUT in the
extended protocol it accepts no Sync; dialogue.py decides which message may follow which.
"""

from __future__ import annotations

import struct

from pygwire.constants import ConnectionPhase as Phase
from pygwire.constants import MessageDirection
from pygwire.exceptions import PygwireError
from pygwire.framing import StandardFraming, StartupFraming
from pygwire.messages import PGMessage

from duckml.server.errors import WireError

STARTUP_LIMIT = 10_000  # bytes of the first message, as in PostgreSQL (MAX_STARTUP_PACKET_LENGTH)
_COPY_TYPES = frozenset({b"d", b"c", b"f"})
_FUNCTION_CALL = b"F"
_LENGTH_BYTES = 4


class MessageBuffer:
    """The received bytes of one client that no message has been read from yet.

    A message longer than `limit` bytes is refused by its header, before its content is kept.
    """

    def __init__(self, limit: int) -> None:
        self.phase = Phase.STARTUP
        self._standard = StandardFraming(limit)
        self._startup = StartupFraming(STARTUP_LIMIT)
        self._limit = limit
        self._buffer = bytearray()

    def __len__(self) -> int:
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Append received bytes."""
        self._buffer += data

    @property
    def next_type(self) -> bytes:
        """Return the type byte of the next message, or b'' if none has begun."""
        return bytes(self._buffer[:1])

    @property
    def has_message(self) -> bool:
        """Return whether the next message is complete.

        Raises WireError if the next bytes cannot be a message.
        """
        start = self._length_start
        if len(self._buffer) < start + _LENGTH_BYTES:
            return False
        return len(self._buffer) - start >= self._message_length()

    def discard_copy_messages(self) -> None:
        """Remove complete COPY messages from the front of the buffer.

        A client keeps sending them until it reads that its COPY … FROM STDIN was refused.
        """
        while self.next_type in _COPY_TYPES and self.has_message:
            del self._buffer[: 1 + self._message_length()]

    def next_message(self) -> PGMessage | None:
        """Remove and return the next message, or return None while it is incomplete.

        Raises a fatal WireError for malformed bytes, after which nothing more can be read. Raises
        a WireError that is not fatal for a function call, which is not supported, and for text
        that is not UTF-8; those messages are skipped.
        """
        if not self.has_message:
            return None
        size = self._length_start + self._message_length()
        frame = bytes(self._buffer[:size])
        del self._buffer[:size]
        if frame[:1] == _FUNCTION_CALL and self.phase is Phase.READY:
            message = "Function calls of the protocol are not supported."
            raise WireError("0A000", message, "Call the function with SELECT.")
        return self._decoded(frame)

    @property
    def _length_start(self) -> int:
        """Return where the length is: only the startup message has no type byte before it."""
        return 0 if self.phase is Phase.STARTUP else 1

    def _message_length(self) -> int:
        (length,) = struct.unpack_from("!I", self._buffer, self._length_start)
        limit = STARTUP_LIMIT if self.phase is Phase.STARTUP else self._limit
        if not _LENGTH_BYTES <= length <= limit:
            message = f"A message of {length} bytes cannot be read; the limit is {limit}."
            raise WireError("08P01", message, is_fatal=True)
        return int(length)

    def _decoded(self, frame: bytes) -> PGMessage:
        framing = self._startup if self.phase is Phase.STARTUP else self._standard
        direction = MessageDirection.FRONTEND
        try:
            found = framing.try_parse(memoryview(frame), 0, self.phase, direction)
        except (PygwireError, ValueError, IndexError, struct.error) as error:
            raise self._decoding_error(error) from error
        if found is None or found[1] != len(frame):
            raise WireError("08P01", "A message cannot be read.", is_fatal=True)
        return found[0]

    def _decoding_error(self, error: Exception) -> WireError:
        is_startup = self.phase is Phase.STARTUP
        # pygwire reports invalid UTF-8 as an unterminated string; the cause tells them apart.
        if isinstance(error.__context__, UnicodeDecodeError):
            message = 'invalid byte sequence for encoding "UTF8"'
            hint = "SET client_encoding = 'UTF8' and send text in that encoding."
            return WireError("22021", message, hint, is_startup)
        if is_startup and "request code" in str(error):
            message = "Only version 3 of the protocol is supported."
            return WireError("0A000", message, is_fatal=True)
        return WireError("08P01", "A message cannot be read.", is_fatal=True)
