"""The entry point of the command line: it runs a command and returns its exit code."""

from __future__ import annotations

import argparse
import io
import os
import sys
import warnings
from collections.abc import Callable, Sequence

import duckdb

from duckml.cli.arguments import argument_parser
from duckml.cli.check import check_command
from duckml.cli.exit_codes import ExitCode
from duckml.cli.output import print_message, print_warning
from duckml.cli.scripts import shell_command, sql_command
from duckml.cli.server_commands import add_user_command, remove_user_command, serve_command
from duckml.connection import ModelWarningMessage


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    options = argument_parser().parse_args(arguments)
    warnings.showwarning = print_warning  # type: ignore[assignment]
    warnings.simplefilter("always", ModelWarningMessage)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that lacks some characters still shows the others.
            stream.reconfigure(errors="replace")
    try:
        return int(COMMANDS[options.command](options))
    except BrokenPipeError:
        # The reader has closed the pipe, as in duckml sql … | head.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except OSError as error:
        text = error if error.filename is None else f"{error.filename}: {error.strerror}"
        print_message(f"Error: {text}")
        return ExitCode.FAILED
    except (duckdb.Error, ValueError) as error:
        print_message(f"Error: {error}")
        return ExitCode.FAILED
    except KeyboardInterrupt:
        print_message("Interrupted. The statement that was running stored nothing.")
        return ExitCode.INTERRUPTED


def demo_command(_: argparse.Namespace) -> int:
    """Run the example of house prices."""
    from duckml.examples import house_prices

    house_prices.main()
    return ExitCode.OK


def devices_command(_: argparse.Namespace) -> int:
    """Print the devices and whether models can run on them."""
    from duckml.engines.devices import device_states

    for state in device_states():
        if state.starts:
            text = "ready"
        elif state.offered:
            text = f"does not start: {state.detail}"
        else:
            text = f"not installed. {state.detail}"
        print(f"{state.name:<10}{state.provider:<28}{text}")
    return ExitCode.OK


def native_command(_: argparse.Namespace) -> int:
    """Print the SQL that loads the native engine."""
    from duckml.engines.choice import native_load_sql

    print(native_load_sql())
    return ExitCode.OK


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "demo": demo_command,
    "sql": sql_command,
    "shell": shell_command,
    "check": check_command,
    "devices": devices_command,
    "serve": serve_command,
    "user add": add_user_command,
    "user remove": remove_user_command,
    "native": native_command,
}
