"""The training loop of nets: passes of partial_fit until the loss no longer falls.

A loop of passes gives a loss per iteration, early stopping on our own validation rows, the best
weights, and a point at which Ctrl-C takes effect.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from duckml.errors import TrainingDataError
from duckml.estimators.parts import Doubles
from duckml.estimators.preprocessing import Floats
from duckml.estimators.trained import Iteration
from duckml.training.progress import OnIteration, Progress


@dataclass(frozen=True)
class Matrix:
    """The features of some rows, and their target: a standardised number or a code."""

    x: Floats
    y: npt.NDArray[Any]


@dataclass(frozen=True)
class TrainingCourse:
    """The course of a training; `stop_reason` is 'fitted', 'max_iter' or 'early_stopping'."""

    iterations: Sequence[Iteration]
    stop_reason: str


def trains_by_passes(estimator: Any) -> bool:
    """Return whether partial_fit trains an estimator of this type."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    return isinstance(estimator, MLPRegressor | MLPClassifier) and estimator.solver != "lbfgs"


def fit_by_passes(
    estimator: Any,
    train: Matrix,
    weights: Doubles | None,
    held_out: Matrix | None,
    stops_early: bool,
    on_iteration: OnIteration | None,
) -> TrainingCourse:
    """Train a net until the loss no longer falls, and leave it with its best weights.

    Raises TrainingDataError if the loss diverges and KeyboardInterrupt on Ctrl-C.
    """
    from threadpoolctl import threadpool_limits

    _prepare(estimator, len(train.x))
    best = _BestWeights()
    iterations: list[Iteration] = []
    stop_reason = "max_iter"
    # The matrices are small: threads in BLAS would double the CPU time and gain nothing.
    with threadpool_limits(limits=1), np.errstate(over="ignore", invalid="ignore"):
        for number in range(estimator.max_iter):
            iteration = _iterate(estimator, number, train, weights, held_out)
            iterations.append(iteration)
            if on_iteration is not None:
                on_iteration(_progress(iteration, estimator.max_iter))
            if best.no_longer_falls(iteration.judged, estimator) and stops_early:
                stop_reason = "early_stopping"
                break
    best.restore(estimator)
    return TrainingCourse(iterations, stop_reason)


def _prepare(estimator: Any, rows: int) -> None:
    if estimator.max_iter < 1:
        raise TrainingDataError.refused(type(estimator).__name__, "max_iter must be 1 or more")
    estimator.set_params(early_stopping=False)
    # scikit-learn warns of a batch that is larger than the data.
    if isinstance(estimator.batch_size, int):
        estimator.set_params(batch_size=min(estimator.batch_size, rows))


def _iterate(
    estimator: Any,
    number: int,
    train: Matrix,
    weights: Doubles | None,
    held_out: Matrix | None,
) -> Iteration:
    started = time.perf_counter()
    _one_pass(estimator, train, weights)
    eval_loss = None if held_out is None else loss_of(estimator, held_out)
    rate = _learning_rate(estimator)
    milliseconds = round(1000 * (time.perf_counter() - started))
    return Iteration(number, float(estimator.loss_), eval_loss, rate, milliseconds)


def _progress(iteration: Iteration, max_iter: int) -> Progress:
    return Progress(iteration.iteration + 1, max_iter, iteration.loss, iteration.eval_loss)


def _learning_rate(estimator: Any) -> float:
    """Return the learning rate of the last pass; for adam the one that was set.

    adam corrects its rate in every step.
    """
    if estimator.solver == "adam":
        return float(estimator.learning_rate_init)
    return float(estimator._optimizer.learning_rate)


def _one_pass(estimator: Any, train: Matrix, weights: Doubles | None) -> None:
    seen = getattr(estimator, "t_", 0)
    arguments: dict[str, Any] = {} if weights is None else {"sample_weight": weights}
    if not seen and train.y.dtype.kind != "f":
        arguments["classes"] = np.arange(int(train.y.max()) + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "Training interrupted by user."
            estimator.partial_fit(train.x, train.y, **arguments)
    except ValueError as error:
        if seen or "non-finite" in str(error):
            raise TrainingDataError.diverged(str(error).split(".", maxsplit=1)[0]) from error
        raise TrainingDataError.refused(type(estimator).__name__, str(error)) from error
    # scikit-learn swallows Ctrl-C and returns within a pass, with a warning only. Then it has
    # counted fewer rows.
    if estimator.t_ != seen + len(train.x):
        raise KeyboardInterrupt
    if not np.isfinite(estimator.loss_):
        raise TrainingDataError.diverged("the loss is no longer a finite number")


def loss_of(estimator: Any, rows: Matrix) -> float:
    """Return the loss that scikit-learn's nets report, without the penalty on weights.

    For a regressor half the mean squared error, for a classifier the mean of -ln(probability of
    the right class).
    """
    if rows.y.dtype.kind == "f":
        predicted = np.asarray(estimator.predict(rows.x)).reshape(len(rows.y))
        errors = (predicted - rows.y).astype(np.float64)
        return float(np.mean(errors**2) / 2)
    probabilities = estimator.predict_proba(rows.x)
    of_right_class = probabilities[np.arange(len(rows.y)), rows.y].astype(np.float64)
    # The logarithm of 0 would be infinite.
    clipped = np.maximum(of_right_class, np.finfo(np.float64).eps)
    return float(-np.log(clipped).mean())


class _BestWeights:
    """The weights of the pass with the lowest loss, and the passes since the loss last fell."""

    def __init__(self) -> None:
        self.lowest = np.inf
        self.to_beat = np.inf
        self.without_gain = 0
        self.coefs: list[Floats] = []
        self.intercepts: list[Floats] = []

    def no_longer_falls(self, loss: float, estimator: Any) -> bool:
        """Return whether `n_iter_no_change` passes in a row gained less than `tol`."""
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
        """Set the best weights."""
        if self.coefs:
            estimator.coefs_, estimator.intercepts_ = self.coefs, self.intercepts
