"""The command line: arguments in, exit code out. Data goes to standard output, narration to standard error."""

from __future__ import annotations

import argparse
import csv
import enum
import json
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb

import duckml
from duckml.connection import Connection, ModelWarningMessage, connect
from duckml.parser import parse
from duckml.statements import CreateModel, DescribeModel, Statement


class Exit(enum.IntEnum):
    """The exit codes."""

    OK = 0
    FAILED = 1  # a statement failed, or the database can't be opened
    USAGE = 2  # the arguments are wrong
    INTERRUPTED = 130  # Ctrl-C


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name; the exit code."""
    options = _parser().parse_args(arguments)
    warnings.showwarning = _narrate_warning  # type: ignore[assignment]
    warnings.simplefilter("always", ModelWarningMessage)
    try:
        return int(options.run(options))
    except (duckdb.Error, OSError) as error:
        _narrate(f"Error: {error}")
        return Exit.FAILED
    except KeyboardInterrupt:
        _narrate("Interrupted. Nothing was stored by the statement that was running.")
        return Exit.INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="duckml",
        description="CREATE MODEL and PREDICT for DuckDB.",
        epilog="Exit codes: 0 done, 1 a statement failed or the database can't be opened, 2 wrong arguments, "
        "130 interrupted.",
    )
    parser.add_argument(
        "--version", action="version", version=f"duckml {duckml.__version__}, duckdb {duckdb.__version__}"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="train on real house prices, predict, ask what-if, reopen the file")
    demo.set_defaults(run=_demo)

    sql = commands.add_parser("sql", help="run SQL on a database file")
    _add_database(sql)
    source = sql.add_mutually_exclusive_group()
    source.add_argument("-c", metavar="SQL", dest="text", help="the statements to run")
    source.add_argument("-f", metavar="FILE.sql", dest="script", help="a file of statements; - or none: standard input")
    sql.add_argument("--format", choices=["table", "csv", "json"], default="table", help="how rows are printed")
    sql.add_argument("--read-only", action="store_true", help="open the file without writing to it")
    sql.set_defaults(run=_sql)

    shell = commands.add_parser("shell", help="type SQL, with history and completion")
    _add_database(shell)
    shell.add_argument("--read-only", action="store_true", help="open the file without writing to it")
    shell.set_defaults(run=_shell)

    devices = commands.add_parser("devices", help="where models can run on this machine")
    devices.set_defaults(run=_devices)
    return parser


def _add_database(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("database", metavar="FILE", help="a DuckDB file, made when it is not there, or :memory:")
    parser.add_argument("--device", default="auto", help="where models run: auto, cpu, cuda, openvino")


def _narrate(text: str) -> None:
    print(text, file=sys.stderr)


def _narrate_warning(message: Warning | str, category: type[Warning], *_: Any) -> None:
    _narrate(f"Warning: {message}" if issubclass(category, ModelWarningMessage) else f"{category.__name__}: {message}")


def _demo(_: argparse.Namespace) -> int:
    from duckml.examples import house_prices

    house_prices.main()
    return Exit.OK


def _devices(_: argparse.Namespace) -> int:
    from duckml.inference import devices

    for state in devices():
        if state.starts:
            text = "ready"
        else:
            text = f"does not start: {state.detail}" if state.offered else f"not installed. {state.detail}"
        print(f"{state.name:<10}{state.provider:<28}{text}")
    return Exit.OK


# duckml sql


def _sql(options: argparse.Namespace) -> int:
    text = _text_of(options)
    with connect(options.database, read_only=options.read_only, device=options.device) as con:
        for sql, statement in _statements(text):
            _show(con, sql, statement, options.format)
    return Exit.OK


def _text_of(options: argparse.Namespace) -> str:
    if options.text is not None:
        return str(options.text)
    if options.script is None or options.script == "-":
        if sys.stdin.isatty():
            _narrate("Type SQL and end it with Ctrl-D; duckml shell has history and completion.")
        return sys.stdin.read()
    return Path(options.script).read_text(encoding="utf-8")


def _statements(text: str) -> Iterator[tuple[str, Statement]]:
    """The statements of a text one by one."""
    script = parse(text)
    for span, statement in zip(script.spans, script.statements, strict=True):
        yield script.placed(span), statement


def _show(con: Connection, sql: str, statement: Statement, how: str) -> None:
    """Run a statement and print its rows, if it has any."""
    relation = con.sql(sql)
    if relation is None or relation.columns == ["Success"]:
        return
    if how == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(relation.columns)
        writer.writerows(relation.fetchall())
    elif how == "json":
        rows = (dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall())
        print(json.dumps(list(rows), ensure_ascii=False, default=str))
    elif isinstance(statement, CreateModel | DescribeModel):
        print(_upright(relation))
    else:
        print(relation)


def _upright(relation: Any) -> str:
    """Rows of many columns, or of names and values, one value per line."""
    rows = relation.fetchall()
    pairs = rows if relation.columns == ["name", "value"] else list(zip(relation.columns, rows[0], strict=True))
    width = max(len(str(name)) for name, _ in pairs)
    return "\n".join(f"{name:>{width}}  {_readable(value)}" for name, value in pairs)


def _readable(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_readable(item)}" for name, item in value.items())
    if isinstance(value, list):
        return "; ".join(f"{item['message']} [{item['code']}]" for item in value) or "none"
    if isinstance(value, float):
        return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"
    return str(value)


# duckml shell


def _shell(options: argparse.Namespace) -> int:
    from duckml.shell import run

    with connect(options.database, read_only=options.read_only, device=options.device) as con:
        run(con, lambda text: _run_typed(con, text))
    return Exit.OK


def _run_typed(con: Connection, text: str) -> None:
    """Run what was typed and print what comes back, errors included: a shell goes on after them."""
    try:
        for sql, statement in _statements(text):
            _show(con, sql, statement, "table")
    except duckdb.Error as error:
        _narrate(f"Error: {error}")
    except KeyboardInterrupt:
        _narrate("Interrupted.")


if __name__ == "__main__":
    sys.exit(main())
