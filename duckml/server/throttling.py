"""Limits on logins: failed attempts, and connections that have not logged in yet."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager

from duckml.server.errors import WireError

_FAILURES = 10  # failed logins of one user from one address …
_WINDOW = 60.0  # … within so many seconds are the limit
_REMEMBERED = 10_000  # pairs of user and address
_HALF_OPEN = 1000  # connections
TOO_MANY_CLIENTS = "sorry, too many clients already"


class LoginThrottle:
    """The recent failed logins by user and address."""

    def __init__(self) -> None:
        self._failures: defaultdict[tuple[str, str], deque[float]] = defaultdict(
            lambda: deque(maxlen=_FAILURES)
        )

    def check(self, user: str, address: str) -> None:
        """Raise WireError if the user has failed too often from this address."""
        failures = self._failures[user, address]
        if len(failures) == _FAILURES and time.monotonic() - failures[0] < _WINDOW:
            message = f'Too many failed logins as "{user}": try again in a minute.'
            raise WireError("28000", message, is_fatal=True)

    def record_failure(self, user: str, address: str) -> None:
        """Record a failed login."""
        # Invented user names must not fill the memory.
        if len(self._failures) > _REMEMBERED:
            self._failures.clear()
        self._failures[user, address].append(time.monotonic())


class HalfOpenLimit:
    """The number of connections whose startup handshake has not ended."""

    def __init__(self) -> None:
        self._count = 0

    @contextmanager
    def handshake(self) -> Iterator[None]:
        """Count one connection during its handshake; raise WireError if there are too many."""
        self._count += 1
        try:
            if self._count > _HALF_OPEN:
                raise WireError("53300", TOO_MANY_CLIENTS, is_fatal=True)
            yield
        finally:
            self._count -= 1
