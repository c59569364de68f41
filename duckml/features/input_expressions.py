"""SQL expressions of TRANSFORM, which compute a model's features from its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Input:
    """A column that a TRANSFORM reads: its name and the type of the macro's parameter."""

    name: str
    sql_type: str

    def __str__(self) -> str:
        return f"{self.name} {self.sql_type}"


@dataclass(frozen=True)
class Expression:
    """A SQL expression over the inputs of a TRANSFORM, split at the names of the inputs.

    `pieces` holds SQL text at even positions and names of inputs at odd ones.
    """

    pieces: tuple[str, ...]

    def render(self, values: Mapping[str, str]) -> str:
        """Return the SQL with each input replaced by its value."""
        return "".join(
            values[piece] if position % 2 else piece for position, piece in enumerate(self.pieces)
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Return the inputs that the expression reads, one entry per occurrence."""
        return self.pieces[1::2]

    def within(self, before: str, after: str) -> Expression:
        """Return the expression with SQL text added before and after it."""
        if len(self.pieces) == 1:
            return Expression((before + self.pieces[0] + after,))
        return Expression((before + self.pieces[0], *self.pieces[1:-1], self.pieces[-1] + after))


@dataclass(frozen=True)
class Transform:
    """The expressions that a TRANSFORM clause computes before each prediction.

    `inputs` are the columns that PREDICT reads and `features` holds the expression of each
    feature. `target` is the expression of the target, or None if it is a plain column that
    EVALUATE finds by its name. `text` is the clause as the user wrote it.
    """

    inputs: tuple[Input, ...]
    features: Mapping[str, Expression]
    target: Expression | None
    text: str

    def to_json(self) -> dict[str, Any]:
        """Return a JSON value from which `from_json` restores the transform."""
        return {
            "text": self.text,
            "inputs": [{"name": i.name, "sql_type": i.sql_type} for i in self.inputs],
            "features": {name: list(e.pieces) for name, e in self.features.items()},
            "target": None if self.target is None else list(self.target.pieces),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Transform:
        """Return the transform that `to_json` wrote."""
        target = value["target"]
        features = value["features"].items()
        return cls(
            tuple(Input(**column) for column in value["inputs"]),
            {name: Expression(tuple(pieces)) for name, pieces in features},
            None if target is None else Expression(tuple(target)),
            value["text"],
        )
