"""The user that a change of the registry is recorded for."""

from __future__ import annotations

import getpass
import os
from contextvars import ContextVar

# A server sets it to the user whose statement it runs.
acting_for: ContextVar[str | None] = ContextVar("acting_for", default=None)


def user_name() -> str:
    """Return the user of the server, or else of the operating system.

    A user without a name in the operating system is given by number.
    """
    if (user := acting_for.get()) is not None:
        return user
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"
