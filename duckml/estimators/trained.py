"""A trained model and what is known of it: the values that training makes and export and the registry read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from duckml.estimators.preprocessing import Doubles, Preprocessing
from duckml.features.signature import Signature, Target


@dataclass(frozen=True)
class Iteration:
    """One pass over the training rows: its losses (of the standardised target), learning rate and wall time."""

    iteration: int
    loss: float
    eval_loss: float | None
    learning_rate: float | None
    duration_ms: int

    @property
    def judged(self) -> float:
        """The loss that decides when to stop and which weights are best."""
        return self.loss if self.eval_loss is None else self.eval_loss


@dataclass(frozen=True)
class TrainedModel:
    """A fitted estimator with everything around it that turns columns into predictions of the target.

    A regressor predicts the standardised target; a prediction is `mean + scale * estimator.predict(matrix)`. A
    classifier knows the classes by their codes, 0 and up, in the order of the target's labels.
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
        """What the model takes and gives."""
        return replace(self.preprocessing.signature, target=self.target)

    @property
    def is_classifier(self) -> bool:
        """Whether it predicts a class."""
        return self.target.labels is not None

    def predict(self, columns: pa.Table) -> Doubles:
        """The answers of scikit-learn for a table that has the features as columns, in double precision.

        Of a regressor the predictions, of shape (rows,); of a classifier the probabilities, of shape (rows, classes).
        """
        if not len(columns):
            return np.empty((0, len(self.target.labels)) if self.target.labels is not None else 0)
        matrix = self.preprocessing.transform(columns, self.dtype)
        if self.is_classifier:
            return np.asarray(self.estimator.predict_proba(matrix), dtype=np.float64)
        predicted = np.asarray(self.estimator.predict(matrix), dtype=np.float64).reshape(
            len(columns)
        )
        return predicted * self.target_scale + self.target_mean


@dataclass(frozen=True)
class Weight:
    """A weight of a linear model: what one unit, and one standard deviation, of an input adds.

    `category` is the value that it is for, where the input is a category; `class_label` the class, of more than two.
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
