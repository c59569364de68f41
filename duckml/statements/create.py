"""CREATE MODEL, in one direction: check, read, train, export, compare, store.

Everything that can be refused without the data is refused before the training query runs, and nothing is stored unless
onnxruntime answers what scikit-learn answers.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from duckml.artifacts import key_of
from duckml.database import binding, catalog, interrupts, scratch, search_path, streams
from duckml.database.binding import Column
from duckml.database.sessions import Native
from duckml.engines.open_models import open_model
from duckml.engines.predictor import Predictor
from duckml.errors import DeviceError, OptionError, ParityError, StatementError, TrainingDataError
from duckml.estimators import model_warnings
from duckml.estimators.model_warnings import ModelWarning
from duckml.estimators.preprocessing import codes_of, numbers
from duckml.estimators.table import is_made_of_trees
from duckml.estimators.trained import TrainedModel
from duckml.features.column_types import is_number, type_family
from duckml.features.columns import read_column
from duckml.features.roles import Roles, infer_signature, resolve_column
from duckml.features.signature import Signature
from duckml.language.prediction_sql import prediction
from duckml.language.syntax import ModelName
from duckml.names import fold, listed, quote
from duckml.onnx_graphs.assembly import TOLERANCE, to_onnx
from duckml.options.bigquery_names import canonical
from duckml.options.training_options import TrainingOptions
from duckml.registry import read as registry
from duckml.registry import write as storing
from duckml.registry.publish import (
    Created,
    Slot,
    broken_views,
    claimed,
    left_alone,
    publish,
    slot_for,
    warnings_of_leaving,
    warnings_of_place,
    warnings_of_views,
)
from duckml.registry.read import StoredVersion
from duckml.registry.write import BackgroundRow, Measured, NewVersion
from duckml.training import assessment, lineage
from duckml.training import metrics as evaluation
from duckml.training.excluded_columns import find_excluded_columns
from duckml.training.feature_summary import feature_statistics
from duckml.training.fit import WeightedRows, fit
from duckml.training.linear_weights import weights_of
from duckml.training.parity import largest_difference, largest_relative_difference
from duckml.training.progress import OnIteration
from duckml.training.split import order_by_hash, split_rows
from duckml.training.transform.items import read_transform
from duckml.training.transform.plan import TransformPlan, apply_fitted
from duckml.training.usable_rows import labels_of, usable_rows, with_known_labels

_PARITY_ROWS = 20_000
_BEFORE = "__duckml_before"  # the column that holds what the default of today predicts


@dataclass(frozen=True)
class Request:
    """A model to create: under which name, with which options, from which query.

    `given` are the options as the user wrote them; `training_query` is the query as the user wrote it, `query` what
    DuckDB is to run, with its parameters; `transform` is the text of TRANSFORM. `lineage` says where the rows are from.
    """

    name: ModelName
    or_replace: bool
    if_not_exists: bool
    options: TrainingOptions
    given: Mapping[str, Any]
    training_query: str
    query: str
    parameters: object
    transform: str | None = None
    lineage: str = "trained"


@dataclass(frozen=True)
class _Materials:
    """What is known before a row has moved. `query` is the training query with the TRANSFORM in it."""

    query: str
    columns: list[Column]
    types: dict[str, str]
    roles: Roles
    signature: Signature
    options: TrainingOptions
    plan: TransformPlan | None

    @property
    def classes(self) -> bool:
        """Whether the target is a class."""
        if self.options.is_own:
            from sklearn.base import is_classifier

            return bool(is_classifier(self.options.own_estimator))
        return self.options.estimator is not None and self.options.estimator.classes


@dataclass(frozen=True)
class _Prepared:
    """The rows, split, and what is known of them."""

    table: pa.Table
    train: pa.Table
    validation: pa.Table
    test: pa.Table
    signature: Signature
    rows_read: int
    data_hash: str
    warnings: list[ModelWarning]


def create(
    con: Native, request: Request, frame: FrameType, device: str, on_iteration: OnIteration | None
) -> tuple[Created, list[ModelWarning]]:
    """Train a model on a query and store it; the version it became, and what is worth saying about it.

    `frame` is the user's, in which the names of DataFrames are looked up. Raises the errors of errors.py.
    """
    started = time.perf_counter()
    slot = slot_for(con, request.name, request.or_replace, request.if_not_exists)
    if slot.default is not None and request.if_not_exists:
        return left_alone(con, slot), warnings_of_leaving(slot.name)
    judged = slot.default if request.options.make_default == "if_better" else None
    materials = _check(con, request, frame, judged)
    with claimed(con, slot):
        prepared = _prepare(con, request, frame, materials)
        same = (
            _same_training(con, slot, request, prepared)
            if materials.options.if_unchanged == "skip"
            else None
        )
        if same is not None:
            return Created(slot.place, slot.name, same), [model_warnings.unchanged(same)]
        new = _train(con, slot, request, frame, device, on_iteration, materials, prepared)
        make_default, doubts = _may_be_default(slot, materials, prepared, new)
        broken = broken_views(con, slot, new.signature) if make_default else []
        warnings = [
            *new.warnings,
            *doubts,
            *warnings_of_place(con, slot.place),
            *warnings_of_views(broken),
        ]
        new = dataclasses.replace(new, warnings=warnings, seconds=time.perf_counter() - started)

        def store(session: Native) -> int:
            return storing.save(
                session,
                slot.place,
                slot.name,
                new,
                add_version=request.or_replace,
                make_default=make_default and not broken,
            )

        created, is_new = publish(con, slot, store, materials.options.keep_versions)
    return created, warnings if is_new else warnings_of_leaving(slot.name)


def _same_training(con: Native, slot: Slot, request: Request, prepared: _Prepared) -> int | None:
    """The default version, if it was trained by the same query, on the same rows, with the same options."""
    if slot.default is None:
        return None
    stored = registry.version_row(con, slot.default)
    transform = slot.default.signature.transform
    before = (
        stored["data_hash"],
        stored["training_query"],
        canonical(json.loads(stored["options"])),
    )
    now = (
        prepared.data_hash,
        request.training_query,
        canonical(json.loads(storing.as_json(dict(request.given)))),
    )
    same = before == now and (None if transform is None else transform.text) == request.transform
    return slot.default.version if same else None


def _may_be_default(
    slot: Slot, materials: _Materials, prepared: _Prepared, new: NewVersion
) -> tuple[bool, list[ModelWarning]]:
    """Whether the new version is to become the default, and why not."""
    wanted = materials.options.make_default
    if slot.default is None or isinstance(wanted, bool):
        return wanted is not False, []
    default = slot.default.version
    if new.key == slot.default.key:
        return False, [model_warnings.identical_version(default)]
    metric = "accuracy" if materials.classes else "r2_score"
    before, after = _metric_before(materials, prepared, metric), new.metrics.get(metric)
    if before is None or after is None:
        return False, [model_warnings.not_comparable(default)]
    if after > before:
        return True, [model_warnings.better(metric, after, before, default)]
    return False, [model_warnings.not_better(metric, after, before, default)]


def _metric_before(materials: _Materials, prepared: _Prepared, metric: str) -> float | None:
    """A metric of the default of today on the new test rows, or None where it can't answer them."""
    if materials.roles.before is None:
        return None
    test = prepared.test if len(prepared.test) else prepared.train
    answered, actual = test[materials.roles.before], test[materials.roles.target]
    if materials.classes:
        return float(
            pc.mean(pc.cast(pc.equal(pc.fill_null(answered, ""), actual), pa.float64())).as_py()
        )
    predictions = numbers(answered)
    known = ~np.isnan(predictions)
    if not known.any():
        return None
    return evaluation.regression_metrics(numbers(actual)[known], predictions[known], 0.0).get(
        metric
    )


def _with_before(
    query: str, columns: list[Column], judged: StoredVersion, wanted: str | None
) -> str | None:
    """The training query with what the default of today predicts; None when it has other inputs or another target."""
    types = {fold(column.name): column.sql_type for column in columns}
    target = judged.signature.target
    same_target = wanted is not None and fold(wanted) == fold(target.name)
    if not same_target or not all(
        _fits(types.get(fold(c.name)), c.sql_type) for c in judged.signature.inputs
    ):
        return None
    values = {c.name: f"CAST({quote(c.name)} AS {c.sql_type})" for c in judged.signature.inputs}
    answer = prediction(judged.signature, judged.key, values)
    kind = "DOUBLE" if target.labels is None else "VARCHAR"
    return f"SELECT *, CAST({answer} AS {kind}) AS {quote(_BEFORE)} FROM ({query}\n)"


def _fits(found: str | None, wanted: str) -> bool:
    """Whether a column of a type can be given to an input."""
    if found is None or found == wanted:
        return found is not None
    return (is_number(found) and is_number(wanted)) or (
        wanted == "VARCHAR" and type_family(found) == "ENUM"
    )


def _check(
    con: Native, request: Request, frame: FrameType, judged: StoredVersion | None
) -> _Materials:
    """Everything that can be refused from the names and types of the columns.

    `judged` is the version that the new one will be compared with.
    """
    options = request.options
    query = request.query
    columns = binding.query_columns(con, query, request.parameters, frame)
    repeated = binding.repeated_names(con, query, columns)
    if repeated:
        raise OptionError(
            f"The training query returns {listed(repeated)} more than once: give each its own name."
        )
    compared = None if judged is None else _with_before(query, columns, judged, options.target)
    query = compared or query
    if compared is not None:
        columns = binding.query_columns(con, query, request.parameters, frame)
    plan = None
    if request.transform is not None:
        plan = read_transform(
            con, request.transform, [column for column in columns if column.name != _BEFORE]
        )
        raw = [column.name for column in columns]
        beside = {"target": options.target, "sample_weight_col": options.sample_weight_col}
        beside["data_split_col"] = options.data_split_col
        made = [item.name for item in plan.items]
        wanted = [
            resolve_column(option, name, [*made, *raw])
            for option, name in beside.items()
            if name is not None
        ]
        wanted += [_BEFORE] if compared is not None else []
        query = plan.query(query, list(dict.fromkeys(name for name in wanted if name not in made)))
        try:
            columns = binding.query_columns(con, query, request.parameters, frame)
        except duckdb.Error as error:  # without DuckDB's look at SQL that the user has not written
            raise StatementError(
                f"TRANSFORM can't be computed: {str(error).splitlines()[0]}"
            ) from error
        plan.require_plain(
            [name for name in (options.target, *options.categorical) if name is not None]
        )
    names = [column.name for column in columns]
    types = {column.name: column.sql_type for column in columns}
    if options.target is None:
        raise OptionError.missing_target(names)
    target = resolve_column("target", options.target, names)
    options = options.for_target(types[target])
    roles = Roles(
        target=target,
        categorical=frozenset(
            resolve_column("categorical", name, names) for name in options.categorical
        ),
        weight=_optional(options.sample_weight_col, "sample_weight_col", names),
        split=_optional(options.data_split_col, "data_split_col", names),
        before=None if compared is None else _BEFORE,
    )
    if roles.weight == target:
        raise OptionError(f'"{target}" can\'t be both target and sample_weight_col.')
    if target in roles.categorical:
        raise OptionError(f'The target "{target}" can\'t also be listed in categorical.')
    signature = infer_signature(names, [types[name] for name in names], roles)
    materials = _Materials(query, columns, types, roles, signature, options, plan)
    _check_types(materials)
    return materials


def _optional(name: str | None, option: str, names: list[str]) -> str | None:
    return None if name is None else resolve_column(option, name, names)


def _check_types(materials: _Materials) -> None:
    types, roles, options = materials.types, materials.roles, materials.options
    target = types[roles.target]
    if materials.classes and type_family(target) in {"LIST", "STRUCT", "MAP", "BLOB"}:
        raise TrainingDataError(
            f'The target "{roles.target}" is {target}, which can\'t be a class.'
        )
    if options.class_weight is not None and not materials.classes:
        raise OptionError(
            "class_weight is for classifiers, and this one predicts a number: sample_weight_col weighs rows."
        )
    if not materials.classes and not is_number(target):
        hint = "Choose a numeric column, or convert it in the query: CAST(… AS DOUBLE)."
        if type_family(target) in {"VARCHAR", "ENUM", "BOOLEAN"}:
            hint = (
                "To predict a class, take estimator = 'mlp_classifier' or 'logistic_regression'. If it holds numbers, "
                f"convert it in the query: CAST({roles.target} AS DOUBLE)."
            )
        raise TrainingDataError.target_type(roles.target, target, hint)
    if roles.weight is not None and not is_number(types[roles.weight]):
        raise OptionError(
            f'sample_weight_col "{roles.weight}" is {types[roles.weight]}, but a weight is a number.'
        )
    if (
        roles.split is not None
        and options.data_split_method == "custom"
        and types[roles.split] != "BOOLEAN"
    ):
        raise OptionError(
            f'data_split_col "{roles.split}" is {types[roles.split]}; a custom split needs a BOOLEAN, true for '
            "rows that are held out."
        )


def _select_list(materials: _Materials) -> str:
    """The expressions that give the columns of the query the types that the signature says."""
    features = {feature.name: feature for feature in materials.signature.features}
    items = []
    for column in materials.columns:
        reference = quote(column.name)
        if column.name in features:
            feature = features[column.name]
            items.append(
                f"{feature.stored_as(f'CAST({reference} AS {feature.sql_type})')} AS {reference}"
            )
        elif column.name == materials.roles.split and materials.options.data_split_method == "seq":
            items.append(f"{_sortable(reference, column.sql_type)} AS {reference}")
        else:
            is_class = column.name in {materials.roles.target, _BEFORE} and materials.classes
            items.append(
                f"CAST({reference} AS {'VARCHAR' if is_class else 'DOUBLE'}) AS {reference}"
            )
    return ", ".join(items)


def _sortable(reference: str, sql_type: str) -> str:
    """A column to order by, as a DOUBLE."""
    family = type_family(sql_type)
    if family == "DATE" or family.startswith("TIMESTAMP"):
        return f"epoch({reference})"
    if not is_number(sql_type):
        raise OptionError(
            f"data_split_col {reference} is {sql_type}; a sequential split needs a number or a date."
        )
    return f"CAST({reference} AS DOUBLE)"


def _read(con: Native, request: Request, frame: FrameType, materials: _Materials) -> pa.Table:
    """The rows of the training query, every feature as the model reads it."""
    with interrupts.interruptible(con):
        table = streams.stream(
            con, materials.query, _select_list(materials), request.parameters, frame
        )
    for feature in materials.signature.features:
        column = read_column(feature, table[feature.name].combine_chunks())
        table = table.set_column(
            table.schema.get_field_index(feature.name), feature.name, pa.chunked_array([column])
        )
    if materials.classes:
        target = materials.roles.target
        texts = table[target].cast(pa.string())  # with SET arrow_… DuckDB gives text of other kinds
        table = table.set_column(table.schema.get_field_index(target), target, texts)
    return table


def _prepare(con: Native, request: Request, frame: FrameType, materials: _Materials) -> _Prepared:
    """Read the rows, leave out what can't be used, split, and fit what TRANSFORM fits."""
    options, roles = materials.options, materials.roles
    raw = _read(con, request, frame, materials)
    table = usable_rows(raw, materials.signature, roles.weight)
    findings = find_excluded_columns(table, materials.signature, materials.types, roles.categorical)
    signature = materials.signature.without(findings.excluded)
    table = table.select([name for name in table.column_names if name not in findings.excluded])
    of_query = [name for name in table.column_names if name != roles.before]
    hashes, seeded = scratch.hash_rows(table.select(of_query), options.random_state)
    table, values_hash, keys = order_by_hash(table, hashes, seeded)
    named = json.dumps([[name, materials.types[name]] for name in of_query])
    data_hash = hashlib.sha256(f"{named}{values_hash}".encode()).hexdigest()
    split = split_rows(table, keys, roles.split, options)
    train = table.take(pa.array(split.train))
    if materials.plan is not None:
        fitted = materials.plan.fitted(train)
        table = apply_fitted(table, fitted)
        train = table.take(pa.array(split.train))
        signature = materials.plan.signature(signature, fitted)
    validation, test = (table.take(pa.array(rows)) for rows in (split.validation, split.test))
    if materials.classes:
        labels = labels_of(train[roles.target], materials.types[roles.target])
        if len(labels) == 1:
            raise TrainingDataError.constant_target(roles.target, f"'{labels[0]}'")
        signature = dataclasses.replace(
            signature, target=dataclasses.replace(signature.target, labels=labels)
        )
        if isinstance(options.class_weight, Mapping):
            _require_labels(options.class_weight, labels)
        validation, test = (
            with_known_labels(rows, roles.target, labels) for rows in (validation, test)
        )
    warnings = [
        *options.without_effect,
        *findings.warnings,
        *assessment.warnings_of_rows(len(table), len(test)),
        *assessment.warnings_of_target(table, signature, materials.types[roles.target]),
        *assessment.warnings_of_leakage(train, signature),
    ]
    return _Prepared(table, train, validation, test, signature, len(raw), data_hash, warnings)


def _require_labels(weights: Mapping[str, float], labels: Sequence[str]) -> None:
    unknown = [label for label in weights if label not in labels]
    if unknown:
        raise OptionError(
            f"class_weight names {listed(unknown)}, and the classes are {listed(labels)}."
        )
    if not any(weights.get(label, 1.0) > 0 for label in labels):
        raise OptionError("class_weight leaves no class with a weight above 0.")


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
    return estimator.set_params(**dict.fromkeys(unset, options.random_state)), type(
        estimator
    ).__name__


def _train(
    con: Native,
    slot: Slot,
    request: Request,
    frame: FrameType,
    device: str,
    on_iteration: OnIteration | None,
    materials: _Materials,
    prepared: _Prepared,
) -> NewVersion:
    """Everything between the rows and the write."""
    started = time.perf_counter()
    options, signature = materials.options, prepared.signature
    estimator, estimator_name = _estimator(options)
    if options.precision == "float64" and is_made_of_trees(estimator):
        raise OptionError(
            f"precision = 'float64' is not for {estimator_name}: trees compare and answer in float32."
        )
    trained = fit(
        estimator,
        WeightedRows(
            prepared.train, prepared.validation, materials.roles.weight, options.class_weight
        ),
        signature,
        max_categories=options.max_categories,
        precision=options.precision,
        stops_early=options.early_stop,
        on_iteration=on_iteration,
    )
    test = prepared.test if len(prepared.test) else prepared.train
    metrics, measured = _measure(trained, test)
    onnx, parity = _exported(trained, prepared.table, options, estimator_name, device)
    key = key_of(onnx)
    tables, path = lineage.source_tables(con, request.query), search_path.search_path(con)[0]
    return NewVersion(
        onnx=onnx,
        key=key,
        signature=signature,
        estimator=estimator_name,
        options=dict(request.given),
        params=_params(trained.estimator),
        metrics=metrics,
        target_mean=trained.target_mean,
        parity=parity,
        precision=options.precision,
        training_query=request.training_query,
        source_tables=tables,
        source_columns=lineage.source_columns(con, request.query),
        data_hash=prepared.data_hash,
        rows_read=prepared.rows_read,
        rows_used=len(prepared.table),
        rows_validation=len(prepared.validation),
        rows_test=len(prepared.test),
        iterations=trained.iterations,
        stop_reason=trained.stop_reason,
        warnings=[*prepared.warnings, *assessment.warnings_of_training(trained, metrics)],
        library_versions=lineage.library_versions(),
        description=options.description,
        tags=options.tags,
        statistics=feature_statistics(prepared.train, signature),
        dimensions=[trained.preprocessing.dimension(name) for name in signature.names],
        seconds=time.perf_counter() - started,
        lineage=_lineage(con, request, tables, frame),
        search_path=json.dumps(
            [path.schema] if path.database == slot.place.database else [path.database, path.schema]
        ),
        random_state=options.random_state,
        split=options.split,
        weights=weights_of(trained),
        measured=measured,
        background=background_rows(open_model(key, onnx, device), test, options.background_rows),
    )


def _lineage(con: Native, request: Request, tables: Sequence[str], frame: FrameType) -> str:
    """Where the rows are from: a query that names a variable of the user's program can't run again without it."""
    if request.lineage != "trained":
        return request.lineage
    known = {table for _, _, table, _ in catalog.columns_by_table(con)}
    variables = {fold(name) for name in [*frame.f_locals, *frame.f_globals]}
    names = {fold(table.rpartition(".")[2].strip('"')) for table in tables}
    return "trained on rows" if (names - known) & variables else "trained"


def _measure(trained: TrainedModel, test: pa.Table) -> tuple[dict[str, float], Measured]:
    """The metrics of the test rows, and of a classifier how they were confused."""
    answers, labels = trained.predict(test), trained.target.labels
    if labels is None:
        actual = numbers(test[trained.target.name])
        return evaluation.regression_metrics(actual, answers, trained.target_mean), Measured()
    codes = codes_of(test[trained.target.name], labels)
    return evaluation.classification_metrics(codes, answers), Measured(
        evaluation.confusion_matrix(codes, answers, labels), evaluation.roc_curve(codes, answers)
    )


def background_rows(model: Predictor, rows: pa.Table, most: int) -> list[BackgroundRow]:
    """A few rows with what the model answers for them, as JSON."""
    rows = rows.select([*model.names]).slice(0, most)
    if not len(rows):
        return []
    columns = [rows[name].combine_chunks() for name in model.names]
    answers = model.raw_output(columns).to_pylist()
    return [
        BackgroundRow(json.dumps(row, ensure_ascii=False), json.dumps(answer))
        for row, answer in zip(rows.to_pylist(), answers, strict=True)
    ]


def _params(estimator: Any) -> dict[str, Any]:
    parameters = estimator.get_params()
    parameters.pop(
        "random_state", None
    )  # recorded with the options; here it is a generator in some state
    return parameters


def _exported(
    trained: TrainedModel,
    table: pa.Table,
    options: TrainingOptions,
    estimator_name: str,
    device: str,
) -> tuple[bytes, float]:
    """The ONNX bytes and their parity with scikit-learn, measured on the device that will serve.

    Raises ParityError above the tolerance.
    """
    onnx = to_onnx(trained, options.precision, options.on_null)
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
        model = open_model(key_of(onnx), onnx, device)
        columns = [sample[name].combine_chunks() for name in model.names]
        answered = model.raw_output(columns)
    except DeviceError:
        raise
    except Exception as error:  # whatever onnxruntime says of what skl2onnx made
        raise ParityError.not_exportable(
            estimator_name, f"{str(error).strip().splitlines()[0]}."
        ) from error
    kept = answered.is_valid().to_numpy(zero_copy_only=False)
    if trained.is_classifier:
        found = answered.drop_null().flatten().to_numpy().reshape(int(kept.sum()), -1)
        parity = largest_difference(expected[kept], found)
    else:
        found = answered.drop_null().to_numpy()
        parity = largest_relative_difference(expected[kept], found, trained.target_scale)
    tolerance = TOLERANCE[options.precision]
    if not parity <= tolerance:
        raise ParityError.above(parity, tolerance, options.precision)
    return onnx, parity
