"""The weights of linear models, on the scale of the features, which WEIGHTS shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from duckml.estimators.parts import Doubles
from duckml.estimators.preprocessing import CategoryEncoder, NumberEncoder, null_key
from duckml.estimators.trained import TrainedModel, Weight

_INTERCEPT = "__INTERCEPT__"


def weights_of(trained: TrainedModel) -> list[Weight]:
    """Return the weights of a linear model, and no weights for other models.

    A weight is per unit of a feature and per standard deviation. A category has a weight per value
    and a date one per part. The intercept is the last of each class.
    """
    if not hasattr(trained.estimator, "coef_") or not hasattr(trained.estimator, "intercept_"):
        return []
    scale = trained.target_scale
    coefficients = np.atleast_2d(np.asarray(trained.estimator.coef_, dtype=np.float64)) * scale
    intercepts = np.atleast_1d(np.asarray(trained.estimator.intercept_, dtype=np.float64)) * scale
    # scikit-learn may have one intercept for all classes.
    intercepts = np.resize(intercepts, len(coefficients))
    labels: Sequence[str | None] = [None]
    if trained.target.labels is not None and len(coefficients) > 1:
        labels = trained.target.labels
    return [
        weight
        for label, row, intercept in zip(labels, coefficients, intercepts, strict=True)
        for weight in _weights_of_label(trained, label, row, float(intercept))
    ]


def _weights_of_label(
    trained: TrainedModel, label: str | None, row: Doubles, intercept: float
) -> Iterator[Weight]:
    standardized = intercept + trained.target_mean
    base, position = standardized, 0
    for encoder in trained.preprocessing.encoders:
        values = row[position : position + encoder.dimension]
        position += encoder.dimension
        if isinstance(encoder, CategoryEncoder):
            yield from _category_weights(encoder, values, label)
            continue
        for weight, mean in _number_weights(encoder, values, label):
            # The feature is standardised: weight * (value - mean).
            base -= weight.weight * mean
            yield weight
    yield Weight(_INTERCEPT, None, False, label, base, standardized)


def _number_weights(
    encoder: NumberEncoder, values: Doubles, label: str | None
) -> Iterator[tuple[Weight, float]]:
    for part, value in zip(encoder.parts, values, strict=True):
        name = encoder.feature.name
        if part.name != "value":
            name += "." + part.name.split("_")[-1]
        weight = float(value) / part.scale
        yield Weight(name, None, False, label, weight, float(value)), part.mean


def _category_weights(
    encoder: CategoryEncoder, values: Doubles, label: str | None
) -> Iterator[Weight]:
    null = null_key(encoder.feature)
    for key, code in zip(encoder.keys, encoder.codes, strict=True):
        category = None if key == null else str(key)
        weight = float(values[code])
        yield Weight(encoder.feature.name, category, True, label, weight, weight)
