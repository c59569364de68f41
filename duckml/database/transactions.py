"""Transactions of a session."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import duckdb

from duckml.database.sessions import Native, read, write


def in_transaction(con: Native) -> bool:
    """Return whether the session is inside BEGIN."""
    # Outside BEGIN every statement has a transaction of its own, with another number.
    (first,), (second,) = read(con, "SELECT txid_current()") + read(con, "SELECT txid_current()")
    return bool(first == second)


@contextlib.contextmanager
def transaction(con: Native) -> Iterator[None]:
    """Run a block in a transaction: commit at its end, roll back if it raises."""
    write(con, "BEGIN")
    try:
        yield
        write(con, "COMMIT")
    except BaseException:
        with contextlib.suppress(duckdb.Error):  # a failed COMMIT has ended the transaction already
            write(con, "ROLLBACK")
        raise
