"""The base class of duckml's errors."""

from __future__ import annotations

from typing import ClassVar

import duckdb


class DuckmlError(duckdb.Error):
    """The base class of duckml's errors."""

    sqlstate: ClassVar[str] = "XX000"

    # Tracebacks name the public package instead of the module inside it.
    __module__ = "duckml.errors"

    def __init_subclass__(cls) -> None:
        if cls.__module__.startswith("duckml.errors."):
            cls.__module__ = "duckml.errors"
