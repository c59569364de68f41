"""The adoption of a foreign ONNX graph: nodes around it give it the interface of duckml's graphs.

An adopted graph has one named [N, 1] input per column and a manifest. It is then served, exported
and checked like a model that was trained here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, compose, helper

from duckml.features.signature import Feature, Signature, Target
from duckml.onnx_graphs.class_labels import class_outputs
from duckml.onnx_graphs.foreign_interface import (
    INTEGER_TYPES,
    ForeignInput,
    ForeignInterface,
    foreign_inputs,
)
from duckml.onnx_graphs.graph import Graph
from duckml.onnx_graphs.manifest import manifest_json


def adopted_signature(model: ModelProto, interface: ForeignInterface) -> Signature:
    """Return the features and the target of the adopted graph."""
    features = []
    for value in foreign_inputs(model):
        for column in interface.columns[value.name]:
            features.append(_feature(column, value.tensor_type))
    return Signature(tuple(features), interface.target)


def _feature(column: str, tensor_type: int) -> Feature:
    if tensor_type in INTEGER_TYPES:
        return Feature(column, "BIGINT", "category", "BIGINT")
    if tensor_type == TensorProto.STRING:
        return Feature(column, "VARCHAR", "category", "VARCHAR")
    if tensor_type == TensorProto.BOOL:
        return Feature(column, "BOOLEAN", "boolean", "DOUBLE")
    return Feature(column, "DOUBLE", "number", "DOUBLE")


def adopt(
    model: ModelProto,
    interface: ForeignInterface,
    signature: Signature,
    on_null: str,
    precision: str,
) -> bytes:
    """Return the ONNX bytes of the adopted graph."""
    graph = Graph(precision, signature.names)
    # The prefix keeps the names of the foreign tensors apart from those of columns.
    prefix = f"{graph.prefix}/model/"
    inner = compose.add_prefix(model, prefix)
    graph.opsets = {opset.domain: opset.version for opset in model.opset_import}
    graph.opsets.setdefault("", 18)
    graph.ir_version = max(model.ir_version, 7)
    inputs = {
        f"{prefix}{value.name}": _input_of_columns(graph, interface.columns[value.name], value)
        for value in foreign_inputs(model)
    }
    for node in inner.graph.node:
        # A ZipMap makes dictionaries; the prediction is read from its input.
        if node.op_type != "ZipMap":
            node.input[:] = [inputs.get(name, name) for name in node.input]
            graph.nodes.append(node)
    graph.constants.extend(inner.graph.initializer)
    tensor = f"{prefix}{interface.output}"
    if interface.target.labels is None:
        outputs = _number_output(graph, tensor, interface.target)
    else:
        outputs = _probability_outputs(graph, tensor, interface.target)
    return graph.finish(outputs, manifest_json(signature, precision, on_null, {}))


def _input_of_columns(graph: Graph, columns: Sequence[str], value: ForeignInput) -> str:
    """Add the tensor that replaces a foreign input, made of columns, and return its name."""
    column_type = _column_type(value.tensor_type)
    tensors = [graph.input(column, column_type) for column in columns]
    tensor = tensors[0] if len(tensors) == 1 else graph.add("Concat", tensors, axis=1)
    if column_type != value.tensor_type:
        tensor = graph.add("Cast", [tensor], to=value.tensor_type)
    if value.width is not None:
        return tensor
    shape = graph.constant(np.array([-1], dtype=np.int64))
    return graph.add("Reshape", [tensor, shape])


def _column_type(tensor_type: int) -> int:
    if tensor_type == TensorProto.STRING:
        return int(TensorProto.STRING)
    if tensor_type in INTEGER_TYPES:
        return int(TensorProto.INT64)
    return int(TensorProto.DOUBLE)


def _number_output(graph: Graph, tensor: str, target: Target) -> list[Any]:
    number = graph.add("Cast", [tensor], to=TensorProto.DOUBLE)
    shape = graph.constant(np.array([-1, 1], dtype=np.int64))
    output = graph.output_name(target.prediction)
    number = graph.add("Reshape", [number, shape], output=output)
    return [helper.make_tensor_value_info(number, TensorProto.DOUBLE, ["N", 1])]


def _probability_outputs(graph: Graph, tensor: str, target: Target) -> list[Any]:
    """Add the label and the probabilities, which are the outputs of a classifier."""
    count = len(target.labels or ())
    probabilities_name = graph.output_name(target.probabilities)
    shape = graph.constant(np.array([-1, count], dtype=np.int64))
    probabilities = graph.add("Reshape", [tensor, shape])
    probabilities = graph.add(
        "Cast", [probabilities], to=TensorProto.DOUBLE, output=probabilities_name
    )
    return class_outputs(graph, probabilities, target)
