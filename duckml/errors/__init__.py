"""Errors of duckml, each of which is also the class that DuckDB raises for the same mistake.

Code written for DuckDB therefore catches them, and `sqlstate` is PostgreSQL's code.
"""

from duckml.errors.base import DuckmlError
from duckml.errors.engine_errors import DeviceError, EngineError
from duckml.errors.exchange_errors import ForeignModelError, PlainSqlError
from duckml.errors.feature_errors import FeatureError
from duckml.errors.model_errors import (
    ConflictError,
    DependentsError,
    ModelExistsError,
    ModelNotFoundError,
)
from duckml.errors.statement_errors import (
    NotYetError,
    OptionError,
    PlacementError,
    StatementError,
)
from duckml.errors.storage_errors import ArtifactError, ReadOnlyError, RegistryFormatError
from duckml.errors.training_errors import ParityError, TrainingDataError

__all__ = [
    "ArtifactError",
    "ConflictError",
    "DependentsError",
    "DeviceError",
    "DuckmlError",
    "EngineError",
    "FeatureError",
    "ForeignModelError",
    "ModelExistsError",
    "ModelNotFoundError",
    "NotYetError",
    "OptionError",
    "ParityError",
    "PlacementError",
    "PlainSqlError",
    "ReadOnlyError",
    "RegistryFormatError",
    "StatementError",
    "TrainingDataError",
]
