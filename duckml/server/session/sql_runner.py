"""Running SQL of a client: permissions first, then DuckDB, then the result with its tag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from duckml.database import binding
from duckml.language.syntax import ModelStatement, Result
from duckml.server.errors import WireError
from duckml.server.session import permissions
from duckml.server.session.command_result import CommandResult, count_tag, row_tag
from duckml.server.session.duckdb_session import DuckdbSession
from duckml.server.session.roles import Role
from duckml.server.session.sql_statement import SqlStatement
from duckml.server.session.transaction_control import TransactionControl
from duckml.server.values.exact import exact_query
from duckml.server.values.result_columns import ResultColumn, catalog_column, result_column

# Queries that can be put in brackets.
_PLAIN_QUERIES = frozenset({"select", "from", "with", "values", "("})


class SqlRunner:
    """The statements of a session that DuckDB and duckml run."""

    def __init__(
        self, db: DuckdbSession, transaction: TransactionControl, role: Role, is_read_only: bool
    ) -> None:
        self._db = db
        self._transaction = transaction
        self._role = role
        self._is_read_only = is_read_only

    def run(
        self,
        sql: SqlStatement,
        values: list[Any] | None,
        bound: binding.BoundStatement | None = None,
    ) -> CommandResult:
        """Run a statement; its rows may still be read from DuckDB afterwards.

        `bound` is the statement as DuckDB has bound it before, if it has.
        """
        self._db.release()
        # DuckDB takes no parameters, not even none, for what it makes several statements of.
        values = values or None
        permissions.check_functions(sql)
        if sql.model_statement is not None:
            return self._run_model_statement(sql, sql.model_statement, values)
        if bound is None or sql.is_changeable:
            bound = self._db.kept_binding(sql, values)
        permissions.check(self._role, sql, bound.writes, self._is_read_only)
        self._prevent_writes(sql, bound)
        if bound.writes:
            self._transaction.note_write()
        return self._run_bound(sql, values, bound)

    def _run_model_statement(
        self, sql: SqlStatement, statement: ModelStatement, values: list[Any] | None
    ) -> CommandResult:
        permissions.check(self._role, sql, statement.changes_models, self._is_read_only)
        if statement.changes_models:
            self._transaction.note_write()
        rows = self._db.stream(sql.translated, values)
        if statement.result is Result.NOTHING:
            rows.close()
            return CommandResult(statement.command_tag)
        self._db.keep_open(rows)
        columns = result_columns(sql, rows.columns)
        return CommandResult(row_tag(sql), columns, rows, counts=True)

    def _run_bound(
        self, sql: SqlStatement, values: list[Any] | None, bound: binding.BoundStatement
    ) -> CommandResult:
        text = sql.translated
        # Only a query can be put in a subquery with casts for values that Arrow can't hold.
        is_plain = sql.verb in _PLAIN_QUERIES and not bound.writes and not bound.is_deferred
        exact = exact_query(text, bound.columns) if is_plain else text
        rows = self._db.stream(exact, values)
        if rows.has_rows:
            self._db.keep_open(rows)
            columns = result_columns(sql, rows.columns if exact is text else bound.columns)
            return CommandResult(row_tag(sql), columns, rows, counts=True)
        # DuckDB returns the number of changed rows as a row, and for some statements no column.
        batches = [batch for batch in rows.batches(None) if batch.num_columns]
        count = sum(batch.column(0)[0].as_py() or 0 for batch in batches)
        return CommandResult(count_tag(sql, count))

    def _prevent_writes(self, sql: SqlStatement, bound: binding.BoundStatement) -> None:
        """Open a read-only transaction for a statement that must not write.

        Raises WireError for a PIVOT of unknown values in a transaction that can write: DuckDB knows
        only after running it what it does.
        """
        is_unknown = bound.is_deferred and sql.begins_as_query
        is_restricted = self._role < Role.ADMIN
        if not self._transaction.is_open:
            if is_unknown or (is_restricted and not self._is_read_only):
                self._transaction.begin_implicit(read_only=True)
        elif is_unknown and is_restricted and not self._transaction.is_read_only:
            raise WireError(
                "0A000",
                "A PIVOT without its values is not supported in a transaction that can write.",
                "Name the values, as in PIVOT t ON kind IN ('a', 'b'), "
                "or run it outside a transaction.",
            )


def result_columns(sql: SqlStatement, columns: Sequence[binding.Column]) -> list[ResultColumn]:
    """Return the columns of a query with PostgreSQL's types."""
    column_of = catalog_column if sql.is_on_catalogs else result_column
    return [column_of(column.name, column.sql_type) for column in columns]
