"""Expressions of a TRANSFORM: parsed by DuckDB, checked, and cut at the columns that they read.

The rest of the user's text is kept as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import duckdb

from duckml.database import catalog, sessions
from duckml.database.sessions import Native
from duckml.errors import StatementError
from duckml.features.input_expressions import Expression
from duckml.language.expression_text import called_names
from duckml.language.tokens import token_end
from duckml.names import fold
from duckml.training.transform.plan import is_column
from duckml.training.transform.refusals import check_node, refused, unknown_column

# A node of the syntax tree that json_serialize_sql returns.
Node = dict[str, Any]


class ExpressionReader:
    """A reader of expressions over the columns of a training query.

    `types` are SQL types by column.
    """

    def __init__(self, con: Native, types: Mapping[str, str]) -> None:
        self.con = con
        self.types = types
        self.columns = {fold(name): name for name in types}
        self._kinds = catalog.function_kinds(con)
        self._built_in = catalog.built_in_functions(con)

    def parse(self, text: str) -> Node:
        """Return DuckDB's syntax tree of one item; raise StatementError if there is none."""
        sql = "SELECT json_serialize_sql($sql)"
        [(serialized,)] = sessions.read(self.con, sql, {"sql": f"SELECT {text}"})
        tree = json.loads(serialized)
        if tree["error"]:
            raise StatementError(
                f"TRANSFORM has an item that DuckDB can't parse: {text}\n{tree['error_message']}"
            )
        statements = tree["statements"]
        select = statements[0]["node"]
        items = select.get("select_list", [])
        has_more = (
            select.get("where_clause")
            or select.get("modifiers")
            or select.get("from_table", {}).get("type") != "EMPTY"
        )
        if len(statements) != 1 or len(items) != 1 or has_more:
            raise StatementError(f"TRANSFORM requires expressions, and this is not one: {text}")
        node: Node = items[0]
        return node

    def type_of(self, expression: Expression) -> str:
        """Return the SQL type of an expression; raise StatementError if DuckDB can't bind it."""
        values = {name: f"CAST(NULL AS {sql_type})" for name, sql_type in self.types.items()}
        try:
            [(found,)] = sessions.read(self.con, f"SELECT typeof({expression.render(values)})")
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise StatementError(f"TRANSFORM can't be computed: {reason}") from error
        return str(found)

    def constant(self, text: str) -> Any:
        """Return the value of a constant; raise StatementError if it isn't one."""
        try:
            [(value,)] = sessions.read(self.con, f"SELECT ({text})")
        except duckdb.Error as error:
            raise StatementError(
                f"The settings of an ML function must be constants, and {text} is not a constant."
            ) from error
        return value

    def read(self, text: str) -> Expression:
        """Return the expression, cut at the columns that it reads.

        Raises StatementError for one that can't be computed again from one row, or whose value
        depends on the time zone of a session.
        """
        expression = self._cut(text)
        zoned = [name for name in expression.names if "TIME ZONE" in self.types.get(name, "")]
        if zoned and not is_column(expression):
            raise refused(
                f'an expression over "{zoned[0]}", a TIMESTAMP WITH TIME ZONE',
                "its value would change with the time zone of a session; the query can state "
                "one: … AT TIME ZONE 'UTC'",
            )
        return expression

    def _cut(self, text: str) -> Expression:
        sql = f"SELECT {text}"
        encoded = sql.encode()
        words = called_names(sql)
        pieces, position = [""], len(b"SELECT ")
        for start, column in sorted(set(self._references(self.parse(text), frozenset()))):
            if column:
                pieces[-1] += encoded[position:start].decode()
                pieces += [column, ""]
                position = token_end(sql, start)
            elif words.get(start) in self._built_in:
                # A macro that the user later creates with this name must not change the model.
                pieces[-1] += encoded[position:start].decode() + "system.main."
                position = start
        pieces[-1] += encoded[position:].decode()
        return Expression(tuple(pieces))

    def _references(self, node: Any, bound: frozenset[str]) -> Iterator[tuple[int, str]]:
        """Return the byte positions of columns, with their names, and of function calls, with ''.

        `bound` are the parameters of the surrounding lambdas. Raises StatementError for nodes that
        can't be computed again.
        """
        if isinstance(node, list):
            for child in node:
                yield from self._references(child, bound)
        if not isinstance(node, dict):
            return
        kind = node.get("class")
        if kind == "COLUMN_REF":
            first = node["column_names"][0]
            if fold(first) not in bound:
                yield node["query_location"], self._column(first)
            return
        if kind == "LAMBDA":
            names = {fold(name) for name in _parameters(node["lhs"])}
            yield from self._references(node["expr"], bound | names)
            return
        check_node(node, self.columns, self._kinds)
        if kind == "FUNCTION" and not node["is_operator"] and not node.get("schema"):
            yield node["query_location"], ""
        for child in node.values():
            yield from self._references(child, bound)

    def _column(self, name: str) -> str:
        if fold(name) not in self.columns:
            raise unknown_column(name, list(self.columns.values()))
        return self.columns[fold(name)]


def _parameters(node: Any) -> Iterator[str]:
    """Return the parameters on the left of a lambda."""
    if isinstance(node, dict):
        if node.get("class") == "COLUMN_REF":
            yield node["column_names"][0]
        for child in node.values():
            yield from _parameters(child)
    elif isinstance(node, list):
        for child in node:
            yield from _parameters(child)
