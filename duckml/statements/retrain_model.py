"""RETRAIN MODEL: the stored query and options again, as the next version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from duckml.database.search_path import Place, using_schema
from duckml.errors import StatementError
from duckml.language.syntax import ModelName, RetrainModel, Script
from duckml.options.reading import read_options
from duckml.options.statement_options import for_retraining
from duckml.registry import lookup
from duckml.registry.publish import Created
from duckml.registry.stored_version import StoredVersion, details
from duckml.statements.context import Context
from duckml.statements.create_model import train_and_store
from duckml.statements.training_source import rows_of_text
from duckml.training.request import TRAINED, Request


def retrain_model(context: Context, script: Script, statement: RetrainModel) -> Created:
    """Train the next version of a model on its stored query.

    Raises StatementError for a model whose rows are not in the database.
    """
    stored = lookup.require(context.con, statement.name)
    fields = details(context.con, stored)
    lineage = fields.get("lineage", TRAINED)
    if lineage.split(",")[0] != TRAINED:
        raise StatementError(
            f"Model '{statement.name}' can't be retrained: it was {lineage}, and its source is not "
            "in the database. CREATE OR REPLACE MODEL trains a new version of it."
        )
    given = for_retraining(
        _stored_options(fields), context.option_values(script, statement.options)
    )
    transform = stored.signature.transform
    # The query finds its tables where it found them before, whatever this session's schema is.
    with using_schema(context.con, _training_place(stored, fields)):
        rows = rows_of_text(context, str(fields["training_query"]))
        request = Request(
            name=ModelName((stored.place.database, stored.place.schema, stored.name)),
            or_replace=True,
            if_not_exists=False,
            options=read_options(given),
            given=given,
            rows=rows,
            transform=None if transform is None else transform.text,
        )
        return train_and_store(context, request)


def _stored_options(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a version, with the notes that ALTER MODEL may have changed."""
    tags = fields["tags"]
    notes = {
        "description": fields["description"],
        "tags": None if tags is None else json.loads(tags),
    }
    known = {name: value for name, value in notes.items() if value is not None}
    return {**json.loads(fields["options"]), **known}


def _training_place(stored: StoredVersion, fields: Mapping[str, Any]) -> Place | None:
    """Return the schema where the training query found names without one, or None.

    A schema stored alone is one of the model's own database, whatever its name is now.
    """
    path = json.loads(fields.get("search_path") or "[]")
    if not path:
        return None
    if len(path) == 2:
        return Place(path[0], path[1])
    return Place(stored.place.database, path[0])
