"""Errors of the stored models: damaged bytes, newer formats and read-only databases."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from duckml.errors.base import DuckmlError
from duckml.names import listed


class ArtifactError(DuckmlError, duckdb.SerializationException):
    """Stored ONNX bytes that are damaged or missing."""

    sqlstate = "XX001"

    @classmethod
    def damaged(cls, key: str, found: str) -> ArtifactError:
        """Return the error for bytes whose SHA-256 is not their key."""
        return cls(
            f"The stored model {key[:12]}… is damaged: its bytes have the SHA-256 {found[:12]}…. "
            "Predictions from it can't be trusted. Use another version (model@n), or restore the "
            "file from a backup."
        )

    @classmethod
    def gone(cls, key: str) -> ArtifactError:
        """Return the error for bytes that no open database contains."""
        return cls(
            f"No database that is open through duckml holds the model {key[:12]}…. Open the file "
            "with duckml.connect(path), or attach it, before you query its views and functions."
        )

    @classmethod
    def wrong_count(cls, key: str, given: int, names: Sequence[str]) -> ArtifactError:
        """Return the error for a call with another number of values than features."""
        return cls(
            f"The model {key[:12]}… was called with {given} values and takes {listed(names)}."
        )

    @classmethod
    def unreadable(cls, key: str, detail: str) -> ArtifactError:
        """Return the error for bytes that onnxruntime can't open."""
        return cls(f"onnxruntime can't open the stored model {key[:12]}…: {detail}")


class RegistryFormatError(DuckmlError, duckdb.InvalidInputException):
    """A registry that a newer duckml has written."""

    sqlstate = "0A000"

    @classmethod
    def newer(cls, database: str, found: int, known: int) -> RegistryFormatError:
        """Return the error for a format that is newer than this release."""
        return cls(
            f'The models in database "{database}" are stored in format {found}; this duckml knows '
            f"formats up to {known}. Upgrade duckml: pip install -U duckml."
        )


class ReadOnlyError(DuckmlError, duckdb.InvalidInputException):
    """A change of models in a read-only database."""

    sqlstate = "25006"

    @classmethod
    def database(cls, name: str, doing: str) -> ReadOnlyError:
        """Return the error for a database that is open read-only."""
        return cls(
            f'Can\'t {doing}: database "{name}" is open read-only. Models in it can predict; to '
            "change them open it with duckml.connect(path) and without read_only, or attach it "
            "without READ_ONLY."
        )
