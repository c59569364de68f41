"""The arguments of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

import duckml
from duckml.connection import connect


def argument_parser() -> argparse.ArgumentParser:
    """Return the parser; it sets `command` to the name of the command."""
    parser = argparse.ArgumentParser(
        prog="duckml",
        description="CREATE MODEL and PREDICT for DuckDB.",
        epilog="Exit codes: 0 done, 1 a statement failed or the database can't be opened, "
        "2 wrong arguments, 130 interrupted.",
    )
    parser.add_argument(
        "--version", action=_Version, nargs=0, help="show the installed versions and the engine"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo", help="train on real house prices, predict, ask what-if, reopen the file"
    )
    demo.set_defaults(command="demo")
    _add_sql(commands)
    _add_shell(commands)
    _add_check(commands)
    devices = commands.add_parser("devices", help="where models can run on this machine")
    devices.set_defaults(command="devices")
    _add_serve(commands)
    _add_user(commands)
    native = commands.add_parser(
        "native", help="print the SQL that loads the native engine into any DuckDB, without Python"
    )
    native.set_defaults(command="native")
    return parser


def _add_sql(commands: Any) -> None:
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
    _add_read_only(sql)
    sql.set_defaults(command="sql")


def _add_shell(commands: Any) -> None:
    shell = commands.add_parser("shell", help="type SQL, with history and completion")
    _add_database(shell)
    _add_read_only(shell)
    shell.set_defaults(command="shell")


def _add_check(commands: Any) -> None:
    check = commands.add_parser(
        "check", help="check that every model of a file still predicts what it predicted"
    )
    check.add_argument(
        "database", metavar="FILE", help="an existing DuckDB file, which is only read"
    )
    check.add_argument(
        "--device",
        default="auto",
        help="where to predict: auto for every device that starts, cpu, cuda",
    )
    check.set_defaults(command="check", read_only=True, engine="auto")


def _add_serve(commands: Any) -> None:
    serve = commands.add_parser(
        "serve", help="serve a file to BI tools, over PostgreSQL's protocol"
    )
    serve.add_argument("database", metavar="FILE", help="an existing DuckDB file")
    serve.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address to listen on; any but this machine's own needs TLS and users",
    )
    serve.add_argument(
        "--port", type=_port, default=5432, help="5432 by default; 0 takes a free one"
    )
    serve.add_argument(
        "--users", type=Path, metavar="FILE", help="the users and their roles; see duckml user add"
    )
    serve.add_argument(
        "--read-write",
        action="store_true",
        help="allow the roles train and admin to change the file",
    )
    serve.add_argument("--tls-cert", type=Path, metavar="FILE", help="a certificate chain, PEM")
    serve.add_argument("--tls-key", type=Path, metavar="FILE", help="its private key, PEM")
    serve.add_argument(
        "--http-port",
        type=_port,
        help="the port of /health and /metrics on 127.0.0.1; none by default",
    )
    serve.add_argument(
        "--max-connections", type=_positive(int), default=100, metavar="N", help="100 by default"
    )
    serve.add_argument(
        "--idle-timeout",
        type=_positive(float),
        default=8 * 3600.0,
        metavar="SECONDS",
        help="when an idle client is disconnected; after 8 hours by default",
    )
    _add_device_and_engine(serve)
    serve.set_defaults(command="serve")


def _add_user(commands: Any) -> None:
    user = commands.add_parser("user", help="add and remove the users of a server")
    actions = user.add_subparsers(required=True, metavar="ACTION")
    add = actions.add_parser("add", help="add a user, or change a user's role and password")
    add.add_argument("name", metavar="NAME")
    add.add_argument(
        "--role",
        choices=["read", "train", "admin"],
        default="read",
        help="read runs queries, train also makes models, admin also changes tables",
    )
    add.add_argument("--users", type=Path, required=True, metavar="FILE")
    add.set_defaults(command="user add")
    remove = actions.add_parser("remove", help="remove a user")
    remove.add_argument("name", metavar="NAME")
    remove.add_argument("--users", type=Path, required=True, metavar="FILE")
    remove.set_defaults(command="user remove")


def _add_database(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "database",
        metavar="FILE",
        help="a DuckDB file, created if it doesn't exist, or :memory:",
    )
    _add_device_and_engine(parser)


def _add_read_only(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--read-only", action="store_true", help="open the file without writing to it"
    )


def _add_device_and_engine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device", default="auto", help="where models run: auto, cpu, cuda, openvino"
    )
    parser.add_argument("--engine", default="auto", help="what runs them: auto, native, python")


class _Version(argparse.Action):
    """An option that prints the versions, and the engine and device of a database opened now."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        with connect() as con:
            name, device = con.serving.name, con.serving.device_of("")
        print(
            f"duckml {duckml.__version__}, duckdb {duckdb.__version__}, "
            f"engine {name}, device {device}"
        )
        parser.exit()


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"'{text}' is not a port (0 to 65535)")
    return int(text)


def _positive(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a function that reads a number of that type above zero."""

    def read(text: str) -> Any:
        try:
            number = kind(text)
        except ValueError:
            number = 0
        if number <= 0:
            raise argparse.ArgumentTypeError(f"'{text}' is not a number above zero")
        return number

    return read
