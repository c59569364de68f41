"""The order of training rows, and their split into rows to train, to validate and to test.

Rows are ordered by their hash, so that the same rows in any order give the same model, and equal
rows are always in the same part of the split.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from duckml.errors import TrainingDataError
from duckml.estimators.preprocessing import numbers
from duckml.options.training_options import TrainingOptions

Indexes = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Split:
    """Row numbers: rows to train on, rows that determine when to stop, rows that measure once."""

    train: Indexes
    validation: Indexes
    test: Indexes


def order_by_hash(
    table: pa.Table, hashes: pa.ChunkedArray, seeded: pa.ChunkedArray
) -> tuple[pa.Table, str, Any]:
    """Return the rows in the order of their seeded hash, a hash of them all, and sorted hashes.

    The hash of all rows doesn't depend on their order or the seed.
    """
    keys = seeded.to_numpy()
    order = np.argsort(keys, kind="stable")
    # Little-endian on every machine, so that the stored hash is the same.
    sorted_bytes = np.sort(hashes.to_numpy()).astype("<u8").tobytes()
    data_hash = hashlib.sha256(sorted_bytes).hexdigest()
    return table.take(pa.array(order)), data_hash, keys[order]


def split_rows(
    table: pa.Table, keys: Hashes, split_column: str | None, options: TrainingOptions
) -> Split:
    """Return the split of rows that are in the order of their hashes `keys`.

    `split_column` is the column of a custom or sequential split. Raises TrainingDataError if a
    custom split leaves no training row, or if a sequential one has rows without a position.
    """
    rows = np.arange(len(table), dtype=np.int64)
    method = options.data_split_method
    if method == "no_split":
        return _only_train(rows)
    if method == "custom":
        assert split_column is not None
        return _split_by_flag(table[split_column], keys, rows, split_column)
    if method == "seq":
        assert split_column is not None
        _require_positions(table[split_column], split_column)
        # The last rows test, those before them validate. Ties keep the order of their hash.
        rows = rows[np.argsort(numbers(table[split_column]), kind="stable")]
        keys = np.arange(len(rows), dtype=np.uint64)
    return _split_by_share(keys, rows, options)


def _only_train(rows: Indexes) -> Split:
    return Split(rows, rows[:0], rows[:0])


def _split_by_flag(column: pa.ChunkedArray, keys: Hashes, rows: Indexes, name: str) -> Split:
    is_held_out = numbers(column) != 0.0  # NULL is held out too, as in BigQuery ML
    held, train = rows[is_held_out], rows[~is_held_out]
    if not len(train):
        raise TrainingDataError(f'"{name}" is true in every row: no row is left to train on.')
    half = _boundary(keys[held], len(held) // 2)
    return Split(train, held[:half], held[half:])


def _require_positions(column: pa.ChunkedArray, name: str) -> None:
    if column.null_count:
        raise TrainingDataError(
            f'"{name}" is NULL in {column.null_count} rows, which then have no place in the '
            f'sequence. Leave them out in the query: WHERE "{name}" IS NOT NULL.'
        )


def _split_by_share(keys: Hashes, rows: Indexes, options: TrainingOptions) -> Split:
    of_test = round(len(rows) * options.data_split_test_fraction)
    of_validation = round(len(rows) * options.data_split_eval_fraction)
    test = _boundary(keys, len(rows) - of_test)
    validation = _boundary(keys, test - of_validation)
    if validation == 0:
        return _only_train(rows)
    return Split(rows[:validation], rows[validation:test], rows[test:])


def _boundary(keys: Hashes, position: int) -> int:
    """Return `position`, or the next one that doesn't separate equal keys."""
    while 0 < position < len(keys) and keys[position] == keys[position - 1]:
        position += 1
    return position
