"""Artifacts by key: the ONNX bytes of versions, loaded from the attached databases."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import duckdb

from duckml.artifacts import key_of
from duckml.database import sessions
from duckml.database.sessions import Native
from duckml.errors import ArtifactError
from duckml.registry.registry import Registry, readable_formats


def load(session: Native, key: str) -> bytes | None:
    """Return the ONNX bytes of a key in any attached database, or None.

    Damaged bytes are returned only if no other database has the key.
    """
    copies = [
        onnx
        for database in readable_formats(session)
        for onnx in Registry(session, database).artifacts(key)
    ]
    if len(copies) > 1:  # a single copy is verified by whoever opens it
        return next((onnx for onnx in copies if key_of(onnx) == key), copies[0])
    return copies[0] if copies else None


def require(session: Native, key: str) -> bytes:
    """Return the ONNX bytes of a key; raise ArtifactError if they are gone."""
    onnx = load(session, key)
    if onnx is None:
        raise ArtifactError.gone(key)
    return onnx


def require_anywhere(connections: Sequence[Native], key: str) -> bytes:
    """Return the ONNX bytes of a key from any database that a connection has attached.

    Raises ArtifactError if none has them.
    """
    for con in connections:
        # A connection that was closed in the meantime, or a damaged database, must not keep
        # another one from predicting.
        with contextlib.suppress(duckdb.Error), sessions.sibling_session(con) as session:
            found = load(session, key)
            if found is not None:
                return found
    raise ArtifactError.gone(key)
