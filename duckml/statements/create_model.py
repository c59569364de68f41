"""CREATE MODEL: check, read, train, export, compare, store, in this order.

Everything that can be refused without the rows is refused before the training query runs. Nothing
is stored unless onnxruntime predicts the same as scikit-learn.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from collections.abc import Sequence
from types import FrameType

import duckdb

from duckml.database import binding
from duckml.database.binding import with_line_offset
from duckml.database.sessions import Native
from duckml.errors import DuckmlError
from duckml.estimators import model_warnings
from duckml.estimators.model_warnings import ModelWarning
from duckml.language.rewrite import rewrite
from duckml.language.syntax import CreateModel, Query, Script
from duckml.options.bigquery_names import canonical
from duckml.options.reading import read_options
from duckml.options.statement_options import read_import_options
from duckml.registry import save
from duckml.registry.new_version import NewVersion, as_json
from duckml.registry.publish import Created, Slot, add_version, claimed, left_unchanged, slot_for
from duckml.registry.stored_model import StoredModel
from duckml.registry.stored_version import StoredVersion, details
from duckml.statements.context import Context
from duckml.statements.default_choice import choose_default, with_default_predictions
from duckml.statements.resolve import resolve
from duckml.training.preparation import PreparedRows, prepare
from duckml.training.progress import OnIteration, progress_bar
from duckml.training.query import TrainingQuery, check_query, training_columns
from duckml.training.request import TRAINED, Request, TrainingRows


def create_model(
    context: Context, script: Script, statement: CreateModel, parameters: object
) -> Created:
    """Run CREATE MODEL: train a model on a query, or without a query import an ONNX file."""
    given = context.option_values(script, statement.options)
    if statement.query is None:
        # Training and importing load scikit-learn and skl2onnx, which predictions never need.
        from duckml.statements.import_onnx import import_onnx

        options = read_import_options(given)
        return import_onnx(context.con, statement, options, given, context.state.engine.device)
    try:
        rows = _rows(context, script, statement.query, parameters)
        request = Request(
            name=statement.name,
            or_replace=statement.or_replace,
            if_not_exists=statement.if_not_exists,
            options=read_options(given),
            given=given,
            rows=rows,
            transform=_transform(script, statement),
        )
        return train_and_store(context, request)
    except DuckmlError:
        raise
    except duckdb.Error as error:
        # The lines of the training query are counted from the start of the statement.
        statement_span = script.spans[script.statements.index(statement)]
        lines = script.line(statement.query.span) - script.line(statement_span)
        raise with_line_offset(error, lines) from error.__cause__


def _transform(script: Script, statement: CreateModel) -> str | None:
    return None if statement.transform is None else script.source(statement.transform)


def _rows(context: Context, script: Script, query: Query, parameters: object) -> TrainingRows:
    """Return the training query, with the predictions of other models in it rewritten."""
    return TrainingRows(
        training_query=script.source(query.span).strip(),
        sql=rewrite(script.text, query, resolve(context, query, fresh=True)),
        parameters=parameters,
        lineage="trained with parameters" if parameters else TRAINED,
    )


def train_and_store(
    context: Context, request: Request, progress: OnIteration | None = None
) -> Created:
    """Train a model and store it, and return its version.

    `progress` is called after each pass; without it the connection's listener is, or a terminal
    shows a bar.
    """
    with contextlib.ExitStack() as stack:
        on_iteration = progress
        listener = context.state.listener
        if on_iteration is None:
            on_iteration = (
                listener.on_iteration if listener else stack.enter_context(progress_bar())
            )
        created = _create(context, request, on_iteration)
    context.forget_names()
    return created


def _create(context: Context, request: Request, on_iteration: OnIteration | None) -> Created:
    # Loads scikit-learn and skl2onnx.
    from duckml.statements.training_run import train

    started = time.perf_counter()
    con, frame = context.con, context.frame
    slot = slot_for(con, request.name, request.or_replace, request.if_not_exists)
    found = left_unchanged(con, slot)
    if found is not None:
        return found
    query = _checked_query(con, request, slot, frame)
    with claimed(con, slot):
        rows = prepare(con, query, request.rows.parameters, frame)
        same = _same_training(con, slot.default, request, query, rows)
        if same is not None:
            return _unchanged(slot, same)
        new = train(
            con,
            slot.place,
            request,
            query,
            rows,
            frame=frame,
            device=context.state.engine.device,
            on_iteration=on_iteration,
        )
        make_default, reasons = choose_default(slot.default, query, rows, new)
        new = dataclasses.replace(new, warnings=[*new.warnings, *reasons])
        return _store(con, slot, request, query, new, make_default, started)


def _store(
    con: Native,
    slot: Slot,
    request: Request,
    query: TrainingQuery,
    new: NewVersion,
    make_default: bool,
    started: float,
) -> Created:
    """Store a trained version; its warnings, and those about its place, are stored with it."""
    seconds = time.perf_counter() - started

    def store(model: StoredModel, is_default: bool, found: Sequence[ModelWarning]) -> int:
        full = dataclasses.replace(new, warnings=[*new.warnings, *found], seconds=seconds)
        return save.save(model, full, add_version=request.or_replace, make_default=is_default)

    created = add_version(
        con,
        slot,
        new.signature,
        store,
        make_default=make_default,
        keep_versions=query.options.keep_versions,
    )
    if not created.is_new:
        return created
    return dataclasses.replace(created, warnings=[*new.warnings, *created.warnings])


def _checked_query(con: Native, request: Request, slot: Slot, frame: FrameType) -> TrainingQuery:
    """Return the training query, checked without running it.

    With make_default = 'if_better' it has the predictions of the current default.
    """
    sql = request.rows.sql
    columns = training_columns(con, sql, request, frame)
    options = request.options
    compared = None
    if slot.default is not None and options.make_default == "if_better":
        compared = with_default_predictions(sql, columns, slot.default, options.target)
        if compared is not None:
            sql = compared
            columns = binding.query_columns(con, sql, request.rows.parameters, frame)
    return check_query(con, sql, columns, compared is not None, request, frame)


def _same_training(
    con: Native,
    default: StoredVersion | None,
    request: Request,
    query: TrainingQuery,
    rows: PreparedRows,
) -> int | None:
    """Return the default version if if_unchanged = 'skip' applies to it.

    It does if the same query, rows and options have trained it.
    """
    if query.options.if_unchanged != "skip" or default is None:
        return None
    stored = details(con, default)
    transform = default.signature.transform
    before = (
        stored["data_hash"],
        stored["training_query"],
        canonical(json.loads(stored["options"])),
        None if transform is None else transform.text,
    )
    now = (
        rows.data_hash,
        request.rows.training_query,
        canonical(json.loads(as_json(dict(request.given)))),
        request.transform,
    )
    return default.version if before == now else None


def _unchanged(slot: Slot, version: int) -> Created:
    warnings = [model_warnings.unchanged(version)]
    return Created(slot.place, slot.name, version, warnings, is_new=False)
