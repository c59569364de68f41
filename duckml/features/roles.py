"""Roles of the columns of a training query, and the signature that follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from duckml.errors import OptionError, TrainingDataError
from duckml.features.column_types import (
    NUMBERS,
    SMALL_INTEGERS,
    TEXTS,
    TIMESTAMPS,
    type_family,
)
from duckml.features.signature import Feature, Signature, Target
from duckml.names import fold

_UNSUPPORTED = {
    "TIME": "Use extract(hour FROM …) or epoch(…).",
    "INTERVAL": "Use epoch(…) to get seconds.",
    "BLOB": "Models can't learn from binary data.",
    "STRUCT": "Select its fields as columns.",
    "MAP": "Select its values as columns.",
    "LIST": "Select its elements as columns.",
    "JSON": "Select its values as columns: j->>'name'.",
}


@dataclass(frozen=True)
class Roles:
    """The columns of a training query that are not plain features, named as the query names them.

    `before` is a column that duckml adds: the prediction of the current default version.
    """

    target: str
    categorical: frozenset[str] = frozenset()
    weight: str | None = None
    split: str | None = None
    before: str | None = None

    @property
    def not_features(self) -> frozenset[str]:
        """Return the columns that are not inputs of the model."""
        named = (self.target, self.weight, self.split, self.before)
        return frozenset(name for name in named if name is not None)


def resolve_column(option: str, name: str, columns: Sequence[str]) -> str:
    """Return the query's column that an option names, as the query spells it.

    Raises OptionError if the query has no such column.
    """
    for column in columns:
        if fold(column) == fold(name):
            return column
    raise OptionError.no_column(option, name, columns)


def feature_of(name: str, sql_type: str, categorical: bool) -> Feature:
    """Return the feature that a column of this name and type becomes.

    Raises TrainingDataError for a type that can't be a feature.
    """
    family = type_family(sql_type)
    if family in TEXTS:
        return Feature(name, "VARCHAR" if family != "UUID" else "UUID", "category", "VARCHAR")
    if categorical and family in SMALL_INTEGERS:
        return Feature(name, "BIGINT", "category", "BIGINT")
    if categorical and family in NUMBERS | TIMESTAMPS | {"BOOLEAN", "DATE"}:
        return Feature(name, sql_type, "category", "VARCHAR")
    if family in NUMBERS:
        return Feature(name, "DOUBLE", "number", "DOUBLE")
    if family == "BOOLEAN":
        return Feature(name, "BOOLEAN", "boolean", "DOUBLE")
    if family == "DATE":
        return Feature(name, "DATE", "date", "DOUBLE")
    if family in TIMESTAMPS:
        return Feature(name, sql_type, "timestamp", "DOUBLE")
    hint = _UNSUPPORTED.get(family, "Cast it to a number, text or date.")
    raise TrainingDataError.column_type(
        name, sql_type, f"Leave it out of the query, or convert it. {hint}"
    )


def infer_signature(names: Sequence[str], types: Sequence[str], roles: Roles) -> Signature:
    """Return the signature of a model trained on columns of these names and types.

    Raises TrainingDataError for a column that can't be a feature, and if no feature is left.
    """
    sql_types = dict(zip(names, types, strict=True))
    features = tuple(
        feature_of(name, sql_types[name], name in roles.categorical)
        for name in names
        if name not in roles.not_features
    )
    if not features:
        raise TrainingDataError.no_features(
            roles.target, ["The query returns no column except the target."]
        )
    return Signature(features, Target(roles.target, sql_types[roles.target]))
