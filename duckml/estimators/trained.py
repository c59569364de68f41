"""A trained model and what is known of it: the values that training makes and export and the registry read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from duckml.estimators.preprocessing import Doubles, Preprocessing
from duckml.signature import Signature


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

    The estimator predicts the standardised target; a prediction is `mean + scale * estimator.predict(matrix)`.
    """

    preprocessing: Preprocessing
    estimator: Any
    dtype: type[np.floating[Any]]
    target_mean: float
    target_scale: float
    iterations: tuple[Iteration, ...]
    stop_reason: str

    @property
    def signature(self) -> Signature:
        """What the model takes and gives."""
        return self.preprocessing.signature

    def predict(self, columns: pa.Table) -> Doubles:
        """The predictions of scikit-learn for a table that has the features as columns, in double precision."""
        if not len(columns):
            return np.empty(0)
        matrix = self.preprocessing.transform(columns, self.dtype)
        predicted = np.asarray(self.estimator.predict(matrix), dtype=np.float64).reshape(len(columns))
        return predicted * self.target_scale + self.target_mean


@dataclass(frozen=True)
class ModelWarning:
    """Something that an analyst should know of a model: a code to act on and a sentence to read."""

    code: str
    message: str


@dataclass(frozen=True)
class FeatureStatistics:
    """What FEATURE_INFO shows of a feature, over the training rows."""

    input: str
    min: float | None
    max: float | None
    mean: float | None
    median: float | None
    stddev: float | None
    category_count: int | None
    null_count: int
