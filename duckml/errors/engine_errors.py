"""Errors of the engines and the devices that compute predictions."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from duckml.errors.base import DuckmlError
from duckml.errors.wording import did_you_mean


class EngineError(DuckmlError, duckdb.InvalidInputException):
    """An engine that can't serve the database."""

    sqlstate = "58000"

    @classmethod
    def unknown(cls, engine: str, known: Sequence[str]) -> EngineError:
        """Return the error for an engine that doesn't exist."""
        return cls(
            f"Unknown engine '{engine}'.{did_you_mean(engine, known)} Known: {', '.join(known)}."
        )

    @classmethod
    def missing(cls, why: str) -> EngineError:
        """Return the error for a native engine that can't serve this database."""
        return cls(
            f"The native engine was requested but can't serve this database: {why} engine='auto' "
            "uses an engine that works."
        )

    @classmethod
    def taken(cls, engine: str, serving: str) -> EngineError:
        """Return the error for a database that another engine serves in this process."""
        return cls(
            f"The {engine} engine was requested, but this process has the database open with the "
            f"{serving} engine. Close the other connections first, or request '{serving}'."
        )

    @classmethod
    def foreign(cls, path: str) -> EngineError:
        """Return the error for an extension that was loaded from another installation."""
        return cls(
            "This database has loaded duckml's extension from a file of another installation. "
            f"Close its connections and open it again without that extension, or load '{path}'."
        )


class DeviceError(DuckmlError, duckdb.InvalidInputException):
    """A device that is not available."""

    sqlstate = "58000"

    @classmethod
    def missing(cls, device: str, found: Sequence[str], install: str) -> DeviceError:
        """Return the error for a device without a provider of onnxruntime."""
        return cls(
            f"Device '{device}' was requested, but the installed onnxruntime offers "
            f"{', '.join(found)}. {install} device='auto' uses a device that is available."
        )

    @classmethod
    def failed(cls, device: str, detail: str) -> DeviceError:
        """Return the error for a provider that is installed and doesn't start."""
        return cls(
            f"Device '{device}' was requested and didn't start: {detail} device='auto' uses a "
            "device that works."
        )

    @classmethod
    def unknown(cls, device: str, known: Sequence[str]) -> DeviceError:
        """Return the error for a device that doesn't exist."""
        return cls(
            f"Unknown device '{device}'.{did_you_mean(device, known)} Known: {', '.join(known)}."
        )

    @classmethod
    def taken(cls, device: str, serving: str) -> DeviceError:
        """Return the error for a database that is served on another device in this process."""
        return cls(
            f"Device '{device}' was requested, but this process has the database open with "
            f"device '{serving}'. Close the other connections first, or request '{serving}'."
        )
