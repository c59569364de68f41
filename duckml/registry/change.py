"""Changes of a stored model: its default version, aliases, notes and name.

All of them belong to a transaction that the caller has opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from duckml.database import catalog
from duckml.errors import ModelExistsError
from duckml.names import fold
from duckml.registry.macros import (
    drop_macros,
    macro_names,
    macro_statements,
    require_free,
    version_macro_statements,
)
from duckml.registry.save import serve
from duckml.registry.stored_model import StoredModel
from duckml.registry.stored_version import StoredVersion, details
from duckml.registry.tables import VERSION_TABLES


def set_default(model: StoredModel, stored: StoredVersion) -> None:
    """Make a version the default."""
    _begin(model, stored)
    serve(model, stored.version, stored.signature, stored.key, True)
    model.record(stored.version, "default changed")


def set_alias(model: StoredModel, stored: StoredVersion, alias: str) -> None:
    """Make an alias mean a version."""
    _begin(model, stored)
    keys = {**model.keys, "alias_key": fold(alias)}
    model.registry.write("delete_alias", keys)
    model.registry.write("insert_alias", {**keys, "alias": alias, "version": stored.version})
    _serve_alias(model, stored, fold(alias))
    model.record(stored.version, f"alias {fold(alias)} set")


def drop_alias(model: StoredModel, stored: StoredVersion, alias: str) -> None:
    """Remove an alias; `stored` is the version that it means."""
    model.count_change()
    model.registry.write("delete_alias", {**model.keys, "alias_key": fold(alias)})
    drop_macros(model.session, model.place, macro_names(model.name, fold(alias)))
    model.record(stored.version, f"alias {fold(alias)} dropped")


def set_notes(model: StoredModel, stored: StoredVersion, notes: Mapping[str, Any]) -> None:
    """Change the description and the tags of a version; those not in `notes` stay."""
    _begin(model, stored)
    known = details(model.session, stored)
    values = {name: notes.get(name, known[name]) for name in ("description", "tags")}
    model.registry.write("set_options", {**stored.keys, **values})
    model.record(stored.version, f"options changed: {', '.join(notes)}")


def rename(model: StoredModel, new_name: str) -> None:
    """Give a model another name: update its rows, and create all of its macros again."""
    model.registry.create()
    model.count_change()
    renamed = model.named(new_name)
    versions = {number: model.require_version(number) for number in model.versions()}
    aliases = model.aliases()
    default = model.require_version(None).version
    last_used = model.next_version() - 1
    if fold(new_name) != fold(model.name):
        _require_free_name(renamed, [*versions], [*aliases])
    drop_macros(model.session, model.place, model.macros())
    _rename_rows(model, renamed)
    for number, stored in versions.items():
        serve(renamed, number, stored.signature, stored.key, number == default)
    for alias, number in aliases.items():
        _serve_alias(renamed, versions[number], fold(alias))
    # The log of the new name begins with the highest number, so that none is ever used again.
    model.record(None, f"renamed to {new_name}")
    renamed.record(last_used, f"renamed from {model.name}")


def _begin(model: StoredModel, stored: StoredVersion) -> None:
    """Prepare a change of a version that was looked up in another transaction."""
    model.registry.create()
    model.count_change()
    model.require_still_stored(stored)


def _serve_alias(model: StoredModel, stored: StoredVersion, alias: str) -> None:
    """Create the macros of an alias, which is folded."""
    place, name = model.place, model.name
    statements = macro_statements(place, name, alias, stored.signature, stored.key)
    model.run(statements + version_macro_statements(place, name, alias, stored.version))


def _require_free_name(renamed: StoredModel, versions: list[int], aliases: list[str]) -> None:
    """Raise ModelExistsError if a model, or a macro that the model needs, has the new name."""
    renamed.require_usable_name()
    if renamed.exists():
        raise ModelExistsError.model(renamed.name)
    tags: list[str | int | None] = [None, *versions, *(fold(alias) for alias in aliases)]
    macros = [macro for tag in tags for macro in macro_names(renamed.name, tag)]
    found = catalog.macros(renamed.session, renamed.place.database)
    require_free(found, renamed.place, renamed.name, macros)


def _rename_rows(model: StoredModel, renamed: StoredModel) -> None:
    condition = "WHERE schema_key = $schema_key AND name_key = $name_key"
    values = {**model.keys, "new": fold(renamed.name)}
    for table in ("model", "alias", "model_version", *VERSION_TABLES):
        model.registry.execute(
            f"UPDATE {{registry}}.{table} SET name_key = $new {condition}", values
        )
    values = {**renamed.keys, "name": renamed.name}
    model.registry.execute(f"UPDATE {{registry}}.model SET name = $name {condition}", values)
