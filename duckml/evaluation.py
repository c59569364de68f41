"""How good predictions are: BigQuery ML's metrics of a regression, with scikit-learn's definitions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]


def regression_metrics(actual: Doubles, predicted: Doubles, baseline: float) -> dict[str, float]:
    """The metrics of predictions, by name; those that aren't defined for these rows are left out.

    `baseline` is the mean of the target in the training rows: `baseline_r2_score` is the R² of always answering it.
    mean_squared_log_error needs numbers from 0 up, the R² scores at least two different values.
    """
    from sklearn import metrics

    mean_squared_error = float(metrics.mean_squared_error(actual, predicted))
    found = {
        "mean_absolute_error": float(metrics.mean_absolute_error(actual, predicted)),
        "mean_squared_error": mean_squared_error,
        "median_absolute_error": float(metrics.median_absolute_error(actual, predicted)),
        "root_mean_squared_error": mean_squared_error**0.5,
        "row_count": float(len(actual)),
    }
    if min(float(actual.min()), float(predicted.min())) >= 0:
        found["mean_squared_log_error"] = float(metrics.mean_squared_log_error(actual, predicted))
    if len(actual) > 1 and float(actual.min()) < float(actual.max()):
        found["r2_score"] = float(metrics.r2_score(actual, predicted))
        found["explained_variance"] = float(metrics.explained_variance_score(actual, predicted))
        found["baseline_r2_score"] = float(metrics.r2_score(actual, np.full_like(actual, baseline)))
    return found


def largest_relative_difference(expected: Doubles, found: Doubles, scale: float) -> float:
    """The parity of two engines: the largest |found - expected|, relative to the larger of |expected| and `scale`.

    `scale` is the standard deviation of the target: near zero a difference relative to the value itself says nothing.
    NaN when an answer is missing.
    """
    if not len(expected):
        return 0.0
    return float(np.max(np.abs(found - expected) / np.maximum(np.abs(expected), scale)))
