"""Category encoders taken out of an ONNX graph, and the same encoding on Arrow dictionaries.

onnxruntime looks up every value of a column. Arrow finds the distinct values first, which takes a
third of the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from duckml.features.columns import INTEGER_NULL


@dataclass(frozen=True)
class LabelEncoder:
    """The attributes of a LabelEncoder node: keys to codes, and the code of all other values."""

    keys: list[Any]
    codes: list[int]
    unknown: int


def cut_encoder(model: Any, feature: str, tensor: str) -> LabelEncoder:
    """Remove the LabelEncoder of a feature from a model and return it.

    The tensor of codes becomes an input of the graph, instead of the feature.
    """
    from onnx import TensorProto, helper

    graph = model.graph
    node = next(node for node in graph.node if tensor in node.output)
    attributes = {
        attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute
    }
    keys = [
        key.decode() if isinstance(key, bytes) else int(key)
        for key in attributes.get("keys_strings", attributes.get("keys_int64s", []))
    ]
    graph.node.remove(node)
    graph.input.remove(next(value for value in graph.input if value.name == feature))
    graph.input.append(helper.make_tensor_value_info(tensor, TensorProto.INT64, [None, 1]))
    return LabelEncoder(keys, list(attributes["values_int64s"]), int(attributes["default_int64"]))


class CategoryCodes:
    """The codes of one feature's categories."""

    def __init__(self, encoder: LabelEncoder) -> None:
        self._code = dict(zip(encoder.keys, encoder.codes, strict=True))
        self._unknown = encoder.unknown
        # The graph encodes NULL as the empty string or the smallest integer.
        self._null = self._code.get("", self._code.get(INTEGER_NULL, encoder.unknown))

    def __call__(
        self, column: pa.Array, null: npt.NDArray[np.bool_] | None
    ) -> npt.NDArray[np.int64]:
        """Return the code of each value; `null` marks the rows that are NULL, if there are any."""
        encoded = column.dictionary_encode()
        known = [self._code.get(value, self._unknown) for value in encoded.dictionary.to_pylist()]
        codes = np.array([*known, self._null], dtype=np.int64)
        if null is None:
            return codes[encoded.indices.to_numpy()]
        return codes[encoded.indices.fill_null(len(known)).to_numpy()]
