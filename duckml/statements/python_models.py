"""`Connection.create_model` and `Connection.register_model`: models made from Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from duckml.errors import OptionError
from duckml.language.model_names import check_new_name, model_name
from duckml.language.syntax import ModelName
from duckml.options.plain_values import plain_value
from duckml.options.reading import read_options
from duckml.options.statement_options import read_import_options
from duckml.registry.publish import Created
from duckml.registry.stored_version import StoredVersion
from duckml.statements.context import Context
from duckml.statements.create_model import train_and_store
from duckml.statements.created_row import open_created
from duckml.statements.training_source import rows_of
from duckml.training.progress import OnIteration
from duckml.training.request import Request

_REGISTRATION_OPTIONS = ("description", "tags", "make_default", "keep_versions")


@dataclass(frozen=True)
class Training:
    """The arguments of `create_model` that say how to train.

    `estimator` is a name, or an unfitted scikit-learn estimator.
    """

    target: str
    estimator: Any
    options: Mapping[str, Any]
    transform: str | None


def new_model_name(name: str) -> ModelName:
    """Return the name of a new model; raise StatementError if no model can have it."""
    parsed = model_name(name)
    check_new_name(parsed)
    return parsed


def create_model(
    context: Context,
    name: str,
    source: Any,
    training: Training,
    *,
    or_replace: bool,
    if_not_exists: bool,
    progress: OnIteration | None,
) -> StoredVersion:
    """Train a model on rows from anywhere, and return its version."""
    estimator = training.estimator
    own = None if isinstance(estimator, str) else estimator
    options = {"target": training.target, **training.options}
    given = {option: plain_value(value) for option, value in options.items()}
    if own is None:
        given["estimator"] = estimator
    parsed = new_model_name(name)
    rows = rows_of(context, source)
    if own is not None:
        # SQL has no name for the user's own estimator: RETRAIN MODEL can't train it again.
        rows = replace(rows, lineage="trained from Python")
    request = Request(
        name=parsed,
        or_replace=or_replace,
        if_not_exists=if_not_exists,
        options=read_options(given, own),
        given=given if own is None else {**given, "estimator": repr(own)},
        rows=rows,
        transform=training.transform,
    )
    return _opened(context, str(parsed), train_and_store(context, request, progress))


def check_registration_options(options: Mapping[str, Any]) -> None:
    """Raise OptionError if `register_model` doesn't have one of the options."""
    unknown = set(options) - set(_REGISTRATION_OPTIONS)
    if unknown:
        raise OptionError.unknown(min(unknown), _REGISTRATION_OPTIONS)


def register_model(
    context: Context,
    name: ModelName,
    estimator: Any,
    sample: Any,
    target: str | None,
    *,
    or_replace: bool,
    options: Mapping[str, Any],
) -> StoredVersion:
    """Store a fitted estimator, and return its version; `sample` is a relation."""
    # Loads scikit-learn and skl2onnx.
    from duckml.statements.register_estimator import register_estimator

    types = dict(zip(sample.columns, map(str, sample.types), strict=True))
    created = register_estimator(
        context.con,
        name,
        estimator,
        sample.to_arrow_table(),
        types,
        target,
        or_replace=or_replace,
        # The options of an imported file, which must name it.
        options=read_import_options({**options, "model_type": "onnx", "model_path": "registered"}),
        device=context.state.engine.device,
    )
    return _opened(context, str(name), created)


def _opened(context: Context, name: str, created: Created) -> StoredVersion:
    context.warn(name, created.warnings)
    context.forget_names()
    return open_created(context, created)
