"""Versions and models that are removed, in a transaction that the caller has opened."""

from __future__ import annotations

from collections.abc import Sequence

from duckml.errors import ConflictError
from duckml.registry.dependents import dependents, relying_on
from duckml.registry.macros import drop_macros, macro_names
from duckml.registry.stored_model import StoredModel
from duckml.registry.stored_version import StoredVersion
from duckml.registry.tables import VERSION_TABLES


def drop(
    model: StoredModel,
    stored: StoredVersion,
    only_this: bool,
    expected: Sequence[int] | None = None,
) -> None:
    """Remove a model, or one version of it.

    `expected` are the versions that the model had when the statement was checked. Raises
    ConflictError if it has others now, or if the version has become the default or got an alias;
    ModelNotFoundError if it is gone.
    """
    model.registry.create()
    model.count_change()
    known = model.require_still_stored(stored)
    if expected is not None and known != list(expected):
        raise ConflictError.of(model.name)
    version = stored.version if only_this else None
    if version is not None:
        is_default = model.require_version(version).is_default
        if is_default or version in model.aliases().values():
            raise ConflictError.of(model.name)
    drop_macros(model.session, model.place, model.macros(version))
    forget(model, version)
    model.record(version, "dropped")


def outlived(model: StoredModel, kept: int) -> list[StoredVersion]:
    """Return the versions beyond the newest `kept` that nothing refers to.

    The default, versions with an alias, and those that a view or a table uses are left out.
    """
    aliased = set(model.aliases().values())
    older = [number for number in model.versions()[:-kept] if number not in aliased]
    versions = [model.require_version(number) for number in older]
    return [
        stored
        for stored in versions
        if not stored.is_default and not _is_used(model, macro_names(model.name, stored.version))
    ]


def _is_used(model: StoredModel, macros: Sequence[str]) -> bool:
    session, place = model.session, model.place
    return bool(
        relying_on(session, place, macros, inside=True) or dependents(session, place, macros)
    )


def forget(model: StoredModel, version: int | None = None) -> None:
    """Delete the rows of a version, or of a whole model, and the artifacts left unused."""
    model.registry.create()
    values = model.keys
    condition = "schema_key = $schema_key AND name_key = $name_key"
    tables = ["model_version", *VERSION_TABLES]
    if version is None:
        tables += ["alias", "model"]
    else:
        condition += " AND version = $version"
        values["version"] = version
    for table in tables:
        model.registry.execute(f"DELETE FROM {{registry}}.{table} WHERE {condition}", values)
    model.registry.drop_unused_artifacts()
