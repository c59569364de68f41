"""The manifest of a model: the JSON in its ONNX metadata that an engine needs to run it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from duckml.features.signature import MANIFEST, Signature


def manifest_json(
    signature: Signature, precision: str, on_null: str, codes: Mapping[str, str]
) -> str:
    """Return a manifest as text.

    `codes` maps each category to the tensor that holds its codes.
    """
    manifest = {
        "format": 1,
        "signature": signature.to_json(),
        "precision": precision,
        "on_null": on_null,
        "codes": codes,
    }
    return json.dumps(manifest, ensure_ascii=False, sort_keys=True)


def manifest_entry(model: Any) -> str | None:
    """Return the manifest of an ONNX model as text, or None if the model isn't duckml's."""
    for entry in model.metadata_props:
        if entry.key == MANIFEST:
            return str(entry.value)
    return None


def read_manifest(model: Any) -> dict[str, Any]:
    """Return the manifest of an ONNX model that duckml wrote.

    Raises ValueError if it has none.
    """
    text = manifest_entry(model)
    if text is None:
        raise ValueError("it has no duckml manifest")
    return dict(json.loads(text))
