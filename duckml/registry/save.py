"""New versions: writing one with its macros, or copying one from another model."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from duckml.database import sessions
from duckml.errors import ModelExistsError
from duckml.features.signature import Signature
from duckml.language.prediction_sql import predict_macro
from duckml.names import fold, literal, qualified, quote
from duckml.registry import authors, stored_artifacts
from duckml.registry.drop import forget
from duckml.registry.macros import (
    being_trained_statements,
    drop_macros,
    macro_statements,
    version_macro_statements,
)
from duckml.registry.new_version import NewVersion
from duckml.registry.registry import now
from duckml.registry.stored_model import StoredModel
from duckml.registry.stored_version import StoredVersion, details
from duckml.registry.tables import TABLES_OF_FORMAT_1, VERSION_TABLES


def claim(model: StoredModel) -> None:
    """Take the name of a model for the open transaction.

    Another transaction that claims it fails at once, not after its training.
    """
    model.registry.create()
    if model.versions():
        model.count_change()
    else:
        model.run(being_trained_statements(model.place, model.name))


def release(model: StoredModel) -> None:
    """Undo a claim after a training that failed."""
    if not model.versions():
        macro = qualified(model.place.database, model.place.schema, predict_macro(model.name))
        sessions.write(model.session, f"DROP MACRO {macro}")


def save(model: StoredModel, new: NewVersion, *, add_version: bool, make_default: bool) -> int:
    """Store a version with its macros in the open transaction, and return its number.

    Without `add_version` it must be the first: raises ModelExistsError if another session has
    created the model in the meantime.
    """
    version, is_first = _next(model, add_version)
    keys = {**model.keys, "version": version}
    registry = model.registry
    registry.keep_artifact(new.key, new.onnx)
    added = {"created_at": now(), "created_by": authors.user_name()}
    _insert_version(model, {**keys, **new.columns(), **added})
    for table, rows in (
        ("training_info", new.iterations),
        ("confusion_matrix", new.measured.confusion_matrix),
        ("roc_curve", new.measured.roc_curve),
    ):
        if rows:
            registry.write(f"insert_{table}", {**keys, **_by_field(rows)})
    for table, rows, more in (
        ("feature_info", new.statistics, {"dimension": list(new.dimensions)}),
        ("weight", new.weights, {}),
        ("background_row", new.background, {}),
    ):
        if rows:
            position = list(range(1, len(rows) + 1))
            values = {**keys, **_by_field(rows), **more, "position": position}
            registry.write(f"insert_{table}", values)
    becomes_default = make_default or is_first
    _finish(model, version, new.signature, new.key, "created", becomes_default)
    return version


def copy(
    model: StoredModel, source: StoredVersion, *, add_version: bool, make_default: bool
) -> int:
    """Store a version of another model as one of this model, and return its number.

    The source may be in another database.
    """
    origin = StoredModel.of(model.session, source)
    version, is_first = _next(model, add_version)
    origin.require_still_stored(source)
    onnx = stored_artifacts.require(model.session, source.key)
    model.registry.keep_artifact(source.key, onnx)
    name = f"{source.place.database}.{source.place.schema}.{source.name}@{source.version}"
    action = f"copied from {name}"
    # Created anew: bringing this registry up to date may have migrated the source's just now.
    source_format = StoredModel.of(model.session, source).registry.format or 1
    _copy_version_row(model, version, source, source_format, action)
    tables = TABLES_OF_FORMAT_1 if source_format < 2 else VERSION_TABLES
    for table in tables:
        _copy_rows(model, version, source, table)
    becomes_default = make_default or is_first
    _finish(model, version, source.signature, source.key, action, becomes_default)
    return version


def serve(
    model: StoredModel, version: int, signature: Signature, key: str, make_default: bool
) -> None:
    """Create the macros of a version, and with `make_default` those of the default version."""
    place, name = model.place, model.name
    statements = macro_statements(place, name, version, signature, key)
    if make_default:
        statements += macro_statements(place, name, None, signature, key)
        statements += version_macro_statements(place, name, None, version)
        model.registry.write("set_default", {**model.keys, "version": version})
    model.run(statements)


def _next(model: StoredModel, add_version: bool) -> tuple[int, bool]:
    """Return the number of the next version, and whether it is the first.

    The model has a row in the registry afterwards.
    """
    model.registry.create()
    model.require_usable_name()
    if model.exists():
        if not add_version:
            raise ModelExistsError.model(model.name)
    else:
        # A model whose macro the user has dropped leaves rows and other macros.
        claimed = predict_macro(model.name)
        left = [macro for macro in model.macros() if macro != claimed]
        drop_macros(model.session, model.place, left)
        forget(model)
    is_first = not model.versions()
    version = model.next_version()
    row = {
        **model.keys,
        "version": version,
        "schema_name": model.place.schema,
        "name": model.name,
        "created_at": now(),
    }
    model.registry.write("insert_model", row)
    return version, is_first


def _finish(
    model: StoredModel,
    version: int,
    signature: Signature,
    key: str,
    action: str,
    becomes_default: bool,
) -> None:
    """Create the macros of a version whose rows are written, and log it."""
    serve(model, version, signature, key, becomes_default)
    model.record(version, action)
    if becomes_default:
        model.record(version, "default changed")


def _insert_version(model: StoredModel, row: Mapping[str, Any]) -> None:
    values = ", ".join(f"${name} AS {quote(name)}" for name in row)
    model.registry.execute(f"INSERT INTO {{registry}}.model_version BY NAME SELECT {values}", row)


def _by_field(rows: Sequence[Any]) -> dict[str, list[Any]]:
    """Return dataclass instances as one list per field."""
    names = [field.name for field in dataclasses.fields(rows[0])]
    return {name: [getattr(row, name) for row in rows] for name in names}


_TARGET_KEYS = "$schema_key AS schema_key, $name_key AS name_key, $version AS version"


def _rows_of(source: StoredVersion, table: str) -> str:
    """Return the FROM and WHERE clauses that select the rows of a version."""
    return (
        f"FROM {quote(source.place.database)}._duckml.{table} "
        f"WHERE schema_key = {literal(fold(source.place.schema))} "
        f"AND name_key = {literal(fold(source.name))} AND version = {source.version}"
    )


def _copy_rows(model: StoredModel, version: int, source: StoredVersion, table: str) -> None:
    model.registry.execute(
        f"INSERT INTO {{registry}}.{table} BY NAME "
        f"SELECT * REPLACE ({_TARGET_KEYS}) {_rows_of(source, table)}",
        {**model.keys, "version": version},
    )


def _copy_version_row(
    model: StoredModel, version: int, source: StoredVersion, source_format: int, origin: str
) -> None:
    """Copy the row of `model_version`, with its lineage extended by `origin`."""
    path = json.loads(details(model.session, source).get("search_path") or "[]")
    if len(path) == 1 and source.place.database != model.place.database:
        path = [source.place.database, *path]  # the tables stay where they are
    # Both columns came with format 2.
    replaced = "" if source_format < 2 else "lineage, search_path, "
    lineage = "'trained'" if source_format < 2 else "lineage"
    model.registry.execute(
        "INSERT INTO {registry}.model_version BY NAME "
        f"SELECT * EXCLUDE ({replaced}schema_key, name_key, version, created_at), "
        f"{_TARGET_KEYS}, $at AS created_at, {lineage} || {literal(f', {origin}')} AS lineage, "
        f"{literal(json.dumps(path)) if path else 'NULL'} AS search_path "
        f"{_rows_of(source, 'model_version')}",
        {**model.keys, "version": version, "at": now()},
    )
