"""`Connection.register_model`: a scikit-learn estimator that a Python program has fitted."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from duckml.artifacts import key_of
from duckml.database.sessions import Native
from duckml.engines.open_models import open_model
from duckml.errors import ParityError
from duckml.language.syntax import ModelName
from duckml.names import fold
from duckml.options.statement_options import ImportOptions
from duckml.registry.new_version import NewVersion
from duckml.registry.publish import Created
from duckml.statements.fitted_estimator import FittedEstimator
from duckml.statements.foreign_version import require_row_by_row, store_foreign
from duckml.statements.training_run import background_rows
from duckml.training import lineage

_BACKGROUND_ROWS = 100


@dataclass(frozen=True)
class _Sample:
    """Rows such as an estimator was fitted on, and their target if they have it."""

    rows: pa.Table
    actual: pa.ChunkedArray | None

    @classmethod
    def split(cls, table: pa.Table, target: str | None) -> _Sample:
        """Split the target off the rows; its name is compared as DuckDB compares names."""
        for column in table.column_names:
            if target is not None and fold(column) == fold(target):
                return cls(table.drop_columns([column]), table[column])
        return cls(table, None)


def register_estimator(
    con: Native,
    name: ModelName,
    estimator: Any,
    table: pa.Table,
    types: Mapping[str, str],
    target: str | None,
    *,
    or_replace: bool,
    options: ImportOptions,
    device: str,
) -> Created:
    """Store a fitted scikit-learn estimator or pipeline.

    `table` are rows such as it was fitted on, `types` the DuckDB types of their columns. `target`
    names the column that it predicts; if the rows have a column of that name, the metrics are
    measured against it. Raises ForeignModelError for columns that the estimator can't be given,
    ParityError if ONNX can't express it.
    """
    started = time.perf_counter()
    sample = _Sample.split(table, target)
    fitted = FittedEstimator.of(estimator, sample.rows, types, target)
    onnx, signature, parity = _exported(fitted, device)
    seconds = time.perf_counter() - started
    require_row_by_row(onnx, signature, name.name, device)
    figures = {} if sample.actual is None else fitted.measured(sample.actual)
    new = NewVersion(
        onnx=onnx,
        signature=signature,
        estimator=type(estimator).__name__,
        params=_params(estimator),
        metrics=figures,
        parity=parity,
        rows_read=len(fitted.sample),
        rows_test=0 if sample.actual is None else len(fitted.sample),
        stop_reason="registered",
        library_versions=lineage.library_versions(),
        description=options.description,
        tags=options.tags,
        seconds=seconds,
        lineage="registered",
        background=_background(fitted, onnx, device),
    )
    return store_foreign(con, name, or_replace, False, new, options)


def _exported(fitted: FittedEstimator, device: str) -> tuple[bytes, Any, float]:
    """Return the graph of the first form of input that ONNX can express.

    Raises the ParityError of the first form if none can be expressed.
    """
    failure: ParityError | None = None
    for inputs in fitted.input_forms():
        try:
            return fitted.exported(inputs, device)
        except ParityError as error:
            failure = failure or error
    assert failure is not None  # there is at least one form
    raise failure


def _params(estimator: Any) -> dict[str, Any]:
    parameters = estimator.get_params(deep=False)
    return {name: value for name, value in parameters.items() if name != "random_state"}


def _background(fitted: FittedEstimator, onnx: bytes, device: str) -> Any:

    model = open_model(key_of(onnx), onnx, device)
    return background_rows(model, fitted.as_read(model), _BACKGROUND_ROWS)
