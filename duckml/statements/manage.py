"""The statements that manage models: DROP, ALTER, CREATE MODEL … FROM MODEL. What would break something is refused.

The default version can't be dropped or dangle, and neither can an alias; a version that other queries rely on is taken
away only after they are named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from duckml.database import catalog, transactions
from duckml.database.sessions import Native
from duckml.errors import DependentsError, ModelExistsError, ModelNotFoundError, StatementError
from duckml.estimators.model_warnings import ModelWarning
from duckml.language.syntax import (
    AlterModel,
    CopyModel,
    DropModel,
    ModelName,
    RenameModel,
    SetDefaultVersion,
    SetOptions,
)
from duckml.names import fold
from duckml.options.statement_options import read_notes
from duckml.registry import dependents
from duckml.registry import read as registry
from duckml.registry import write as storing
from duckml.registry.macros import macro_names, require_free
from duckml.registry.publish import (
    Created,
    broken_views,
    changing,
    left_alone,
    publish,
    slot_for,
    warnings_of_leaving,
    warnings_of_place,
    warnings_of_views,
    would_break,
)
from duckml.registry.read import StoredVersion


def drop(con: Native, statement: DropModel) -> None:
    """Remove a model, or the version that the statement names.

    Raises ModelNotFoundError, ReadOnlyError, StatementError for the default version or one with an alias, and
    DependentsError.
    """
    stored = _writable(con, statement.name, statement.if_exists, f"drop model '{statement.name}'")
    if stored is None:
        return
    place, name = stored.place, stored.name
    versions = registry.versions_of(con, place, name)
    only_this = statement.name.tag is not None and len(versions) > 1
    expected = None if statement.name.tag is None or only_this else versions
    if only_this and stored.is_default:
        raise StatementError(
            f"Version {stored.version} is the default of model '{name}': PREDICT({name}) means it. Make another one "
            f"the default first: ALTER MODEL {name} SET DEFAULT VERSION n. DROP MODEL {name} drops all versions."
        )
    aliases = [
        a
        for a, version in registry.aliases_of(con, place, name).items()
        if version == stored.version
    ]
    if only_this and aliases:
        raise StatementError(
            f"Version {stored.version} of model '{name}' is @{aliases[0]}. Let the alias mean another version first: "
            f"ALTER MODEL {name} SET ALIAS {aliases[0]} = n, or DROP ALIAS {aliases[0]}."
        )
    macros = registry.macros_of(con, place, name, stored.version if only_this else None)
    dependents.require_replaceable(con, place, name, macros, "dropped")
    if only_this:
        relying = dependents.relying_on(con, place, macros, transactions.in_transaction(con))
        if relying:
            raise DependentsError.views(f"{name}@{stored.version}", relying, "dropped")
    changing(con, name, lambda session: storing.drop(session, stored, only_this, expected))


def alter(con: Native, statement: AlterModel, options: Mapping[str, Any]) -> None:
    """Rename a model, choose its default version, set or drop an alias, or change what is written on a version.

    `options` are those of SET OPTIONS. Raises ModelNotFoundError, ReadOnlyError, StatementError and DependentsError.
    """
    if not isinstance(statement, SetOptions) and statement.name.tag is not None:
        raise StatementError(
            f"ALTER MODEL changes the model as a whole: write {'.'.join(statement.name.parts)}."
        )
    stored = _writable(con, statement.name, statement.if_exists, f"alter model '{statement.name}'")
    if stored is None:
        return
    if isinstance(statement, RenameModel):
        _rename(con, stored, statement.new_name)
    elif isinstance(statement, SetDefaultVersion):
        _set_default(con, stored, _version(con, stored, statement.tag))
    elif isinstance(statement, SetOptions):
        notes = read_notes(options)
        changing(con, stored.name, lambda session: storing.set_notes(session, stored, notes))
    elif statement.tag is None:
        _drop_alias(con, stored, statement.alias)
    else:
        _set_alias(con, stored, statement.alias, _version(con, stored, statement.tag))


def _writable(con: Native, name: ModelName, if_exists: bool, doing: str) -> StoredVersion | None:
    """The version that a name means, in a database that can be written; None where IF EXISTS allows it."""
    try:
        stored = registry.require(con, name)
    except ModelNotFoundError:
        if not if_exists:
            raise
        return None
    catalog.require_writable(con, stored.place.database, doing)
    return stored


def _version(con: Native, stored: StoredVersion, tag: str) -> StoredVersion:
    place = stored.place
    return registry.require(con, ModelName((place.database, place.schema, stored.name), tag))


def _set_default(con: Native, stored: StoredVersion, version: StoredVersion) -> None:
    _require_unbroken(con, stored, version, None, f"given version {version.version} as its default")
    changing(con, stored.name, lambda session: storing.set_default(session, version))


def _set_alias(con: Native, stored: StoredVersion, alias: str, version: StoredVersion) -> None:
    known = {
        fold(known): number
        for known, number in registry.aliases_of(con, stored.place, stored.name).items()
    }
    if fold(alias) in known:
        now = _version(con, stored, str(known[fold(alias)]))
        _require_unbroken(
            con, now, version, fold(alias), f"given version {version.version} as @{alias}"
        )
    else:
        found = catalog.macros(con, stored.place.database)
        require_free(found, stored.place, stored.name, macro_names(stored.name, fold(alias)))
    changing(con, stored.name, lambda session: storing.set_alias(session, version, alias))


def _drop_alias(con: Native, stored: StoredVersion, alias: str) -> None:
    version = _version(con, stored, alias)
    macros = macro_names(stored.name, fold(alias))
    relying = dependents.relying_on(con, stored.place, macros, transactions.in_transaction(con))
    if relying:
        raise DependentsError.views(stored.name, relying, f"left without @{alias}")
    dependents.require_replaceable(con, stored.place, stored.name, macros, f"left without @{alias}")
    changing(con, stored.name, lambda session: storing.drop_alias(session, version, alias))


def _require_unbroken(
    con: Native, now: StoredVersion, version: StoredVersion, alias: str | None, doing: str
) -> None:
    """Raise DependentsError when a default or an alias can't come to mean another version."""
    macros = macro_names(now.name, alias)
    dependents.require_replaceable(con, now.place, now.name, macros, doing)
    if now.signature.interface != version.signature.interface:
        broken = would_break(con, now, version.signature, alias, transactions.in_transaction(con))
        if broken:
            raise DependentsError.views(now.name, broken, doing)


def _rename(con: Native, stored: StoredVersion, new_name: ModelName) -> None:
    if len(new_name.parts) > 1:
        raise StatementError(
            f"RENAME TO takes a name without a schema: a model stays where it is. CREATE MODEL {new_name} FROM MODEL "
            f"{stored.name} copies it elsewhere."
        )
    place, name = stored.place, stored.name
    if fold(new_name.name) != fold(name) and registry.exists(con, place, new_name.name):
        raise ModelExistsError.model(new_name.name)
    if fold(new_name.name) != fold(name) and registry.has_past(con, place, new_name.name, name):
        raise StatementError(
            f"There was a model named '{new_name.name}' before, and what refers to its versions must not come to mean "
            "others: choose a name that no model had."
        )
    macros = registry.macros_of(con, place, name)
    dependents.require_replaceable(con, place, name, macros, "renamed")
    relying = dependents.relying_on(con, place, macros, transactions.in_transaction(con))
    if relying:
        raise DependentsError.views(name, relying, "renamed")
    changing(con, name, lambda session: storing.rename(session, stored, new_name.name))


def copy(con: Native, statement: CopyModel) -> tuple[Created, list[ModelWarning]]:
    """Store a version of a model as one of another model, perhaps in another database.

    Raises ModelNotFoundError, ModelExistsError, ReadOnlyError.
    """
    stored = registry.require(con, statement.source)
    slot = slot_for(con, statement.name, statement.or_replace, statement.if_not_exists)
    if slot.default is not None and statement.if_not_exists:
        return left_alone(con, slot), warnings_of_leaving(slot.name)
    broken = broken_views(con, slot, stored.signature)

    def store(session: Native) -> int:
        return storing.copy(
            session,
            stored,
            slot.place,
            slot.name,
            add_version=statement.or_replace,
            make_default=not broken,
        )

    created, is_new = publish(con, slot, store, None)
    warnings = [*warnings_of_place(con, slot.place), *warnings_of_views(broken)]
    return created, warnings if is_new else warnings_of_leaving(slot.name)
