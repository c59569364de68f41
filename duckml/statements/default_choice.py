"""make_default = 'if_better': the new version compared with the current default."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from duckml.database.binding import Column
from duckml.estimators import model_warnings
from duckml.estimators.model_warnings import ModelWarning
from duckml.estimators.preprocessing import numbers
from duckml.features.column_types import is_number, type_family
from duckml.language.prediction_sql import prediction
from duckml.names import fold, quote
from duckml.registry.new_version import NewVersion
from duckml.registry.stored_version import StoredVersion
from duckml.training import metrics
from duckml.training.preparation import PreparedRows
from duckml.training.query import BEFORE, TrainingQuery


def with_default_predictions(
    sql: str, columns: Sequence[Column], default: StoredVersion, target: str | None
) -> str | None:
    """Return a training query with the predictions of the current default as `BEFORE`.

    Returns None if the default has another target, or inputs that the query lacks.
    """
    types = {fold(column.name): column.sql_type for column in columns}
    signature = default.signature
    has_target = target is not None and fold(target) == fold(signature.target.name)
    has_inputs = all(
        _fits(types.get(fold(column.name)), column.sql_type) for column in signature.inputs
    )
    if not (has_target and has_inputs):
        return None
    values = {
        column.name: f"CAST({quote(column.name)} AS {column.sql_type})"
        for column in signature.inputs
    }
    predicted = prediction(signature, default.key, values)
    sql_type = "DOUBLE" if signature.target.labels is None else "VARCHAR"
    return f"SELECT *, CAST({predicted} AS {sql_type}) AS {quote(BEFORE)} FROM ({sql}\n)"


def _fits(found: str | None, expected: str) -> bool:
    """Return whether a column of a type can be given to an input."""
    if found is None or found == expected:
        return found is not None
    if expected == "VARCHAR":
        return type_family(found) == "ENUM"
    return is_number(found) and is_number(expected)


def choose_default(
    default: StoredVersion | None, query: TrainingQuery, rows: PreparedRows, new: NewVersion
) -> tuple[bool, list[ModelWarning]]:
    """Return whether the new version becomes the default, and the reason why or why not."""
    wanted = query.options.make_default
    if default is None or isinstance(wanted, bool):
        return wanted is not False, []
    version = default.version
    if new.key == default.key:
        return False, [model_warnings.identical_version(version)]
    metric = "accuracy" if query.is_classification else "r2_score"
    before, after = _metric_of_default(query, rows, metric), new.metrics.get(metric)
    if before is None or after is None:
        return False, [model_warnings.not_comparable(version)]
    if after > before:
        return True, [model_warnings.better(metric, after, before, version)]
    return False, [model_warnings.not_better(metric, after, before, version)]


def _metric_of_default(query: TrainingQuery, rows: PreparedRows, metric: str) -> float | None:
    """Return a metric of the current default on the new test rows, or None if it predicts none."""
    if query.roles.before is None:
        return None
    test = rows.measured_rows
    predicted, actual = test[query.roles.before], test[query.roles.target]
    if query.is_classification:
        is_right = pc.equal(pc.fill_null(predicted, ""), actual)
        return float(pc.mean(pc.cast(is_right, pa.float64())).as_py())
    predictions = numbers(predicted)
    known = ~np.isnan(predictions)
    if not known.any():
        return None
    figures = metrics.regression_metrics(numbers(actual)[known], predictions[known], 0.0)
    return figures.get(metric)
