"""The row that CREATE MODEL, RETRAIN MODEL and a copy return about the new version."""

from __future__ import annotations

from typing import Any

from duckml.language.syntax import ModelName
from duckml.names import fold, literal, quote
from duckml.registry import lookup
from duckml.registry.publish import Created
from duckml.registry.stored_version import StoredVersion
from duckml.sql import blocks
from duckml.statements.context import Context, Finish


def show_created(context: Context, name: str, created: Created, finish: Finish) -> Any:
    """Return the row about a new version, after its warnings about the model `name`."""
    context.warn(name, created.warnings)
    context.forget_names()
    open_created(context, created)
    query = blocks("queries")["created"].format(
        database=quote(created.place.database),
        name_literal=literal(created.name),
        schema_key=literal(fold(created.place.schema)),
        name_key=literal(fold(created.name)),
        version=created.version,
    )
    return context.show(query, finish)


def open_created(context: Context, created: Created) -> StoredVersion:
    """Return a new version, opened: no other session finds its bytes before it is committed."""
    place = created.place
    parts = (place.database, place.schema, created.name)
    stored = lookup.require(context.con, ModelName(parts, str(created.version)))
    context.open(stored)
    return stored
