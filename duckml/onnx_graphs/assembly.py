"""A trained model → ONNX bytes.

The graph has one named [N, 1] input per feature and holds the whole preprocessing, so that the file is complete for
anyone's onnxruntime: doubles with NaN for NULL (dates as days, timestamps as seconds since 1970-01-01), strings with ''
and int64 with the smallest value for NULL. The estimator is converted in conversion.py; what stands before and behind
it is built here, formula for formula as in estimators/preprocessing.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, compose, helper

from duckml.estimators.preprocessing import PARTS, SECONDS_PER_DAY, CategoryEncoder, NumberEncoder
from duckml.estimators.table import is_made_of_trees
from duckml.estimators.trained import TrainedModel
from duckml.onnx_graphs.conversion import convert
from duckml.onnx_graphs.graph import Graph, label_tensor
from duckml.onnx_graphs.manifest import manifest_json

_DOUBLE = TensorProto.DOUBLE
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}


def to_onnx(trained: TrainedModel, precision: str, on_null: str) -> bytes:
    """The ONNX bytes of a model: the same for the same training.

    Raises ParityError when skl2onnx has no converter for the estimator.
    """
    graph = _TrainedGraph(precision, trained.signature.names)
    preprocessing = trained.preprocessing
    blocks = [graph.numbers(preprocessing.numbers)] if preprocessing.numbers else []
    blocks += [graph.category(encoder) for encoder in preprocessing.categories]
    matrix = graph.add("Concat", blocks, axis=1)
    target = trained.target
    if trained.is_classifier:
        outputs = _classes(graph, trained, matrix)
    else:
        predicted = graph.add(
            "Cast", [graph.estimator(trained.estimator, matrix, preprocessing.width)], to=_DOUBLE
        )
        predicted = graph.add(
            "Reshape", [predicted, graph.constant(np.array([-1, 1], dtype=np.int64))]
        )
        predicted = graph.add("Mul", [predicted, graph.double(trained.target_scale)])
        predicted = graph.add(
            "Add",
            [predicted, graph.double(trained.target_mean)],
            output=graph.output_name(target.prediction),
        )
        outputs = [helper.make_tensor_value_info(predicted, _DOUBLE, ["N", 1])]
    return graph.finish(outputs, manifest_json(trained.signature, precision, on_null, graph.codes))


def _classes(graph: _TrainedGraph, trained: TrainedModel, matrix: str) -> list[Any]:
    """The two outputs of a classifier: the label, and the probabilities in the order of the labels."""
    target = trained.target
    found = graph.probabilities(trained.estimator, matrix, trained.preprocessing.width)
    found = graph.add("Cast", [found], to=_DOUBLE, output=graph.output_name(target.probabilities))
    code = graph.add("ArgMax", [found], axis=1, keepdims=1)
    labels, kind = label_tensor(target)
    label = graph.add(
        "Gather",
        [graph.constant(labels), code],
        axis=0,
        output=graph.output_name(target.prediction),
    )
    return [
        helper.make_tensor_value_info(label, kind, ["N", 1]),
        helper.make_tensor_value_info(found, _DOUBLE, ["N", len(target.labels or ())]),
    ]


class _TrainedGraph(Graph):
    """The graph of a trained model under construction."""

    # Preprocessing

    def numbers(self, encoders: Sequence[NumberEncoder]) -> str:
        """The standardised parts of all numbers and dates, as one block of columns.

        The block is put together lying down, one row per part, and turned at its end: onnxruntime's arithmetic on
        [N, 1] columns takes four times as long. NaN is filled at the end, with what the median comes to.
        """
        rows, fills = [], []
        for encoder in encoders:
            value = self.input(encoder.feature.name, TensorProto.DOUBLE)
            value = self.add("Reshape", [value, self.constant(np.array([1, -1], dtype=np.int64))])
            for part in encoder.parts:
                rows.append(self.part(part.name, value))
                filled = float(PARTS[part.name](np.array([encoder.fill]))[0])
                fills.append((filled - part.mean) * (1.0 / part.scale))
        parts = [part for encoder in encoders for part in encoder.parts]
        block = self.add("Concat", rows, axis=0)
        block = self.add("Sub", [block, self.upright([part.mean for part in parts])])
        block = self.add("Mul", [block, self.upright([1.0 / part.scale for part in parts])])
        if self.dtype is np.float32:
            block = self.add("Cast", [block], to=TensorProto.FLOAT)
        fill = self.constant(np.array(fills).astype(self.dtype).reshape(-1, 1))
        block = self.add("Where", [self.add("IsNaN", [block]), fill, block])
        return self.add("Transpose", [block], perm=[1, 0])

    def upright(self, values: Sequence[float]) -> str:
        """Add a constant of shape [len(values), 1], in double; its name."""
        return self.constant(np.array(values, dtype=np.float64).reshape(-1, 1))

    def category(self, encoder: CategoryEncoder) -> str:
        """One column per code, by picking a row of a unit matrix; the last row, for unknown values, is empty."""
        text = encoder.feature.storage == "VARCHAR"
        name = self.input(encoder.feature.name, TensorProto.STRING if text else TensorProto.INT64)
        keys: dict[str, Any] = {"keys_strings" if text else "keys_int64s": list(encoder.keys)}
        codes = self.add(
            "LabelEncoder",
            [name],
            domain="ai.onnx.ml",
            values_int64s=list(encoder.codes),
            default_int64=encoder.dimension,
            **keys,
        )
        self.codes[name] = codes
        units = np.eye(encoder.dimension + 1, encoder.dimension, dtype=self.dtype)
        row = self.add("Gather", [self.constant(units), codes], axis=0)
        return self.add("Squeeze", [row, self.constant(np.array([1], dtype=np.int64))])

    def part(self, name: str, value: str) -> str:
        """A part of a number, as estimators/preprocessing.py computes it."""
        if name == "value":
            return value
        if name == "seconds_hour":
            return self.hour(value)
        if name.startswith("seconds_"):
            value = self.add("Div", [value, self.double(SECONDS_PER_DAY)])
        build = {"day": self.day, "month": self.month, "weekday": self.weekday}[
            name.removeprefix("seconds_")
        ]
        return build(value)

    def plus(self, value: str, number: float) -> str:
        """`value` + `number`."""
        return self.add("Add", [value, self.double(number)])

    def times(self, value: str, number: float) -> str:
        """`value` * `number`."""
        return self.add("Mul", [value, self.double(number)])

    def floor_over(self, value: str, number: float) -> str:
        """floor(`value` / `number`)."""
        return self.add("Floor", [self.add("Div", [value, self.double(number)])])

    def less(self, value: str, other: str) -> str:
        """`value` - `other`."""
        return self.add("Sub", [value, other])

    def day(self, days: str) -> str:
        """The day number."""
        return self.add("Floor", [days])

    def weekday(self, days: str) -> str:
        """The day of the week."""
        shifted = self.plus(self.day(days), 4.0)
        return self.less(shifted, self.times(self.floor_over(shifted, 7.0), 7.0))

    def month(self, days: str) -> str:
        """The month."""
        shifted = self.plus(self.day(days), 719_468.0)
        era_day = self.less(shifted, self.times(self.floor_over(shifted, 146_097.0), 146_097.0))
        leap = self.less(
            self.less(self.floor_over(era_day, 36_524.0), self.floor_over(era_day, 1_460.0)),
            self.floor_over(era_day, 146_096.0),
        )
        year = self.floor_over(self.add("Add", [era_day, leap]), 365.0)
        before = self.less(
            self.add("Add", [self.times(year, 365.0), self.floor_over(year, 4.0)]),
            self.floor_over(year, 100.0),
        )
        year_day = self.less(era_day, before)
        from_march = self.floor_over(self.plus(self.times(year_day, 5.0), 2.0), 153.0)
        wrapped = self.times(self.floor_over(self.plus(from_march, 2.0), 12.0), 12.0)
        return self.less(self.plus(from_march, 3.0), wrapped)

    def hour(self, seconds: str) -> str:
        """The hour of the day."""
        midnight = self.times(self.floor_over(seconds, SECONDS_PER_DAY), SECONDS_PER_DAY)
        return self.floor_over(self.less(seconds, midnight), 3_600.0)

    # The estimator

    def estimator(self, estimator: Any, matrix: str, width: int, output: int = 0) -> str:
        """Add the graph that skl2onnx makes of an estimator; the name of one of its outputs."""
        kind = "float" if self.dtype is np.float32 else "double"
        if is_made_of_trees(estimator):
            # The matrix that the trees were trained on holds float32 numbers; they add up in double.
            matrix, kind = self.add("Cast", [matrix], to=_DOUBLE), "double"
        model = convert(estimator, [("matrix", kind, width)], from_float32=True)
        model = compose.add_prefix(model, f"{self.prefix}/estimator/")
        for opset in model.opset_import:
            self.opsets[opset.domain] = max(self.opsets.get(opset.domain, 0), opset.version)
        source, wanted = model.graph.input[0].name, str(model.graph.output[output].name)
        for node in _needed(model.graph.node, wanted):
            node.input[:] = [matrix if name == source else name for name in node.input]
            self.nodes.append(node)
        used = {name for node in self.nodes for name in node.input}
        self.constants.extend(
            constant for constant in model.graph.initializer if constant.name in used
        )
        return wanted

    def probabilities(self, estimator: Any, matrix: str, width: int) -> str:
        """Add the probabilities of a classifier, one column per code."""
        from sklearn.linear_model import LogisticRegression

        if not isinstance(estimator, LogisticRegression):
            return self.estimator(estimator, matrix, width, output=1)
        # Written out: the operator that skl2onnx takes for it computes in single precision only.
        coefficients, intercept = np.asarray(estimator.coef_), np.asarray(estimator.intercept_)
        if len(coefficients) == 1:  # of two classes scikit-learn keeps the second only
            coefficients = np.vstack([np.zeros_like(coefficients), coefficients])
            intercept = np.array([0.0, float(intercept[0])])
        scores = self.add("MatMul", [matrix, self.constant(coefficients.T.astype(self.dtype))])
        scores = self.add("Add", [scores, self.constant(intercept.astype(self.dtype))])
        return self.add("Softmax", [scores], axis=1)


def _needed(nodes: Sequence[Any], output: str) -> list[Any]:
    """The nodes that an output depends on, in their order."""
    wanted, kept = {output}, []
    for node in reversed(nodes):
        if wanted & set(node.output):
            wanted |= set(node.input)
            kept.append(node)
    return kept[::-1]
