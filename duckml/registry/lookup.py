"""The version that a name means, searched for as DuckDB searches for a table."""

from __future__ import annotations

import re

from duckml.database import catalog, search_path
from duckml.database.search_path import Place
from duckml.database.sessions import Native
from duckml.errors import ModelNotFoundError, RegistryFormatError, StatementError
from duckml.language.syntax import ModelName
from duckml.names import fold, nearest, qualified
from duckml.registry.registry import FORMAT, Registry, formats, readable_formats
from duckml.registry.stored_model import StoredModel
from duckml.registry.stored_version import StoredVersion

_LONGEST_VERSION = 8  # digits; a longer number is no version, and wouldn't fit an INTEGER


def places_of(session: Native, name: ModelName) -> list[Place]:
    """Return the schemas where a model of that name may be, in DuckDB's order."""
    path = search_path.search_path(session)
    if len(name.parts) == 1:
        return path
    known = {fold(database): database for database in catalog.databases(session)}
    first = fold(name.parts[0])
    if len(name.parts) == 3 and first not in known and first not in {"temp", "system"}:
        # Tools that qualify columns put the alias of a table before a model's name too.
        return places_of(session, ModelName(name.parts[1:], name.tag))
    if len(name.parts) == 3:
        return [Place(known.get(first, name.parts[0]), name.parts[1])]
    places = [Place(path[0].database, name.parts[0])]
    if first in known:
        places.append(Place(known[first], "main"))
    return places


def place_for(session: Native, name: ModelName) -> Place:
    """Return the schema that a new model of that name goes to.

    Raises StatementError if there is no such schema.
    """
    places = places_of(session, name)
    for place in places if len(name.parts) > 1 else places[:1]:
        found = catalog.existing_schema(session, place)
        if found is None:
            continue
        if found.database in {"temp", "system"}:
            raise StatementError(
                f"A model is stored in a database file: '{found.database}' can't hold one."
            )
        return found
    missing = ".".join(name.parts[:-1])
    raise StatementError(
        f"There is no schema or database named \"{missing}\" to create the model '{name.name}' in."
    )


def find(session: Native, name: ModelName, *, check_macro: bool = False) -> StoredVersion | None:
    """Return the version that a name means, or None if there is no such model.

    A model is gone when its macro is. Looking for the macro takes several milliseconds, so
    `check_macro` is left out where DuckDB will look for it anyway. Raises ModelNotFoundError if
    the model exists and the version or alias doesn't.
    """
    known = formats(session)
    for place in places_of(session, name):
        number = known.get(place.database)
        if number is None:
            continue
        if number > FORMAT:
            raise RegistryFormatError.newer(place.database, number, FORMAT)
        model = StoredModel(session, place, name.name, number)
        if check_macro and not model.has_macro():
            continue
        found = model.version(_version_number(model, name.tag))
        if found is not None:
            return found
        versions = model.versions()
        if versions and name.tag is not None:
            shown = name.parts if len(name.parts) < 3 else name.parts[2:]
            aliases = list(model.aliases())
            raise ModelNotFoundError.version(".".join(shown), name.tag, versions, aliases)
    return None


def _version_number(model: StoredModel, tag: str | None) -> int | None:
    """Return the version that a tag means: None for no tag, -1 for an unknown one."""
    if tag is None:
        return None
    if tag.isascii() and tag.isdigit():
        return int(tag) if len(tag) <= _LONGEST_VERSION else -1
    aliases = {fold(alias): version for alias, version in model.aliases().items()}
    return aliases.get(fold(tag), -1)


def require(session: Native, name: ModelName) -> StoredVersion:
    """Return the version that a name means; raise ModelNotFoundError if there is none."""
    found = find(session, name, check_macro=True)
    if found is None:
        raise not_found(session, name)
    return found


def not_found(session: Native, name: ModelName) -> ModelNotFoundError:
    """Return the error for a name that no model has.

    It offers the nearest name that a model has, written so that it can be copied.
    """
    known = living(session)
    close = nearest(name.name, [model.name for model in known])
    if close is None:
        return ModelNotFoundError.named(str(name), None, bool(known))
    place = next(model.place for model in known if model.name == close)
    is_near = place in search_path.search_path(session)
    parts = [close] if is_near else [place.database, place.schema, close]
    is_plain = all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", part) for part in parts)
    return ModelNotFoundError.named(
        str(name), ".".join(parts) if is_plain else qualified(*parts), True
    )


def all_models(session: Native) -> list[StoredModel]:
    """Return every model of every attached database, without a look at their macros."""
    return [
        StoredModel(session, Place(database, schema), name)
        for database in readable_formats(session)
        for schema, name in Registry(session, database).names()
    ]


def living(session: Native) -> list[StoredModel]:
    """Return the models whose macro exists."""
    models = all_models(session)
    # The macros of a database are read once: it takes several milliseconds.
    databases = {model.place.database for model in models}
    macros = {database: catalog.macros(session, database) for database in databases}
    return [model for model in models if model.is_served_by(macros[model.place.database])]
