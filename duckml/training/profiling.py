"""What the rows of a training query look like: which can be used, which columns can't, and how they are split.

Rows are put into the order of their hash, so that the same rows in any order give the same model, and equal rows always
fall into the same part of the split.
"""

from __future__ import annotations

import functools
import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from duckml.errors import TrainingDataError
from duckml.estimators import model_warnings
from duckml.estimators.model_warnings import ExcludedColumn, ModelWarning
from duckml.estimators.preprocessing import numbers
from duckml.estimators.trained import FeatureStatistics
from duckml.features.column_types import INTEGERS, is_number, type_family
from duckml.features.columns import FLOAT32_MAX
from duckml.features.signature import Feature, Signature
from duckml.options.training_options import TrainingOptions

Indexes = npt.NDArray[np.int64]

_ID_NAME = re.compile(
    r"(^|_)(id|uuid|guid|pk|key|rowid|row_id|index|idx)$|[a-z]I[dD]$", re.IGNORECASE
)
_NEARLY_UNIQUE = 0.9
_ENOUGH_TO_TELL = 20  # rows below which "nearly unique" says nothing
_MOST_CLASSES = 1_000


@dataclass(frozen=True)
class Split:
    """Row numbers, in hash order: to train on, to decide when to stop, to measure once."""

    train: Indexes
    validation: Indexes
    test: Indexes


@dataclass
class Findings:
    """What was left out, and why."""

    excluded: dict[str, str] = field(default_factory=dict)
    warnings: list[ModelWarning] = field(default_factory=list)

    def leave_out(self, excluded: ExcludedColumn) -> None:
        """Take a column out of the signature, with a warning that names it."""
        self.excluded[excluded.column] = f'"{excluded.column}" {excluded.reason}'
        self.warnings.append(excluded.warning)


def usable_rows(table: pa.Table, signature: Signature, weight: str | None) -> pa.Table:
    """The rows that can be learned from, with NaN made NULL.

    Left out are rows without a target, with an infinite number in them (or one beyond float32, which PREDICT would not
    answer either), and with a weight of 0 or none. Raises TrainingDataError when fewer than two are left.
    """
    target = signature.target.name
    lost = [(_no_target(table[target], signature), f'the target "{target}" is NULL or infinite')]
    for feature in signature.features:
        if feature.storage == "DOUBLE":
            infinite = pc.greater(pc.abs(pc.fill_null(table[feature.name], 0.0)), FLOAT32_MAX)
            lost.append((infinite, f'"{feature.name}" is infinite or beyond {FLOAT32_MAX:.0e}'))
    if weight is not None:
        if pc.any(pc.less(table[weight], 0)).as_py():
            raise TrainingDataError(
                f'The weight column "{weight}" has negative values. A weight is 0 or more.'
            )
        no_weight = pc.or_(_missing(table[weight]), pc.equal(pc.fill_null(table[weight], 0.0), 0.0))
        lost.append((no_weight, f'the weight "{weight}" is 0 or NULL'))
    kept = table.filter(pc.invert(functools.reduce(pc.or_, [mask for mask, _ in lost])))
    if len(kept) < 2:
        raise TrainingDataError.too_few(
            len(table), [(pc.sum(mask).as_py() or 0, reason) for mask, reason in lost]
        )
    for position, name in enumerate(kept.column_names):
        column = kept[name]
        if pa.types.is_floating(column.type) and pc.any(pc.is_nan(column)).as_py():
            nothing = pa.scalar(None, pa.float64())
            kept = kept.set_column(position, name, pc.if_else(pc.is_nan(column), nothing, column))
    return kept


def _missing(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Where a number is NULL, NaN, infinite or beyond float32."""
    return pc.invert(pc.less_equal(pc.abs(pc.fill_null(column, math.nan)), FLOAT32_MAX))


def _no_target(column: pa.ChunkedArray, signature: Signature) -> pa.ChunkedArray:
    """Where there is no target; one that is a class is a text here."""
    if pa.types.is_floating(column.type):
        return _missing(column)
    if type_family(signature.target.sql_type) in {"FLOAT", "DOUBLE"}:
        return pc.or_(pc.is_null(column), pc.is_in(column, pa.array(["nan", "inf", "-inf"])))
    return pc.is_null(column)


def labels_of(column: pa.ChunkedArray, sql_type: str) -> tuple[str, ...]:
    """The classes of a target, as texts, in the order of their values: numbers by size, false before true.

    Raises TrainingDataError when there are too many to be classes.
    """
    texts = [text for text in pc.unique(column).to_pylist() if text is not None]
    if len(texts) > _MOST_CLASSES:
        raise TrainingDataError(
            f"The target has {len(texts):,} different values: that is no class but a text or an id. At most "
            f"{_MOST_CLASSES:,} classes can be told apart; to predict a number, choose a regressor."
        )
    return tuple(sorted(texts, key=float) if is_number(sql_type) else sorted(texts))


def with_known_labels(table: pa.Table, target: str, labels: Sequence[str]) -> pa.Table:
    """The rows whose class is one of `labels`."""
    return table.filter(pc.is_in(table[target], pa.array(labels, pa.string())))


def examine(
    table: pa.Table, signature: Signature, types: dict[str, str], categorical: frozenset[str]
) -> Findings:
    """The columns that can't help: only NULL, constant, ids, nearly unique text. Works on usable rows.

    Columns in `categorical` are the user's choice and are kept.

    Raises TrainingDataError when the target never changes or nothing is left to learn from.
    """
    values = pc.unique(table[signature.target.name])
    if len(values) == 1:
        value = values[0].as_py()
        shown = f"'{value}'" if isinstance(value, str) else f"{value:g}"
        raise TrainingDataError.constant_target(signature.target.name, shown)
    findings = Findings()
    for feature in signature.features:
        column = table[feature.name]
        if column.null_count == len(column):
            findings.leave_out(model_warnings.all_null(feature.name))
            continue
        distinct = pc.count_distinct(column, mode="all").as_py()
        if distinct == 1:
            findings.leave_out(model_warnings.constant_feature(feature.name))
        elif feature.name not in categorical and len(column) >= _ENOUGH_TO_TELL:
            _leave_out_ids(findings, feature, types[feature.name], distinct, len(column))
    if len(findings.excluded) == len(signature.features):
        raise TrainingDataError.no_features(signature.target.name, list(findings.excluded.values()))
    return findings


def _leave_out_ids(
    findings: Findings, feature: Feature, sql_type: str, distinct: int, rows: int
) -> None:
    if distinct < _NEARLY_UNIQUE * rows:
        return
    if feature.kind == "category":
        findings.leave_out(model_warnings.nearly_unique_text(feature.name, distinct, rows))
    elif type_family(sql_type) in INTEGERS and _ID_NAME.search(feature.name):
        findings.leave_out(model_warnings.id_column(feature.name, distinct, rows))


def order_by_hash(
    table: pa.Table, hashes: pa.ChunkedArray, seeded: pa.ChunkedArray
) -> tuple[pa.Table, str, Any]:
    """The rows in the order of their seeded hash, a hash of all of them in no order, and the sorted hashes."""
    keys = seeded.to_numpy()
    order = np.argsort(keys, kind="stable")
    data_hash = hashlib.sha256(np.sort(hashes.to_numpy()).astype("<u8").tobytes()).hexdigest()
    return table.take(pa.array(order)), data_hash, keys[order]


def split_rows(
    table: pa.Table,
    keys: npt.NDArray[np.uint64],
    split_column: str | None,
    options: TrainingOptions,
) -> Split:
    """Which rows train, validate and test; `table` and `keys` are in hash order.

    `split_column` is the column of a custom or sequential split.

    Raises TrainingDataError when a custom split leaves no row to train on.
    """
    rows = np.arange(len(table), dtype=np.int64)
    none = rows[:0]
    method = options.data_split_method
    if method == "no_split":
        return Split(rows, none, none)
    if method == "custom":
        evaluation = numbers(table[split_column]) != 0.0  # NULL is held out too, as in BigQuery ML
        held, train = rows[evaluation], rows[~evaluation]
        if not len(train):
            raise TrainingDataError(
                f'"{split_column}" is true in every row: no row is left to train on.'
            )
        half = _boundary(keys[held], len(held) // 2)
        return Split(train, held[:half], held[half:])
    if method == "seq":
        unplaced = table[split_column].null_count
        if unplaced:
            raise TrainingDataError(
                f'"{split_column}" is NULL in {unplaced} rows, which then have no place in the sequence. Leave them '
                f'out in the query: WHERE "{split_column}" IS NOT NULL.'
            )
        # The latest rows test, those before them validate; ties keep the order of their hash.
        rows = rows[np.argsort(numbers(table[split_column]), kind="stable")]
        keys = np.arange(len(rows), dtype=np.uint64)
    test = _boundary(keys, len(rows) - round(len(rows) * options.data_split_test_fraction))
    train = _boundary(keys, test - round(len(rows) * options.data_split_eval_fraction))
    if train == 0:
        return Split(rows, none, none)
    return Split(rows[:train], rows[train:test], rows[test:])


def _boundary(keys: npt.NDArray[np.uint64], position: int) -> int:
    """`position`, moved up so that it doesn't cut a run of equal keys."""
    while 0 < position < len(keys) and keys[position] == keys[position - 1]:
        position += 1
    return position


def statistics(table: pa.Table, signature: Signature) -> list[FeatureStatistics]:
    """The statistics of every feature over some rows."""
    return [_statistics_of(feature, table[feature.name]) for feature in signature.features]


def _statistics_of(feature: Feature, column: pa.ChunkedArray) -> FeatureStatistics:
    if feature.kind == "category":
        count = pc.count_distinct(column, mode="only_valid").as_py()
        return FeatureStatistics(
            feature.name, None, None, None, None, None, count, column.null_count
        )
    known = pc.drop_null(column).to_numpy()
    if not len(known):
        return FeatureStatistics(
            feature.name, None, None, None, None, None, None, column.null_count
        )
    return FeatureStatistics(
        feature.name,
        float(known.min()),
        float(known.max()),
        float(known.mean()),
        float(np.median(known)),
        float(known.std()),
        None,
        column.null_count,
    )
