"""A fitted estimator or pipeline → an ONNX graph. The only file that imports skl2onnx.

What skl2onnx 1.20 gets wrong or can't do is put right here, each with its reason; the parity check of every model says
whether it is right in the end.
"""

from __future__ import annotations

import copy
import importlib
import importlib.util
import itertools
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper

from duckml.errors import ParityError

# Fixed, so that the same training gives the same bytes. 18 and 3 are what onnxruntime has run since 1.14 (2023).
OPSET, ML_OPSET, IR_VERSION = 18, 3, 8

# The tensor types of inputs, by the name under which callers ask for them.
_TYPES = {
    "double": "DoubleTensorType",
    "float": "FloatTensorType",
    "int64": "Int64TensorType",
    "string": "StringTensorType",
}


def convert(
    estimator: Any, inputs: Sequence[tuple[str, str, int]], *, from_float32: bool = False
) -> ModelProto:
    """The graph of a fitted estimator or pipeline, from inputs given as (name, type, width).

    A classifier's outputs are the label and the probabilities, in the order of `classes_`. `from_float32` says that
    what it was fitted on were float32 numbers. Raises ParityError when there is no converter.
    """
    from skl2onnx import convert_sklearn
    from skl2onnx.common import data_types
    from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator

    _know_boosting_libraries()
    if any(_has_endless_thresholds(part) for part in _parts(estimator)):
        raise ParityError.not_exportable(
            type(estimator).__name__,
            "it splits rows by whether a value is missing, which skl2onnx can't write.",
        )
    types = [
        (name, getattr(data_types, _TYPES[kind])([None, width])) for name, kind, width in inputs
    ]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = convert_sklearn(
                estimator,
                name="estimator",
                initial_types=types,
                target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
                options={id(estimator): {"zipmap": False}}
                if hasattr(estimator, "classes_")
                else None,
                **_mended("double" in {kind for _, kind, _ in inputs}, from_float32),
            )
    except (MissingConverter, MissingShapeCalculator) as error:
        raise ParityError.not_exportable(
            type(estimator).__name__, "skl2onnx has no converter for it."
        ) from error
    except (
        RuntimeError,
        NotImplementedError,
        KeyError,
        TypeError,
        ValueError,
        AssertionError,
        IndexError,
    ) as error:
        detail = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise ParityError.not_exportable(type(estimator).__name__, f"{detail}.") from error
    return _with_narrow_trees(model)


def _parts(estimator: Any) -> Iterator[Any]:
    """An estimator and those that it is made of."""
    yield estimator
    for name in ("estimators_", "steps", "transformers_"):
        yield from _inner(getattr(estimator, name, None))


def _inner(value: Any) -> Iterator[Any]:
    if hasattr(value, "get_params"):
        yield from _parts(value)
    elif isinstance(value, list | tuple | np.ndarray):
        for item in value:
            yield from _inner(item)


def _has_endless_thresholds(estimator: Any) -> bool:
    """Whether a tree compares with infinity: skl2onnx never returns from looking for the number next to it."""
    tree = getattr(estimator, "tree_", None)
    return tree is not None and not bool(np.isfinite(tree.threshold).all())


def _mended(doubles: bool, from_float32: bool) -> dict[str, Any]:
    """Converters of ours in the place of some of skl2onnx's."""
    from skl2onnx.common._registration import get_converter, get_shape_calculator
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.impute import SimpleImputer

    def boosting(alias: str) -> Any:
        theirs = get_converter(alias)

        def convert_boosting(scope: Any, operator: Any, container: Any) -> None:
            fitted = operator.raw_operator
            operator.raw_operator = _with_narrow_thresholds(fitted, from_float32)
            theirs(scope, operator, _Trees(container, "wide_"))
            operator.raw_operator = fitted

        return convert_boosting

    functions: dict[type, Any] = {
        kind: boosting(f"Sklearn{kind.__name__}")
        for kind in (HistGradientBoostingRegressor, HistGradientBoostingClassifier)
    }
    if not doubles:
        return {"custom_conversion_functions": functions}
    # onnxruntime has no Imputer for doubles.
    return {
        "custom_conversion_functions": {**functions, SimpleImputer: _convert_imputer},
        "custom_shape_calculators": {SimpleImputer: get_shape_calculator("SklearnSimpleImputer")},
    }


def _with_narrow_thresholds(fitted: Any, from_float32: bool) -> Any:
    """A copy of a booster of scikit-learn's whose thresholds are float32; skl2onnx would take the nearest.

    It compares doubles as they are, and a threshold may be one of the values that it was fitted on: that one has to
    stay on its side. The next float32 below does that for float32 values, the next above for doubles.
    """
    narrow = copy.copy(fitted)
    narrow._predictors = copy.deepcopy(fitted._predictors)
    for predictor in itertools.chain.from_iterable(narrow._predictors):
        thresholds = predictor.nodes["num_threshold"]
        predictor.nodes["num_threshold"] = (
            _not_above(thresholds) if from_float32 else -_not_above(-thresholds)
        )
    return narrow


class _Trees:
    """A container of skl2onnx's in which the nodes of trees are put right.

    Flags become integers, which protobuf has insisted on since 7.34. Thresholds become the largest float32 that is not
    above them, so that `x <= threshold` says the same of every x that is a float32; to the nearest would not.
    """

    def __init__(self, container: Any, prefix: str = "") -> None:
        self._container = container
        self._prefix = prefix

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def add_node(self, *arguments: Any, **attributes: Any) -> Any:
        flags = "nodes_missing_value_tracks_true"
        if flags in attributes:
            attributes[flags] = [int(flag) for flag in attributes[flags]]
        if self._prefix and "nodes_values" in attributes:
            attributes["name"] = self._prefix + str(attributes.get("name", "trees"))
        elif "nodes_values" in attributes:
            attributes["nodes_values"] = [
                float(value) for value in _not_above(attributes["nodes_values"])
            ]
        return self._container.add_node(*arguments, **attributes)


def _not_above(thresholds: Any) -> Any:
    """The largest float32 numbers that are not above the thresholds."""
    exact = np.asarray(thresholds, dtype=np.float64)
    nearest = exact.astype(np.float32)
    return np.where(
        nearest.astype(np.float64) > exact, np.nextafter(nearest, np.float32(-np.inf)), nearest
    )


def _convert_imputer(scope: Any, operator: Any, container: Any) -> None:
    imputer = operator.raw_operator
    if imputer.add_indicator or imputer.statistics_.dtype.kind not in "fiu":
        raise NotImplementedError("SimpleImputer of texts, or with add_indicator")
    names = [variable.full_name for variable in operator.inputs]
    value = names[0]
    if len(names) > 1:
        value = scope.get_unique_variable_name("columns")
        container.add_node(
            "Concat",
            names,
            value,
            op_version=13,
            axis=1,
            name=scope.get_unique_operator_name("Concat"),
        )
    fill, missing = (
        scope.get_unique_variable_name("fill"),
        scope.get_unique_variable_name("missing"),
    )
    statistics = imputer.statistics_.astype(float).tolist()
    container.add_initializer(fill, TensorProto.DOUBLE, [1, len(statistics)], statistics)
    container.add_node(
        "IsNaN", value, missing, op_version=13, name=scope.get_unique_operator_name("IsNaN")
    )
    output = operator.outputs[0].full_name
    name = scope.get_unique_operator_name("Where")
    container.add_node("Where", [missing, fill, value], output, op_version=16, name=name)


def _with_narrow_trees(model: ModelProto) -> ModelProto:
    """The graph with what trees compare rounded to float32 first, as scikit-learn's forests, LightGBM and XGBoost do.

    The trees themselves then compute in double: their sums don't depend on the order, and votes that are tied stay so.
    """
    nodes = []
    for number, node in enumerate(model.graph.node):
        if node.op_type.startswith("TreeEnsemble") and not node.name.startswith("wide_"):
            source = node.input[0]
            narrow, wide = f"{source}/float32_{number}", f"{source}/float64_{number}"
            nodes.append(helper.make_node("Cast", [source], [narrow], to=TensorProto.FLOAT))
            nodes.append(helper.make_node("Cast", [narrow], [wide], to=TensorProto.DOUBLE))
            node.input[0] = wide
        nodes.append(node)
    kept = [type(node).FromString(node.SerializeToString()) for node in nodes]
    if any(node.op_type.startswith("TreeEnsemble") for node in kept):
        del model.graph.node[:]
        model.graph.node.extend(kept)
        for output in model.graph.output:  # trees answer float32, whatever skl2onnx declares
            if output.type.tensor_type.elem_type == TensorProto.DOUBLE:
                output.type.tensor_type.elem_type = TensorProto.FLOAT
    return model


def _put_right(theirs: Any) -> Any:
    """A converter of trees with its nodes put right."""

    def convert_trees(scope: Any, operator: Any, container: Any) -> None:
        theirs(scope, operator, _Trees(container))

    return convert_trees


def _know_boosting_libraries() -> None:
    """Tell skl2onnx of LightGBM's and XGBoost's estimators, where one is loaded and onnxmltools is installed."""
    if importlib.util.find_spec("onnxmltools") is None:
        return
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )

    options = {
        "nocl": [True, False],
        "zipmap": [True, False, "columns"],
        "raw_scores": [True, False],
        "output_class_labels": [True, False],
    }
    for library, prefix, alias, module in (
        ("lightgbm", "LGBM", "LightGbm", "lightgbm.operator_converters.LightGbm"),
        ("xgboost", "XGB", "XGBoost", "xgboost.operator_converters.XGBoost"),
    ):
        loaded = sys.modules.get(library)
        if loaded is None:
            continue
        theirs = getattr(
            importlib.import_module(f"onnxmltools.convert.{module}"), f"convert_{library}"
        )
        for kind, shapes, more in (
            ("Regressor", calculate_linear_regressor_output_shapes, {"split": None}),
            ("Classifier", calculate_linear_classifier_output_shapes, options),
        ):
            known: Mapping[str, Any] = (
                {} if (library, kind) == ("xgboost", "Regressor") else {"options": more}
            )
            estimator = getattr(loaded, f"{prefix}{kind}")
            update_registered_converter(
                estimator,
                f"{alias}{prefix}{kind}",
                shapes,
                _put_right(theirs),
                overwrite=True,
                **known,
            )
