"""Queries over the registry, in place of information functions without rows."""

from __future__ import annotations

from collections.abc import Mapping

from duckml.language.resolved import Resolved
from duckml.names import fold, literal, quote
from duckml.sql import blocks

# The first format of the registry has no tables for these.
_SINCE_FORMAT_2 = frozenset({"weights", "confusion_matrix", "roc_curve"})


def information_query(function: str, model: Resolved, settings: Mapping[str, str]) -> str:
    """Return the query for an information function: the stored rows of one version."""
    is_missing = model.registry_format < 2 and function in _SINCE_FORMAT_2
    block = f"{function}_none" if is_missing else function
    return registry_query(model, block, {"standardize": settings.get("standardize", "false")})


def registry_query(model: Resolved, block: str, values: Mapping[str, str]) -> str:
    """Return a block of sql/queries.sql, filled in for one version of a model.

    It has no line breaks, so that the user's lines after it keep their numbers.
    """
    sql = " ".join(line.strip() for line in blocks("queries")[block].splitlines())
    return sql.format(database=quote(model.database), where=_version_condition(model), **values)


def _version_condition(model: Resolved) -> str:
    """Return the condition for the rows of a version in a table of the registry.

    The default and an alias are looked up when the query runs, so that a view follows them.
    """
    conditions = [
        f"schema_key = {literal(fold(model.schema))}",
        f"name_key = {literal(fold(model.name))}",
    ]
    of_model = " AND ".join(conditions)
    registry = f"{quote(model.database)}._duckml"
    if model.tag is None:
        version = f"(SELECT default_version FROM {registry}.model WHERE {of_model})"
    elif model.tag.isdigit():
        version = model.tag
    else:
        of_alias = f"{of_model} AND alias_key = {literal(fold(model.tag))}"
        version = f"(SELECT version FROM {registry}.alias WHERE {of_alias})"
    return f"{of_model} AND version = {version}"
