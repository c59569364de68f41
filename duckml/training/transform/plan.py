"""The plan of a TRANSFORM: its items, the training query with them, and the signature they give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from duckml.database import scratch
from duckml.errors import StatementError
from duckml.features.input_expressions import Expression, Input, Transform
from duckml.features.roles import feature_of
from duckml.features.signature import Feature, Signature
from duckml.names import fold, literal, quote
from duckml.training.transform.fitted_functions import Around, FittedFunction

_ROW = "__duckml_row"
_MADE = "__duckml_made"


@dataclass(frozen=True)
class TransformItem:
    """A column `name` that a TRANSFORM computes: an expression, and a function fitted on it."""

    name: str
    expression: Expression
    function: FittedFunction | None = None
    settings: tuple[Any, ...] = ()

    @property
    def before_fitting(self) -> Expression:
        """Return the expression that the training query computes, without the fitted function."""
        # With TRY, a value that an expression can't compute is NULL and does not end the query.
        if self.function is not None:
            return self.expression.within("TRY(CAST(", f" AS {self.function.takes}))")
        if is_column(self.expression):
            return self.expression
        return self.expression.within("TRY(", ")")


def is_column(expression: Expression) -> bool:
    """Return whether an expression is only the name of a column."""
    return expression.pieces[::2] == ("", "")


@dataclass(frozen=True)
class TransformPlan:
    """The items of a TRANSFORM in order, the columns of the training query, and the user's text."""

    items: tuple[TransformItem, ...]
    inputs: tuple[Input, ...]
    text: str

    def query(self, query: str, more_columns: Sequence[str]) -> str:
        """Return the training query with the items computed.

        `query` is SQL. `more_columns` are added where no item has their name. Every input is
        cast to the type of the parameter of the model's function.
        """
        made = {fold(item.name) for item in self.items}
        kept = [quote(name) for name in more_columns if fold(name) not in made]
        names = [f"{_MADE}.{quote(item.name)}" for item in self.items]
        inner = ", ".join([f"{self._computed_struct()} AS {_MADE}", *kept])
        return f"SELECT {', '.join([*names, *kept])} FROM (SELECT {inner} FROM ({query}\n))"

    def _computed_struct(self) -> str:
        values = {column.name: f"{_ROW}.{quote(column.name)}" for column in self.inputs}
        items = ", ".join(
            f"{literal(item.name)}: {item.before_fitting.render(values)}" for item in self.items
        )
        fields = ", ".join(
            f"{literal(column.name)}: CAST({quote(column.name)} AS {column.sql_type})"
            for column in self.inputs
        )
        # In a lambda, as in every prediction: in a SELECT list DuckDB would compute expressions
        # that two items share outside of their TRY.
        return f"system.main.list_transform([{{{fields}}}], lambda {_ROW}: {{{items}}})[1]"

    def require_plain(self, names: Sequence[str]) -> None:
        """Raise StatementError if a fitted function makes one of the columns."""
        folded = {fold(name) for name in names}
        for item in self.items:
            if item.function is not None and fold(item.name) in folded:
                raise StatementError(
                    f'"{item.name}" is made by an ML function, which is for features. A target, '
                    "or a column named in categorical, must be a plain expression."
                )

    def fitted(self, train: pa.Table) -> dict[str, Around]:
        """Return the SQL of each fitted function, by item, fitted on the training rows."""
        return {
            item.name: item.function.fit(train[item.name], item.settings)
            for item in self.items
            if item.function is not None and item.name in train.column_names
        }

    def signature(self, before: Signature, fitted: Mapping[str, Around]) -> Signature:
        """Return the signature of the model: features after fitting, and their input columns."""
        items = {item.name: item for item in self.items}
        features: list[Feature] = []
        expressions: dict[str, Expression] = {}
        for feature in before.features:
            item = items[feature.name]
            expression = item.before_fitting
            if item.function is None:
                features.append(feature)
            else:
                expression = expression.within(*fitted[feature.name])
                made = feature_of(feature.name, item.function.makes, categorical=False)
                features.append(made)
            expressions[feature.name] = expression
        read = {name for expression in expressions.values() for name in expression.names}
        target = items.get(before.target.name)
        transform = Transform(
            tuple(column for column in self.inputs if column.name in read),
            expressions,
            None if target is None else target.before_fitting,
            self.text,
        )
        return Signature(tuple(features), before.target, transform)


def apply_fitted(table: pa.Table, fitted: Mapping[str, Around]) -> pa.Table:
    """Return the table with the fitted functions applied to their columns.

    DuckDB computes them, as in every prediction.
    """
    expressions = {
        name: f"{before}{quote(name)}{after}" for name, (before, after) in fitted.items()
    }
    return scratch.compute(table, expressions)
