"""Corrections of tree ensembles, which skl2onnx writes with thresholds rounded to float32.

A tree compares `x <= threshold`, and a threshold is often one of the values it was fitted on. If
it is rounded the wrong way, the rows with that value take the other branch.
"""

from __future__ import annotations

import copy
import itertools
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper

# The prefix of the names of trees that compare doubles, which `with_float32_comparisons` skips.
_COMPARES_DOUBLES = "wide_"


def has_infinite_thresholds(estimator: Any) -> bool:
    """Return whether a tree compares with infinity."""
    tree = getattr(estimator, "tree_", None)
    return tree is not None and not bool(np.isfinite(tree.threshold).all())


def histogram_boosting_converters(from_float32: bool) -> dict[type, Any]:
    """Return converters of scikit-learn's histogram boosting, with corrected thresholds."""
    from skl2onnx.common._registration import get_converter
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    def corrected(original: Any) -> Any:
        def convert_boosting(scope: Any, operator: Any, container: Any) -> None:
            fitted = operator.raw_operator
            operator.raw_operator = _with_float32_thresholds(fitted, from_float32)
            original(scope, operator, _TreeContainer(container, _COMPARES_DOUBLES))
            operator.raw_operator = fitted

        return convert_boosting

    kinds = (HistGradientBoostingRegressor, HistGradientBoostingClassifier)
    return {kind: corrected(get_converter(f"Sklearn{kind.__name__}")) for kind in kinds}


def corrected_tree_converter(original: Any) -> Any:
    """Return a converter of LightGBM's or XGBoost's trees with corrected nodes."""

    def convert_trees(scope: Any, operator: Any, container: Any) -> None:
        original(scope, operator, _TreeContainer(container))

    return convert_trees


def with_float32_comparisons(model: ModelProto) -> ModelProto:
    """Return a model whose trees round their inputs to float32 before they compare.

    scikit-learn's forests, LightGBM and XGBoost do the same. The trees then compute in double, so
    that their sums don't depend on the order, and tied votes stay tied.
    """
    nodes = []
    for number, node in enumerate(model.graph.node):
        if _is_tree_ensemble(node) and not node.name.startswith(_COMPARES_DOUBLES):
            source = node.input[0]
            narrow, wide = f"{source}/float32_{number}", f"{source}/float64_{number}"
            nodes.append(helper.make_node("Cast", [source], [narrow], to=TensorProto.FLOAT))
            nodes.append(helper.make_node("Cast", [narrow], [wide], to=TensorProto.DOUBLE))
            node.input[0] = wide
        nodes.append(node)
    # Copies, because protobuf invalidates the nodes of a list that is cleared.
    kept = [type(node).FromString(node.SerializeToString()) for node in nodes]
    if any(_is_tree_ensemble(node) for node in kept):
        del model.graph.node[:]
        model.graph.node.extend(kept)
        # Trees return float32, also where skl2onnx declares double.
        for output in model.graph.output:
            if output.type.tensor_type.elem_type == TensorProto.DOUBLE:
                output.type.tensor_type.elem_type = TensorProto.FLOAT
    return model


def _is_tree_ensemble(node: Any) -> bool:
    return bool(node.op_type.startswith("TreeEnsemble"))


def _with_float32_thresholds(fitted: Any, from_float32: bool) -> Any:
    """Return a copy of a histogram booster whose thresholds are float32 numbers.

    skl2onnx would round to the nearest one. For values that are float32 the next number below
    keeps every value on its side, for doubles the next one above.
    """
    narrow = copy.copy(fitted)
    narrow._predictors = copy.deepcopy(fitted._predictors)
    for predictor in itertools.chain.from_iterable(narrow._predictors):
        thresholds = predictor.nodes["num_threshold"]
        predictor.nodes["num_threshold"] = (
            _float32_not_above(thresholds) if from_float32 else -_float32_not_above(-thresholds)
        )
    return narrow


def _float32_not_above(thresholds: Any) -> Any:
    """Return the largest float32 numbers that are not above the thresholds."""
    exact = np.asarray(thresholds, dtype=np.float64)
    nearest = exact.astype(np.float32)
    below = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest.astype(np.float64) > exact, below, nearest)


class _TreeContainer:
    """A skl2onnx container that corrects the nodes of trees.

    Flags become integers, which protobuf requires since 7.34. Thresholds become the largest float32
    that is not above them, so that `x <= threshold` keeps its result for every float32 x. With a
    name prefix the thresholds stay as they are.
    """

    def __init__(self, container: Any, prefix: str = "") -> None:
        self._container = container
        self._prefix = prefix

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def add_node(self, *arguments: Any, **attributes: Any) -> Any:
        """Add a node to the container, as skl2onnx's containers do."""
        flags = "nodes_missing_value_tracks_true"
        if flags in attributes:
            attributes[flags] = [int(flag) for flag in attributes[flags]]
        if self._prefix and "nodes_values" in attributes:
            attributes["name"] = self._prefix + str(attributes.get("name", "trees"))
        elif "nodes_values" in attributes:
            thresholds = _float32_not_above(attributes["nodes_values"])
            attributes["nodes_values"] = [float(threshold) for threshold in thresholds]
        return self._container.add_node(*arguments, **attributes)
