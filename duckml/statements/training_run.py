"""From prepared rows to a version: trained, exported to ONNX, compared, measured."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from types import FrameType
from typing import Any

import pyarrow as pa

from duckml.artifacts import key_of
from duckml.database import catalog, search_path
from duckml.database.search_path import Place
from duckml.database.sessions import Native
from duckml.engines.open_models import open_model
from duckml.engines.predictor import Predictor
from duckml.errors import DeviceError, OptionError, ParityError, TrainingDataError
from duckml.estimators.preprocessing import codes_of, numbers
from duckml.estimators.table import is_made_of_trees
from duckml.estimators.trained import TrainedModel
from duckml.names import fold
from duckml.onnx_graphs import assembly
from duckml.options.training_options import TrainingOptions
from duckml.registry.new_version import BackgroundRow, Measured, NewVersion
from duckml.training import assessment, lineage, metrics
from duckml.training.feature_summary import feature_statistics
from duckml.training.fit import WeightedRows, fit
from duckml.training.linear_weights import weights_of
from duckml.training.parity import largest_difference, largest_relative_difference
from duckml.training.preparation import PreparedRows
from duckml.training.progress import OnIteration
from duckml.training.query import TrainingQuery
from duckml.training.request import TRAINED, Request

# The rows that scikit-learn and onnxruntime are compared on, at most.
_COMPARED_ROWS = 20_000


def train(
    con: Native,
    place: Place,
    request: Request,
    query: TrainingQuery,
    rows: PreparedRows,
    *,
    frame: FrameType,
    device: str,
    on_iteration: OnIteration | None,
) -> NewVersion:
    """Train a model on prepared rows, and return the version to store in a schema.

    Raises TrainingDataError, ParityError if onnxruntime predicts something else than
    scikit-learn, and KeyboardInterrupt on Ctrl-C.
    """
    started = time.perf_counter()
    options = query.options
    estimator, estimator_name = _estimator(options)
    trained = _fit(estimator, query, rows, on_iteration)
    measured_on = rows.measured_rows
    figures, measured = _measure(trained, measured_on)
    onnx, parity = _export(trained, rows.table, options, estimator_name, device)
    tables = lineage.source_tables(con, request.rows.sql)
    served = open_model(key_of(onnx), onnx, device)
    return NewVersion(
        onnx=onnx,
        signature=rows.signature,
        estimator=estimator_name,
        options=dict(request.given),
        params=_params(trained.estimator),
        metrics=figures,
        target_mean=trained.target_mean,
        parity=parity,
        precision=options.precision,
        training_query=request.rows.training_query,
        source_tables=tables,
        source_columns=lineage.source_columns(con, request.rows.sql),
        data_hash=rows.data_hash,
        rows_read=rows.rows_read,
        rows_used=len(rows.table),
        rows_validation=len(rows.validation),
        rows_test=len(rows.test),
        iterations=trained.iterations,
        stop_reason=trained.stop_reason,
        warnings=[*rows.warnings, *assessment.warnings_of_training(trained, figures)],
        library_versions=lineage.library_versions(),
        description=options.description,
        tags=options.tags,
        statistics=feature_statistics(rows.train, rows.signature),
        dimensions=[trained.preprocessing.dimension(name) for name in rows.signature.names],
        seconds=time.perf_counter() - started,
        lineage=_lineage(con, request, tables, frame),
        search_path=_stored_path(con, place),
        random_state=options.random_state,
        split=options.split,
        weights=weights_of(trained),
        measured=measured,
        background=background_rows(served, measured_on, options.background_rows),
    )


def _estimator(options: TrainingOptions) -> tuple[Any, str]:
    """Return an unfitted estimator and its name.

    Raises OptionError for a precision that it doesn't support.
    """
    if options.estimator is not None:
        estimator = options.estimator.build(options.params, options.random_state)
        name = options.estimator.name
    else:
        estimator = _seeded_copy(options.own_estimator, options.random_state)
        name = type(estimator).__name__
    if options.precision == "float64" and is_made_of_trees(estimator):
        raise OptionError(
            f"precision = 'float64' is not for {name}: trees compare and predict in float32."
        )
    return estimator, name


def _seeded_copy(estimator: Any, random_state: int) -> Any:
    """Return an unfitted copy of the user's estimator, with each unset random_state set."""
    from sklearn.base import clone

    copied = clone(estimator)
    unset = [
        name
        for name, value in copied.get_params().items()
        if value is None and name.split("__")[-1] == "random_state"
    ]
    return copied.set_params(**dict.fromkeys(unset, random_state))


def _fit(
    estimator: Any, query: TrainingQuery, rows: PreparedRows, on_iteration: OnIteration | None
) -> TrainedModel:
    options = query.options
    return fit(
        estimator,
        WeightedRows(rows.train, rows.validation, query.roles.weight, options.class_weight),
        rows.signature,
        max_categories=options.max_categories,
        precision=options.precision,
        stops_early=options.early_stop,
        on_iteration=on_iteration,
    )


def _params(estimator: Any) -> dict[str, Any]:
    """Return the parameters of a fitted estimator.

    Its random_state is a generator in some state by now; the options have the number.
    """
    return {name: value for name, value in estimator.get_params().items() if name != "random_state"}


def _measure(trained: TrainedModel, rows: pa.Table) -> tuple[dict[str, float], Measured]:
    """Return the metrics of a model on rows, and for a classifier how it confused classes."""
    predictions, labels = trained.predict(rows), trained.target.labels
    if labels is None:
        actual = numbers(rows[trained.target.name])
        figures = metrics.regression_metrics(actual, predictions, trained.target_mean)
        return figures, Measured()
    codes = codes_of(rows[trained.target.name], labels)
    measured = Measured(
        metrics.confusion_matrix(codes, predictions, labels),
        metrics.roc_curve(codes, predictions),
    )
    return metrics.classification_metrics(codes, predictions), measured


def _export(
    trained: TrainedModel, table: pa.Table, options: TrainingOptions, name: str, device: str
) -> tuple[bytes, float]:
    """Return the ONNX bytes and their parity with scikit-learn, on the device that will serve.

    Raises ParityError above the tolerance.
    """
    onnx = assembly.to_onnx(trained, options.precision, options.on_null)
    # Rows held out come last in the table; they are those that the estimator has not seen.
    sample = table.slice(max(0, len(table) - _COMPARED_ROWS))
    if options.on_null == "null":
        sample = _without_nulls(sample.select([*trained.signature.names]))
    expected = trained.predict(sample)
    found = _predictions(onnx, sample, name, device)
    kept = found.is_valid().to_numpy(zero_copy_only=False)
    values = found.drop_null()
    if trained.is_classifier:
        probabilities = values.flatten().to_numpy().reshape(int(kept.sum()), -1)
        parity = largest_difference(expected[kept], probabilities)
    else:
        scale = trained.target_scale
        parity = largest_relative_difference(expected[kept], values.to_numpy(), scale)
    tolerance = assembly.TOLERANCE[options.precision]
    if not parity <= tolerance:
        raise ParityError.above(parity, tolerance, options.precision)
    return onnx, parity


def _without_nulls(sample: pa.Table) -> pa.Table:
    complete = sample.drop_null()
    if not len(complete):
        raise TrainingDataError(
            "With on_null = 'null' the model could predict none of its training rows: every one "
            "has a NULL in it. Leave out the column that is mostly NULL, or use "
            "on_null = 'impute'."
        )
    return complete


def _predictions(onnx: bytes, sample: pa.Table, name: str, device: str) -> pa.Array:
    """Return what onnxruntime predicts; raise ParityError if it can't run the graph."""
    try:
        model = open_model(key_of(onnx), onnx, device)
        columns = [sample[name].combine_chunks() for name in model.names]
        return model.raw_output(columns)
    except DeviceError:
        raise
    except Exception as error:  # onnxruntime raises several types for graphs of skl2onnx
        raise ParityError.not_exportable(name, f"{str(error).strip().splitlines()[0]}.") from error


def background_rows(model: Predictor, rows: pa.Table, most: int) -> list[BackgroundRow]:
    """Return a few rows with the model's predictions, as JSON."""
    rows = rows.select([*model.names]).slice(0, most)
    if not len(rows):
        return []
    columns = [rows[name].combine_chunks() for name in model.names]
    predictions = model.raw_output(columns).to_pylist()
    return [
        BackgroundRow(json.dumps(row, ensure_ascii=False), json.dumps(prediction))
        for row, prediction in zip(rows.to_pylist(), predictions, strict=True)
    ]


def _lineage(con: Native, request: Request, tables: Sequence[str], frame: FrameType) -> str:
    """Return where the rows come from.

    A query that names a variable of the user's program can't run again without it.
    """
    if request.rows.lineage != TRAINED:
        return request.rows.lineage
    known = {table for _, _, table, _ in catalog.columns_by_table(con)}
    variables = {fold(name) for name in [*frame.f_locals, *frame.f_globals]}
    names = {fold(table.rpartition(".")[2].strip('"')) for table in tables}
    return "trained on rows" if (names - known) & variables else TRAINED


def _stored_path(con: Native, place: Place) -> str:
    """Return the schema where the query found names without one, as JSON.

    A schema of the model's own database is stored without the database, which may be attached
    under another name later.
    """
    current = search_path.search_path(con)[0]
    if current.database == place.database:
        return json.dumps([current.schema])
    return json.dumps([current.database, current.schema])
