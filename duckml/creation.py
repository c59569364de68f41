"""CREATE MODEL, in one direction: check, read, train, export, compare, store.

Everything that can be refused without the data is refused before the training query runs, and nothing is stored unless
onnxruntime answers what scikit-learn answers. Inside the user's transaction the name is claimed first and the model is
part of the transaction; outside, training holds no transaction open and the write at its end is tried again when
another one got in between.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any

import duckdb
import pyarrow as pa

from duckml import engine, evaluation, export, inference, profiling, registry, training
from duckml.columns import read_column
from duckml.engine import Column, Native, Place
from duckml.errors import ConflictError, DeviceError, ModelExistsError, OptionError, ParityError, TrainingDataError
from duckml.estimators.preprocessing import numbers
from duckml.estimators.trained import ModelWarning, TrainedModel
from duckml.names import quote
from duckml.options import TrainingOptions
from duckml.progress import OnIteration
from duckml.registry import NewVersion
from duckml.signature import Roles, Signature, infer, is_number, resolve_column, type_family
from duckml.statements import ModelName, predict_macro, version_macro

_ATTEMPTS = 8
_PARITY_ROWS = 20_000
_LIBRARIES = ("duckml", "duckdb", "scikit-learn", "skl2onnx", "onnx", "onnxruntime", "numpy")


@dataclass(frozen=True)
class Request:
    """A model to create: under which name, with which options, from which query.

    `given` are the options as the user wrote them; `training_query` is the query as the user wrote it, `query` what
    DuckDB is to run, with its parameters.
    """

    name: ModelName
    or_replace: bool
    if_not_exists: bool
    options: TrainingOptions
    given: Mapping[str, Any]
    training_query: str
    query: str
    parameters: object


@dataclass(frozen=True)
class Created:
    """The version that a CREATE MODEL made, or found where IF NOT EXISTS says to leave it."""

    place: Place
    name: str
    version: int


@dataclass(frozen=True)
class _Materials:
    """What is known before a row has moved."""

    columns: list[Column]
    types: dict[str, str]
    roles: Roles
    signature: Signature


def create(
    con: Native, request: Request, frame: FrameType, device: str, on_iteration: OnIteration | None
) -> tuple[Created, list[ModelWarning]]:
    """Train a model on a query and store it; the version it became, and what is worth saying about it.

    `frame` is the user's, in which the names of DataFrames are looked up. Raises the errors of errors.py.
    """
    started = time.perf_counter()
    place = registry.place_for(con, request.name)
    name = request.name.name
    engine.require_writable(con, place.database, f"create model '{name}'")
    exists = registry.exists(con, place, name)
    if exists and request.if_not_exists:
        return _as_it_is(con, place, name), [_left_alone(name)]
    if exists and not request.or_replace:
        raise ModelExistsError.model(name)
    if exists:
        registry.require_replaceable(con, place, name, [predict_macro(name), version_macro(name)], "replaced")
    materials = _check(con, request, frame)
    inside = engine.in_transaction(con)
    if inside:
        try:
            registry.claim(con, place, name)
        except duckdb.TransactionException as error:
            raise ConflictError.of(name) from error
    try:
        new = _train(con, request, frame, device, on_iteration, materials, started)
    except BaseException:
        if inside:
            _release(con, place, name)
        raise
    broken = _broken_views(con, place, name, new.signature, inside) if exists else []
    warnings = [*new.warnings, *_of_place(con, place), *_of_views(broken)]
    new = dataclasses.replace(new, warnings=warnings, seconds=time.perf_counter() - started)
    try:
        version = _store(con, place, name, new, inside, request.or_replace, not broken)
    except ModelExistsError:
        if not request.if_not_exists:
            raise
        return _as_it_is(con, place, name), [_left_alone(name)]
    return Created(place, name, version), warnings


def _broken_views(con: Native, place: Place, name: str, signature: Signature, inside: bool) -> list[str]:
    """The views that the new signature would break.

    Tried out on a session of its own. Inside the user's transaction, which another session doesn't see, any other
    signature counts as one that breaks them.
    """
    stored = registry.require(con, ModelName((place.database, place.schema, name)))
    if stored.signature == signature:
        return []
    if inside:
        return registry.views_over(con, place, name)
    with engine.beside(con) as session:
        return registry.views_that_would_break(session, stored, signature)


def _as_it_is(con: Native, place: Place, name: str) -> Created:
    stored = registry.require(con, ModelName((place.database, place.schema, name)))
    return Created(stored.place, stored.name, stored.version)


def _release(con: Native, place: Place, name: str) -> None:
    # The error that ended the training may have aborted the transaction, and the claim with it.
    with contextlib.suppress(duckdb.Error):
        registry.release(con, place, name)


def _check(con: Native, request: Request, frame: FrameType) -> _Materials:
    """Everything that can be refused from the names and types of the columns."""
    options = request.options
    columns = engine.bind(con, request.query, request.parameters, frame)
    names = [column.name for column in columns]
    types = {column.name: column.sql_type for column in columns}
    if options.target is None:
        raise OptionError.missing_target(names)
    target = resolve_column("target", options.target, names)
    roles = Roles(
        target=target,
        categorical=frozenset(resolve_column("categorical", name, names) for name in options.categorical),
        weight=_optional(options.sample_weight_col, "sample_weight_col", names),
        split=_optional(options.data_split_col, "data_split_col", names),
    )
    if roles.weight == target:
        raise OptionError(f'"{target}" can\'t be both target and sample_weight_col.')
    if target in roles.categorical:
        raise OptionError(f'The target "{target}" can\'t also be listed in categorical.')
    _check_types(types, roles, options)
    return _Materials(columns, types, roles, infer(names, [types[name] for name in names], roles))


def _optional(name: str | None, option: str, names: list[str]) -> str | None:
    return None if name is None else resolve_column(option, name, names)


def _check_types(types: Mapping[str, str], roles: Roles, options: TrainingOptions) -> None:
    target = types[roles.target]
    if not is_number(target):
        hint = "Choose a numeric column, or convert it in the query: CAST(… AS DOUBLE)."
        if type_family(target) in {"VARCHAR", "ENUM", "BOOLEAN"}:
            hint = (
                "Predicting a class comes in a later release. If it holds numbers, convert it in the query: "
                f"CAST({roles.target} AS DOUBLE)."
            )
        raise TrainingDataError.target_type(roles.target, target, hint)
    if roles.weight is not None and not is_number(types[roles.weight]):
        raise OptionError(f'sample_weight_col "{roles.weight}" is {types[roles.weight]}, but a weight is a number.')
    if roles.split is not None and options.data_split_method == "custom" and types[roles.split] != "BOOLEAN":
        raise OptionError(
            f'data_split_col "{roles.split}" is {types[roles.split]}; a custom split needs a BOOLEAN, true for '
            "rows that are held out."
        )


def _select_list(materials: _Materials, options: TrainingOptions) -> str:
    """The expressions that give the columns of the query the types that the signature says."""
    features = {feature.name: feature for feature in materials.signature.features}
    items = []
    for column in materials.columns:
        reference = quote(column.name)
        if column.name in features:
            feature = features[column.name]
            items.append(f"{feature.stored_as(f'CAST({reference} AS {feature.sql_type})')} AS {reference}")
        elif column.name == materials.roles.split and options.data_split_method == "seq":
            items.append(f"{_sortable(reference, column.sql_type)} AS {reference}")
        else:
            items.append(f"CAST({reference} AS DOUBLE) AS {reference}")
    return ", ".join(items)


def _sortable(reference: str, sql_type: str) -> str:
    """A column to order by, as a DOUBLE."""
    family = type_family(sql_type)
    if family == "DATE" or family.startswith("TIMESTAMP"):
        return f"epoch({reference})"
    if not is_number(sql_type):
        raise OptionError(f"data_split_col {reference} is {sql_type}; a sequential split needs a number or a date.")
    return f"CAST({reference} AS DOUBLE)"


def _read(con: Native, request: Request, frame: FrameType, materials: _Materials) -> pa.Table:
    """The rows of the training query, every feature as the model reads it."""
    with engine.interruptible(con):
        select_list = _select_list(materials, request.options)
        table = engine.stream(con, request.query, select_list, request.parameters, frame)
    for feature in materials.signature.features:
        column = read_column(feature, table[feature.name].combine_chunks())
        table = table.set_column(table.schema.get_field_index(feature.name), feature.name, pa.chunked_array([column]))
    return table


def _estimator(options: TrainingOptions) -> tuple[Any, str]:
    """An unfitted estimator and the name it goes by."""
    if options.estimator is not None:
        return options.estimator.build(options.params, options.random_state), options.estimator.name
    from sklearn.base import clone

    estimator = clone(options.own_estimator)
    unset = [
        name
        for name, value in estimator.get_params().items()
        if value is None and name.split("__")[-1] == "random_state"
    ]
    return estimator.set_params(**dict.fromkeys(unset, options.random_state)), type(estimator).__name__


def _train(
    con: Native,
    request: Request,
    frame: FrameType,
    device: str,
    on_iteration: OnIteration | None,
    materials: _Materials,
    started: float,
) -> NewVersion:
    """Everything between the checks and the write."""
    options, roles = request.options, materials.roles
    estimator, estimator_name = _estimator(options)
    source_tables = _source_tables(con, request.query)
    raw = _read(con, request, frame, materials)
    table = profiling.usable_rows(raw, materials.signature, roles.weight)
    findings = profiling.examine(table, materials.signature, materials.types, roles.categorical)
    signature = materials.signature.without(findings.excluded)
    table = table.select([name for name in table.column_names if name not in findings.excluded])
    hashes, seeded = engine.hash_rows(table, options.random_state)
    table, data_hash, keys = profiling.order_by_hash(table, hashes, seeded)
    split = profiling.split_rows(table, keys, roles.split, options)
    train = table.take(pa.array(split.train))
    rows = training.Rows(train, table.take(pa.array(split.validation)), roles.weight)
    trained = training.fit(
        estimator,
        rows,
        signature,
        max_categories=options.max_categories,
        precision=options.precision,
        on_iteration=on_iteration,
    )
    test = table.take(pa.array(split.test)) if len(split.test) else train
    metrics = evaluation.regression_metrics(numbers(test[roles.target]), trained.predict(test), trained.target_mean)
    onnx, parity = _exported(trained, table, options, estimator_name, device)
    warnings = [
        *findings.warnings,
        *profiling.warn_of_rows(len(table), split),
        *profiling.warn_of_target(table, signature, materials.types[roles.target]),
        *profiling.warn_of_leakage(train, signature),
        *_of_training(trained, metrics),
    ]
    return NewVersion(
        onnx=onnx,
        key=inference.key_of(onnx),
        signature=signature,
        estimator=estimator_name,
        options=dict(request.given),
        params=_params(trained.estimator),
        metrics=metrics,
        target_mean=trained.target_mean,
        parity=parity,
        precision=options.precision,
        training_query=request.training_query,
        source_tables=source_tables,
        data_hash=data_hash,
        rows_read=len(raw),
        rows_used=len(table),
        rows_validation=len(split.validation),
        rows_test=len(split.test),
        iterations=trained.iterations,
        stop_reason=trained.stop_reason,
        warnings=warnings,
        library_versions=_library_versions(),
        description=options.description,
        tags=options.tags,
        statistics=profiling.statistics(train, signature),
        dimensions=[trained.preprocessing.dimension(name) for name in signature.names],
        seconds=time.perf_counter() - started,
    )


def _library_versions() -> dict[str, str]:
    """The libraries that make a model what it is, as far as they are installed under these names."""
    versions = {}
    for library in _LIBRARIES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[library] = importlib.metadata.version(library)
    return versions


def _source_tables(con: Native, query: str) -> list[str]:
    """The tables that a query reads, as DuckDB names them; none when it can't tell."""
    with contextlib.suppress(duckdb.Error):
        return sorted(Native.get_table_names(con, query, qualified=True))
    return []


def _params(estimator: Any) -> dict[str, Any]:
    parameters = estimator.get_params()
    parameters.pop("random_state", None)  # recorded with the options; here it is a generator in some state
    return parameters


def _exported(
    trained: TrainedModel, table: pa.Table, options: TrainingOptions, estimator_name: str, device: str
) -> tuple[bytes, float]:
    """The ONNX bytes and their parity with scikit-learn, measured on the device that will serve.

    Raises ParityError above the tolerance.
    """
    onnx = export.to_onnx(trained, options.precision, options.on_null)
    # Rows held out come last in the table; they are the ones that the estimator has not seen.
    sample = table.slice(max(0, len(table) - _PARITY_ROWS))
    if options.on_null == "null":
        sample = sample.select([*trained.signature.names]).drop_null()
        if not len(sample):
            raise TrainingDataError(
                "With on_null = 'null' the model could answer none of its training rows: every one has a NULL in it. "
                "Leave out the column that is mostly NULL, or use on_null = 'impute'."
            )
    expected = trained.predict(sample)
    try:
        predict = inference.open_model(inference.key_of(onnx), onnx, device)
        answered = predict.answer([sample[name].combine_chunks() for name in predict.names])
    except DeviceError:
        raise
    except Exception as error:  # whatever onnxruntime says of what skl2onnx made
        raise ParityError.not_exportable(estimator_name, f"{str(error).strip().splitlines()[0]}.") from error
    found = answered.to_numpy(zero_copy_only=False)
    refused = answered.is_null().to_numpy(zero_copy_only=False)
    parity = evaluation.largest_relative_difference(expected[~refused], found[~refused], trained.target_scale)
    tolerance = export.TOLERANCE[options.precision]
    if not parity <= tolerance:
        raise ParityError.above(parity, tolerance, options.precision)
    return onnx, parity


def _store(
    con: Native, place: Place, name: str, new: NewVersion, inside: bool, add_version: bool, make_default: bool
) -> int:
    """Write the version: in the user's transaction, or in one of our own that is tried again after a conflict.

    Raises ConflictError when another session holds the name.
    """

    def write(session: Native) -> int:
        return registry.save(session, place, name, new, add_version=add_version, make_default=make_default)

    try:
        if inside:
            return write(con)
        with engine.beside(con) as session:
            return _with_retries(session, lambda: write(session))
    except (duckdb.TransactionException, duckdb.ConstraintException) as error:
        raise ConflictError.of(name) from error


def _with_retries(session: Native, write: Callable[[], int]) -> int:
    for attempt in range(_ATTEMPTS):
        try:
            with engine.transaction(session):
                return write()
        except (duckdb.TransactionException, duckdb.ConstraintException):
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(0.02 * 2**attempt)
    raise AssertionError("the last attempt returns or raises")


# Warnings


def _of_training(trained: TrainedModel, metrics: Mapping[str, float]) -> list[ModelWarning]:
    """What the course of a training says about the model."""
    warnings = []
    passes = len(trained.iterations)
    if trained.stop_reason == "max_iter":
        message = f"The loss was still falling after {passes} passes: raise max_iter."
        if passes == 1:
            message = "Training ended at max_iter, before it converged: raise max_iter."
        warnings.append(ModelWarning("not_converged", message))
    elif trained.stop_reason == "early_stopping":
        best = min(range(passes), key=lambda i: trained.iterations[i].judged)
        if best < 3:
            message = (
                f"Training got no better after pass {best + 1} of {passes}: there may be little to learn, or "
                "learning_rate_init is too large."
            )
            warnings.append(ModelWarning("stopped_early", message))
    r2, baseline = metrics.get("r2_score"), metrics.get("baseline_r2_score", 0.0)
    if r2 is not None and r2 <= max(baseline, 0.0):
        message = f"Predicting the mean would be no worse (R² {r2:.3f} on the test rows): the features say nothing."
        warnings.append(ModelWarning("no_better_than_mean", message))
    return warnings


def _of_place(con: Native, place: Place) -> list[ModelWarning]:
    if not engine.is_in_memory(con, place.database):
        return []
    message = "The database is in memory: the model ends with it. duckml.connect('file.duckdb') keeps it."
    return [ModelWarning("in_memory", message)]


def _left_alone(name: str) -> ModelWarning:
    message = f"Model '{name}' is there already and was left as it is: nothing was trained."
    return ModelWarning("already_there", message)


def _of_views(broken: list[str]) -> list[ModelWarning]:
    if not broken:
        return []
    message = (
        f"The new version takes other columns and would break {', '.join(broken)}. It is stored, but the old version "
        "stays the default: change or drop these views, then CREATE OR REPLACE MODEL again."
    )
    return [ModelWarning("would_break_views", message)]
