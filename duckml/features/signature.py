"""What a model takes and gives: its features and target, by name and type.

A signature is read from the columns of a training query before any row moves, stored with the model, and is what every
later relation is bound against. This room also decides how a column of each DuckDB type reaches a model: as a DOUBLE
(numbers, BOOLEAN, dates and timestamps), as a BIGINT or as a VARCHAR (categories).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from duckml.errors import OptionError, TrainingDataError
from duckml.names import fold, quote

Kind = Literal["number", "boolean", "date", "timestamp", "category"]
Storage = Literal["DOUBLE", "BIGINT", "VARCHAR"]

# The key of the metadata of an ONNX model under which its manifest lies: signature, policies, names of tensors.
MANIFEST = "duckml"
# What a NULL is among the int64 inputs of a model; among strings it is '', among doubles NaN.
INTEGER_NULL = -(2**63)

_SMALL_INTEGERS = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
)
INTEGERS = _SMALL_INTEGERS | {"UBIGINT", "HUGEINT", "UHUGEINT"}
_NUMBERS = INTEGERS | {"FLOAT", "DOUBLE", "DECIMAL", '"NULL"', "NULL"}
_TEXTS = frozenset({"VARCHAR", "ENUM", "UUID"})
_TIMESTAMPS = frozenset(
    {"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"}
)
_REFUSED = {
    "TIME": "Use extract(hour FROM …) or epoch(…).",
    "INTERVAL": "Use epoch(…) to get seconds.",
    "BLOB": "Binary data can't be learned from here.",
    "STRUCT": "Select its fields as columns.",
    "MAP": "Select its values as columns.",
    "LIST": "Select its elements as columns.",
    "JSON": "Select its values as columns: j->>'name'.",
}


def type_family(sql_type: str) -> str:
    """The type without its parameters: DECIMAL(18,3) is DECIMAL, INTEGER[] and INTEGER[3] are LIST."""
    if sql_type.endswith("]"):
        return "LIST"
    return re.split(r"\(", sql_type, maxsplit=1)[0].strip().upper()


@dataclass(frozen=True)
class Feature:
    """One input of a model.

    `sql_type` is the type of the parameter of the model's function, `kind` what the preprocessing makes of it and
    `storage` the type in which its values reach the model.
    """

    name: str
    sql_type: str
    kind: Kind
    storage: Storage

    def stored_as(self, value: str) -> str:
        """The SQL expression that the model is given for `value`, which is of type `sql_type`.

        The value itself, except for categories made of other types than texts and whole numbers: these are read as
        DuckDB writes them, and points in time independently of the session's time zone.
        """
        if self.kind != "category" or self.sql_type in {self.storage, "VARCHAR"}:
            return value
        return f"CAST({f'epoch_us({value})' if 'ZONE' in self.sql_type else value} AS VARCHAR)"

    def given_as(self, stored: str) -> str:
        """The SQL expression that makes of a value, as the model reads it, one that the model is given."""
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

    `labels` are the classes that a classifier tells apart, as DuckDB writes them, in the order of their codes; None
    for a number.
    """

    name: str
    sql_type: str
    labels: tuple[str, ...] | None = None

    @property
    def prediction(self) -> str:
        """The name of the column that holds its prediction."""
        return f"predicted_{self.name}"

    @property
    def probabilities(self) -> str:
        """The name of the column that holds the probabilities of the classes."""
        return f"predicted_{self.name}_probs"


@dataclass(frozen=True)
class Input:
    """A column that a TRANSFORM reads: its name and the type of the parameter of the model's function."""

    name: str
    sql_type: str

    def __str__(self) -> str:
        return f"{self.name} {self.sql_type}"


@dataclass(frozen=True)
class Expression:
    """SQL over the inputs of a TRANSFORM, cut where it names one: texts, and the names between them.

    `pieces` are texts at even positions and names of inputs at odd ones.
    """

    pieces: tuple[str, ...]

    def render(self, values: Mapping[str, str]) -> str:
        """The SQL with every input replaced by its value."""
        return "".join(
            values[piece] if position % 2 else piece for position, piece in enumerate(self.pieces)
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The inputs that it reads, as often as it reads them."""
        return self.pieces[1::2]

    def within(self, before: str, behind: str) -> Expression:
        """The expression between two texts."""
        if len(self.pieces) == 1:
            return Expression((before + self.pieces[0] + behind,))
        return Expression((before + self.pieces[0], *self.pieces[1:-1], self.pieces[-1] + behind))


@dataclass(frozen=True)
class Transform:
    """What TRANSFORM computes before every prediction.

    `inputs` are the columns that PREDICT takes, `features` the expression of each feature, `target` that of the target
    (None where it is a plain column that EVALUATE finds under its name), `text` what the user wrote.
    """

    inputs: tuple[Input, ...]
    features: Mapping[str, Expression]
    target: Expression | None
    text: str


@dataclass(frozen=True)
class Signature:
    """The features of a model in their order, its target, and how the features come about."""

    features: tuple[Feature, ...]
    target: Target
    transform: Transform | None = None

    @property
    def inputs(self) -> tuple[Feature | Input, ...]:
        """The columns that PREDICT takes, in their order: the features, or what TRANSFORM makes them of."""
        return self.features if self.transform is None else self.transform.inputs

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the features in their order."""
        return tuple(feature.name for feature in self.features)

    @property
    def interface(self) -> tuple[Any, ...]:
        """What a query over the model relies on: names and types of the inputs and of the answer."""
        columns = tuple((fold(column.name), column.sql_type) for column in self.inputs)
        return columns, fold(self.target.name), self.target.sql_type, self.target.labels is None

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the columns that PREDICT takes."""
        return tuple(column.name for column in self.inputs)

    def find(self, name: str) -> Feature | Input | None:
        """The input that DuckDB would understand by `name`."""
        folded = fold(name)
        return next((column for column in self.inputs if fold(column.name) == folded), None)

    def without(self, names: Collection[str]) -> Signature:
        """The same signature less some features."""
        return replace(self, features=tuple(f for f in self.features if f.name not in names))

    def to_json(self) -> dict[str, Any]:
        """A JSON value from which `from_json` makes the same signature."""
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
            target = self.transform.target
            value["transform"] = {
                "text": self.transform.text,
                "inputs": [
                    {"name": column.name, "sql_type": column.sql_type}
                    for column in self.transform.inputs
                ],
                "features": {name: list(e.pieces) for name, e in self.transform.features.items()},
                "target": None if target is None else list(target.pieces),
            }
        return value

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Signature:
        """The signature that `to_json` wrote."""
        target = value["target"]
        labels = target.get("labels")
        transform = value.get("transform")
        return cls(
            tuple(Feature(**feature) for feature in value["features"]),
            Target(target["name"], target["sql_type"], None if labels is None else tuple(labels)),
            None if transform is None else _transform_from_json(transform),
        )

    def __str__(self) -> str:
        return "(" + ", ".join(str(column) for column in self.inputs) + f") → {self.target.name}"


def _transform_from_json(value: dict[str, Any]) -> Transform:
    target = value["target"]
    return Transform(
        tuple(Input(**column) for column in value["inputs"]),
        {name: Expression(tuple(pieces)) for name, pieces in value["features"].items()},
        None if target is None else Expression(tuple(target)),
        value["text"],
    )


@dataclass(frozen=True)
class Roles:
    """Which columns of a training query are not plain features: resolved names, as the query spells them.

    `before` is a column of our own: what the version that is the default today predicts.
    """

    target: str
    categorical: frozenset[str] = frozenset()
    weight: str | None = None
    split: str | None = None
    before: str | None = None

    @property
    def not_features(self) -> frozenset[str]:
        """The columns that never enter the model."""
        named = (self.target, self.weight, self.split, self.before)
        return frozenset(name for name in named if name is not None)


def resolve_column(option: str, name: str, columns: Sequence[str]) -> str:
    """The column of the query that an option names, as the query spells it.

    Raises OptionError when there is none.
    """
    for column in columns:
        if fold(column) == fold(name):
            return column
    raise OptionError.no_column(option, name, columns)


def is_number(sql_type: str) -> bool:
    """Whether a column of this type can be a regression target."""
    return type_family(sql_type) in _NUMBERS


def feature_of(name: str, sql_type: str, categorical: bool) -> Feature:
    """How a column of this name and type enters a model.

    Raises TrainingDataError for a type that can't be a feature.
    """
    family = type_family(sql_type)
    if family in _TEXTS:
        return Feature(name, "VARCHAR" if family != "UUID" else "UUID", "category", "VARCHAR")
    if categorical and family in _SMALL_INTEGERS:
        return Feature(name, "BIGINT", "category", "BIGINT")
    if categorical and (
        family in _NUMBERS or family in _TIMESTAMPS or family in {"BOOLEAN", "DATE"}
    ):
        return Feature(name, sql_type, "category", "VARCHAR")
    if family in _NUMBERS:
        return Feature(name, "DOUBLE", "number", "DOUBLE")
    if family == "BOOLEAN":
        return Feature(name, "BOOLEAN", "boolean", "DOUBLE")
    if family == "DATE":
        return Feature(name, "DATE", "date", "DOUBLE")
    if family in _TIMESTAMPS:
        return Feature(name, sql_type, "timestamp", "DOUBLE")
    hint = _REFUSED.get(family, "Cast it to a number, text or date.")
    raise TrainingDataError.column_type(
        name, sql_type, f"Leave it out of the query, or convert it. {hint}"
    )


def infer(names: Sequence[str], types: Sequence[str], roles: Roles) -> Signature:
    """The signature of a model trained on columns of these names and types.

    Raises TrainingDataError for a column that can't be a feature, and when no feature is left.
    """
    sql_types = dict(zip(names, types, strict=True))
    features = tuple(
        feature_of(name, sql_types[name], name in roles.categorical)
        for name in names
        if name not in roles.not_features
    )
    if not features:
        raise TrainingDataError.no_features(roles.target, ["The query returns the target alone."])
    return Signature(features, Target(roles.target, sql_types[roles.target]))


def is_class(sql_type: str) -> bool:
    """Whether a target of this type is a class unless an estimator says otherwise."""
    return type_family(sql_type) in _TEXTS | {"BOOLEAN"}


def parameters(signature: Signature) -> str:
    """The typed parameter list of the model's function."""
    return ", ".join(f"{quote(column.name)} {column.sql_type}" for column in signature.inputs)
