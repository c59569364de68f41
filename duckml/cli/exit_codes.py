"""The exit codes of the command line."""

import enum


class ExitCode(enum.IntEnum):
    """The exit codes; argparse adds 2 for wrong arguments."""

    OK = 0
    FAILED = 1  # a statement failed, or the database can't be opened
    INTERRUPTED = 130  # Ctrl-C, as shells report it
