"""The models of a database: where they are, what is known of them, and how they are stored.

They lie in the schema `_duckml` of the database that they belong to, and are used through macros in the schema of the
model: `predict_<model>` for the default version, `predict_<model>@<tag>` for each version and alias, `predict_proba_…`
for the probabilities of a classifier, `model_version_<model>` for the version meant.
Reading never writes. Writing is done in a transaction that the caller has opened, so that a model is there whole or
not at all.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from duckml import engine
from duckml.engine import Macro, Native, Place
from duckml.errors import (
    ArtifactError,
    ConflictError,
    DependentsError,
    ModelExistsError,
    ModelNotFoundError,
    RegistryFormatError,
    StatementError,
)
from duckml.estimators.trained import FeatureStatistics, Iteration, ModelWarning, Weight
from duckml.names import fold, literal, nearest, qualified, quote
from duckml.serving import (
    output_columns,
    predict_macro,
    prediction,
    probabilities,
    probabilities_macro,
    version_macro,
    with_columns,
)
from duckml.signature import Signature, parameters
from duckml.sql import blocks
from duckml.statements import ModelName, Resolved

FORMAT = 2
_ROW = '"__duckml_row"'  # the parameter of the macros that take a whole row or a table
_OURS = engine.OURS


@dataclass(frozen=True)
class StoredVersion:
    """A version as the registry knows it; `is_default` says whether PREDICT means it without an @."""

    place: Place
    name: str
    version: int
    key: str
    signature: Signature
    is_default: bool
    registry_format: int

    def resolved(self, tag: str | None) -> Resolved:
        """What a call that names this model means: a version or alias, or with None whichever is the default then."""
        return Resolved(
            self.place.database,
            self.place.schema,
            self.name,
            tag,
            self.version,
            self.signature,
            self.key,
            self.registry_format,
        )


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


def _query(block: str, database: str) -> str:
    """A named query on the registry of a database."""
    return blocks("queries")[block].format(database=quote(database))


def _write_block(block: str, database: str) -> str:
    """A named write to the registry of a database."""
    return blocks("writes")[block].format(database=quote(database))


# Reading


def registries(con: Native) -> dict[str, int]:
    """The attached databases that hold models, and the format of each registry; not those of a newer duckml."""
    return {database: number for database, number in _formats(con).items() if number <= FORMAT}


def _formats(con: Native) -> dict[str, int]:
    found = {}
    for (database,) in engine.read(con, blocks("queries")["registries"]):
        [(version,)] = engine.read(con, _query("format", database))
        found[database] = version or FORMAT
    return found


def _require_known_format(database: str, formats: Mapping[str, int]) -> None:
    """Raise RegistryFormatError for a registry that a newer duckml has written."""
    if formats.get(database, 0) > FORMAT:
        raise RegistryFormatError.newer(database, formats[database], FORMAT)


def places_of(con: Native, name: ModelName) -> list[Place]:
    """Where a model of that name may live, in the order in which DuckDB would look for a table of the name."""
    path = engine.search_path(con)
    if len(name.parts) == 1:
        return path
    known = {fold(database): database for database in engine.databases(con)}
    if len(name.parts) == 3 and fold(name.parts[0]) not in known and fold(name.parts[0]) not in {"temp", "system"}:
        # Tools that qualify columns put the alias of a table before a model's name, as they would before a column's.
        return places_of(con, ModelName(name.parts[1:], name.tag))
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
    or alias isn't.
    """
    formats = _formats(con)
    for place in places_of(con, name):
        _require_known_format(place.database, formats)
        if place.database not in formats or (check_macro and not has_macro(con, place, name.name)):
            continue
        version = _version_number(con, place, name, formats[place.database])
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
                formats[place.database],
            )
        known = versions_of(con, place, name.name)
        if known and name.tag is not None:
            shown = name.parts if len(name.parts) < 3 else name.parts[2:]
            raise ModelNotFoundError.version(".".join(shown), name.tag, known, list(aliases_of(con, place, name.name)))
    return None


def _version_number(con: Native, place: Place, name: ModelName, registry_format: int) -> int | None:
    """The version that a name carries as a number or an alias: None for none, -1 for one that isn't there."""
    if name.tag is None:
        return None
    if name.tag.isascii() and name.tag.isdigit():
        return int(name.tag) if len(name.tag) < 9 else -1
    aliases = _aliases(con, place, name.name) if registry_format >= 2 else {}
    return next((version for alias, version in aliases.items() if fold(alias) == fold(name.tag)), -1)


def aliases_of(con: Native, place: Place, name: str) -> dict[str, int]:
    """The aliases of a model and the version of each."""
    return _aliases(con, place, name) if registries(con).get(place.database, 1) >= 2 else {}


def _aliases(con: Native, place: Place, name: str) -> dict[str, int]:
    return dict(engine.read(con, _query("aliases", place.database), _keys(place, name)))


def require(con: Native, name: ModelName) -> StoredVersion:
    """The version that a name means; raises ModelNotFoundError when there is no such model."""
    found = find(con, name, check_macro=True)
    if found is None:
        raise not_found(con, name)
    return found


def not_found(con: Native, name: ModelName) -> ModelNotFoundError:
    """The error for a name that no model has, with the nearest name that one has, written so that it can be used."""
    known = living(con)
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
        and macro.is_ours
        and fold(macro.schema) == fold(place.schema)
        and fold(macro.name) == fold(predict_macro(name))
    )


def living(con: Native) -> list[tuple[Place, str]]:
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
    formats = _formats(con)
    _require_known_format(place.database, formats)
    is_registry = place.database in formats
    stored = versions_of(con, place, name) if is_registry else []
    coming = _next_version(con, place, name) if is_registry else 1
    own = (predict_macro(name), version_macro(name), probabilities_macro(name))
    wanted = {fold(macro) for macro in (*own, predict_macro(name, coming), probabilities_macro(name, coming))}
    macros = engine.macros(con, place.database)
    for other in _names_in(con, place) if is_registry else []:
        entangled = wanted & {fold(predict_macro(other)), fold(probabilities_macro(other))}
        if fold(other) != fold(name) and entangled and any(_is_used_through(macro, place, other) for macro in macros):
            raise ModelExistsError.entangled(name, other)
    for macro in macros:
        taken = fold(macro.schema) == fold(place.schema) and fold(macro.name) in wanted
        if taken and not macro.is_ours:
            raise ModelExistsError.macro(name, macro.name)
    return bool(stored) and any(_is_used_through(macro, place, name) for macro in macros)


def _names_in(con: Native, place: Place) -> list[str]:
    """The models of a schema."""
    rows = engine.read(con, _query("names", place.database))
    return [name for schema, name in rows if fold(schema) == fold(place.schema)]


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
            if found.database in {"temp", "system"}:
                raise StatementError(f"A model is stored in a database file: '{found.database}' can't hold one.")
            return found
    missing = ".".join(name.parts[:-1])
    raise StatementError(f"There is no schema or database named \"{missing}\" to create the model '{name.name}' in.")


def version_row(con: Native, stored: StoredVersion) -> dict[str, Any]:
    """Everything that is stored of a version, by column."""
    values = {**_keys(stored.place, stored.name), "version": stored.version}
    return engine.read_row(con, _query("version", stored.place.database), values)


def background_rows(con: Native, stored: StoredVersion) -> list[tuple[str, str]]:
    """The rows that were kept with a version, features and answer as JSON; none in a registry of format 1."""
    if stored.registry_format < 2:
        return []
    values = {**_keys(stored.place, stored.name), "version": stored.version}
    return [(row[0], row[1]) for row in engine.read(con, _query("background_rows", stored.place.database), values)]


def missing_macros(con: Native, stored: StoredVersion) -> list[str]:
    """The macros of a version, its aliases and the default included, which are gone or are no model's any more."""
    aliases = aliases_of(con, stored.place, stored.name)
    tags: list[str | int | None] = [
        stored.version,
        *(fold(a) for a, number in aliases.items() if number == stored.version),
    ]
    tags += [None] if stored.is_default else []
    wanted = [macro for tag in tags for macro in macro_names(stored.name, tag)]
    if stored.signature.target.labels is None:
        of_classes = {probabilities_macro(stored.name, tag) for tag in tags}
        wanted = [macro for macro in wanted if macro not in of_classes]
    there = {
        fold(macro.name)
        for macro in engine.macros(con, stored.place.database)
        if macro.kind == "macro" and macro.is_ours and fold(macro.schema) == fold(stored.place.schema)
    }
    return [macro for macro in wanted if fold(macro) not in there]


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
    found = dependents(con, place, macros)
    if found:
        raise DependentsError.blocked(name, predict_macro(name), [f'"{dependent}"' for dependent in found], doing)


def dependents(con: Native, place: Place, macros: Sequence[str]) -> list[str]:
    """The tables and indexes that hold on to one of the macros."""
    query = blocks("queries")["dependents"]
    values = {"database": place.database, "schema": place.schema, "functions": [macro.lower() for macro in macros]}
    if engine.search_path(con)[0].database == place.database:
        return [row[0] for row in engine.read(con, query, values)]
    with engine.beside(con) as session:  # DuckDB tells the dependencies of the current database only
        engine.write(session, f"USE {quote(place.database)}")
        return [row[0] for row in engine.read(session, query, values)]


def macros_of(con: Native, place: Place, name: str, version: int | None = None) -> list[str]:
    """The macros of a model, or of one version of it."""
    if version is not None:
        return macro_names(name, version)
    tags: list[str | int | None] = [None, *versions_of(con, place, name), *aliases_of(con, place, name)]
    return [macro for tag in tags for macro in macro_names(name, tag)]


def require_free(con: Native, place: Place, name: str, macros: Sequence[str]) -> None:
    """Raise ModelExistsError when a macro of the user's has a name that a macro of the model would get."""
    wanted = {fold(macro) for macro in macros}
    for macro in engine.macros(con, place.database):
        if fold(macro.schema) == fold(place.schema) and fold(macro.name) in wanted and not macro.is_ours:
            raise ModelExistsError.macro(name, macro.name)


def macro_names(name: str, tag: str | int | None) -> list[str]:
    """The macros of the default of a model, of a version or of an alias."""
    of_version = [] if isinstance(tag, int) else [version_macro(name, tag)]
    return [predict_macro(name, tag), probabilities_macro(name, tag), *of_version]


def views_that_would_break(
    con: Native, stored: StoredVersion, signature: Signature, alias: str | None = None
) -> list[str]:
    """The views over a model that would no longer work if its default version, or an alias, took this signature.

    Those that no longer bind, tried out in a transaction that is rolled back; and, for another target, all of them:
    their columns bear the name of the old one. `con` is a session of its own, outside a transaction.
    """
    views = views_over(con, macro_names(stored.name, alias))
    before, after = stored.signature.target, signature.target
    if fold(before.name) != fold(after.name) or (before.labels is None) != (after.labels is None):
        return views
    change = _macros(stored.place, stored.name, alias, signature, "0" * 64)
    return [
        view for view in views if _binds(con, [f"DESCRIBE {view}"]) and not _binds(con, [*change, f"DESCRIBE {view}"])
    ]


def views_over(con: Native, macros: Sequence[str]) -> list[str]:
    """The views, in any database, whose text names one of the macros or a macro over them."""
    bodies = engine.read(con, blocks("queries")["macro_bodies"])
    over, found = set(macros), set(macros)
    while found:
        named = _naming(found)
        found = {macro for macro, body in bodies if macro not in over and named.search(fold(body))}
        over |= found
    views = engine.read(con, blocks("queries")["views"])
    named = _naming(over)
    return [qualified(database, schema, view) for database, schema, view, sql in views if named.search(fold(sql))]


def relying_on(con: Native, place: Place, macros: Sequence[str], inside: bool) -> list[str]:
    """The views, and macros of the user's, that would no longer work without some macros of a model.

    Views are tried out without them, in a transaction that is rolled back; `inside` the user's own transaction the text
    of a view decides.
    """
    bodies = engine.read(con, blocks("queries")["macro_bodies"])
    named = _naming(macros)
    using = [f"macro {quote(macro)}" for macro, body in bodies if named.search(fold(body)) and macro not in macros]
    views = views_over(con, macros)
    if inside or not views:
        return [*views, *dict.fromkeys(using)]
    functions = [qualified(place.database, place.schema, macro) for macro in macros]
    gone = [f"DROP MACRO {kind}IF EXISTS {function}" for function in functions for kind in ("", "TABLE ")]
    with engine.beside(con) as session:
        needing = [
            view
            for view in views
            if _binds(session, [f"DESCRIBE {view}"]) and not _binds(session, [*gone, f"DESCRIBE {view}"])
        ]
    return [*needing, *dict.fromkeys(using)]


def has_past(con: Native, place: Place, name: str, heir: str) -> bool:
    """Whether versions of a name that no model has now were ever used, other than by the model that is `heir` to it."""
    rows = engine.read(con, _query("past", place.database), _keys(place, name))
    if not rows:
        return False
    last = max((i for i, (action,) in enumerate(rows) if action.startswith("renamed to ")), default=None)
    is_heirs = last is not None and rows[last][0] == f"renamed to {heir}"
    return not is_heirs or any(not action.startswith("renamed to ") for (action,) in rows[(last or 0) + 1 :])


def _naming(macros: Iterable[str]) -> re.Pattern[str]:
    """What finds one of the macros in a folded text: the whole name, and not the beginning of another one."""
    spelt = {form for macro in macros for form in (fold(macro), fold(macro).replace('"', '""'))}
    return re.compile("|".join(rf"(?<![\w@]){re.escape(macro)}(?![\w@])" for macro in sorted(spelt)))


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
        _touch(con, place, name)
    else:
        macro = qualified(place.database, place.schema, predict_macro(name))
        engine.write(con, f"CREATE MACRO {macro}() AS error('This model is being trained.')")
        engine.write(con, f"COMMENT ON MACRO {macro} IS {literal(_OURS + 'being trained')}")


def _touch(con: Native, place: Place, name: str) -> None:
    """Count a change in the row of a model: two transactions that change one model then collide."""
    engine.write(con, _write_block("claim", place.database), _keys(place, name))


def _require_still_there(con: Native, stored: StoredVersion) -> None:
    """Raise ModelNotFoundError when a version has been dropped since it was looked up."""
    known = versions_of(con, stored.place, stored.name)
    if stored.version not in known:
        raise ModelNotFoundError.version(stored.name, str(stored.version), known, [])


def release(con: Native, place: Place, name: str) -> None:
    """Undo a claim when training has failed."""
    if not versions_of(con, place, name):
        engine.write(con, f"DROP MACRO {qualified(place.database, place.schema, predict_macro(name))}")


def save(con: Native, place: Place, name: str, new: NewVersion, *, add_version: bool, make_default: bool) -> int:
    """Store a version with its macros in the open transaction; the number that it got.

    Without `add_version` it must be the first: raises ModelExistsError when another session has created the model
    since this one looked.
    """
    version, is_first = _next(con, place, name, add_version)
    keys = {**_keys(place, name), "version": version}

    def write(block: str, values: dict[str, Any]) -> None:
        engine.write(con, _write_block(block, place.database), {**keys, **values})

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


def copy(con: Native, stored: StoredVersion, place: Place, name: str, *, add_version: bool, make_default: bool) -> int:
    """Store a version of another model, perhaps of another database, as one of this model; the number that it got."""
    version, is_first = _next(con, place, name, add_version)
    values = {**_keys(place, name), "version": version, "at": _now()}
    source = f"{quote(stored.place.database)}._duckml"
    where = f"schema_key = {literal(fold(stored.place.schema))} AND name_key = {literal(fold(stored.name))}"
    _require_still_there(con, stored)
    origin = f"copied from {stored.place.database}.{stored.place.schema}.{stored.name}@{stored.version}"
    to = f"INSERT INTO {quote(place.database)}._duckml"
    onnx = load(con, stored.key)
    if onnx is None:
        raise ArtifactError.gone(stored.key)
    _keep_artifact(con, place.database, stored.key, onnx)
    source_format = registries(con)[stored.place.database]  # which may have been brought up to date just now
    before = "'trained'" if source_format < 2 else "lineage"
    path = json.loads(version_row(con, stored).get("search_path") or "[]")
    if len(path) == 1 and stored.place.database != place.database:
        path = [stored.place.database, *path]  # the tables stay where they are
    searched = "" if source_format < 2 else "search_path, "
    replaced = "$schema_key AS schema_key, $name_key AS name_key, $version AS version"
    lineage = "" if source_format < 2 else "lineage, "
    engine.write(
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
        engine.write(
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
    if engine.read(con, _query("has_artifact", database), {"key": key}):
        engine.write(con, _write_block("touch_artifact", database), {"key": key})
    else:
        engine.write(con, _write_block("insert_artifact", database), {"key": key, "onnx": onnx})


def _next(con: Native, place: Place, name: str, add_version: bool) -> tuple[int, bool]:
    """The number of the version to come, and whether it is the first; the model itself has a row afterwards."""
    _create_registry(con, place.database)
    if exists(con, place, name):
        if not add_version:
            raise ModelExistsError.model(name)
    else:  # what is left of a model whose macro was dropped
        _drop_macros(con, place, [macro for macro in macros_of(con, place, name) if macro != predict_macro(name)])
        _forget(con, place, name)
    is_first = not versions_of(con, place, name)
    version = _next_version(con, place, name)
    engine.write(
        con,
        _write_block("insert_model", place.database),
        {**_keys(place, name), "version": version, "schema_name": place.schema, "name": name, "created_at": _now()},
    )
    return version, is_first


def _publish(
    con: Native, place: Place, name: str, version: int, signature: Signature, key: str, make_default: bool
) -> None:
    """Make the macros of a version, and those of the default."""
    statements = _macros(place, name, version, signature, key)
    if make_default:
        statements += [*_macros(place, name, None, signature, key), *_version_macro(place, name, None, version)]
        engine.write(con, _write_block("set_default", place.database), {**_keys(place, name), "version": version})
    for statement in statements:
        engine.write(con, statement)


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
    keys = {**_keys(place, name), "alias_key": fold(alias)}
    engine.write(con, _write_block("delete_alias", place.database), keys)
    engine.write(con, _write_block("insert_alias", place.database), {**keys, "alias": alias, "version": version})
    alias = fold(alias)
    statements = _macros(place, name, alias, stored.signature, stored.key)
    for statement in [*statements, *_version_macro(place, name, alias, version)]:
        engine.write(con, statement)
    _record(con, place, name, version, f"alias {alias} set")


def drop_alias(con: Native, stored: StoredVersion, alias: str) -> None:
    """Take an alias away, in the open transaction; `stored` is the version that it means."""
    place, name = stored.place, stored.name
    _touch(con, place, name)
    keys = {**_keys(place, name), "alias_key": fold(alias)}
    engine.write(con, _write_block("delete_alias", place.database), keys)
    _drop_macros(con, place, macro_names(name, fold(alias)))
    _record(con, place, name, stored.version, f"alias {fold(alias)} dropped")


def set_notes(con: Native, stored: StoredVersion, notes: dict[str, Any]) -> None:
    """Change the description and the tags of a version, in the open transaction."""
    place = stored.place
    _create_registry(con, place.database)
    _touch(con, place, stored.name)
    _require_still_there(con, stored)
    keys = {**_keys(place, stored.name), "version": stored.version}
    known = engine.read_row(con, _query("version", place.database), keys)
    values = {name: notes.get(name, known[name]) for name in ("description", "tags")}
    engine.write(con, _write_block("set_options", place.database), {**keys, **values})
    _record(con, place, stored.name, stored.version, f"options changed: {', '.join(notes)}")


def rename(con: Native, stored: StoredVersion, new_name: str) -> None:
    """Give a model another name, in the open transaction: its rows, and all of its macros anew."""
    place, name = stored.place, stored.name
    _create_registry(con, place.database)
    _touch(con, place, name)
    versions = {number: require(con, _named(place, name, str(number))) for number in versions_of(con, place, name)}
    aliases = aliases_of(con, place, name)
    default = require(con, _named(place, name, None)).version
    used = _next_version(con, place, name) - 1
    if fold(new_name) != fold(name):
        if exists(con, place, new_name):
            raise ModelExistsError.model(new_name)
        tags: list[str | int | None] = [None, *versions, *(fold(alias) for alias in aliases)]
        require_free(con, place, new_name, [macro for tag in tags for macro in macro_names(new_name, tag)])
    _drop_macros(con, place, macros_of(con, place, name))
    for table in ("model", "alias", *_TABLES):
        engine.write(
            con,
            f"UPDATE {quote(place.database)}._duckml.{table} SET name_key = $new "
            "WHERE schema_key = $schema_key AND name_key = $name_key",
            {**_keys(place, name), "new": fold(new_name)},
        )
    engine.write(
        con,
        f"UPDATE {quote(place.database)}._duckml.model SET name = $name "
        "WHERE schema_key = $schema_key AND name_key = $name_key",
        {**_keys(place, new_name), "name": new_name},
    )
    for number, version in versions.items():
        _publish(con, place, new_name, number, version.signature, version.key, number == default)
    for alias, number in aliases.items():
        version, tag = versions[number], fold(alias)
        statements = _macros(place, new_name, tag, version.signature, version.key)
        for statement in [*statements, *_version_macro(place, new_name, tag, number)]:
            engine.write(con, statement)
    # The history of the new name begins with the highest number, so that none is ever used again.
    _record(con, place, name, None, f"renamed to {new_name}")
    _record(con, place, new_name, used, f"renamed from {name}")


def _named(place: Place, name: str, tag: str | None) -> ModelName:
    return ModelName((place.database, place.schema, name), tag)


def drop(con: Native, stored: StoredVersion, only_this: bool, expected: Sequence[int] | None = None) -> None:
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
    _drop_macros(con, place, macros_of(con, place, name, stored.version if only_this else None))
    _forget(con, place, name, stored.version if only_this else None)
    _record(con, place, name, stored.version if only_this else None, "dropped")


def outlived(con: Native, place: Place, name: str, kept: int) -> list[StoredVersion]:
    """The versions beyond the newest `kept` that nothing refers to: no default, no alias, no view, no table."""
    aliased = set(aliases_of(con, place, name).values())
    older = versions_of(con, place, name)[:-kept]
    found = [require(con, _named(place, name, str(number))) for number in older if number not in aliased]
    return [
        version
        for version in found
        if not version.is_default
        and not relying_on(con, place, macro_names(name, version.version), inside=True)
        and not dependents(con, place, macro_names(name, version.version))
    ]


def _drop_macros(con: Native, place: Place, macros: Sequence[str]) -> None:
    for macro in macros:
        function = qualified(place.database, place.schema, macro)
        engine.write(con, f"DROP MACRO IF EXISTS {function}")
        engine.write(con, f"DROP MACRO TABLE IF EXISTS {function}")


# The tables that hold rows of a version, without the version itself. The first two are those of format 1.
_VERSION_TABLES = ("training_info", "feature_info", "weight", "confusion_matrix", "roc_curve", "background_row")
_TABLES = ("model_version", *_VERSION_TABLES)


def _forget(con: Native, place: Place, name: str, version: int | None = None) -> None:
    """Delete what the registry knows of a version, or of a whole model, and the artifacts that nobody needs."""
    _create_registry(con, place.database)
    values: dict[str, Any] = dict(_keys(place, name))
    condition = "schema_key = $schema_key AND name_key = $name_key"
    tables = [*_TABLES]
    if version is None:
        tables += ["alias", "model"]
    else:
        condition += " AND version = $version"
        values["version"] = version
    for table in tables:
        engine.write(con, f"DELETE FROM {quote(place.database)}._duckml.{table} WHERE {condition}", values)
    # DuckDB lets one transaction delete a row that another one updates; two updates collide.
    engine.write(con, _write_block("claim_artifacts", place.database))
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
    """Make the tables of the registry, or bring those of an older format up to date."""
    found = registries(con).get(database)
    if found == FORMAT:
        return
    name = quote(database)
    for number in range((found or FORMAT) + 1, FORMAT + 1):
        engine.write(con, blocks("migrations")[str(number)].format(database=name))
    for block in blocks("schema").values():
        engine.write(con, block.format(database=name))
    engine.write(con, blocks("comments")["comments"].format(database=name))
    engine.write(con, f"DELETE FROM {name}._duckml.format")
    engine.write(con, f"INSERT INTO {name}._duckml.format VALUES ({FORMAT})")


def _keys(place: Place, name: str) -> dict[str, str]:
    return {"schema_key": fold(place.schema), "name_key": fold(name)}


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
        "created_by": engine.user_name(),
        "lineage": new.lineage,
        "search_path": new.search_path,
        "source_columns": new.source_columns,
        "random_state": new.random_state,
        "split": new.split,
    }


def _macros(place: Place, name: str, tag: str | int | None, signature: Signature, key: str) -> list[str]:
    """The statements that make the macros of a version: by name and typed, of a whole row, and over a table.

    Their bodies name nothing but the functions of the engine, so that they work when the file is renamed or attached
    under another name.
    """
    by_name = {column.name: quote(column.name) for column in signature.inputs}
    of_row = {column.name: f"{_ROW}.{quote(column.name)}" for column in signature.inputs}
    columns = output_columns(
        signature.target, prediction(signature, key, of_row), probabilities(signature, key, of_row)
    )
    over_table = with_columns(_ROW, columns, f"query_table(input_table) AS {_ROW}")
    comment = f"{signature.target.name} from {', '.join(signature.input_names)}"

    def scalar(macro: str, body: Callable[[Signature, str, dict[str, str]], str]) -> list[str]:
        function = qualified(place.database, place.schema, macro)
        return [
            f"CREATE OR REPLACE MACRO {function}({parameters(signature)}) AS {body(signature, key, by_name)}, "
            f"({_ROW}) AS {body(signature, key, of_row)}",
            f"COMMENT ON MACRO {function} IS {literal(_OURS + comment)}",
        ]

    macro = qualified(place.database, place.schema, predict_macro(name, tag))
    with_probabilities = probabilities_macro(name, tag)
    if signature.target.labels is not None:
        of_classes = scalar(with_probabilities, probabilities)
    else:
        of_classes = [f"DROP MACRO IF EXISTS {qualified(place.database, place.schema, with_probabilities)}"]
    return [
        *scalar(predict_macro(name, tag), prediction),
        f"CREATE OR REPLACE MACRO {macro}(input_table) AS TABLE {over_table}",
        f"COMMENT ON MACRO TABLE {macro} IS {literal(_OURS + comment)}",
        *of_classes,
    ]


def _version_macro(place: Place, name: str, tag: str | None, version: int) -> list[str]:
    """The statements that make the macro that answers the version which the default, or an alias, is."""
    macro = qualified(place.database, place.schema, version_macro(name, tag))
    return [
        f"CREATE OR REPLACE MACRO {macro}() AS {literal(f'{place.schema}.{name}@{version}')}",
        f"COMMENT ON MACRO {macro} IS {literal(f'{_OURS}the version that {predict_macro(name, tag)} means')}",
    ]
