"""Transactions of a session."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import duckdb

from duckml.database.sessions import Native, read, write


def in_transaction(con: Native) -> bool:
    """Whether the session is inside BEGIN: outside, every statement has a transaction of its own."""
    (first,), (second,) = read(con, "SELECT txid_current()") + read(con, "SELECT txid_current()")
    return bool(first == second)


@contextlib.contextmanager
def transaction(con: Native) -> Iterator[None]:
    """A transaction around a block: committed at its end, rolled back when it raises."""
    write(con, "BEGIN")
    try:
        yield
        write(con, "COMMIT")
    except BaseException:
        with contextlib.suppress(duckdb.Error):  # a failed COMMIT has ended the transaction already
            write(con, "ROLLBACK")
        raise
