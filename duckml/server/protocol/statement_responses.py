"""Responses that both query protocols share: rows, errors, changed settings."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from duckml.server.errors import report
from duckml.server.protocol import messages as responses
from duckml.server.protocol.copy_out import copy_out
from duckml.server.session.client_statement import ClientStatement
from duckml.server.session.command_result import CommandResult
from duckml.server.session.session import Session
from duckml.server.values.rows import data_rows

_SUCCESS = "00000"
_CONNECTION_FAILURE = "08006"
_INTERNAL_ERROR = "XX000"


@dataclass(frozen=True)
class StatementEnd:
    """The end of a statement: its duration in seconds, the rows that were sent, its SQLSTATE.

    The SQLSTATE is '00000' if it succeeded.
    """

    statement: ClientStatement
    seconds: float
    rows: int
    sqlstate: str


class StatementObserver(Protocol):
    """The receiver of events for logs and metrics."""

    def statement(self, session: Session, end: StatementEnd) -> None:
        """Record the end of a statement."""

    def failure(self, session: Session | None, error: BaseException) -> None:
        """Record an internal error of the server."""


class StatementResponses:
    """The responses to the statements of one session; `result` is the one that is being sent."""

    def __init__(self, session: Session, observer: StatementObserver) -> None:
        self._session = session
        self._observer = observer
        self.result: CommandResult | None = None

    def observed(self, statement: ClientStatement, work: Iterator[bytes]) -> Iterator[bytes]:
        """Yield from `work` and report its duration, rows and SQLSTATE to the observer."""
        started = time.perf_counter()
        sqlstate = _SUCCESS
        self.result = None
        try:
            yield from work
        except GeneratorExit:
            # The client has disconnected, and the rest of its responses is not needed.
            sqlstate = _CONNECTION_FAILURE
            raise
        except BaseException as error:
            sqlstate = report(error).sqlstate
            raise
        finally:
            rows = self.result.sent if self.result is not None else 0
            seconds = time.perf_counter() - started
            end = StatementEnd(statement, seconds, rows, sqlstate)
            self._observer.statement(self._session, end)

    def rows(self, result: CommandResult, binary: list[bool], count: int | None) -> Iterator[bytes]:
        """Yield the next `count` rows, or all of them if `count` is None."""
        if result.rows is None or result.columns is None:
            result.is_done = True
        elif result.copy is not None:
            yield from copy_out(result)
        else:
            for batch in result.batches(count):
                yield data_rows(batch, result.columns, binary)

    def error(self, error: Exception, sql: str = "") -> Iterator[bytes]:
        """Mark the transaction as failed and yield the ErrorResponse."""
        self._session.note_failure()
        found = report(error, sql)
        if found.sqlstate == _INTERNAL_ERROR:
            self._observer.failure(self._session, error)
        yield responses.error_response(found)

    def end_failed_transaction(self) -> Iterator[bytes]:
        """End the implicit transaction after an error; yield an ErrorResponse if that fails too."""
        try:
            self._session.end_implicit()
        except Exception as error:
            yield responses.error_response(report(error))

    def changed_settings(self) -> Iterator[bytes]:
        """Yield ParameterStatus for each changed setting that PostgreSQL reports to clients."""
        for name, value in self._session.take_reported_changes():
            yield responses.parameter_status(name, value)
