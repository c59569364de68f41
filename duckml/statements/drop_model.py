"""DROP MODEL: a whole model or one version, unless something relies on it."""

from __future__ import annotations

from duckml.database import catalog, transactions
from duckml.database.sessions import Native
from duckml.errors import DependentsError, ModelNotFoundError, StatementError
from duckml.language.syntax import DropModel, ModelName
from duckml.registry import drop, lookup
from duckml.registry.dependents import relying_on, require_replaceable
from duckml.registry.publish import change_model
from duckml.registry.stored_model import StoredModel
from duckml.registry.stored_version import StoredVersion


def writable_version(
    con: Native, name: ModelName, if_exists: bool, doing: str
) -> StoredVersion | None:
    """Return the version that a name means, in a database that can be written.

    Returns None where IF EXISTS permits that there is none. Raises ModelNotFoundError and
    ReadOnlyError.
    """
    try:
        stored = lookup.require(con, name)
    except ModelNotFoundError:
        if not if_exists:
            raise
        return None
    catalog.require_writable(con, stored.place.database, doing)
    return stored


def drop_model(con: Native, statement: DropModel) -> None:
    """Remove a model, or the version that the statement names.

    Raises ModelNotFoundError, ReadOnlyError, StatementError for the default version or one with an
    alias, and DependentsError.
    """
    name = statement.name
    stored = writable_version(con, name, statement.if_exists, f"drop model '{name}'")
    if stored is None:
        return
    model = StoredModel.of(con, stored)
    versions = model.versions()
    # The last version is dropped with its model.
    only_this = name.tag is not None and len(versions) > 1
    expected = None if name.tag is None or only_this else versions
    if only_this:
        _require_unreferenced(model, stored)
    macros = model.macros(stored.version if only_this else None)
    require_replaceable(con, model.place, model.name, macros, "dropped")
    if only_this:
        inside = transactions.in_transaction(con)
        relying = relying_on(con, model.place, macros, inside)
        if relying:
            raise DependentsError.views(f"{model.name}@{stored.version}", relying, "dropped")

    def change(session: Native) -> None:
        drop.drop(StoredModel.of(session, stored), stored, only_this, expected)

    change_model(con, model.name, change)


def _require_unreferenced(model: StoredModel, stored: StoredVersion) -> None:
    """Raise StatementError if a version is the default or has an alias."""
    name = model.name
    if stored.is_default:
        raise StatementError(
            f"Version {stored.version} is the default of model '{name}': PREDICT({name}) means it. "
            f"Make another one the default first: ALTER MODEL {name} SET DEFAULT VERSION n. "
            f"DROP MODEL {name} drops all versions."
        )
    for alias, version in model.aliases().items():
        if version == stored.version:
            raise StatementError(
                f"Version {stored.version} of model '{name}' is @{alias}. Move the alias first: "
                f"ALTER MODEL {name} SET ALIAS {alias} = n, or DROP ALIAS {alias}."
            )
