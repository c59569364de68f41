"""ONNX graphs under construction, and the constants of finished ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from duckml.features.signature import MANIFEST
from duckml.onnx_graphs.conversion import IR_VERSION, ML_OPSET, OPSET


def constant_tensors(graph: Any) -> Iterator[Any]:
    """Yield the constant tensors of a graph, and of the graphs in its nodes."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            if attribute.HasField("g"):
                yield from constant_tensors(attribute.g)
            for inner in attribute.graphs:
                yield from constant_tensors(inner)


def is_external(tensor: Any) -> bool:
    """Return whether the values of a tensor are in another file, which onnxruntime would read."""
    return bool(tensor.data_location == TensorProto.EXTERNAL or tensor.external_data)


class Graph:
    """An ONNX graph under construction.

    Nodes and constants get numbered names with a prefix that no feature has.
    """

    def __init__(self, precision: str, features: Sequence[str]) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.inputs: list[Any] = []
        # The tensor that holds the codes of each category.
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
        """Return a name that is still unused."""
        self.count += 1
        return f"{self.prefix}/{stem}_{self.count}"

    def output_name(self, wanted: str) -> str:
        """Return `wanted`, or another name if a feature has that one."""
        return self.name("prediction") if wanted in self.features else wanted

    def add(
        self, operator: str, inputs: Sequence[str], *, output: str | None = None, **attributes: Any
    ) -> str:
        """Add a node and return the name of its output."""
        domain = attributes.pop("domain", "")
        output = output or self.name(operator.lower())
        node = helper.make_node(operator, list(inputs), [output], domain=domain, **attributes)
        self.nodes.append(node)
        return output

    def constant(self, value: Any) -> str:
        """Add a constant tensor and return its name."""
        name = self.name("constant")
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def double(self, value: float) -> str:
        """Add a constant double of shape [1] and return its name."""
        return self.constant(np.array([value], dtype=np.float64))

    def input(self, name: str, tensor_type: int) -> str:
        """Add an input of shape [N, 1] and return its name."""
        self.inputs.append(helper.make_tensor_value_info(name, tensor_type, ["N", 1]))
        return name

    def finish(self, outputs: Sequence[Any], manifest: str) -> bytes:
        """Return the bytes of the model, with its manifest in the metadata."""
        graph = helper.make_graph(self.nodes, "duckml", self.inputs, list(outputs), self.constants)
        opsets = [
            helper.make_opsetid(domain, version) for domain, version in sorted(self.opsets.items())
        ]
        model = helper.make_model(
            graph, opset_imports=opsets, ir_version=self.ir_version, producer_name="duckml"
        )
        helper.set_model_props(model, {MANIFEST: manifest})
        return bytes(model.SerializeToString(deterministic=True))
