"""A trained model → ONNX bytes. The only file that imports skl2onnx.

The graph has one named [N, 1] input per feature and holds the whole preprocessing, so that the file is complete for
anyone's onnxruntime: doubles with NaN for NULL (dates as days, timestamps as seconds since 1970-01-01), strings with ''
and int64 with the smallest value for NULL. skl2onnx converts the estimator; what stands before and behind it is built
here, formula for formula as in estimators/preprocessing.py.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, compose, helper, numpy_helper

from duckml.errors import ParityError
from duckml.estimators.preprocessing import PARTS, SECONDS_PER_DAY, CategoryEncoder, NumberEncoder
from duckml.estimators.trained import TrainedModel
from duckml.signature import MANIFEST

# Fixed, so that the same training gives the same bytes. 18 and 3 are what onnxruntime has run since 1.14 (2023).
_OPSET, _ML_OPSET, _IR_VERSION = 18, 3, 8
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}


def to_onnx(trained: TrainedModel, precision: str, on_null: str) -> bytes:
    """The ONNX bytes of a model: the same for the same training.

    Raises ParityError when skl2onnx has no converter for the estimator.
    """
    graph = _Graph(precision, trained.signature.names)
    preprocessing = trained.preprocessing
    blocks = [graph.numbers(preprocessing.numbers)] if preprocessing.numbers else []
    blocks += [graph.category(encoder) for encoder in preprocessing.categories]
    matrix = graph.add("Concat", blocks, axis=1)
    predicted = graph.estimator(trained.estimator, matrix, trained.preprocessing.width)
    predicted = graph.add("Cast", [predicted], to=TensorProto.DOUBLE)
    predicted = graph.add("Reshape", [predicted, graph.constant(np.array([-1, 1], dtype=np.int64))])
    predicted = graph.add("Mul", [predicted, graph.double(trained.target_scale)])
    output = trained.signature.target.prediction
    if output in trained.signature.names:
        output = graph.name("prediction")
    graph.add("Add", [predicted, graph.double(trained.target_mean)], output=output)
    return graph.finish(output, _manifest(trained, precision, on_null, graph.codes))


def _manifest(trained: TrainedModel, precision: str, on_null: str, codes: dict[str, str]) -> str:
    """What an engine must know to serve the bytes, as JSON in their metadata."""
    return json.dumps(
        {
            "format": 1,
            "signature": trained.signature.to_json(),
            "precision": precision,
            "on_null": on_null,
            "codes": codes,
        },
        ensure_ascii=False,
        sort_keys=True,
    )


class _Graph:
    """An ONNX graph under construction. Names of tensors count up behind a prefix that no feature has."""

    def __init__(self, precision: str, features: Sequence[str]) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.inputs: list[Any] = []
        self.codes: dict[str, str] = {}
        self.dtype = np.float32 if precision == "float32" else np.float64
        self.prefix = "duckml"
        while any(feature.startswith(self.prefix) for feature in features):
            self.prefix += "_"
        self.count = 0
        self.opsets = {"": _OPSET, "ai.onnx.ml": _ML_OPSET}

    def name(self, stem: str) -> str:
        """A name that nothing else has."""
        self.count += 1
        return f"{self.prefix}/{stem}_{self.count}"

    def add(self, operator: str, inputs: Sequence[str], *, output: str | None = None, **attributes: Any) -> str:
        """Add a node; the name of its output."""
        domain = attributes.pop("domain", "")
        output = output or self.name(operator.lower())
        self.nodes.append(helper.make_node(operator, list(inputs), [output], domain=domain, **attributes))
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
        build = {"day": self.day, "month": self.month, "weekday": self.weekday}[name.removeprefix("seconds_")]
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
            self.add("Add", [self.times(year, 365.0), self.floor_over(year, 4.0)]), self.floor_over(year, 100.0)
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

    def estimator(self, estimator: Any, matrix: str, width: int) -> str:
        """Add the graph that skl2onnx makes of an estimator; the name of its output."""
        model = _converted(estimator, width, self.dtype is np.float32)
        model = compose.add_prefix(model, f"{self.prefix}/estimator/")
        for opset in model.opset_import:
            self.opsets[opset.domain] = max(self.opsets.get(opset.domain, 0), opset.version)
        source = model.graph.input[0].name
        for node in model.graph.node:
            node.input[:] = [matrix if name == source else name for name in node.input]
        self.nodes.extend(model.graph.node)
        self.constants.extend(model.graph.initializer)
        return str(model.graph.output[0].name)

    def finish(self, output: str, manifest: str) -> bytes:
        """The bytes of the model."""
        graph = helper.make_graph(
            self.nodes,
            "duckml",
            self.inputs,
            [helper.make_tensor_value_info(output, TensorProto.DOUBLE, ["N", 1])],
            self.constants,
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid(domain, version) for domain, version in sorted(self.opsets.items())],
            ir_version=_IR_VERSION,
            producer_name="duckml",
        )
        helper.set_model_props(model, {MANIFEST: manifest})
        return bytes(model.SerializeToString(deterministic=True))


def _converted(estimator: Any, width: int, single: bool) -> ModelProto:
    """The estimator alone, from a [N, width] matrix, as skl2onnx converts it."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
    from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator

    tensor = FloatTensorType if single else DoubleTensorType
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return convert_sklearn(
                estimator,
                initial_types=[("matrix", tensor([None, width]))],
                target_opset={"": _OPSET, "ai.onnx.ml": _ML_OPSET},
            )
    except (MissingConverter, MissingShapeCalculator) as error:
        raise ParityError.not_exportable(type(estimator).__name__, "skl2onnx has no converter for it.") from error
    except (RuntimeError, NotImplementedError, KeyError, TypeError, ValueError) as error:
        detail = str(error).strip().splitlines()[0][:200]
        raise ParityError.not_exportable(type(estimator).__name__, f"{detail}.") from error
