"""Names and types of a statement's columns and parameters, asked without running it."""

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


@dataclass(frozen=True)
class Column:
    """A column of a query: its name and its type as DuckDB spells it."""

    name: str
    sql_type: str


def query_columns(con: Native, query: str, parameters: object, frame: FrameType) -> list[Column]:
    """The columns of a query, without running it; equal names are told apart as in CREATE TABLE AS."""
    before = "DESCRIBE SELECT * FROM ("
    try:
        in_frame(frame, Native.execute, con, f"{before}{query}\n)", parameters)
    except duckdb.Error as error:
        raise type(error)(_without_prefix(before, str(error))) from error.__cause__
    return [Column(row[0], row[1]) for row in con.fetchall()]


def _without_prefix(before: str, message: str) -> str:
    """What DuckDB shows of a text in an error, and the caret below, without what was put before the text."""
    return re.sub(
        rf"^(LINE 1: ){re.escape(before)}(.*\n) {{{len(before)}}}", r"\1\2", message, flags=re.M
    )


@dataclass(frozen=True)
class BoundStatement:
    """What DuckDB says of a statement without running it.

    `parameters` are the names and types of its parameters, 'UNKNOWN' where nothing tells. `result_kind` is
    'query_result', 'changed_rows' or 'nothing'; `writes` says whether running it would change a database. A statement
    that `is_deferred` tells nothing before it runs: a PIVOT whose columns are values has others after each INSERT.
    """

    columns: list[Column]
    parameters: list[tuple[str, str]]
    result_kind: str
    writes: bool
    is_deferred: bool = False


def bind_statement(con: Native, sql: str, values: Any) -> BoundStatement:
    """What DuckDB says of one statement, its parameters typed by `values` if there are any."""
    try:
        # Of DuckDB's Python package, and not public: relations are built on it.
        found = Native._bind(con, sql, with_writes=True, values=values)
    except (duckdb.BinderException, duckdb.CatalogException) as error:
        raise _located(con, sql, values, error) from error.__cause__
    names, types, parameters, result_kind, is_deferred, writes = found
    columns = [Column(name, str(kind)) for name, kind in zip(names, types, strict=True)]
    return BoundStatement(
        columns, [(name, str(kind)) for name, kind in parameters], result_kind, writes, is_deferred
    )


def _located(con: Native, sql: str, values: Any, error: duckdb.Error) -> duckdb.Error:
    """The error of binding with the place in the text, which DuckDB shows for statements that are to run."""
    before = "EXPLAIN (FORMAT text) "  # EXPLAIN alone would run what begins with ANALYZE
    try:
        Native.execute(con, before + sql, values)
    except duckdb.Error as shown:
        message = _without_prefix(before, str(shown))
        return type(error)(message) if message.startswith(str(error)) else error
    return error


def repeated_names(con: Native, query: str, columns: list[Column]) -> list[str]:
    """The names that a query gives to several columns, which DuckDB tells apart by numbers behind them.

    Asked only where a column might be such a one; a query that can't be described alone has none.
    """
    names = {column.name for column in columns}
    if not any((found := re.fullmatch(r"(.+)_\d+", name)) and found[1] in names for name in names):
        return []
    with contextlib.suppress(duckdb.Error), sibling_session(con) as session:
        given = [row[0] for row in read(session, f"DESCRIBE {query}")]
        return sorted({name for name in given if given.count(name) > 1})
    return []


def with_line_offset(error: duckdb.Error, lines: int) -> duckdb.Error:
    """The error with its line number counted from the start of a script, `lines` lines further up."""
    shifted = _LINE.sub(lambda match: f"LINE {int(match[1]) + lines}:", str(error))
    return type(error)(shifted)
