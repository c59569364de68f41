"""ONNX graphs under construction, and the manifest that makes one a model of duckml's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from duckml.features.column_types import INTEGERS, type_family
from duckml.features.signature import MANIFEST, Target
from duckml.onnx_graphs.conversion import IR_VERSION, ML_OPSET, OPSET


def label_tensor(target: Target) -> tuple[Any, int]:
    """The labels of a classifier as a tensor, and its type: int64 or bool where the target is, else texts."""
    labels = target.labels or ()
    family = type_family(target.sql_type)
    if family in INTEGERS and all(-(2**63) <= int(label) < 2**63 for label in labels):
        return np.array([int(label) for label in labels], dtype=np.int64), TensorProto.INT64
    if family == "BOOLEAN":
        return np.array([label == "true" for label in labels]), TensorProto.BOOL
    return np.array(labels, dtype=object), TensorProto.STRING


def constant_tensors(graph: Any) -> Iterator[Any]:
    """The constant tensors of a graph, and of the graphs in its nodes."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from constant_tensors(inner)


def is_external(tensor: Any) -> bool:
    """Whether the values of a tensor lie in another file, which onnxruntime would read from wherever it is told to."""
    return bool(tensor.data_location == TensorProto.EXTERNAL or tensor.external_data)


class Graph:
    """An ONNX graph under construction. Names of tensors count up behind a prefix that no feature has."""

    def __init__(self, precision: str, features: Sequence[str]) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.inputs: list[Any] = []
        self.codes: dict[str, str] = {}
        self.dtype = np.float32 if precision == "float32" else np.float64
        self.features = frozenset(features)
        self.prefix = "duckml"
        while any(feature.startswith(self.prefix) for feature in features):
            self.prefix += "_"
        self.count = 0
        self.opsets = {"": OPSET, "ai.onnx.ml": ML_OPSET}
        self.ir_version = IR_VERSION

    def name(self, stem: str) -> str:
        """A name that nothing else has."""
        self.count += 1
        return f"{self.prefix}/{stem}_{self.count}"

    def output_name(self, wanted: str) -> str:
        """`wanted`, or another name where a feature has it."""
        return self.name("prediction") if wanted in self.features else wanted

    def add(
        self, operator: str, inputs: Sequence[str], *, output: str | None = None, **attributes: Any
    ) -> str:
        """Add a node; the name of its output."""
        domain = attributes.pop("domain", "")
        output = output or self.name(operator.lower())
        self.nodes.append(
            helper.make_node(operator, list(inputs), [output], domain=domain, **attributes)
        )
        return output

    def constant(self, value: Any) -> str:
        """Add a constant tensor; its name."""
        name = self.name("constant")
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def double(self, value: float) -> str:
        """Add a double of shape [1]; its name."""
        return self.constant(np.array([value], dtype=np.float64))

    def input(self, name: str, tensor_type: int) -> str:
        """Add an input of shape [N, 1]; its name."""
        self.inputs.append(helper.make_tensor_value_info(name, tensor_type, ["N", 1]))
        return name

    def finish(self, outputs: Sequence[Any], text: str) -> bytes:
        """The bytes of the model, with its manifest in the metadata."""
        graph = helper.make_graph(self.nodes, "duckml", self.inputs, list(outputs), self.constants)
        model = helper.make_model(
            graph,
            opset_imports=[
                helper.make_opsetid(domain, version)
                for domain, version in sorted(self.opsets.items())
            ],
            ir_version=self.ir_version,
            producer_name="duckml",
        )
        helper.set_model_props(model, {MANIFEST: text})
        return bytes(model.SerializeToString(deterministic=True))
