"""Warnings that follow from the training rows, the features and the course of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from duckml.estimators import model_warnings
from duckml.estimators.model_warnings import ModelWarning
from duckml.estimators.parts import Doubles
from duckml.estimators.preprocessing import codes_of, null_key, numbers
from duckml.estimators.trained import TrainedModel
from duckml.features.column_types import INTEGERS, type_family
from duckml.features.signature import Feature, Signature

_ENOUGH_ROWS = 500
_ENOUGH_ROWS_OF_CLASS = 10
_LEAK = 0.999
_FIRST_PASSES = 3


def warnings_of_rows(rows: int, test_rows: int) -> list[ModelWarning]:
    """Return a warning if the number of rows makes the metrics unreliable."""
    if not test_rows:
        return [model_warnings.no_test_rows()]
    if rows < _ENOUGH_ROWS:
        return [model_warnings.few_rows(rows, test_rows, _ENOUGH_ROWS)]
    return []


def warnings_of_target(table: pa.Table, signature: Signature, sql_type: str) -> list[ModelWarning]:
    """Return warnings about rare classes, or about a number that is probably a class."""
    target = signature.target
    if target.labels is not None:
        return _warnings_of_classes(table[target.name], target.labels)
    if type_family(sql_type) not in INTEGERS:
        return []
    values = pc.unique(table[target.name]).to_pylist()
    if len(values) != 2:
        return []
    low, high = sorted(int(value) for value in values)
    return [model_warnings.two_valued_target(target.name, low, high)]


def _warnings_of_classes(column: pa.ChunkedArray, labels: Sequence[str]) -> list[ModelWarning]:
    counted = pc.value_counts(column).to_pylist()
    counts = {item["values"]: item["counts"] for item in counted}
    unlearned = [label for label in counts if label not in labels]
    rare = [label for label in labels if counts[label] < _ENOUGH_ROWS_OF_CLASS]
    warnings = []
    if unlearned:
        warnings.append(model_warnings.unlearned_class(unlearned))
    if rare:
        warnings.append(model_warnings.rare_class(rare, _ENOUGH_ROWS_OF_CLASS))
    return warnings


def warnings_of_leakage(table: pa.Table, signature: Signature) -> list[ModelWarning]:
    """Return a warning if features explain the target alone.

    Such a feature is usually the target under another name.
    """
    column, labels = table[signature.target.name], signature.target.labels
    target = numbers(column) if labels is None else codes_of(column, labels).astype(np.float64)
    suspects = [
        feature.name
        for feature in signature.features
        if _explained_share(feature, table[feature.name], target) > _LEAK
    ]
    return [model_warnings.leakage_suspect(suspects, _LEAK)] if suspects else []


def _explained_share(feature: Feature, column: pa.ChunkedArray, target: Doubles) -> float:
    """Return the share of the target's variance that one feature explains."""
    total = float(((target - target.mean()) ** 2).sum())
    if total <= 0:
        return 0.0
    if feature.kind == "category":
        return _share_explained_by_means(feature, column, target, total)
    return _share_explained_by_line(numbers(column), target)


def _share_explained_by_means(
    feature: Feature, column: pa.ChunkedArray, target: Doubles, total: float
) -> float:
    filled = pc.fill_null(column, null_key(feature)).combine_chunks()
    codes = filled.dictionary_encode().indices.to_numpy()
    counts = np.bincount(codes)
    if len(counts) > len(target) / 10:
        return 0.0  # that many means explain any target
    means = np.bincount(codes, weights=target) / counts
    residual = float(((target - means[codes]) ** 2).sum())
    return 1.0 - residual / total


def _share_explained_by_line(values: Doubles, target: Doubles) -> float:
    known: npt.NDArray[np.bool_] = ~np.isnan(values)
    # Two points lie on a line, and a feature that is mostly NULL explains few rows.
    if known.sum() < max(3, len(values) / 2):
        return 0.0
    x = values[known] - values[known].mean()
    y = target[known] - target[known].mean()
    spread = float((x * x).sum() * (y * y).sum())
    return float((x * y).sum()) ** 2 / spread if spread > 0 else 0.0


def warnings_of_training(trained: TrainedModel, metrics: Mapping[str, float]) -> list[ModelWarning]:
    """Return warnings about the course of a training and the quality of its result."""
    return [*_warnings_of_passes(trained), *_warnings_of_metrics(trained, metrics)]


def _warnings_of_passes(trained: TrainedModel) -> list[ModelWarning]:
    passes = len(trained.iterations)
    if trained.stop_reason == "max_iter":
        return [model_warnings.not_converged(passes)]
    if trained.stop_reason == "early_stopping":
        best = min(range(passes), key=lambda i: trained.iterations[i].judged)
        if best < _FIRST_PASSES:
            return [model_warnings.stopped_early(best + 1, passes)]
    return []


def _warnings_of_metrics(trained: TrainedModel, metrics: Mapping[str, float]) -> list[ModelWarning]:
    if trained.is_classifier:
        accuracy = metrics["accuracy"]
        if accuracy <= metrics["baseline_accuracy"]:
            return [model_warnings.no_better_than_commonest(accuracy)]
        return []
    r2, baseline = metrics.get("r2_score"), metrics.get("baseline_r2_score", 0.0)
    if r2 is not None and r2 <= max(baseline, 0.0):
        return [model_warnings.no_better_than_mean(r2)]
    return []
