"""A model that is to be trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from duckml.language.syntax import ModelName
from duckml.options.training_options import TrainingOptions

# The lineage of a version whose stored query can run again.
TRAINED = "trained"


@dataclass(frozen=True)
class TrainingRows:
    """The rows to train on.

    `training_query` is the query as the user wrote it, `sql` the query for DuckDB with its
    `parameters`. `lineage` states where the rows come from.
    """

    training_query: str
    sql: str
    parameters: object = None
    lineage: str = TRAINED


@dataclass(frozen=True)
class Request:
    """A model to train: its name, options, rows, and the text of TRANSFORM.

    `given` are the options as the user wrote them.
    """

    name: ModelName
    or_replace: bool
    if_not_exists: bool
    options: TrainingOptions
    given: Mapping[str, Any]
    rows: TrainingRows
    transform: str | None = None
