"""LightGBM's and XGBoost's estimators in skl2onnx, with the converters of onnxmltools."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any

from duckml.onnx_graphs.tree_ensembles import corrected_tree_converter

_CLASSIFIER_OPTIONS = {
    "nocl": [True, False],
    "zipmap": [True, False, "columns"],
    "raw_scores": [True, False],
    "output_class_labels": [True, False],
}

# Module name, prefix of the estimators, skl2onnx's alias, module of the converter.
_LIBRARIES = (
    ("lightgbm", "LGBM", "LightGbm", "lightgbm.operator_converters.LightGbm"),
    ("xgboost", "XGB", "XGBoost", "xgboost.operator_converters.XGBoost"),
)


def register_boosting_libraries() -> None:
    """Register the estimators of the libraries that are loaded, if onnxmltools is installed."""
    if importlib.util.find_spec("onnxmltools") is None:
        return
    for library, prefix, alias, module in _LIBRARIES:
        # A library that isn't loaded can't have fitted the estimator.
        loaded = sys.modules.get(library)
        if loaded is None:
            continue
        converters = importlib.import_module(f"onnxmltools.convert.{module}")
        converter = corrected_tree_converter(getattr(converters, f"convert_{library}"))
        regressor = getattr(loaded, f"{prefix}Regressor")
        _register_regressor(regressor, f"{alias}{prefix}Regressor", converter, library)
        classifier = getattr(loaded, f"{prefix}Classifier")
        _register_classifier(classifier, f"{alias}{prefix}Classifier", converter)


def _register_regressor(estimator: type, alias: str, converter: Any, library: str) -> None:
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import calculate_linear_regressor_output_shapes

    update_registered_converter(
        estimator,
        alias,
        calculate_linear_regressor_output_shapes,
        converter,
        overwrite=True,
        # Only LightGBM's converter knows this option.
        options={"split": None} if library == "lightgbm" else None,
    )


def _register_classifier(estimator: type, alias: str, converter: Any) -> None:
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes

    update_registered_converter(
        estimator,
        alias,
        calculate_linear_classifier_output_shapes,
        converter,
        overwrite=True,
        options=_CLASSIFIER_OPTIONS,
    )
