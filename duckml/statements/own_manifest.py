"""The manifest of an ONNX file that duckml exported, read as strictly as if it had been typed.

Types and expressions in it become part of SQL, and the file may have been changed since.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from duckml.database import catalog
from duckml.database.sessions import Native
from duckml.errors import ForeignModelError
from duckml.features.input_expressions import Transform
from duckml.features.signature import Feature, Signature
from duckml.language.prediction_sql import labels as labels_of_target
from duckml.names import fold
from duckml.training.transform.items import require_replayable

_STORAGE = {
    "category": frozenset({"BIGINT", "VARCHAR"}),
    "number": frozenset({"DOUBLE"}),
    "boolean": frozenset({"DOUBLE"}),
    "date": frozenset({"DOUBLE"}),
    "timestamp": frozenset({"DOUBLE"}),
}


def own_signature(con: Native, model: Any, manifest: str, path: str) -> Signature:
    """Return the signature in a manifest; raise ForeignModelError if it can't be trusted."""
    try:
        value = json.loads(manifest)
        signature = Signature.from_json(value["signature"])
        is_sound = _is_sound(signature, value, {entry.name for entry in model.graph.input})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ForeignModelError.refused(path, "its manifest can't be read") from error
    if not is_sound:
        raise ForeignModelError.refused(path, "its manifest is not about its graph")
    columns = (*signature.features, *signature.inputs, signature.target)
    for sql_type in [column.sql_type for column in columns]:
        if not catalog.is_type(con, sql_type):
            raise ForeignModelError.refused(path, f"its manifest names the type {sql_type}")
    if signature.transform is not None:
        require_replayable(con, signature.transform)
    if signature.target.labels is not None:
        labels = f"SELECT {labels_of_target(signature.target)}"
        if not catalog.can_read(con, labels):
            raise ForeignModelError.refused(path, "its labels are not of the type of its target")
    return signature


def _is_sound(signature: Signature, value: Mapping[str, Any], inputs: set[str]) -> bool:
    """Return whether every part of a manifest is what `EXPORT MODEL` writes.

    `inputs` are the names of the graph's inputs.
    """
    names = [*signature.names, signature.target.name, *signature.input_names]
    return (
        value["format"] == 1
        and value["precision"] in ("float32", "float64")
        and value["on_null"] in ("impute", "null")
        and set(signature.names) == inputs
        and set(value["codes"]) <= inputs
        and all(isinstance(name, str) and name for name in names)
        and _are_distinct(signature.names)
        and all(_has_storage(feature) for feature in signature.features)
        and _are_labels(signature.target.labels)
        and (signature.transform is None or _is_transform(signature, signature.transform))
    )


def _are_distinct(names: Any) -> bool:
    return len({fold(name) for name in names}) == len(names)


def _has_storage(feature: Feature) -> bool:
    return feature.storage in _STORAGE[feature.kind]


def _are_labels(labels: Any) -> bool:
    if labels is None:
        return True
    are_texts = all(isinstance(label, str) for label in labels)
    return are_texts and len(set(labels)) == len(labels) > 1


def _is_transform(signature: Signature, made: Transform) -> bool:
    """Return whether a TRANSFORM computes every feature from its own inputs."""
    inputs = [column.name for column in made.inputs]
    used = {name for expression in made.features.values() for name in expression.names}
    expressions = [*made.features.values(), *([made.target] if made.target else [])]
    return (
        set(made.features) == set(signature.names)
        and used <= set(inputs)
        and isinstance(made.text, str)
        and all(isinstance(name, str) for name in inputs)
        and all(_is_expression(expression) for expression in expressions)
        and bool(inputs)
        and _are_distinct(inputs)
    )


def _is_expression(expression: Any) -> bool:
    """Return whether an expression is text around names: an odd number of pieces."""
    pieces = expression.pieces
    return len(pieces) % 2 == 1 and all(isinstance(piece, str) for piece in pieces)
