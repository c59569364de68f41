"""What is written of models: versions, macros, aliases, history, all in a transaction that the caller has opened.

So a model is there whole or not at all. Every change of a model counts up in its row, so that two transactions that
change one model collide.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from duckml.database import catalog, sessions
from duckml.database.catalog import OURS
from duckml.database.search_path import Place
from duckml.database.sessions import Native
from duckml.errors import ConflictError, ModelExistsError, ModelNotFoundError
from duckml.estimators.model_warnings import ModelWarning
from duckml.estimators.trained import FeatureStatistics, Iteration, Weight
from duckml.features.signature import Signature
from duckml.language.prediction_sql import predict_macro
from duckml.language.syntax import ModelName
from duckml.names import fold, literal, qualified, quote
from duckml.registry import authors
from duckml.registry.dependents import dependents, relying_on
from duckml.registry.macros import (
    drop_macros,
    macro_names,
    macro_statements,
    require_free,
    version_macro_statements,
)
from duckml.registry.read import (
    FORMAT,
    StoredVersion,
    aliases_of,
    exists,
    keys_of,
    load_known,
    macros_of,
    next_version,
    query_of,
    registries,
    require,
    version_row,
    versions_of,
)
from duckml.sql import blocks

# The tables that hold rows of a version, without the version itself. The first two are those of format 1.
_VERSION_TABLES = (
    "training_info",
    "feature_info",
    "weight",
    "confusion_matrix",
    "roc_curve",
    "background_row",
)
_TABLES = ("model_version", *_VERSION_TABLES)


@dataclass(frozen=True)
class Measured:
    """What a classifier did on the test rows, as rows of the registry's tables; empty for other models."""

    confusion_matrix: Sequence[Any] = ()
    roc_curve: Sequence[Any] = ()


@dataclass(frozen=True)
class BackgroundRow:
    """A row kept with the answer of the model, both as JSON."""

    features: str
    answer: str


@dataclass(frozen=True)
class NewVersion:
    """Everything that is stored of a version."""

    onnx: bytes
    key: str
    signature: Signature
    estimator: str
    options: dict[str, Any]
    params: dict[str, Any]
    metrics: dict[str, float]
    target_mean: float
    parity: float | None
    precision: str
    training_query: str
    source_tables: list[str]
    data_hash: str
    rows_read: int
    rows_used: int
    rows_validation: int
    rows_test: int
    iterations: Sequence[Iteration]
    stop_reason: str
    warnings: Sequence[ModelWarning]
    library_versions: dict[str, str]
    description: str | None
    tags: str | None
    statistics: Sequence[FeatureStatistics]
    dimensions: Sequence[int]
    seconds: float
    lineage: str
    search_path: str | None
    source_columns: list[str]
    random_state: int | None
    split: str | None
    weights: Sequence[Weight] = ()
    measured: Measured = Measured()
    background: Sequence[BackgroundRow] = ()


def claim(con: Native, place: Place, name: str) -> None:
    """Take the name of a model for the open transaction, so that another one that wants it fails at once."""
    _create_registry(con, place.database)
    if versions_of(con, place, name):
        _touch(con, place, name)
    else:
        macro = qualified(place.database, place.schema, predict_macro(name))
        sessions.write(con, f"CREATE MACRO {macro}() AS error('This model is being trained.')")
        sessions.write(con, f"COMMENT ON MACRO {macro} IS {literal(OURS + 'being trained')}")


def _touch(con: Native, place: Place, name: str) -> None:
    """Count a change in the row of a model: two transactions that change one model then collide."""
    sessions.write(con, _write_block("claim", place.database), keys_of(place, name))


def _require_still_there(con: Native, stored: StoredVersion) -> None:
    """Raise ModelNotFoundError when a version has been dropped since it was looked up."""
    known = versions_of(con, stored.place, stored.name)
    if stored.version not in known:
        raise ModelNotFoundError.version(stored.name, str(stored.version), known, [])


def release(con: Native, place: Place, name: str) -> None:
    """Undo a claim when training has failed."""
    if not versions_of(con, place, name):
        sessions.write(
            con, f"DROP MACRO {qualified(place.database, place.schema, predict_macro(name))}"
        )


def save(
    con: Native, place: Place, name: str, new: NewVersion, *, add_version: bool, make_default: bool
) -> int:
    """Store a version with its macros in the open transaction; the number that it got.

    Without `add_version` it must be the first: raises ModelExistsError when another session has created the model
    since this one looked.
    """
    version, is_first = _next(con, place, name, add_version)
    keys = {**keys_of(place, name), "version": version}

    def write(block: str, values: dict[str, Any]) -> None:
        sessions.write(con, _write_block(block, place.database), {**keys, **values})

    _keep_artifact(con, place.database, new.key, new.onnx)
    write("insert_version", _version_values(new))
    for block, rows in (
        ("insert_training_info", new.iterations),
        ("insert_confusion_matrix", new.measured.confusion_matrix),
        ("insert_roc_curve", new.measured.roc_curve),
    ):
        if rows:
            write(block, _columns(rows))
    for block, rows, more in (
        ("insert_feature_info", new.statistics, {"dimension": list(new.dimensions)}),
        ("insert_weight", new.weights, {}),
        ("insert_background_row", new.background, {}),
    ):
        if rows:
            write(block, {**_columns(rows), **more, "position": list(range(1, len(rows) + 1))})
    _publish(con, place, name, version, new.signature, new.key, make_default or is_first)
    _record(con, place, name, version, "created")
    if make_default or is_first:
        _record(con, place, name, version, "default changed")
    return version


def copy(
    con: Native,
    stored: StoredVersion,
    place: Place,
    name: str,
    *,
    add_version: bool,
    make_default: bool,
) -> int:
    """Store a version of another model, perhaps of another database, as one of this model; the number that it got."""
    version, is_first = _next(con, place, name, add_version)
    values = {**keys_of(place, name), "version": version, "at": _now()}
    source = f"{quote(stored.place.database)}._duckml"
    where = f"schema_key = {literal(fold(stored.place.schema))} AND name_key = {literal(fold(stored.name))}"
    _require_still_there(con, stored)
    origin = (
        f"copied from {stored.place.database}.{stored.place.schema}.{stored.name}@{stored.version}"
    )
    to = f"INSERT INTO {quote(place.database)}._duckml"
    _keep_artifact(con, place.database, stored.key, load_known(con, stored.key))
    source_format = registries(con)[
        stored.place.database
    ]  # which may have been brought up to date just now
    before = "'trained'" if source_format < 2 else "lineage"
    path = json.loads(version_row(con, stored).get("search_path") or "[]")
    if len(path) == 1 and stored.place.database != place.database:
        path = [stored.place.database, *path]  # the tables stay where they are
    searched = "" if source_format < 2 else "search_path, "
    replaced = "$schema_key AS schema_key, $name_key AS name_key, $version AS version"
    lineage = "" if source_format < 2 else "lineage, "
    sessions.write(
        con,
        f"{to}.model_version BY NAME "
        f"SELECT * EXCLUDE ({lineage}{searched}schema_key, name_key, version, created_at), {replaced}, "
        f"$at AS created_at, {before} || {literal(f', {origin}')} AS lineage, "
        f"{literal(json.dumps(path)) if path else 'NULL'} AS search_path FROM {source}.model_version "
        f"WHERE {where} AND version = {stored.version}",
        values,
    )
    del values["at"]
    for table in _VERSION_TABLES if source_format >= 2 else _VERSION_TABLES[:2]:
        sessions.write(
            con,
            f"{to}.{table} BY NAME SELECT * REPLACE ({replaced}) FROM {source}.{table} "
            f"WHERE {where} AND version = {stored.version}",
            values,
        )
    _publish(con, place, name, version, stored.signature, stored.key, make_default or is_first)
    _record(con, place, name, version, origin)
    if make_default or is_first:
        _record(con, place, name, version, "default changed")
    return version


def _keep_artifact(con: Native, database: str, key: str, onnx: bytes) -> None:
    """Store the bytes of a model unless they are there; a transaction that drops the same bytes then collides."""
    if sessions.read(con, query_of("has_artifact", database), {"key": key}):
        sessions.write(con, _write_block("touch_artifact", database), {"key": key})
    else:
        sessions.write(con, _write_block("insert_artifact", database), {"key": key, "onnx": onnx})


def _next(con: Native, place: Place, name: str, add_version: bool) -> tuple[int, bool]:
    """The number of the version to come, and whether it is the first; the model itself has a row afterwards."""
    _create_registry(con, place.database)
    if exists(con, place, name):
        if not add_version:
            raise ModelExistsError.model(name)
    else:  # what is left of a model whose macro was dropped
        drop_macros(
            con,
            place,
            [macro for macro in macros_of(con, place, name) if macro != predict_macro(name)],
        )
        _forget(con, place, name)
    is_first = not versions_of(con, place, name)
    version = next_version(con, place, name)
    sessions.write(
        con,
        _write_block("insert_model", place.database),
        {
            **keys_of(place, name),
            "version": version,
            "schema_name": place.schema,
            "name": name,
            "created_at": _now(),
        },
    )
    return version, is_first


def _publish(
    con: Native,
    place: Place,
    name: str,
    version: int,
    signature: Signature,
    key: str,
    make_default: bool,
) -> None:
    """Make the macros of a version, and those of the default."""
    statements = macro_statements(place, name, version, signature, key)
    if make_default:
        statements += macro_statements(place, name, None, signature, key)
        statements += version_macro_statements(place, name, None, version)
        sessions.write(
            con,
            _write_block("set_default", place.database),
            {**keys_of(place, name), "version": version},
        )
    for statement in statements:
        sessions.write(con, statement)


def set_default(con: Native, stored: StoredVersion) -> None:
    """Make a version the default, in the open transaction."""
    _create_registry(con, stored.place.database)
    place, name, version = stored.place, stored.name, stored.version
    _touch(con, place, name)
    _require_still_there(con, stored)
    _publish(con, place, name, version, stored.signature, stored.key, True)
    _record(con, place, name, version, "default changed")


def set_alias(con: Native, stored: StoredVersion, alias: str) -> None:
    """Let an alias mean a version, in the open transaction."""
    _create_registry(con, stored.place.database)
    place, name, version = stored.place, stored.name, stored.version
    _touch(con, place, name)
    _require_still_there(con, stored)
    keys = {**keys_of(place, name), "alias_key": fold(alias)}
    sessions.write(con, _write_block("delete_alias", place.database), keys)
    sessions.write(
        con,
        _write_block("insert_alias", place.database),
        {**keys, "alias": alias, "version": version},
    )
    alias = fold(alias)
    statements = macro_statements(place, name, alias, stored.signature, stored.key)
    for statement in [*statements, *version_macro_statements(place, name, alias, version)]:
        sessions.write(con, statement)
    _record(con, place, name, version, f"alias {alias} set")


def drop_alias(con: Native, stored: StoredVersion, alias: str) -> None:
    """Take an alias away, in the open transaction; `stored` is the version that it means."""
    place, name = stored.place, stored.name
    _touch(con, place, name)
    keys = {**keys_of(place, name), "alias_key": fold(alias)}
    sessions.write(con, _write_block("delete_alias", place.database), keys)
    drop_macros(con, place, macro_names(name, fold(alias)))
    _record(con, place, name, stored.version, f"alias {fold(alias)} dropped")


def set_notes(con: Native, stored: StoredVersion, notes: dict[str, Any]) -> None:
    """Change the description and the tags of a version, in the open transaction."""
    place = stored.place
    _create_registry(con, place.database)
    _touch(con, place, stored.name)
    _require_still_there(con, stored)
    keys = {**keys_of(place, stored.name), "version": stored.version}
    known = sessions.read_row(con, query_of("version", place.database), keys)
    values = {name: notes.get(name, known[name]) for name in ("description", "tags")}
    sessions.write(con, _write_block("set_options", place.database), {**keys, **values})
    _record(con, place, stored.name, stored.version, f"options changed: {', '.join(notes)}")


def rename(con: Native, stored: StoredVersion, new_name: str) -> None:
    """Give a model another name, in the open transaction: its rows, and all of its macros anew."""
    place, name = stored.place, stored.name
    _create_registry(con, place.database)
    _touch(con, place, name)
    versions = {
        number: require(con, _named(place, name, str(number)))
        for number in versions_of(con, place, name)
    }
    aliases = aliases_of(con, place, name)
    default = require(con, _named(place, name, None)).version
    used = next_version(con, place, name) - 1
    if fold(new_name) != fold(name):
        if exists(con, place, new_name):
            raise ModelExistsError.model(new_name)
        tags: list[str | int | None] = [None, *versions, *(fold(alias) for alias in aliases)]
        require_free(
            catalog.macros(con, place.database),
            place,
            new_name,
            [macro for tag in tags for macro in macro_names(new_name, tag)],
        )
    drop_macros(con, place, macros_of(con, place, name))
    for table in ("model", "alias", *_TABLES):
        sessions.write(
            con,
            f"UPDATE {quote(place.database)}._duckml.{table} SET name_key = $new "
            "WHERE schema_key = $schema_key AND name_key = $name_key",
            {**keys_of(place, name), "new": fold(new_name)},
        )
    sessions.write(
        con,
        f"UPDATE {quote(place.database)}._duckml.model SET name = $name "
        "WHERE schema_key = $schema_key AND name_key = $name_key",
        {**keys_of(place, new_name), "name": new_name},
    )
    for number, version in versions.items():
        _publish(con, place, new_name, number, version.signature, version.key, number == default)
    for alias, number in aliases.items():
        version, tag = versions[number], fold(alias)
        statements = macro_statements(place, new_name, tag, version.signature, version.key)
        for statement in [*statements, *version_macro_statements(place, new_name, tag, number)]:
            sessions.write(con, statement)
    # The history of the new name begins with the highest number, so that none is ever used again.
    _record(con, place, name, None, f"renamed to {new_name}")
    _record(con, place, new_name, used, f"renamed from {name}")


def _named(place: Place, name: str, tag: str | None) -> ModelName:
    return ModelName((place.database, place.schema, name), tag)


def drop(
    con: Native, stored: StoredVersion, only_this: bool, expected: Sequence[int] | None = None
) -> None:
    """Remove a model, or one version of it, in the open transaction.

    `expected` are the versions that the model had when it was decided what to drop. Raises ConflictError when it has
    others now, or when the version has become the default or got an alias, and ModelNotFoundError when it is gone.
    """
    place, name = stored.place, stored.name
    _create_registry(con, place.database)
    _touch(con, place, name)
    _require_still_there(con, stored)
    if expected is not None and versions_of(con, place, name) != list(expected):
        raise ConflictError.of(name)
    if only_this:
        now = require(con, _named(place, name, str(stored.version)))
        if now.is_default or stored.version in aliases_of(con, place, name).values():
            raise ConflictError.of(name)
    drop_macros(con, place, macros_of(con, place, name, stored.version if only_this else None))
    _forget(con, place, name, stored.version if only_this else None)
    _record(con, place, name, stored.version if only_this else None, "dropped")


def outlived(con: Native, place: Place, name: str, kept: int) -> list[StoredVersion]:
    """The versions beyond the newest `kept` that nothing refers to: no default, no alias, no view, no table."""
    aliased = set(aliases_of(con, place, name).values())
    older = versions_of(con, place, name)[:-kept]
    found = [
        require(con, _named(place, name, str(number))) for number in older if number not in aliased
    ]
    return [
        version
        for version in found
        if not version.is_default
        and not relying_on(con, place, macro_names(name, version.version), inside=True)
        and not dependents(con, place, macro_names(name, version.version))
    ]


def _forget(con: Native, place: Place, name: str, version: int | None = None) -> None:
    """Delete what the registry knows of a version, or of a whole model, and the artifacts that nobody needs."""
    _create_registry(con, place.database)
    values: dict[str, Any] = dict(keys_of(place, name))
    condition = "schema_key = $schema_key AND name_key = $name_key"
    tables = [*_TABLES]
    if version is None:
        tables += ["alias", "model"]
    else:
        condition += " AND version = $version"
        values["version"] = version
    for table in tables:
        sessions.write(
            con, f"DELETE FROM {quote(place.database)}._duckml.{table} WHERE {condition}", values
        )
    # DuckDB lets one transaction delete a row that another one updates; two updates collide.
    sessions.write(con, _write_block("claim_artifacts", place.database))
    sessions.write(con, _write_block("delete_artifacts", place.database))


def _record(con: Native, place: Place, name: str, version: int | None, action: str) -> None:
    """Add a line to the history of the models of a database."""
    sessions.write(
        con,
        _write_block("insert_event", place.database),
        {
            "at": _now(),
            "who": authors.user_name(),
            "schema_name": place.schema,
            "name": name,
            "version": version,
            "action": action,
        },
    )


def _now() -> datetime.datetime:
    """The time in UTC, as a TIMESTAMP: the Python package of DuckDB needs another one to fetch times with a zone."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


def _create_registry(con: Native, database: str) -> None:
    """Make the tables of the registry, or bring those of an older format up to date."""
    found = registries(con).get(database)
    if found == FORMAT:
        return
    name = quote(database)
    for number in range((found or FORMAT) + 1, FORMAT + 1):
        sessions.write(con, blocks("migrations")[str(number)].format(database=name))
    for block in blocks("schema").values():
        sessions.write(con, block.format(database=name))
    sessions.write(con, blocks("comments")["comments"].format(database=name))
    sessions.write(con, f"DELETE FROM {name}._duckml.format")
    sessions.write(con, f"INSERT INTO {name}._duckml.format VALUES ({FORMAT})")


def as_json(value: Any) -> str:
    """A value as it is stored, what JSON can't say as Python writes it."""
    return json.dumps(value, ensure_ascii=False, default=repr)


def _columns(rows: Sequence[Any]) -> dict[str, list[Any]]:
    """Dataclass instances as one list per field."""
    fields = [field.name for field in dataclasses.fields(rows[0])]
    return {name: [getattr(row, name) for row in rows] for name in fields}


def _version_values(new: NewVersion) -> dict[str, Any]:
    return {
        "artifact_key": new.key,
        "estimator": new.estimator,
        "target": new.signature.target.name,
        "signature": json.dumps(new.signature.to_json(), ensure_ascii=False),
        "options": as_json(new.options),
        "params": as_json(new.params),
        "metric_names": list(new.metrics),
        "metric_values": list(new.metrics.values()),
        "target_mean": new.target_mean,
        "parity": new.parity,
        "precision": new.precision,
        "training_query": new.training_query,
        "source_tables": new.source_tables,
        "data_hash": new.data_hash,
        "rows_read": new.rows_read,
        "rows_used": new.rows_used,
        "rows_validation": new.rows_validation,
        "rows_test": new.rows_test,
        "iterations": len(new.iterations),
        "stop_reason": new.stop_reason,
        "warning_codes": [warning.code for warning in new.warnings],
        "warning_messages": [warning.message for warning in new.warnings],
        "library_names": list(new.library_versions),
        "library_versions": list(new.library_versions.values()),
        "description": new.description,
        "tags": new.tags,
        "size_bytes": len(new.onnx),
        "created_at": _now(),
        "seconds": new.seconds,
        "created_by": authors.user_name(),
        "lineage": new.lineage,
        "search_path": new.search_path,
        "source_columns": new.source_columns,
        "random_state": new.random_state,
        "split": new.split,
    }


def _write_block(block: str, database: str) -> str:
    """A named write to the registry of a database."""
    return blocks("writes")[block].format(database=quote(database))
