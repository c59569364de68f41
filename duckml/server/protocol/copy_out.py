"""The responses to COPY … TO STDOUT."""

from __future__ import annotations

from collections.abc import Iterator

from duckml.server.protocol import messages as responses
from duckml.server.session.command_result import CommandResult
from duckml.server.values.copy_format import (
    COPY_BINARY_HEADER,
    COPY_BINARY_TRAILER,
    copy_header,
    copy_rows,
)


def copy_out(result: CommandResult) -> Iterator[bytes]:
    """Yield CopyOutResponse, the rows in CopyData messages, and CopyDone."""
    assert result.copy is not None
    assert result.columns is not None
    is_binary = result.copy.format == "binary"
    yield responses.copy_out_response(is_binary, len(result.columns))
    if result.copy.header and not is_binary:
        yield copy_header(result.columns, result.copy)
    # Clients expect the binary header in the same message as the first row.
    prefix = COPY_BINARY_HEADER if is_binary else b""
    for batch in result.batches():
        rows = copy_rows(batch, result.columns, result.copy)
        yield responses.with_prefix(rows, prefix)
        prefix = b""
    if is_binary:
        yield responses.copy_data(prefix + COPY_BINARY_TRAILER)
    yield responses.COPY_DONE
