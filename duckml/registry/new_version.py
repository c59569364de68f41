"""The fields of a version that is to be stored, and the columns that hold them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
from duckdb.sqltypes import DuckDBPyType

from duckml.artifacts import key_of
from duckml.estimators.model_warnings import ModelWarning
from duckml.estimators.trained import FeatureStatistics, Iteration, Weight
from duckml.features.signature import Signature

# The key of a field's metadata: how its value is given to DuckDB.
_AS = "as"


@dataclass(frozen=True)
class Measured:
    """Rows about a classifier's answers to the test rows; empty for other models."""

    confusion_matrix: Sequence[Any] = ()
    roc_curve: Sequence[Any] = ()


@dataclass(frozen=True)
class BackgroundRow:
    """A row kept with the prediction of the model, both as JSON."""

    features: str
    answer: str


def as_json(value: Any) -> str:
    """Return a value as JSON, with Python's repr of what JSON can't express."""
    return json.dumps(value, ensure_ascii=False, default=repr)


_TEXTS = DuckDBPyType("VARCHAR[]")
_FIGURES = DuckDBPyType("MAP(VARCHAR, DOUBLE)")
_LIBRARIES = DuckDBPyType("MAP(VARCHAR, VARCHAR)")
_WARNINGS = DuckDBPyType("STRUCT(code VARCHAR, message VARCHAR)[]")


def _as_type(sql_type: DuckDBPyType) -> Callable[[Any], Any]:
    """Return a function that gives a value to DuckDB as a type.

    DuckDB would take a dict for a STRUCT and an empty list for a list of integers.
    """
    return lambda value: duckdb.Value(value, sql_type)


def _warnings(found: Sequence[ModelWarning]) -> Any:
    rows = [{"code": warning.code, "message": warning.message} for warning in found]
    return duckdb.Value(rows, _WARNINGS)


def _signature(value: Signature) -> str:
    return json.dumps(value.to_json(), ensure_ascii=False)


def _stored(convert: Callable[[Any], Any], default: Any = dataclasses.MISSING) -> Any:
    """Declare a field whose column needs a conversion."""
    metadata = {_AS: convert}
    if callable(default):
        return dataclasses.field(default_factory=default, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class VersionColumns:
    """The fields that are columns of `_duckml.model_version`, under the same names.

    The defaults are those of a model that was trained elsewhere.
    """

    signature: Signature = _stored(_signature)
    estimator: str
    options: Mapping[str, Any] = _stored(as_json, dict)
    params: Mapping[str, Any] = _stored(as_json, dict)
    metrics: Mapping[str, float] = _stored(_as_type(_FIGURES), dict)
    target_mean: float = 0.0
    parity: float | None = None
    precision: str = "float32"
    training_query: str = ""
    source_tables: Sequence[str] = _stored(_as_type(_TEXTS), ())
    source_columns: Sequence[str] = _stored(_as_type(_TEXTS), ())
    data_hash: str = ""
    rows_read: int = 0
    rows_used: int = 0
    rows_validation: int = 0
    rows_test: int = 0
    iterations: Sequence[Iteration] = _stored(len, ())
    stop_reason: str
    warnings: Sequence[ModelWarning] = _stored(_warnings, ())
    library_versions: Mapping[str, str] = _stored(_as_type(_LIBRARIES))
    description: str | None = None
    tags: str | None = None
    seconds: float
    lineage: str
    search_path: str | None = None
    random_state: int | None = None
    split: str | None = None


@dataclass(frozen=True, kw_only=True)
class NewVersion(VersionColumns):
    """Everything that is stored of a version: its columns, its artifact, rows of other tables."""

    onnx: bytes
    statistics: Sequence[FeatureStatistics] = ()
    dimensions: Sequence[int] = ()
    weights: Sequence[Weight] = ()
    measured: Measured = Measured()
    background: Sequence[BackgroundRow] = ()

    @property
    def key(self) -> str:
        """Return the key of the artifact."""
        return key_of(self.onnx)

    def columns(self) -> dict[str, Any]:
        """Return the row of `_duckml.model_version`, without what its registry adds."""
        stored = {
            field.name: field.metadata.get(_AS, _unchanged)(getattr(self, field.name))
            for field in dataclasses.fields(VersionColumns)
        }
        derived = {
            "artifact_key": self.key,
            "target": self.signature.target.name,
            "size_bytes": len(self.onnx),
        }
        return stored | derived


def _unchanged(value: Any) -> Any:
    return value
