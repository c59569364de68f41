"""Rows of a training query that an estimator can learn from, and the classes of its target."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from duckml.errors import TrainingDataError
from duckml.features.column_types import is_number, type_family
from duckml.features.columns import FLOAT32_MAX
from duckml.features.signature import Signature

_MOST_CLASSES = 1_000


def usable_rows(table: pa.Table, signature: Signature, weight: str | None) -> pa.Table:
    """Return the rows that an estimator can learn from, with NULL instead of NaN.

    Rows without a target, with an infinite number, or with a weight of 0 or NULL are left out, as
    are numbers beyond float32, for which PREDICT returns NULL. Raises TrainingDataError if fewer
    than two rows remain or if a weight is negative.
    """
    lost = [_without_target(table, signature), *_infinite(table, signature)]
    if weight is not None:
        lost.append(_without_weight(table[weight], weight))
    masks = [mask for mask, _ in lost]
    kept = table.filter(pc.invert(functools.reduce(pc.or_, masks)))
    if len(kept) < 2:
        counts = [(pc.sum(mask).as_py() or 0, reason) for mask, reason in lost]
        raise TrainingDataError.too_few(len(table), counts)
    return _with_null_for_nan(kept)


def _without_target(table: pa.Table, signature: Signature) -> tuple[pa.ChunkedArray, str]:
    target = signature.target
    column = table[target.name]
    reason = f'the target "{target.name}" is NULL or infinite'
    if pa.types.is_floating(column.type):
        return _not_finite(column), reason
    missing = pc.is_null(column)
    # A number that is a class has been cast to a string.
    if type_family(target.sql_type) in {"FLOAT", "DOUBLE"}:
        missing = pc.or_(missing, pc.is_in(column, pa.array(["nan", "inf", "-inf"])))
    return missing, reason


def _infinite(table: pa.Table, signature: Signature) -> list[tuple[pa.ChunkedArray, str]]:
    found = []
    for feature in signature.features:
        if feature.storage == "DOUBLE":
            size = pc.abs(pc.fill_null(table[feature.name], 0.0))
            reason = f'"{feature.name}" is infinite or beyond {FLOAT32_MAX:.0e}'
            found.append((pc.greater(size, FLOAT32_MAX), reason))
    return found


def _without_weight(column: pa.ChunkedArray, name: str) -> tuple[pa.ChunkedArray, str]:
    if pc.any(pc.less(column, 0)).as_py():
        raise TrainingDataError(
            f'The weight column "{name}" has negative values. A weight is 0 or more.'
        )
    is_zero = pc.equal(pc.fill_null(column, 0.0), 0.0)
    return pc.or_(_not_finite(column), is_zero), f'the weight "{name}" is 0 or NULL'


def _not_finite(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return where a number is NULL, NaN, infinite or beyond float32."""
    return pc.invert(pc.less_equal(pc.abs(pc.fill_null(column, math.nan)), FLOAT32_MAX))


def _with_null_for_nan(table: pa.Table) -> pa.Table:
    null = pa.scalar(None, pa.float64())
    for position, name in enumerate(table.column_names):
        column = table[name]
        if pa.types.is_floating(column.type) and pc.any(pc.is_nan(column)).as_py():
            filled = pc.if_else(pc.is_nan(column), null, column)
            table = table.set_column(position, name, filled)
    return table


def labels_of(column: pa.ChunkedArray, sql_type: str) -> tuple[str, ...]:
    """Return the classes of a target in the order of their values: numbers by size, false first.

    Raises TrainingDataError if there are too many to be classes.
    """
    labels = [label for label in pc.unique(column).to_pylist() if label is not None]
    if len(labels) > _MOST_CLASSES:
        raise TrainingDataError(
            f"The target has {len(labels):,} different values, so it is probably text or an id. A "
            f"classifier supports at most {_MOST_CLASSES:,} classes; to predict a number, choose "
            "a regressor."
        )
    return tuple(sorted(labels, key=float) if is_number(sql_type) else sorted(labels))


def with_known_labels(table: pa.Table, target: str, labels: Sequence[str]) -> pa.Table:
    """Return the rows whose class is one of `labels`."""
    return table.filter(pc.is_in(table[target], pa.array(labels, pa.string())))
