"""Models that were trained elsewhere → versions: ONNX files, and estimators that a Python program has fitted.

An exported file of ours comes back as it was. Anything else is understood, wrapped and tried out before it is stored.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from duckml.artifacts import key_of
from duckml.database import catalog, files
from duckml.database.sessions import Native
from duckml.engines.open_models import open_model
from duckml.engines.predictor import Predictor
from duckml.errors import ForeignModelError, OptionError, ParityError
from duckml.estimators.model_warnings import ModelWarning
from duckml.estimators.preprocessing import codes_of
from duckml.features.column_types import is_number, type_family
from duckml.features.signature import Feature, Signature, Target
from duckml.language.prediction_sql import labels as labels_of_target
from duckml.language.syntax import ModelName
from duckml.names import fold, listed
from duckml.onnx_graphs.adoption import adopt, adopted_signature
from duckml.onnx_graphs.assembly import TOLERANCE
from duckml.onnx_graphs.conversion import convert
from duckml.onnx_graphs.foreign_interface import ForeignInterface, foreign_interface
from duckml.onnx_graphs.manifest import manifest_entry
from duckml.onnx_graphs.safety import read_foreign_model
from duckml.options.statement_options import ImportOptions
from duckml.registry import write as storing
from duckml.registry.publish import (
    Created,
    broken_views,
    claimed,
    left_alone,
    publish,
    slot_for,
    warnings_of_leaving,
    warnings_of_place,
    warnings_of_views,
)
from duckml.registry.write import NewVersion
from duckml.statements.create import background_rows
from duckml.training import lineage
from duckml.training import metrics as evaluation
from duckml.training.parity import as_matrix, largest_difference, largest_relative_difference
from duckml.training.transform.items import require_replayable

Answer = tuple[Created, list[ModelWarning]]


def import_onnx(
    con: Native,
    name: ModelName,
    or_replace: bool,
    if_not_exists: bool,
    options: ImportOptions,
    given: Mapping[str, Any],
    device: str,
) -> Answer:
    """Take the ONNX file that `options` names into the registry.

    The file is read by DuckDB, wherever DuckDB reads files. Raises ForeignModelError for one that isn't harmless or
    doesn't fit, and the errors of CREATE MODEL.
    """
    started = time.perf_counter()
    path = options.model_path
    content = files.read_file(con, path)
    model = read_foreign_model(content, path)
    text = manifest_entry(model)
    if text is not None:
        onnx, signature = content, _own_signature(con, model, text, path)
        if {"target", "features", "output", "labels", "on_null"} & set(given):
            raise OptionError(
                f"'{path}' says itself what it takes and gives: leave out target, features, output, labels and on_null."
            )
    else:
        interface = foreign_interface(
            model, options.features, options.target, options.output, options.labels
        )
        signature = adopted_signature(model, interface)
        onnx = adopt(model, interface, signature, options.on_null, "float32")
    _try_out(onnx, signature, path, device)
    new = _version(
        onnx, signature, "onnx", given, f"imported from {path}", time.perf_counter() - started
    )
    return _stored(con, name, or_replace, if_not_exists, new, options)


def _own_signature(con: Native, model: Any, text: str, path: str) -> Signature:
    """The signature in the manifest of a file that duckml exported.

    Types and expressions in it become part of SQL, and the file may have been changed since: all of it is read as
    strictly as if it had been typed.
    """
    try:
        value = json.loads(text)
        signature = Signature.from_json(value["signature"])
        sound = _is_sound(signature, value, {entry.name for entry in model.graph.input})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ForeignModelError.refused(path, "its manifest can't be read") from error
    if not sound:
        raise ForeignModelError.refused(path, "its manifest is not about its graph")
    types = [column.sql_type for column in (*signature.features, *signature.inputs)] + [
        signature.target.sql_type
    ]
    for sql_type in types:
        if not catalog.is_type(con, sql_type):
            raise ForeignModelError.refused(path, f"its manifest names the type {sql_type}")
    if signature.transform is not None:
        require_replayable(con, signature.transform)
    if signature.target.labels is not None and not catalog.can_read(
        con, f"SELECT {labels_of_target(signature.target)}"
    ):
        raise ForeignModelError.refused(path, "its labels are not of the type of its target")
    return signature


def _is_sound(signature: Signature, value: Mapping[str, Any], inputs: set[str]) -> bool:
    """Whether every part of a manifest is what `EXPORT MODEL` would have written."""
    names = [*signature.names, signature.target.name, *signature.input_names]
    distinct = len({fold(name) for name in signature.names}) == len(signature.names)
    kinds = {"number": "DOUBLE", "boolean": "DOUBLE", "date": "DOUBLE", "timestamp": "DOUBLE"}
    stored = all(
        feature.storage in {"BIGINT", "VARCHAR"}
        if feature.kind == "category"
        else kinds[feature.kind] == feature.storage
        for feature in signature.features
    )
    of_target = signature.target.labels
    classes = of_target is None or (
        len(set(of_target)) == len(of_target) > 1 and all(isinstance(x, str) for x in of_target)
    )
    made = signature.transform
    expressions = made is None or (
        set(made.features) == set(signature.names)
        and {name for e in made.features.values() for name in e.names}
        <= {column.name for column in made.inputs}
        and isinstance(made.text, str)
        and all(isinstance(column.name, str) for column in made.inputs)
        and all(
            len(e.pieces) % 2 == 1 and all(isinstance(piece, str) for piece in e.pieces)
            for e in (*made.features.values(), *([made.target] if made.target else []))
        )
        and len({fold(column.name) for column in made.inputs}) == len(made.inputs) > 0
    )
    return (
        value["format"] == 1
        and value["precision"] in ("float32", "float64")
        and value["on_null"] in ("impute", "null")
        and set(signature.names) == inputs
        and set(value["codes"]) <= inputs
        and all(isinstance(name, str) and name for name in names)
        and distinct
        and stored
        and classes
        and expressions
    )


def _try_out(onnx: bytes, signature: Signature, path: str, device: str) -> None:
    """Raise ForeignModelError unless the model answers rows, each as if it were alone."""
    # Values that training may not have seen: an embedding or an encoder that fails on them would end queries.
    numbers, texts = [0.0, 1.0, -1.5], ["", "a", "b"]
    columns = []
    for feature in signature.features:
        if feature.storage == "VARCHAR":
            columns.append(pa.array(texts))
        elif feature.storage == "BIGINT":
            columns.append(pa.array([0, -1, 2**40], pa.int64()))
        else:
            columns.append(pa.array([0.0, 1.0, 0.0] if feature.kind == "boolean" else numbers))
    try:
        model = open_model(key_of(onnx), onnx, device)
        together = model.raw_output(columns).to_pylist()
        alone = [
            model.raw_output([column.slice(row, 1) for column in columns]).to_pylist()[0]
            for row in range(3)
        ]
    except Exception as error:  # whatever onnxruntime says
        hint = (
            " Encoders must take unknown categories (handle_unknown='ignore')."
            if _has_texts(signature)
            else ""
        )
        detail = str(error).strip().splitlines()[0][:300]
        raise ForeignModelError.unfit(path, f"{detail}{hint}") from error
    if len(together) != 3 or not np.allclose(
        as_matrix(together), as_matrix(alone), equal_nan=True, rtol=1e-4
    ):
        raise ForeignModelError.unfit(path, "the answer to a row depends on the rows beside it.")


def _has_texts(signature: Signature) -> bool:
    return any(feature.storage == "VARCHAR" for feature in signature.features)


def _version(
    onnx: bytes,
    signature: Signature,
    estimator: str,
    given: Mapping[str, Any],
    origin: str,
    seconds: float,
) -> NewVersion:
    """What is stored of a version that was not trained here."""
    return NewVersion(
        onnx=onnx,
        key=key_of(onnx),
        signature=signature,
        estimator=estimator,
        options=dict(given),
        params={},
        metrics={},
        target_mean=0.0,
        parity=None,
        precision="float32",
        training_query="",
        source_tables=[],
        data_hash="",
        rows_read=0,
        rows_used=0,
        rows_validation=0,
        rows_test=0,
        iterations=(),
        stop_reason=origin.split(" ", maxsplit=1)[0],
        warnings=(),
        library_versions=lineage.library_versions(),
        description=given.get("description"),
        tags=json.dumps(given["tags"], ensure_ascii=False) if "tags" in given else None,
        statistics=(),
        dimensions=(),
        seconds=seconds,
        lineage=origin,
        search_path=None,
        source_columns=[],
        random_state=None,
        split=None,
    )


def _stored(
    con: Native,
    name: ModelName,
    or_replace: bool,
    if_not_exists: bool,
    new: NewVersion,
    options: ImportOptions,
) -> Answer:
    slot = slot_for(con, name, or_replace, if_not_exists)
    if slot.default is not None and if_not_exists:
        return left_alone(con, slot), warnings_of_leaving(slot.name)
    if options.make_default == "if_better":
        raise OptionError(
            "make_default = 'if_better' needs test rows to measure on: it is for models trained here."
        )
    with claimed(con, slot):
        broken = broken_views(con, slot, new.signature) if options.make_default else []
        make_default = bool(options.make_default) and not broken

        def store(session: Native) -> int:
            return storing.save(
                session,
                slot.place,
                slot.name,
                new,
                add_version=or_replace,
                make_default=make_default,
            )

        created, is_new = publish(con, slot, store, options.keep_versions)
    warnings = [*warnings_of_place(con, slot.place), *warnings_of_views(broken)]
    return created, warnings if is_new else warnings_of_leaving(slot.name)


# Estimators that a Python program has fitted


def register(
    con: Native,
    name: ModelName,
    estimator: Any,
    sample: pa.Table,
    types: Mapping[str, str],
    target: str | None,
    *,
    or_replace: bool,
    options: ImportOptions,
    device: str,
) -> Answer:
    """Store a fitted scikit-learn estimator or pipeline.

    `sample` are rows such as it was fitted on, `types` the DuckDB types of their columns; `target` names what it
    predicts, and a column of that name in the sample, if there is one, is what its metrics are measured against. Raises
    ForeignModelError for columns that can't be given to it, ParityError when ONNX can't say what it says.
    """
    started = time.perf_counter()
    kind = type(estimator).__name__
    actual = None
    if target is not None:
        spelt = next(
            (column for column in sample.column_names if fold(column) == fold(target)), None
        )
        if spelt is not None:
            actual = sample[spelt]
            sample = sample.drop_columns([spelt])
    sample = sample.select(_columns_of(estimator, sample.column_names))
    if not len(sample):
        raise ForeignModelError(
            "The sample has no rows. Give some of those that the estimator was fitted on."
        )
    labels = _labels_of(estimator)
    expected = _answers(estimator, sample)
    failure: ParityError | None = None
    for attempt in _attempts(sample, types, estimator):
        try:
            onnx, signature, parity = _exported(
                estimator, attempt, sample, types, target, labels, expected, device
            )
        except ParityError as error:
            failure = failure or error
            continue
        break
    else:
        assert failure is not None
        raise failure
    new = _version(onnx, signature, kind, {}, "registered", time.perf_counter() - started)
    model = open_model(new.key, onnx, device)
    _try_out(onnx, signature, name.name, device)
    metrics = {} if actual is None else _measured(expected, actual, labels, str(target))
    new = dataclasses.replace(
        new,
        parity=parity,
        metrics=metrics,
        params={
            key: value
            for key, value in estimator.get_params(deep=False).items()
            if key != "random_state"
        },
        rows_read=len(sample),
        rows_test=0 if actual is None else len(sample),
        description=options.description,
        tags=options.tags,
        background=background_rows(model, _as_read(model, sample), 100),
    )
    return _stored(con, name, or_replace, False, new, options)


def _columns_of(estimator: Any, columns: Sequence[str]) -> list[str]:
    """The columns that an estimator was fitted on, by name where it knows them, else all."""
    wanted = getattr(estimator, "feature_names_in_", None)
    if wanted is None:
        width = getattr(estimator, "n_features_in_", None)
        if width is None:
            raise ForeignModelError(
                f"{type(estimator).__name__} is not fitted: call its fit() first."
            )
        if width != len(columns):
            raise ForeignModelError(
                f"The estimator was fitted on {width} columns, and the sample has {len(columns)}: {listed(columns)}."
            )
        return list(columns)
    missing = [str(column) for column in wanted if column not in columns]
    if missing:
        raise ForeignModelError(
            f"The estimator was fitted on {listed(missing)}, which the sample doesn't have."
        )
    return [str(column) for column in wanted]


def _labels_of(estimator: Any) -> tuple[tuple[str, ...], str] | None:
    """The labels of a classifier and their type in DuckDB; None for a regressor."""
    if not hasattr(estimator, "classes_"):
        return None
    classes = np.asarray(estimator.classes_)
    if not hasattr(estimator, "predict_proba"):
        raise ForeignModelError(
            f"{type(estimator).__name__} has no predict_proba, which PREDICT_PROBA needs."
        )
    if classes.dtype.kind == "b":
        return tuple(str(bool(label)).lower() for label in classes), "BOOLEAN"
    if classes.dtype.kind in "iu":
        return tuple(str(int(label)) for label in classes), "BIGINT"
    if classes.dtype.kind == "f":
        return tuple(str(float(label)) for label in classes), "DOUBLE"
    if classes.ndim != 1 or isinstance(estimator.classes_, list):
        raise ForeignModelError(
            f"{type(estimator).__name__} has several outputs; a model predicts one column."
        )
    return tuple(str(label) for label in classes), "VARCHAR"


def _answers(estimator: Any, sample: pa.Table) -> Any:
    """What the estimator itself says of the sample: numbers, or probabilities."""
    rows = _rows_for(estimator, sample)
    try:
        found = (
            estimator.predict_proba(rows)
            if hasattr(estimator, "classes_")
            else estimator.predict(rows)
        )
    except Exception as error:  # whatever an estimator of the user's own raises
        raise ForeignModelError(
            f"{type(estimator).__name__} can't answer the sample: {error}"
        ) from error
    answers = np.asarray(found, dtype=np.float64).reshape(len(sample), -1)
    if not hasattr(estimator, "classes_"):
        if answers.shape[1] != 1:
            raise ForeignModelError(
                f"{type(estimator).__name__} has several outputs; a model predicts one column."
            )
        return answers
    most_probable = np.asarray(estimator.classes_)[answers.argmax(axis=1)]
    if (most_probable != np.asarray(estimator.predict(rows))).any():
        raise ForeignModelError(
            f"{type(estimator).__name__} answers other classes than those with its largest probability; PREDICT "
            "answers the most probable one."
        )
    return answers


def _rows_for(estimator: Any, sample: pa.Table) -> Any:
    """The sample in the form that the estimator was fitted on: a DataFrame where it knows names, else a matrix."""
    if hasattr(estimator, "feature_names_in_"):
        return sample.to_pandas()
    columns = [column.to_numpy() for column in sample.columns]
    if any(column.dtype.kind == "O" for column in columns):
        return np.column_stack([column.astype(object) for column in columns])
    return np.column_stack(columns)


def _attempts(
    sample: pa.Table, types: Mapping[str, str], estimator: Any
) -> list[list[tuple[str, str, int]]]:
    """The inputs to convert from: column by column and as one matrix, in double precision and in single."""
    kinds = {}
    for name in sample.column_names:
        family = type_family(types[name])
        if is_number(types[name]) or family == "BOOLEAN":
            kinds[name] = "number"
        elif family in {"VARCHAR", "ENUM"}:
            kinds[name] = "string"
        else:
            raise ForeignModelError(
                f'Column "{name}" is {types[name]}. A registered estimator takes numbers, BOOLEAN and text.'
            )
    attempts = []
    for width in ("double", "float"):
        by_name = [(name, width if kind == "number" else kind, 1) for name, kind in kinds.items()]
        matrix = [("matrix", width, len(kinds))]
        numeric = set(kinds.values()) == {"number"}
        attempts += [by_name] if hasattr(estimator, "feature_names_in_") else []
        attempts += [matrix] if numeric else []
    return attempts or [[(n, "double" if k == "number" else k, 1) for n, k in kinds.items()]]


def _exported(
    estimator: Any,
    inputs: Sequence[tuple[str, str, int]],
    sample: pa.Table,
    types: Mapping[str, str],
    target: str | None,
    labels: tuple[tuple[str, ...], str] | None,
    expected: Any,
    device: str,
) -> tuple[bytes, Signature, float]:
    """The estimator as a graph of ours, and its parity on the sample; raises ParityError above the tolerance."""
    model = convert(estimator, inputs)
    # By place: skl2onnx gives other names to inputs whose names are no identifiers.
    columns_in = [value.name for value in model.graph.input]
    by_name = inputs[0][0] != "matrix"
    named = {
        given: (name,) if by_name else tuple(sample.column_names)
        for given, (name, _, _) in zip(columns_in, inputs, strict=True)
    }
    answer = model.graph.output[1 if labels is not None else 0].name
    name = target or "target"
    interface = ForeignInterface(
        named,
        Target(name, "DOUBLE") if labels is None else Target(name, labels[1], labels[0]),
        answer,
    )
    signature = adopted_signature(model, interface)
    features = [
        Feature(feature.name, "BOOLEAN", "boolean", "DOUBLE")
        if types[feature.name] == "BOOLEAN"
        else feature
        for feature in signature.features
    ]
    signature = Signature(tuple(features), signature.target)
    onnx = adopt(model, interface, signature, _on_null(estimator, sample), "float32")
    try:
        opened = open_model(key_of(onnx), onnx, device)
        rows = _as_read(opened, sample)
        columns = [rows[name].combine_chunks() for name in opened.names]
        answered = opened.raw_output(columns)
    except Exception as error:  # whatever onnxruntime says of what skl2onnx made
        kind = type(estimator).__name__
        raise ParityError.not_exportable(
            kind, f"{str(error).strip().splitlines()[0][:200]}."
        ) from error
    found = as_matrix(answered.to_pylist())
    kept = ~np.isnan(found).any(axis=1)
    if not kept.any():
        raise ForeignModelError(
            "The model answers no row of the sample: every one has something missing or too large."
        )
    if labels is None:
        scale = float(np.std(expected)) or 1.0
        parity = largest_relative_difference(expected[kept, 0], found[kept, 0], scale)
    else:
        parity = largest_difference(expected[kept], found[kept])
    if not parity <= TOLERANCE["float32"]:
        raise ParityError.above(parity, TOLERANCE["float32"], "float32", registered=True)
    return onnx, signature, parity


def _as_read(model: Predictor, sample: pa.Table) -> pa.Table:
    """The sample with every column as the model reads it."""
    columns = [sample[name] for name in model.names]
    return pa.table(dict(zip(model.names, model.read(columns), strict=True)))


def _on_null(estimator: Any, sample: pa.Table) -> str:
    """Whether the estimator has an answer to rows with something missing: 'impute', or else 'null'."""
    row, other = sample.slice(0, 1), sample.slice(0, 1)
    for position, column in enumerate(sample.columns):
        text = pa.types.is_string(column.type) or pa.types.is_dictionary(column.type)
        nothing = pa.array([None], pa.string() if text else pa.float64())
        row = row.set_column(position, sample.column_names[position], nothing)
        # The graph is given '' for a missing text.
        other = other.set_column(
            position, sample.column_names[position], pa.array([""]) if text else nothing
        )
    try:
        answers = [
            np.asarray(estimator.predict(_rows_for(estimator, rows))) for rows in (row, other)
        ]
    except Exception:  # whatever an estimator says to something missing
        return "null"
    finite = answers[0].dtype.kind not in "fc" or np.isfinite(answers[0]).all()
    return "impute" if finite and (answers[0] == answers[1]).all() else "null"


def _measured(
    expected: Any, actual: pa.ChunkedArray, labels: tuple[tuple[str, ...], str] | None, target: str
) -> dict[str, float]:
    """The metrics of the sample; raises ForeignModelError when its target is not what the estimator answers."""
    try:
        return _metrics(expected, actual, labels)
    except (ValueError, TypeError, pa.ArrowException) as error:
        raise ForeignModelError(
            f'The column "{target}" of the sample can\'t be compared with what the estimator answers. Leave it out, or '
            "give the target that it was fitted on."
        ) from error


def _metrics(
    expected: Any, actual: pa.ChunkedArray, labels: tuple[tuple[str, ...], str] | None
) -> dict[str, float]:
    if labels is not None:
        texts = pa.chunked_array(
            [[None if v is None else _text(v) for v in actual.to_pylist()]], pa.string()
        )
        codes = codes_of(texts, labels[0])
        return evaluation.classification_metrics(codes[codes >= 0], expected[codes >= 0])
    values = np.asarray(actual.cast(pa.float64()).to_numpy(), dtype=np.float64)
    known = np.isfinite(values)
    return evaluation.regression_metrics(
        values[known], expected[known, 0], float(values[known].mean())
    )


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
