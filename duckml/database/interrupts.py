"""Ctrl-C while DuckDB runs a query."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator

import duckdb

from duckml.database.sessions import Native


@contextlib.contextmanager
def interruptible(con: Native) -> Iterator[None]:
    """Raise KeyboardInterrupt on Ctrl-C in a block, also while DuckDB runs a query on `con`.

    By itself DuckDB checks for Ctrl-C only while the main thread waits for the others, which a
    long step can delay for minutes. It then raises a RuntimeError.
    """
    pressed = threading.Event()
    try:
        with _interrupt_on_signal(con, pressed):
            yield
    except duckdb.InterruptException as error:
        if not pressed.is_set():  # the user has called con.interrupt()
            raise
        raise KeyboardInterrupt from error
    except RuntimeError as error:
        if str(error) != "Query interrupted":
            raise
        raise KeyboardInterrupt from error


@contextlib.contextmanager
def _interrupt_on_signal(con: Native, pressed: threading.Event) -> Iterator[None]:
    """Interrupt DuckDB from another thread on SIGINT; only the main thread receives signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = socket.socketpair()
    writing.setblocking(False)

    def watch() -> None:
        while byte := reading.recv(1):
            if byte[0] == signal.SIGINT:
                pressed.set()
                con.interrupt()

    before = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        writing.close()
        watcher.join()
        reading.close()
