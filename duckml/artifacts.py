"""Artifacts: ONNX bytes and their key."""

from __future__ import annotations

import hashlib

from duckml.errors import ArtifactError


def key_of(onnx: bytes) -> str:
    """Return the key of an artifact: the SHA-256 of its bytes, in hexadecimal."""
    return hashlib.sha256(onnx).hexdigest()


def require_intact(onnx: bytes, key: str) -> None:
    """Raise ArtifactError unless `key` is the key of the bytes."""
    found = key_of(onnx)
    if found != key:
        raise ArtifactError.damaged(key, found)
