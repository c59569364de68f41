"""ALTER MODEL: another name, default version, alias, description or tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from duckml.database import catalog, transactions
from duckml.database.sessions import Native
from duckml.errors import DependentsError, ModelExistsError, StatementError
from duckml.language.syntax import (
    AlterModel,
    ModelName,
    RenameModel,
    SetDefaultVersion,
    SetOptions,
)
from duckml.names import fold
from duckml.options.statement_options import read_notes
from duckml.registry import change, lookup
from duckml.registry.dependents import (
    relying_on,
    require_replaceable,
    views_that_would_break,
)
from duckml.registry.macros import macro_names, require_free
from duckml.registry.publish import change_model
from duckml.registry.stored_model import StoredModel
from duckml.registry.stored_version import StoredVersion
from duckml.statements.drop_model import writable_version


def alter_model(con: Native, statement: AlterModel, options: Mapping[str, Any]) -> None:
    """Change a model as the statement says; `options` are those of SET OPTIONS.

    Raises ModelNotFoundError, ReadOnlyError, StatementError and DependentsError.
    """
    name = statement.name
    if not isinstance(statement, SetOptions) and name.tag is not None:
        raise StatementError(
            f"ALTER MODEL changes the model as a whole: write {'.'.join(name.parts)}."
        )
    stored = writable_version(con, name, statement.if_exists, f"alter model '{name}'")
    if stored is None:
        return
    if isinstance(statement, RenameModel):
        _rename(con, stored, statement.new_name)
    elif isinstance(statement, SetDefaultVersion):
        _set_default(con, stored, _version(con, stored, statement.tag))
    elif isinstance(statement, SetOptions):
        _set_notes(con, stored, read_notes(options))
    elif statement.tag is None:
        _drop_alias(con, stored, statement.alias)
    else:
        _set_alias(con, stored, statement.alias, _version(con, stored, statement.tag))


def _version(con: Native, stored: StoredVersion, tag: str) -> StoredVersion:
    """Return another version of the same model."""
    place = stored.place
    return lookup.require(con, ModelName((place.database, place.schema, stored.name), tag))


def _set_notes(con: Native, stored: StoredVersion, notes: Mapping[str, Any]) -> None:
    def write(session: Native) -> None:
        change.set_notes(StoredModel.of(session, stored), stored, notes)

    change_model(con, stored.name, write)


def _set_default(con: Native, stored: StoredVersion, version: StoredVersion) -> None:
    doing = f"given version {version.version} as its default"
    _require_unbroken(con, stored, version, None, doing)

    def write(session: Native) -> None:
        change.set_default(StoredModel.of(session, version), version)

    change_model(con, stored.name, write)


def _set_alias(con: Native, stored: StoredVersion, alias: str, version: StoredVersion) -> None:
    aliases = StoredModel.of(con, stored).aliases()
    known = {fold(name): number for name, number in aliases.items()}
    if fold(alias) in known:
        current = _version(con, stored, str(known[fold(alias)]))
        doing = f"given version {version.version} as @{alias}"
        _require_unbroken(con, current, version, fold(alias), doing)
    else:
        macros = catalog.macros(con, stored.place.database)
        wanted = macro_names(stored.name, fold(alias))
        require_free(macros, stored.place, stored.name, wanted)

    def write(session: Native) -> None:
        change.set_alias(StoredModel.of(session, version), version, alias)

    change_model(con, stored.name, write)


def _drop_alias(con: Native, stored: StoredVersion, alias: str) -> None:
    version = _version(con, stored, alias)
    macros = macro_names(stored.name, fold(alias))
    _require_unused(con, stored, macros, f"left without @{alias}")
    require_replaceable(con, stored.place, stored.name, macros, f"left without @{alias}")

    def write(session: Native) -> None:
        change.drop_alias(StoredModel.of(session, version), version, alias)

    change_model(con, stored.name, write)


def _rename(con: Native, stored: StoredVersion, new_name: ModelName) -> None:
    if len(new_name.parts) > 1:
        raise StatementError(
            "RENAME TO takes a name without a schema: a model stays in its schema. "
            f"CREATE MODEL {new_name} FROM MODEL {stored.name} copies it elsewhere."
        )
    model = StoredModel.of(con, stored)
    if fold(new_name.name) != fold(model.name):
        _require_new_name(model, new_name.name)
    macros = model.macros()
    require_replaceable(con, model.place, model.name, macros, "renamed")
    _require_unused(con, stored, macros, "renamed")

    def write(session: Native) -> None:
        change.rename(StoredModel.of(session, stored), new_name.name)

    change_model(con, model.name, write)


def _require_new_name(model: StoredModel, name: str) -> None:
    """Raise an error if a model has the new name, or had it before."""
    renamed = model.named(name)
    renamed.require_usable_name()
    if renamed.exists():
        raise ModelExistsError.model(name)
    if renamed.was_used(renamed_from=model.name):
        raise StatementError(
            f"A model named '{name}' existed before, and references to its versions must not come "
            "to mean others: choose a name that no model had."
        )


def _require_unused(con: Native, stored: StoredVersion, macros: list[str], doing: str) -> None:
    """Raise DependentsError if a view or a user's macro relies on some macros of a model."""
    inside = transactions.in_transaction(con)
    relying = relying_on(con, stored.place, macros, inside)
    if relying:
        raise DependentsError.views(stored.name, relying, doing)


def _require_unbroken(
    con: Native, current: StoredVersion, version: StoredVersion, alias: str | None, doing: str
) -> None:
    """Raise DependentsError if the default or an alias can't come to mean another version."""
    require_replaceable(con, current.place, current.name, macro_names(current.name, alias), doing)
    if current.signature.interface == version.signature.interface:
        return
    inside = transactions.in_transaction(con)
    broken = views_that_would_break(con, current, version.signature, alias, inside)
    if broken:
        raise DependentsError.views(current.name, broken, doing)
