"""A trained model, its iterations, its weights and the statistics of its features.

Training creates these values. onnx_graphs and the registry read them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from duckml.estimators.parts import Doubles
from duckml.estimators.preprocessing import Preprocessing
from duckml.features.signature import Signature, Target


@dataclass(frozen=True)
class Iteration:
    """A pass over the training rows; its losses are those of the standardised target."""

    iteration: int
    loss: float
    eval_loss: float | None
    learning_rate: float | None
    duration_ms: int

    @property
    def judged(self) -> float:
        """Return the loss that determines when to stop and which weights are best."""
        return self.loss if self.eval_loss is None else self.eval_loss


@dataclass(frozen=True)
class TrainedModel:
    """A fitted estimator, with the preprocessing and the scaling of the target.

    A regressor predicts the standardised target; a prediction is `mean + scale *
    estimator.predict(matrix)`. A classifier predicts codes from 0, in the order of the target's
    labels.
    """

    preprocessing: Preprocessing
    estimator: Any
    dtype: type[np.floating[Any]]
    target: Target
    target_mean: float
    target_scale: float
    iterations: tuple[Iteration, ...]
    stop_reason: str

    @property
    def signature(self) -> Signature:
        """Return the features and the target."""
        return replace(self.preprocessing.signature, target=self.target)

    @property
    def is_classifier(self) -> bool:
        """Return whether the model predicts a class."""
        return self.target.labels is not None

    def predict(self, columns: pa.Table) -> Doubles:
        """Return scikit-learn's predictions for a table with the features as columns.

        The predictions of a regressor have the shape (rows,), the probabilities of a classifier
        (rows, classes).
        """
        rows, labels = len(columns), self.target.labels
        if not rows:
            return np.empty(0 if labels is None else (0, len(labels)))
        matrix = self.preprocessing.transform(columns, self.dtype)
        if labels is not None:
            return np.asarray(self.estimator.predict_proba(matrix), dtype=np.float64)
        predicted = np.asarray(self.estimator.predict(matrix), dtype=np.float64)
        return predicted.reshape(rows) * self.target_scale + self.target_mean


@dataclass(frozen=True)
class Weight:
    """A weight of a linear model, per unit of an input and per standard deviation.

    `category` is the value that the weight is for, if the input is a category. `class_label` is
    the class, if there are more than two.
    """

    processed_input: str
    category: str | None
    is_category: bool
    class_label: str | None
    weight: float
    standardized_weight: float


@dataclass(frozen=True)
class FeatureStatistics:
    """The statistics of a feature over the training rows; a category has only counts."""

    input: str
    null_count: int
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    median: float | None = None
    stddev: float | None = None
    category_count: int | None = None
