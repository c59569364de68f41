"""Names and types of a statement's columns and parameters, without running it."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from types import FrameType
from typing import Any

import duckdb

from duckml.database.frames import in_frame
from duckml.database.sessions import Native, read, sibling_session

_LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)
_NUMBERED = re.compile(r"(.+)_\d+")


@dataclass(frozen=True)
class Column:
    """A column of a query: its name and its type as DuckDB spells it."""

    name: str
    sql_type: str


def query_columns(con: Native, query: str, parameters: object, frame: FrameType) -> list[Column]:
    """Return the columns of a query; repeated names get numbers as in CREATE TABLE AS."""
    before = "DESCRIBE SELECT * FROM ("
    try:
        in_frame(frame, Native.execute, con, f"{before}{query}\n)", parameters)
    except duckdb.Error as error:
        raise type(error)(_without_prefix(before, str(error))) from error.__cause__
    return [Column(row[0], row[1]) for row in con.fetchall()]


def _without_prefix(before: str, message: str) -> str:
    """Return an error message without a prefix of the SQL text, and with the caret moved."""
    shown = rf"^(LINE 1: ){re.escape(before)}(.*\n) {{{len(before)}}}"
    return re.sub(shown, r"\1\2", message, flags=re.M)


@dataclass(frozen=True)
class BoundStatement:
    """The columns, parameters and effects of a statement, as DuckDB's binder reports them.

    `parameters` are the names and types of the parameters, 'UNKNOWN' if the type can't be
    inferred. `result_kind` is 'query_result', 'changed_rows' or 'nothing'. `writes` is true if
    running the statement would change a database. The columns of a statement that `is_deferred`
    are known only when it runs: a PIVOT can have other columns after each INSERT.
    """

    columns: list[Column]
    parameters: list[tuple[str, str]]
    result_kind: str
    writes: bool
    is_deferred: bool = False


def bind_statement(con: Native, sql: str, values: Any) -> BoundStatement:
    """Bind one statement; `values` determine the types of its parameters if there are any."""
    try:
        # This method isn't public, but DuckDB's Python package builds its relations on it.
        found = Native._bind(con, sql, with_writes=True, values=values)
    except (duckdb.BinderException, duckdb.CatalogException) as error:
        raise _located(con, sql, values, error) from error.__cause__
    names, types, parameters, result_kind, is_deferred, writes = found
    return BoundStatement(
        [Column(name, str(kind)) for name, kind in zip(names, types, strict=True)],
        [(name, str(kind)) for name, kind in parameters],
        result_kind,
        writes,
        is_deferred,
    )


def _located(con: Native, sql: str, values: Any, error: duckdb.Error) -> duckdb.Error:
    """Return the binding error with its line and caret, which DuckDB adds when it runs SQL."""
    before = "EXPLAIN (FORMAT text) "  # EXPLAIN alone would run SQL that begins with ANALYZE
    try:
        Native.execute(con, before + sql, values)
    except duckdb.Error as shown:
        message = _without_prefix(before, str(shown))
        return type(error)(message) if message.startswith(str(error)) else error
    return error


def repeated_names(con: Native, query: str, columns: list[Column]) -> list[str]:
    """Return the names that a query gives to several columns.

    DuckDB appends numbers to such names, so a query whose names have no numbers isn't described
    again. The list is empty for a query that can't be described alone.
    """
    names = {column.name for column in columns}
    numbered = filter(None, map(_NUMBERED.fullmatch, names))
    if not any(match[1] in names for match in numbered):
        return []
    with contextlib.suppress(duckdb.Error), sibling_session(con) as session:
        given = [row[0] for row in read(session, f"DESCRIBE {query}")]
        return sorted({name for name in given if given.count(name) > 1})
    return []


def with_line_offset(error: duckdb.Error, lines: int) -> duckdb.Error:
    """Return the error of a statement with the line number that the line has in its script."""
    shifted = _LINE.sub(lambda match: f"LINE {int(match[1]) + lines}:", str(error))
    return type(error)(shifted)
