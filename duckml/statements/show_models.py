"""SHOW MODELS."""

from __future__ import annotations

from duckml.database.sessions import Native
from duckml.language.syntax import ShowModels
from duckml.names import literal, quote
from duckml.registry import lookup
from duckml.sql import blocks


def models_query(con: Native, statement: ShowModels) -> str:
    """Return the query whose rows are the models of all attached databases."""
    template = blocks("queries")["show_models"]
    selects = [blocks("queries")["show_nothing"]]
    models = lookup.living(con)
    for database in dict.fromkeys(model.place.database for model in models):
        names = ", ".join(
            f"({literal(model.place.schema)}, {literal(model.name)})"
            for model in models
            if model.place.database == database
        )
        selects.append(
            template.format(
                database=quote(database), database_literal=literal(database), models=names
            )
        )
    pattern = statement.pattern
    condition = "" if pattern is None else f" WHERE name ILIKE {literal(pattern)}"
    union = " UNION ALL ".join(selects)
    return f"SELECT * FROM ({union}){condition} ORDER BY database, schema, name"
