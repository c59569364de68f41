"""The simple query protocol: a text of any number of statements, executed at once."""

from __future__ import annotations

from collections.abc import Iterator

from duckml.server.protocol import messages as responses
from duckml.server.protocol.statement_responses import StatementResponses
from duckml.server.session.client_statement import ClientStatement, split_statements
from duckml.server.session.commands import TRANSACTION_COMMANDS
from duckml.server.session.session import Session


class SimpleQuery:
    """The simple query protocol of one session."""

    def __init__(self, session: Session, shared: StatementResponses) -> None:
        self._session = session
        self._shared = shared

    def process(self, sql: str) -> Iterator[bytes]:
        """Yield the responses to a Query message."""
        session = self._session
        session.close_portal("")
        session.close_prepared_statement("")
        try:
            yield from self._execute_all(sql)
        except Exception as error:
            yield from self._shared.error(error, sql)
            yield from self._shared.end_failed_transaction()
        yield from self._shared.changed_settings()
        yield responses.ready_for_query(session.status)

    def _execute_all(self, sql: str) -> Iterator[bytes]:
        session = self._session
        statements = split_statements(sql)
        commands = [statement.command for statement in statements]
        if not statements:
            yield responses.EMPTY_QUERY
        # Several statements in one message are one transaction unless they control it themselves.
        controls = any(isinstance(each, TRANSACTION_COMMANDS) for each in commands)
        if len(statements) > 1 and not controls:
            session.begin_implicit()
        for statement in statements:
            work = session.interruptible(self._execute(statement))
            yield from self._shared.observed(statement, work)
            yield from self._shared.changed_settings()
        session.end_implicit()

    def _execute(self, statement: ClientStatement) -> Iterator[bytes]:
        result = self._session.run(statement)
        self._shared.result = result
        columns = result.columns or ()
        if result.columns is not None and result.copy is None:
            yield responses.text_row_description(columns)
        yield from self._shared.rows(result, [False] * len(columns), None)
        yield responses.command_complete(result.full_tag)
