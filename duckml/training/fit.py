"""Rows and an estimator → a trained model. Knows scikit-learn, not DuckDB.

There is one training loop. An estimator with partial_fit is trained pass by pass: that gives a loss per iteration, a
stop when the validation loss no longer falls, the best weights kept, and a place for Ctrl-C to take effect. Any other
is fitted at once.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from duckml.errors import TrainingDataError
from duckml.estimators.preprocessing import CategoryEncoder, Floats, codes_of, null_key, numbers
from duckml.estimators.preprocessing import fit as fit_preprocessing
from duckml.estimators.table import is_made_of_trees
from duckml.estimators.trained import Iteration, TrainedModel, Weight
from duckml.features.signature import Signature


@dataclass(frozen=True)
class Rows:
    """What is learned from: the rows that train, and those that decide when to stop.

    `weight` names a column of sample weights, if there is one; `class_weight` says how much the rows of a class weigh:
    'balanced' for as much as those of any other class, or a weight per label.
    """

    train: pa.Table
    validation: pa.Table
    weight: str | None = None
    class_weight: str | Mapping[str, float] | None = None


@dataclass(frozen=True)
class Progress:
    """What a progress callback is told after each pass."""

    iteration: int
    max_iter: int
    loss: float
    eval_loss: float | None


def fit(
    estimator: Any,
    rows: Rows,
    signature: Signature,
    *,
    max_categories: int,
    precision: str,
    stops_early: bool = True,
    on_iteration: Callable[[Progress], None] | None = None,
) -> TrainedModel:
    """Fit the preprocessing and the estimator on the training rows.

    `estimator` is an unfitted scikit-learn regressor, or a classifier when the target has labels. Raises
    TrainingDataError when the optimiser diverges and KeyboardInterrupt on Ctrl-C.
    """
    preprocessing = fit_preprocessing(signature, rows.train, max_categories)
    iterative = _trains_by_passes(estimator)
    # Only the loop computes in single precision. What is solved at once is solved in double and narrowed at export:
    # with float32 a least-squares solver can't tell collinear columns from independent ones. Trees compare with numbers
    # of the matrix itself, which must then be those that they will meet in the exported graph.
    narrow = iterative or is_made_of_trees(estimator)
    dtype: type[np.floating[Any]] = np.float32 if narrow and precision == "float32" else np.float64
    target = signature.target
    mean, scale = (
        (0.0, 1.0) if target.labels is not None else _mean_and_scale(rows.train[target.name])
    )

    def matrix_and_target(table: pa.Table) -> tuple[Floats, npt.NDArray[Any]]:
        matrix = preprocessing.transform(table, dtype)
        if target.labels is not None:
            return matrix, codes_of(table[target.name], target.labels)
        return matrix, ((numbers(table[target.name]) - mean) / scale).astype(dtype)

    x, y = matrix_and_target(rows.train)
    weights = _weights(rows, target.labels, y)
    if iterative:
        held_out = matrix_and_target(rows.validation) if len(rows.validation) else None
        iterations, stop_reason = _fit_by_passes(
            estimator, x, y, weights, held_out, stops_early, on_iteration
        )
    else:
        iterations, stop_reason = _fit_at_once(estimator, x, y, weights)
    return TrainedModel(
        preprocessing, estimator, dtype, target, mean, scale, tuple(iterations), stop_reason
    )


def _mean_and_scale(column: pa.ChunkedArray) -> tuple[float, float]:
    target = numbers(column)
    return float(target.mean()), float(target.std()) or 1.0


def _weights(
    rows: Rows, labels: Sequence[str] | None, codes: npt.NDArray[Any]
) -> npt.NDArray[np.float64] | None:
    """The weight of each training row: its own, times that of its class."""
    weights = None if rows.weight is None else numbers(rows.train[rows.weight])
    if rows.class_weight is None or labels is None:
        return weights
    if isinstance(rows.class_weight, str):
        # As scikit-learn's class_weight = 'balanced': rows / (classes * rows of the class).
        of_class = len(codes) / (len(labels) * np.bincount(codes, minlength=len(labels)))
    else:
        of_class = np.array([rows.class_weight.get(label, 1.0) for label in labels])
    of_row: npt.NDArray[np.float64] = of_class[codes]
    return of_row if weights is None else weights * of_row


def _trains_by_passes(estimator: Any) -> bool:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    return isinstance(estimator, MLPRegressor | MLPClassifier) and estimator.solver != "lbfgs"


def _weighted(weights: npt.NDArray[np.float64] | None) -> Mapping[str, Any]:
    return {} if weights is None else {"sample_weight": weights}


def _fit_at_once(
    estimator: Any, x: Floats, y: npt.NDArray[Any], weights: npt.NDArray[np.float64] | None
) -> tuple[list[Iteration], str]:
    from sklearn.exceptions import ConvergenceWarning

    started = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            estimator.fit(x, y, **_weighted(weights))
        except Exception as error:  # whatever an estimator of the user's own raises
            raise TrainingDataError.refused(
                type(estimator).__name__, f"{type(error).__name__}: {error}"
            ) from error
    if any("interrupted by user" in str(warning.message) for warning in caught):
        raise KeyboardInterrupt  # scikit-learn's nets swallow Ctrl-C
    converged = not any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
    milliseconds = round(1000 * (time.perf_counter() - started))
    return [
        Iteration(0, _loss(estimator, x, y), None, None, milliseconds)
    ], "fitted" if converged else "max_iter"


def _fit_by_passes(
    estimator: Any,
    x: Floats,
    y: npt.NDArray[Any],
    weights: npt.NDArray[np.float64] | None,
    held_out: tuple[Floats, npt.NDArray[Any]] | None,
    stops_early: bool,
    on_iteration: Callable[[Progress], None] | None,
) -> tuple[list[Iteration], str]:
    """Passes of partial_fit until the loss no longer falls; the estimator is left with its best weights."""
    from threadpoolctl import threadpool_limits

    if estimator.max_iter < 1:
        raise TrainingDataError.refused(type(estimator).__name__, "max_iter must be 1 or more")
    estimator.set_params(early_stopping=False)
    if isinstance(estimator.batch_size, int):
        estimator.set_params(batch_size=min(estimator.batch_size, len(x)))
    best = _BestWeights()
    iterations: list[Iteration] = []
    stop_reason = "max_iter"
    # The matrices are small: threads in BLAS would double the CPU time and gain nothing.
    with threadpool_limits(limits=1), np.errstate(over="ignore", invalid="ignore"):
        for number in range(estimator.max_iter):
            started = time.perf_counter()
            _one_pass(estimator, x, y, weights)
            eval_loss = None if held_out is None else _loss(estimator, *held_out)
            iterations.append(
                Iteration(
                    number,
                    float(estimator.loss_),
                    eval_loss,
                    _learning_rate(estimator),
                    round(1000 * (time.perf_counter() - started)),
                )
            )
            if on_iteration is not None:
                on_iteration(
                    Progress(number + 1, estimator.max_iter, float(estimator.loss_), eval_loss)
                )
            if best.no_longer_falls(iterations[-1].judged, estimator) and stops_early:
                stop_reason = "early_stopping"
                break
    best.restore(estimator)
    return iterations, stop_reason


def _learning_rate(estimator: Any) -> float:
    """The learning rate of the last pass; adam's is corrected in every step, and given as it was set."""
    return float(
        estimator.learning_rate_init
        if estimator.solver == "adam"
        else estimator._optimizer.learning_rate
    )


def _one_pass(
    estimator: Any, x: Floats, y: npt.NDArray[Any], weights: npt.NDArray[np.float64] | None
) -> None:
    seen = getattr(estimator, "t_", 0)
    first = {} if seen or y.dtype.kind == "f" else {"classes": np.arange(int(y.max()) + 1)}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "Training interrupted by user."
            estimator.partial_fit(x, y, **first, **_weighted(weights))
    except ValueError as error:
        if seen or "non-finite" in str(error):
            raise TrainingDataError.diverged(str(error).split(".", maxsplit=1)[0]) from error
        raise TrainingDataError.refused(type(estimator).__name__, str(error)) from error
    # scikit-learn swallows Ctrl-C and returns in mid-pass, with a warning only. The rows that it counts tell.
    if estimator.t_ != seen + len(x):
        raise KeyboardInterrupt
    if not np.isfinite(estimator.loss_):
        raise TrainingDataError.diverged("the loss is no longer a finite number")


def _loss(estimator: Any, x: Floats, y: npt.NDArray[Any]) -> float:
    """The loss that scikit-learn's nets report, without its penalty on weights, on any rows.

    Half the mean squared error of a regressor, the mean of -ln(probability of the right class) of a classifier.
    """
    if y.dtype.kind == "f":
        return float(
            np.mean((np.asarray(estimator.predict(x)).reshape(len(y)) - y).astype(np.float64) ** 2)
            / 2
        )
    of_right_class = estimator.predict_proba(x)[np.arange(len(y)), y].astype(np.float64)
    return float(-np.log(np.maximum(of_right_class, np.finfo(np.float64).eps)).mean())


class _BestWeights:
    """The weights of the pass with the lowest loss, and how long ago a loss was lower by more than `tol`."""

    def __init__(self) -> None:
        self.lowest = np.inf
        self.to_beat = np.inf
        self.without_gain = 0
        self.coefs: list[Floats] = []
        self.intercepts: list[Floats] = []

    def no_longer_falls(self, loss: float, estimator: Any) -> bool:
        """Whether `n_iter_no_change` passes in a row gained less than `tol`."""
        if loss < self.lowest:
            self.lowest = loss
            self.coefs = [weights.copy() for weights in estimator.coefs_]
            self.intercepts = [weights.copy() for weights in estimator.intercepts_]
        if loss < self.to_beat - estimator.tol:
            self.to_beat = loss
            self.without_gain = 0
        else:
            self.without_gain += 1
        return self.without_gain >= estimator.n_iter_no_change

    def restore(self, estimator: Any) -> None:
        """Put the best weights back."""
        if self.coefs:
            estimator.coefs_, estimator.intercepts_ = self.coefs, self.intercepts


def weights_of(trained: TrainedModel) -> list[Weight]:
    """The weights of a linear model, on the scale of the features and of their standard deviations; none of others.

    Of a category the weight of each value, of a date that of each part. The last is the intercept.
    """
    if not hasattr(trained.estimator, "coef_") or not hasattr(trained.estimator, "intercept_"):
        return []
    coefficients = (
        np.atleast_2d(np.asarray(trained.estimator.coef_, dtype=np.float64)) * trained.target_scale
    )
    intercepts = (
        np.atleast_1d(np.asarray(trained.estimator.intercept_, dtype=np.float64))
        * trained.target_scale
    )
    labels: Sequence[str | None] = [None]
    if trained.target.labels is not None and len(coefficients) > 1:
        labels = trained.target.labels
    found = []
    for label, row, intercept in zip(
        labels, coefficients, np.resize(intercepts, len(coefficients)), strict=True
    ):
        base, position = float(intercept) + trained.target_mean, 0
        of_label: list[Weight] = []
        for encoder in trained.preprocessing.encoders:
            values = row[position : position + encoder.dimension]
            position += encoder.dimension
            if isinstance(encoder, CategoryEncoder):
                of_label += _category_weights(encoder, values, label)
                continue
            for part, value in zip(encoder.parts, values, strict=True):
                name = encoder.feature.name + (
                    "" if part.name == "value" else "." + part.name.split("_")[-1]
                )
                weight = float(value) / part.scale
                base -= weight * part.mean
                of_label.append(Weight(name, None, False, label, weight, float(value)))
        standardized = float(intercept) + trained.target_mean
        found += [*of_label, Weight("__INTERCEPT__", None, False, label, base, standardized)]
    return found


def _category_weights(
    encoder: CategoryEncoder, values: npt.NDArray[Any], label: str | None
) -> list[Weight]:
    null = null_key(encoder.feature)
    return [
        Weight(
            encoder.feature.name,
            None if key == null else str(key),
            True,
            label,
            float(values[code]),
            float(values[code]),
        )
        for key, code in zip(encoder.keys, encoder.codes, strict=True)
    ]
