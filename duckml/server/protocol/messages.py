"""The messages of PostgreSQL's protocol, version 3: bytes in, messages out, and the other way round. No sockets.

pygwire has the codec. Its state machine isn't used, because it leaves COPY … TO STDOUT in the extended protocol in a
state where no Sync may follow; what may follow what is decided in dialogue.py.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from pygwire import messages
from pygwire.constants import ConnectionPhase as Phase
from pygwire.constants import MessageDirection
from pygwire.exceptions import PygwireError
from pygwire.framing import StandardFraming, StartupFraming
from pygwire.messages import PGMessage

from duckml.server.errors import Report, WireError
from duckml.server.values.result_columns import ResultColumn

_OF_COPY = frozenset({b"d", b"c", b"f"})
STARTUP_LIMIT = 10_000  # bytes of the first message, as in PostgreSQL (MAX_STARTUP_PACKET_LENGTH)


class Inbox:
    """The bytes that a client has sent, cut into messages.

    A message that is longer than `limit` is refused by its header, before its bytes are kept.
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
        """Take bytes as they come."""
        self._buffer += data

    @property
    def next_kind(self) -> bytes:
        """The letter of the message that is next, b'' when none has begun."""
        return bytes(self._buffer[:1])

    def pass_over_copies(self) -> None:
        """Forget what a client still sends that hasn't seen yet that its COPY is refused."""
        while self.next_kind in _OF_COPY and self.has_message:
            del self._buffer[: 1 + self._length(1)]

    @property
    def has_message(self) -> bool:
        """Whether a whole message is here, or what can be none."""
        begin = 0 if self.phase is Phase.STARTUP else 1
        if len(self._buffer) < begin + 4:
            return False
        return len(self._buffer) - begin >= self._length(begin)

    def _length(self, begin: int) -> int:
        """The length that the next message says it has; raises WireError when it can't be."""
        (length,) = struct.unpack_from("!I", self._buffer, begin)
        limit = STARTUP_LIMIT if begin == 0 else self._limit
        if not 4 <= length <= limit:
            raise WireError(
                "08P01",
                f"A message of {length} bytes can't be read; {limit} is the limit.",
                "",
                True,
            )
        return int(length)

    def take(self) -> PGMessage | None:
        """The next message, None while it isn't complete.

        Raises WireError for what is no message, after which nothing more can be read; and for one whose text isn't
        UTF-8, which is passed over.
        """
        begin = 0 if self.phase is Phase.STARTUP else 1
        if not self.has_message:
            return None
        size = begin + self._length(begin)
        frame = bytes(self._buffer[:size])
        del self._buffer[:size]
        if frame[:1] == b"F" and self.phase is Phase.READY:
            raise WireError(
                "0A000", "Calls of functions by the protocol are not here.", "SELECT the function."
            )
        framing = self._startup if begin == 0 else self._standard
        try:
            found = framing.try_parse(memoryview(frame), 0, self.phase, MessageDirection.FRONTEND)
        except (PygwireError, ValueError, IndexError, struct.error) as error:
            if isinstance(
                error.__context__, UnicodeDecodeError
            ):  # pygwire calls it an unterminated text
                hint = "SET client_encoding = 'UTF8', and send that."
                raise WireError(
                    "22021", 'invalid byte sequence for encoding "UTF8"', hint, begin == 0
                ) from error
            is_version = begin == 0 and "request code" in str(error)
            state = "0A000" if is_version else "08P01"
            text = (
                "Only version 3 of the protocol is spoken here."
                if is_version
                else "A message can't be read."
            )
            raise WireError(state, text, "", True) from error
        if found is None or found[1] != size:
            raise WireError("08P01", "A message can't be read.", "", True)
        return found[0]


# What the server sends

PARSE_COMPLETE = messages.ParseComplete().to_wire()
BIND_COMPLETE = messages.BindComplete().to_wire()
CLOSE_COMPLETE = messages.CloseComplete().to_wire()
NO_DATA = messages.NoData().to_wire()
PORTAL_SUSPENDED = messages.PortalSuspended().to_wire()
EMPTY_QUERY = messages.EmptyQueryResponse().to_wire()
COPY_DONE = messages.CopyDone().to_wire()
AUTHENTICATION_OK = messages.AuthenticationOk().to_wire()


def error(report: Report) -> bytes:
    """An ErrorResponse."""
    return messages.ErrorResponse(report.fields()).to_wire()


def notice(report: Report) -> bytes:
    """A NoticeResponse."""
    return messages.NoticeResponse(report.fields()).to_wire()


def ready(status: str) -> bytes:
    """ReadyForQuery with the status of the transaction: I, T or E."""
    return b"Z\0\0\0\5" + status.encode()


def complete(tag: str) -> bytes:
    """CommandComplete."""
    return messages.CommandComplete(tag).to_wire()


def row_description(columns: Sequence[ResultColumn], binary: Sequence[bool]) -> bytes:
    """The columns of the rows that follow."""
    fields = [
        messages.FieldDescription(
            name=column.name.replace("\0", ""),
            type_oid=column.oid,
            type_size=column.size,
            type_modifier=column.modifier,
            format_code=int(is_binary),
        )
        for column, is_binary in zip(columns, binary, strict=True)
    ]
    return messages.RowDescription(fields).to_wire()


def parameter_description(oids: Sequence[int]) -> bytes:
    """The types of the parameters of a prepared statement."""
    return messages.ParameterDescription(list(oids)).to_wire()


def parameter_status(name: str, value: str) -> bytes:
    """The value of a setting that clients are told of."""
    return messages.ParameterStatus(name, value.replace("\0", "")).to_wire()


def backend_key(pid: int, secret: bytes) -> bytes:
    """What a client needs to cancel."""
    return messages.BackendKeyData(pid, secret).to_wire()


def negotiate_version(unknown_options: Sequence[str]) -> bytes:
    """Tell a client of a newer minor version that this one is spoken."""
    return messages.NegotiateProtocolVersion(0, list(unknown_options)).to_wire()


def sasl_mechanisms(names: Sequence[str]) -> bytes:
    """Ask for a password, by one of these mechanisms."""
    return messages.AuthenticationSASL(list(names)).to_wire()


def sasl_continue(data: str) -> bytes:
    """The server's part of the exchange."""
    return messages.AuthenticationSASLContinue(data.encode()).to_wire()


def sasl_final(data: str) -> bytes:
    """The server's proof."""
    return messages.AuthenticationSASLFinal(data.encode()).to_wire()


def copy_out(is_binary: bool, count: int) -> bytes:
    """CopyOutResponse: what follows are rows of COPY."""
    return messages.CopyOutResponse(int(is_binary), [int(is_binary)] * count).to_wire()


def copy_data(data: bytes) -> bytes:
    """A CopyData message."""
    return b"d" + struct.pack("!i", len(data) + 4) + data


def with_prefix(rows: bytes, prefix: bytes) -> bytes:
    """CopyData messages with some bytes put at the beginning of the first one."""
    if not prefix:
        return rows
    (length,) = struct.unpack_from("!i", rows, 1)
    return b"d" + struct.pack("!i", length + len(prefix)) + prefix + rows[5:]
