"""The outputs of a classifier's graph: the label and the probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper

from duckml.features.column_types import INTEGERS, type_family
from duckml.features.signature import Target
from duckml.onnx_graphs.graph import Graph


def class_outputs(graph: Graph, probabilities: str, target: Target) -> list[Any]:
    """Add the most probable label, and return it and the probabilities as outputs of the graph.

    `probabilities` is a tensor of doubles with one column per label.
    """
    code = graph.add("ArgMax", [probabilities], axis=1, keepdims=1)
    labels, label_type = _label_tensor(target)
    label = graph.add(
        "Gather",
        [graph.constant(labels), code],
        axis=0,
        output=graph.output_name(target.prediction),
    )
    count = len(target.labels or ())
    return [
        helper.make_tensor_value_info(label, label_type, ["N", 1]),
        helper.make_tensor_value_info(probabilities, TensorProto.DOUBLE, ["N", count]),
    ]


def _label_tensor(target: Target) -> tuple[Any, int]:
    """Return the labels and their tensor type: int64 or bool if the target has it, else string."""
    labels = target.labels or ()
    family = type_family(target.sql_type)
    # An UBIGINT or HUGEINT label can be too large for int64.
    if family in INTEGERS and all(-(2**63) <= int(label) < 2**63 for label in labels):
        return np.array([int(label) for label in labels], dtype=np.int64), TensorProto.INT64
    if family == "BOOLEAN":
        return np.array([label == "true" for label in labels]), TensorProto.BOOL
    return np.array(labels, dtype=object), TensorProto.STRING
