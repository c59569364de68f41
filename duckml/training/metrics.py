"""Metrics of predictions: BigQuery ML's names with scikit-learn's definitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from duckml.estimators.parts import Doubles

Codes = npt.NDArray[np.int64]

# Thresholds of a stored ROC curve, at quantiles of the probabilities, as in BigQuery ML.
_THRESHOLDS = 100


def regression_metrics(actual: Doubles, predicted: Doubles, baseline: float) -> dict[str, float]:
    """Return the metrics of predicted numbers that are defined for these rows, by name.

    `baseline` is the mean of the target in the training rows: `baseline_r2_score` is the R² of
    always predicting it. mean_squared_log_error requires numbers from 0, and the R² scores at
    least two different values.
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
        always = np.full_like(actual, baseline)
        found["r2_score"] = float(metrics.r2_score(actual, predicted))
        found["explained_variance"] = float(metrics.explained_variance_score(actual, predicted))
        found["baseline_r2_score"] = float(metrics.r2_score(actual, always))
    return found


def classification_metrics(actual: Codes, probabilities: Doubles) -> dict[str, float]:
    """Return the metrics of predicted classes by name; `probabilities` has a column per code.

    With two classes, precision, recall, f1_score and roc_auc are those of the second. With more,
    they are the mean over the classes that occur (scikit-learn's macro average; roc_auc is one
    class against the rest). `baseline_accuracy` is that of always predicting the most common class
    of these rows.
    """
    from sklearn import metrics

    classes = probabilities.shape[1]
    chosen = probabilities.argmax(axis=1)
    counted = [1] if classes == 2 else sorted(set(actual.tolist()) | set(chosen.tolist()))
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        actual, chosen, labels=counted, average="macro", zero_division=0
    )
    found = {
        "precision": float(precision),
        "recall": float(recall),
        "accuracy": float((actual == chosen).mean()),
        "f1_score": float(f1),
        "log_loss": _log_loss(actual, probabilities),
        "baseline_accuracy": float(np.bincount(actual).max() / len(actual)),
        "row_count": float(len(actual)),
    }
    areas = _areas_under_curve(actual, probabilities)
    if areas:
        found["roc_auc"] = float(np.mean(areas))
    return found


def _log_loss(actual: Codes, probabilities: Doubles) -> float:
    of_right_class = probabilities[np.arange(len(actual)), actual]
    # The logarithm of 0 would be infinite.
    clipped = np.maximum(of_right_class, np.finfo(np.float64).eps)
    return float(-np.log(clipped).mean())


def _areas_under_curve(actual: Codes, probabilities: Doubles) -> list[float]:
    from sklearn import metrics

    classes = probabilities.shape[1]
    areas = []
    for code in [1] if classes == 2 else range(classes):
        is_class = actual == code
        # The area is undefined if all rows, or none, have the class.
        if 0 < int(is_class.sum()) < len(actual):
            areas.append(metrics.roc_auc_score(is_class, probabilities[:, code]))
    return areas


@dataclass(frozen=True)
class Confusion:
    """The number of rows of one class that were predicted as one class."""

    expected_label: str
    predicted_label: str
    row_count: int


def confusion_matrix(
    actual: Codes, probabilities: Doubles, labels: Sequence[str]
) -> list[Confusion]:
    """Return the counts of every pair of classes that occurs."""
    chosen = probabilities.argmax(axis=1)
    pairs = Counter(zip(actual.tolist(), chosen.tolist(), strict=True))
    return [
        Confusion(labels[expected], labels[predicted], count)
        for (expected, predicted), count in sorted(pairs.items())
    ]


@dataclass(frozen=True)
class Threshold:
    """A threshold of the probability of the second of two classes, and its counts of rows."""

    threshold: float
    recall: float | None
    false_positive_rate: float | None
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int


def roc_curve(actual: Codes, probabilities: Doubles) -> list[Threshold]:
    """Return the curve of a classifier of two classes; it is empty for more.

    The thresholds are quantiles of the probabilities.
    """
    if probabilities.shape[1] != 2 or not len(actual):
        return []
    second = probabilities[:, 1]
    quantiles = np.linspace(0, 1, _THRESHOLDS + 1)
    cuts = np.unique(np.quantile(second, quantiles, method="inverted_cdf"))
    positive, negative = np.sort(second[actual == 1]), np.sort(second[actual == 0])
    missed = np.searchsorted(positive, cuts, side="left").tolist()
    rejected = np.searchsorted(negative, cuts, side="left").tolist()
    return [
        _threshold(float(cut), len(positive), len(negative), miss, reject)
        for cut, miss, reject in zip(cuts, missed, rejected, strict=True)
    ]


def _threshold(
    threshold: float, positives: int, negatives: int, missed: int, rejected: int
) -> Threshold:
    return Threshold(
        threshold,
        recall=1 - missed / positives if positives else None,
        false_positive_rate=1 - rejected / negatives if negatives else None,
        true_positives=positives - missed,
        false_positives=negatives - rejected,
        true_negatives=rejected,
        false_negatives=missed,
    )
