"""Descriptions of prepared statements and portals: the types of parameters and the columns.

Nothing runs for them, except a PIVOT whose columns are values: DuckDB finds those by running it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from duckml.server.errors import WireError
from duckml.server.session.commands import (
    CopyOut,
    DeclareCursor,
    Fetch,
    SetParameter,
    ShowParameter,
)
from duckml.server.session.cursors import Cursors
from duckml.server.session.duckdb_session import DuckdbSession
from duckml.server.session.permissions import check_functions
from duckml.server.session.prepared import Portal, Portals, PreparedStatement
from duckml.server.session.setting_commands import SET_CONFIG_COLUMNS, SettingCommands
from duckml.server.session.sql_runner import SqlRunner, result_columns
from duckml.server.session.sql_statement import SqlStatement
from duckml.server.session.transaction_control import TransactionControl
from duckml.server.values.parameter_types import bind_without_values
from duckml.server.values.parameter_values import parameter_value
from duckml.server.values.result_columns import ResultColumn, parameter_oid

# The object ids of the parameters, and the columns or None for a statement without rows.
Description = tuple[list[int], Sequence[ResultColumn] | None]


class Descriptions:
    """The descriptions of a session's prepared statements and portals."""

    def __init__(
        self,
        db: DuckdbSession,
        runner: SqlRunner,
        transaction: TransactionControl,
        setting_commands: SettingCommands,
        portals: Portals,
        cursors: Cursors,
    ) -> None:
        self._db = db
        self._runner = runner
        self._transaction = transaction
        self._setting_commands = setting_commands
        self._portals = portals
        self._cursors = cursors

    def portal_columns(self, portal: Portal) -> Sequence[ResultColumn] | None:
        """Return the columns of a portal, None for no rows."""
        if not portal.is_described:
            command = portal.statement.command
            if isinstance(command, SqlStatement):
                self._bind_portal(portal, command)
            else:
                _, portal.columns = self.describe(portal.prepared, portal.values)
            portal.is_described = True
        return portal.columns

    def _bind_portal(self, portal: Portal, sql: SqlStatement) -> None:
        self._db.release()
        check_functions(sql)
        portal.bound = self._db.bind(sql, portal.values or None)
        if portal.bound.is_deferred:
            if sql.begins_as_query:
                self._transaction.require_usable(sql)
                portal.result = self._runner.run(sql, portal.values)
                portal.columns = portal.result.columns
        elif portal.bound.result_kind == "query_result":
            portal.columns = result_columns(sql, portal.bound.columns)

    def describe(self, prepared: PreparedStatement, values: list[Any] | None) -> Description:
        """Return the types of a statement's parameters, and its columns."""
        match prepared.statement.command:
            case SqlStatement() as sql:
                return self._describe_sql(prepared, sql, values)
            case CopyOut(query) | DeclareCursor(_, query):
                oids, _ = self._describe_sql(prepared, query, values)
                return oids, None
            case Fetch(name, _, is_move):
                columns = self._cursor_columns(name)
                return [], None if is_move else columns
            case ShowParameter() as command:
                return [], self._setting_commands.columns(command)
            case SetParameter(is_query=True):
                return [], SET_CONFIG_COLUMNS
        return [], None

    def _cursor_columns(self, name: str) -> Sequence[ResultColumn] | None:
        # FETCH reads from portals, too.
        portal = None if name in self._cursors else self._portals.find(name)
        return self._cursors.get(name).columns if portal is None else self.portal_columns(portal)

    def _describe_sql(
        self, prepared: PreparedStatement, sql: SqlStatement, values: list[Any] | None
    ) -> Description:
        self._db.release()
        check_functions(sql)
        if values is None:
            bound = bind_without_values(self._db.con, sql.translated, prepared.oids)
        else:
            bound = self._db.bind(sql, values or None)
        if bound.is_deferred and sql.begins_as_query:
            result = self._runner.run(sql, values, bound)
            result.close()
            return [], result.columns
        # The client's own declarations come first; DuckDB's types fill the gaps.
        declared = [*prepared.oids, *[0] * len(bound.parameters)]
        oids = [
            oid or parameter_oid(kind, sql.is_on_catalogs)
            for oid, (_, kind) in zip(declared, bound.parameters, strict=False)
        ]
        if bound.result_kind != "query_result" or bound.is_deferred:
            return oids, None
        return oids, result_columns(sql, bound.columns)

    def parameter_values(
        self,
        prepared: PreparedStatement,
        raw: Sequence[bytes | None],
        is_binary: Sequence[bool],
    ) -> list[Any]:
        """Return the values of parameters from the bytes that a client has sent.

        Raises WireError for another number of parameters than the statement has.
        """
        # Describing is needed only for parameters whose types the client has not declared.
        oids = list(prepared.oids) + [0] * (len(raw) - len(prepared.oids))
        if not all(oids) or len(oids) != len(raw):
            described, _ = self.describe(prepared, None)
            if len(described) != len(raw) or len(oids) != len(raw):
                raise WireError(
                    "08P01",
                    f"{len(raw)} parameters were given, but the statement has {len(described)}.",
                )
            oids = [oid or found for oid, found in zip(oids, described, strict=True)]
        given = zip(raw, oids, is_binary, strict=True)
        return [parameter_value(value, oid, binary) for value, oid, binary in given]
