"""The models of a database: where they are, what is known of them, and how they are stored.

They lie in the schema `_duckml` of the database that they belong to, and are used through macros in the schema of the
model: `predict_<model>` for the default version, `predict_<model>@<n>` for each version, `model_version_<model>`.
Reading never writes. Writing is done in a transaction that the caller has opened, so that a model is there whole or
not at all.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from duckml import engine
from duckml.engine import Macro, Native, Place
from duckml.errors import (
    ArtifactError,
    DependentsError,
    ModelExistsError,
    ModelNotFoundError,
    RegistryFormatError,
    StatementError,
)
from duckml.estimators.trained import FeatureStatistics, Iteration, ModelWarning
from duckml.names import fold, literal, nearest, qualified, quote
from duckml.signature import Signature, parameters
from duckml.sql import blocks
from duckml.statements import ModelName, Resolved, predict_macro, prediction_call, version_macro, with_prediction

FORMAT = 1
_ROW = '"__duckml_row"'  # the parameter of the macros that take a whole row or a table
_OURS = "duckml: "  # how the comments on the macros of models begin


@dataclass(frozen=True)
class StoredVersion:
    """A version as the registry knows it; `is_default` says whether PREDICT means it without an @."""

    place: Place
    name: str
    version: int
    key: str
    signature: Signature
    is_default: bool

    def resolved(self, version: int | None) -> Resolved:
        """What a call that names this model means: a fixed version, or with None whichever is the default then."""
        return Resolved(self.place.database, self.place.schema, self.name, version, self.signature, self.key)


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
    parity: float
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


def _query(block: str, database: str) -> str:
    """A named query on the registry of a database."""
    return blocks("queries")[block].format(database=quote(database))


def _write_block(block: str, database: str) -> str:
    """A named write to the registry of a database."""
    return blocks("writes")[block].format(database=quote(database))


# Reading


def registries(con: Native) -> list[str]:
    """The attached databases that hold models.

    Raises RegistryFormatError for one that a newer duckml has written.
    """
    found = [name for (name,) in engine.read(con, blocks("queries")["registries"])]
    for database in found:
        [(version,)] = engine.read(con, _query("format", database))
        if version is not None and version > FORMAT:
            raise RegistryFormatError.newer(database, version, FORMAT)
    return found


def places_of(con: Native, name: ModelName) -> list[Place]:
    """Where a model of that name may live, in the order in which DuckDB would look for a table of the name."""
    path = engine.search_path(con)
    if len(name.parts) == 1:
        return path
    known = {fold(database): database for database in engine.databases(con)}
    if len(name.parts) == 3:
        return [Place(known.get(fold(name.parts[0]), name.parts[0]), name.parts[1])]
    places = [Place(path[0].database, name.parts[0])]
    if fold(name.parts[0]) in known:
        places.append(Place(known[fold(name.parts[0])], "main"))
    return places


def find(con: Native, name: ModelName, *, check_macro: bool = False) -> StoredVersion | None:
    """The version that a name means, or None when there is no such model.

    A model is gone when its macro is, by DROP MACRO or DROP SCHEMA. Looking costs several milliseconds, so it is left
    out (`check_macro`) where DuckDB will look itself. Raises ModelNotFoundError when the model is there and the version
    isn't.
    """
    databases = set(registries(con))
    for place in places_of(con, name):
        if place.database not in databases or (check_macro and not has_macro(con, place, name.name)):
            continue
        version = _version_number(name)
        query = _query("find", place.database)
        rows = engine.read(con, query, {**_keys(place, name.name), "version": version})
        if rows:
            schema, stored, number, key, signature, default = rows[0]
            return StoredVersion(
                Place(place.database, schema),
                stored,
                number,
                key,
                Signature.from_json(json.loads(signature)),
                number == default,
            )
        known = versions_of(con, place, name.name)
        if known and name.version is not None:
            raise ModelNotFoundError.version(".".join(name.parts), name.version, known)
    return None


def require(con: Native, name: ModelName) -> StoredVersion:
    """The version that a name means; raises ModelNotFoundError when there is no such model."""
    found = find(con, name, check_macro=True)
    if found is None:
        raise not_found(con, name)
    return found


def not_found(con: Native, name: ModelName) -> ModelNotFoundError:
    """The error for a name that no model has, with the nearest name that one has, written so that it can be used."""
    known = _living(con)
    close = nearest(name.name, [model for _, model in known])
    if close is None:
        return ModelNotFoundError.named(str(name), None, bool(known))
    place = next(place for place, model in known if model == close)
    path = engine.search_path(con)
    parts = [close] if place in path else [place.database, place.schema, close]
    plain = all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", part) for part in parts)
    return ModelNotFoundError.named(str(name), ".".join(parts) if plain else qualified(*parts), True)


def has_macro(con: Native, place: Place, name: str) -> bool:
    """Whether the macro that a model is used through is there."""
    return any(_is_used_through(macro, place, name) for macro in engine.macros(con, place.database))


def _is_used_through(macro: Macro, place: Place, name: str) -> bool:
    return (
        macro.kind == "macro"
        and macro.comment.startswith(_OURS)
        and fold(macro.schema) == fold(place.schema)
        and fold(macro.name) == fold(predict_macro(name))
    )


def _living(con: Native) -> list[tuple[Place, str]]:
    """Every model of every attached database whose macro is there; the macros of a database are read once."""
    stored = names(con)
    macros = {database: engine.macros(con, database) for database in {place.database for place, _ in stored}}
    return [
        (place, model)
        for place, model in stored
        if any(_is_used_through(macro, place, model) for macro in macros[place.database])
    ]


def names(con: Native) -> list[tuple[Place, str]]:
    """Every model of every attached database."""
    return [
        (Place(database, schema), name)
        for database in registries(con)
        for schema, name in engine.read(con, _query("names", database))
    ]


def versions_of(con: Native, place: Place, name: str) -> list[int]:
    """The numbers of the versions of a model."""
    query = _query("versions_of", place.database)
    return [number for (number,) in engine.read(con, query, _keys(place, name))]


def exists(con: Native, place: Place, name: str) -> bool:
    """Whether a model is there: its rows, and the macro that it is used through.

    Raises ModelExistsError when a macro that isn't a model's has a name that the model's macros would get.
    """
    is_registry = place.database in registries(con)
    stored = versions_of(con, place, name) if is_registry else []
    coming = _next_version(con, place, name) if is_registry else 1
    wanted = {fold(macro) for macro in (predict_macro(name), version_macro(name), predict_macro(name, coming))}
    macros = engine.macros(con, place.database)
    for macro in macros:
        taken = fold(macro.schema) == fold(place.schema) and fold(macro.name) in wanted
        if taken and not macro.comment.startswith(_OURS):
            raise ModelExistsError.macro(name, macro.name)
    return bool(stored) and any(_is_used_through(macro, place, name) for macro in macros)


def _next_version(con: Native, place: Place, name: str) -> int:
    """The number of the next version: one that no version of the name ever had, a dropped one included.

    So what says `name@1` somewhere, a view or a column of MODEL_VERSION, never comes to mean another model.
    """
    query = _query("last_version", place.database)
    return int(engine.read(con, query, _keys(place, name))[0][0]) + 1


def place_for(con: Native, name: ModelName) -> Place:
    """The schema that a new model of that name goes to; raises StatementError when there is no such schema."""
    places = places_of(con, name)
    for place in places if len(name.parts) > 1 else places[:1]:
        found = engine.existing(con, place)
        if found is not None:
            return found
    missing = ".".join(name.parts[:-1])
    raise StatementError(f"There is no schema or database named \"{missing}\" to create the model '{name.name}' in.")


def load(con: Native, key: str) -> bytes | None:
    """The ONNX bytes of a key in any attached database, or None."""
    for database in registries(con):
        query = _query("artifact", database)
        rows = engine.read(con, query, {"key": key})
        if rows:
            return bytes(rows[0][0])
    return None


def load_anywhere(connections: Sequence[Native], key: str) -> bytes:
    """The ONNX bytes of a key in any database that one of the connections has attached; raises ArtifactError."""
    for con in connections:
        # A connection closed meanwhile, or something wrong with one database, must not keep another from predicting.
        with contextlib.suppress(duckdb.Error), engine.beside(con) as session:
            found = load(session, key)
            if found is not None:
                return found
    raise ArtifactError.gone(key)


# What the new version would break


def require_replaceable(con: Native, place: Place, name: str, macros: Sequence[str], doing: str) -> None:
    """Raise DependentsError when a table or an index holds on to one of the macros of a model."""
    rows = engine.read(
        con,
        blocks("queries")["dependents"],
        {"database": place.database, "schema": place.schema, "functions": [macro.lower() for macro in macros]},
    )
    if rows:
        raise DependentsError.blocked(name, predict_macro(name), [f'"{row[0]}"' for row in rows], doing)


def macros_of(con: Native, stored: StoredVersion, only_this: bool) -> list[str]:
    """The macros that are dropped with a model, or with one version of it."""
    if only_this:
        return [predict_macro(stored.name, stored.version)]
    versions = versions_of(con, stored.place, stored.name)
    numbered = [predict_macro(stored.name, version) for version in versions]
    return [*numbered, predict_macro(stored.name), version_macro(stored.name)]


def views_that_would_break(con: Native, stored: StoredVersion, signature: Signature) -> list[str]:
    """The views over a model that would no longer work if its default version took this signature.

    Those that no longer bind, tried out in a transaction that is rolled back; and, for another target, all of them:
    their columns bear the name of the old one. `con` is a session of its own, outside a transaction.
    """
    views = views_over(con, stored.place, stored.name)
    if fold(stored.signature.target.name) != fold(signature.target.name):
        return views
    change = _macros(stored.place, stored.name, None, signature, "0" * 64)
    return [
        view for view in views if _binds(con, [f"DESCRIBE {view}"]) and not _binds(con, [*change, f"DESCRIBE {view}"])
    ]


def views_over(con: Native, place: Place, name: str) -> list[str]:
    """The views, in any database, whose text names the macro of a model or a macro over it."""
    bodies = engine.read(con, blocks("queries")["macro_bodies"])
    over, found = {predict_macro(name)}, {predict_macro(name)}
    while found:
        found = {macro for macro, body in bodies if macro not in over and any(fold(m) in fold(body) for m in found)}
        over |= found
    views = engine.read(con, blocks("queries")["views"])
    return [
        qualified(database, schema, view)
        for database, schema, view, sql in views
        if any(fold(macro) in fold(sql) for macro in over)
    ]


def _binds(con: Native, statements: Sequence[str]) -> bool:
    """Whether every statement can be bound, in a transaction that is rolled back.

    Another session that replaces the same model just now keeps this one from trying: then nothing speaks against it.
    """
    engine.write(con, "BEGIN")
    try:
        for statement in statements:
            engine.write(con, statement)
    except (duckdb.BinderException, duckdb.CatalogException):
        return False
    except duckdb.TransactionException:
        return True
    else:
        return True
    finally:
        engine.write(con, "ROLLBACK")


# Writing


def claim(con: Native, place: Place, name: str) -> None:
    """Take the name of a model for the open transaction, so that another one that wants it fails at once."""
    _create_registry(con, place.database)
    if versions_of(con, place, name):
        engine.write(con, _write_block("claim", place.database), _keys(place, name))
    else:
        macro = qualified(place.database, place.schema, predict_macro(name))
        engine.write(con, f"CREATE MACRO {macro}() AS error('This model is being trained.')")
        engine.write(con, f"COMMENT ON MACRO {macro} IS {literal(_OURS + 'being trained')}")


def release(con: Native, place: Place, name: str) -> None:
    """Undo a claim when training has failed."""
    if not versions_of(con, place, name):
        engine.write(con, f"DROP MACRO {qualified(place.database, place.schema, predict_macro(name))}")


def save(con: Native, place: Place, name: str, new: NewVersion, *, add_version: bool, make_default: bool) -> int:
    """Store a version with its macros in the open transaction; the number that it got.

    Without `add_version` it must be the first: raises ModelExistsError when another session has created the model
    since this one looked.
    """
    _create_registry(con, place.database)
    if exists(con, place, name):
        if not add_version:
            raise ModelExistsError.model(name)
    else:
        _forget(con, place, name)  # what is left of a model whose macros were dropped
    known = versions_of(con, place, name)
    version = _next_version(con, place, name)
    keys = {**_keys(place, name), "version": version}

    def write(block: str, values: dict[str, Any]) -> None:
        engine.write(con, _write_block(block, place.database), values)

    write("insert_artifact", {"key": new.key, "onnx": new.onnx})
    write("insert_model", {**keys, "schema_name": place.schema, "name": name, "created_at": _now()})
    write("insert_version", {**keys, **_version_values(new)})
    write("insert_training_info", {**keys, **_columns(new.iterations)})
    feature_rows = _columns(new.statistics)
    positions = list(range(1, len(new.statistics) + 1))
    write("insert_feature_info", {**keys, **feature_rows, "position": positions, "dimension": list(new.dimensions)})
    _record(con, place, name, version, "created")
    statements = _macros(place, name, version, new.signature, new.key)
    if make_default or not known:
        statements += _macros(place, name, None, new.signature, new.key) + _version_macro(place, name, version)
        write("set_default", keys)
        _record(con, place, name, version, "default changed")
    for statement in statements:
        engine.write(con, statement)
    return version


def drop(con: Native, stored: StoredVersion, only_this: bool) -> None:
    """Remove a model, or one version of it, in the open transaction."""
    place, name = stored.place, stored.name
    for macro in macros_of(con, stored, only_this):
        function = qualified(place.database, place.schema, macro)
        engine.write(con, f"DROP MACRO IF EXISTS {function}")
        engine.write(con, f"DROP MACRO TABLE IF EXISTS {function}")
    _forget(con, place, name, stored.version if only_this else None)
    _record(con, place, name, stored.version if only_this else None, "dropped")


def _forget(con: Native, place: Place, name: str, version: int | None = None) -> None:
    """Delete what the registry knows of a version, or of a whole model, and the artifacts that nobody needs."""
    values: dict[str, Any] = dict(_keys(place, name))
    condition = "schema_key = $schema_key AND name_key = $name_key"
    tables = ["model_version", "training_info", "feature_info"]
    if version is None:
        tables.append("model")
    else:
        condition += " AND version = $version"
        values["version"] = version
    for table in tables:
        engine.write(con, f"DELETE FROM {quote(place.database)}._duckml.{table} WHERE {condition}", values)
    engine.write(con, _write_block("delete_artifacts", place.database))


def _record(con: Native, place: Place, name: str, version: int | None, action: str) -> None:
    """Add a line to the history of the models of a database."""
    engine.write(
        con,
        _write_block("insert_event", place.database),
        {
            "at": _now(),
            "who": engine.user_name(),
            "schema_name": place.schema,
            "name": name,
            "version": version,
            "action": action,
        },
    )


def _now() -> datetime.datetime:
    """The time in UTC, as a TIMESTAMP: the Python package of DuckDB needs another one to fetch times with a zone."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


def created_query(place: Place, name: str, version: int) -> str:
    """The query whose one row is the answer of CREATE MODEL."""
    return blocks("queries")["created"].format(
        database=quote(place.database),
        name_literal=literal(name),
        schema_key=literal(fold(place.schema)),
        name_key=literal(fold(name)),
        version=version,
    )


def _create_registry(con: Native, database: str) -> None:
    if database in registries(con):
        return
    for block in blocks("schema").values():
        engine.write(con, block.format(database=quote(database)))
    engine.write(con, blocks("comments")["comments"].format(database=quote(database)))
    engine.write(con, f"INSERT INTO {quote(database)}._duckml.format VALUES ({FORMAT})")


def _keys(place: Place, name: str) -> dict[str, str]:
    return {"schema_key": fold(place.schema), "name_key": fold(name)}


def _version_number(name: ModelName) -> int | None:
    """The version that a name carries; an alias, which no model can have yet, is a version that doesn't exist."""
    if name.version is None:
        return None
    return int(name.version) if name.version.isascii() and name.version.isdigit() and len(name.version) < 9 else -1


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
        "options": json.dumps(new.options, ensure_ascii=False, default=repr),
        "params": json.dumps(new.params, ensure_ascii=False, default=repr),
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
        "created_by": engine.user_name(),
    }


def _macros(place: Place, name: str, version: int | None, signature: Signature, key: str) -> list[str]:
    """The statements that make the macros of a version: by name and typed, of a whole row, and over a table.

    Their bodies name nothing but the function of the engine, so that they work when the file is renamed or attached
    under another name.
    """
    macro = qualified(place.database, place.schema, predict_macro(name, version))
    by_name = prediction_call(key, (f.stored_as(quote(f.name)) for f in signature.features))
    of_row = prediction_call(key, (f.stored_as(f"{_ROW}.{quote(f.name)}") for f in signature.features))
    over_table = with_prediction(
        _ROW, of_row, quote(signature.target.prediction), f"query_table(input_table) AS {_ROW}"
    )
    comment = literal(f"{_OURS}{signature.target.name} from {', '.join(signature.names)}")
    return [
        f"CREATE OR REPLACE MACRO {macro}({parameters(signature)}) AS {by_name}, ({_ROW}) AS {of_row}",
        f"CREATE OR REPLACE MACRO {macro}(input_table) AS TABLE {over_table}",
        f"COMMENT ON MACRO {macro} IS {comment}",
        f"COMMENT ON MACRO TABLE {macro} IS {comment}",
    ]


def _version_macro(place: Place, name: str, version: int) -> list[str]:
    """The statements that make the macro that answers the default version."""
    macro = qualified(place.database, place.schema, version_macro(name))
    return [
        f"CREATE OR REPLACE MACRO {macro}() AS {literal(f'{place.schema}.{name}@{version}')}",
        f"COMMENT ON MACRO {macro} IS {literal(f'{_OURS}the version that predict_{name} means')}",
    ]
