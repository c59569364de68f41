"""Statistics of features over the training rows, which FEATURE_INFO shows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from duckml.estimators.trained import FeatureStatistics
from duckml.features.signature import Feature, Signature


def feature_statistics(table: pa.Table, signature: Signature) -> list[FeatureStatistics]:
    """Return the statistics of every feature over the rows of a table."""
    return [_statistics_of(feature, table[feature.name]) for feature in signature.features]


def _statistics_of(feature: Feature, column: pa.ChunkedArray) -> FeatureStatistics:
    nulls = column.null_count
    if feature.kind == "category":
        count = pc.count_distinct(column, mode="only_valid").as_py()
        return FeatureStatistics(feature.name, nulls, category_count=count)
    known = pc.drop_null(column).to_numpy()
    if not len(known):
        return FeatureStatistics(feature.name, nulls)
    return FeatureStatistics(
        feature.name,
        nulls,
        min=float(known.min()),
        max=float(known.max()),
        mean=float(known.mean()),
        median=float(np.median(known)),
        stddev=float(known.std()),
    )
