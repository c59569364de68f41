"""ML functions of TRANSFORM that are fitted on the training rows, with BigQuery ML's definitions.

A fitted function is SQL text before and after its argument.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from duckml.errors import StatementError
from duckml.estimators.parts import Doubles
from duckml.estimators.preprocessing import numbers
from duckml.names import literal

# SQL before and after the argument of a function.
Around = tuple[str, str]
# From a column of the training rows and the settings of the call.
Fit = Callable[[pa.ChunkedArray, Sequence[Any]], Around]


@dataclass(frozen=True)
class FittedFunction:
    """A function that is fitted: SQL types of its argument and its value.

    `settings` is the largest number of constants after the argument.
    """

    fit: Fit
    takes: str
    makes: str
    settings: int = 0


def whole_setting(value: Any, least: int, meaning: str) -> int:
    """Return a setting that must be a whole number; raise StatementError if it isn't."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise StatementError(f"{meaning} is a whole number, {least} or more, not {value!r}.")
    return value


def evaluated_once(body: str) -> Around:
    """Return SQL in which the argument is computed once and is called v in the body."""
    return "system.main.list_transform([", f"], lambda v: {body})[1]"


def split_points(settings: Sequence[Any]) -> list[float]:
    """Return the split points of ML.BUCKETIZE; raise StatementError if they don't ascend."""
    refusal = StatementError(
        "ML.BUCKETIZE takes a column and split points in ascending order: "
        "ML.BUCKETIZE(x, [10, 20])."
    )
    if len(settings) != 1 or not isinstance(settings[0], list) or not settings[0]:
        raise refusal
    try:
        points = [float(point) for point in settings[0]]
    except (TypeError, ValueError) as error:
        raise refusal from error
    if any(left >= right for left, right in itertools.pairwise(points)):
        raise refusal
    return points


def bins(points: Sequence[float]) -> str:
    """Return a SQL expression for the bin of v, 'bin_1' to 'bin_n'."""
    cases = "".join(
        f" WHEN v < {_double(point)} THEN 'bin_{i}'" for i, point in enumerate(points, 1)
    )
    return f"CASE WHEN v IS NULL THEN NULL{cases} ELSE 'bin_{len(points) + 1}' END"


def _double(value: float) -> str:
    return f"CAST({float(value)!r} AS DOUBLE)"


def _known(column: pa.ChunkedArray) -> Doubles:
    values = numbers(column)
    values = values[~np.isnan(values)]
    return values if len(values) else np.zeros(1)


def _scaled(shift: float, width: float) -> Around:
    # A constant column would divide by 0.
    return "(", f" - {_double(shift)}) / {_double(width or 1.0)}"


def _standard_scaler(column: pa.ChunkedArray, settings: Sequence[Any]) -> Around:
    values = _known(column)
    return _scaled(float(values.mean()), float(values.std()))


def _min_max_scaler(column: pa.ChunkedArray, settings: Sequence[Any]) -> Around:
    values = _known(column)
    low, high = float(values.min()), float(values.max())
    scaled = f"(v - {_double(low)}) / {_double((high - low) or 1.0)}"
    clipped = f"system.main.greatest(0.0, system.main.least(1.0, {scaled}))"
    # greatest and least ignore NULL, but the scaled value of NULL is NULL.
    return evaluated_once(f"CASE WHEN v IS NOT NULL THEN {clipped} END")


def _max_abs_scaler(column: pa.ChunkedArray, settings: Sequence[Any]) -> Around:
    return _scaled(0.0, float(np.abs(_known(column)).max()))


def _robust_scaler(column: pa.ChunkedArray, settings: Sequence[Any]) -> Around:
    low, median, high = np.quantile(_known(column), [0.25, 0.5, 0.75])
    return _scaled(float(median), float(high - low))


def _quantile_bucketize(column: pa.ChunkedArray, settings: Sequence[Any]) -> Around:
    meaning = "The number of buckets of ML.QUANTILE_BUCKETIZE(x, n)"
    count = whole_setting(settings[0] if settings else None, 2, meaning)
    quantiles = np.quantile(_known(column), np.arange(1, count) / count)
    return evaluated_once(bins(np.unique(quantiles).tolist()))


def _imputer(column: pa.ChunkedArray, settings: Sequence[Any]) -> Around:
    strategy = str(settings[0]).lower() if settings else "mean"
    if strategy not in {"mean", "median"}:
        raise StatementError("ML.IMPUTER accepts 'mean', 'median' or 'most_frequent'.")
    values = _known(column)
    fill = values.mean() if strategy == "mean" else np.median(values)
    return "coalesce(", f", {_double(float(fill))})"


def _most_frequent_imputer(column: pa.ChunkedArray, settings: Sequence[Any]) -> Around:
    found = _most_common(column, 1, 0)
    if not found:
        return "(", ")"
    fill = literal(found[0]) if isinstance(found[0], str) else _double(found[0])
    return "coalesce(", f", {fill})"


def _most_common(column: pa.ChunkedArray, most: int, least: int) -> list[Any]:
    """Return the most common values: at most `most`, each at least `least` times."""
    counts = pc.value_counts(column.drop_null()).to_pylist()
    ranked = sorted(counts, key=lambda item: (-item["counts"], item["values"]))
    return [item["values"] for item in ranked[:most] if item["counts"] >= least]


def _most_and_least(function: str, settings: Sequence[Any]) -> tuple[int, int]:
    """Return the settings top_k and frequency_threshold."""
    most, least = 32_000, 0
    if settings:
        most = whole_setting(settings[0], 1, f"top_k of ML.{function}")
    if len(settings) > 1:
        least = whole_setting(settings[1], 0, f"frequency_threshold of ML.{function}")
    return most, least


def _one_hot_encoder(column: pa.ChunkedArray, settings: Sequence[Any]) -> Around:
    drop = settings[0] if settings else "none"
    # The dropped category is only the one that others are compared with. Predictions don't depend
    # on it.
    if str(drop).lower() not in {"none", "most_frequent"}:
        raise StatementError("ML.ONE_HOT_ENCODER can drop 'none' or 'most_frequent'.")
    kept = _most_common(column, *_most_and_least("ONE_HOT_ENCODER", settings[1:]))
    values = ", ".join(literal(value) for value in kept) or "NULL"
    return evaluated_once(f"CASE WHEN v IN ({values}) THEN v END")


def _label_encoder(column: pa.ChunkedArray, settings: Sequence[Any]) -> Around:
    kept = sorted(_most_common(column, *_most_and_least("LABEL_ENCODER", settings)))
    values = ", ".join(literal(value) for value in kept)
    position = f"system.main.list_position([{values}], "
    return f"CAST(coalesce({position}", "), 0) AS DOUBLE)"


FITTED_FUNCTIONS = {
    "standard_scaler": FittedFunction(_standard_scaler, "DOUBLE", "DOUBLE"),
    "min_max_scaler": FittedFunction(_min_max_scaler, "DOUBLE", "DOUBLE"),
    "max_abs_scaler": FittedFunction(_max_abs_scaler, "DOUBLE", "DOUBLE"),
    "robust_scaler": FittedFunction(_robust_scaler, "DOUBLE", "DOUBLE"),
    "quantile_bucketize": FittedFunction(_quantile_bucketize, "DOUBLE", "VARCHAR", 1),
    "imputer": FittedFunction(_imputer, "DOUBLE", "DOUBLE", 1),
    "one_hot_encoder": FittedFunction(_one_hot_encoder, "VARCHAR", "VARCHAR", 3),
    "label_encoder": FittedFunction(_label_encoder, "VARCHAR", "DOUBLE", 2),
}


def most_frequent_imputer(sql_type: str) -> FittedFunction:
    """Return ML.IMPUTER(…, 'most_frequent'), which also fills strings."""
    return FittedFunction(_most_frequent_imputer, sql_type, sql_type, 1)
