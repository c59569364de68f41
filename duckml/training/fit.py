"""From training rows and an unfitted scikit-learn estimator to a trained model.

An estimator with partial_fit is trained pass by pass. Other estimators are fitted at once.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from duckml.errors import TrainingDataError
from duckml.estimators.parts import Doubles
from duckml.estimators.preprocessing import Preprocessing, codes_of, fit_preprocessing, numbers
from duckml.estimators.table import is_made_of_trees
from duckml.estimators.trained import Iteration, TrainedModel
from duckml.features.signature import Signature, Target
from duckml.training.passes import Matrix, TrainingCourse, fit_by_passes, loss_of, trains_by_passes
from duckml.training.progress import OnIteration


@dataclass(frozen=True)
class WeightedRows:
    """The rows that train an estimator, those that determine when to stop, and their weights.

    `weight` is the name of a column of sample weights. `class_weight` is the weight of a row by
    its label, or 'balanced' for the same total weight of every class.
    """

    train: pa.Table
    validation: pa.Table
    weight: str | None = None
    class_weight: str | Mapping[str, float] | None = None


def fit(
    estimator: Any,
    rows: WeightedRows,
    signature: Signature,
    *,
    max_categories: int,
    precision: str,
    stops_early: bool = True,
    on_iteration: OnIteration | None = None,
) -> TrainedModel:
    """Fit the preprocessing and the estimator on the training rows.

    `estimator` is a regressor, or a classifier if the target has labels. Raises TrainingDataError
    if the optimiser diverges or the estimator refuses the rows, and KeyboardInterrupt on Ctrl-C.
    """
    preprocessing = fit_preprocessing(signature, rows.train, max_categories)
    dtype = _matrix_type(estimator, precision)
    target = signature.target
    mean, scale = _mean_and_scale(rows.train, target)

    def matrix_of(table: pa.Table) -> Matrix:
        return _matrix(preprocessing, table, dtype, mean, scale, target)

    train = matrix_of(rows.train)
    weights = _row_weights(rows, target.labels, train.y)
    if trains_by_passes(estimator):
        held_out = matrix_of(rows.validation) if len(rows.validation) else None
        fitted = fit_by_passes(estimator, train, weights, held_out, stops_early, on_iteration)
    else:
        fitted = _fit_at_once(estimator, train, weights)
    return TrainedModel(
        preprocessing,
        estimator,
        dtype,
        target,
        target_mean=mean,
        target_scale=scale,
        iterations=tuple(fitted.iterations),
        stop_reason=fitted.stop_reason,
    )


def _matrix_type(estimator: Any, precision: str) -> type[np.floating[Any]]:
    # Estimators that are solved at once are solved in double precision and narrowed at export: with
    # float32 a least-squares solver can't tell collinear columns from independent ones. Trees
    # compare with numbers of the matrix itself, which must be those of the exported graph.
    is_narrow = trains_by_passes(estimator) or is_made_of_trees(estimator)
    return np.float32 if is_narrow and precision == "float32" else np.float64


def _mean_and_scale(train: pa.Table, target: Target) -> tuple[float, float]:
    if target.labels is not None:
        return 0.0, 1.0
    values = numbers(train[target.name])
    return float(values.mean()), float(values.std()) or 1.0


def _matrix(
    preprocessing: Preprocessing,
    table: pa.Table,
    dtype: type[np.floating[Any]],
    mean: float,
    scale: float,
    target: Target,
) -> Matrix:
    x = preprocessing.transform(table, dtype)
    column = table[target.name]
    if target.labels is not None:
        return Matrix(x, codes_of(column, target.labels))
    return Matrix(x, ((numbers(column) - mean) / scale).astype(dtype))


def _row_weights(rows: WeightedRows, labels: Sequence[str] | None, codes: Any) -> Doubles | None:
    """Return the weight of each training row: its own, times that of its class."""
    weights = None if rows.weight is None else numbers(rows.train[rows.weight])
    if rows.class_weight is None or labels is None:
        return weights
    if isinstance(rows.class_weight, str):
        # As scikit-learn's class_weight = 'balanced': rows / (classes * rows of the class).
        rows_of_class = np.bincount(codes, minlength=len(labels))
        of_class = len(codes) / (len(labels) * rows_of_class)
    else:
        of_class = np.array([rows.class_weight.get(label, 1.0) for label in labels])
    of_row: Doubles = of_class[codes]
    return of_row if weights is None else weights * of_row


def _fit_at_once(estimator: Any, train: Matrix, weights: Doubles | None) -> TrainingCourse:
    from sklearn.exceptions import ConvergenceWarning

    weighted = {} if weights is None else {"sample_weight": weights}
    started = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            estimator.fit(train.x, train.y, **weighted)
        except Exception as error:  # the user's own estimator can raise any exception
            detail = f"{type(error).__name__}: {error}"
            raise TrainingDataError.refused(type(estimator).__name__, detail) from error
    if any("interrupted by user" in str(warning.message) for warning in caught):
        raise KeyboardInterrupt  # scikit-learn's nets swallow Ctrl-C
    has_converged = not any(issubclass(found.category, ConvergenceWarning) for found in caught)
    milliseconds = round(1000 * (time.perf_counter() - started))
    iteration = Iteration(0, loss_of(estimator, train), None, None, milliseconds)
    return TrainingCourse([iteration], "fitted" if has_converged else "max_iter")
