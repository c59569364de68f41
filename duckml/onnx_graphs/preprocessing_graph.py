"""The preprocessing of a model as ONNX nodes, with the formulas of estimators/preprocessing.py.

Numbers and dates are standardised, categories become one column per code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto

from duckml.estimators.parts import PARTS
from duckml.estimators.preprocessing import (
    CategoryEncoder,
    NumberEncoder,
    Preprocessing,
)
from duckml.onnx_graphs.date_parts import add_part
from duckml.onnx_graphs.graph import Graph


def add_preprocessing(graph: Graph, preprocessing: Preprocessing) -> str:
    """Add the inputs and the preprocessing, and return the name of the estimator's matrix."""
    blocks = []
    if preprocessing.numbers:
        blocks.append(_add_numbers(graph, preprocessing.numbers))
    blocks += [_add_category(graph, encoder) for encoder in preprocessing.categories]
    return graph.add("Concat", blocks, axis=1)


def _add_numbers(graph: Graph, encoders: Sequence[NumberEncoder]) -> str:
    """Add the standardised parts of all numbers and dates, as one block of columns.

    The block is built with one row per part and transposed at the end, because onnxruntime's
    arithmetic on [N, 1] columns takes four times as long.
    """
    rows, fills = [], []
    for encoder in encoders:
        value = graph.input(encoder.feature.name, TensorProto.DOUBLE)
        shape = graph.constant(np.array([1, -1], dtype=np.int64))
        value = graph.add("Reshape", [value, shape])
        for part in encoder.parts:
            rows.append(add_part(graph, part.name, value))
            filled = float(PARTS[part.name](np.array([encoder.fill]))[0])
            fills.append((filled - part.mean) * (1.0 / part.scale))
    parts = [part for encoder in encoders for part in encoder.parts]
    means = [part.mean for part in parts]
    factors = [1.0 / part.scale for part in parts]
    block = graph.add("Concat", rows, axis=0)
    block = graph.add("Sub", [block, _add_column(graph, means)])
    block = graph.add("Mul", [block, _add_column(graph, factors)])
    if graph.dtype is np.float32:
        block = graph.add("Cast", [block], to=TensorProto.FLOAT)
    # NaN passes through the arithmetic. It becomes the standardised median here, all parts at once.
    fill = graph.constant(np.array(fills).astype(graph.dtype).reshape(-1, 1))
    block = graph.add("Where", [graph.add("IsNaN", [block]), fill, block])
    return graph.add("Transpose", [block], perm=[1, 0])


def _add_column(graph: Graph, values: Sequence[float]) -> str:
    """Add a constant of shape [len(values), 1], in double."""
    return graph.constant(np.array(values, dtype=np.float64).reshape(-1, 1))


def _add_category(graph: Graph, encoder: CategoryEncoder) -> str:
    """Add one column per code, as rows of a unit matrix; the last row, for unknown values, is 0."""
    is_text = encoder.feature.storage == "VARCHAR"
    tensor_type = TensorProto.STRING if is_text else TensorProto.INT64
    name = graph.input(encoder.feature.name, tensor_type)
    keys: dict[str, Any] = {"keys_strings" if is_text else "keys_int64s": list(encoder.keys)}
    codes = graph.add(
        "LabelEncoder",
        [name],
        domain="ai.onnx.ml",
        values_int64s=list(encoder.codes),
        default_int64=encoder.dimension,
        **keys,
    )
    # The engines cut the LabelEncoder out of the graph, and encode faster.
    graph.codes[name] = codes
    units = np.eye(encoder.dimension + 1, encoder.dimension, dtype=graph.dtype)
    row = graph.add("Gather", [graph.constant(units), codes], axis=0)
    return graph.add("Squeeze", [row, graph.constant(np.array([1], dtype=np.int64))])
