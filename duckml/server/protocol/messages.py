"""The messages that the server sends, encoded with pygwire."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from pygwire import messages

from duckml.server.errors import Report
from duckml.server.values.result_columns import ResultColumn

PARSE_COMPLETE = messages.ParseComplete().to_wire()
BIND_COMPLETE = messages.BindComplete().to_wire()
CLOSE_COMPLETE = messages.CloseComplete().to_wire()
NO_DATA = messages.NoData().to_wire()
PORTAL_SUSPENDED = messages.PortalSuspended().to_wire()
EMPTY_QUERY = messages.EmptyQueryResponse().to_wire()
COPY_DONE = messages.CopyDone().to_wire()
AUTHENTICATION_OK = messages.AuthenticationOk().to_wire()
TLS_ACCEPTED = b"S"
ENCRYPTION_REFUSED = b"N"


def error_response(report: Report) -> bytes:
    """Return an ErrorResponse."""
    return messages.ErrorResponse(report.fields()).to_wire()


def notice_response(report: Report) -> bytes:
    """Return a NoticeResponse."""
    return messages.NoticeResponse(report.fields()).to_wire()


def ready_for_query(status: str) -> bytes:
    """Return ReadyForQuery with the transaction status I, T or E."""
    return b"Z\0\0\0\5" + status.encode()


def command_complete(tag: str) -> bytes:
    """Return CommandComplete."""
    return messages.CommandComplete(tag).to_wire()


def row_description(columns: Sequence[ResultColumn], binary: Sequence[bool]) -> bytes:
    """Return RowDescription; `binary` has the format of each column."""
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


def text_row_description(columns: Sequence[ResultColumn]) -> bytes:
    """Return RowDescription with each column in the text format."""
    return row_description(columns, [False] * len(columns))


def parameter_description(oids: Sequence[int]) -> bytes:
    """Return ParameterDescription with the types of a prepared statement's parameters."""
    return messages.ParameterDescription(list(oids)).to_wire()


def parameter_status(name: str, value: str) -> bytes:
    """Return ParameterStatus, which reports the value of a setting."""
    return messages.ParameterStatus(name, value.replace("\0", "")).to_wire()


def backend_key_data(pid: int, secret: bytes) -> bytes:
    """Return BackendKeyData, which a client needs to cancel a statement."""
    return messages.BackendKeyData(pid, secret).to_wire()


def negotiate_version(unknown_options: Sequence[str]) -> bytes:
    """Return NegotiateProtocolVersion for a client with a newer minor version."""
    return messages.NegotiateProtocolVersion(0, list(unknown_options)).to_wire()


def sasl_mechanisms(names: Sequence[str]) -> bytes:
    """Return AuthenticationSASL, which asks for a password proof by one of the mechanisms."""
    return messages.AuthenticationSASL(list(names)).to_wire()


def sasl_continue(data: str) -> bytes:
    """Return AuthenticationSASLContinue with the server's first SCRAM message."""
    return messages.AuthenticationSASLContinue(data.encode()).to_wire()


def sasl_final(data: str) -> bytes:
    """Return AuthenticationSASLFinal with the server's SCRAM signature."""
    return messages.AuthenticationSASLFinal(data.encode()).to_wire()


def copy_out_response(is_binary: bool, count: int) -> bytes:
    """Return CopyOutResponse for rows of `count` columns."""
    return messages.CopyOutResponse(int(is_binary), [int(is_binary)] * count).to_wire()


def copy_data(data: bytes) -> bytes:
    """Return CopyData."""
    return b"d" + struct.pack("!i", len(data) + 4) + data


def with_prefix(copied: bytes, prefix: bytes) -> bytes:
    """Return CopyData messages with `prefix` at the start of the first message's content."""
    if not prefix:
        return copied
    (length,) = struct.unpack_from("!i", copied, 1)
    return b"d" + struct.pack("!i", length + len(prefix)) + prefix + copied[5:]
