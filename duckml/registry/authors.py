"""The user that a change is recorded for."""

from __future__ import annotations

import getpass
import os
from contextvars import ContextVar

# Who is at work on behalf of somebody else, as a server is for its users.
acting_for: ContextVar[str | None] = ContextVar("acting_for", default=None)


def user_name() -> str:
    """Who is at work: the user of a server, else of the operating system, by number where it has no name."""
    if (user := acting_for.get()) is not None:
        return user
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"
