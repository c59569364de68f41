"""Interrupting the statement that a session runs: at a client's request or after a time limit."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import duckdb

from duckml.connection import Connection
from duckml.server.errors import WireError


class Interruption:
    """The running statement of a session, as other threads can stop it."""

    def __init__(self, con: Connection) -> None:
        self._con = con
        self._is_running = False
        self._reason = ""  # why the running statement was stopped

    def cancel(self, reason: str) -> None:
        """Stop the running statement, if there is one. Can be called from any thread."""
        if self._is_running:
            self._reason = reason
            self._con.interrupt()

    def interruptible(self, work: Iterator[bytes], seconds: float) -> Iterator[bytes]:
        """Yield from `work`, which is stopped after `seconds` unless they are 0.

        Raises WireError with the reason if it is stopped.
        """
        self._reason, self._is_running = "", True
        try:
            with self._timer(seconds):
                yield from work
        except duckdb.InterruptException as error:
            raise self._error() from error
        finally:
            self._is_running = False

    @contextlib.contextmanager
    def _timer(self, seconds: float) -> Iterator[None]:
        if not seconds:
            yield
            return
        timer = threading.Timer(seconds, self.cancel, ["statement timeout"])
        timer.daemon = True  # a server that ends does not wait for time limits
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def require_running(self) -> None:
        """Raise WireError if the statement was stopped: training does not notice it by itself."""
        if self._reason:
            raise self._error()

    def _error(self) -> WireError:
        return WireError("57014", f"canceling statement due to {self._reason or 'user request'}")
