"""The labels of a classifier's ONNX graph from elsewhere, read from its nodes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from onnx import ModelProto, helper, numpy_helper

_LABEL_ATTRIBUTES = frozenset({"classlabels_strings", "classlabels_int64s", "classlabels_ints"})


@dataclass(frozen=True)
class ForeignLabels:
    """The labels of a classifier, and whether the graph holds them as integers."""

    texts: tuple[str, ...]
    are_integers: bool


def as_labels(labels: Iterable[Any], are_integers: bool) -> ForeignLabels:
    """Return labels as text."""
    texts = (label.decode() if isinstance(label, bytes) else str(label) for label in labels)
    return ForeignLabels(tuple(texts), are_integers)


def zipped_probabilities(zip_map: Any) -> tuple[str, ForeignLabels]:
    """Return the tensor and the labels that a ZipMap node makes dictionaries of."""
    attributes = {a.name: helper.get_attribute_value(a) for a in zip_map.attribute}
    texts = attributes.get("classlabels_strings")
    if texts:
        return zip_map.input[0], as_labels(texts, are_integers=False)
    return zip_map.input[0], as_labels(attributes["classlabels_int64s"], are_integers=True)


def producers_of(model: ModelProto) -> dict[str, Any]:
    """Return the node that computes each tensor."""
    return {name: node for node in model.graph.node for name in node.output}


def labels_of_output(model: ModelProto, output: str) -> ForeignLabels | None:
    """Return the labels that an output of labels is chosen from, or None if they aren't found."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    producers = producers_of(model)
    waiting, seen = [output], set()
    while waiting:
        name = waiting.pop(0)
        node = producers.get(name)
        if node is None or name in seen:
            continue
        seen.add(name)
        for attribute in node.attribute:
            if attribute.name in _LABEL_ATTRIBUTES:
                labels = helper.get_attribute_value(attribute)
                if labels:
                    return as_labels(labels, are_integers=attribute.name != "classlabels_strings")
        if node.op_type in {"ArrayFeatureExtractor", "Gather"} and node.input[0] in constants:
            chosen = numpy_helper.to_array(constants[node.input[0]]).reshape(-1)
            return as_labels(chosen.tolist(), are_integers=chosen.dtype.kind in "iu")
        waiting += node.input
    return None
