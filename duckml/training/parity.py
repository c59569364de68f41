"""The comparison of scikit-learn's predictions with onnxruntime's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from duckml.estimators.parts import Doubles


def as_matrix(predictions: Sequence[Any]) -> Doubles:
    """Return predictions, numbers or lists of probabilities, as a matrix with NaN for NULL."""
    rows = [value if isinstance(value, list) else [value] for value in predictions]
    width = max((len(row) for row in rows), default=1)
    filled = [row if len(row) == width else [None] * width for row in rows]
    values = [[np.nan if value is None else value for value in row] for row in filled]
    return np.array(values, dtype=np.float64)


def largest_difference(expected: Doubles, found: Doubles) -> float:
    """Return the largest |found - expected| of probabilities; NaN if one is missing."""
    return float(np.max(np.abs(found - expected))) if len(expected) else 0.0


def largest_relative_difference(expected: Doubles, found: Doubles, scale: float) -> float:
    """Return the largest |found - expected|, relative to the larger of |expected| and `scale`.

    `scale` is the standard deviation of the target: near zero a difference relative to the value
    itself has no meaning. Returns NaN if a prediction is missing.
    """
    if not len(expected):
        return 0.0
    return float(np.max(np.abs(found - expected) / np.maximum(np.abs(expected), scale)))
