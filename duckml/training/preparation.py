"""The rows of a training query, read once: cleaned, ordered by their hash, split, transformed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

import pyarrow as pa

from duckml.database import interrupts, scratch, streams
from duckml.database.sessions import Native
from duckml.errors import OptionError, TrainingDataError
from duckml.estimators.model_warnings import ModelWarning
from duckml.features.columns import read_column
from duckml.features.signature import Signature
from duckml.names import listed
from duckml.training import assessment
from duckml.training.excluded_columns import find_excluded_columns
from duckml.training.query import TrainingQuery
from duckml.training.split import order_by_hash, split_rows
from duckml.training.transform.plan import apply_fitted
from duckml.training.usable_rows import labels_of, usable_rows, with_known_labels


@dataclass(frozen=True)
class PreparedRows:
    """The usable rows of a training query, and their split.

    `signature` is that of the query without the columns that were left out, with the labels of a
    classifier. `data_hash` depends on values, names and types, and not on the order of the rows.
    """

    table: pa.Table
    train: pa.Table
    validation: pa.Table
    test: pa.Table
    signature: Signature
    rows_read: int
    data_hash: str
    warnings: Sequence[ModelWarning]

    @property
    def measured_rows(self) -> pa.Table:
        """Return the test rows, or without any the training rows."""
        return self.test if len(self.test) else self.train


def prepare(
    con: Native, query: TrainingQuery, parameters: object, frame: FrameType
) -> PreparedRows:
    """Read the rows of a training query, and make them ready for an estimator.

    Raises TrainingDataError for rows that can't be learned from, KeyboardInterrupt on Ctrl-C.
    """
    options, roles = query.options, query.roles
    raw = _read(con, query, parameters, frame)
    usable = usable_rows(raw, query.signature, roles.weight)
    findings = find_excluded_columns(usable, query.signature, query.types, roles.categorical)
    signature = query.signature.without(findings.excluded)
    kept = [name for name in usable.column_names if name not in findings.excluded]
    table = usable.select(kept)
    # The predictions of another model are no part of the data.
    hashed = [name for name in kept if name != roles.before]
    hashes, seeded = scratch.hash_rows(table.select(hashed), options.random_state)
    table, values_hash, keys = order_by_hash(table, hashes, seeded)
    split = split_rows(table, keys, roles.split, options)
    if query.plan is not None:
        # The functions of TRANSFORM that learn something learn it from the training rows.
        fitted = query.plan.fitted(table.take(pa.array(split.train)))
        table = apply_fitted(table, fitted)
        signature = query.plan.signature(signature, fitted)
    train, validation, test = (
        table.take(pa.array(rows)) for rows in (split.train, split.validation, split.test)
    )
    if query.is_classification:
        signature = _with_labels(query, signature, train)
        labels = signature.target.labels or ()
        validation, test = (
            with_known_labels(rows, roles.target, labels) for rows in (validation, test)
        )
    warnings = [
        *options.without_effect,
        *findings.warnings,
        *assessment.warnings_of_rows(len(table), len(test)),
        *assessment.warnings_of_target(table, signature, query.types[roles.target]),
        *assessment.warnings_of_leakage(train, signature),
    ]
    return PreparedRows(
        table,
        train,
        validation,
        test,
        signature,
        rows_read=len(raw),
        data_hash=_data_hash(query, hashed, values_hash),
        warnings=warnings,
    )


def _read(con: Native, query: TrainingQuery, parameters: object, frame: FrameType) -> pa.Table:
    """Return the rows of the training query, each feature as the model reads it."""
    with interrupts.interruptible(con):
        table = streams.stream(con, query.sql, query.select_list(), parameters, frame)
    for feature in query.signature.features:
        column = read_column(feature, table[feature.name].combine_chunks())
        table = _with_column(table, feature.name, pa.chunked_array([column]))
    if query.is_classification:
        target = query.roles.target
        # With SET arrow_… DuckDB gives strings of other Arrow types.
        table = _with_column(table, target, table[target].cast(pa.string()))
    return table


def _with_column(table: pa.Table, name: str, column: pa.ChunkedArray) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, column)


def _data_hash(query: TrainingQuery, names: Sequence[str], values_hash: Any) -> str:
    named = json.dumps([[name, query.types[name]] for name in names])
    return hashlib.sha256(f"{named}{values_hash}".encode()).hexdigest()


def _with_labels(query: TrainingQuery, signature: Signature, train: pa.Table) -> Signature:
    """Return the signature with the labels of the training rows.

    Raises TrainingDataError if there is only one, OptionError for a class_weight of another label.
    """
    target = query.roles.target
    labels = labels_of(train[target], query.types[target])
    if len(labels) == 1:
        raise TrainingDataError.constant_target(target, f"'{labels[0]}'")
    weights = query.options.class_weight
    if isinstance(weights, Mapping):
        _check_class_weights(weights, labels)
    with_labels = dataclasses.replace(signature.target, labels=labels)
    return dataclasses.replace(signature, target=with_labels)


def _check_class_weights(weights: Mapping[str, float], labels: Sequence[str]) -> None:
    unknown = [label for label in weights if label not in labels]
    if unknown:
        raise OptionError(
            f"class_weight names {listed(unknown)}, and the classes are {listed(labels)}."
        )
    if not any(weights.get(label, 1.0) > 0 for label in labels):
        raise OptionError("class_weight leaves no class with a weight above 0.")
