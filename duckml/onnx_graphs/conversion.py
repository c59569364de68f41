"""The conversion of a fitted scikit-learn estimator or pipeline to an ONNX graph, with skl2onnx.

Some of skl2onnx 1.20's converters are replaced, each for the reason given at the replacement. The
parity check of every model compares the result with scikit-learn.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto

from duckml.errors import ParityError
from duckml.onnx_graphs.boosting_libraries import register_boosting_libraries
from duckml.onnx_graphs.tree_ensembles import (
    has_infinite_thresholds,
    histogram_boosting_converters,
    with_float32_comparisons,
)

# Fixed, so that the same training gives the same bytes. onnxruntime has run 18 and 3 since its
# version 1.14 (2023).
OPSET, ML_OPSET, IR_VERSION = 18, 3, 8

# skl2onnx's type of an input, by the name that callers give.
_TYPES = {
    "double": "DoubleTensorType",
    "float": "FloatTensorType",
    "int64": "Int64TensorType",
    "string": "StringTensorType",
}


def convert(
    estimator: Any, inputs: Sequence[tuple[str, str, int]], *, from_float32: bool = False
) -> ModelProto:
    """Return the graph of a fitted estimator or pipeline.

    `inputs` are (name, type, width). The outputs of a classifier are the label and the
    probabilities in the order of `classes_`. Set `from_float32` if the estimator was fitted on
    float32 numbers. Raises ParityError if skl2onnx can't convert it.
    """
    from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator

    kind = type(estimator).__name__
    register_boosting_libraries()
    if any(has_infinite_thresholds(part) for part in _parts(estimator)):
        # skl2onnx would not return from its search for the next number after infinity.
        raise ParityError.not_exportable(
            kind, "it splits rows by whether a value is missing, which skl2onnx can't write."
        )
    try:
        model = _converted(estimator, inputs, from_float32)
    except (MissingConverter, MissingShapeCalculator) as error:
        raise ParityError.not_exportable(kind, "skl2onnx has no converter for it.") from error
    except (
        RuntimeError,
        NotImplementedError,
        KeyError,
        TypeError,
        ValueError,
        AssertionError,
        IndexError,
    ) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ParityError.not_exportable(kind, f"{lines[0][:200]}.") from error
    return with_float32_comparisons(model)


def _converted(
    estimator: Any, inputs: Sequence[tuple[str, str, int]], from_float32: bool
) -> ModelProto:
    """Return skl2onnx's graph, made with the patched converters."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common import data_types

    types = [
        (name, getattr(data_types, _TYPES[kind])([None, width])) for name, kind, width in inputs
    ]
    # Without zipmap the probabilities are a tensor, not a list of dictionaries.
    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "classes_") else None
    converters, shape_calculators = patched_converters(types, from_float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return convert_sklearn(
            estimator,
            name="estimator",
            initial_types=types,
            target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
            options=options,
            custom_conversion_functions=converters,
            custom_shape_calculators=shape_calculators,
        )


def _parts(estimator: Any) -> Iterator[Any]:
    """Yield an estimator and the estimators that it is made of."""
    yield estimator
    for name in ("estimators_", "steps", "transformers_"):
        yield from _parts_in(getattr(estimator, name, None))


def _parts_in(value: Any) -> Iterator[Any]:
    if hasattr(value, "get_params"):
        yield from _parts(value)
    elif isinstance(value, list | tuple | np.ndarray):
        for item in value:
            yield from _parts_in(item)


def patched_converters(
    types: Sequence[tuple[str, Any]], from_float32: bool
) -> tuple[dict[type, Any], dict[type, Any] | None]:
    """Return the converters and shape calculators that replace some of skl2onnx's."""
    from skl2onnx.common._registration import get_shape_calculator
    from skl2onnx.common.data_types import DoubleTensorType
    from sklearn.impute import SimpleImputer

    converters = histogram_boosting_converters(from_float32)
    if not any(isinstance(kind, DoubleTensorType) for _, kind in types):
        return converters, None
    # skl2onnx uses the operator Imputer, which onnxruntime doesn't have for doubles.
    converters[SimpleImputer] = _convert_imputer
    return converters, {SimpleImputer: get_shape_calculator("SklearnSimpleImputer")}


def _convert_imputer(scope: Any, operator: Any, container: Any) -> None:
    """Write a SimpleImputer as Where(IsNaN(x), fill, x)."""
    imputer = operator.raw_operator
    if imputer.add_indicator or imputer.statistics_.dtype.kind not in "fiu":
        raise NotImplementedError("SimpleImputer of texts, or with add_indicator")

    def add(operation: str, inputs: Any, output: str, version: int, **attributes: Any) -> None:
        name = scope.get_unique_operator_name(operation)
        container.add_node(operation, inputs, output, op_version=version, name=name, **attributes)

    names = [variable.full_name for variable in operator.inputs]
    value = names[0]
    if len(names) > 1:
        value = scope.get_unique_variable_name("columns")
        add("Concat", names, value, 13, axis=1)
    fill = scope.get_unique_variable_name("fill")
    missing = scope.get_unique_variable_name("missing")
    statistics = imputer.statistics_.astype(float).tolist()
    container.add_initializer(fill, TensorProto.DOUBLE, [1, len(statistics)], statistics)
    add("IsNaN", value, missing, 13)
    add("Where", [missing, fill, value], operator.outputs[0].full_name, 16)
