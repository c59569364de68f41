"""The command line: arguments in, exit code out. Data goes to standard output, narration to standard error."""

from __future__ import annotations

import argparse
import enum
import getpass
import io
import json
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb

import duckml
from duckml.connection import Connection, ModelWarningMessage, connect
from duckml.database import interrupts, sessions
from duckml.language.parser import parse
from duckml.language.syntax import (
    DescribeModel,
    Query,
    Result,
    Statement,
)

_ROW = "__duckml_row"
_WIDE = 8  # columns that a box shows on most terminals


class Exit(enum.IntEnum):
    """The exit codes, beside argparse's 2 for wrong arguments."""

    OK = 0
    FAILED = 1  # a statement failed, or the database can't be opened
    INTERRUPTED = 130  # Ctrl-C


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name; the exit code."""
    options = _parser().parse_args(arguments)
    warnings.showwarning = _narrate_warning  # type: ignore[assignment]
    warnings.simplefilter("always", ModelWarningMessage)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                errors="replace"
            )  # a terminal that can't show every letter still shows the others
    try:
        return int(options.run(options))
    except BrokenPipeError:
        # The reader has seen enough, as in duckml sql … | head.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except OSError as error:
        _narrate(
            f"Error: {error if error.filename is None else f'{error.filename}: {error.strerror}'}"
        )
        return Exit.FAILED
    except (duckdb.Error, ValueError) as error:
        _narrate(f"Error: {error}")
        return Exit.FAILED
    except KeyboardInterrupt:
        _narrate("Interrupted. The statement that was running stored nothing.")
        return Exit.INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="duckml",
        description="CREATE MODEL and PREDICT for DuckDB.",
        epilog="Exit codes: 0 done, 1 a statement failed or the database can't be opened, 2 wrong arguments, "
        "130 interrupted.",
    )
    parser.add_argument(
        "--version", action=_Version, nargs=0, help="show what is installed, and what serves"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser(
        "demo", help="train on real house prices, predict, ask what-if, reopen the file"
    )
    demo.set_defaults(run=_demo)

    sql = commands.add_parser("sql", help="run SQL on a database file")
    _add_database(sql)
    source = sql.add_mutually_exclusive_group()
    source.add_argument("-c", metavar="SQL", dest="text", help="the statements to run")
    source.add_argument(
        "-f",
        metavar="FILE.sql",
        dest="script",
        help="a file of statements; - or none: standard input",
    )
    sql.add_argument(
        "--format", choices=["table", "csv", "json"], default="table", help="how rows are printed"
    )
    sql.add_argument("--read-only", action="store_true", help="open the file without writing to it")
    sql.set_defaults(run=_sql)

    shell = commands.add_parser("shell", help="type SQL, with history and completion")
    _add_database(shell)
    shell.add_argument(
        "--read-only", action="store_true", help="open the file without writing to it"
    )
    shell.set_defaults(run=_shell)

    check = commands.add_parser(
        "check", help="whether every model of a file still answers what it answered"
    )
    check.add_argument(
        "database", metavar="FILE", help="a DuckDB file that is there; it is only read"
    )
    check.add_argument(
        "--device",
        default="auto",
        help="where to predict: auto for every device that starts, cpu, cuda",
    )
    check.set_defaults(run=_check, read_only=True, engine="auto")

    devices = commands.add_parser("devices", help="where models can run on this machine")
    devices.set_defaults(run=_devices)

    serve = commands.add_parser("serve", help="let BI tools in: speak PostgreSQL's protocol")
    serve.add_argument("database", metavar="FILE", help="a DuckDB file that is there")
    serve.add_argument(
        "--host", default="127.0.0.1", help="the address to listen on; another needs TLS and users"
    )
    serve.add_argument(
        "--port", type=_port, default=5432, help="5432 by default; 0 takes a free one"
    )
    serve.add_argument(
        "--users", type=Path, metavar="FILE", help="the users and their roles; see duckml user add"
    )
    serve.add_argument(
        "--read-write", action="store_true", help="let the roles train and admin change the file"
    )
    serve.add_argument("--tls-cert", type=Path, metavar="FILE", help="a certificate chain, PEM")
    serve.add_argument("--tls-key", type=Path, metavar="FILE", help="its private key, PEM")
    serve.add_argument(
        "--http-port",
        type=_port,
        help="where /health and /metrics are, on 127.0.0.1; nowhere by default",
    )
    serve.add_argument(
        "--max-connections", type=_positive(int), default=100, metavar="N", help="100 by default"
    )
    serve.add_argument(
        "--idle-timeout",
        type=_positive(float),
        default=8 * 3600.0,
        metavar="SECONDS",
        help="when a client that does nothing is disconnected; after 8 hours by default",
    )
    serve.add_argument(
        "--device", default="auto", help="where models run: auto, cpu, cuda, openvino"
    )
    serve.add_argument("--engine", default="auto", help="what serves them: auto, native, python")
    serve.set_defaults(run=_serve)

    user = commands.add_parser("user", help="the users of a server")
    actions = user.add_subparsers(required=True, metavar="ACTION")
    add = actions.add_parser("add", help="add a user, or give one another role and password")
    add.add_argument("name", metavar="NAME")
    add.add_argument(
        "--role",
        choices=["read", "train", "admin"],
        default="read",
        help="read runs queries, train also makes models, admin also changes tables",
    )
    add.add_argument("--users", type=Path, required=True, metavar="FILE")
    add.set_defaults(run=_add_user)
    remove = actions.add_parser("remove", help="remove a user")
    remove.add_argument("name", metavar="NAME")
    remove.add_argument("--users", type=Path, required=True, metavar="FILE")
    remove.set_defaults(run=_remove_user)

    recipe = commands.add_parser(
        "native", help="print the SQL that makes any DuckDB predict, without Python"
    )
    recipe.set_defaults(run=_native)
    return parser


class _Version(argparse.Action):
    """Prints the versions, and which engine and device serve a database that is opened now."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        with connect() as con:
            name, device = con.serving.name, con.serving.device_of("")
        print(
            f"duckml {duckml.__version__}, duckdb {duckdb.__version__}, engine {name}, device {device}"
        )
        parser.exit()


def _add_database(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "database", metavar="FILE", help="a DuckDB file, made when it is not there, or :memory:"
    )
    parser.add_argument(
        "--device", default="auto", help="where models run: auto, cpu, cuda, openvino"
    )
    parser.add_argument("--engine", default="auto", help="what serves them: auto, native, python")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"'{text}' is no port: 0 to 65535")
    return int(text)


def _positive(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            number = kind(text)
        except ValueError:
            number = 0
        if number <= 0:
            raise argparse.ArgumentTypeError(f"'{text}' is no number above zero")
        return number

    return read


def _narrate(text: str) -> None:
    print(text, file=sys.stderr)


def _narrate_warning(message: Warning | str, category: type[Warning], *_: Any) -> None:
    _narrate(
        f"Warning: {message}"
        if issubclass(category, ModelWarningMessage)
        else f"{category.__name__}: {message}"
    )


def _demo(_: argparse.Namespace) -> int:
    from duckml.examples import house_prices

    house_prices.main()
    return Exit.OK


def _devices(_: argparse.Namespace) -> int:
    from duckml.engines.devices import device_states

    for state in device_states():
        if state.starts:
            text = "ready"
        else:
            text = (
                f"does not start: {state.detail}"
                if state.offered
                else f"not installed. {state.detail}"
            )
        print(f"{state.name:<10}{state.provider:<28}{text}")
    return Exit.OK


def _native(_: argparse.Namespace) -> int:
    from duckml.engines.choice import native_load_sql

    print(native_load_sql())
    return Exit.OK


def _check(options: argparse.Namespace) -> int:
    from duckml.cli.check import check

    if not Path(options.database).exists():
        raise FileNotFoundError(f"There is no file '{options.database}'.")
    failed = count = 0
    with _open(options) as con:
        for found in check(con, options.device):
            count += 1
            failed += bool(found.problem)
            measured = (
                "no rows kept"
                if found.difference is None
                else f"{found.rows} rows, difference {found.difference:.1e}"
            )
            verdict = f"FAILED: {found.problem}" if found.problem else f"ok      {measured}"
            print(f"{found.model:<32}{found.engine}:{found.device:<10}{verdict}")
    _narrate(
        f"{count - failed} of {count} checks passed."
        if count
        else "There are no models in this file."
    )
    return Exit.FAILED if failed else Exit.OK


# duckml sql


def _sql(options: argparse.Namespace) -> int:
    text = _text_of(options)
    with _open(options) as con:
        _run_script(
            con, text, options.format, options.script if options.script not in {None, "-"} else None
        )
    return Exit.OK


def _open(options: argparse.Namespace) -> Connection:
    """The database that the arguments name, set up so that Arrow keeps every type of DuckDB's."""
    con = connect(
        options.database, read_only=options.read_only, device=options.device, engine=options.engine
    )
    con.execute("SET arrow_lossless_conversion = true; SET enable_progress_bar = false")
    return con


def _text_of(options: argparse.Namespace) -> str:
    if options.text is not None:
        return str(options.text)
    if options.script is None or options.script == "-":
        if sys.stdin.isatty():
            _narrate("Type SQL and end it with Ctrl-D; duckml shell has history and completion.")
        return sys.stdin.read()
    return Path(options.script).read_text(encoding="utf-8")


def _run_script(con: Connection, text: str, how: str, file: str | None = None) -> None:
    """Run the statements of a text one by one and print their rows; an error says where its statement begins."""
    script = parse(text)
    for span, statement in zip(script.spans, script.statements, strict=True):
        try:
            with interrupts.interruptible(con):
                _show(con, script.source(span), statement, how)
        except duckdb.Error as error:
            if len(script.statements) > 1:
                line = script.line(span) + 1
                where = f"line {line}" if file is None else f"{file}:{line}"
                error.args = (f"{where}: {error}",)
            raise


def _show(con: Connection, sql: str, statement: Statement, how: str) -> None:
    """Run a statement and print its rows, if it has any."""
    may_count = not _is_query(con, sql, statement)
    con.execute(sql)  # a relation could not be interrupted
    names = [column[0] for column in con.description or []]
    if may_count and names in (["Count"], ["Success"]):
        sessions.finish_result(con)
        return
    relation: Any = con.from_arrow(sessions.fetch_arrow(con))
    if how == "csv":
        print(",".join(_csv(name) for name in relation.columns))
        for row in relation.project("CAST(COLUMNS(*) AS VARCHAR)").fetchall():
            print(",".join("" if value is None else _csv(value) for value in row))
    elif how == "json":
        rows = relation.query(_ROW, f"SELECT to_json({_ROW})::VARCHAR FROM {_ROW}").fetchall()
        # NaN and infinity, which JSON doesn't have, become null.
        plain = (json.loads(row, parse_constant=lambda _: None) for (row,) in rows)
        print("[" + ",\n ".join(json.dumps(row, ensure_ascii=False) for row in plain) + "]")
    elif (
        statement.result is Result.ROW
        or isinstance(statement, DescribeModel)
        or _is_one_wide_row(relation)
    ):
        print(_upright(relation))
    else:
        print(relation)


def _is_query(con: Connection, sql: str, statement: Statement) -> bool:
    """Whether a statement can only answer rows: its column "Count" is the user's then."""
    if not isinstance(statement, Query):
        return statement.result is not Result.NOTHING
    [parsed] = duckdb.extract_statements(con.rewritten(sql))
    return parsed.expected_result_type == [duckdb.ExpectedResultType.QUERY_RESULT]


def _csv(text: str) -> str:
    """A value of a CSV file: in quotes where it must be, and where it is empty, so that NULL can be told from it."""
    return (
        '"' + text.replace('"', '""') + '"'
        if not text or any(c in text for c in '",\r\n')
        else text
    )


def _is_one_wide_row(relation: Any) -> bool:
    """Whether a box would hide most of what there is to see."""
    return len(relation.columns) > _WIDE and len(relation.limit(2).fetchall()) == 1


def _upright(relation: Any) -> str:
    """Rows of many columns, or of names and values, one value per line."""
    rows = relation.fetchall()
    pairs = (
        rows
        if relation.columns == ["name", "value"]
        else list(zip(relation.columns, rows[0], strict=True))
    )
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


# duckml serve


def _serve(options: argparse.Namespace) -> int:
    import asyncio

    from duckml.server.monitoring import ServerMonitor
    from duckml.server.server_options import Limits, ServerOptions
    from duckml.server.tcp import Server

    wanted = ServerOptions(
        path=options.database,
        host=options.host,
        port=options.port,
        users=options.users,
        certificate=options.tls_cert,
        key=options.tls_key,
        is_read_write=options.read_write,
        http_port=options.http_port,
        device=options.device,
        engine=options.engine,
        limits=Limits(connections=options.max_connections, idle=options.idle_timeout),
    )

    monitor = ServerMonitor()
    monitor.log.log_library_warnings()

    async def run() -> None:
        await Server(wanted, monitor).run()

    asyncio.run(run())
    return Exit.OK


def _add_user(options: argparse.Namespace) -> int:
    from duckml.server.session.roles import Role
    from duckml.server.users import new_user, read_users, write_users

    users = read_users(options.users) if options.users.exists() else {}
    user = new_user(options.name, Role.named(options.role), _password(options.name))
    verb = "changed" if user.name in users else "added"
    write_users(options.users, {**users, user.name: user})
    _narrate(f"User '{user.name}' {verb}, with the role {options.role}.")
    return Exit.OK


def _password(name: str) -> str:
    """The password of a user, typed twice on a terminal, else the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass(f"Password for {name}: ")
    if getpass.getpass("Once more: ") != first:
        raise ValueError("The two passwords differ.")
    return first


def _remove_user(options: argparse.Namespace) -> int:
    from duckml.server.users import read_users, suggestion, write_users

    users = read_users(options.users)
    if options.name not in users:
        raise ValueError(
            f"There is no user '{options.name}' in {options.users}.{suggestion(options.name, users)}"
        )
    del users[options.name]
    write_users(options.users, users)
    _narrate(f"User '{options.name}' removed.")
    return Exit.OK


# duckml shell


def _shell(options: argparse.Namespace) -> int:
    from duckml.cli.shell import run

    with _open(options) as con:
        if not sys.stdin.isatty():
            _run_script(con, sys.stdin.read(), "table")
        else:
            run(con, lambda text: _run_typed(con, text))
    return Exit.OK


def _run_typed(con: Connection, text: str) -> None:
    """Run what was typed and print what comes back, errors included: a shell goes on after them."""
    try:
        _run_script(con, text, "table")
    except duckdb.Error as error:
        _narrate(f"Error: {error}")
    except KeyboardInterrupt:
        _narrate("Interrupted.")
