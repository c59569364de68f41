"""Safety checks of ONNX files from elsewhere, which onnxruntime sees only after they passed.

A file may use allowed operators on tensors of known width, and must contain all of its data.
"""

from __future__ import annotations

import math
from typing import Any

import onnx
from onnx import ModelProto

from duckml.errors import ForeignModelError
from duckml.onnx_graphs.allowed_operators import (
    ALLOWED_DOMAINS,
    ALLOWED_OPERATORS,
    SHAPED_OPERATORS,
)
from duckml.onnx_graphs.graph import constant_tensors, is_external

_MOST_BYTES = 1 << 30
_MOST_NODES = 20_000

# Elements of one tensor. All tensors together may have eight times as many.
_MOST_ELEMENTS = 1 << 28

# The most rows that a model is given at once.
_ROWS = 1 << 14


def read_foreign_model(content: bytes, path: str) -> ModelProto:
    """Return the checked model of an ONNX file.

    Raises ForeignModelError if the file isn't ONNX or isn't safe.
    """
    if len(content) > _MOST_BYTES:
        raise ForeignModelError.refused(
            path, f"it has {len(content):,} bytes, and at most {_MOST_BYTES:,} are supported"
        )
    try:
        model = onnx.load_from_string(content)
    except Exception as error:  # protobuf's errors have no common class
        raise ForeignModelError.refused(path, "it is not an ONNX model") from error
    if not model.graph.node:
        raise ForeignModelError.refused(path, "it is not an ONNX model, or is empty")
    _require_safe(model, path)
    return model


def _require_safe(model: ModelProto, path: str) -> None:
    if model.functions or model.training_info:
        raise ForeignModelError.refused(path, "it defines functions of its own")
    if len(model.graph.node) > _MOST_NODES:
        raise ForeignModelError.refused(path, f"it has more than {_MOST_NODES:,} nodes")
    if model.graph.sparse_initializer:
        raise ForeignModelError.refused(path, "it has sparse tensors")
    for tensor in constant_tensors(model.graph):
        _require_safe_constant(tensor, path)
    constants = _constant_names(model)
    for node in model.graph.node:
        _require_safe_node(node, constants, path)
    _require_small_tensors(model, path)


def _require_safe_constant(tensor: Any, path: str) -> None:
    if is_external(tensor):
        raise ForeignModelError.refused(
            path, f"its tensor '{tensor.name}' is stored in another file"
        )
    if math.prod(tensor.dims) > _MOST_ELEMENTS:
        raise ForeignModelError.refused(path, f"its tensor '{tensor.name}' is too large")


def _constant_names(model: ModelProto) -> set[str]:
    names = {tensor.name for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant":
            names.update(node.output)
    return names


def _require_safe_node(node: Any, constants: set[str], path: str) -> None:
    shape_inputs = {name for name in node.input[1:] if name}
    if node.op_type in SHAPED_OPERATORS and not shape_inputs <= constants:
        raise ForeignModelError.refused(
            path, f"its operator {node.op_type} has a shape that is computed"
        )
    for attribute in node.attribute:
        if attribute.HasField("sparse_tensor") or attribute.sparse_tensors:
            raise ForeignModelError.refused(path, "it has sparse tensors")
    if node.domain not in ALLOWED_DOMAINS or node.op_type not in ALLOWED_OPERATORS:
        name = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        raise ForeignModelError.refused(path, f"its operator {name} is not supported")
    for attribute in node.attribute:
        if attribute.HasField("g") or attribute.graphs:
            raise ForeignModelError.refused(path, f"its operator {node.op_type} contains a graph")


def _require_small_tensors(model: ModelProto, path: str) -> None:
    """Raise ForeignModelError if a tensor, or all of them, would be too large for `_ROWS` rows."""
    total = 0
    for value in _shaped_values(model, path):
        dimensions = [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        elements = math.prod(size for size in dimensions if size > 0)
        total += elements
        if elements >= _MOST_ELEMENTS or total > 8 * _MOST_ELEMENTS:
            raise ForeignModelError.refused(path, f"its tensor '{value.name}' would be too large")


def _shaped_values(model: ModelProto, path: str) -> list[Any]:
    """Return the tensors between the nodes with the shapes that ONNX infers for `_ROWS` rows."""
    with_rows = ModelProto()
    with_rows.CopyFrom(model)
    for value in with_rows.graph.input:
        if value.type.tensor_type.shape.dim:
            value.type.tensor_type.shape.dim[0].dim_value = _ROWS
    # The shapes that the file states could hide larger ones.
    for value in with_rows.graph.output:
        value.type.tensor_type.ClearField("shape")
    del with_rows.graph.value_info[:]
    try:
        inferred = onnx.shape_inference.infer_shapes(with_rows, data_prop=True)
    except Exception as error:  # onnx raises errors of several classes
        raise ForeignModelError.refused(path, "its shapes contradict each other") from error
    return [*inferred.graph.value_info, *inferred.graph.input, *inferred.graph.output]
