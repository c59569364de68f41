"""The signature of a model: the names and types of its features and its target.

A signature is inferred from the columns of the training query before any row is read, and is
stored with the model. PREDICT binds the columns of each later query to it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Literal

from duckml.features.input_expressions import Input, Transform
from duckml.names import fold, quote

Kind = Literal["number", "boolean", "date", "timestamp", "category"]
Storage = Literal["DOUBLE", "BIGINT", "VARCHAR"]

# The metadata key of an ONNX model that holds its manifest: signature, policies, tensor names.
MANIFEST = "duckml"


@dataclass(frozen=True)
class Feature:
    """One feature of a model.

    `sql_type` is the type of the parameter of the model's macro, `kind` selects the preprocessing,
    and `storage` is the type of the values that the ONNX graph reads.
    """

    name: str
    sql_type: str
    kind: Kind
    storage: Storage

    def stored_as(self, value: str) -> str:
        """Return the SQL expression that is passed to the model for `value` of type `sql_type`.

        This is `value` itself, except for categories of other types than strings and integers.
        Those are converted to strings as DuckDB writes them. Points in time are converted
        independently of the session's time zone.
        """
        if self.kind != "category" or self.sql_type in {self.storage, "VARCHAR"}:
            return value
        converted = f"epoch_us({value})" if "ZONE" in self.sql_type else value
        return f"CAST({converted} AS VARCHAR)"

    def given_as(self, stored: str) -> str:
        """Return the SQL expression that converts a stored value back to the macro's parameter."""
        if self.kind == "boolean":
            return f"CAST({stored} AS BOOLEAN)"
        if self.kind == "date":
            return f"DATE '1970-01-01' + CAST({stored} AS INTEGER)"
        if self.kind == "timestamp":
            return f"make_timestamp(CAST(round({stored} * 1e6) AS BIGINT))"
        return stored

    def __str__(self) -> str:
        return f"{self.name} {self.sql_type}"


@dataclass(frozen=True)
class Target:
    """The column that a model predicts.

    `labels` are the classes of a classifier, as DuckDB writes them, in the order of their codes.
    It is None for a number.
    """

    name: str
    sql_type: str
    labels: tuple[str, ...] | None = None

    @property
    def prediction(self) -> str:
        """Return the name of the prediction column."""
        return f"predicted_{self.name}"

    @property
    def probabilities(self) -> str:
        """Return the name of the column that holds the probabilities of the classes."""
        return f"predicted_{self.name}_probs"


@dataclass(frozen=True)
class Signature:
    """The features of a model in their order, its target, and its TRANSFORM if it has one."""

    features: tuple[Feature, ...]
    target: Target
    transform: Transform | None = None

    @property
    def inputs(self) -> tuple[Feature | Input, ...]:
        """Return the columns that PREDICT reads: the features, or the inputs of TRANSFORM."""
        return self.features if self.transform is None else self.transform.inputs

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the features in their order."""
        return tuple(feature.name for feature in self.features)

    @property
    def interface(self) -> tuple[Any, ...]:
        """Return the facts that a query over the model depends on.

        These are the names and types of the inputs and of the prediction.
        """
        columns = tuple((fold(column.name), column.sql_type) for column in self.inputs)
        return columns, fold(self.target.name), self.target.sql_type, self.target.labels is None

    @property
    def input_names(self) -> tuple[str, ...]:
        """Return the names of the columns that PREDICT reads."""
        return tuple(column.name for column in self.inputs)

    @property
    def parameter_list(self) -> str:
        """Return the typed parameters of the model's macro as SQL."""
        return ", ".join(f"{quote(column.name)} {column.sql_type}" for column in self.inputs)

    def find(self, name: str) -> Feature | Input | None:
        """Return the input of this name, compared as DuckDB compares identifiers, or None."""
        folded = fold(name)
        return next((column for column in self.inputs if fold(column.name) == folded), None)

    def without(self, names: Collection[str]) -> Signature:
        """Return the same signature without some features."""
        return replace(self, features=tuple(f for f in self.features if f.name not in names))

    def to_json(self) -> dict[str, Any]:
        """Return a JSON value from which `from_json` restores the signature."""
        value: dict[str, Any] = {
            "features": [
                {"name": f.name, "sql_type": f.sql_type, "kind": f.kind, "storage": f.storage}
                for f in self.features
            ],
            "target": {"name": self.target.name, "sql_type": self.target.sql_type},
        }
        if self.target.labels is not None:
            value["target"]["labels"] = list(self.target.labels)
        if self.transform is not None:
            value["transform"] = self.transform.to_json()
        return value

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Signature:
        """Return the signature that `to_json` wrote."""
        target = value["target"]
        labels = target.get("labels")
        transform = value.get("transform")
        return cls(
            tuple(Feature(**feature) for feature in value["features"]),
            Target(target["name"], target["sql_type"], None if labels is None else tuple(labels)),
            None if transform is None else Transform.from_json(transform),
        )

    def __str__(self) -> str:
        columns = ", ".join(str(column) for column in self.inputs)
        return f"({columns}) → {self.target.name}"
