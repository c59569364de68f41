"""How good predictions are: BigQuery ML's metrics, with scikit-learn's definitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

_CURVE = (
    100  # thresholds of a stored ROC curve, at quantiles of the probabilities, as in BigQuery ML
)


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


def classification_metrics(actual: Codes, probabilities: Doubles) -> dict[str, float]:
    """The metrics of predicted classes, by name; `probabilities` has one column per code.

    Of two classes, precision, recall, f1_score and roc_auc are those of the second; of more, the mean over the classes
    that occur (scikit-learn's macro average, roc_auc one class against the rest). `baseline_accuracy` is that of always
    answering the commonest class of these rows.
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
        "log_loss": float(
            -np.log(
                np.maximum(probabilities[np.arange(len(actual)), actual], np.finfo(np.float64).eps)
            ).mean()
        ),
        "baseline_accuracy": float(np.bincount(actual).max() / len(actual)),
        "row_count": float(len(actual)),
    }
    areas = [
        metrics.roc_auc_score(actual == code, probabilities[:, code])
        for code in ([1] if classes == 2 else range(classes))
        if 0 < int((actual == code).sum()) < len(actual)
    ]
    if areas:
        found["roc_auc"] = float(np.mean(areas))
    return found


@dataclass(frozen=True)
class Confusion:
    """How often the rows of one class were predicted as one class."""

    expected_label: str
    predicted_label: str
    row_count: int


def confusion_matrix(
    actual: Codes, probabilities: Doubles, labels: Sequence[str]
) -> list[Confusion]:
    """The counts of every pair of classes that occurs."""
    pairs = Counter(zip(actual.tolist(), probabilities.argmax(axis=1).tolist(), strict=True))
    return [
        Confusion(labels[expected], labels[chosen], count)
        for (expected, chosen), count in sorted(pairs.items())
    ]


@dataclass(frozen=True)
class Threshold:
    """What a threshold of the probability of the second of two classes means."""

    threshold: float
    recall: float | None
    false_positive_rate: float | None
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int


def roc_curve(actual: Codes, probabilities: Doubles) -> list[Threshold]:
    """The curve of a classifier of two classes, at thresholds that are quantiles of the probabilities."""
    if probabilities.shape[1] != 2 or not len(actual):
        return []
    second = probabilities[:, 1]
    cuts = np.unique(np.quantile(second, np.linspace(0, 1, _CURVE + 1), method="inverted_cdf"))
    positive, negative = np.sort(second[actual == 1]), np.sort(second[actual == 0])
    missed = np.searchsorted(positive, cuts, side="left")
    rejected = np.searchsorted(negative, cuts, side="left")
    return [
        Threshold(
            float(cut),
            1 - miss / len(positive) if len(positive) else None,
            1 - reject / len(negative) if len(negative) else None,
            len(positive) - miss,
            len(negative) - reject,
            reject,
            miss,
        )
        for cut, miss, reject in zip(cuts, missed.tolist(), rejected.tolist(), strict=True)
    ]


def as_matrix(answers: Sequence[Any]) -> Doubles:
    """Answers, numbers or lists of probabilities, as a matrix with NaN where there is none."""
    rows = [answer if isinstance(answer, list) else [answer] for answer in answers]
    width = max((len(row) for row in rows), default=1)
    filled = [row if len(row) == width else [None] * width for row in rows]
    return np.array(
        [[np.nan if value is None else value for value in row] for row in filled], dtype=np.float64
    )


def largest_difference(expected: Doubles, found: Doubles) -> float:
    """The parity of two engines on probabilities: the largest |found - expected|; NaN when an answer is missing."""
    return float(np.max(np.abs(found - expected))) if len(expected) else 0.0


def largest_relative_difference(expected: Doubles, found: Doubles, scale: float) -> float:
    """The parity of two engines: the largest |found - expected|, relative to the larger of |expected| and `scale`.

    `scale` is the standard deviation of the target: near zero a difference relative to the value itself says nothing.
    NaN when an answer is missing.
    """
    if not len(expected):
        return 0.0
    return float(np.max(np.abs(found - expected) / np.maximum(np.abs(expected), scale)))
