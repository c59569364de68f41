"""`duckml sql` and `duckml shell`: statements from arguments, files or a terminal."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import duckdb

from duckml.cli.exit_codes import ExitCode
from duckml.cli.output import print_csv, print_json, print_message, print_table
from duckml.connection import Connection, connect
from duckml.database import interrupts, sessions
from duckml.language.parser import parse
from duckml.language.syntax import DescribeModel, Query, Result, Statement


def sql_command(options: argparse.Namespace) -> int:
    """Run the statements of `duckml sql`."""
    text = _script_text(options)
    file = None if options.script == "-" else options.script
    with open_connection(options) as con:
        run_script(con, text, options.format, file)
    return ExitCode.OK


def shell_command(options: argparse.Namespace) -> int:
    """Run the shell, or the statements of standard input if that isn't a terminal."""
    from duckml.cli.shell import run_shell

    with open_connection(options) as con:
        if sys.stdin.isatty():
            run_shell(con, lambda text: _run_typed(con, text))
        else:
            run_script(con, sys.stdin.read(), "table")
    return ExitCode.OK


def open_connection(options: argparse.Namespace) -> Connection:
    """Open a connection to the database that the arguments name."""
    con = connect(
        options.database, read_only=options.read_only, device=options.device, engine=options.engine
    )
    # Arrow then keeps DuckDB's types, for example HUGEINT. Progress would be drawn into the output.
    con.execute("SET arrow_lossless_conversion = true; SET enable_progress_bar = false")
    return con


def _script_text(options: argparse.Namespace) -> str:
    if options.text is not None:
        return str(options.text)
    if options.script is None or options.script == "-":
        if sys.stdin.isatty():
            print_message(
                "Type SQL and end it with Ctrl-D; duckml shell has history and completion."
            )
        return sys.stdin.read()
    return Path(options.script).read_text(encoding="utf-8")


def run_script(con: Connection, text: str, output_format: str, file: str | None = None) -> None:
    """Run the statements of a script one by one and print their rows.

    An error of one of several statements begins with the line of the statement.
    """
    script = parse(text)
    for span, statement in zip(script.spans, script.statements, strict=True):
        try:
            with interrupts.interruptible(con):
                _run_statement(con, script.source(span), statement, output_format)
        except duckdb.Error as error:
            if len(script.statements) > 1:
                line = script.line(span) + 1
                place = f"line {line}" if file is None else f"{file}:{line}"
                error.args = (f"{place}: {error}",)
            raise


def _run_statement(con: Connection, sql: str, statement: Statement, output_format: str) -> None:
    """Run a statement and print its rows, if it has any."""
    returns_rows = _returns_rows(con, sql, statement)
    con.execute(sql)  # a relation could not be interrupted
    names = [column[0] for column in con.description or []]
    if not returns_rows and names in (["Count"], ["Success"]):
        sessions.finish_result(con)
        return
    relation: Any = con.from_arrow(sessions.fetch_arrow(con))
    if output_format == "csv":
        print_csv(relation)
    elif output_format == "json":
        print_json(relation)
    else:
        is_one_model = statement.result is Result.ROW or isinstance(statement, DescribeModel)
        print_table(relation, one_value_per_line=is_one_model)


def _returns_rows(con: Connection, sql: str, statement: Statement) -> bool:
    """Return whether a statement always returns rows: then a column "Count" is the user's."""
    if not isinstance(statement, Query):
        return statement.result is not Result.NOTHING
    [parsed] = duckdb.extract_statements(con.rewritten(sql))
    return parsed.expected_result_type == [duckdb.ExpectedResultType.QUERY_RESULT]


def _run_typed(con: Connection, text: str) -> None:
    """Run typed statements and print an error, so that the shell goes on."""
    try:
        run_script(con, text, "table")
    except duckdb.Error as error:
        print_message(f"Error: {error}")
    except KeyboardInterrupt:
        print_message("Interrupted.")
