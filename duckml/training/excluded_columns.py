"""Columns of a training query that can't be features: only NULL, constant, ids, unique text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from duckml.errors import TrainingDataError
from duckml.estimators import model_warnings
from duckml.estimators.model_warnings import ExcludedColumn, ModelWarning
from duckml.features.column_types import INTEGERS, type_family
from duckml.features.signature import Feature, Signature

_ID_NAME = re.compile(
    r"(^|_)(id|uuid|guid|pk|key|rowid|row_id|index|idx)$|[a-z]I[dD]$", re.IGNORECASE
)
_NEARLY_UNIQUE = 0.9
# Values of fewer rows are often all different.
_ENOUGH_ROWS_TO_COMPARE = 20


@dataclass
class Findings:
    """The columns that are left out, with the reason for each, and the warnings about them."""

    excluded: dict[str, str] = field(default_factory=dict)
    warnings: list[ModelWarning] = field(default_factory=list)

    def leave_out(self, excluded: ExcludedColumn) -> None:
        """Add a column that is left out."""
        self.excluded[excluded.column] = f'"{excluded.column}" {excluded.reason}'
        self.warnings.append(excluded.warning)


def find_excluded_columns(
    table: pa.Table, signature: Signature, types: dict[str, str], categorical: frozenset[str]
) -> Findings:
    """Return the columns of usable rows that can't be features.

    Columns in `categorical` are the user's choice and are kept unless they are constant. Raises
    TrainingDataError if the target is constant or no feature is left.
    """
    target = signature.target.name
    values = pc.unique(table[target])
    if len(values) == 1:
        value = values[0].as_py()
        shown = f"'{value}'" if isinstance(value, str) else f"{value:g}"
        raise TrainingDataError.constant_target(target, shown)
    findings = Findings()
    for feature in signature.features:
        column = table[feature.name]
        is_chosen = feature.name in categorical
        excluded = _excluded(feature, column, types[feature.name], is_chosen)
        if excluded is not None:
            findings.leave_out(excluded)
    if len(findings.excluded) == len(signature.features):
        raise TrainingDataError.no_features(target, list(findings.excluded.values()))
    return findings


def _excluded(
    feature: Feature, column: pa.ChunkedArray, sql_type: str, is_chosen: bool
) -> ExcludedColumn | None:
    rows = len(column)
    if column.null_count == rows:
        return model_warnings.all_null(feature.name)
    distinct = pc.count_distinct(column, mode="all").as_py()
    if distinct == 1:
        return model_warnings.constant_feature(feature.name)
    if is_chosen or rows < _ENOUGH_ROWS_TO_COMPARE or distinct < _NEARLY_UNIQUE * rows:
        return None
    if feature.kind == "category":
        return model_warnings.nearly_unique_text(feature.name, distinct, rows)
    if type_family(sql_type) in INTEGERS and _ID_NAME.search(feature.name):
        return model_warnings.id_column(feature.name, distinct, rows)
    return None
