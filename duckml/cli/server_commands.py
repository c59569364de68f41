"""`duckml serve` and `duckml user`: the server and its file of users."""

from __future__ import annotations

import argparse
import getpass
import sys

from duckml.cli.exit_codes import ExitCode
from duckml.cli.output import print_message


def serve_command(options: argparse.Namespace) -> int:
    """Serve a database until the process is stopped."""
    import asyncio

    from duckml.server.monitoring import ServerMonitor
    from duckml.server.server_options import Limits, ServerOptions
    from duckml.server.tcp import Server

    server_options = ServerOptions(
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
        await Server(server_options, monitor).run()

    asyncio.run(run())
    return ExitCode.OK


def add_user_command(options: argparse.Namespace) -> int:
    """Add a user to the file, or change the user's role and password."""
    from duckml.server.session.roles import Role
    from duckml.server.users import new_user, read_users, write_users

    users = read_users(options.users) if options.users.exists() else {}
    user = new_user(options.name, Role.named(options.role), _read_password(options.name))
    verb = "changed" if user.name in users else "added"
    write_users(options.users, {**users, user.name: user})
    print_message(f"User '{user.name}' {verb}, with the role {options.role}.")
    return ExitCode.OK


def _read_password(name: str) -> str:
    """Return a password that is typed twice, or the first line of standard input without one."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass(f"Password for {name}: ")
    if getpass.getpass("Once more: ") != first:
        raise ValueError("The two passwords differ.")
    return first


def remove_user_command(options: argparse.Namespace) -> int:
    """Remove a user from the file."""
    from duckml.server.users import read_users, suggestion, write_users

    users = read_users(options.users)
    if options.name not in users:
        hint = suggestion(options.name, users)
        raise ValueError(f"There is no user '{options.name}' in {options.users}.{hint}")
    del users[options.name]
    write_users(options.users, users)
    print_message(f"User '{options.name}' removed.")
    return ExitCode.OK
