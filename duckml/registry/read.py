"""The models of a database, read: where they are and what is known of them.

They lie in the schema `_duckml` of the database that they belong to, and are used through macros in the schema of the
model (macros.py). What writes is in storing.py.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from duckml.artifacts import key_of
from duckml.database import catalog, search_path, sessions
from duckml.database.catalog import Macro
from duckml.database.search_path import Place
from duckml.database.sessions import Native
from duckml.errors import (
    ArtifactError,
    ModelExistsError,
    ModelNotFoundError,
    RegistryFormatError,
    StatementError,
)
from duckml.features.signature import Signature
from duckml.language.prediction_sql import (
    predict_macro,
    probabilities_macro,
    version_macro,
)
from duckml.language.syntax import ModelName, Resolved
from duckml.names import fold, literal, nearest, qualified, quote
from duckml.registry.macros import macro_names, require_free
from duckml.sql import blocks

FORMAT = 2


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


def query_of(block: str, database: str) -> str:
    """A named query on the registry of a database."""
    return blocks("queries")[block].format(database=quote(database))


def registries(con: Native) -> dict[str, int]:
    """The attached databases that hold models, and the format of each registry; not those of a newer duckml."""
    return {database: number for database, number in _formats(con).items() if number <= FORMAT}


def _formats(con: Native) -> dict[str, int]:
    found = {}
    for (database,) in sessions.read(con, blocks("queries")["registries"]):
        [(version,)] = sessions.read(con, query_of("format", database))
        found[database] = version or FORMAT
    return found


def _require_known_format(database: str, formats: Mapping[str, int]) -> None:
    """Raise RegistryFormatError for a registry that a newer duckml has written."""
    if formats.get(database, 0) > FORMAT:
        raise RegistryFormatError.newer(database, formats[database], FORMAT)


def places_of(con: Native, name: ModelName) -> list[Place]:
    """Where a model of that name may live, in the order in which DuckDB would look for a table of the name."""
    path = search_path.search_path(con)
    if len(name.parts) == 1:
        return path
    known = {fold(database): database for database in catalog.databases(con)}
    if (
        len(name.parts) == 3
        and fold(name.parts[0]) not in known
        and fold(name.parts[0]) not in {"temp", "system"}
    ):
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
        query = query_of("find", place.database)
        rows = sessions.read(con, query, {**keys_of(place, name.name), "version": version})
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
            raise ModelNotFoundError.version(
                ".".join(shown), name.tag, known, list(aliases_of(con, place, name.name))
            )
    return None


def _version_number(con: Native, place: Place, name: ModelName, registry_format: int) -> int | None:
    """The version that a name carries as a number or an alias: None for none, -1 for one that isn't there."""
    if name.tag is None:
        return None
    if name.tag.isascii() and name.tag.isdigit():
        return int(name.tag) if len(name.tag) < 9 else -1
    aliases = _aliases(con, place, name.name) if registry_format >= 2 else {}
    return next(
        (version for alias, version in aliases.items() if fold(alias) == fold(name.tag)), -1
    )


def aliases_of(con: Native, place: Place, name: str) -> dict[str, int]:
    """The aliases of a model and the version of each."""
    return _aliases(con, place, name) if registries(con).get(place.database, 1) >= 2 else {}


def _aliases(con: Native, place: Place, name: str) -> dict[str, int]:
    return dict(sessions.read(con, query_of("aliases", place.database), keys_of(place, name)))


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
    path = search_path.search_path(con)
    parts = [close] if place in path else [place.database, place.schema, close]
    plain = all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", part) for part in parts)
    return ModelNotFoundError.named(
        str(name), ".".join(parts) if plain else qualified(*parts), True
    )


def has_macro(con: Native, place: Place, name: str) -> bool:
    """Whether the macro that a model is used through is there."""
    return any(
        _is_used_through(macro, place, name) for macro in catalog.macros(con, place.database)
    )


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
    macros = {
        database: catalog.macros(con, database)
        for database in {place.database for place, _ in stored}
    }
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
        for schema, name in sessions.read(con, query_of("names", database))
    ]


def versions_of(con: Native, place: Place, name: str) -> list[int]:
    """The numbers of the versions of a model."""
    query = query_of("versions_of", place.database)
    return [number for (number,) in sessions.read(con, query, keys_of(place, name))]


def exists(con: Native, place: Place, name: str) -> bool:
    """Whether a model is there: its rows, and the macro that it is used through.

    Raises ModelExistsError when a macro that isn't a model's has a name that the model's macros would get.
    """
    formats = _formats(con)
    _require_known_format(place.database, formats)
    is_registry = place.database in formats
    stored = versions_of(con, place, name) if is_registry else []
    coming = next_version(con, place, name) if is_registry else 1
    own = (predict_macro(name), version_macro(name), probabilities_macro(name))
    wanted = {
        fold(macro)
        for macro in (*own, predict_macro(name, coming), probabilities_macro(name, coming))
    }
    macros = catalog.macros(con, place.database)
    for other in _names_in(con, place) if is_registry else []:
        entangled = wanted & {fold(predict_macro(other)), fold(probabilities_macro(other))}
        if (
            fold(other) != fold(name)
            and entangled
            and any(_is_used_through(macro, place, other) for macro in macros)
        ):
            raise ModelExistsError.colliding(name, other)
    require_free(macros, place, name, wanted)
    return bool(stored) and any(_is_used_through(macro, place, name) for macro in macros)


def _names_in(con: Native, place: Place) -> list[str]:
    """The models of a schema."""
    rows = sessions.read(con, query_of("names", place.database))
    return [name for schema, name in rows if fold(schema) == fold(place.schema)]


def next_version(con: Native, place: Place, name: str) -> int:
    """The number of the next version: one that no version of the name ever had, a dropped one included.

    So what says `name@1` somewhere, a view or a column of MODEL_VERSION, never comes to mean another model.
    """
    query = query_of("last_version", place.database)
    return int(sessions.read(con, query, keys_of(place, name))[0][0]) + 1


def place_for(con: Native, name: ModelName) -> Place:
    """The schema that a new model of that name goes to; raises StatementError when there is no such schema."""
    places = places_of(con, name)
    for place in places if len(name.parts) > 1 else places[:1]:
        found = catalog.existing_schema(con, place)
        if found is not None:
            if found.database in {"temp", "system"}:
                raise StatementError(
                    f"A model is stored in a database file: '{found.database}' can't hold one."
                )
            return found
    missing = ".".join(name.parts[:-1])
    raise StatementError(
        f"There is no schema or database named \"{missing}\" to create the model '{name.name}' in."
    )


def version_row(con: Native, stored: StoredVersion) -> dict[str, Any]:
    """Everything that is stored of a version, by column."""
    values = {**keys_of(stored.place, stored.name), "version": stored.version}
    return sessions.read_row(con, query_of("version", stored.place.database), values)


def background_rows(con: Native, stored: StoredVersion) -> list[tuple[str, str]]:
    """The rows that were kept with a version, features and answer as JSON; none in a registry of format 1."""
    if stored.registry_format < 2:
        return []
    values = {**keys_of(stored.place, stored.name), "version": stored.version}
    return [
        (row[0], row[1])
        for row in sessions.read(con, query_of("background_rows", stored.place.database), values)
    ]


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
        for macro in catalog.macros(con, stored.place.database)
        if macro.kind == "macro"
        and macro.is_ours
        and fold(macro.schema) == fold(stored.place.schema)
    }
    return [macro for macro in wanted if fold(macro) not in there]


def load(con: Native, key: str) -> bytes | None:
    """The ONNX bytes of a key in any attached database, or None; damaged ones only where there are no others."""
    queries = [query_of("artifact", database) for database in registries(con)]
    copies = [
        bytes(onnx) for query in queries for (onnx,) in sessions.read(con, query, {"key": key})
    ]
    if len(copies) > 1:  # a single one is checked by whoever opens it
        return next((onnx for onnx in copies if key_of(onnx) == key), copies[0])
    return copies[0] if copies else None


def load_known(con: Native, key: str) -> bytes:
    """The ONNX bytes of a version that the registry names; raises ArtifactError when they are gone."""
    onnx = load(con, key)
    if onnx is None:
        raise ArtifactError.gone(key)
    return onnx


def load_anywhere(connections: Sequence[Native], key: str) -> bytes:
    """The ONNX bytes of a key in any database that one of the connections has attached; raises ArtifactError."""
    for con in connections:
        # A connection closed meanwhile, or something wrong with one database, must not keep another from predicting.
        with contextlib.suppress(duckdb.Error), sessions.sibling_session(con) as session:
            found = load(session, key)
            if found is not None:
                return found
    raise ArtifactError.gone(key)


def macros_of(con: Native, place: Place, name: str, version: int | None = None) -> list[str]:
    """The macros of a model, or of one version of it."""
    if version is not None:
        return macro_names(name, version)
    tags: list[str | int | None] = [
        None,
        *versions_of(con, place, name),
        *aliases_of(con, place, name),
    ]
    return [macro for tag in tags for macro in macro_names(name, tag)]


def has_past(con: Native, place: Place, name: str, heir: str) -> bool:
    """Whether versions of a name that no model has now were ever used, other than by the model that is `heir` to it."""
    rows = sessions.read(con, query_of("past", place.database), keys_of(place, name))
    if not rows:
        return False
    last = max(
        (i for i, (action,) in enumerate(rows) if action.startswith("renamed to ")), default=None
    )
    is_heirs = last is not None and rows[last][0] == f"renamed to {heir}"
    return not is_heirs or any(
        not action.startswith("renamed to ") for (action,) in rows[(last or 0) + 1 :]
    )


def created_query(place: Place, name: str, version: int) -> str:
    """The query whose one row is the answer of CREATE MODEL."""
    return blocks("queries")["created"].format(
        database=quote(place.database),
        name_literal=literal(name),
        schema_key=literal(fold(place.schema)),
        name_key=literal(fold(name)),
        version=version,
    )


def keys_of(place: Place, name: str) -> dict[str, str]:
    """What the rows of a model are found by."""
    return {"schema_key": fold(place.schema), "name_key": fold(name)}
